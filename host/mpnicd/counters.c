/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Statistics, each gathered once, given out as JSON and as OpenMetrics text. A name is
 * group_counter in both; counters of the NIC keep the names of its xstats (docs/dpdk.md).
 */
#include <inttypes.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

struct counter {
	const char *group, *name;
	const char *label; /* which of several; NULL: there is one */
	bool port;	   /* the label is a port: they have all counters of the group */
	bool gauge;
	uint64_t value;
};

/* What is done with each. */
typedef void counter_fn(void *to, const struct counter *counter);

struct gather {
	counter_fn *give;
	void *to;
};

static void count(const struct gather *g, const char *group, const char *name, const char *label,
		  uint64_t value)
{
	g->give(g->to,
		&(struct counter){.group = group, .name = name, .label = label, .value = value});
}

static void count_port(const struct gather *g, const char *group, const char *name,
		       const char *port, uint64_t value)
{
	g->give(g->to,
		&(struct counter){
			.group = group, .name = name, .label = port, .port = true, .value = value});
}

static void gauge(const struct gather *g, const char *group, const char *name, uint64_t value)
{
	g->give(g->to,
		&(struct counter){.group = group, .name = name, .gauge = true, .value = value});
}

static void gather_mover(const struct daemon *d, const struct gather *g)
{
	for (unsigned int i = 0; i < d->nic.ports; i++) {
		const struct mover_count *c = &d->mover.count[i];
		const char *port = d->mover.tap[i].name;

		count_port(g, "mover", "to_kernel", port, c->to_kernel);
		count_port(g, "mover", "to_kernel_bytes", port, c->to_kernel_bytes);
		count_port(g, "mover", "from_kernel", port, c->from_kernel);
		count_port(g, "mover", "from_kernel_bytes", port, c->from_kernel_bytes);
		count_port(g, "mover", "held", port, c->held);
		count_port(g, "mover", "copied", port, c->copied);
		count_port(g, "mover", "no_mbuf", port, c->no_mbuf);
		count_port(g, "mover", "too_long", port, c->too_long);
		count_port(g, "mover", "kernel_errors", port, c->kernel_errors);
		count_port(g, "mover", "kernel_full", port, c->kernel_full);
		count_port(g, "mover", "nic_full", port, c->nic_full);
		count_port(g, "mover", "control_full", port, c->control_full);
	}
}

static void gather_conns(const struct daemon *d, const struct gather *g)
{
	struct conns_counts c;
	char rule[8];

	conns_counts(plane_conns(d->plane), &c);
	count(g, "conns", "began", NULL, c.began);
	count(g, "conns", "opened", NULL, c.opened);
	count(g, "conns", "confirmed", NULL, c.confirmed);
	count(g, "conns", "fell_back", NULL, c.fell_back);
	count(g, "conns", "closed", NULL, c.closed);
	count(g, "conns", "joins", NULL, c.joins);
	count(g, "conns", "joined", NULL, c.joined);
	count(g, "conns", "join_unknown", NULL, c.join_unknown);
	count(g, "conns", "join_bad", NULL, c.join_bad);
	count(g, "conns", "join_fallback", NULL, c.join_fallback);
	count(g, "conns", "addr_bad", NULL, c.addr_bad);
	count(g, "conns", "evicted_half", NULL, c.evicted_half);
	count(g, "conns", "left_out", NULL, c.left_out_conns + c.left_out_flows);
	count(g, "conns", "lost_events", NULL, c.lost_events);
	count(g, "conns", "nic_failed", NULL, c.nic_failed);
	for (unsigned int r = 1; r < CONNS_RULES; r++) {
		snprintf(rule, sizeof(rule), "%u", r);
		if (c.rule[r])
			count(g, "conns", "fallback_rule", rule, c.rule[r]);
	}
	gauge(g, "conns", "used", c.used_conns);
	gauge(g, "conns", "subflows", c.used_flows);
}

static void gather_peers(const struct daemon *d, const struct gather *g)
{
	struct peers_stats s;

	peers_stats(plane_peers(d->plane), &s);
	gauge(g, "peers", "entries", s.entries);
	gauge(g, "peers", "pins", s.pins);
	gauge(g, "peers", "memory_bytes", s.memory);
	count(g, "peers", "inserted", NULL, s.inserted);
	count(g, "peers", "evicted", NULL, s.evicted);
	count(g, "peers", "refused", NULL, s.refused);
	count(g, "peers", "downgrades", NULL, s.downgrades);
	count(g, "peers", "downgrades_held", NULL, s.held);
}

