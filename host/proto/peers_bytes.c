/* SPDX-License-Identifier: BSD-3-Clause */
/* Records and pins as bytes, and whether what comes from outside can be true. */
#include "peers_internal.h"

#include <string.h>

/* The numbers of the observations are part of the format: a change there needs another one. */
_Static_assert(SIGHTS == 21 && SIGHT_PROBE_LOST == 20 && SIGHT_CONFIRM_V1 == 8 && PEERS_FORMAT == 1,
	       "the file format counts observations by their numbers");

enum {
	FLAG_MIXED = 1,
	FLAG_V0_ABSENT = 2,
	AT_TIMES = 8,
	AT_COUNTS = AT_TIMES + 6 * 4,
};

_Static_assert(AT_COUNTS + PEERS_COUNTS_SIZE + 1 == PEERS_VALUE_SIZE, "value of a record");

static void put_le32(uint8_t *p, uint32_t v)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get_le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

const char *peers_key_wrong(const struct peer_key *key)
{
	static const uint8_t zeros[16];

	if (key->addr.version != 4 && key->addr.version != 6)
		return "IP version is neither 4 nor 6";
	if (key->addr.version == 4 && memcmp(key->addr.bytes + 4, zeros, 12))
		return "IPv4 address is not followed by zeros";
	return NULL;
}

/* A client is known by its SYNs alone; listeners by the rest. */
static bool set_by_fits(const struct peers_record *r)
{
	if (r->set_by == PEERS_BY_NOBODY)
		return r->answer == PEERS_UNKNOWN;
	if (r->set_by > PEERS_BY_NOBODY)
		return false;
	if (r->confidence == PEERS_OPERATOR)
		return r->set_by == PEERS_BY_OPERATOR;
	if (r->set_by == PEERS_BY_OPERATOR)
		return false;
	return peers_is_client((enum sight_what)r->set_by) == !r->key.port;
}

const char *peers_record_wrong(const struct peers_record *r)
{
	const char *wrong = peers_key_wrong(&r->key);

	if (wrong)
		return wrong;
	if (r->answer > PEERS_NONE)
		return "no such answer";
	if (r->confidence > PEERS_OPERATOR)
		return "no such confidence";
	if ((r->answer == PEERS_UNKNOWN) != (r->confidence == PEERS_UNSURE))
		return "answer and confidence do not go together";
	if (r->answer == PEERS_NONE && r->confidence == PEERS_CONFIRMED)
		return "nothing can confirm that a peer speaks no MPTCP";
	if (!r->key.port && r->confidence > PEERS_CLAIMED)
		return "a client's answer cannot be confirmed";
	if (!set_by_fits(r))
		return "the answer cannot be of this origin";
	if ((r->answer == PEERS_UNKNOWN) != !r->expires_s)
		return "answer and expiry do not go together";
	if (r->mixed && r->answer == PEERS_UNKNOWN)
		return "mixed without an answer";
	if (r->run > PEERS_RUN_MAX)
		return "too many observations against the answer";
	if (r->backoff_level > PEERS_LEVEL_MAX)
		return "back-off level too high";
	if (!r->backoff_level != !r->backoff_s)
		return "back-off level and time do not go together";
	if (r->counts[PEERS_COUNTS_SIZE - 1] >> 4)
		return "a count of no observation";
	return NULL;
}

const char *peers_pin_wrong(const struct peers_pin *pin)
{
	const struct peer_key key = {.network = pin->network, .addr = pin->addr};
	const char *wrong = peers_key_wrong(&key);
	struct ip_addr masked;

	if (wrong)
		return wrong;
	if (pin->bits > (pin->addr.version == 4 ? 32 : 128))
		return "prefix length too long";
	masked = peers_mask(&pin->addr, pin->bits);
	if (memcmp(masked.bytes, pin->addr.bytes, sizeof(masked.bytes)))
		return "address bits behind the prefix length";
	if (pin->answer == PEERS_UNKNOWN || pin->answer > PEERS_NONE)
		return "no answer that can be pinned";
	return NULL;
}

static void encode_key(enum peers_kind kind, const struct peer_key *key, uint8_t bits,
		       uint8_t out[PEERS_KEY_SIZE])
{
	out[0] = (uint8_t)kind;
	out[1] = key->network;
	out[2] = key->addr.version;
	memcpy(out + 3, key->addr.bytes, 16);
	out[19] = bits;
	out[20] = (uint8_t)(key->port >> 8);
	out[21] = (uint8_t)key->port;
}

