/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SIM_TRACE_TWIN_H
#define SIM_TRACE_TWIN_H

/*
 * trace_twin() - go on as the program that writes waveforms, which lies beside this one and is
 * called as it is with -trace behind. @program: the whole command line. Returns only where that
 * cannot be: an exit code, after a message.
 */
int trace_twin(char **program);

#endif
