/* SPDX-License-Identifier: BSD-3-Clause */
/* A wire of the peers: tap:NAME, or unix:LOCAL,REMOTE (datagrams, a frame each). */
#ifndef PEERS_PORT_H
#define PEERS_PORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

struct port {
	int fd;
	struct sockaddr_un local, remote; /* of a Unix wire */
};

/* 0 or a negative errno, said on stderr. */
int port_open(struct port *p, const char *spec);
/* Bytes, or 0 where there is nothing. */
size_t port_recv(struct port *p, uint8_t *frame, size_t size);
/* What cannot be sent within 20 ms is lost. */
void port_send(struct port *p, const uint8_t *frame, size_t len);
void port_close(struct port *p);
/* Microseconds of a clock that does not jump. */
uint64_t port_now(void);

#endif
