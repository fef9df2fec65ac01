/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The RTL table beside the C model's, clock by clock: insertions go through the table port step by
 * step as the model plans them, while there is a look-up in nearly every clock. Each must give what
 * the model's table gives at the moment that mpnic_table.sv names: behind all requests of earlier
 * clocks, before those of its own. Between any two steps of an insertion the model finds every key
 * (tests/unit/test_table.c), so then the RTL does.
 *
 * drive ROUNDS SEED: random keys, or keys that differ in one bit, turn by turn.
 * drive --faults: with each fault of table_bench.sv, a difference must be noticed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "mpnic_model.h"
#include "table.h"

enum {
	QUEUE = 16, /* more than any latency */
	FOCUS = TABLE_MOVES + 2,
	KEY_BITS = 320,
	FAULTS = 3,
};

/* A look-up on its way. */
struct lookup {
	struct table_key key;
	uint64_t hash;
	uint32_t rss, value, put_value;
	bool there, answered, put, placed;
	bool request, clears; /* or a request of the port, where gates put */
	uint32_t place;
};

/* What the port is to answer with. */
struct read {
	struct bench_entry entry;
	bool due;
};

struct drive {
	struct bench *bench;
	struct table table;
	struct table_hash hash;
	uint8_t secret[MPNIC_HASH_KEY_LEN];
	uint64_t seed, clock;
	uint8_t fault;

	struct table_key *keys;
	uint32_t *value; /* of each key; MPNIC_ID_NONE: not there */
	uint32_t count;

	struct table_key focus[FOCUS]; /* keys under way */
	unsigned int focused;

	struct lookup queue[QUEUE]; /* by the clock in which it was given */
	struct read reads[QUEUE];   /* by the clock in which it is due */
	uint32_t clearing;	    /* clocks until the table is clear */
	uint32_t last_put;	    /* the place */

	uint64_t puts, cleared, read, lookups, hits, focus_hits, failures, differences;
	uint32_t longest, fullest;
};

