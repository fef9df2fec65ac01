/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of a wire: what is asked for happens, as often as asked for, and the same with the same
 * seed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "wire_fault.h"

enum {
	FRAMES = 2000,
	LEN = 60,
	MS = 1000000,
};

struct bench {
	struct wire *wire; /* what is sent comes back */
	struct wire_fault *fault;
	uint64_t now;
	struct wire_fault_counts counts;
	unsigned int got, out_of_order, wrong;
	uint32_t last;
	uint64_t digest;
};

static void begin(struct bench *b, const char *spec)
{
	char error[WIRE_ERROR_MAX] = "";

	*b = (struct bench){.now = MS};
	cr_assert_eq(wire_open("loop", &b->wire, error), 0, "%s", error);
	cr_assert_eq(wire_fault_new(b->wire, &b->fault), 0);
	cr_assert_eq(wire_fault_set(b->fault, spec, error), 0, "%s", error);
}

static void end(struct bench *b)
{
	wire_fault_free(b->fault);
	cr_assert_eq(wire_close(b->wire), 0);
}

static void number(uint8_t frame[LEN], uint32_t n)
{
	memset(frame, 0x5a, LEN);
	memcpy(frame + 20, &n, sizeof(n));
	/* Twice, so that a bit of it cannot change unnoticed. */
	memcpy(frame + 30, &n, sizeof(n));
}

/* All that is there now. */
static void drain(struct bench *b)
{
	uint8_t got[WIRE_FRAME_MAX], sound[LEN];
	uint32_t n;
	int len;

	wire_fault_flush(b->fault, b->now);
	while ((len = wire_fault_recv(b->fault, got, sizeof(got), b->now)) > 0) {
		cr_assert_eq(len, LEN);
		memcpy(&n, got + 20, sizeof(n));
		number(sound, n);
		b->wrong += n >= FRAMES || memcmp(got, sound, LEN);
		b->out_of_order += b->got && n < b->last;
		b->last = n;
		b->got++;
		b->digest = b->digest * 31 + n;
	}
	cr_assert_eq(len, 0);
}

static void run(struct bench *b)
{
	uint8_t frame[LEN];

	for (uint32_t i = 0; i < FRAMES; i++) {
		number(frame, i);
		wire_fault_send(b->fault, frame, LEN, b->now);
		drain(b);
		b->now += 1000;
	}
	b->now += 1000 * (uint64_t)MS;
	drain(b);
	drain(b);
	wire_fault_counts(b->fault, &b->counts);
}

Test(wire_fault, none_is_the_wire_itself)
{
	struct bench b;

	begin(&b, "none");
	run(&b);
	cr_assert_eq(b.got, FRAMES);
	cr_assert_eq(b.out_of_order + b.wrong, 0);
	cr_assert_eq(wire_fault_due(b.fault), UINT64_MAX);
	end(&b);
}

Test(wire_fault, drop)
{
	struct bench b;

	begin(&b, "tx,drop=0.1");
	run(&b);
	cr_assert_eq(b.got, FRAMES - b.counts.dropped);
	cr_assert(b.counts.dropped > FRAMES / 20 && b.counts.dropped < FRAMES / 5);
	end(&b);
	begin(&b, "rx,drop=1");
	run(&b);
	cr_assert_eq(b.got, 0);
	cr_assert_eq(b.counts.dropped, FRAMES);
	end(&b);
}

Test(wire_fault, both_directions_are_meant_where_none_is_named)
{
	struct bench b;

	begin(&b, "dup=1");
	run(&b);
	cr_assert_eq(b.got, 4 * FRAMES, "doubled on the way out, and again on the way in");
	end(&b);
}

Test(wire_fault, dup)
{
	struct bench b;

	begin(&b, "rx,dup=0.2");
	run(&b);
	cr_assert_eq(b.got, FRAMES + b.counts.doubled);
	cr_assert(b.counts.doubled > FRAMES / 10 && b.counts.doubled < FRAMES * 3 / 10);
	end(&b);
}

Test(wire_fault, corrupt)
{
	struct bench b;

	begin(&b, "tx,corrupt=0.1");
	run(&b);
	cr_assert_eq(b.got, FRAMES);
	cr_assert_eq(b.wrong, b.counts.corrupted);
	cr_assert(b.wrong > FRAMES / 20 && b.wrong < FRAMES / 5);
	end(&b);
}

Test(wire_fault, reorder)
{
	struct bench b;

	begin(&b, "tx,reorder=0.1");
	run(&b);
	cr_assert_eq(b.got, FRAMES, "none is lost");
	cr_assert(b.out_of_order > FRAMES / 30 && b.out_of_order <= b.counts.reordered);
	end(&b);
}

Test(wire_fault, delay)
{
	struct bench b;
	uint8_t frame[LEN], got[WIRE_FRAME_MAX];

	begin(&b, "tx,delay=500");
	number(frame, 7);
	wire_fault_send(b.fault, frame, LEN, b.now);
	cr_assert_eq(wire_fault_due(b.fault), b.now + 500000);
	wire_fault_flush(b.fault, b.now + 499999);
	cr_assert_eq(wire_fault_recv(b.fault, got, sizeof(got), b.now + 499999), 0);
	wire_fault_flush(b.fault, b.now + 500000);
	cr_assert_eq(wire_fault_recv(b.fault, got, sizeof(got), b.now + 500000), LEN);
	cr_assert_arr_eq(got, frame, LEN);
	end(&b);
}

Test(wire_fault, what_is_held_back_is_bounded)
{
	struct bench b;
	uint8_t frame[LEN];

	begin(&b, "tx,delay=1000000");
	for (uint32_t i = 0; i < WIRE_FAULT_HELD_MAX + 10; i++) {
		number(frame, i);
		wire_fault_send(b.fault, frame, LEN, b.now);
	}
	wire_fault_counts(b.fault, &b.counts);
	cr_assert_eq(b.counts.overflowed, 10);
	end(&b);
}

Test(wire_fault, a_seed_repeats_a_run)
{
	struct bench a, b, c;

	begin(&a, "seed=5,drop=0.3,reorder=0.2");
	begin(&b, "seed=5,drop=0.3,reorder=0.2");
	begin(&c, "seed=6,drop=0.3,reorder=0.2");
	run(&a);
	run(&b);
	run(&c);
	cr_assert_eq(a.digest, b.digest);
	cr_assert_neq(a.digest, c.digest);
	end(&a);
	end(&b);
	end(&c);
}

Test(wire_fault, specs_that_are_none_change_nothing)
{
	static const char *const specs[] = {
		"drop",	  "drop=",	    "drop=2",	"drop=-0.1", "drop=nan",
		"dorp=1", "drop=1,",	    "delay=-1", "delay=1e9", "seed=x",
		"rx=1",	  "delay=60000000", "",
	};
	char error[WIRE_ERROR_MAX], longest[400];
	struct bench b;

	begin(&b, "rx,drop=1");
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		error[0] = 0;
		cr_assert_eq(wire_fault_set(b.fault, specs[i], error), -EINVAL, "'%s'", specs[i]);
		cr_assert(error[0], "'%s' has no text", specs[i]);
	}
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	cr_assert_eq(wire_fault_set(b.fault, longest, error), -EINVAL);
	run(&b);
	cr_assert_eq(b.counts.dropped, FRAMES, "what was set before still holds");
	end(&b);
}
