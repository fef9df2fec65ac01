/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow [--count N] [--seed S]: RTL of stage flow beside the C model, slot by slot: in
 * each clock a packet, a command of firmware, or nothing. Every result and every answer must be the
 * model's, which does one slot after the other; a result must be there FLOW_LATENCY clocks behind
 * its packet. Exit code 1: they differ.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "drive.h"

enum {
	LATENCY = 27, /* mpnic_rtl_pkg::FLOW_LATENCY */
	RING = 64,
	EPOCH = 50000, /* packets under one key, one set of settings */
	START_STEPS = 64,
	PATIENCE = 50000, /* clocks */
};

struct expected {
	struct mpnic_result result;
	struct mpnic_action action;
	bool there, known, fresh, first, no_hash;
	uint8_t first_syn, generation;
};

struct totals {
	uint64_t packets, clocks, commands, tokens[16], flows[8], first_syns[4], speaks[4], beside;
};

static struct expected ring[RING];
static struct totals totals;

static void show(const char *name, const void *want, const void *got, size_t len)
{
	const uint8_t *w = want, *g = got;
	size_t i;

	for (i = 0; i < len; i++) {
		if (w[i] != g[i])
			printf("  %s byte %zu: model %02x, RTL %02x\n", name, i, w[i], g[i]);
	}
}

static void count(struct tally *tally, uint16_t bytes, uint32_t seen)
{
	tally->packets++;
	tally->bytes += bytes;
	tally->seen = seen;
}

/* Who decides and who counts, beside the model. */
struct standing {
	const struct mpnic_flow
		*entry[2]; /* exact, masked; NULL: not found, or it excepts the frame */
	int who;	   /* 0 exact, 1 masked, 2 the rule, 3 none */
};

static const struct mpnic_flow *if_it_suits(struct drive *d, unsigned int masked,
					    const struct mpnic_hdr *hdr, bool upper, uint32_t id)
{
	const bool suits[] = {!upper && !masked, upper && !masked, hdr->vlan_count > 0,
			      hdr->source == 0,	 hdr->source == 1, hdr->source > 1};
	const struct mpnic_flow *entry;
	bool is = false;
	unsigned int i;

	if (id == MPNIC_ID_NONE)
		return NULL;
	entry = &d->state->flows[id];
	for (i = 0; i < sizeof(suits); i++) {
		if (!(entry->except >> i & 1))
			continue;
		d->excepts[masked][i][suits[i]]++;
		is |= suits[i];
	}
	return is ? NULL : entry;
}

static struct standing stand(struct drive *d, const struct mpnic_hdr *hdr, bool upper,
			     const struct mpnic_result *r)
{
	struct standing s = {
		.entry = {if_it_suits(d, 0, hdr, upper, r->flow_id),
			  if_it_suits(d, 1, hdr, upper, r->masked_id)},
		.who = 3,
	};
	unsigned int best = 256, i;

	if (r->rule != UINT8_MAX) {
		best = d->rules[r->rule].prio;
		s.who = 2;
	}
	for (i = 0; i < 2; i++) {
		if (s.entry[i] && s.entry[i]->prio < best) {
			best = s.entry[i]->prio;
			s.who = (int)i;
		}
	}
	return s;
}

static bool counted(struct drive *d, const struct standing *s, unsigned int masked)
{
	const bool outranked = s->who != (int)masked;

	if (!s->entry[masked])
		return false;
	if (!(s->entry[masked]->except & MPNIC_EXCEPT_OUTRANKED))
		return true;
	d->excepts[masked][EXCEPTS - 1][outranked]++;
	return !outranked;
}

static void model_packet(struct drive *d, const struct bench_in *in, struct expected *e)
{
	struct mpnic_state *s = d->state;
	struct frame_keys keys;
	struct standing standing;
	struct found found;

	s->now = (uint64_t)in->seen << SEEN_SHIFT;
	mpnic_flow_keys(s, &in->hdr, &keys);
	mpnic_flow_stage(s, &in->hdr, &in->csum, &keys, &e->result, &found);
	e->there = true;
	e->action = found.action;
	e->known = found.flow && found.conn;
	e->fresh = e->result.token == MPNIC_TOKEN_LEARNT;
	e->first = found.flow && (found.flow->flags & MPNIC_FLOW_STATE_FIRST);
	e->first_syn = found.first_syn;
	e->generation = found.flow ? found.flow->generation : 0;

	if (e->fresh) {
		d->exact[e->result.flow_id] = (struct tally){0};
		if (e->result.flow_id == e->result.masked_id) {
			totals.beside++;
			d->beside = 1 + e->result.flow_id;
		}
	}
	standing = stand(d, &in->hdr, keys.flip, &e->result);
	if (counted(d, &standing, 1))
		count(&d->masked[e->result.masked_id], in->csum.frame_len, in->seen);
	if (counted(d, &standing, 0))
		count(&d->exact[e->result.flow_id], in->csum.frame_len, in->seen);
	if (standing.who == 2)
		count(&d->rule[e->result.rule], in->csum.frame_len, in->seen);
	d->last = in->hdr;
	d->said = e->result;
	totals.packets++;
	totals.flows[e->result.flow & 7]++;
	totals.tokens[e->result.token & 15]++;
	totals.speaks[e->result.speaks & 3]++;
	totals.first_syns[e->first_syn & 3]++;
}

