/* SPDX-License-Identifier: BSD-3-Clause */
/* `mpnic-sim replay`: captures through the pipeline, and what it says of them. */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

/* Exit codes of mpnic-sim. */
enum {
	EXIT_OK = 0,
	EXIT_BROKEN = 1, /* an input that could not be read, or not wholly; a system error */
	EXIT_USAGE = 2,
	EXIT_DIFFERENCE = 3, /* RTL and model differ */
};

/* argv[0] is the subcommand, program[0] .. the whole command line. Returns the exit code. */
int replay_main(int argc, char **argv, char **program);

#endif
