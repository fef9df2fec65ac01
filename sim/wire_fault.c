/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire_fault.h"

enum {
	LOST_IN_A_ROW = 64,	/* frames that one call may lose */
	OVERTAKEN_NS = 1000000, /* a frame that waits to be overtaken waits no longer */
	NS_PER_US = 1000,
};

struct faults {
	double drop, dup, corrupt, reorder;
	uint64_t delay_ns;
};

/* A frame that is held back. */
struct held {
	uint64_t due_ns;
	bool waits; /* to be overtaken */
	size_t len;
	uint8_t *data;
};

/* In the order in which they came. */
struct line {
	struct faults faults;
	struct held held[WIRE_FAULT_HELD_MAX];
	unsigned int count;
};

struct wire_fault {
	struct wire *wire;
	struct line rx, tx;
	uint64_t seed;
	struct wire_fault_counts counts;
};

int wire_fault_new(struct wire *wire, struct wire_fault **fault)
{
	struct wire_fault *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->wire = wire;
	f->seed = 1;
	*fault = f;
	return 0;
}

static void drop_held(struct line *line)
{
	for (unsigned int i = 0; i < line->count; i++)
		free(line->held[i].data);
	line->count = 0;
}

void wire_fault_free(struct wire_fault *f)
{
	if (!f)
		return;
	drop_held(&f->rx);
	drop_held(&f->tx);
	free(f);
}

void wire_fault_counts(const struct wire_fault *f, struct wire_fault_counts *counts)
{
	*counts = f->counts;
}

/* ---- what is to happen ---------------------------------------------------------------------- */

static int parse_chance(const char *text, double *chance)
{
	char *end;

	*chance = strtod(text, &end);
	return end == text || *end || !(*chance >= 0 && *chance <= 1) ? -EINVAL : 0;
}

static int parse_number(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 0);
	return end == text || *end || *text == '-' || errno ? -EINVAL : 0;
}

/* One word of a spec, for the directions that are chosen. */
static int parse_word(char *word, struct faults *rx, struct faults *tx, uint64_t *seed)
{
	struct faults faults = {0};
	char *value = strchr(word, '=');
	uint64_t us = 0;
	int err = 0;

	if (!value)
		return -EINVAL;
	*value++ = 0;
	if (!strcmp(word, "seed"))
		return parse_number(value, seed);
	if (!strcmp(word, "delay"))
		err = parse_number(value, &us);
	else
		err = parse_chance(value, &faults.drop);
	for (int i = 0; i < 2 && !err; i++) {
		struct faults *to = i ? tx : rx;

		if (!to)
			continue;
		if (!strcmp(word, "drop"))
			to->drop = faults.drop;
		else if (!strcmp(word, "dup"))
			to->dup = faults.drop;
		else if (!strcmp(word, "corrupt"))
			to->corrupt = faults.drop;
		else if (!strcmp(word, "reorder"))
			to->reorder = faults.drop;
		else if (!strcmp(word, "delay") && us < 60000000)
			to->delay_ns = us * NS_PER_US;
		else
			err = -EINVAL;
	}
	return err;
}

int wire_fault_set(struct wire_fault *f, const char *spec, char error[WIRE_ERROR_MAX])
{
	struct faults rx = {0}, tx = {0};
	struct faults *to_rx = &rx, *to_tx = &tx;
	uint64_t seed = f->seed;
	char text[256], *rest = text;

	if (strlen(spec) >= sizeof(text)) {
		snprintf(error, WIRE_ERROR_MAX, "faults: more than %zu characters",
			 sizeof(text) - 1);
		return -EINVAL;
	}
	strcpy(text, spec);
	for (char *word; (word = strsep(&rest, ",")) && strcmp(spec, "none");) {
		char shown[sizeof(text)];

		strcpy(shown, word);
		if (!strcmp(word, "rx") || !strcmp(word, "tx")) {
			to_rx = *word == 'r' ? &rx : NULL;
			to_tx = *word == 't' ? &tx : NULL;
		} else if (parse_word(word, to_rx, to_tx, &seed)) {
			snprintf(
				error, WIRE_ERROR_MAX,
				"faults: '%s' is none of drop=P, dup=P, corrupt=P, reorder=P (P from 0 "
				"to 1), delay=US (below 60 s), seed=N, rx, tx, none",
				shown);
			return -EINVAL;
		}
	}
	f->rx.faults = rx;
	f->tx.faults = tx;
	f->seed = seed;
	return 0;
}

/* ---- chance --------------------------------------------------------------------------------- */

