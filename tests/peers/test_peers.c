/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stack against itself, through a path that meddles, in a time of its own; and against frames
 * made by hand.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto0.h"
#include "fetch.h"
#include "http.h"
#include "path.h"
#include "reasm.h"

#define LATENCY	  1000
#define QUEUE	  1024
#define SECOND	  1000000ull
#define PORT	  8080
#define KINDS	  8
#define SOME_DATA 300000

struct flying {
	uint64_t at;
	unsigned to;
	size_t len;
	uint8_t frame[FRAME_MAX];
};

struct world {
	struct stack *st[2]; /* client, server */
	struct end {
		struct world *w;
		unsigned side;
	} end[2];
	struct path path;
	struct flying *queue;
	unsigned head, tail, size;
	uint64_t now, random;
	struct stack_config cfg[2];
	struct fetch f;
	struct app app;
	struct conn_report server; /* of the connection that ended last */
	unsigned ended, opened;
	bool established; /* MPTCP, by the connection that the server opened last */
	/* MPTCP options by subtype that each side has sent; lengths of its DSS. */
	unsigned sent[2][16], dss_len[2][32];
	uint64_t joined_payload[2]; /* bytes on subflows other than the first */
	uint16_t first_port;
	struct options last;	  /* of the last segment that the server sent */
	struct segment last_head; /* its header; its pointers are stale */
	unsigned frames_from_server;
};

static uint64_t next_random(struct world *w)
{
	w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
	return w->random >> 33;
}

static void fill_random(void *ctx, void *buf, size_t len)
{
	struct end *e = ctx;
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)next_random(e->w);
}

static void fly(void *ctx, bool up, const uint8_t *frame, size_t len)
{
	struct world *w = ctx;
	struct flying *q = &w->queue[w->tail % w->size];

	cr_assert_lt(w->tail - w->head, w->size);
	q->at = w->now + LATENCY;
	q->to = up;
	q->len = len;
	memcpy(q->frame, frame, len);
	w->tail++;
}

static void look(struct world *w, unsigned side, const uint8_t *frame, size_t len)
{
	struct segment s;
	struct options o;
	size_t at = 0;

	if (segment_parse(frame, len, &s))
		return;
	options_parse(s.options, s.options_len, &o);
	cr_assert_eq(o.bad, 0);
	while (at < s.options_len && s.options[at]) {
		const uint8_t *p = s.options + at;

		if (p[0] == 1) {
			at++;
			continue;
		}
		if (p[0] == 30)
			w->sent[side][p[2] >> 4]++;
		if (p[0] == 30 && p[2] >> 4 == 2)
			w->dss_len[side][p[1]]++;
		at += p[1];
	}
	if (!side && !w->first_port)
		w->first_port = s.sport;
	if ((side ? s.dport : s.sport) != w->first_port)
		w->joined_payload[side] += s.len;
	if (side) {
		w->last = o;
		w->last_head = s;
		w->frames_from_server++;
	}
}

static void send_frame(void *ctx, unsigned port, const uint8_t *frame, size_t len)
{
	struct end *e = ctx;
	uint8_t copy[FRAME_MAX];

	cr_assert_eq(port, 0);
	cr_assert_leq(len, 1514);
	memcpy(copy, frame, len);
	look(e->w, e->side, frame, len);
	path_frame(&e->w->path, !e->side, copy, len);
}

static void report(void *ctx, enum stack_event event, struct conn *c)
{
	struct end *e = ctx;

	if (!e->side) {
		if (event == EVENT_ADD_ADDR)
			fetch_advertised(&e->w->f, conn_report(c));
		return;
	}
	e->w->opened += event == EVENT_OPEN;
	if (event == EVENT_OPEN)
		e->w->established = conn_report(c)->mptcp;
	if (event != EVENT_END)
		return;
	e->w->server = *conn_report(c);
	e->w->ended++;
}

static struct ipaddr ip(const char *text)
{
	struct ipaddr a;

	cr_assert(ipaddr_parse(text, &a));
	return a;
}

static void configure(struct stack_config *cfg, unsigned side, bool v6)
{
	static const char *const v4s[2][2] = {{"10.0.0.1", "10.0.1.1"}, {"10.0.0.2", "10.0.1.2"}};
	static const char *const v6s[2][2] = {{"fd00::1", "fd00:1::1"}, {"fd00::2", "fd00:1::2"}};

	memset(cfg, 0, sizeof(*cfg));
	cfg->rto_min = 20000;
	cfg->idle = 600 * SECOND;
	cfg->mtu = 1500;
	cfg->mac[0] = 2;
	cfg->mac[5] = (uint8_t)(side + 1);
	for (unsigned i = 0; i < 2; i++)
		cfg->addr[i] = ip(v6 ? v6s[side][i] : v4s[side][i]);
	cfg->addrs = 2;
	cfg->ports = 1;
}

