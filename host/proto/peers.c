/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of the peer version cache: entries of 56 bytes at numbers that never change, an index
 * of buckets of one cache line (docs/peers.md, "Memory"), and a segmented CLOCK for what has to go.
 */
#include "peers_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
	SLOTS = 16, /* of a bucket: 64 bytes */
	NONE = UINT32_MAX,
	TIMES = 6,
	BURST = 32,
	CHANCES = 16,	    /* used entries that are passed over before one must go */
	SWEEP = 4,	    /* entries looked at for expiry with each eviction */
	PROTECTED_PART = 8, /* the eighth part of the table stays open for newcomers */
	HUGE_PAGE = 2 << 20,
	SITE4_BITS = 24,
	SITE6_BITS = 48,
};

struct entry {
	uint8_t addr[16];
	uint16_t port;
	uint8_t network;
	uint8_t state;	    /* bits 0-1: 0 free, 1 IPv4, 2 IPv6; 2-3 answer; 4-5 confidence; ... */
	uint8_t run;	    /* bits 0-4 set_by; 5-7 run */
	uint8_t counts[11]; /* the last nibble: v0_absent << 3 | back-off level */
	uint32_t times[TIMES]; /* of a free entry, [0]: the next free one */
};

enum {
	STATE_FAMILY = 3,
	STATE_MIXED = 0x40,
	STATE_USED = 0x80, /* looked up since the hand passed */
};

_Static_assert(sizeof(struct entry) == 56, "entries are dense");
_Static_assert(PEERS_COUNTS_SIZE == 11 && SIGHTS % 2, "a nibble is left");
_Static_assert(PEERS_BY_NOBODY < 32, "set_by has 5 bits");

/* A slot: tag << 24 | entry + 1; 0 is free. */
struct bucket {
	uint32_t slot[SLOTS];
};

struct peers {
	struct peers_config config;
	struct entry *entry;
	struct bucket *bucket;
	uint64_t *protected; /* a bit an entry */
	uint32_t buckets;
	uint32_t fresh; /* entries from here on were never used */
	uint32_t free;	/* list of those that were, or NONE */
	uint32_t hand, protected_hand, sweep;
	uint32_t age_cursor, age_began_s, age_last_s; /* place, start of this pass and the last */
	struct peers_pins pins;
	struct peers_stats stats;
	struct peers_network network[256];
};

static uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static uint64_t rotate(uint64_t v, unsigned int n)
{
	return v << n | v >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* SipHash-1-3 (Aumasson, Bernstein 2012; the rounds that hash tables use) of 20 bytes: address,
 * port, network, IP version. libcrypto has it too, but takes many times as long for each key. */
uint64_t peers_hash(const uint8_t secret[PEERS_SECRET_SIZE], const struct peer_key *key)
{
	const uint64_t k0 = load_le64(secret), k1 = load_le64(secret + 8);
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			 k1 ^ 0x7465646279746573};
	unsigned int i;

	sip_word(v, load_le64(key->addr.bytes));
	sip_word(v, load_le64(key->addr.bytes + 8));
	sip_word(v, key->port | (uint64_t)key->network << 16 | (uint64_t)key->addr.version << 24 |
			    (uint64_t)20 << 56);
	v[2] ^= 0xff;
	for (i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint8_t family(const struct peer_key *key)
{
	return key->addr.version == 4 ? 1 : 2;
}

static bool entry_is(const struct entry *e, const struct peer_key *key)
{
	return e->port == key->port && e->network == key->network &&
	       (e->state & STATE_FAMILY) == family(key) &&
	       !memcmp(e->addr, key->addr.bytes, sizeof(e->addr));
}

static void entry_key(const struct entry *e, struct peer_key *key)
{
	*key = (struct peer_key){
		.network = e->network,
		.addr.version = (e->state & STATE_FAMILY) == 1 ? 4 : 6,
		.port = e->port,
	};
	memcpy(key->addr.bytes, e->addr, sizeof(e->addr));
}

static void unpack(const struct entry *e, struct peers_record *r)
{
	const uint8_t nibble = e->counts[PEERS_COUNTS_SIZE - 1] >> 4;

	entry_key(e, &r->key);
	r->answer = e->state >> 2 & 3;
	r->confidence = e->state >> 4 & 3;
	r->mixed = e->state & STATE_MIXED;
	r->v0_absent = nibble & 8;
	r->run = e->run >> 5;
	r->set_by = e->run & 31;
	r->backoff_level = nibble & 7;
	memcpy(r->counts, e->counts, sizeof(r->counts));
	r->counts[PEERS_COUNTS_SIZE - 1] &= 0xf;
	r->expires_s = e->times[0];
	r->set_s = e->times[1];
	r->seen_s = e->times[2];
	r->counted_s = e->times[3];
	r->probe_s = e->times[4];
	r->backoff_s = e->times[5];
}

/* All of an entry is written: nothing stays of who had its place before. */
static void pack(const struct peers_record *r, struct entry *e)
{
	const uint8_t used = e->state & STATE_FAMILY ? e->state & STATE_USED : 0;
	const uint32_t times[TIMES] = {r->expires_s, r->set_s,	 r->seen_s,
				       r->counted_s, r->probe_s, r->backoff_s};

	memcpy(e->addr, r->key.addr.bytes, sizeof(e->addr));
	e->port = r->key.port;
	e->network = r->key.network;
	e->state = (uint8_t)(family(&r->key) | r->answer << 2 | r->confidence << 4 |
			     (r->mixed ? STATE_MIXED : 0) | used);
	e->run = (uint8_t)(r->set_by | r->run << 5);
	memcpy(e->counts, r->counts, sizeof(e->counts));
	e->counts[PEERS_COUNTS_SIZE - 1] |=
		(uint8_t)((r->v0_absent ? 0x80 : 0) | r->backoff_level << 4);
	memcpy(e->times, times, sizeof(e->times));
}

/* The index. An entry is in its home bucket, or, where that and all between are full, in the next
 * one that is not. */

static uint32_t home_of(const struct peers *p, uint64_t hash)
{
	return (uint32_t)((hash >> 32) * p->buckets >> 32);
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)hash << 24;
}

static uint32_t next_bucket(const struct peers *p, uint32_t b)
{
	return b + 1 == p->buckets ? 0 : b + 1;
}

/* Bits of the slots with this tag, and of the free ones; a free one may have the tag 0. */
static unsigned int match_slots(const struct bucket *bucket, uint32_t tag, unsigned int *empty)
{
	unsigned int i, match = 0;

	*empty = 0;
#ifdef __SSE2__
	for (i = 0; i < SLOTS; i += 4) {
		const __m128i four = _mm_load_si128((const __m128i *)&bucket->slot[i]);
		const __m128i zero = _mm_setzero_si128();
		const __m128i other =
			_mm_srli_epi32(_mm_xor_si128(four, _mm_set1_epi32((int)tag)), 24);

		match |= (unsigned int)_mm_movemask_ps(
				 _mm_castsi128_ps(_mm_cmpeq_epi32(other, zero)))
			 << i;
		*empty |=
			(unsigned int)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(four, zero)))
			<< i;
	}
#else
	for (i = 0; i < SLOTS; i++) {
		match |= (unsigned int)(!((bucket->slot[i] ^ tag) >> 24)) << i;
		*empty |= (unsigned int)(!bucket->slot[i]) << i;
	}
#endif
	return match & ~*empty;
}

static uint32_t find(const struct peers *p, const struct peer_key *key, uint64_t hash)
{
	const uint32_t tag = tag_of(hash);
	uint32_t b = home_of(p, hash);

	for (;; b = next_bucket(p, b)) {
		const struct bucket *bucket = &p->bucket[b];
		unsigned int match, empty;

		for (match = match_slots(bucket, tag, &empty); match; match &= match - 1) {
			const uint32_t id = (bucket->slot[__builtin_ctz(match)] & 0xffffff) - 1;

			if (entry_is(&p->entry[id], key))
				return id;
		}
		if (empty)
			return NONE;
	}
}

static uint32_t *free_slot(struct bucket *bucket)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		if (!bucket->slot[i])
			return &bucket->slot[i];
	}
	return NULL;
}