static void gather_control(const struct daemon *d, const struct gather *g)
{
	const struct plane_counts *c = plane_counts(d->plane);
	const struct probe_counts *p = probe_counts(plane_probe(d->plane));

	for (unsigned int i = 0; i < POLICY_REASONS; i++)
		if (c->offers[i])
			count(g, "offers", "because", policy_reason_name(i), c->offers[i]);
	count(g, "offers", "stripped", NULL, c->stripped);
	count(g, "offers", "joins_dropped", NULL, c->dropped);
	count(g, "probes", "syns", NULL, p->syns);
	count(g, "probes", "answers", NULL, p->answers);
	count(g, "probes", "lost", NULL, p->lost);
	count(g, "probes", "strays", NULL, p->strays);
	count(g, "probes", "unsent", NULL, d->unsent_probes);
	count(g, "daemon", "events", NULL, d->events);
	count(g, "daemon", "nic_resets", NULL, d->nic_resets);
	count(g, "daemon", "store_errors", NULL, d->store_errors);
	count(g, "daemon", "peers_refused", NULL, d->peers_refused);
	gauge(g, "daemon", "draining", plane_draining(d->plane));
	gauge(g, "daemon", "nic_lost", d->lost);
}

/* Of the card, those that are not zero: it has some 400 for each port. */
static void gather_xstats(const struct daemon *d, unsigned int port, const struct gather *g)
{
	const int n = rte_eth_xstats_get_names(d->nic.port[port], NULL, 0);
	struct rte_eth_xstat_name *names;
	struct rte_eth_xstat *values;

	if (n <= 0)
		return;
	names = calloc((size_t)n, sizeof(*names));
	values = calloc((size_t)n, sizeof(*values));
	if (names && values &&
	    rte_eth_xstats_get_names(d->nic.port[port], names, (unsigned int)n) == n &&
	    rte_eth_xstats_get(d->nic.port[port], values, (unsigned int)n) == n)
		for (int i = 0; i < n; i++)
			if (values[i].value)
				count_port(g, "nic", names[values[i].id].name,
					   d->mover.tap[port].name, values[i].value);
	free(names);
	free(values);
}

static void gather_all(const struct daemon *d, const struct gather *g)
{
	gather_control(d, g);
	gather_conns(d, g);
	gather_peers(d, g);
	gather_mover(d, g);
	for (unsigned int i = 0; !d->lost && i < d->nic.ports; i++)
		gather_xstats(d, i, g);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_t *child(json_t *parent, const char *name)
{
	json_t *o = json_object_get(parent, name);

	if (o)
		return o;
	o = json_object();
	json_object_set_new(parent, name, o);
	return o;
}

static void give_json(void *to, const struct counter *c)
{
	json_t *o = child(to, c->group);
	const char *name = c->name;

	if (c->label) {
		o = child(o, c->port ? c->label : c->name);
		name = c->port ? c->name : c->label;
	}
	json_object_set_new(o, name, json_integer((json_int_t)c->value));
}

json_t *counters_json(const struct daemon *d)
{
	json_t *o = json_object();

	gather_all(d, &(struct gather){give_json, o});
	return o;
}

/* ---- OpenMetrics ---------------------------------------------------------------------------- */

/* All values of a family stand together: they are gathered, then sorted by name. */
struct sample {
	char name[96], label[64];
	uint64_t value;
	bool gauge;
};

struct samples {
	struct sample *sample;
	size_t count, room;
	bool failed;
};

static void give_sample(void *to, const struct counter *c)
{
	struct samples *s = to;
	struct sample *one;

	if (s->count == s->room) {
		const size_t room = s->room ? 2 * s->room : 256;
		struct sample *more = realloc(s->sample, room * sizeof(*more));

		s->failed |= !more;
		if (!more)
			return;
		s->sample = more;
		s->room = room;
	}
	one = &s->sample[s->count++];
	*one = (struct sample){.value = c->value, .gauge = c->gauge};
	snprintf(one->name, sizeof(one->name), "mpnicd_%s_%s", c->group, c->name);
	snprintf(one->label, sizeof(one->label), "%s", c->label ? c->label : "");
}

static int by_name(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	const int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->label, y->label);
}

static void write_label(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void write_sample(FILE *out, const struct sample *s, bool first)
{
	if (first)
		fprintf(out, "# TYPE %s %s\n", s->name, s->gauge ? "gauge" : "counter");
	fprintf(out, "%s%s", s->name, s->gauge ? "" : "_total");
	if (s->label[0]) {
		fputs("{of=\"", out);
		write_label(out, s->label);
		fputs("\"}", out);
	}
	fprintf(out, " %" PRIu64 "\n", s->value);
}

void counters_metrics(void *daemon, FILE *out)
{
	struct samples s = {0};

	gather_all(daemon, &(struct gather){give_sample, &s});
	if (s.count)
		qsort(s.sample, s.count, sizeof(*s.sample), by_name);
	for (size_t i = 0; i < s.count; i++)
		write_sample(out, &s.sample[i],
			     !i || strcmp(s.sample[i].name, s.sample[i - 1].name));
	free(s.sample);
}