/* A world that is then changed (cfg, path.cfg, f) and started. */
static struct world *new_world(bool v6)
{
	struct world *w = calloc(1, sizeof(*w));

	w->size = QUEUE;
	w->queue = malloc(QUEUE * sizeof(w->queue[0]));
	w->random = 42;
	w->now = SECOND;
	path_init(&w->path, fly, w);
	for (unsigned i = 0; i < 2; i++) {
		w->end[i] = (struct end){w, i};
		configure(&w->cfg[i], i, v6);
	}
	w->f.bytes = SOME_DATA;
	w->f.second = w->cfg[0].addr[1];
	return w;
}

static void start_stacks(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct stack_env env = {&w->end[i], send_frame, fill_random, report};

		w->st[i] = stack_new(&w->cfg[i], &env);
	}
	stack_listen(w->st[1], PORT, &http_app);
}

static struct conn *start(struct world *w)
{
	const struct endpoint to = {w->cfg[1].addr[0], PORT};

	start_stacks(w);
	w->app = fetch_app(&w->f);
	return stack_connect(w->st[0], &w->cfg[0].addr[0], &to, &w->app);
}

static void step(struct world *w, uint64_t until)
{
	uint64_t next[2], at = until;

	for (unsigned i = 0; i < 2; i++) {
		next[i] = stack_tick(w->st[i], w->now);
		at = next[i] < at ? next[i] : at;
	}
	if (w->head == w->tail)
		path_flush(&w->path);
	if (w->head != w->tail && w->queue[w->head % w->size].at <= at) {
		struct flying *q = &w->queue[w->head % w->size];

		w->now = q->at > w->now ? q->at : w->now;
		stack_input(w->st[q->to], 0, q->frame, q->len, w->now);
		w->head++;
		return;
	}
	w->now = at > w->now ? at : w->now;
}

/* Until both ends of the connection are over, or so many seconds. */
static void run_for(struct world *w, unsigned seconds)
{
	const uint64_t until = w->now + seconds * SECOND;

	while (w->now < until && !(w->f.over && w->ended == w->opened && w->opened))
		step(w, until);
}

/* So many microseconds, whatever ends. */
static void pass_time(struct world *w, uint64_t us)
{
	const uint64_t until = w->now + us;

	while (w->now < until)
		step(w, until);
}

static void end_world(struct world *w)
{
	stack_free(w->st[0]);
	stack_free(w->st[1]);
	free(w->queue);
	free(w);
}

static void expect_end(const struct world *w, const char *how)
{
	cr_assert_str_eq(w->f.report.end, how, "client: %s", w->f.report.end);
	cr_assert_str_eq(w->server.end, how, "server: %s", w->server.end);
}

/* Units. */

Test(crypto0, real_keys)
{
	static const uint8_t ka[] = {0x9c, 0x9e, 0xab, 0xd1, 0xe4, 0x6a, 0x33, 0xb2};
	static const uint8_t kb[] = {0x96, 0x7d, 0x27, 0x70, 0xb6, 0x96, 0x05, 0x52};

	cr_assert_eq(key_token(kb), 0xe47f0142);
	cr_assert_eq(key_idsn(ka), 0x9851b565d52abec9);
}

/* Computed with Python's hmac. */
Test(crypto0, hmac)
{
	static const uint8_t ka[] = "mpnicKA0", kb[] = "mpnicKB0";
	static const uint8_t a[HMAC_LEN] = {0x97, 0x64, 0x7a, 0x02, 0x5b, 0x60, 0xe1,
					    0x45, 0x4c, 0xf9, 0x92, 0x71, 0xa5, 0xd3,
					    0x42, 0xad, 0x39, 0xe4, 0x57, 0xe1},
			     b[HMAC_LEN] = {0x0b, 0xd6, 0x75, 0x84, 0x9d, 0x13, 0x3c,
					    0xe3, 0xdc, 0x82, 0xfc, 0x22, 0x6d, 0x2d,
					    0xb6, 0xe3, 0x8e, 0x6a, 0x1b, 0x45};
	uint8_t h[HMAC_LEN];

	join_hmac(ka, kb, 0x11223344, 0x55667788, h);
	cr_assert_arr_eq(h, a, HMAC_LEN);
	join_hmac(kb, ka, 0x55667788, 0x11223344, h);
	cr_assert_arr_eq(h, b, HMAC_LEN);
}

