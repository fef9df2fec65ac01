/* SPDX-License-Identifier: BSD-3-Clause */
/* The stack on real wires: options of the command line that v0peer and v0client share, the loop. */
#ifndef PEERS_HOST_H
#define PEERS_HOST_H

#include <getopt.h>

#include "port.h"
#include "stack.h"

#define HOST_PORTS 4

struct host {
	struct stack_config cfg;
	struct port port[HOST_PORTS];
	unsigned ports;
	struct stack *st;
};

/* Long options of the host, to be followed by own ones; their values are below 256. */
#define HOST_OPTIONS                                                                              \
	{"wire", required_argument, NULL, 'w'}, {"addr", required_argument, NULL, 'a'},           \
		{"mac", required_argument, NULL, 'm'}, {"mode", required_argument, NULL, 'M'},    \
		{"checksum", no_argument, NULL, 'c'}, {"long-dsn", no_argument, NULL, 'l'},       \
		{"rto-min", required_argument, NULL, 'r'}, {"mtu", required_argument, NULL, 't'}, \
		{"idle", required_argument, NULL, 'i'}, {"fault", required_argument, NULL, 'f'},  \
	{                                                                                         \
		"advertise", required_argument, NULL, 'A'                                         \
	}
#define HOST_USAGE                                                                               \
	"  --wire tap:NAME|unix:LOCAL,REMOTE   a wire; up to 4\n"                                \
	"  --addr ADDRESS                      IPv4 or IPv6, on all wires; up to 8\n"            \
	"  --mac XX:XX:XX:XX:XX:XX             default: a random one\n"                          \
	"  --mode strict|answer-v0|tcp         what a SYN of version 1 is answered with\n"       \
	"  --checksum                          require DSS checksums\n"                          \
	"  --long-dsn                          8 octets for DSN and Data ACK\n"                  \
	"  --advertise ADDRESS[,PORT]          told with ADD_ADDR; also an address of its own\n" \
	"  --rto-min MS (200), --mtu N (1500), --idle SECONDS (120)\n"                           \
	"  --fault hmac|idsn|csum|token|no-dss  a deliberate error\n"

/* Defaults. */
void host_init(struct host *h);
/* An option: false where it is none of the host's; exits where its value is wrong. */
bool host_option(struct host *h, int option, const char *value);
/* Makes the stack: 0 or a negative errno. The reports' context is h. */
int host_start(struct host *h, void (*report)(void *, enum stack_event, struct conn *));
/* Until a signal comes, or *over, and then so many microseconds more, to answer what comes late. */
void host_run(struct host *h, const bool *over, uint64_t linger);
void host_stop(struct host *h);

#endif
