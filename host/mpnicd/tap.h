/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's side of a port: a TAP interface, which the kernel takes for a network card. Of
 * offloads, checksums are agreed on: the kernel leaves those of TCP and UDP to the NIC, and is told
 * which ones the NIC found right. Segmentation is the kernel's: the NIC has none.
 */
#ifndef MPNICD_TAP_H
#define MPNICD_TAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct tap {
	int fd; /* does not block */
	char name[IFNAMSIZ];
};

/* What goes with a frame: which checksum is left to the other side. */
struct tap_csum {
	bool needed;	 /* from the kernel: TCP or UDP checksum is to be filled in */
	bool valid;	 /* to the kernel: IP, TCP and UDP checksums are right */
	uint16_t start;	 /* needed: offset of the TCP or UDP header */
	uint16_t offset; /* needed: offset of the checksum in it */
};

/*
 * Make the interface, or attach to one that was made for this user; set its address and MTU, bring
 * it up. 0, or a negative errno with a message of what to do in @error.
 */
int tap_open(struct tap *tap, const char *name, const uint8_t mac[6], unsigned int mtu, char *error,
	     size_t size);
void tap_close(struct tap *tap);

/* A frame from the kernel. Returns its length, 0 if there is none, or a negative errno: the
 * interface is gone, or the frame had more than @size bytes (-EMSGSIZE: it is lost). */
ssize_t tap_recv(const struct tap *tap, void *buf, size_t size, struct tap_csum *csum);

#define TAP_PIECES 32
/* A frame to the kernel, in at most TAP_PIECES pieces. 0; -EAGAIN: no room; -ENETDOWN. */
int tap_send(const struct tap *tap, const struct iovec *piece, unsigned int pieces,
	     const struct tap_csum *csum);

#endif