static uint64_t rnd(struct wire_fault *f)
{
	uint64_t z = f->seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static bool chance(struct wire_fault *f, double p)
{
	return p > 0 && (double)(rnd(f) >> 11) < p * 0x1p53;
}

/* ---- holding back --------------------------------------------------------------------------- */

/* Lost if there is no room. */
static void hold(struct wire_fault *f, struct line *line, const void *frame, size_t len,
		 uint64_t due_ns, bool waits)
{
	uint8_t *copy = line->count < WIRE_FAULT_HELD_MAX ? malloc(len) : NULL;

	if (!copy) {
		f->counts.overflowed++;
		return;
	}
	memcpy(copy, frame, len);
	line->held[line->count++] =
		(struct held){.due_ns = due_ns, .waits = waits, .len = len, .data = copy};
}

/* Take the first frame that is due; its bytes become the caller's. */
static bool take(struct line *line, uint64_t now_ns, struct held *held)
{
	for (unsigned int i = 0; i < line->count; i++) {
		if (line->held[i].due_ns > now_ns)
			continue;
		*held = line->held[i];
		line->count--;
		memmove(line->held + i, line->held + i + 1,
			(line->count - i) * sizeof(line->held[0]));
		return true;
	}
	return false;
}

/* A frame goes by: what waited to be overtaken may go behind it. */
static void overtake(struct line *line, uint64_t now_ns)
{
	for (unsigned int i = 0; i < line->count; i++) {
		if (!line->held[i].waits)
			continue;
		line->held[i].waits = false;
		line->held[i].due_ns = now_ns;
	}
}

/*
 * Whether a frame passes at once; if not it is lost, or held back. It may be damaged, and a double
 * of it held back.
 */
static bool passes(struct wire_fault *f, struct line *line, uint8_t *frame, size_t len,
		   uint64_t now_ns)
{
	const struct faults *p = &line->faults;

	if (chance(f, p->drop)) {
		f->counts.dropped++;
		return false;
	}
	if (chance(f, p->corrupt)) {
		f->counts.corrupted++;
		frame[rnd(f) % len] ^= (uint8_t)(1u << rnd(f) % 8);
	}
	if (chance(f, p->dup)) {
		f->counts.doubled++;
		hold(f, line, frame, len, now_ns + p->delay_ns, false);
	}
	if (chance(f, p->reorder)) {
		f->counts.reordered++;
		hold(f, line, frame, len, now_ns + p->delay_ns + OVERTAKEN_NS, true);
		return false;
	}
	if (p->delay_ns) {
		f->counts.delayed++;
		hold(f, line, frame, len, now_ns + p->delay_ns, false);
		return false;
	}
	overtake(line, now_ns);
	return true;
}

/* Nothing is to happen, and nothing is held back. */
static bool is_plain(const struct line *line)
{
	const struct faults *p = &line->faults;

	return !line->count && !p->delay_ns && p->drop + p->dup + p->corrupt + p->reorder == 0;
}

int wire_fault_send(struct wire_fault *f, const void *frame, size_t len, uint64_t now_ns)
{
	uint8_t copy[WIRE_FRAME_MAX];
	int err;

	if (len < WIRE_FRAME_MIN || len > sizeof(copy) || is_plain(&f->tx))
		return wire_send(f->wire, frame, len);
	memcpy(copy, frame, len);
	if (!passes(f, &f->tx, copy, len, now_ns))
		return 0;
	err = wire_send(f->wire, copy, len);
	wire_fault_flush(f, now_ns);
	return err;
}

void wire_fault_flush(struct wire_fault *f, uint64_t now_ns)
{
	struct held held;

	while (take(&f->tx, now_ns, &held)) {
		wire_send(f->wire, held.data, held.len);
		free(held.data);
	}
}

int wire_fault_recv(struct wire_fault *f, void *buf, size_t size, uint64_t now_ns)
{
	struct held held;
	int len;

	if (take(&f->rx, now_ns, &held)) {
		len = (int)(held.len < size ? held.len : size);
		memcpy(buf, held.data, (size_t)len);
		free(held.data);
		return len;
	}
	for (unsigned int i = 0; i < LOST_IN_A_ROW; i++) {
		len = wire_recv(f->wire, buf, size);
		if (len == -ENODATA && f->rx.count)
			return 0;
		if (len <= 0 || passes(f, &f->rx, buf, (size_t)len, now_ns))
			return len;
	}
	return 0;
}

static uint64_t due(const struct line *line)
{
	uint64_t at = UINT64_MAX;

	for (unsigned int i = 0; i < line->count; i++)
		if (line->held[i].due_ns < at)
			at = line->held[i].due_ns;
	return at;
}

uint64_t wire_fault_due(const struct wire_fault *f)
{
	const uint64_t rx = due(&f->rx), tx = due(&f->tx);

	return rx < tx ? rx : tx;
}