/* There always is room: the index has more slots than the table entries. */
static void index_add(struct peers *p, uint64_t hash, uint32_t id)
{
	uint32_t b = home_of(p, hash), *slot;

	while (!(slot = free_slot(&p->bucket[b])))
		b = next_bucket(p, b);
	*slot = tag_of(hash) | (id + 1);
}

static uint32_t distance(const struct peers *p, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + p->buckets - from;
}

/* A slot of bucket @b whose entry may as well be in bucket @gap before it: its home is not between
 * them. NULL: there is none. */
static uint32_t *displaced(const struct peers *p, uint32_t gap, uint32_t b)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		uint32_t *slot = &p->bucket[b].slot[i];
		struct peer_key key;
		uint32_t home;

		if (!*slot)
			continue;
		entry_key(&p->entry[(*slot & 0xffffff) - 1], &key);
		home = home_of(p, peers_hash(p->config.secret, &key));
		if (distance(p, home, b) >= distance(p, gap, b))
			return slot;
	}
	return NULL;
}

static uint32_t *slot_of(const struct peers *p, uint32_t b, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		if ((p->bucket[b].slot[i] & 0xffffff) == id + 1)
			return &p->bucket[b].slot[i];
	}
	return NULL;
}

/* No gravestones: where a full bucket gets a gap, one that was displaced past it moves back, and
 * leaves a gap in turn. */
static void index_remove(struct peers *p, uint64_t hash, uint32_t id)
{
	uint32_t gap = home_of(p, hash), b, *slot;
	bool full;

	while (!(slot = slot_of(p, gap, id)))
		gap = next_bucket(p, gap);
	full = !free_slot(&p->bucket[gap]);
	*slot = 0;
	for (b = next_bucket(p, gap); full; b = next_bucket(p, b)) {
		uint32_t *back = displaced(p, gap, b);

		full = !free_slot(&p->bucket[b]);
		if (!back)
			continue;
		*free_slot(&p->bucket[gap]) = *back;
		*back = 0;
		gap = b;
	}
}

/* Segments. */

static bool is_protected(const struct peers *p, uint32_t id)
{
	return p->protected[id / 64] >> id % 64 & 1;
}

static void unprotect(struct peers *p, uint32_t id)
{
	if (!is_protected(p, id))
		return;
	p->protected[id / 64] &= ~(1ull << id % 64);
	p->stats.protected_entries--;
}

/* The next entry from @at on that is protected, or is not; there is one. */
static uint32_t next_of(const struct peers *p, uint32_t at, bool protected)
{
	const uint32_t capacity = p->config.capacity, words = (capacity + 63) / 64;
	uint32_t word, first = at % 64;

	if (at >= capacity) {
		at = 0;
		first = 0;
	}
	for (word = at / 64;; word = word + 1 == words ? 0 : word + 1, first = 0) {
		uint64_t bits = protected ? p->protected[word] : ~p->protected[word];

		bits &= ~0ull << first;
		if (word + 1 == words && capacity % 64)
			bits &= ~(~0ull << capacity % 64);
		if (bits)
			return word * 64 + (uint32_t)__builtin_ctzll(bits);
	}
}

static bool has_expired(const struct peers *p, uint32_t id, uint32_t now_s)
{
	struct peers_record r;

	unpack(&p->entry[id], &r);
	peers_renew(&p->config, &r, now_s);
	return r.answer == PEERS_UNKNOWN && !r.run && !r.backoff_level;
}

/* CLOCK: who was used since the hand passed gets another chance, but not for ever. */
static uint32_t turn(struct peers *p, uint32_t *hand, bool protected, uint32_t now_s)
{
	unsigned int i;
	uint32_t id;

	for (i = 0;; i++) {
		struct entry *e;

		id = next_of(p, *hand, protected);
		*hand = id + 1;
		e = &p->entry[id];
		if (i == CHANCES || !(e->state & STATE_USED) || has_expired(p, id, now_s))
			return id;
		e->state &= (uint8_t)~STATE_USED;
	}
}

static void protect(struct peers *p, uint32_t id, uint32_t now_s)
{
	const uint32_t most = p->config.capacity - p->config.capacity / PROTECTED_PART;

	if (is_protected(p, id))
		return;
	if (p->stats.protected_entries >= most)
		unprotect(p, turn(p, &p->protected_hand, true, now_s));
	p->protected[id / 64] |= 1ull << id % 64;
	p->stats.protected_entries++;
}