static uint64_t rnd(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t below(struct drive *d, uint32_t limit)
{
	return (uint32_t)((rnd(&d->seed) >> 32) * limit >> 32);
}

static unsigned int key_words(void)
{
	return bench_key_words() ? bench_key_words() : 1;
}

static void differs(struct drive *d, const char *what, uint64_t got, uint64_t expected)
{
	if (d->differences++ < 10 && !d->fault)
		fprintf(stderr, "clock %" PRIu64 ": %s: %" PRIx64 ", expected %" PRIx64 "\n",
			d->clock, what, got, expected);
}

static void choose(struct drive *d, struct table_key *key)
{
	const uint32_t kind = below(d, 8);

	if (kind < 4 && d->focused) {
		*key = d->focus[below(d, d->focused)];
	} else {
		*key = d->keys[below(d, d->count)];
		/* A key beside one that is there. */
		if (kind == 7)
			key->word[below(d, key_words())] ^=
				1ull << below(d, bench_key_words() ? 64 : 32);
	}
}

static bool is_focused(const struct drive *d, const struct table_key *key)
{
	unsigned int i;

	for (i = 0; i < d->focused; i++) {
		if (!memcmp(key, &d->focus[i], sizeof(*key)))
			return true;
	}
	return false;
}

static void entry_at(const struct drive *d, uint32_t place, struct bench_entry *entry)
{
	const struct table *t = &d->table;

	memset(entry, 0, sizeof(*entry));
	entry->value = t->buckets[place / TABLE_WAYS].value[place % TABLE_WAYS];
	entry->valid = entry->value != MPNIC_ID_NONE;
	memcpy(entry->key, t->keys + ((size_t)place << t->key_shift),
	       t->key_words * sizeof(entry->key[0]));
}

static uint32_t place_of(const struct drive *d, const struct table_key *key, uint64_t hash)
{
	const uint32_t bucket[2] = {table_bucket0(&d->table, hash), table_bucket1(&d->table, hash)};
	unsigned int i;

	for (i = 0; i < 2 * TABLE_WAYS; i++) {
		const uint32_t place = bucket[i / TABLE_WAYS] * TABLE_WAYS + i % TABLE_WAYS;
		struct bench_entry entry;

		entry_at(d, place, &entry);
		if (entry.valid && !memcmp(entry.key, key->word, sizeof(entry.key)))
			return place;
	}
	abort();
}

/* A request to a table into which gates put: in order with the look-ups. */
static void request_arrives(struct drive *d, const struct lookup *l)
{
	struct read *read = &d->reads[(d->clock + BENCH_PUT_READ_LATENCY) % QUEUE];
	struct bench_entry entry;
	struct table_key key;

	if (!l->clears) {
		entry_at(d, l->place, &read->entry);
		read->due = true;
		d->read++;
		return;
	}
	entry_at(d, l->place, &entry);
	if (!entry.valid)
		return;
	memcpy(key.word, entry.key, sizeof(entry.key));
	mpnic_table_remove(&d->table, &key, mpnic_table_hash(&d->hash, &key, key_words()));
	d->cleared++;
}

static void compare(struct drive *d, const struct bench_out *out)
{
	struct read *read = &d->reads[d->clock % QUEUE];
	struct lookup *l = &d->queue[(d->clock - BENCH_RSS_LATENCY) % QUEUE];

	if (out->rss_valid != l->there)
		differs(d, "rss valid", out->rss_valid, l->there);
	else if (l->there && out->rss != l->rss)
		differs(d, "rss", out->rss, l->rss);

	l = &d->queue[(d->clock - BENCH_HASH_LATENCY) % QUEUE];
	if (out->hash_valid != l->there)
		differs(d, "hash valid", out->hash_valid, l->there);
	else if (l->there && out->hash != l->hash)
		differs(d, "hash", out->hash, l->hash);
	if (l->there) {
		/* It arrives at the table. */
		l->value =
			d->clearing ? MPNIC_ID_NONE : mpnic_table_find(&d->table, &l->key, l->hash);
		l->answered = true;
		if (l->put && !d->clearing && l->value == MPNIC_ID_NONE &&
		    !mpnic_table_put(&d->table, &l->key, l->hash, l->put_value)) {
			l->placed = true;
			d->puts++;
			d->last_put = place_of(d, &l->key, l->hash);
		}
		d->lookups++;
		d->hits += l->value != MPNIC_ID_NONE;
		d->focus_hits += l->value != MPNIC_ID_NONE && is_focused(d, &l->key);
	}

	if (l->request)
		request_arrives(d, l);

	l = &d->queue[(d->clock - BENCH_HASH_LATENCY - BENCH_TABLE_LATENCY) % QUEUE];
	if (out->valid != l->answered)
		differs(d, "valid", out->valid, l->answered);
	else if (l->answered && out->hit != (l->value != MPNIC_ID_NONE))
		differs(d, "hit", out->hit, l->value != MPNIC_ID_NONE);
	else if (l->answered && out->value != (out->hit ? l->value : 0))
		differs(d, "value", out->value, l->value);

	if (out->valid && l->answered && out->put != l->placed)
		differs(d, "put", out->put, l->placed);

	if (out->ready != !d->clearing)
		differs(d, "ready", out->ready, !d->clearing);
	if (out->port_valid != read->due)
		differs(d, "read valid", out->port_valid, read->due);
	else if (read->due && out->entry.valid != read->entry.valid)
		differs(d, "read entry valid", out->entry.valid, read->entry.valid);
	else if (read->due && out->entry.valid &&
		 (out->entry.value != read->entry.value ||
		  memcmp(out->entry.key, read->entry.key, sizeof(read->entry.key))))
		differs(d, "read", out->entry.key[0], read->entry.key[0]);
	read->due = false;
}

/* One clock, with what @in has for the table port. What it does to the model comes behind it. */
static void run_clock(struct drive *d, struct bench_in *in, bool look_up, struct bench_out *out)
{
	struct lookup *l = &d->queue[d->clock % QUEUE];
	struct table_key key = {0};

	*l = (struct lookup){0};
	choose(d, &key);
	memcpy(in->key, key.word, sizeof(in->key));
	in->valid = look_up && below(d, 16) && !(bench_puts() && in->port_valid);
	in->fault = d->fault;
	if (bench_puts()) {
		in->put = below(d, 4);
		in->put_value = (uint32_t)rnd(&d->seed) >> 1;
	}
	bench_clock(d->bench, in, out);
	if (bench_puts() && in->port_valid) {
		l->request = true;
		l->clears = in->port_write;
		l->place = in->place;
	}
	if (in->valid) {
		l->put = in->put;
		l->put_value = in->put_value;
		l->there = true;
		l->key = key;
		l->hash = mpnic_table_hash(&d->hash, &key, key_words());
		l->rss = mpnic_toeplitz(d->secret, (const uint8_t *)key.word, 36);
	}
	compare(d, out);
	if (d->clearing)
		d->clearing--;
	d->clock++;
}

static void run_clocks(struct drive *d, unsigned int clocks)
{
	struct bench_out out;

	while (clocks--) {
		struct bench_in in = {0};

		run_clock(d, &in, true, &out);
	}
}

/* Pauses of 0 to 3 clocks; more where a fault delays what was written. */
static void pause(struct drive *d)
{
	run_clocks(d, d->fault ? 1 : below(d, 4));
}

static void write_entry(struct drive *d, uint32_t place, const struct bench_entry *entry)
{
	struct bench_in in = {
		.port_valid = true, .port_write = true, .place = place, .entry = *entry};
	struct bench_out out;

	run_clock(d, &in, true, &out);
}

/* Reads a place that is taken, and leaves there what the RTL gave. */
static void read_entry(struct drive *d, uint32_t place, struct bench_entry *entry)
{
	struct read *read = &d->reads[(d->clock + BENCH_READ_LATENCY) % QUEUE];
	struct bench_in in = {.port_valid = true, .place = place};
	struct bench_out out;
	unsigned int i;

	memset(&out, 0, sizeof(out));
	read->due = true;
	entry_at(d, place, &read->entry);
	run_clock(d, &in, true, &out);
	for (i = 0; i < BENCH_READ_LATENCY; i++) {
		struct bench_in none = {0};

		run_clock(d, &none, true, &out);
	}
	*entry = out.entry;
}

static void insert(struct drive *d, uint32_t index)
{
	static const struct bench_entry none;
	const struct table_key *key = &d->keys[index];
	const uint64_t hash = mpnic_table_hash(&d->hash, key, key_words());
	struct bench_entry entry = {.value = (uint32_t)rnd(&d->seed) >> 1, .valid = true};
	struct table_path path;
	unsigned int i;

	if (mpnic_table_plan(&d->table, hash, TABLE_MOVES, &path)) {
		run_clocks(d, 1);
		return;
	}
	d->longest = path.moves > d->longest ? path.moves : d->longest;
	d->focus[0] = *key;
	d->focused = 1;
	for (i = 0; i < path.moves; i++) {
		struct bench_entry moved;

		entry_at(d, path.at[i], &moved);
		memcpy(d->focus[d->focused++].word, moved.key, sizeof(moved.key));
	}
	while (path.left) {
		const unsigned int move = (path.left - 1) / 2;
		struct bench_entry moved;

		pause(d);
		if (path.left % 2) {
			write_entry(d, path.at[move], &none);
		} else {
			read_entry(d, path.at[move], &moved);
			write_entry(d, path.at[move + 1], &moved);
		}
		mpnic_table_step(&d->table, &path);
	}
	memcpy(entry.key, key->word, sizeof(entry.key));
	pause(d);
	write_entry(d, path.at[0], &entry);
	mpnic_table_place(&d->table, &path, key, hash, entry.value);
	d->value[index] = entry.value;
	run_clocks(d, below(d, 16));
	d->focused = 0;
}

static void remove_key(struct drive *d, uint32_t index)
{
	static const struct bench_entry none;
	const struct table_key *key = &d->keys[index];
	const uint64_t hash = mpnic_table_hash(&d->hash, key, key_words());

	d->focus[0] = *key;
	d->focused = 1;
	write_entry(d, place_of(d, key, hash), &none);
	mpnic_table_remove(&d->table, key, hash);
	d->value[index] = MPNIC_ID_NONE;
	run_clocks(d, below(d, 8));
	d->focused = 0;
}

/* A new secret and new keys; the table is cleared, by reset or by request. */
static bool start(struct drive *d, unsigned int round)
{
	const uint32_t rows = bench_entries() / TABLE_MIN;
	struct bench_in in = {.load = true};
	struct bench_out out;
	uint32_t i, clocks;

	for (i = 0; i < sizeof(d->secret); i++)
		d->secret[i] = in.secret[i] = (uint8_t)(rnd(&d->seed) >> 40);
	mpnic_table_hash_prepare(&d->hash, d->secret);
	for (i = 0; i < d->count; i++) {
		struct table_key *key = &d->keys[i];
		unsigned int word;

		d->value[i] = MPNIC_ID_NONE;
		for (word = 0; word < key_words(); word++)
			key->word[word] = round % 2 && i ? d->keys[0].word[word] : rnd(&d->seed);
		if (round % 2)
			key->word[i / 64 % key_words()] ^= 1ull << i % 64 ^ i / KEY_BITS;
		if (!bench_key_words())
			key->word[0] = (uint32_t)(key->word[0] ^ key->word[0] >> 32);
	}
	/* The key, while nothing is looked up; over again, sometimes. */
	for (i = 0; i < QUEUE; i++)
		run_clock(d, &(struct bench_in){0}, false, &out);
	if (round % 3 == 1) {
		run_clock(d, &in, false, &out);
		for (i = below(d, 100); i; i--)
			run_clock(d, &(struct bench_in){0}, false, &out);
	}
	run_clock(d, &in, false, &out);
	for (clocks = 1; clocks < 512 * 36 + 20; clocks++) {
		run_clock(d, &(struct bench_in){0}, false, &out);
		if (out.loaded != (clocks >= 512 * 36 + 8 + 2))
			differs(d, "loaded", out.loaded, clocks);
		if (out.rss_loaded != (clocks >= 512 * 32 + 5 + 2))
			differs(d, "rss loaded", out.rss_loaded, clocks);
	}
	if (round) {
		/* It may be asked for again before it is done. */
		const uint32_t first = below(d, rows);
		struct bench_in clear = {.clear = true};

		run_clock(d, &clear, true, &out);
		d->clearing = rows;
		mpnic_table_free(&d->table);
		if (mpnic_table_init(&d->table, bench_entries(), key_words(), &d->hash))
			return false;
		run_clocks(d, first);
		run_clock(d, &clear, true, &out);
		d->clearing = rows;
		run_clocks(d, rows + 20);
	}
	return true;
}

/* Gates put, back to back, and the port takes out, right behind them too, and reads. */
static bool run_puts(struct drive *d, unsigned int round)
{
	unsigned int clocks = 400 * bench_entries();

	if (!start(d, round))
		return false;
	while (clocks--) {
		struct bench_in in = {0};
		struct bench_out out;

		/* A few keys again and again, and then others. */
		if (!below(d, 8)) {
			d->focus[0] = d->keys[below(d, d->count)];
			d->focus[1] = d->keys[below(d, d->count)];
			d->focused = 2;
		}
		in.port_valid = !below(d, round % 4 ? 4 : 32);
		in.port_write = below(d, 4);
		/* Where the last was put, beside it, or anywhere. */
		in.place = below(d, 4) ? d->last_put : below(d, bench_entries());
		if (!below(d, 4))
			in.place = d->last_put ^ 1u << below(d, 2);
		run_clock(d, &in, true, &out);
	}
	d->focused = 0;
	run_clocks(d, QUEUE);
	return true;
}

/* Fills the table until insertions fail, then takes out and puts in. */
static bool run_round(struct drive *d, unsigned int round)
{
	const uint32_t size = bench_entries();
	uint32_t i, churn = size < 1024 ? 4 * size : size / 2;

	if (!start(d, round))
		return false;
	d->table.stats.full = 0;
	for (i = 0; i < d->count && d->table.stats.full < 4; i++) {
		/* One-bit neighbours of a short key are few: some are the same. */
		if (mpnic_table_find(&d->table, &d->keys[i],
				     mpnic_table_hash(&d->hash, &d->keys[i], key_words())) ==
		    MPNIC_ID_NONE) {
			d->table.stats.full +=
				mpnic_table_plan(
					&d->table,
					mpnic_table_hash(&d->hash, &d->keys[i], key_words()),
					TABLE_MOVES, &(struct table_path){0}) != 0;
			insert(d, i);
		}
	}
	/* But for a short key's neighbours, of which there are too few. */
	if (d->table.stats.used > d->fullest)
		d->fullest = (uint32_t)d->table.stats.used;
	d->failures += d->table.stats.full;
	if (size >= 1024 && d->table.stats.used < size / 100 * 95 &&
	    (bench_key_words() || !(round % 2)))
		differs(d, "filled to", d->table.stats.used, size);
	while (churn--) {
		i = below(d, d->count);
		if (d->value[i] != MPNIC_ID_NONE)
			remove_key(d, i);
		i = below(d, d->count);
		if (mpnic_table_find(&d->table, &d->keys[i],
				     mpnic_table_hash(&d->hash, &d->keys[i], key_words())) ==
		    MPNIC_ID_NONE)
			insert(d, i);
	}
	return true;
}

static bool run(struct drive *d, unsigned int rounds, uint64_t seed, uint8_t fault)
{
	unsigned int round;
	bool good = true;

	memset(d, 0, sizeof(*d));
	d->seed = seed;
	d->count = bench_entries() * 5 / 4;
	d->keys = calloc(d->count, sizeof(*d->keys));
	d->value = calloc(d->count, sizeof(*d->value));
	d->clock = QUEUE;
	d->clearing = bench_entries() / TABLE_MIN;
	d->bench = bench_open(seed);
	good = d->keys && d->value && d->bench &&
	       !mpnic_table_init(&d->table, bench_entries(), key_words(), &d->hash);
	for (round = 0; good && round < rounds; round++) {
		d->fault = fault;
		good = bench_puts() ? run_puts(d, round) : run_round(d, round);
	}
	if (d->bench)
		bench_close(d->bench);
	mpnic_table_free(&d->table);
	free(d->keys);
	free(d->value);
	return good;
}

int main(int argc, char **argv)
{
	static struct drive d;
	unsigned int fault;

	if (argc == 2 && !strcmp(argv[1], "--faults")) {
		for (fault = 1; fault <= FAULTS; fault++) {
			if (!run(&d, 2, fault, (uint8_t)fault))
				return 1;
			printf("fault %u: %" PRIu64 " differences in %" PRIu64 " look-ups\n", fault,
			       d.differences, d.lookups);
			if (!d.differences)
				return 1;
		}
		return 0;
	}
	if (argc != 3) {
		fprintf(stderr, "usage: drive ROUNDS SEED | drive --faults\n");
		return 2;
	}
	if (!run(&d, (unsigned int)atoi(argv[1]), strtoull(argv[2], NULL, 0), 0))
		return 1;
	printf("table of %" PRIu32 ": %" PRIu64 " clocks, %" PRIu64 " look-ups, %" PRIu64
	       " found, %" PRIu64 " of them while their chain moved; up to %" PRIu32
	       " entries and %" PRIu32 " moves; %" PRIu64 " insertions without room; %" PRIu64
	       " differences; %" PRIu64 " puts, %" PRIu64 " cleared, %" PRIu64 " read\n",
	       bench_entries(), d.clock, d.lookups, d.hits, d.focus_hits, d.fullest, d.longest,
	       d.failures, d.differences, d.puts, d.cleared, d.read);
	return d.differences != 0;
}
