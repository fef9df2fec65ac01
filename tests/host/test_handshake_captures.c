/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The handshakes of real stacks through both ends of the engine. The keys are known from the third
 * ACK, so each end must say, to the bit, what the real one has said, and must take what it has got.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shake_capture.h"
#include "shake_ends.h"
#include "mpnic_model.h"

#define SEGMENTS_MAX 16384
#define JOINS_MAX    4

struct segment {
	struct mpnic_hdr hdr;
	uint16_t sum;
	bool whole; /* all of the payload is in sum */
};

static struct segment segments[SEGMENTS_MAX];
static unsigned int segment_count;

struct seen {
	unsigned int conns, joins, capable, capable_data, join_options, announced, added, echoed;
	unsigned int removed, prio, closed, failed, version[2], early;
};

static void collect(void *arg, const char *path, const uint8_t *data, size_t caplen, size_t len)
{
	struct segment *s = &segments[segment_count];
	struct mpnic_csum csum;

	(void)arg;
	(void)len;
	cr_assert_lt(segment_count, SEGMENTS_MAX, "%s", path);
	mpnic_packet(data, caplen, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &s->hdr, &csum);
	if (s->hdr.parse != MPNIC_PARSE_TCP)
		return;
	s->sum = csum.payload_sum;
	s->whole = csum.payload_seen == s->hdr.payload_len;
	segment_count++;
}

static bool from_to(const struct mpnic_hdr *h, const struct mpnic_hdr *as)
{
	return h->sport == as->sport && h->dport == as->dport && !memcmp(h->src, as->src, 16) &&
	       !memcmp(h->dst, as->dst, 16);
}

static bool to_from(const struct mpnic_hdr *h, const struct mpnic_hdr *as)
{
	return h->sport == as->dport && h->dport == as->sport && !memcmp(h->src, as->dst, 16) &&
	       !memcmp(h->dst, as->src, 16);
}

static bool kind_is(const struct mpnic_hdr *h, uint8_t flags)
{
	return (h->tcp_flags & (SYN | ACK | RST | FIN)) == flags;
}

static bool same_bytes(const struct mpnic_hdr *h, const struct mpnic_opt *real,
		       const struct mpnic_out_opt *ours)
{
	uint8_t wire[MPNIC_TCP_OPT_MAX];
	const int len = mpnic_encode_option(&ours->opt, ours->tail, wire, sizeof(wire));

	/* An old stack sets the B flag on a joining third ACK too, where it is reserved. */
	if (real->subtype == MPNIC_SUBTYPE_MP_JOIN && len == 24)
		wire[2] = h->opts[real->offset + 2];
	return len == real->length && !memcmp(wire, h->opts + real->offset, (size_t)len);
}

/* A connection of which SYN, SYN/ACK and a third packet with both keys are there. */
struct conn {
	const char *path;
	struct seen *seen;
	const struct mpnic_hdr *syn;
	struct hs_conn end[2];
	struct {
		const struct mpnic_hdr *syn;
		unsigned int opener; /* whose end has sent the SYN */
		struct hs_join end[2];
	} join[JOINS_MAX];
	unsigned int joins;
};

static enum hs_kind kind_of(const struct mpnic_hdr *h)
{
	if (h->tcp_flags & RST)
		return HS_RST;
	if (h->tcp_flags & SYN)
		return h->tcp_flags & ACK ? HS_SYNACK : HS_SYN;
	return HS_ACK;
}

/* What the real end has mapped, as if ours had. */
static struct hs_segment as_sent(const struct hs_conn *c, const struct segment *s)
{
	struct hs_segment out = {.kind = (uint8_t)kind_of(&s->hdr), .room = 40};
	const struct mpnic_opt *dss = option(&s->hdr, MPNIC_SUBTYPE_DSS);

	out.len = s->hdr.payload_len;
	out.sum = s->sum;
	out.ssn = 1;
	if (!dss || !(dss->fields & MPNIC_FIELD_MAPPING))
		return out;
	out.offset = dss->dss.dsn - (c->own_idsn + 1);
	if (!(dss->fields & MPNIC_FIELD_DSN8))
		out.offset = (uint32_t)out.offset;
	out.ssn = dss->dss.ssn;
	out.len = dss->data_len;
	if (dss->flags & MPNIC_DSS_F) {
		out.len--;
		out.data_fin = true;
	}
	return out;
}