/* By hand: 0001 0203 0405 0607 + 1 + 2 + 6162 6300, inverted. */
Test(options, dss_checksum)
{
	struct sum s = {0};

	sum_add(&s, "a", 1);
	sum_add(&s, "bc", 2);
	cr_assert_eq(dss_checksum(0x0001020304050607, 1, 2, &s), 0x2f8a);
}

Test(options, dss_forms)
{
	for (unsigned form = 0; form < 64; form++) {
		struct opt_dss d = {.here = true,
				    .has_ack = form & 1,
				    .ack8 = form & 2,
				    .has_map = form & 4,
				    .dsn8 = form & 8,
				    .fin = form & 16,
				    .has_csum = form & 32};
		struct optbuf b = {.n = 0};
		struct options o;

		d.ack = d.ack8 ? 0x1122334455667788 : 0x55667788;
		d.dsn = d.dsn8 ? 0x99aabbccddeeff00 : 0xddeeff00;
		d.ssn = 0x01020304;
		d.len = 0x0506;
		d.csum = d.has_csum ? 0x0708 : 0;
		cr_assert(put_dss(&b, &d));
		options_parse(b.b, b.n, &o);
		cr_assert_eq(o.bad, 0);
		cr_assert(o.dss.here);
		cr_assert_eq(o.dss.has_ack, d.has_ack);
		cr_assert_eq(o.dss.has_map, d.has_map);
		if (d.has_ack)
			cr_assert_eq(o.dss.ack, d.ack);
		if (!d.has_map)
			continue;
		cr_assert_eq(o.dss.dsn, d.dsn);
		cr_assert_eq(o.dss.fin, d.fin);
		cr_assert_eq(o.dss.ssn, d.ssn);
		cr_assert_eq(o.dss.len, d.len);
		cr_assert_eq(o.dss.csum, d.csum);
	}
}

Test(options, hostile)
{
	struct world w = {.random = 7};
	struct options o;

	for (unsigned i = 0; i < 50000; i++) {
		const size_t len = next_random(&w) % 41;
		uint8_t *p = malloc(len);

		for (size_t k = 0; k < len; k++)
			p[k] = (uint8_t)next_random(&w);
		for (size_t k = 0; k + 2 < len && (i & 1); k += 4 + next_random(&w) % 8) {
			p[k] = 30;
			p[k + 1] = (uint8_t)(next_random(&w) % 30);
		}
		options_parse(p, len, &o);
		free(p);
	}
}

/* What is put in pieces, anyhow, comes out as it was; what comes second changes nothing. */
Test(reasm, property)
{
	struct world w = {.random = 3};

	for (unsigned round = 0; round < 300; round++) {
		const size_t total = 5000;
		struct reasm r;
		uint64_t read = 0;

		cr_assert_eq(reasm_init(&r, 1024), 0);
		while (read < total) {
			uint64_t at = read + next_random(&w) % 1100;
			uint8_t piece[200];
			const size_t len = 1 + next_random(&w) % sizeof(piece);
			const uint8_t *p;
			size_t n;

			at -= at < 50 ? 0 : next_random(&w) % 50;
			for (size_t i = 0; i < len; i++)
				piece[i] = (uint8_t)((at + i) * 7 + (at + i) / 256);
			reasm_put(&r, at, piece, len);
			while ((n = reasm_peek(&r, r.base, &p)) && next_random(&w) % 4) {
				n = 1 + next_random(&w) % n;
				for (size_t i = 0; i < n; i++, read++)
					cr_assert_eq(p[i], (uint8_t)(read * 7 + read / 256));
				reasm_skip(&r, n);
			}
		}
		reasm_free(&r);
	}
}

Test(reasm, first_come_stays)
{
	struct reasm r;
	const uint8_t *p;

	reasm_init(&r, 64);
	cr_assert(reasm_put(&r, 2, (const uint8_t *)"bb", 2));
	cr_assert(reasm_put(&r, 0, (const uint8_t *)"aaaaaa", 6));
	cr_assert_eq(reasm_peek(&r, 0, &p), 6);
	cr_assert_arr_eq(p, "aabbaa", 6);
	cr_assert_not(reasm_put(&r, 60, (const uint8_t *)"cccccc", 6));
	cr_assert_not(reasm_put(&r, 65, (const uint8_t *)"c", 1));
	reasm_free(&r);
}

/* Conversations. */

