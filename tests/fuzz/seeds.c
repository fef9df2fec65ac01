/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seeds DIR [CAPTURE...]: seeds for the fuzzer of the model. From captures, one frame of each form
 * and its option bytes alone; from the builder of the unit tests, what captures seldom hold.
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

int main(int argc, char **argv)
{
	int i;

	if (argc < 2) {
		fprintf(stderr, "usage: seeds DIR [CAPTURE...]\n");
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