static void put_in_segment(struct peers *p, uint32_t id, const struct peers_record *r,
			   uint32_t now_s)
{
	if (r->confidence >= PEERS_CONFIRMED)
		protect(p, id, now_s);
	else
		unprotect(p, id);
}

static void sweep(struct peers *p, uint32_t now_s)
{
	unsigned int i;

	for (i = 0; i < SWEEP; i++) {
		if (p->sweep >= p->config.capacity)
			p->sweep = 0;
		if (is_protected(p, p->sweep) && has_expired(p, p->sweep, now_s))
			unprotect(p, p->sweep);
		p->sweep++;
	}
}

static void forget(struct peers *p, uint32_t id, const struct peer_key *key)
{
	index_remove(p, peers_hash(p->config.secret, key), id);
	unprotect(p, id);
	memset(&p->entry[id], 0, sizeof(p->entry[id]));
	p->entry[id].times[0] = p->free;
	p->free = id;
	p->stats.entries--;
}

static void evict(struct peers *p, uint32_t now_s, struct peers_change *change)
{
	uint32_t id;

	sweep(p, now_s);
	if (p->stats.protected_entries == p->config.capacity) {
		id = turn(p, &p->protected_hand, true, now_s);
		p->stats.evicted_protected++;
	} else {
		id = turn(p, &p->hand, false, now_s);
	}
	p->stats.evicted_expired += has_expired(p, id, now_s);
	p->stats.evicted++;
	entry_key(&p->entry[id], &change->evicted_key);
	change->evicted = true;
	forget(p, id, &change->evicted_key);
}

static uint32_t insert(struct peers *p, const struct peer_key *key, uint64_t hash, uint32_t now_s,
		       struct peers_change *change)
{
	const struct peers_record r = {.key = *key, .set_by = PEERS_BY_NOBODY};
	uint32_t id;

	if (p->stats.entries == p->config.capacity)
		evict(p, now_s, change);
	if (p->free != NONE) {
		id = p->free;
		p->free = p->entry[id].times[0];
	} else {
		id = p->fresh++;
	}
	pack(&r, &p->entry[id]);
	index_add(p, hash, id);
	p->stats.entries++;
	p->stats.inserted++;
	return id;
}

void peers_defaults(struct peers_config *config)
{
	*config = (struct peers_config){
		.v1_claimed_s = 3600,
		.v1_confirmed_s = 7 * 86400,
		.v0_claimed_s = 3600,
		.v0_confirmed_s = 86400,
		.none_s = 3600,
		.none_probed_s = 6 * 3600,
		.operator_s = 7 * 86400,
		.v0_reprobe_s = 6 * 3600,
		.none_reprobe_s = 1800,
		.probe_again_s = 3600,
		.observations = 3,
		.apart_s = 60,
		.doubt_s = 86400,
		.backoff_s = 600,
		.backoff_cap_s = 64 * 3600,
		.network_backoff_s = 3600,
		.network_backoff_cap_s = 64 * 3600,
		.network_sites = 4,
		.network_window_s = 3600,
		.downgrades = 16,
		.downgrades_window_s = 3600,
	};
}

static bool within(uint32_t v, uint32_t low, uint32_t high)
{
	return v >= low && v <= high;
}

static const char *config_wrong(const struct peers_config *c)
{
	/* A year is more than anything may last: sums of times stay far from their ends. */
	const uint32_t lasting[] = {
		c->v1_claimed_s,
		c->v1_confirmed_s,
		c->v0_claimed_s,
		c->v0_confirmed_s,
		c->none_s,
		c->none_probed_s,
		c->operator_s,
		c->v0_reprobe_s,
		c->none_reprobe_s,
		c->probe_again_s,
		c->doubt_s,
		c->backoff_s,
		c->backoff_cap_s,
		c->apart_s,
		c->network_backoff_s,
		c->network_backoff_cap_s,
		c->network_window_s,
		c->downgrades_window_s,
	};
	unsigned int i;

	if (!within(c->capacity, 1, PEERS_CAPACITY_MAX))
		return "capacity is not within 1 to 16777215";
	if (c->pins > PEERS_PINS_MAX)
		return "more than 65535 pins";
	for (i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++) {
		if (!within(lasting[i], 1, 366 * 86400))
			return "a time is not within 1 second to 366 days";
	}
	if (!within(c->observations, 2, 6))
		return "observations are not within 2 to 6";
	if (!within(c->network_sites, 2, PEERS_SITES_MAX))
		return "sites of a network are not within 2 to 8";
	if (c->backoff_s > c->backoff_cap_s || c->network_backoff_s > c->network_backoff_cap_s)
		return "a back-off begins above its cap";
	return NULL;
}