static void whole(bool v6, bool post, bool csum, bool longs, bool tcp)
{
	struct world *w = new_world(v6);

	w->f.post = post;
	w->cfg[post].checksum = csum; /* either side's wish is enough */
	w->cfg[0].long_dsn = w->cfg[1].long_dsn = longs;
	w->cfg[0].mode = tcp ? MODE_TCP : MODE_STRICT;
	start(w);
	run_for(w, 60);
	cr_assert(w->f.right);
	cr_assert_eq(w->server.mptcp, !tcp);
	cr_assert_eq(w->server.offered, tcp ? NO_VERSION : 0);
	cr_assert_eq(w->f.report.answered, tcp ? NO_VERSION : 0);
	cr_assert_eq(w->server.retransmits + w->f.report.retransmits, 0);
	cr_assert_null(w->server.fallback);
	expect_end(w, tcp ? "fin" : "data_fin");
	if (tcp) {
		cr_assert_eq(w->sent[0][0] + w->sent[1][0] + w->sent[1][2], 0);
	} else {
		const unsigned ack = longs ? 12 : 8;
		const unsigned map = (longs ? 26 : 18) + (csum ? 2 : 0);

		cr_assert_eq(w->server.checksum, csum);
		cr_assert_eq(w->f.report.checksum, csum);
		for (unsigned side = 0; side < 2; side++)
			for (unsigned len = 0; len < 32; len++)
				cr_assert_eq(w->dss_len[side][len] > 0, len == ack || len == map,
					     "side %u length %u", side, len);
	}
	end_world(w);
}

Test(conversation, every_form)
{
	for (unsigned form = 0; form < 32; form++)
		whole(form & 1, form & 2, form & 4, form & 8, form & 16);
}

Test(conversation, small_ones)
{
	for (unsigned bytes = 0; bytes < 3; bytes++) {
		for (unsigned post = 0; post < 2; post++) {
			struct world *w = new_world(false);

			w->f.bytes = bytes;
			w->f.post = post;
			start(w);
			run_for(w, 60);
			cr_assert(w->f.right);
			expect_end(w, "data_fin");
			end_world(w);
		}
	}
}

Test(conversation, loss_reorder_dup)
{
	for (unsigned seed = 0; seed < 48; seed++) {
		struct world *w = new_world(seed & 1);

		w->f.post = seed & 2;
		w->f.bytes = 200000;
		w->cfg[1].checksum = seed & 4;
		w->cfg[0].long_dsn = seed & 8;
		w->random = seed;
		w->path.cfg.seed = seed;
		w->path.cfg.loss = 0.04;
		w->path.cfg.reorder = 0.05;
		w->path.cfg.dup = 0.02;
		fetch_step(&w->f, "20000:join");
		fetch_step(&w->f, seed & 16 ? "60000:join" : "60000:prio");
		if (seed & 32)
			fetch_step(&w->f, "100000:kill");
		start(w);
		run_for(w, 300);
		cr_assert(w->f.right, "seed %u: %s, %s; got %lu, sent %lu; server %s, %s, %lu",
			  seed, w->f.report.end, w->f.report.fallback, w->f.got, w->f.sent,
			  w->server.end, w->server.fallback, w->server.bytes_in);
		cr_assert_eq(w->f.report.csum_bad + w->server.csum_bad, 0);
		end_world(w);
	}
}

Test(conversation, many_at_once)
{
	struct world *w = new_world(false);
	const struct endpoint to = {w->cfg[1].addr[0], PORT};
	static struct fetch f[100];
	static struct app app[100];

	w->f.over = true;
	w->size = 16 * QUEUE;
	w->queue = realloc(w->queue, w->size * sizeof(w->queue[0]));
	start_stacks(w);
	for (unsigned i = 0; i < 100; i++) {
		f[i].bytes = 5000 * i;
		f[i].post = i & 1;
		app[i] = fetch_app(&f[i]);
		cr_assert(stack_connect(w->st[0], &w->cfg[0].addr[i & 1], &to, &app[i]));
	}
	while (w->ended < 100 && w->now < 100 * SECOND)
		step(w, 100 * SECOND);
	pass_time(w, 5 * SECOND);
	for (unsigned i = 0; i < 100; i++)
		cr_assert(f[i].right && f[i].report.mptcp, "%u: %s, %lu of %lu, %s", i,
			  f[i].report.end, f[i].got, f[i].bytes, f[i].report.fallback);
	end_world(w);
}

/* Joins. */

Test(join, both_carry)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct world *w = new_world(v6);

		w->cfg[0].checksum = true;
		fetch_step(&w->f, "1000:join");
		start(w);
		run_for(w, 60);
		cr_assert(w->f.right);
		cr_assert_eq(w->server.subflows, 2);
		cr_assert_gt(w->joined_payload[1], SOME_DATA / 5);
		cr_assert_lt(w->joined_payload[1], SOME_DATA);
		expect_end(w, "data_fin");
		end_world(w);
	}
}

