/* SPDX-License-Identifier: BSD-3-Clause */
#include "totals.h"

#include <stddef.h>

static void add_error(struct totals_error *e, uint64_t frame)
{
	if (e->count < TOTALS_FRAMES)
		e->frame[e->count] = frame;
	e->count++;
}

unsigned int totals_subtype(unsigned int index)
{
	return index == TOTALS_SUBTYPES - 1 ? MPNIC_SUBTYPE_NONE : index;
}

static unsigned int index_of(unsigned int subtype)
{
	return subtype < TOTALS_SUBTYPES - 1 ? subtype : TOTALS_SUBTYPES - 1;
}

/* A value that the contract does not know (an RTL gone wrong) must not reach beyond the counts. */
static void bump(uint64_t *counts, unsigned int size, unsigned int value)
{
	if (value < size)
		counts[value]++;
}

void totals_frame(struct totals *t, const struct capture_frame *frame)
{
	t->frames++;
	t->bytes += frame->len;
	t->wire_bytes += frame->orig_len;
	t->truncated += frame->len < frame->orig_len;
	t->overlong += frame->len > MPNIC_REPLAY_MAX;
	t->len_lies += frame->len_lie;
	t->refused += frame->iface->link_type != CAPTURE_LINK_ETHERNET;
}

static void count_options(struct totals *t, uint64_t frame, const struct mpnic_hdr *h)
{
	t->mptcp_packets += h->mptcp & MPNIC_MPTCP_PRESENT;
	for (unsigned int i = 0; i < h->mptcp_count && i < MPNIC_MPTCP_OPTS; i++) {
		unsigned int index = index_of(h->opt[i].subtype), error = h->opt[i].error;

		t->option[index]++;
		if (error && error < TOTALS_ERRORS)
			add_error(&t->malformed[index][error], frame);
	}
	if (h->tcpopt > MPNIC_TCPOPT_OK && h->tcpopt < TOTALS_TCPOPT)
		add_error(&t->chain[h->tcpopt], frame);
	if (h->mptcp & MPNIC_MPTCP_TOO_MANY)
		add_error(&t->too_many, frame);
	if (h->mptcp & MPNIC_MPTCP_COMBINATION)
		add_error(&t->combination, frame);
}

void totals_records(struct totals *t, uint64_t frame, const struct mpnic_hdr *h,
		    const struct mpnic_csum *c)
{
	bump(t->parse, TOTALS_PARSE, h->parse);
	bump(t->vlan, 3, h->vlan_count);
	bump(t->ip_csum, TOTALS_CSUM, c->ip);
	if (h->flags & MPNIC_HDR_TCP) {
		bump(t->tcpopt, TOTALS_TCPOPT, h->tcpopt);
		bump(t->tcp_csum, TOTALS_CSUM, c->l4);
	} else if (h->flags & MPNIC_HDR_L4) {
		bump(t->udp_csum, TOTALS_CSUM, c->l4);
	}
	count_options(t, frame, h);
}

static void merge_counts(uint64_t *all, const uint64_t *one, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		all[i] += one[i];
}

void totals_state(struct totals *t, struct control *control)
{
	t->nic = *mpnic_state_counters(control_state(control), 0);
	control_counts(control, &t->control);
}

static void merge_state(struct totals *all, const struct totals *one)
{
	/* Both are counts of 64 bits and nothing else. */
	merge_counts((uint64_t *)&all->nic, (const uint64_t *)&one->nic,
		     sizeof(all->nic) / sizeof(uint64_t));
	merge_counts((uint64_t *)&all->control, (const uint64_t *)&one->control,
		     sizeof(all->control) / sizeof(uint64_t));
}

void totals_merge(struct totals *all, const struct totals *one)
{
	all->frames += one->frames;
	all->bytes += one->bytes;
	all->wire_bytes += one->wire_bytes;
	all->refused += one->refused;
	all->truncated += one->truncated;
	all->overlong += one->overlong;
	all->len_lies += one->len_lies;
	all->mptcp_packets += one->mptcp_packets;
	merge_counts(all->vlan, one->vlan, 3);
	merge_counts(all->parse, one->parse, TOTALS_PARSE);
	merge_counts(all->tcpopt, one->tcpopt, TOTALS_TCPOPT);
	merge_counts(all->ip_csum, one->ip_csum, TOTALS_CSUM);
	merge_counts(all->tcp_csum, one->tcp_csum, TOTALS_CSUM);
	merge_counts(all->udp_csum, one->udp_csum, TOTALS_CSUM);
	merge_counts(all->option, one->option, TOTALS_SUBTYPES);
	for (unsigned int i = 0; i < TOTALS_SUBTYPES; i++)
		for (unsigned int k = 0; k < TOTALS_ERRORS; k++)
			all->malformed[i][k].count += one->malformed[i][k].count;
	for (unsigned int i = 0; i < TOTALS_TCPOPT; i++)
		all->chain[i].count += one->chain[i].count;
	all->too_many.count += one->too_many.count;
	all->combination.count += one->combination.count;
	merge_state(all, one);
}
