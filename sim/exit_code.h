/* SPDX-License-Identifier: BSD-3-Clause */
/* Exit codes of mpnic-sim. */
#ifndef SIM_EXIT_CODE_H
#define SIM_EXIT_CODE_H

enum {
	EXIT_OK = 0,
	EXIT_BROKEN = 1, /* an input that could not be read, or not wholly; a system error */
	EXIT_USAGE = 2,
	EXIT_DIFFERENCE = 3, /* RTL and model differ */
};

#endif
