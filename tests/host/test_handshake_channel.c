/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two engines against each other over a channel that loses, doubles and reorders segments: for all
 * pairs of configurations both ends agree in the end, on version, keys and checksums, or on TCP.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "shake_ends.h"
#include "shake_random.h"

#define FLIGHT_MAX 256
#define CHUNK	   100u
#define TOTAL	   (4 * CHUNK)
#define RTO	   700
#define LIMIT_MS   600000

struct flight {
	uint64_t at;
	unsigned int to;
	bool tcp; /* sent in HS_TCP */
	struct mpnic_hdr hdr;
};

struct channel {
	struct end end[2]; /* the initiator, the listener */
	struct flight flight[FLIGHT_MAX];
	unsigned int flights, loss, strip; /* per cent */
	bool infinite[2];
	bool strip_all; /* every option behind the SYNs, in one direction */
	unsigned int strip_from;
	uint64_t now, seed, again[2];
};

static bool open_end(const struct end *e)
{
	return e->c.state == HS_THIRD || e->c.state == HS_ESTABLISHED || e->c.state == HS_TCP;
}

/* What an end in TCP says: nothing, but for one infinite mapping. */
static void check_silence(const struct end *e, const struct mpnic_hdr *hdr, bool *infinite)
{
	if (e->c.state != HS_TCP || !hdr->mptcp)
		return;
	cr_assert(e->c.why == HS_WHY_NO_DATA_ACK || e->c.why == HS_WHY_FIRST_DATA_BARE, "%s",
		  hs_why_name(e->c.why));
	cr_assert(hdr->mptcp_count == 1 && hdr->opt[0].subtype == MPNIC_SUBTYPE_DSS &&
		  hdr->opt[0].data_len == 0);
	cr_assert_not(*infinite, "a second infinite mapping");
	*infinite = true;
}

static void launch(struct channel *ch, unsigned int from, const struct mpnic_hdr *hdr)
{
	const unsigned int copies = below(&ch->seed, 100) < ch->loss / 2 ? 2 : 1;

	for (unsigned int i = 0; i < copies; i++) {
		struct flight *f;

		if (below(&ch->seed, 100) < ch->loss)
			continue;
		cr_assert_lt(ch->flights, FLIGHT_MAX);
		f = &ch->flight[ch->flights++];
		f->at = ch->now + 20 + (ch->loss ? below(&ch->seed, 80) : 0);
		f->to = !from;
		f->tcp = ch->end[from].c.state == HS_TCP;
		f->hdr = *hdr;
		if (ch->strip_all && from == ch->strip_from && !(hdr->tcp_flags & SYN))
			f->hdr = without_options(hdr);
	}
}

static void send_one(struct channel *ch, unsigned int from, enum hs_kind kind, uint32_t offset,
		     uint16_t len)
{
	struct end *e = &ch->end[from];
	struct mpnic_hdr hdr;

	e->now = ch->now;
	if (end_try(e, kind, offset, len, &hdr) == -EAGAIN) {
		hdr = end_send(e, HS_ACK, offset, 0);
		launch(ch, from, &hdr);
		hdr = end_send(e, kind, offset, len);
	}
	check_silence(e, &hdr, &ch->infinite[from]);
	launch(ch, from, &hdr);
}

/* All data that is not acknowledged, when its time has come. */
static void send_data(struct channel *ch, unsigned int from)
{
	struct end *e = &ch->end[from];

	if (!open_end(e) || e->acked >= TOTAL || ch->again[from] > ch->now)
		return;
	for (uint32_t at = e->acked; at < TOTAL; at += CHUNK - at % CHUNK)
		send_one(ch, from, HS_ACK, at, (uint16_t)(CHUNK - at % CHUNK));
	ch->again[from] = ch->now + RTO + below(&ch->seed, RTO);
}

/*
 * A segment of an end in TCP that acknowledges data, is the third packet, or has the first data,
 * tells the other end, whatever it was.
 */
