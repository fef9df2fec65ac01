/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostile frames: what a checker of the pipeline feeds it. Two sources, both pure functions of a
 * number: enumerations, which leave nothing out, and random frames.
 */
#ifndef GEN_H
#define GEN_H

#include <stdint.h>

#include "mpnic_regs.h"

/* What a frame is meant to try; reports count by it. */
enum gen_class {
	GEN_OPTION_WALK,    /* every option length at every offset of every header length */
	GEN_OPTION_KIND,    /* every option kind */
	GEN_SUBTYPE_LENGTH, /* every MPTCP subtype with every length, segment kind and version */
	GEN_TCP_FLAGS,	    /* every combination of TCP flags */
	GEN_DSS,	    /* every DSS flag byte with every length */
	GEN_CAPABLE,	    /* every MP_CAPABLE flag byte with every form */
	GEN_SEVERAL,	    /* several MPTCP options on a segment */
	GEN_OPTIONS,	    /* random option bytes, from plausible to noise */
	GEN_ETHERTYPE,	    /* every EtherType and 802.3 length */
	GEN_VLAN,	    /* VLAN stacks, also cut off */
	GEN_TRUNCATION,	    /* every byte of many header stacks as the last one */
	GEN_IPV4,	    /* IPv4 lengths, options, versions, protocols */
	GEN_IPV6,	    /* IPv6 lengths, versions, protocols */
	GEN_CHAIN,	    /* IPv6 extension header chains */
	GEN_FRAGMENT,	    /* fragments */
	GEN_UDP,	    /* UDP lengths and checksums */
	GEN_PAYLOAD,	    /* every payload length and every kind of checksum */
	GEN_PADDING,	    /* bytes behind the IP packet */
	GEN_SIZE,	    /* every frame size, to the largest */
	GEN_RUNT,	    /* shorter than an Ethernet header, or hardly longer */
	GEN_PLAIN,	    /* right packets as real stacks send them */
	GEN_FLIPS,	    /* right packets with a few bits turned over */
	GEN_NOISE,	    /* noise with a plausible start */
	GEN_CLASSES
};

struct gen_packet {
	enum gen_class class;
	uint32_t len;
	uint8_t user;
	uint8_t frame[MPNIC_REPLAY_MAX];
};

/* Frames of all enumerations, and the one with that index. */
uint64_t gen_enum_count(void);
void gen_enum(uint64_t index, struct gen_packet *packet);

/* A random frame: any class, chosen by the seed. */
void gen_random(uint64_t seed, struct gen_packet *packet);

const char *gen_class_name(enum gen_class class);

#endif
