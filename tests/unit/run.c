/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

void check_same(const void *a, const void *b, size_t len, const char *what)
{
	const uint8_t *x = a, *y = b;
	size_t i;

	for (i = 0; i < len; i++)
		cr_assert_eq(x[i], y[i], "%s: byte %zu is %u, not %u", what, i, x[i], y[i]);
}

static uint8_t *exact_copy(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	cr_assert_not_null(copy);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

struct result run(const uint8_t *data, size_t len, uint8_t user)
{
	uint8_t *copy = exact_copy(data, len);
	struct result r, other;

	memset(&r, 0xa5, sizeof(r));
	mpnic_packet(copy, len, user, &r.hdr, &r.csum);

	memset(&other, 0x5a, sizeof(other));
	mpnic_headers(copy, len, user, &other.hdr);
	check_same(&other.hdr, &r.hdr, sizeof(r.hdr), "mpnic_headers");

	memset(&other, 0x5a, sizeof(other));
	mpnic_parse(copy, len, user, &other.hdr);
	mpnic_tcpopt(&other.hdr);
	mpnic_mptcp(&other.hdr, user & 3);
	mpnic_csum(copy, len, &other.hdr, &other.csum);
	check_same(&other.hdr, &r.hdr, sizeof(r.hdr), "stages, hdr");
	check_same(&other.csum, &r.csum, sizeof(r.csum), "stages, csum");
	free(copy);
	return r;
}

struct result run_frame(const struct frame *frame)
{
	return run(frame->bytes, frame->len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0));
}

struct mpnic_hdr decode(uint8_t tcp_flags, unsigned int payload_len, unsigned int given,
			const uint8_t *opts, size_t len)
{
	uint8_t *copy = exact_copy(opts, len);
	struct mpnic_hdr hdr;
	int err;

	memset(&hdr, 0xa5, sizeof(hdr));
	err = mpnic_decode_options(copy, len, tcp_flags, (uint16_t)payload_len, given, &hdr);
	cr_assert_eq(err, 0, "mpnic_decode_options: %d", err);
	free(copy);
	return hdr;
}