/* Large memory in huge pages, where there are: look-ups are at random places, and a walk of the
 * page tables costs as much as the look-up itself. */
static void *memory(struct peers *p, size_t n, size_t size)
{
	const size_t align = n * size >= HUGE_PAGE ? HUGE_PAGE : 64;
	const size_t bytes = (n * size + align) / align * align;
	void *out = aligned_alloc(align, bytes);

	if (!out)
		return NULL;
	if (align == HUGE_PAGE)
		madvise(out, bytes, MADV_HUGEPAGE);
	memset(out, 0, bytes);
	p->stats.memory += bytes;
	return out;
}

int peers_new(const struct peers_config *config, struct peers **peers, const char **why)
{
	const char *wrong = config_wrong(config);
	struct peers *p;

	if (why)
		*why = wrong;
	if (wrong)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->config = *config;
	p->free = NONE;
	p->stats.memory = sizeof(*p);
	p->stats.capacity = config->capacity;
	/* 12.5 of 16 slots are used when the table is full. */
	p->buckets = (uint32_t)((uint64_t)config->capacity * 2 / 25) + 1;
	p->entry = memory(p, config->capacity, sizeof(*p->entry));
	p->bucket = memory(p, p->buckets, sizeof(*p->bucket));
	p->protected = memory(p, (config->capacity + 63) / 64, sizeof(*p->protected));
	p->pins.max = config->pins;
	p->pins.pin = memory(p, config->pins, sizeof(*p->pins.pin));
	p->pins.head = memory(p, config->pins, sizeof(*p->pins.head));
	p->pins.parent = memory(p, config->pins, sizeof(*p->pins.parent));
	p->pins.group = memory(p, config->pins, sizeof(*p->pins.group));
	if (!p->entry || !p->bucket || !p->protected || !p->pins.pin || !p->pins.head ||
	    !p->pins.parent || !p->pins.group) {
		peers_free(p);
		return -ENOMEM;
	}
	*peers = p;
	return 0;
}

void peers_free(struct peers *p)
{
	if (!p)
		return;
	free(p->entry);
	free(p->bucket);
	free(p->protected);
	free(p->pins.pin);
	free(p->pins.head);
	free(p->pins.parent);
	free(p->pins.group);
	explicit_bzero(p->config.secret, sizeof(p->config.secret));
	free(p);
}

static void view_record(const struct peers_record *r, uint32_t now_s, struct peers_view *view)
{
	view->answer = r->answer;
	view->learnt = r->answer;
	view->confidence = r->confidence;
	view->sure = r->confidence >= PEERS_CONFIRMED || r->answer == PEERS_NONE;
	view->known = true;
	view->mixed = r->mixed;
	view->ask = peers_ask(r, now_s);
	view->run = r->run;
	view->set_by = r->set_by;
	view->backoff_level = r->backoff_level;
	memcpy(view->counts, r->counts, sizeof(view->counts));
	view->expires_s = r->expires_s;
	view->ask_s = r->mixed ? 0 : r->probe_s;
	view->set_s = r->set_s;
	view->seen_s = r->seen_s;
	view->backoff_s = now_s < r->backoff_s ? r->backoff_s : 0;
}

static void view_pin(const struct peers_pin *pin, struct peers_view *view)
{
	view->answer = pin->answer;
	view->confidence = PEERS_OPERATOR;
	view->sure = true;
	view->pinned = true;
	view->mixed = false;
	view->bits = pin->bits;
	view->set_by = PEERS_BY_OPERATOR;
	view->set_s = pin->set_s;
	view->expires_s = 0;
	view->ask = 0;
	view->ask_s = 0;
}

