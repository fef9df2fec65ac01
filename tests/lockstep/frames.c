/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "lockstep.h"

struct captured {
	uint32_t len;
	uint8_t frame[];
};

struct frames {
	uint64_t enumerated;
	struct captured **captured;
	size_t count, room;
};

static int keep(struct frames *f, const uint8_t *frame, uint32_t len)
{
	struct captured *c;

	if (f->count == f->room) {
		const size_t room = f->room ? 2 * f->room : 1024;
		struct captured **more = realloc(f->captured, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		f->captured = more;
		f->room = room;
	}
	if (len > MPNIC_REPLAY_MAX)
		len = MPNIC_REPLAY_MAX;
	c = malloc(sizeof(*c) + len);
	if (!c)
		return -ENOMEM;
	c->len = len;
	memcpy(c->frame, frame, len);
	f->captured[f->count++] = c;
	return 0;
}

static int load(struct frames *f, const char *file)
{
	char message[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *head;
	const uint8_t *bytes;
	pcap_t *pcap;
	int err = 0;

	pcap = pcap_open_offline(file, message);
	if (!pcap) {
		fprintf(stderr, "lockstep: %s\n", message);
		return -EIO;
	}
	if (pcap_datalink(pcap) != DLT_EN10MB) {
		fprintf(stderr, "lockstep: %s: not Ethernet, left out\n", file);
		pcap_close(pcap);
		return 0;
	}
	while (!err && (err = pcap_next_ex(pcap, &head, &bytes)) == 1)
		err = head->caplen ? keep(f, bytes, head->caplen) : 0;
	if (err == PCAP_ERROR)
		fprintf(stderr, "lockstep: %s: %s\n", file, pcap_geterr(pcap));
	pcap_close(pcap);
	return err == PCAP_ERROR_BREAK ? 0 : -EIO;
}

int frames_open(bool enumerations, char *const *files, int count, struct frames **frames)
{
	struct frames *f = calloc(1, sizeof(*f));
	int i, err = 0;

	if (!f)
		return -ENOMEM;
	f->enumerated = enumerations ? gen_enum_count() : 0;
	for (i = 0; i < count && !err; i++)
		err = load(f, files[i]);
	if (err)
		frames_close(f);
	else
		*frames = f;
	return err;
}

void frames_close(struct frames *f)
{
	while (f->count)
		free(f->captured[--f->count]);
	free(f->captured);
	free(f);
}

uint64_t frames_fixed(const struct frames *f)
{
	return f->enumerated + f->count;
}

void frames_get(const struct frames *f, uint64_t seed, uint64_t index, struct gen_packet *packet)
{
	const struct captured *c;

	if (index < f->enumerated) {
		gen_enum(index, packet);
		return;
	}
	index -= f->enumerated;
	if (index >= f->count) {
		gen_random(seed * UINT64_C(0xd1342543de82ef95) + index - f->count, packet);
		return;
	}
	c = f->captured[index];
	packet->class = CLASS_CAPTURE;
	packet->len = c->len;
	packet->user = (uint8_t)(index * 7);
	memcpy(packet->frame, c->frame, c->len);
}