void peers_encode_key(const struct peer_key *key, uint8_t out[PEERS_KEY_SIZE])
{
	encode_key(PEERS_KIND_RECORD, key, 0, out);
}

void peers_encode(const struct peers_record *r, uint8_t key[PEERS_KEY_SIZE],
		  uint8_t value[PEERS_VALUE_SIZE])
{
	const uint32_t times[] = {r->expires_s, r->set_s,   r->seen_s,
				  r->counted_s, r->probe_s, r->backoff_s};
	unsigned int i;

	peers_encode_key(&r->key, key);
	memset(value, 0, PEERS_VALUE_SIZE);
	value[0] = PEERS_FORMAT;
	value[1] = r->answer;
	value[2] = r->confidence;
	value[3] = (uint8_t)((r->mixed ? FLAG_MIXED : 0) | (r->v0_absent ? FLAG_V0_ABSENT : 0));
	value[4] = r->run;
	value[5] = r->set_by;
	value[6] = r->backoff_level;
	for (i = 0; i < 6; i++)
		put_le32(value + AT_TIMES + 4 * i, times[i]);
	memcpy(value + AT_COUNTS, r->counts, PEERS_COUNTS_SIZE);
}

void peers_encode_pin(const struct peers_pin *pin, uint8_t key[PEERS_KEY_SIZE],
		      uint8_t value[PEERS_PIN_SIZE])
{
	const struct peer_key peer = {
		.network = pin->network,
		.addr = pin->addr,
		.port = pin->port,
	};

	encode_key(PEERS_KIND_PIN, &peer, pin->bits, key);
	memset(value, 0, PEERS_PIN_SIZE);
	value[0] = PEERS_FORMAT;
	value[1] = pin->answer;
	put_le32(value + 4, pin->set_s);
}

static const char *decode_record(const uint8_t *value, size_t len, struct peers_record *r)
{
	const uint8_t *times = value + AT_TIMES;

	if (len != PEERS_VALUE_SIZE)
		return "a record's value has another length";
	if (value[0] != PEERS_FORMAT)
		return "format that is not known here";
	if (value[3] & ~(FLAG_MIXED | FLAG_V0_ABSENT) || value[7] || value[PEERS_VALUE_SIZE - 1])
		return "reserved bits are set";
	r->answer = value[1];
	r->confidence = value[2];
	r->mixed = value[3] & FLAG_MIXED;
	r->v0_absent = value[3] & FLAG_V0_ABSENT;
	r->run = value[4];
	r->set_by = value[5];
	r->backoff_level = value[6];
	r->expires_s = get_le32(times);
	r->set_s = get_le32(times + 4);
	r->seen_s = get_le32(times + 8);
	r->counted_s = get_le32(times + 12);
	r->probe_s = get_le32(times + 16);
	r->backoff_s = get_le32(times + 20);
	memcpy(r->counts, value + AT_COUNTS, PEERS_COUNTS_SIZE);
	return peers_record_wrong(r);
}

static const char *decode_pin(const uint8_t *value, size_t len, struct peers_pin *pin)
{
	if (len != PEERS_PIN_SIZE)
		return "a pin's value has another length";
	if (value[0] != PEERS_FORMAT)
		return "format that is not known here";
	if (value[2] || value[3])
		return "reserved bits are set";
	pin->answer = value[1];
	pin->set_s = get_le32(value + 4);
	return peers_pin_wrong(pin);
}

const char *peers_decode(const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len,
			 struct peers_item *item)
{
	struct peer_key peer = {0};

	if (key_len != PEERS_KEY_SIZE)
		return "a key has another length";
	peer.network = key[1];
	peer.addr.version = key[2];
	memcpy(peer.addr.bytes, key + 3, 16);
	peer.port = (uint16_t)(key[20] << 8 | key[21]);
	memset(item, 0, sizeof(*item));
	if (key[0] == PEERS_KIND_RECORD) {
		if (key[19])
			return "a record of a prefix";
		item->kind = PEERS_KIND_RECORD;
		item->record.key = peer;
		return decode_record(value, value_len, &item->record);
	}
	if (key[0] != PEERS_KIND_PIN)
		return "no kind of record that is known here";
	item->kind = PEERS_KIND_PIN;
	item->pin = (struct peers_pin){
		.network = peer.network,
		.bits = key[19],
		.addr = peer.addr,
		.port = peer.port,
	};
	return decode_pin(value, value_len, &item->pin);
}