static void look_hashed(struct peers *p, const struct peer_key *key, uint64_t hash, uint32_t now_s,
			struct peers_view *view)
{
	const uint32_t id = find(p, key, hash);
	const struct peers_pin *pin;

	if (id != NONE) {
		struct peers_record r;

		if (!(p->entry[id].state & STATE_USED))
			p->entry[id].state |= STATE_USED;
		unpack(&p->entry[id], &r);
		view->expired = peers_renew(&p->config, &r, now_s);
		view_record(&r, now_s, view);
	}
	pin = peers_pin_find(&p->pins, key);
	if (pin)
		view_pin(pin, view);
	view->network_backoff_s =
		peers_network_backoff(&p->config, &p->network[key->network], now_s);
}

static void begin_view(struct peers_view *view)
{
	memset(view, 0, sizeof(*view));
	view->set_by = PEERS_BY_NOBODY;
}

void peers_look(struct peers *p, const struct peer_key *key, uint32_t now_s,
		struct peers_view *view)
{
	begin_view(view);
	if (!peers_key_wrong(key))
		look_hashed(p, key, peers_hash(p->config.secret, key), now_s, view);
}

/* Reads, where a prefetch would do if the page were known: one that misses the TLB may be dropped.
 */
static void touch(const void *p)
{
	(void)*(const volatile uint8_t *)p;
}

static void touch_entry(const struct peers *p, uint64_t hash)
{
	const struct bucket *bucket = &p->bucket[home_of(p, hash)];
	unsigned int empty, match = match_slots(bucket, tag_of(hash), &empty);

	for (; match; match &= match - 1) {
		const struct entry *e =
			&p->entry[(bucket->slot[__builtin_ctz(match)] & 0xffffff) - 1];

		touch(e);
		touch((const uint8_t *)(e + 1) - 1);
	}
}

void peers_look_burst(struct peers *p, const struct peer_key *key, unsigned int n, uint32_t now_s,
		      struct peers_view *view)
{
	uint64_t hash[BURST];

	while (n) {
		const unsigned int some = n < BURST ? n : BURST;
		unsigned int i;

		for (i = 0; i < some; i++) {
			hash[i] = peers_hash(p->config.secret, &key[i]);
			touch(&p->bucket[home_of(p, hash[i])]);
		}
		for (i = 0; i < some; i++)
			touch_entry(p, hash[i]);
		for (i = 0; i < some; i++) {
			begin_view(&view[i]);
			if (!peers_key_wrong(&key[i]))
				look_hashed(p, &key[i], hash[i], now_s, &view[i]);
		}
		key += some;
		view += some;
		n -= some;
	}
}

/* What is worth storing: all but what merely counts. */
static bool differs(const struct peers_record *a, const struct peers_record *b)
{
	return a->answer != b->answer || a->confidence != b->confidence || a->mixed != b->mixed ||
	       a->v0_absent != b->v0_absent || a->run != b->run ||
	       a->backoff_level != b->backoff_level || a->expires_s != b->expires_s ||
	       a->probe_s != b->probe_s || a->backoff_s != b->backoff_s || a->set_s != b->set_s;
}

static void begin_change(struct peers_change *change, const struct peer_key *key)
{
	*change = (struct peers_change){.key = *key};
}

static void end_change(struct peers *p, uint32_t id, const struct peers_record *before,
		       const struct peers_record *r, uint32_t now_s, struct peers_change *change)
{
	pack(r, &p->entry[id]);
	put_in_segment(p, id, r, now_s);
	change->old_answer = before->answer;
	change->old_confidence = before->confidence;
	change->answer = r->answer;
	change->confidence = r->confidence;
	change->save |= differs(before, r);
	change->tell_nic = before->answer != r->answer || before->confidence != r->confidence ||
			   before->mixed != r->mixed || before->backoff_s != r->backoff_s;
}

/* Finds or makes the entry for a change and brings it up to date: *before as the caller last knew
 * it, *r as it is now. */