Test(join, backup_carries_nothing_until_it_must)
{
	struct world *w = new_world(false);

	fetch_step(&w->f, "1000:join-backup");
	start(w);
	run_for(w, 60);
	cr_assert(w->f.right);
	cr_assert_eq(w->server.subflows, 2);
	cr_assert_eq(w->joined_payload[1], 0);
	end_world(w);
}

Test(join, prio_makes_it_a_backup)
{
	struct world *w = new_world(false);
	uint64_t before;

	fetch_step(&w->f, "1000:join");
	fetch_step(&w->f, "100000:prio");
	start(w);
	while (!w->sent[0][5])
		step(w, 100 * SECOND);
	pass_time(w, 3 * LATENCY);
	before = w->joined_payload[1];
	run_for(w, 60);
	cr_assert(w->f.right);
	cr_assert_eq(w->server.prios, 1);
	cr_assert_gt(before, 0);
	cr_assert_eq(w->joined_payload[1], before);
	end_world(w);
}

/* A wrong HMAC from either side, a wrong token: RST, and the first subflow does it all. */
static void refused(unsigned client_fault, unsigned server_fault)
{
	struct world *w = new_world(false);

	w->cfg[0].faults = client_fault;
	w->cfg[1].faults = server_fault;
	fetch_step(&w->f, "1000:join");
	start(w);
	run_for(w, 60);
	cr_assert(w->f.right);
	cr_assert_eq(w->server.subflows, 1);
	cr_assert_eq(w->f.report.joins_refused, !(client_fault & FAULT_HMAC));
	cr_assert_eq(w->joined_payload[1], 0);
	end_world(w);
}

Test(join, wrong_hmac_of_initiator)
{
	struct world *w = new_world(false);

	w->cfg[0].faults = FAULT_HMAC;
	fetch_step(&w->f, "1000:join");
	start(w);
	run_for(w, 60);
	cr_assert(w->f.right);
	cr_assert_eq(w->server.subflows, 1);
	cr_assert_eq(w->server.joins_refused, 1);
	cr_assert_eq(w->joined_payload[1], 0);
	end_world(w);
}

Test(join, wrong_hmac_of_listener)
{
	refused(0, FAULT_HMAC);
}

Test(join, wrong_token)
{
	refused(FAULT_TOKEN, 0);
}

Test(join, to_an_advertised_address)
{
	for (unsigned form = 0; form < 4; form++) {
		struct world *w = new_world(form & 1);

		w->cfg[1].advertise = w->cfg[1].addr[1];
		w->cfg[1].advertise_port = form & 2 ? 9090 : 0;
		w->f.join_advertised = true;
		start(w);
		run_for(w, 60);
		cr_assert(w->f.right);
		cr_assert_eq(w->f.report.adds, 1);
		cr_assert(ipaddr_equal(&w->f.report.added, &w->cfg[1].advertise));
		cr_assert_eq(w->f.report.added_port, form & 2 ? 9090 : PORT);
		cr_assert_eq(w->server.subflows, 2);
		end_world(w);
	}
}

Test(join, killed_subflow_loses_nothing)
{
	struct world *w = new_world(false);

	fetch_step(&w->f, "1000:join");
	fetch_step(&w->f, "100000:kill");
	start(w);
	run_for(w, 60);
	cr_assert(w->f.right);
	cr_assert_eq(w->server.subflows, 2);
	expect_end(w, "data_fin");
	end_world(w);
}

/* 3.4.2: what still answers stays, what does not goes. */
Test(join, remove_addr_of_a_living_path)
{
	struct world *w = new_world(false);

	fetch_step(&w->f, "1000:join");
	fetch_step(&w->f, "100000:remove");
	start(w);
	run_for(w, 60);
	cr_assert(w->f.right);
	cr_assert_eq(w->server.removes, 1);
	expect_end(w, "data_fin");
	end_world(w);
}

Test(conversation, fastclose)
{
	struct world *w = new_world(false);

	fetch_step(&w->f, "1000:join");
	fetch_step(&w->f, "100000:abort");
	start(w);
	run_for(w, 60);
	cr_assert_not(w->f.right);
	cr_assert_geq(w->sent[0][7], 1);
	expect_end(w, "fastclose");
	end_world(w);
}

/* Paths that meddle. */

static struct world *through(unsigned what, uint64_t strip_after, bool post)
{
	struct world *w = new_world(false);

	w->f.post = post;
	w->path.cfg.what = what;
	w->path.cfg.strip_after = strip_after;
	start(w);
	run_for(w, 200);
	return w;
}

