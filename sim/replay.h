/* SPDX-License-Identifier: BSD-3-Clause */
/* `mpnic-sim replay`: captures through the pipeline, and what it says of them. */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

/* argv[0] is the subcommand, program[0] .. the whole command line. Returns an exit code
 * (exit_code.h). */
int replay_main(int argc, char **argv, char **program);

#endif