static void check_told(const struct channel *ch, const struct flight *f, const struct hs_conn *was)
{
	const struct hs_conn *c = &ch->end[f->to].c;
	const bool acks = (int32_t)(f->hdr.ack - c->isn - 1) > 0;

	if (!f->tcp || (f->hdr.tcp_flags & (SYN | RST)) || c->state == HS_CLOSED ||
	    c->state == HS_SYN_SENT)
		return;
	if ((f->hdr.payload_len && !was->peer_dss) || acks || was->state == HS_SYN_RECEIVED)
		cr_assert_eq(c->state, HS_TCP, "the other end has said TCP, this one is %s",
			     hs_state_name(c->state));
}

static void arrive(struct channel *ch, const struct flight *f)
{
	struct end *e = &ch->end[f->to];
	const struct hs_conn was = e->c;

	e->now = ch->now;
	end_take(e, &f->hdr);
	check_told(ch, f, &was);
	/* TCP acknowledges what it gets. */
	if (f->hdr.payload_len && open_end(e))
		send_one(ch, f->to, HS_ACK, e->acked, 0);
}

static void deliver(struct channel *ch)
{
	for (unsigned int i = 0; i < ch->flights;) {
		struct flight f = ch->flight[i];

		if (f.at > ch->now) {
			i++;
			continue;
		}
		ch->flight[i] = ch->flight[--ch->flights];
		arrive(ch, &f);
	}
}

static void wake(struct channel *ch, unsigned int i)
{
	struct end *e = &ch->end[i];
	enum hs_kind kind;
	unsigned int n = 0;

	while ((kind = hs_due(&e->c, ch->now)) != HS_NOTHING) {
		cr_assert_lt(n++, 10, "it never has enough");
		send_one(ch, i, kind, kind == HS_ACK ? e->acked : 0, 0);
	}
	if (kind == HS_NOTHING && e->c.state != HS_CLOSED)
		cr_assert_gt(hs_deadline(&e->c), ch->now);
	send_data(ch, i);
}

static bool done(const struct channel *ch)
{
	bool all = !ch->flights;

	for (unsigned int i = 0; i < 2; i++) {
		if (ch->end[i].c.state == HS_CLOSED)
			return !ch->flights;
		all = all && ch->end[i].acked == TOTAL && ch->end[i].received == TOTAL;
	}
	return all;
}

static void play(struct channel *ch, const struct hs_config *ca, const struct hs_config *cb)
{
	end_open(&ch->end[0], ca);
	end_listen(&ch->end[1], cb);
	for (; ch->now < LIMIT_MS && !done(ch); ch->now += 10) {
		deliver(ch);
		for (unsigned int i = 0; i < 2; i++)
			wake(ch, i);
	}
	cr_assert_lt(ch->now, LIMIT_MS);
}

/* Returns the version, 2 for TCP, 3 if no connection came about. */
static unsigned int check_agreement(const struct channel *ch)
{
	const struct hs_conn *a = &ch->end[0].c, *b = &ch->end[1].c;

	if (a->state == HS_CLOSED || b->state == HS_CLOSED) {
		/* One gives up first; the other then has nobody to talk to. */
		cr_assert(a->state == HS_CLOSED ? a->why == HS_WHY_SILENT
						: b->why == HS_WHY_SILENT);
		return 3;
	}
	cr_assert_eq(a->state, b->state, "%s and %s", hs_state_name(a->state),
		     hs_state_name(b->state));
	if (a->state == HS_TCP)
		return 2;
	cr_assert_eq(a->state, HS_ESTABLISHED);
	cr_assert(a->confirmed && b->confirmed);
	cr_assert(a->version == b->version && a->csum == b->csum);
	cr_assert(a->own_key == b->peer_key && a->peer_key == b->own_key);
	cr_assert(a->own_token == b->peer_token && a->peer_idsn == b->own_idsn);
	return a->version;
}

/* The negotiation once more, from the table of docs/handshake.md. */
static unsigned int expected(const struct hs_config *a, const struct hs_config *b, bool *csum)
{
	const unsigned int offer = a->versions & HS_V1 ? 1 : 0;

	*csum = a->csum == HS_CSUM_REQUIRE || b->csum == HS_CSUM_REQUIRE;
	if (!a->versions || !(b->versions & (1u << offer)))
		return 2;
	if (offer == 1 && *csum && (a->csum == HS_CSUM_REFUSE || b->csum == HS_CSUM_REFUSE))
		return 2;
	return offer;
}