static uint32_t open_entry(struct peers *p, const struct peer_key *key, uint32_t now_s,
			   struct peers_record *before, struct peers_record *r,
			   struct peers_change *change)
{
	const uint64_t hash = peers_hash(p->config.secret, key);
	uint32_t id = find(p, key, hash);

	if (id == NONE) {
		id = insert(p, key, hash, now_s, change);
		change->save = true;
	}
	unpack(&p->entry[id], before);
	*r = *before;
	peers_renew(&p->config, r, now_s);
	return id;
}

static bool sight_fits(const struct sight *s, struct peer_key *key)
{
	if ((unsigned int)s->what >= SIGHTS || (unsigned int)s->offer > SIGHT_OFFER_V0 ||
	    peers_key_wrong(&s->peer))
		return false;
	*key = s->peer;
	if (peers_is_client(s->what))
		key->port = 0;
	else if (!key->port)
		return false;
	return true;
}

static uint64_t site_of(const struct peers *p, const struct peer_key *key)
{
	const struct peer_key site = {
		.network = key->network,
		.addr = peers_mask(&key->addr, key->addr.version == 4 ? SITE4_BITS : SITE6_BITS),
	};

	return peers_hash(p->config.secret, &site);
}

int peers_see(struct peers *p, const struct sight *s, struct peers_change *change)
{
	struct peers_record before, r;
	struct peers_network *net;
	struct peer_key key;
	uint32_t id, network_before;

	*change = (struct peers_change){0};
	if (!sight_fits(s, &key)) {
		p->stats.refused++;
		return -EINVAL;
	}
	begin_change(change, &key);
	p->stats.sights[s->what]++;
	if (!peers_tells(s))
		p->stats.idle++;
	if (!peers_begins(s) && find(p, &key, peers_hash(p->config.secret, &key)) == NONE) {
		p->stats.idle += peers_tells(s);
		return 0;
	}
	net = &p->network[key.network];
	network_before = net->backoff_s;
	id = open_entry(p, &key, s->now_s, &before, &r, change);
	change->alarms = peers_learn(&p->config, net, &r, s, site_of(p, &key));
	change->network_changed = net->backoff_s != network_before;
	p->stats.downgrades += !!(change->alarms & PEERS_ALARM_DOWNGRADE);
	p->stats.held += !!(change->alarms & PEERS_ALARM_HELD);
	end_change(p, id, &before, &r, s->now_s, change);
	return 0;
}

int peers_back_off(struct peers *p, const struct peer_key *key, uint32_t now_s,
		   struct peers_change *change)
{
	struct peers_record before, r;
	uint32_t id;

	begin_change(change, key);
	if (peers_key_wrong(key) || !key->port)
		return -EINVAL;
	id = open_entry(p, key, now_s, &before, &r, change);
	if (now_s >= r.backoff_s)
		peers_back_off_record(&p->config, &r, now_s);
	end_change(p, id, &before, &r, now_s, change);
	return 0;
}

int peers_set(struct peers *p, const struct peer_key *key, enum peers_answer answer, uint32_t now_s,
	      struct peers_change *change)
{
	struct peers_record before, r;
	uint32_t id;

	begin_change(change, key);
	if (peers_key_wrong(key) || !key->port || answer == PEERS_UNKNOWN ||
	    (unsigned int)answer > PEERS_NONE)
		return -EINVAL;
	id = open_entry(p, key, now_s, &before, &r, change);
	r.mixed = false;
	r.v0_absent = false;
	r.run = 0;
	r.counted_s = now_s;
	peers_set_answer(&p->config, &r, answer, PEERS_OPERATOR, PEERS_BY_OPERATOR, now_s);
	end_change(p, id, &before, &r, now_s, change);
	return 0;
}

int peers_remove(struct peers *p, const struct peer_key *key)
{
	uint32_t id;

	if (peers_key_wrong(key))
		return -ENOENT;
	id = find(p, key, peers_hash(p->config.secret, key));
	if (id == NONE)
		return -ENOENT;
	forget(p, id, key);
	return 0;
}

int peers_pin(struct peers *p, const struct peers_pin *pin)
{
	return peers_pin_wrong(pin) ? -EINVAL : peers_pin_put(&p->pins, pin);
}