Test(path, capable_stripped)
{
	static const unsigned what[] = {PATH_STRIP_SYN, PATH_STRIP_SYNACK, PATH_STRIP_THIRD,
					PATH_DROP_CAPABLE_SYN};

	for (unsigned i = 0; i < 4; i++) {
		for (unsigned post = 0; post < 2; post++) {
			struct world *w = through(what[i], UINT64_MAX, post);

			cr_assert(w->f.right, "%u", i);
			cr_assert_not(w->server.mptcp);
			/* Only the client cannot know it at once where the third ACK was bare. */
			cr_assert_eq(w->f.report.mptcp, what[i] == PATH_STRIP_THIRD);
			cr_assert_eq(w->f.report.fallback != NULL, what[i] == PATH_STRIP_THIRD);
			cr_assert_eq(w->sent[1][2], 0);
			cr_assert_eq(w->server.offered,
				     what[i] == PATH_STRIP_SYN || what[i] == PATH_DROP_CAPABLE_SYN
					     ? NO_VERSION
					     : 0);
			expect_end(w, "fin");
			end_world(w);
		}
	}
}

/* 3.6: options pass on SYNs, and with the third ACK, but not with data. */
Test(path, dss_stripped_from_the_start)
{
	for (unsigned post = 0; post < 2; post++) {
		struct world *w = new_world(false);

		w->f.post = post;
		w->cfg[0].faults = FAULT_NO_DSS;
		w->cfg[1].faults = FAULT_NO_DSS;
		start(w);
		run_for(w, 100);
		cr_assert(w->f.right);
		cr_assert(w->server.mptcp);
		cr_assert_not_null(w->server.fallback);
		cr_assert_not_null(w->f.report.fallback);
		expect_end(w, "fin");
		end_world(w);
	}
}

/* The request passed, then options go: nothing unmapped may reach the application. */
Test(path, options_lost_later)
{
	struct world *w = through(0, 50000, false);

	cr_assert_not(w->f.right);
	cr_assert_lt(w->f.got, SOME_DATA);
	cr_assert(!strcmp(w->server.end, "timeout") || !strcmp(w->server.end, "reset"));
	end_world(w);
}

/* 3.6, one subflow: MP_FAIL, an infinite mapping, and the rest of the data. */
Test(path, corrupted_alone)
{
	for (unsigned post = 0; post < 2; post++) {
		struct world *w = new_world(false);

		w->f.post = post;
		w->cfg[1].checksum = true;
		w->path.cfg.corrupt_at[!post] = 100000;
		start(w);
		run_for(w, 100);
		cr_assert_not(w->f.right); /* a byte is wrong, and all are there */
		cr_assert_eq(w->f.over, true);
		cr_assert_geq(w->sent[post][6], 1);
		if (!post) {
			cr_assert_eq(w->f.got, SOME_DATA);
			cr_assert_str_eq(w->server.fallback, "MP_FAIL");
		} else {
			cr_assert_str_eq(w->f.report.fallback, "MP_FAIL");
			cr_assert_gt(w->server.bytes_in, SOME_DATA);
		}
		expect_end(w, "fin");
		end_world(w);
	}
}

/* Two subflows: the one is reset with MP_FAIL, the other repeats the data. */
Test(path, corrupted_beside_another)
{
	struct world *w = new_world(false);

	w->cfg[1].checksum = true;
	w->path.cfg.corrupt_at[1] = 60000;
	fetch_step(&w->f, "1000:join");
	start(w);
	run_for(w, 100);
	cr_assert(w->f.right);
	cr_assert_eq(w->f.report.csum_bad, 1);
	cr_assert_eq(w->sent[0][6], 1);
	cr_assert_eq(w->server.fails, 1);
	cr_assert_eq(w->server.subflows, 2);
	expect_end(w, "data_fin");
	end_world(w);
}

/* A sender whose sums are always wrong. */
Test(path, wrong_checksums)
{
	struct world *w = new_world(false);

	w->cfg[1].checksum = true;
	w->cfg[1].faults = FAULT_CSUM;
	start(w);
	run_for(w, 100);
	cr_assert_geq(w->f.report.csum_bad, 1);
	cr_assert_not_null(w->f.report.fallback);
	end_world(w);
}

/* Data that does not begin at IDSN + 1 leaves a gap, and is never delivered. */
Test(path, wrong_idsn)
{
	struct world *w = new_world(false);

	w->cfg[1].faults = FAULT_IDSN;
	start(w);
	run_for(w, 300);
	cr_assert_not(w->f.right);
	cr_assert_eq(w->f.got, 0);
	end_world(w);
}

/* Segments made by hand, against the listener. */

static uint8_t peer_mac[MAC_LEN] = {2, 0, 0, 0, 0, 9};

