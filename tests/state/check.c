/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state-check [SEGMENTS [SEED]]: stage dss over generated conversations, beside the oracle's and
 * the generator's truth. Exit code 1 where the model says what is not so, or does not say what it
 * must. SEED 0 takes one from the clock.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mpnic_state.h"
#include "oracle.h"
#include "talk.h"

struct totals {
	uint64_t segments, conversations, data, mapped;
	uint64_t wraps[5]; /* sequence number, subflow's, DSN at 32 and at 64 bits, Data ACK */
	uint64_t dsn[16], judge[16], flag[8], sign[32];
	uint64_t due, due_clean;
	uint64_t lost; /* the oracle has a number, the model not */
	uint64_t errors;
};

struct run {
	uint64_t seed, number; /* of the segment in its conversation */
	const struct talk_info *info;
	struct oracle *oracle;
	struct mpnic_conn conn;
	struct mpnic_flow flow[TALK_FLOWS];
	bool all_mapped;
	struct totals *totals;
};

__attribute__((format(printf, 3, 4))) static void
wrong(struct run *r, const struct talk_segment *seg, const char *format, ...)
{
	va_list args;

	if (r->totals->errors++ >= 5)
		return;
	printf("seed %llu, segment %llu (flow %u, level %d, direction %u): ",
	       (unsigned long long)r->seed, (unsigned long long)r->number, seg->flow,
	       r->info->flow[seg->flow].level, seg->dir);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

#define WRONG(...) wrong(r, seg, __VA_ARGS__)

static void set_up(struct run *r)
{
	const struct talk_info *info = r->info;

	r->conn.version = (uint8_t)info->version;
	r->conn.flags = info->csum ? MPNIC_CONN_CSUM : 0;
	for (unsigned int i = 0; i < 2; i++) {
		r->conn.idsn[i] = info->idsn[i];
		r->conn.dsn_next[i] = info->next[i];
	}
	for (unsigned int i = 0; i < info->flows; i++) {
		const struct talk_flow_info *f = &info->flow[i];

		r->flow[i].flags = (uint16_t)((i ? 0 : MPNIC_FLOW_STATE_FIRST) |
					      (f->side_b ? MPNIC_FLOW_STATE_SIDE_B : 0));
		if (f->handshake || !f->isn_known)
			continue;
		for (unsigned int dir = 0; dir < 2; dir++) {
			r->flow[i].dir[dir].isn = f->isn[dir];
			r->flow[i].dir[dir].flags = MPNIC_DIR_ISN | MPNIC_DIR_THIRD;
			oracle_isn(r->oracle, i, dir, f->isn[dir]);
		}
	}
}

static void check_number(struct run *r, const struct talk_segment *seg,
			 const struct oracle_segment *truth, const struct mpnic_result *got)
{
	const bool mapped = got->dsn_state == MPNIC_DSN_MAPPED;
	const bool conflicts = r->info->flow[seg->flow].conflicts;

	if (!truth->data) {
		if (got->dsn_state != MPNIC_DSN_NONE && got->dsn_state != MPNIC_DSN_SYN)
			WRONG("no data, but %s", mpnic_dsn_name(got->dsn_state));
		return;
	}
	r->totals->data++;
	r->totals->mapped += mapped;
	if (!truth->known_isn && got->dsn_state != MPNIC_DSN_NO_ISN)
		WRONG("without ISN, but %s", mpnic_dsn_name(got->dsn_state));
	if (mapped && !truth->has_dsn)
		WRONG("a number where no mapping was declared");
	if (mapped && !conflicts && got->dsn != truth->dsn)
		WRONG("DSN %#llx, the oracle's is %#llx", (unsigned long long)got->dsn,
		      (unsigned long long)truth->dsn);
	if (mapped && !conflicts && (!seg->true_dsn || got->dsn != seg->dsn))
		WRONG("DSN %#llx, the sender's is %#llx", (unsigned long long)got->dsn,
		      (unsigned long long)seg->dsn);
	if (!mapped && (truth->own || truth->in_newest) && !conflicts)
		WRONG("%s, though a mapping that is there covers it",
		      mpnic_dsn_name(got->dsn_state));
	if (got->dsn_state == MPNIC_DSN_FAR)
		WRONG("far");
	if (!mapped && truth->has_dsn)
		r->totals->lost++;
	r->all_mapped &= mapped;
}

static void check_verdict(struct run *r, const struct talk_segment *seg,
			  const struct oracle_segment *truth, const struct mpnic_result *got)
{
	const enum talk_level level = r->info->flow[seg->flow].level;
	const unsigned int judge = got->map_csum;
	const bool given = judge != MPNIC_MAP_CSUM_NONE;

#define SUM(outcome) \
	oracle_sum(r->oracle, seg->flow, seg->dir, got->map_dsn, got->map_len, ORACLE_##outcome)
	if (!!(got->flags & MPNIC_RESULT_MAP) != given)
		WRONG("flag MAP");
	if (!!(got->signs & MPNIC_SIGN_CSUM_BAD) != (judge == MPNIC_MAP_CSUM_BAD))
		WRONG("sign CSUM_BAD");
	if (given && SUM(UNKNOWN))
		WRONG("verdict %s on a mapping that nobody declared", mpnic_map_csum_name(judge));
	if (judge == MPNIC_MAP_CSUM_GOOD && !SUM(RIGHT))
		WRONG("good, though it is not");
	if (judge == MPNIC_MAP_CSUM_BAD && !SUM(WRONG))
		WRONG("bad, though it is not");
	if ((judge == MPNIC_MAP_CSUM_ABSENT || judge == MPNIC_MAP_CSUM_MISSING) && !SUM(NONE))
		WRONG("%s, though there is one", mpnic_map_csum_name(judge));
	if (given && r->info->csum == (judge == MPNIC_MAP_CSUM_ABSENT))
		if (judge == MPNIC_MAP_CSUM_ABSENT || judge == MPNIC_MAP_CSUM_GOOD ||
		    judge == MPNIC_MAP_CSUM_BAD)
			WRONG("%s against what was negotiated", mpnic_map_csum_name(judge));
#undef SUM
	if (level == TALK_CLEAN && judge > MPNIC_MAP_CSUM_EXTRA &&
	    !(judge == MPNIC_MAP_CSUM_REPLACED && r->info->fallback != TALK_STAYS))
		WRONG("%s, though all came in order", mpnic_map_csum_name(judge));
	/* Behind an infinite mapping a middlebox may change bytes (RFC 8684 3.7). */
	if (given && truth->ended && judge != MPNIC_MAP_CSUM_REPLACED)
		WRONG("verdict %s behind an infinite mapping", mpnic_map_csum_name(judge));
	if (!truth->due)
		return;
	r->totals->due++;
	r->totals->due_clean += level == TALK_CLEAN;
	if (!given || judge > MPNIC_MAP_CSUM_EXTRA)
		WRONG("a mapping of %u bytes came in order, but its verdict is %s", truth->due_len,
		      mpnic_map_csum_name(judge));
	else if (got->map_dsn != truth->due_dsn || got->map_len != truth->due_len)
		WRONG("the verdict is of another mapping");
}

static void check_rest(struct run *r, const struct talk_segment *seg,
		       const struct oracle_segment *truth, const struct mpnic_result *got)
{
	const struct talk_flow_info *flow = &r->info->flow[seg->flow];
	const bool again = got->flags & MPNIC_RESULT_RETRANSMISSION;
	const bool fin = got->signs & MPNIC_SIGN_DATA_FIN;

	if (!!(got->flags & MPNIC_RESULT_DATA_ACK) != seg->true_ack ||
	    (seg->true_ack && got->data_ack != seg->data_ack))
		WRONG("Data ACK %#llx, not %#llx", (unsigned long long)got->data_ack,
		      (unsigned long long)seg->data_ack);
	if (fin != seg->true_fin || (fin && got->data_fin != seg->data_fin))
		WRONG("DATA_FIN %d %#llx, not %d %#llx", fin, (unsigned long long)got->data_fin,
		      seg->true_fin, (unsigned long long)seg->data_fin);
	if ((got->signs & MPNIC_SIGN_MAP_CONFLICT) && !flow->conflicts)
		WRONG("MAP_CONFLICT");
	if (got->signs & MPNIC_SIGN_DSN_FAR)
		WRONG("DSN_FAR");
	if ((got->signs & (MPNIC_SIGN_CSUM_EXTRA | MPNIC_SIGN_CSUM_MISSING)) && !r->info->presence)
		WRONG("presence of checksums");
	if ((got->signs & MPNIC_SIGN_UNMAPPED) && truth->has_dsn && flow->level == TALK_CLEAN)
		WRONG("UNMAPPED, though it is mapped");
	if (!!(got->signs & MPNIC_SIGN_INFINITE) != truth->infinite)
		WRONG("INFINITE");
	if (again && truth->all_new)
		WRONG("RETRANSMISSION of new bytes");
	/* What came before its mapping was known, or behind an infinite one, is not remembered. */
	if (!again && truth->all_seen && flow->level != TALK_ROUGH && r->all_mapped &&
	    r->info->fallback == TALK_STAYS && got->dsn_state == MPNIC_DSN_MAPPED)
		WRONG("bytes that came before, but no RETRANSMISSION");
	if (again && (got->flags & MPNIC_RESULT_REINJECTION))
		WRONG("RETRANSMISSION and REINJECTION");
}

static void count(struct run *r, const struct talk_segment *seg, const struct mpnic_hdr *hdr,
		  const struct mpnic_result *got)
{
	const uint32_t rel = hdr->seq - r->flow[seg->flow].dir[seg->dir].isn;
	const uint64_t end = got->dsn + hdr->payload_len - 1;
	struct totals *t = r->totals;
	unsigned int i;

	if (got->dsn_state == MPNIC_DSN_MAPPED) {
		t->wraps[0] += hdr->seq + hdr->payload_len < hdr->seq;
		t->wraps[1] += rel + hdr->payload_len < rel;
		t->wraps[2] += (uint32_t)end < (uint32_t)got->dsn;
		t->wraps[3] += end < got->dsn;
	}
	/* One side of a wrap, while the connection is on the other. */
	if (got->flags & MPNIC_RESULT_DATA_ACK)
		t->wraps[4] += got->data_ack >> 32 != r->conn.dsn_next[!seg->side] >> 32;

	t->dsn[got->dsn_state & 15]++;
	t->judge[got->map_csum & 15]++;
	for (i = 0; i < 8; i++)
		t->flag[i] += got->flags >> i & 1;
	for (i = 0; i < 32; i++)
		t->sign[i] += got->signs >> i & 1;
}

static void one_segment(struct run *r, const struct talk_segment *seg)
{
	struct mpnic_result got = {
		.dir = (uint8_t)seg->dir,
		.side = (uint8_t)seg->side,
	};
	struct oracle_segment truth;
	struct mpnic_hdr hdr;
	struct mpnic_csum csum;

	mpnic_packet(seg->frame, seg->len, MPNIC_USER(r->info->version, 0), &hdr, &csum);
	oracle_segment(r->oracle, seg->flow, seg->dir, seg->side, seg->frame, seg->len, &truth);
	mpnic_dss(&hdr, &csum, &r->flow[seg->flow], &r->conn, &got);
	if (csum.l4 != MPNIC_CSUM_GOOD || (hdr.mptcp & MPNIC_MPTCP_MALFORMED))
		WRONG("the generator made a wrong frame");
	check_number(r, seg, &truth, &got);
	check_verdict(r, seg, &truth, &got);
	check_rest(r, seg, &truth, &got);
	count(r, seg, &hdr, &got);
}

static void converse(uint64_t seed, unsigned int segments, struct totals *totals)
{
	static struct talk_segment seg;
	struct talk *talk = talk_new(seed, segments, TALK_MSS_MAX);
	struct run r = {
		.seed = seed,
		.info = talk_info(talk),
		.all_mapped = true,
		.totals = totals,
	};

	r.oracle = oracle_new(r.info->idsn, r.info->next);
	set_up(&r);
	while (talk_next(talk, &seg)) {
		r.number++;
		one_segment(&r, &seg);
	}
	totals->segments += r.number;
	totals->conversations++;
	oracle_free(r.oracle);
	talk_free(talk);
}

static void report(const struct totals *t)
{
	unsigned int i;

	printf("%llu segments of %llu conversations, %llu with data, %llu mapped; "
	       "%llu have a number that is not kept\n",
	       (unsigned long long)t->segments, (unsigned long long)t->conversations,
	       (unsigned long long)t->data, (unsigned long long)t->mapped,
	       (unsigned long long)t->lost);
	printf("verdicts that had to be given: %llu, of flows without trouble %llu\n",
	       (unsigned long long)t->due, (unsigned long long)t->due_clean);
	printf("wraps inside a segment: %llu of sequence numbers, %llu of subflow sequence numbers, "
	       "%llu of DSNs at 32 bits, %llu at 64; Data ACKs across a wrap: %llu\n",
	       (unsigned long long)t->wraps[0], (unsigned long long)t->wraps[1],
	       (unsigned long long)t->wraps[2], (unsigned long long)t->wraps[3],
	       (unsigned long long)t->wraps[4]);
	for (i = 0; i < 16; i++)
		if (t->dsn[i])
			printf("  dsn %-12s %llu\n", mpnic_dsn_name((uint8_t)i),
			       (unsigned long long)t->dsn[i]);
	for (i = 1; i < 16; i++)
		if (t->judge[i])
			printf("  map_csum %-12s %llu\n", mpnic_map_csum_name((uint8_t)i),
			       (unsigned long long)t->judge[i]);
	for (i = 0; i < 32; i++)
		if (t->sign[i])
			printf("  sign %2u %llu\n", i, (unsigned long long)t->sign[i]);
	printf("  retransmissions %llu, reinjections %llu\n", (unsigned long long)t->flag[0],
	       (unsigned long long)t->flag[1]);
}

/* A run that tries nothing shows nothing. */
static bool tried_all(const struct totals *t)
{
	static const uint8_t signs[] = {6, 8, 9, 10, 11, 12, 14, 16, 19, 29, 30};
	bool all = true;
	unsigned int i;

	for (i = MPNIC_MAP_CSUM_GOOD; i <= MPNIC_MAP_CSUM_REPLACED; i++)
		all &= t->judge[i] > 0;
	for (i = 0; i < 5; i++)
		all &= t->wraps[i] > 0;
	for (i = 0; i < sizeof(signs); i++)
		all &= t->sign[signs[i]] > 0;
	return all && t->due_clean > t->segments / 50 && t->mapped > t->data / 2;
}

int main(int argc, char **argv)
{
	const uint64_t segments = argc > 1 ? strtoull(argv[1], NULL, 0) : 300000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	struct totals totals = {0};

	if (!seed)
		seed = (uint64_t)time(NULL) << 20;
	printf("seed %llu\n", (unsigned long long)seed);
	while (totals.segments < segments && totals.errors < 20) {
		const unsigned int n = 300 + (unsigned int)(seed * 2654435761u >> 8) % 1700;

		converse(seed++, n, &totals);
	}
	report(&totals);
	if (segments >= 100000 && !tried_all(&totals)) {
		printf("not everything was tried\n");
		return 1;
	}
	printf("%llu contradictions\n", (unsigned long long)totals.errors);
	return totals.errors ? 1 : 0;
}
