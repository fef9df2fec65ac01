/* SPDX-License-Identifier: BSD-3-Clause */
/* The model over one frame, with every way to the same records compared. */
#ifndef RUN_H
#define RUN_H

#include "build.h"
#include "mpnic_model.h"
#include "naive.h"

#define UNKNOWN	 MPNIC_GIVEN_UNKNOWN
#define V0_GIVEN MPNIC_GIVEN_V0
#define V1_GIVEN MPNIC_GIVEN_V1

struct result {
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;
};

/*
 * mpnic_packet() over a copy of @data in memory of exactly @len bytes, so that a sanitizer sees any
 * read beyond it. Fails the test if mpnic_headers() or the stages one by one say something else, or
 * if a byte of a record was not written.
 */
struct result run(const uint8_t *data, size_t len, uint8_t user);

/* run() over a built frame, with no version given. */
struct result run_frame(const struct frame *frame);

/* mpnic_decode_options() over exactly @len bytes; fails the test if it fails. */
struct mpnic_hdr decode(uint8_t tcp_flags, unsigned int payload_len, unsigned int given,
			const uint8_t *opts, size_t len);

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define DECODE(tcp_flags, payload_len, given, ...) \
	decode(tcp_flags, payload_len, given, BYTES(__VA_ARGS__))

/* Equal but for nothing. The message names the first byte that differs. */
void check_same(const void *a, const void *b, size_t len, const char *what);

#endif
