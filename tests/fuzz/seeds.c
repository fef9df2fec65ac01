/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seeds DIR [CAPTURE...]: seeds for the fuzzer of the model. From captures, one frame of each form
 * and its option bytes alone; from the builder of the unit tests, what captures seldom hold.
 * seeds --state DIR CAPTURE...: seeds for the fuzzer of its stateful half, the first frames of each
 * capture in a row, with a flow, a token and a peer put into the tables.
 */
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "build.h"
#include "mpnic_model.h"

static const char *folder;
static unsigned int written;

static bool put_seed(uint8_t what, uint8_t how, uint8_t user, const uint8_t *data, size_t len)
{
	const uint8_t head[3] = {what, how, user};
	char path[1024];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "%s/%05u", folder, written++);
	file = fopen(path, "wb");
	if (!file) {
		perror(path);
		return false;
	}
	ok = fwrite(head, 1, 3, file) == 3 && fwrite(data, 1, len, file) == len;
	return fclose(file) == 0 && ok;
}

static bool put_frame(const uint8_t *frame, size_t len)
{
	struct mpnic_hdr hdr;

	mpnic_headers(frame, len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr);
	if (hdr.opt_len &&
	    !put_seed(1, hdr.tcp_flags, (uint8_t)(hdr.payload_len ? 6 : 2), hdr.opts, hdr.opt_len))
		return false;
	return put_seed(0, 0, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), frame, len < 300 ? len : 300);
}

/* What makes a frame's form new: verdict, segment, and the MPTCP options' subtypes and lengths. */
static uint64_t form_of(const uint8_t *frame, size_t len)
{
	uint64_t form = 14695981039346656037u;
	struct mpnic_hdr hdr;
	unsigned int i;

	mpnic_headers(frame, len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr);
	form = (form ^ hdr.parse) * 1099511628211u;
	form = (form ^ hdr.tcp_flags) * 1099511628211u;
	form = (form ^ hdr.ip_version) * 1099511628211u;
	form = (form ^ hdr.vlan_count) * 1099511628211u;
	for (i = 0; i < hdr.mptcp_count; i++)
		form = (form ^ hdr.opt[i].subtype << 8 ^ hdr.opt[i].length) * 1099511628211u;
	return form;
}

static bool put_capture(const char *path)
{
	static uint64_t seen[1024];
	static unsigned int count;
	char err[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	const u_char *data;
	pcap_t *pcap = pcap_open_offline(path, err);
	bool ok = true;

	if (!pcap) {
		fprintf(stderr, "seeds: %s\n", err);
		return false;
	}
	while (ok && count < 1024 && pcap_next_ex(pcap, &hdr, &data) == 1) {
		const uint64_t form = form_of(data, hdr->caplen);
		unsigned int i;

		for (i = 0; i < count && seen[i] != form; i++)
			;
		if (i < count)
			continue;
		seen[count++] = form;
		ok = put_frame(data, hdr->caplen);
	}
	pcap_close(pcap);
	return ok;
}

static bool put_built(void)
{
	static const uint8_t opts[40] = {30,   8,  0x34, 1,  10,   0, 0, 1, 30, 4, 0x50, 2, 30, 4,
					 0x40, 1,  30,	 12, 0x60, 0, 0, 0, 0,	0, 0,	 0, 0,	1,
					 30,   12, 0x70, 0,  0,	   0, 0, 0, 0,	0, 0,	 1};
	static const uint8_t ext[32] = {43, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 1, 0, 0, 0, 0, 0, 1};
	static struct frame frame;
	unsigned int i;

	for (i = 0; i < 24; i++) {
		struct spec s = {
			.tags = i % 4,
			.ip = i % 2 ? 6 : 4,
			.ip_opt_len = i % 2 ? 0 : i % 3 * 4,
			.proto = i % 3 == 2 ? 17 : 6,
			.tcp_flags = i % 5 ? ACK : RST,
			.opts = opts,
			.opt_len = 40,
			.payload_len = i,
		};

		if (s.ip == 6 && i % 3) {
			s.first = 0;
			s.ext = ext;
			s.ext_len = 32;
			s.ext_last = 16;
		}
		build(&s, &frame);
		if (!put_frame(frame.bytes, frame.len))
			return false;
	}
	return true;
}

/* A command of fuzz_state.c. */
static size_t put_command(uint8_t *to, uint8_t what, uint8_t how, const uint8_t *bytes, size_t len)
{
	to[0] = what;
	to[1] = how;
	to[2] = (uint8_t)len;
	memcpy(to + 3, bytes, len);
	return 3 + len;
}

static bool put_conversation(const char *path)
{
	enum {
		FRAME,
		FLOW_INSERT,
		TOKEN = 3,
		PEER,
		IDS = 6,
		FRAMES = 16,
		CUT = 200,
	};
	static uint8_t seed[FRAMES * 2 * (CUT + 16)];
	char err[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	const u_char *data;
	pcap_t *pcap = pcap_open_offline(path, err);
	unsigned int n = 0;
	size_t len = 3; /* of which put_seed() takes a head: settings, and an empty command */
	bool ok;

	if (!pcap) {
		fprintf(stderr, "seeds: %s\n", err);
		return false;
	}
	while (n < FRAMES && pcap_next_ex(pcap, &hdr, &data) == 1) {
		const size_t size = hdr->caplen < CUT ? hdr->caplen : CUT;
		struct mpnic_hdr h;

		mpnic_headers(data, hdr->caplen, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &h);
		if (h.mptcp_count && (h.opt[0].fields & MPNIC_FIELD_TOKEN)) {
			len += put_command(seed + len, IDS, (uint8_t)(30 + n), NULL, 0);
			len += put_command(seed + len, TOKEN, 0xc1,
					   (const uint8_t *)&h.opt[0].join_syn.token, 4);
		}
		len += put_command(seed + len, FRAME, 3, data, size);
		if (!n) {
			len += put_command(seed + len, PEER, 3, NULL, 0);
			len += put_command(seed + len, FLOW_INSERT, 1, NULL, 0);
			len += put_command(seed + len, FRAME, 3, data, size);
		}
		n++;
	}
	pcap_close(pcap);
	ok = put_seed((uint8_t)(37 * written), FRAME, 0, seed + 2, len - 2);
	return ok;
}

static bool put_conversations(int count, char **paths)
{
	int i;

	for (i = 0; i < count; i++) {
		if (!put_conversation(paths[i]))
			return false;
	}
	printf("seeds: %u in %s\n", written, folder);
	return true;
}

int main(int argc, char **argv)
{
	int i;

	if (argc > 3 && !strcmp(argv[1], "--state")) {
		folder = argv[2];
		return put_conversations(argc - 3, argv + 3) ? 0 : 1;
	}
	if (argc < 2) {
		fprintf(stderr, "usage: seeds [--state] DIR [CAPTURE...]\n");
		return 2;
	}
	folder = argv[1];
	if (!put_built())
		return 1;
	for (i = 2; i < argc; i++) {
		if (!put_capture(argv[i]))
			return 1;
	}
	printf("seeds: %u in %s\n", written, folder);
	return 0;
}