static void by_hand(struct world *w, uint8_t flags, uint32_t seq, uint32_t ack,
		    const struct optbuf *b, const char *text)
{
	struct segment s = {.flags = flags,
			    .seq = seq,
			    .ack = ack,
			    .sport = 5000,
			    .dport = PORT,
			    .window = 65535,
			    .options = b ? b->b : NULL,
			    .options_len = b ? b->n : 0};
	uint8_t frame[FRAME_MAX];

	s.ip.src_mac = peer_mac;
	s.ip.dst_mac = w->cfg[1].mac;
	s.ip.src = w->cfg[0].addr[0];
	s.ip.dst = w->cfg[1].addr[0];
	s.ip.proto = 6;
	s.data = (const uint8_t *)text;
	s.len = text ? strlen(text) : 0;
	w->frames_from_server = 0;
	stack_input(w->st[1], 0, frame, segment_build(frame, &s), w->now);
}

static struct world *listener(enum stack_mode mode)
{
	struct world *w = new_world(false);

	w->cfg[1].mode = mode;
	w->f.over = true;
	start_stacks(w);
	return w;
}

static struct optbuf capable_syn(uint8_t version, uint8_t flags, size_t len)
{
	struct optbuf b = {.n = (uint8_t)len};

	b.b[0] = 30;
	b.b[1] = (uint8_t)len;
	b.b[2] = version;
	b.b[3] = flags;
	for (size_t i = 4; i < len; i++)
		b.b[i] = (uint8_t)i;
	return b;
}

/* What the listener says of a SYN: the length of its MP_CAPABLE, or -1 where it says nothing. */
static int answer_to(enum stack_mode mode, uint8_t version, uint8_t flags, size_t len)
{
	struct world *w = listener(mode);
	const struct optbuf b = capable_syn(version, flags, len);
	int answer = -1;

	by_hand(w, SYN, 1000, 0, &b, NULL);
	if (w->frames_from_server) {
		cr_assert_eq(w->last_head.flags, SYN | ACK);
		cr_assert_eq(w->last_head.ack, 1001);
		cr_assert(!w->last.capable.len || w->last.capable.version == 0);
		answer = w->last.capable.len;
	}
	end_world(w);
	return answer;
}

Test(listener, rule_6_version_1_and_strict)
{
	cr_assert_eq(answer_to(MODE_STRICT, 0, 0x01, 12), 12);
	cr_assert_eq(answer_to(MODE_STRICT, 1, 0x01, 4), 0);
	cr_assert_eq(answer_to(MODE_TCP, 0, 0x01, 12), 0);
	cr_assert_eq(answer_to(MODE_TCP, 1, 0x01, 4), 0);
}

Test(listener, rule_7_version_1_answered_with_0)
{
	cr_assert_eq(answer_to(MODE_ANSWER_V0, 1, 0x01, 4), 12);
	cr_assert_eq(answer_to(MODE_ANSWER_V0, 0, 0x01, 12), 12);
}

Test(listener, rule_8_extensibility_is_silence)
{
	cr_assert_eq(answer_to(MODE_STRICT, 0, 0x41, 12), -1);
	cr_assert_eq(answer_to(MODE_STRICT, 0, 0x41, 16), -1);
	cr_assert_eq(answer_to(MODE_TCP, 0, 0x41, 12), 0);
}

Test(listener, rule_9_no_crypto_bit)
{
	cr_assert_eq(answer_to(MODE_STRICT, 0, 0x80, 12), 0);
	cr_assert_eq(answer_to(MODE_STRICT, 0, 0x20, 12), 0);
	cr_assert_eq(answer_to(MODE_STRICT, 0, 0xa1, 12), 12);
}

Test(listener, rule_13_wrong_length)
{
	cr_assert_eq(answer_to(MODE_STRICT, 0, 0x01, 4), 0);
	cr_assert_eq(answer_to(MODE_STRICT, 0, 0x01, 16), 0);
	cr_assert_eq(answer_to(MODE_STRICT, 0, 0x01, 20), 0);
}

/* Whose third packet lacks the option, or has another key, speaks TCP. */
Test(listener, rule_13_wrong_key_in_the_third_ack)
{
	for (unsigned wrong = 0; wrong < 3; wrong++) {
		struct world *w = listener(MODE_STRICT);
		struct optbuf b = capable_syn(0, 0x01, 12), third = {.n = 0};
		uint32_t seq;

		by_hand(w, SYN, 1000, 0, &b, NULL);
		seq = w->last_head.seq + 1;
		b.b[4] ^= wrong == 1;
		w->last.capable.key[0][0] ^= wrong == 2;
		put_capable(&third, 0x01, b.b + 4, w->last.capable.key[0]);
		by_hand(w, ACK, 1001, seq, &third, NULL);
		by_hand(w, ACK | PSH, 1001, seq, NULL, "GET /bytes/1 HTTP/1.1\r\n\r\n");
		cr_assert_eq(w->opened, 1);
		cr_assert_eq(w->established, !wrong, "%u", wrong);
		cr_assert_not(w->last.dss.here); /* plain data is answered by plain data */
		end_world(w);
	}
}