/* The real end has announced an address; ours does, and must have the same HMAC. */
static void announce(struct conn *k, struct hs_conn *c, const struct mpnic_hdr *h,
		     const struct mpnic_opt *real)
{
	const struct hs_segment s = {.kind = HS_ACK, .room = 40};
	struct hs_addr a = {
		.addr = {.version = real->fields & MPNIC_FIELD_ADDR4 ? 4 : 6},
		.port = real->port,
		.id = real->addr_id,
	};
	struct hs_out out;

	if (real->version == 1 && (real->flags & 1))
		return;
	memcpy(a.addr.bytes, real->add_addr.addr, 16);
	if (c->state != HS_ESTABLISHED || hs_add_addr(c, &a, 0))
		return;
	cr_assert_eq(hs_send(c, &s, 0, &out), 0);
	for (unsigned int i = 0; i < out.count; i++) {
		if (out.opt[i].opt.subtype != MPNIC_SUBTYPE_ADD_ADDR || (out.opt[i].opt.flags & 1))
			continue;
		cr_assert(same_bytes(h, real, &out.opt[i]) || strstr(k->path, "bad_hmac"),
			  "%s: ADD_ADDR", k->path);
		k->seen->announced++;
	}
}

/* Our end says what the real one does. */
static void say(struct conn *k, struct hs_conn *c, const struct segment *s)
{
	const struct mpnic_opt *real = option(&s->hdr, MPNIC_SUBTYPE_MP_CAPABLE);
	struct hs_segment seg = as_sent(c, s);
	struct hs_out out;

	if (seg.kind == HS_RST || c->state == HS_TCP || c->state == HS_CLOSED)
		return;
	if (real && s->hdr.payload_len && real->data_len != s->hdr.payload_len)
		real = NULL; /* a mapping of several segments: seen before in one piece */
	if (hs_send(c, &seg, 0, &out))
		return;
	if (real && c->initiator && s->hdr.payload_len && c->state != HS_THIRD)
		real = NULL; /* ours has seen a DSS by now */
	if (real && (!s->hdr.payload_len || s->whole)) {
		cr_assert_eq(out.count, 1, "%s", k->path);
		cr_assert(same_bytes(&s->hdr, real, &out.opt[0]), "%s: MP_CAPABLE of %u bytes",
			  k->path, real->length);
		k->seen->capable++;
		k->seen->capable_data += !!s->hdr.payload_len;
	}
	for (unsigned int i = 0; i < s->hdr.mptcp_count; i++) {
		if (s->hdr.opt[i].subtype == MPNIC_SUBTYPE_ADD_ADDR && !s->hdr.opt[i].error)
			announce(k, c, &s->hdr, &s->hdr.opt[i]);
	}
}

static void note(struct conn *k, const struct hs_result *r)
{
	k->seen->added += !!(r->events & HS_EV_ADD_ADDR);
	k->seen->echoed += !!(r->events & HS_EV_ADD_ADDR_ECHO);
	k->seen->removed += !!(r->events & HS_EV_REMOVE_ADDR);
	k->seen->prio += !!(r->events & HS_EV_PRIO);
	k->seen->closed += !!(r->events & HS_EV_FASTCLOSE);
	k->seen->failed += !!(r->events & HS_EV_FAIL);
}

static void on_first(struct conn *k, const struct segment *s, unsigned int from)
{
	struct mpnic_hdr copy = s->hdr;
	struct hs_result r;

	say(k, &k->end[from], s);
	hs_receive(&k->end[!from], &copy, 0, &r);
	note(k, &r);
}

/* ---- joins ----------------------------------------------------------------------------------- */

static const struct segment *answer(const struct mpnic_hdr *syn)
{
	for (unsigned int i = 0; i < segment_count; i++) {
		const struct mpnic_hdr *h = &segments[i].hdr;

		if (kind_is(h, SYN | ACK) && to_from(h, syn) && h->ack == syn->seq + 1)
			return &segments[i];
	}
	return NULL;
}