int peers_unpin(struct peers *p, const struct peers_pin *pin)
{
	return peers_pin_drop(&p->pins, pin);
}

const struct peers_pin *peers_pin_at(const struct peers *p, uint32_t i)
{
	return i < p->pins.count ? &p->pins.pin[i] : NULL;
}

int peers_get(const struct peers *p, const struct peer_key *key, struct peers_record *record)
{
	uint32_t id;

	if (peers_key_wrong(key))
		return -ENOENT;
	id = find(p, key, peers_hash(p->config.secret, key));
	if (id == NONE)
		return -ENOENT;
	unpack(&p->entry[id], record);
	return 0;
}

int peers_import(struct peers *p, const struct peers_record *record, uint32_t now_s,
		 struct peers_change *change)
{
	struct peers_change unused;
	struct peers_record before;
	uint64_t hash;
	uint32_t id;

	if (!change)
		change = &unused;
	begin_change(change, &record->key);
	if (peers_record_wrong(record))
		return -EINVAL;
	hash = peers_hash(p->config.secret, &record->key);
	id = find(p, &record->key, hash);
	if (id == NONE)
		id = insert(p, &record->key, hash, now_s, change);
	unpack(&p->entry[id], &before);
	change->save = true;
	end_change(p, id, &before, record, now_s, change);
	return 0;
}

bool peers_next(const struct peers *p, uint32_t *cursor, struct peers_record *record)
{
	while (*cursor < p->fresh) {
		const struct entry *e = &p->entry[(*cursor)++];

		if (!(e->state & STATE_FAMILY))
			continue;
		unpack(e, record);
		return true;
	}
	return false;
}

bool peers_age(struct peers *p, uint32_t now_s, uint32_t *budget, struct peers_change *change)
{
	for (; *budget; --*budget) {
		struct peers_record before, r;
		bool over;
		uint32_t id;

		if (p->age_cursor >= p->fresh) {
			p->age_cursor = 0;
			p->age_last_s = p->age_began_s;
			p->age_began_s = now_s;
			if (!p->fresh)
				return false;
		}
		id = p->age_cursor++;
		if (!(p->entry[id].state & STATE_FAMILY))
			continue;
		unpack(&p->entry[id], &before);
		r = before;
		over = r.backoff_s > p->age_last_s && r.backoff_s <= now_s;
		if (!peers_renew(&p->config, &r, now_s) && !over)
			continue;
		begin_change(change, &r.key);
		end_change(p, id, &before, &r, now_s, change);
		change->tell_nic = true;
		--*budget;
		return true;
	}
	return false;
}

static bool flushes(const struct peers_flush *which, const struct peer_key *key)
{
	struct ip_addr masked;

	if (!which->all_networks && which->network != key->network)
		return false;
	if (which->all_addresses)
		return true;
	if (which->prefix.version != key->addr.version)
		return false;
	masked = peers_mask(&key->addr, which->bits);
	return !memcmp(masked.bytes, which->prefix.bytes, sizeof(masked.bytes));
}

static void flush_networks(struct peers *p, const struct peers_flush *which)
{
	if (which->all_networks)
		memset(p->network, 0, sizeof(p->network));
	else
		memset(&p->network[which->network], 0, sizeof(p->network[0]));
}

int64_t peers_flush(struct peers *p, const struct peers_flush *which,
		    void (*gone)(void *ctx, const struct peer_key *key), void *ctx)
{
	const struct peers_pin prefix = {
		.addr = which->prefix,
		.bits = which->bits,
		.answer = PEERS_V1,
	};
	struct peers_record r;
	uint32_t cursor = 0;
	int64_t n = 0;

	if (!which->all_addresses && peers_pin_wrong(&prefix))
		return -EINVAL;
	while (peers_next(p, &cursor, &r)) {
		if (!flushes(which, &r.key))
			continue;
		forget(p, cursor - 1, &r.key);
		if (gone)
			gone(ctx, &r.key);
		n++;
	}
	if (which->all_addresses)
		flush_networks(p, which);
	return n;
}

void peers_stats(const struct peers *p, struct peers_stats *stats)
{
	*stats = p->stats;
	stats->pins = p->pins.count;
}
