/* SPDX-License-Identifier: BSD-3-Clause */
/* Writer of pcapng files with a comment on each packet, which libpcap cannot write. */
#ifndef SIM_PCAPNG_H
#define SIM_PCAPNG_H

#include <stdint.h>

struct pcapng;

/* Returns 0, -ENOMEM, or the error of opening or writing the file. */
int pcapng_open(const char *path, struct pcapng **pcapng);

/* Describe an interface, with times in nanoseconds. Returns its number, from 0, or an error. */
int pcapng_interface(struct pcapng *pcapng, uint16_t link_type, uint32_t snaplen, const char *name);

/* One packet of an interface; the comment is cut at 65535 bytes, and left out where it is empty. */
int pcapng_packet(struct pcapng *pcapng, unsigned int iface, uint64_t time_ns, const uint8_t *data,
		  uint32_t len, uint32_t orig_len, const char *comment);

/* Returns 0 if all that was written is in the file, else the error. */
int pcapng_close(struct pcapng *pcapng);

#endif