static bool compare(struct expected *e, const struct bench_out *out)
{
	bool same;

	if (e->no_hash) {
		e->result.hash = out->result.hash;
		e->result.rx_queue = out->result.rx_queue;
	}
	same = e->known == out->known && e->fresh == out->fresh && e->first == out->first &&
	       e->first_syn == out->first_syn && e->generation == out->generation &&
	       !memcmp(&e->action, &out->action, sizeof(e->action)) &&
	       !memcmp(&e->result, &out->result, sizeof(e->result));
	if (same)
		return true;
	printf("a packet differs (clock %" PRIu64 "): known %d %d, fresh %d %d, first %d %d, "
	       "first_syn %u %u, generation %u %u\n",
	       totals.clocks, e->known, out->known, e->fresh, out->fresh, e->first, out->first,
	       e->first_syn, out->first_syn, e->generation, out->generation);
	show("result", &e->result, &out->result, sizeof(e->result));
	show("action", &e->action, &out->action, sizeof(e->action));
	return false;
}

/* Key and value of a place that is free mean nothing. */
static bool compare_answer(const struct mpnic_table_cmd *cmd, const struct mpnic_table_rsp *want,
			   const struct mpnic_table_rsp *got)
{
	const size_t valid = offsetof(struct mpnic_table_place, valid);

	if (cmd->op == MPNIC_TABLE_OP_READ && !want->data[valid] && !got->data[valid])
		return true;
	if (!memcmp(want, got, sizeof(*want)))
		return true;
	printf("answer to command %u (which %u, id %u) differs (clock %" PRIu64 ")\n", cmd->op,
	       cmd->which, cmd->id, totals.clocks);
	show("answer", want, got, sizeof(*want));
	return false;
}

enum phase {
	STARTING,
	RUNNING,
	DRAINING,
	RESTARTING,
	ENDING
};

static bool run(struct drive *d, enum phase phase, uint64_t packets)
{
	static struct bench_in in;
	static struct bench_out out;
	struct mpnic_table_rsp answer = {0};
	uint64_t quiet = 0, epoch_end = EPOCH;
	unsigned int steps = 0, wait = 0, pause = 0;
	bool under_way = false;

	for (; phase != ENDING || d->queued || under_way || quiet < RING;
	     totals.clocks++, quiet++) {
		struct expected *slot = &ring[totals.clocks % RING];
		struct expected *due = &ring[(totals.clocks + RING - LATENCY) % RING];

		if (phase == STARTING && steps == START_STEPS && !d->queued && !under_way)
			phase = RUNNING;
		if (phase == RUNNING && totals.packets >= packets)
			phase = ENDING;
		if (phase == RUNNING && totals.packets >= epoch_end && !d->queued && !under_way) {
			phase = DRAINING;
			quiet = 0;
		}
		if (phase == DRAINING && quiet == RING) {
			firmware_restart(d);
			epoch_end = totals.packets + EPOCH;
			phase = RESTARTING;
		}
		if (phase == RESTARTING && !d->queued && !under_way)
			phase = RUNNING;
		if (phase == STARTING && steps < START_STEPS && !d->queued) {
			firmware_start(d);
			steps++;
		}
		if (phase == RUNNING && !d->queued && !under_way)
			firmware_plan(d);

		in.valid = in.cmd = slot->there = false;
		if (pause)
			pause--;
		if (d->queued && !under_way && !wait && out.ready) {
			const struct command *c = &d->queue[d->first];

			in.cmd = true;
			in.table_cmd = c->cmd;
			firmware_model(d, c, &answer);
			d->first = (d->first + 1) % (sizeof(d->queue) / sizeof(d->queue[0]));
			d->queued--;
			under_way = true;
			quiet = 0;
			totals.commands++;
		} else if (phase == RUNNING && !pause) {
			in.valid = true;
			next_packet(d, &in.hdr, &in.csum);
			if (one_in(d, 16))
				d->seen += 1 + below(d, 3);
			in.seen = d->seen;
			model_packet(d, &in, slot);
			slot->no_hash = !d->ops[MPNIC_TABLE_OP_RSS_KEY] ||
					(under_way && in.table_cmd.op == MPNIC_TABLE_OP_RSS_KEY);
			pause = d->gap ? below(d, d->gap + 1) : 0;
			quiet = 0;
		}
		if (wait)
			wait--;
		bench_clock(d->bench, &in, &out);
		if (out.valid != due->there) {
			printf("clock %" PRIu64 ": %s\n", totals.clocks,
			       due->there ? "a result is missing" : "a result of no packet");
			return false;
		}
		if (out.valid && !compare(due, &out))
			return false;
		if (out.rsp_valid) {
			if (!under_way) {
				printf("an answer to no command\n");
				return false;
			}
			if (!compare_answer(&in.table_cmd, &answer, &out.rsp))
				return false;
			under_way = false;
			fill(d, &in.table_cmd, sizeof(in.table_cmd));
			wait = one_in(d, 4) ? below(d, 30) : 0;
		}
		if (quiet > PATIENCE) {
			printf("a command is not answered\n");
			return false;
		}
	}
	return true;
}

