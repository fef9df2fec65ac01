/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reader of capture files: pcap and pcapng, both byte orders, micro- and nanoseconds.
 *
 * Why not libpcap: 1.10.3 refuses a pcapng file whose interfaces differ in link type or snap
 * length, does not say which interface a packet came from, and does not say where a file is broken.
 * All three are needed here. This reader is small and strict: every length is checked against a
 * fixed bound before it is used, and memory does not grow with the file.
 */
#ifndef SIM_CAPTURE_H
#define SIM_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CAPTURE_LINK_ETHERNET 1
#define CAPTURE_FRAME_MAX     (256 * 1024)	 /* bytes of one packet; libpcap's own limit */
#define CAPTURE_BLOCK_MAX     (16 * 1024 * 1024) /* bytes of one pcapng block */
#define CAPTURE_IFACE_MAX     1024		 /* interfaces of one file, all sections together */

struct capture;

struct capture_iface {
	unsigned int index;   /* in the file, from 0, all sections together */
	unsigned int section; /* from 0 */
	unsigned int id;      /* in its section, from 0 */
	uint16_t link_type;   /* LINKTYPE_ value of the file */
	uint32_t snaplen;     /* 0: no limit */
	char name[64];	      /* empty where the file gives none; printable */
	uint8_t tsresol;      /* if_tsresol of pcapng */
	int64_t tsoffset;     /* if_tsoffset of pcapng, seconds */
};

struct capture_frame {
	const uint8_t *data; /* valid until the next call */
	uint32_t len;	     /* bytes that are in the file */
	uint32_t orig_len;   /* bytes that were on the wire */
	bool len_lie;	     /* the file said that fewer were on the wire than it holds */
	uint64_t time_ns;    /* since 1970; 0 where the file gives none */
	uint64_t number;     /* in the file, from 1, as Wireshark counts */
	uint64_t offset;     /* of its record in the file */
	const struct capture_iface *iface;
};

/*
 * Take over an open file (stdin too: nothing is sought); it is not closed. Returns 0, -ENOMEM,
 * -EIO, or -EBADMSG if the file is no capture; unless it is -ENOMEM, *capture is there to tell more
 * and must be closed.
 */
int capture_open(FILE *file, struct capture **capture);

/*
 * Next frame. Returns 1 with *frame, 0 at the end of the file, -EBADMSG where the file is broken,
 * -EIO where it cannot be read. After an error there is no way on.
 */
int capture_next(struct capture *capture, struct capture_frame *frame);

/* After an error: what is wrong, and where in the file. */
const char *capture_error(const struct capture *capture, uint64_t *offset);

/* "pcap, microseconds" or the like, and how many bytes were read. */
const char *capture_format(const struct capture *capture);
uint64_t capture_position(const struct capture *capture);

void capture_close(struct capture *capture);

/* Name of a link type as the registry of tcpdump.org has it; "?" where not known here. */
const char *capture_link_name(unsigned int link_type);

#endif