static void open_join(struct conn *k, const struct mpnic_hdr *syn)
{
	const struct segment *synack = answer(syn);
	const struct mpnic_opt *a = option(syn, MPNIC_SUBTYPE_MP_JOIN);
	const struct mpnic_opt *b = synack ? option(&synack->hdr, MPNIC_SUBTYPE_MP_JOIN) : NULL;
	struct hs_join_plan x = {.isn = syn->seq, .port = syn->dport};
	struct hs_join_plan y = {.isn = synack ? synack->hdr.seq : 0};
	const unsigned int n = k->joins;
	unsigned int opener;
	int err;

	if (!a || n == JOINS_MAX)
		return;
	opener = a->join_syn.token == k->end[1].own_token ? 0 : 1;
	if (a->join_syn.token != k->end[!opener].own_token)
		return;
	x.id = a->addr_id;
	x.backup = a->flags & 1;
	x.nonce = a->join_syn.nonce;
	x.addr.version = syn->ip_version;
	memcpy(x.addr.bytes, syn->dst, 16);
	if (b) {
		y.id = b->addr_id;
		y.backup = b->flags & 1;
		y.nonce = b->join_synack.nonce2;
	}
	err = hs_join_open(&k->join[n].end[opener], &k->end[opener], &x, 0);
	/* Linux takes an ADD_ADDR for a DSS here; the text of rule 14 does not. */
	if (err == -EAGAIN) {
		k->seen->early++;
		k->end[opener].peer_dss = true;
		err = hs_join_open(&k->join[n].end[opener], &k->end[opener], &x, 0);
	}
	cr_assert_eq(err, 0, "%s: %d", k->path, err);
	hs_join_listen(&k->join[n].end[!opener], &y);
	k->join[n].syn = syn;
	k->join[n].opener = opener;
	k->joins++;
}

static void on_join(struct conn *k, unsigned int n, const struct segment *s, unsigned int from)
{
	struct hs_join *j = &k->join[n].end[from];
	const struct mpnic_opt *real = option(&s->hdr, MPNIC_SUBTYPE_MP_JOIN);
	const struct hs_segment seg = as_sent(&k->end[from], s);
	struct mpnic_hdr copy = s->hdr;
	struct hs_out out;
	struct hs_result r;

	/* One that is sent again although its acknowledgement was seen here is not looked at. */
	if (seg.kind != HS_RST && j->state != HS_ESTABLISHED &&
	    !hs_join_send(j, &k->end[from], &seg, 0, &out) && real) {
		cr_assert(same_bytes(&s->hdr, real, &out.opt[0]) || strstr(k->path, "bad_"),
			  "%s: MP_JOIN of %u bytes", k->path, real->length);
		k->seen->join_options++;
	}
	hs_join_receive(&k->join[n].end[!from], &k->end[!from], &copy, 0, &r);
	note(k, &r);
	k->seen->joins += !!(r.events & HS_EV_ESTABLISHED);
}

static void on_segment(struct conn *k, const struct segment *s)
{
	if (from_to(&s->hdr, k->syn) || to_from(&s->hdr, k->syn)) {
		on_first(k, s, from_to(&s->hdr, k->syn) ? 0 : 1);
		return;
	}
	for (unsigned int n = k->joins; n-- > 0;) {
		const bool forth = from_to(&s->hdr, k->join[n].syn);

		if (!forth && !to_from(&s->hdr, k->join[n].syn))
			continue;
		on_join(k, n, s, forth ? k->join[n].opener : !k->join[n].opener);
		return;
	}
	if (!kind_is(&s->hdr, SYN))
		return;
	open_join(k, &s->hdr);
	if (k->joins && k->join[k->joins - 1].syn == &s->hdr)
		on_join(k, k->joins - 1, s, k->join[k->joins - 1].opener);
}

/* ---- connections ----------------------------------------------------------------------------- */

static const struct mpnic_opt *third_of(const struct mpnic_hdr *syn)
{
	for (unsigned int i = 0; i < segment_count; i++) {
		const struct mpnic_hdr *h = &segments[i].hdr;
		const struct mpnic_opt *opt = option(h, MPNIC_SUBTYPE_MP_CAPABLE);

		if (opt && from_to(h, syn) && (opt->fields & MPNIC_FIELD_RECEIVER_KEY))
			return opt;
	}
	return NULL;
}