/* What must have happened, or nothing was tried. */
static bool tried_all(const struct drive *d)
{
	bool all = totals.beside && d->no_room && d->moves && d->aimed;
	unsigned int i;

	for (i = MPNIC_TOKEN_NONE; i <= MPNIC_TOKEN_FALLBACK; i++)
		all &= totals.tokens[i] > 0;
	for (i = MPNIC_FLOW_NONE; i <= MPNIC_FLOW_RULE; i++)
		all &= totals.flows[i] > 0;
	for (i = 0; i < 3; i++)
		all &= totals.first_syns[i] > 0;
	for (i = 0; i < 4; i++)
		all &= totals.speaks[i] > 0;
	for (i = 0; i < OPS; i++) {
		if (i != MPNIC_TABLE_OP_DSS_READ && i != MPNIC_TABLE_OP_DSS_WRITE &&
		    i != MPNIC_TABLE_OP_COUNT)
			all &= d->ops[i] > 0;
	}
	for (i = 0; i < 3; i++)
		all &= d->found[i] > 0;
	for (i = 0; i < EXCEPTS; i++) {
		all &= d->excepts[0][i][0] && d->excepts[0][i][1] && d->excepts[1][i][0];
		all &= d->excepts[1][i][1] || i < 2;
	}
	return all;
}

static void report(const struct drive *d, uint64_t seed)
{
	unsigned int i;

	printf("seed %" PRIu64 ": %" PRIu64 " packets, %" PRIu64 " commands in %" PRIu64
	       " clocks; %" PRIu64 " insertions, %" PRIu64 " moves, %" PRIu64
	       " without room, %" PRIu64 " aimed\n",
	       seed, totals.packets, totals.commands, totals.clocks, d->insertions, d->moves,
	       d->no_room, d->aimed);
	printf("flow:");
	for (i = 0; i < 6; i++)
		printf(" %" PRIu64, totals.flows[i]);
	printf("\ntoken:");
	for (i = 0; i < 8; i++)
		printf(" %" PRIu64, totals.tokens[i]);
	printf("; learnt beside a masked entry of the same id %" PRIu64 "\nfirst_syn:",
	       totals.beside);
	for (i = 0; i < 4; i++)
		printf(" %" PRIu64, totals.first_syns[i]);
	printf("\ncommands:");
	for (i = 0; i < OPS; i++)
		printf(" %" PRIu64, d->ops[i]);
	printf("; FIND found %" PRIu64 " in flow, %" PRIu64 " in masked, %" PRIu64 " in stash\n",
	       d->found[0], d->found[1], d->found[2]);
}

int main(int argc, char **argv)
{
	static struct drive d;
	struct mpnic_state_config config;
	uint64_t packets = 1000000, seed = 1;
	bool good;
	int i;

	for (i = 1; i + 1 < argc; i++) {
		if (!strcmp(argv[i], "--count"))
			packets = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			seed = strtoull(argv[++i], NULL, 0);
	}
	d.rng = d.seed = seed;
	mpnic_state_defaults(&config);
	config.flows = BENCH_FLOWS;
	config.stash = BENCH_STASH;
	config.conns = BENCH_CONNS;
	config.tokens = BENCH_TOKENS;
	config.peers = BENCH_PEERS;
	if (mpnic_state_new(&config, &d.state))
		return 1;
	d.bench = bench_open(seed, argc, argv);
	good = run(&d, STARTING, 0);
	if (good)
		good = run(&d, RUNNING, packets);
	report(&d, seed);
	bench_close(d.bench);
	mpnic_state_free(d.state);
	if (good && packets >= 300000 && !tried_all(&d)) {
		printf("not everything was tried\n");
		return 1;
	}
	return !good;
}
