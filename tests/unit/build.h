/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for tests, right in every length and checksum; a test then breaks what it is about. */
#ifndef BUILD_H
#define BUILD_H

#include <stddef.h>
#include <stdint.h>

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
	URG = 0x20,
};

/* What a frame is made of; zero means: none, or the usual. */
struct spec {
	unsigned int tags; /* VLAN tags */
	uint16_t tpid[4];  /* 0: 0x8100 */
	uint16_t tci[4];
	unsigned int ip;	 /* 4 or 6 */
	unsigned int ip_opt_len; /* IPv4 options, NOPs */
	uint8_t first;		 /* IPv6: next header of the IP header where ext_len is not 0 */
	const uint8_t *ext; /* IPv6 extension headers, the last one's next header set by build() */
	size_t ext_len;
	size_t ext_last; /* where in ext that last one starts */
	uint8_t proto;
	uint8_t tcp_flags;
	const uint8_t *opts;
	size_t opt_len; /* multiple of 4 */
	size_t payload_len;
	unsigned int padding; /* bytes behind the IP packet */
};

struct frame {
	uint8_t bytes[70000];
	size_t len;
	size_t l3, l4, payload;
	unsigned int l4_len; /* by the IP length */
};

void build(const struct spec *spec, struct frame *frame);

/* Renew the checksums after a change of headers or payload. */
void fix_ip_csum(struct frame *frame);
void fix_l4_csum(struct frame *frame, uint8_t proto);
/* The pseudo header's sum, folded, not inverted. */
uint16_t pseudo(const struct frame *frame, uint8_t proto);

void put16(uint8_t *p, unsigned int v);
void put32(uint8_t *p, uint32_t v);
uint16_t get16(const uint8_t *p);

/* Random numbers from a seed (xorshift64*), the same everywhere. */
uint64_t rnd(uint64_t *state);

#endif
