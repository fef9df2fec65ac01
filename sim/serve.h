/* SPDX-License-Identifier: BSD-3-Clause */
/* `mpnic-sim serve`: a simulated card behind a vfio-user socket. */
#ifndef SIM_SERVE_H
#define SIM_SERVE_H

/* As replay_main(). */
int serve_main(int argc, char **argv, char **program);

#endif