static struct hs_config config(unsigned int n)
{
	return (struct hs_config){
		.versions = (uint8_t)(n % 4), .csum = (uint8_t)(n / 4 % 3), .rto_ms = 500};
}

Test(channel, without_loss_as_the_table_says)
{
	static struct channel ch;

	for (unsigned int n = 0; n < 12 * 12; n++) {
		const struct hs_config ca = config(n % 12), cb = config(n / 12);
		unsigned int version;
		bool csum;

		memset(&ch, 0, sizeof(ch));
		ch.seed = n + 1;
		play(&ch, &ca, &cb);
		version = expected(&ca, &cb, &csum);
		cr_assert_eq(check_agreement(&ch), version, "versions %u and %u, csum %u and %u",
			     ca.versions, cb.versions, ca.csum, cb.csum);
		if (version < 2)
			cr_assert_eq(ch.end[0].c.csum, csum);
	}
}

Test(channel, loss_reordering_and_doubles_never_leave_one_side_behind, .timeout = 300)
{
	static struct channel ch;
	unsigned int seen[4] = {0};

	for (unsigned int n = 0; n < 12 * 12 * 12; n++) {
		const struct hs_config ca = config(n % 12), cb = config(n / 12 % 12);
		unsigned int version, got;
		bool csum;

		memset(&ch, 0, sizeof(ch));
		ch.seed = n * 77 + 5;
		ch.loss = 5 + n / 144 * 4;
		play(&ch, &ca, &cb);
		version = expected(&ca, &cb, &csum);
		got = check_agreement(&ch);
		seen[got]++;
		/* Loss may cost MPTCP, it never makes it. */
		if (got < 2)
			cr_assert(got == version && ch.end[0].c.csum == csum);
	}
	/* It is no test if everything ends as TCP. */
	cr_assert(seen[0] > 50 && seen[1] > 150 && seen[2] > 500 && seen[3] < 200,
		  "v0 %u, v1 %u, TCP %u, none %u", seen[0], seen[1], seen[2], seen[3]);
}

/* A path that takes all options off what follows the SYNs, in one direction or the other. */
Test(channel, stripped_paths_end_as_tcp)
{
	static struct channel ch;

	for (unsigned int n = 0; n < 12 * 12 * 8; n++) {
		const struct hs_config ca = config(n % 12), cb = config(n / 12 % 12);

		memset(&ch, 0, sizeof(ch));
		ch.seed = n * 31 + 7;
		ch.strip_all = true;
		ch.strip_from = n / 144 % 2;
		ch.loss = n / 288 * 6;
		play(&ch, &ca, &cb);
		cr_assert_geq(check_agreement(&ch), 2);
	}
}

/* ---- joins ----------------------------------------------------------------------------------- */

struct join_flight {
	uint64_t at;
	unsigned int to;
	struct mpnic_hdr hdr;
};

struct join_channel {
	struct end end[2];
	struct hs_join join[2]; /* who opens it, who listens */
	struct join_flight flight[FLIGHT_MAX];
	unsigned int flights, loss;
	uint64_t now, seed;
};