static void replay(const char *path, unsigned int at, struct seen *seen)
{
	const struct mpnic_hdr *syn = &segments[at].hdr;
	const struct mpnic_opt *offer = option(syn, MPNIC_SUBTYPE_MP_CAPABLE);
	const struct mpnic_opt *third = third_of(syn);
	const struct segment *synack = answer(syn);
	const struct mpnic_opt *taken = synack ? option(&synack->hdr, 0) : NULL;
	static struct conn k;
	struct hs_config cfg[2] = {{.capable_syns = 255}, {.rto_ms = 1}};

	if (!offer || !third || !taken)
		return;
	memset(&k, 0, sizeof(k));
	k.path = path;
	k.seen = seen;
	k.syn = syn;
	for (unsigned int i = 0; i < 2; i++) {
		const uint8_t flags = i ? taken->flags : offer->flags;

		cfg[i].versions = (uint8_t)(1u << taken->version);
		cfg[i].csum = flags & MPNIC_CAPABLE_A ? HS_CSUM_REQUIRE : HS_CSUM_ACCEPT;
		cfg[i].no_join = taken->version && (flags & MPNIC_CAPABLE_C);
	}
	hs_open(&k.end[0], &cfg[0], third->capable.sender_key, syn->seq, 0);
	hs_listen(&k.end[1], &cfg[1], &taken->capable.sender_key, synack->hdr.seq);
	for (unsigned int i = at; i < segment_count; i++)
		on_segment(&k, &segments[i]);
	cr_assert(k.end[0].keys && k.end[1].keys, "%s", path);
	cr_assert(k.end[0].own_key == k.end[1].peer_key && k.end[1].own_key == k.end[0].peer_key);
	cr_assert_eq(k.end[0].csum, k.end[1].csum);
	/* Only where something went wrong on the way, or is not seen, is it TCP in the end. */
	for (unsigned int i = 0; i < 2; i++)
		cr_assert(k.end[i].state != HS_TCP || strstr(path, "mp_fail") ||
				  strstr(path, "mpfail") || strstr(path, "fragments"),
			  "%s: %s", path, hs_why_name(k.end[i].why));
	seen->conns++;
	seen->version[taken->version]++;
}

static void replay_file(const char *path, struct seen *seen)
{
	segment_count = 0;
	capture_read(path, collect, NULL);
	for (unsigned int i = 0; i < segment_count; i++) {
		bool again = false;

		if (!kind_is(&segments[i].hdr, SYN))
			continue;
		for (unsigned int j = 0; j < i; j++)
			again |= kind_is(&segments[j].hdr, SYN) &&
				 from_to(&segments[j].hdr, &segments[i].hdr) &&
				 segments[j].hdr.seq == segments[i].hdr.seq;
		if (!again)
			replay(path, i, seen);
	}
}

static struct seen replay_all(const char *pattern)
{
	struct seen seen = {.conns = 0};
	char *paths[256];
	const unsigned int files = capture_list(pattern, paths, 256);

	for (unsigned int i = 0; i < files; i++)
		replay_file(paths[i], &seen);
	capture_list_free(paths, files);
	printf("%s: %u connections (v0 %u, v1 %u), MP_CAPABLE %u (with data %u), joins %u, "
	       "MP_JOIN %u, ADD_ADDR made %u taken %u echoed %u, REMOVE_ADDR %u, MP_PRIO %u, "
	       "FASTCLOSE %u, MP_FAIL %u, early joins %u\n",
	       pattern, seen.conns, seen.version[0], seen.version[1], seen.capable,
	       seen.capable_data, seen.joins, seen.join_options, seen.announced, seen.added,
	       seen.echoed, seen.removed, seen.prio, seen.closed, seen.failed, seen.early);
	return seen;
}

Test(captures, both_ends_of_every_connection)
{
	const struct seen seen = replay_all("tests/captures/*.pcap*");

	cr_assert(seen.version[0] >= 2 && seen.version[1] >= 30);
	cr_assert(seen.capable >= 100 && seen.joins >= 25 && seen.join_options >= 40);
	cr_assert(seen.announced >= 6 && seen.added >= 6 && seen.echoed >= 4);
	cr_assert(seen.removed && seen.prio && seen.closed && seen.failed);
}

/* Version 0 of a real stack, where the folder of such captures is. */
Test(captures, other_stacks)
{
	const char *dir = getenv("MPNIC_PCAPS");
	char pattern[4096];
	struct seen seen;

	snprintf(pattern, sizeof(pattern), "%s/v[01]_*.pcap", dir ? dir : "../shared/pcaps");
	seen = replay_all(pattern);
	/* The captures are not the project's to give: who has them names their folder. */
	if (!seen.conns)
		printf("not checked: %s is not here (MPNIC_PCAPS)\n", pattern);
	else
		cr_assert(seen.version[0] && seen.version[1] && seen.joins);
}
