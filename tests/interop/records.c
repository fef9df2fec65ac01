/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model as a filter: frames in on stdin, each behind its length (32 bits, little-endian),
 * header and checksum records out on stdout, one after the other. No frame's version is given.
 */
#include <stdio.h>

#include "mpnic_model.h"

static int failed(const char *what)
{
	fprintf(stderr, "records: %s\n", what);
	return 1;
}

int main(void)
{
	static uint8_t frame[MPNIC_REPLAY_MAX];
	struct mpnic_csum csum;
	struct mpnic_hdr hdr;
	uint32_t len;

	while (fread(&len, sizeof(len), 1, stdin) == 1) {
		if (len > sizeof(frame))
			return failed("frame too long");
		if (fread(frame, 1, len, stdin) != len)
			return failed("input ends inside a frame");
		mpnic_packet(frame, len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr, &csum);
		if (fwrite(&hdr, sizeof(hdr), 1, stdout) != 1 ||
		    fwrite(&csum, sizeof(csum), 1, stdout) != 1)
			return failed("output cannot be written");
	}
	return ferror(stdin) || fflush(stdout) ? failed("input or output failed") : 0;
}