static void join_launch(struct join_channel *ch, unsigned int from, enum hs_kind kind)
{
	static const uint8_t flags[] = {0, SYN, SYN | ACK, ACK, RST | ACK};
	const struct hs_segment s = {.kind = (uint8_t)kind, .room = 30};
	struct hs_join *j = &ch->join[from];
	struct mpnic_out_options options = {.flags = 0};
	uint8_t opts[MPNIC_TCP_OPT_MAX];
	struct mpnic_hdr plain, hdr;
	struct hs_out out;
	int len;

	cr_assert_eq(hs_join_send(j, &ch->end[from].c, &s, ch->now, &out), 0);
	options.mptcp = out.opt;
	options.mptcp_count = out.count;
	len = mpnic_encode_options(&options, opts);
	cr_assert_geq(len, 0);
	plain = (struct mpnic_hdr){.tcp_flags = flags[kind],
				   .seq = j->isn + (kind > HS_SYNACK),
				   .ack = kind == HS_SYN ? 0 : j->peer_isn + 1};
	hdr = with_options(&plain, opts, (size_t)len);
	for (unsigned int i = 0; i < 1 + (below(&ch->seed, 100) < ch->loss / 2); i++) {
		if (below(&ch->seed, 100) < ch->loss)
			continue;
		cr_assert_lt(ch->flights, FLIGHT_MAX);
		ch->flight[ch->flights++] = (struct join_flight){
			.at = ch->now + 20 + below(&ch->seed, 300), .to = !from, .hdr = hdr};
	}
}

static void join_arrive(struct join_channel *ch, const struct join_flight *f)
{
	struct mpnic_hdr copy = f->hdr;
	struct hs_result r;

	hs_join_receive(&ch->join[f->to], &ch->end[f->to].c, &copy, ch->now, &r);
	/* No HMAC is ever wrong here, and nothing that was late resets what stands. */
	cr_assert_not(r.events & HS_EV_TCP);
	cr_assert(!(r.events & HS_EV_RESET) || r.why == HS_WHY_RST, "%s", hs_why_name(r.why));
}

static void join_play(struct join_channel *ch)
{
	uint64_t next = 0;

	while (next != HS_NEVER) {
		next = HS_NEVER;
		for (unsigned int i = 0; i < ch->flights;) {
			struct join_flight f = ch->flight[i];

			if (f.at > ch->now) {
				next = f.at < next ? f.at : next;
				i++;
				continue;
			}
			ch->flight[i] = ch->flight[--ch->flights];
			join_arrive(ch, &f);
		}
		for (unsigned int i = 0; i < 2; i++) {
			enum hs_kind kind;
			uint64_t due;

			while ((kind = hs_join_due(&ch->join[i], &ch->end[i].c, ch->now)))
				join_launch(ch, i, kind);
			due = hs_join_deadline(&ch->join[i]);
			next = due < next ? due : next;
		}
		for (unsigned int i = 0; i < ch->flights; i++)
			next = ch->flight[i].at < next ? ch->flight[i].at : next;
		ch->now = next;
	}
}

Test(channel, joins_over_a_bad_channel, .timeout = 300)
{
	static struct join_channel ch;
	unsigned int both = 0, none = 0, half = 0;

	for (unsigned int n = 0; n < 600; n++) {
		const struct hs_config cfg = {.versions = n & 1 ? HS_V1 : HS_V0};
		const struct hs_join_plan x = {.id = 1, .nonce = n, .isn = n * 7, .port = 80};
		const struct hs_join_plan y = {.id = 2, .nonce = ~n, .isn = n * 13};

		memset(&ch, 0, sizeof(ch));
		ch.seed = n + 1;
		ch.loss = n / 30 * 3;
		shake(&ch.end[0], &ch.end[1], &cfg, &cfg);
		talk(&ch.end[0], &ch.end[1]);
		cr_assert_eq(hs_join_open(&ch.join[0], &ch.end[0].c, &x, 0), 0);
		hs_join_listen(&ch.join[1], &y);
		join_play(&ch);
		/* Who has opened it knows only what the other does, and never more. */
		cr_assert(ch.join[0].state != HS_ESTABLISHED || ch.join[1].state == HS_ESTABLISHED);
		cr_assert_eq(ch.end[0].c.joins, ch.join[0].state == HS_ESTABLISHED);
		if (!ch.loss)
			cr_assert_eq(ch.join[0].state, HS_ESTABLISHED);
		both += ch.join[0].state == HS_ESTABLISHED;
		none += ch.join[1].state != HS_ESTABLISHED;
		half += ch.join[0].state != HS_ESTABLISHED && ch.join[1].state == HS_ESTABLISHED;
	}
	cr_assert(both > 450 && none + half > 5, "both %u, none %u, half %u", both, none, half);
}
