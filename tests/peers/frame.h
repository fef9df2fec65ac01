/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet, IP and TCP as the test peers need them: taken apart, put together, summed. Written for
 * the peers alone: nothing here comes from, or goes to, the code that the peers are to test.
 * Numbers are in host byte order, keys and addresses as on the wire.
 */
#ifndef PEERS_FRAME_H
#define PEERS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 2048 /* bytes that a frame of the peers has at most */
#define MAC_LEN	  6
#define FIN	  0x01
#define SYN	  0x02
#define RST	  0x04
#define PSH	  0x08
#define ACK	  0x10

/* len is 4 or 16, or 0 for none. */
struct ipaddr {
	uint8_t len;
	uint8_t b[16];
};

bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b);
/* From its text; false where it is none. */
bool ipaddr_parse(const char *text, struct ipaddr *a);
/* Into 46 bytes or more. */
const char *ipaddr_text(const struct ipaddr *a, char *text, size_t size);

/* Ones' complement sum over parts of any length; a zeroed one is empty. */
struct sum {
	uint64_t total;
	bool odd;
};

void sum_add(struct sum *s, const void *data, size_t len);
void sum_add16(struct sum *s, uint16_t value);
void sum_add32(struct sum *s, uint32_t value);
void sum_add64(struct sum *s, uint64_t value);
/* The checksum: folded and inverted; 0 over data with its right checksum in it. */
uint16_t sum_end(const struct sum *s);

uint16_t get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);
uint64_t get64(const uint8_t *p);
void put16(uint8_t *p, uint16_t v);
void put32(uint8_t *p, uint32_t v);
void put64(uint8_t *p, uint64_t v);

/* A packet after Ethernet and IP; pointers are into the frame. */
struct ip_packet {
	const uint8_t *src_mac, *dst_mac;
	struct ipaddr src, dst;
	uint8_t proto;
	const uint8_t *data;
	size_t len;
};

struct segment {
	struct ip_packet ip;
	uint16_t sport, dport, window;
	uint32_t seq, ack;
	uint8_t flags;
	const uint8_t *options, *data;
	size_t options_len, len;
};

/* 0, or -EBADMSG, or -ENOTSUP for what is neither IPv4 nor IPv6, or a fragment. */
int ip_parse(const uint8_t *frame, size_t size, struct ip_packet *ip);
/* 0, or -EBADMSG (also for a wrong checksum), or -ENOTSUP for what is no TCP. */
int segment_parse(const uint8_t *frame, size_t size, struct segment *s);
/* Ethernet and IP header for len bytes that follow; where they begin. */
size_t ip_build(uint8_t *frame, const struct ip_packet *ip, size_t len);
/* The frame with all checksums; its length. Macs, addresses, ports, options and data are s's. */
size_t segment_build(uint8_t *frame, const struct segment *s);
/* The checksum of an IP payload with pseudo header. */
uint16_t ip_payload_sum(const struct ip_packet *ip, const uint8_t *data, size_t len);

#endif