/* answer-v0: then the connection is TCP, with data and all. */
Test(listener, answer_v0_goes_on_as_tcp)
{
	struct world *w = listener(MODE_ANSWER_V0);
	const struct optbuf b = capable_syn(1, 0x01, 4);
	uint32_t seq;

	by_hand(w, SYN, 1000, 0, &b, NULL);
	seq = w->last_head.seq + 1;
	by_hand(w, ACK, 1001, seq, NULL, NULL);
	by_hand(w, ACK | PSH, 1001, seq, NULL, "GET /bytes/700 HTTP/1.0\r\n\r\n");
	cr_assert_gt(w->last_head.len + (w->last_head.flags & FIN), 0);
	cr_assert_eq(w->sent[1][0], 1);
	cr_assert_eq(w->sent[1][2], 0);
	by_hand(w, RST, 1001 + 27, 0, NULL, NULL);
	cr_assert_eq(w->ended, 1);
	cr_assert_eq(w->server.offered, 1);
	cr_assert_eq(w->server.answered, 0);
	cr_assert_not(w->server.mptcp);
	end_world(w);
}

/* RFC 9293, RFC 5961: another SYN in SYN-RECEIVED; a RST that misses; a closed port. */
Test(listener, challenge)
{
	struct world *w = listener(MODE_STRICT);

	by_hand(w, SYN, 1000, 0, NULL, NULL);
	by_hand(w, SYN, 1000 + (1 << 24), 0, NULL, NULL);
	cr_assert_eq(w->last_head.flags, ACK);
	cr_assert_eq(w->last_head.ack, 1001);
	by_hand(w, RST, 1001, 0, NULL, NULL);
	cr_assert_eq(w->frames_from_server, 0);
	by_hand(w, SYN, 1000 + (1 << 24), 0, NULL, NULL);
	cr_assert_eq(w->last_head.flags, SYN | ACK);
	cr_assert_eq(w->last_head.ack, 1001 + (1 << 24));
	by_hand(w, ACK, 1001 + (1 << 24), w->last_head.seq + 1, NULL, NULL);
	by_hand(w, RST, 1101 + (1 << 24), 0, NULL, NULL);
	cr_assert_eq(w->last_head.flags, ACK);
	cr_assert_eq(w->ended, 1); /* the one in SYN-RECEIVED */
	by_hand(w, ACK, 7, 7, NULL, NULL);
	cr_assert_eq(w->last_head.flags, ACK);
	end_world(w);
}

Test(listener, hostile)
{
	struct world *w = new_world(false);
	uint8_t frame[FRAME_MAX], base[FRAME_MAX];
	struct segment s = {.sport = 5000, .dport = PORT, .window = 1000};

	w->f.over = true;
	w->cfg[1].idle = SECOND / 10;
	start_stacks(w);
	s.ip.src_mac = peer_mac;
	s.ip.dst_mac = w->cfg[1].mac;
	s.ip.src = w->cfg[0].addr[0];
	s.ip.dst = w->cfg[1].addr[0];
	s.ip.proto = 6;
	s.data = base;
	for (unsigned i = 0; i < 25000; i++) {
		struct optbuf b = {.n = (uint8_t)(next_random(w) % 11 * 4)};
		size_t len;

		for (unsigned k = 0; k < b.n; k++)
			b.b[k] = (uint8_t)next_random(w);
		if (b.n >= 4) {
			b.b[0] = 30;
			b.b[1] = b.n;
			b.b[2] = (uint8_t)(next_random(w) % 9 << 4);
		}
		s.options = b.b;
		s.options_len = b.n;
		s.sport = (uint16_t)(5000 + next_random(w) % 4);
		s.flags = next_random(w) % 3 ? ACK : (uint8_t)next_random(w);
		s.seq = (uint32_t)(1000 + next_random(w) % 8);
		s.ack = w->last_head.seq + (uint32_t)(next_random(w) % 3);
		s.len = next_random(w) % 20;
		len = segment_build(frame, &s);
		if (!(next_random(w) % 50))
			frame[next_random(w) % len] ^= (uint8_t)next_random(w);
		if (!(next_random(w) % 50))
			len = next_random(w) % len;
		stack_input(w->st[1], 0, frame, len, w->now);
		w->now += next_random(w) % 20000;
		stack_tick(w->st[1], w->now);
		w->head = w->tail;
	}
	cr_assert_gt(w->ended, 10);
	end_world(w);
}
