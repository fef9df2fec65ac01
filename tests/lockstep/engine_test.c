/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine notices every broken stream rule: it is built around faulty.sv here, which breaks the
 * one that the frame's source asks for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mpnic_model.h"
#include "rtl_engine.h"

/* Numbers as in faulty.sv. */
static const struct {
	const char *name;
	int expected;
} faults[] = {
	{"none", 0},
	{"a harmed frame", -EPROTO},
	{"a lost beat", -EPROTO},
	{"a beat twice", -EPROTO},
	{"no tfirst", -EPROTO},
	{"tlast wrong", -EPROTO},
	{"tkeep wrong", -EPROTO},
	{"tdata changes while it waits", -EPROTO},
	{"hdr changes while it waits", -EPROTO},
	{"csum changes while it waits", -EPROTO},
	{"tvalid falls while it waits", -EPROTO},
	{"nothing leaves", -ETIMEDOUT},
	{"a beat of its own making", -EPROTO},
};

/* Returns what ended the run: 0 if all frames came through, or the engine's error. */
static int run(unsigned int fault)
{
	const struct rtl_engine_opts opts = {.seed = fault, .in_pause = 64, .out_pause = 128};
	static const size_t lens[] = {1, 60, 64, 65, 128, 1514};
	struct rtl_result result;
	struct rtl_engine *engine;
	uint8_t frame[1514];
	size_t i;
	int err;

	for (i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7 + fault);
	err = rtl_engine_open(&opts, &engine);
	if (err)
		return err;
	for (i = 0; i < 60 && !err; i++)
		err = rtl_engine_send(engine, frame, lens[i % 6],
				      MPNIC_USER(MPNIC_GIVEN_V1, fault));
	for (i = 0; !err; i++) {
		err = rtl_engine_recv(engine, &result);
		if (err != 1)
			break;
		err = 0;
		if (result.len != lens[i % 6] || memcmp(result.frame, frame, result.len))
			err = -EBADMSG;
	}
	if (!err && i != 60)
		err = -ENOMSG;
	rtl_engine_close(engine);
	return err;
}

static int refusals(void)
{
	const struct rtl_engine_opts opts = {0};
	struct rtl_engine *engine;
	uint8_t frame[1] = {0};
	int i, bad = 0;

	if (rtl_engine_open(&opts, &engine))
		return 1;
	bad += rtl_engine_send(engine, frame, 0, 0) != -EINVAL;
	bad += rtl_engine_send(engine, frame, MPNIC_REPLAY_MAX + 1, 0) != -EINVAL;
	for (i = 0; i < 1024; i++)
		bad += rtl_engine_send(engine, frame, 1, 0) != 0;
	bad += rtl_engine_send(engine, frame, 1, 0) != -EAGAIN;
	rtl_engine_close(engine);
	printf("refusals: %s\n", bad ? "WRONG" : "ok");
	return bad;
}

int main(void)
{
	unsigned int i;
	int bad = refusals();

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const int got = run(i);

		printf("%s: %s (%d)\n", faults[i].name, got == faults[i].expected ? "ok" : "WRONG",
		       got);
		bad += got != faults[i].expected;
	}
	return bad != 0;
}
