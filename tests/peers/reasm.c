/* SPDX-License-Identifier: BSD-3-Clause */
#include "reasm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int reasm_init(struct reasm *r, size_t size)
{
	memset(r, 0, sizeof(*r));
	r->ring = malloc(size);
	r->size = size;
	return r->ring ? 0 : -ENOMEM;
}

void reasm_free(struct reasm *r)
{
	free(r->ring);
	r->ring = NULL;
}

static void copy_in(struct reasm *r, uint64_t at, const uint8_t *data, size_t len)
{
	while (len) {
		const size_t place = at % r->size;
		const size_t part = len < r->size - place ? len : r->size - place;

		memcpy(r->ring + place, data, part);
		at += part;
		data += part;
		len -= part;
	}
}

static void remove_spans(struct reasm *r, unsigned from, unsigned to)
{
	memmove(&r->span[from], &r->span[to], (r->spans - to) * sizeof(r->span[0]));
	r->spans -= to - from;
}

/* Note that [from, to) is here; only its gaps are filled, so that first come stays. */
static bool note(struct reasm *r, uint64_t from, uint64_t to, const uint8_t *data)
{
	const uint64_t start = from;
	unsigned first = 0, last;
	uint64_t at = from;

	while (first < r->spans && r->span[first].to < from)
		first++;
	last = first;
	while (last < r->spans && r->span[last].from <= to)
		last++;
	if (first == last && r->spans == REASM_SPANS)
		return false;
	for (unsigned i = first; i < last; i++) {
		if (r->span[i].from > at)
			copy_in(r, at, data + (at - start), r->span[i].from - at);
		at = r->span[i].to > at ? r->span[i].to : at;
	}
	if (at < to)
		copy_in(r, at, data + (at - start), to - at);
	if (first < last) {
		from = r->span[first].from < from ? r->span[first].from : from;
		to = r->span[last - 1].to > to ? r->span[last - 1].to : to;
		remove_spans(r, first, last);
	}
	memmove(&r->span[first + 1], &r->span[first], (r->spans - first) * sizeof(r->span[0]));
	r->span[first].from = from;
	r->span[first].to = to;
	r->spans++;
	return true;
}

bool reasm_put(struct reasm *r, uint64_t at, const uint8_t *data, size_t len)
{
	const uint64_t limit = r->base + r->size;
	uint64_t to = at + len;
	bool whole = true;

	if (at > limit)
		return false;
	if (to > limit) {
		to = limit;
		whole = false;
	}
	if (to <= r->next)
		return whole;
	if (at < r->next) {
		data += r->next - at;
		at = r->next;
	}
	if (!note(r, at, to, data))
		return false;
	if (r->span[0].from == r->next) {
		r->next = r->span[0].to;
		remove_spans(r, 0, 1);
	}
	return whole;
}

size_t reasm_peek(const struct reasm *r, uint64_t at, const uint8_t **data)
{
	const size_t place = at % r->size;
	const uint64_t there = r->next - at;

	*data = r->ring + place;
	return there < r->size - place ? (size_t)there : r->size - place;
}

void reasm_skip(struct reasm *r, size_t len)
{
	r->base += len;
}
