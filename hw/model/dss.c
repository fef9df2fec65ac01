/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage dss: data sequence numbers and DSS checksums. Rules: docs/state.md, "dss"; a function for
 * each, under its number there.
 *
 * What needs the flow's state is compares, adds and choices alone, so that RTL can read, change and
 * write the state of one flow in two clocks; all else is done before.
 */
#include "internal.h"
#include "mpnic_state.h"

/* The mapping that the segment itself carries. */
struct own {
	bool there;  /* it carries one, whatever came of it */
	bool usable; /* its bytes may be numbered by it */
	bool far;    /* refused for its distance */
	bool is_map; /* it is the newest mapping of the direction */
	bool fin, csum, dsn8;
	uint64_t dsn;
	uint32_t ssn;
	uint16_t length; /* as on the wire */
	uint16_t bytes;	 /* without the DATA_FIN */
	uint16_t checksum;
	uint8_t judge; /* why it cannot be judged, by the presence of its checksum alone */
};

struct segment {
	const struct mpnic_hdr *hdr;
	const struct mpnic_csum *csum;
	struct mpnic_flow *flow;
	struct mpnic_conn *conn;
	struct mpnic_result *result;
	struct mpnic_dir *dir, *other;
	const struct mpnic_opt *capable; /* first MP_CAPABLE; NULL */
	const struct mpnic_opt *dss;	 /* first DSS without error; NULL */
	bool capable_ok;
	bool data; /* payload that belongs to the stream */
	bool first;
	uint32_t rel;
	struct own own;
	uint16_t pos; /* map_pos before this segment's bytes */
};

static const struct mpnic_opt *first_opt(const struct mpnic_hdr *hdr, uint8_t subtype, bool error)
{
	unsigned int i;

	for (i = 0; i < hdr->mptcp_count && i < MPNIC_MPTCP_OPTS; i++) {
		if (hdr->opt[i].subtype == subtype && (error || !hdr->opt[i].error))
			return &hdr->opt[i];
	}
	return NULL;
}

static bool is_syn(const struct mpnic_hdr *hdr)
{
	return (hdr->tcp_flags & (TCP_SYN | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/*
 * Receivers drop what has neither ACK nor SYN, and the text on a RST is not of the stream: were it
 * summed, a right mapping could end `bad`.
 */
static bool has_data(const struct mpnic_hdr *hdr)
{
	if (hdr->parse != MPNIC_PARSE_TCP || !hdr->payload_len)
		return false;
	return is_syn(hdr) || (hdr->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK;
}

/* Serial arithmetic: is a before b? */
static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static bool inside(uint32_t number, uint32_t start, uint32_t len)
{
	return number - start < len;
}

static bool ranges_meet(uint32_t a, uint32_t a_len, uint32_t b, uint32_t b_len)
{
	return inside(b, a, a_len) || inside(a, b, b_len);
}

/* Is @a no further from @b than 32 bits can say? */
static bool is_near(uint64_t a, uint64_t b)
{
	const int64_t d = (int64_t)(a - b);

	return d == (int32_t)d;
}

static uint64_t extend(uint32_t low, uint64_t around)
{
	return around + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)around);
}

/* A data sequence number or Data ACK as 64 bits. Returns false if it is too far away to be true. */
static bool to64(uint64_t value, bool octets8, uint64_t around, uint64_t *number)
{
	*number = octets8 ? value : extend((uint32_t)value, around);
	return is_near(*number, around);
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* RFC 8684 3.3.1, figure 10. */
static uint16_t pseudo_sum(const struct own *own)
{
	return fold((own->dsn & 0xffffffff) + (own->dsn >> 32) + own->ssn + (uint64_t)own->length);
}

static void add_sign(struct segment *seg, uint32_t sign)
{
	seg->result->signs |= sign;
}

static bool fallen(const struct segment *seg)
{
	return (seg->dir->flags | seg->other->flags) & MPNIC_DIR_INFINITE;
}

static void give_verdict(struct segment *seg, uint8_t verdict, uint64_t dsn, uint16_t len)
{
	seg->result->map_csum = verdict;
	seg->result->map_dsn = dsn;
	seg->result->map_len = len;
	seg->result->flags |= MPNIC_RESULT_MAP;
	if (verdict == MPNIC_MAP_CSUM_BAD)
		add_sign(seg, MPNIC_SIGN_CSUM_BAD);
	else
		seg->result->signs &= ~(uint32_t)MPNIC_SIGN_CSUM_BAD;
}

/* ---- 1: SYN -------------------------------------------------------------------------------- */

/* Data on a SYN that was taken has moved isn (below), and the SYN may come again. */
static bool same_syn(const struct mpnic_dir *dir, uint32_t seq)
{
	if (!(dir->flags & MPNIC_DIR_ISN))
		return false;
	return dir->isn == seq || ((dir->flags & MPNIC_DIR_SYN_DATA) && dir->isn - seq <= 0xffff);
}

/*
 * A SYN inside a connection that goes on changes nothing, as it does not at the endpoints (RFC 9293
 * 3.10.7.4): a forged one would shift every number that follows.
 */
static bool may_start_anew(const struct segment *seg)
{
	const struct mpnic_dir *dir = seg->flow->dir;

	return !(seg->dir->flags & MPNIC_DIR_ISN) || !(dir[0].flags & MPNIC_DIR_THIRD) ||
	       ((dir[0].flags | dir[1].flags) & MPNIC_DIR_END);
}

static void start_anew(struct segment *seg)
{
	if (!(seg->hdr->tcp_flags & TCP_ACK))
		memset(seg->other, 0, sizeof(*seg->other));
	memset(seg->dir, 0, sizeof(*seg->dir));
	seg->dir->isn = seg->hdr->seq;
	seg->dir->flags = MPNIC_DIR_ISN;
}

static void note_capable(struct segment *seg)
{
	if (!seg->capable_ok)
		return;
	seg->dir->flags &= ~(uint32_t)MPNIC_DIR_CAPABLE_V1;
	seg->dir->flags |= MPNIC_DIR_CAPABLE;
	if (seg->capable->version == 1)
		seg->dir->flags |= MPNIC_DIR_CAPABLE_V1;
}

/* The answer to data on the SYN: what is taken is outside the data sequence space, and subflow
 * sequence number 1 is behind it (RFC 8684 B.2, figure 19). */
static void skip_syn_data(struct segment *seg)
{
	const uint32_t isn = seg->hdr->ack - 1;

	if (!(seg->other->flags & MPNIC_DIR_SYN_DATA) || isn - seg->other->isn > 0xffff)
		return;
	seg->other->isn = isn;
}

static void judge_answer(struct segment *seg)
{
	const uint32_t asked = seg->other->flags;

	if (!seg->first || !(asked & MPNIC_DIR_CAPABLE))
		return;
	if (!seg->capable)
		add_sign(seg, MPNIC_SIGN_CAPABLE_ABSENT);
	else if (seg->capable_ok &&
		 (seg->capable->version == 1) != !!(asked & MPNIC_DIR_CAPABLE_V1))
		add_sign(seg, MPNIC_SIGN_CAPABLE_VERSION);
}

static void rule1_syn(struct segment *seg)
{
	const struct mpnic_hdr *hdr = seg->hdr;
	bool same = same_syn(seg->dir, hdr->seq);

	add_sign(seg, MPNIC_SIGN_HANDSHAKE);
	if (seg->capable && !seg->capable_ok)
		add_sign(seg, MPNIC_SIGN_CAPABLE_ERROR);
	if (seg->data)
		seg->result->dsn_state = MPNIC_DSN_SYN;
	if (!same) {
		if (!may_start_anew(seg))
			return;
		start_anew(seg);
	}
	note_capable(seg);
	if (!(hdr->tcp_flags & TCP_ACK)) {
		if (seg->data)
			seg->dir->flags |= MPNIC_DIR_SYN_DATA;
	} else if (seg->result->dir) {
		skip_syn_data(seg);
		judge_answer(seg);
	}
}

/* ---- 2: third packet ----------------------------------------------------------------------- */

static void rule2_third(struct segment *seg)
{
	const uint32_t both = seg->dir->flags & seg->other->flags;

	if (seg->result->dir || (seg->hdr->tcp_flags & (TCP_SYN | TCP_RST)))
		return;
	if ((seg->dir->flags & (MPNIC_DIR_ISN | MPNIC_DIR_THIRD)) != MPNIC_DIR_ISN)
		return;
	seg->dir->flags |= MPNIC_DIR_THIRD;
	add_sign(seg, MPNIC_SIGN_HANDSHAKE);
	if (seg->first && (both & MPNIC_DIR_CAPABLE) && !seg->capable_ok && !seg->dss)
		add_sign(seg, MPNIC_SIGN_THIRD_ABSENT);
}

/* ---- 3: control options -------------------------------------------------------------------- */

static uint32_t control_sign(const struct mpnic_opt *opt)
{
	if (opt->error)
		return opt->subtype == MPNIC_SUBTYPE_MP_CAPABLE ? MPNIC_SIGN_CAPABLE_ERROR : 0;
	switch (opt->subtype) {
	case MPNIC_SUBTYPE_MP_FAIL:
		return MPNIC_SIGN_MP_FAIL;
	case MPNIC_SUBTYPE_MP_FASTCLOSE:
		return MPNIC_SIGN_FASTCLOSE;
	case MPNIC_SUBTYPE_MP_TCPRST:
		return MPNIC_SIGN_TCPRST;
	case MPNIC_SUBTYPE_ADD_ADDR:
		return MPNIC_SIGN_ADD_ADDR;
	case MPNIC_SUBTYPE_REMOVE_ADDR:
		return MPNIC_SIGN_REMOVE_ADDR;
	case MPNIC_SUBTYPE_MP_PRIO:
		return MPNIC_SIGN_MP_PRIO;
	default:
		return 0;
	}
}

static void rule3_control(struct segment *seg)
{
	unsigned int i;

	for (i = 0; i < seg->hdr->mptcp_count && i < MPNIC_MPTCP_OPTS; i++)
		add_sign(seg, control_sign(&seg->hdr->opt[i]));
	if (seg->hdr->tcp_flags & (TCP_RST | TCP_FIN)) {
		seg->dir->flags |= MPNIC_DIR_END;
		add_sign(seg, MPNIC_SIGN_END);
	}
}

/* ---- 4: Data ACK --------------------------------------------------------------------------- */

/* Data was acknowledged on the subflow alone. MP_CAPABLE takes the room of a DSS. */
static bool lacks_data_ack(const struct segment *seg)
{
	if ((seg->hdr->tcp_flags & (TCP_ACK | TCP_RST)) != TCP_ACK || seg->capable_ok)
		return false;
	if (!seg->first || (seg->dir->flags & MPNIC_DIR_DATA_ACK) || fallen(seg))
		return false;
	if (~seg->other->flags & (MPNIC_DIR_ISN | MPNIC_DIR_DATA))
		return false;
	return before(seg->other->isn + 1, seg->hdr->ack);
}

static void rule4_data_ack(struct segment *seg)
{
	const struct mpnic_opt *dss = seg->dss;
	uint64_t number;

	if (!dss || !(dss->fields & MPNIC_FIELD_DATA_ACK)) {
		if (lacks_data_ack(seg))
			add_sign(seg, MPNIC_SIGN_NO_DATA_ACK);
		return;
	}
	if (!to64(dss->dss.data_ack, dss->fields & MPNIC_FIELD_DATA_ACK8,
		  seg->conn->dsn_next[!seg->result->side], &number)) {
		add_sign(seg, MPNIC_SIGN_DSN_FAR);
		return;
	}
	seg->result->data_ack = number;
	seg->result->flags |= MPNIC_RESULT_DATA_ACK;
	seg->dir->flags |= MPNIC_DIR_DATA_ACK;
}

/* ---- 5: mapping ---------------------------------------------------------------------------- */

static void read_mapping(struct segment *seg)
{
	const struct mpnic_opt *dss = seg->dss, *capable = seg->capable;
	struct own *own = &seg->own;

	if (seg->hdr->tcp_flags & TCP_RST)
		return;
	if (dss && (dss->fields & MPNIC_FIELD_MAPPING)) {
		*own = (struct own){
			.there = true,
			.fin = (dss->flags & MPNIC_DSS_F) && dss->data_len,
			.csum = dss->fields & MPNIC_FIELD_CHECKSUM,
			.dsn8 = dss->fields & MPNIC_FIELD_DSN8,
			.dsn = dss->dss.dsn,
			.ssn = dss->dss.ssn,
			.length = dss->data_len,
			.checksum = dss->checksum,
		};
	} else if (seg->capable_ok && (capable->fields & MPNIC_FIELD_DATA_LEN) &&
		   !seg->result->side && seg->first) {
		*own = (struct own){
			.there = true,
			.csum = capable->fields & MPNIC_FIELD_CHECKSUM,
			.dsn8 = true,
			.dsn = seg->conn->idsn[0] + 1,
			.ssn = MPNIC_SUBFLOW_SSN_FIRST,
			.length = capable->data_len,
			.checksum = capable->checksum,
		};
	}
	own->bytes = (uint16_t)(own->length - own->fin);
}

/* From here on a middlebox may change the bytes (RFC 8684 3.7): nothing is judged any more. */
static void note_infinite(struct segment *seg)
{
	struct mpnic_dir *dir = seg->dir;

	add_sign(seg, MPNIC_SIGN_INFINITE);
	if ((dir->flags & (MPNIC_DIR_MAP | MPNIC_DIR_MAP_DONE)) == MPNIC_DIR_MAP && dir->map_pos)
		give_verdict(seg, MPNIC_MAP_CSUM_REPLACED, dir->map_dsn, dir->map_len);
	dir->flags |= MPNIC_DIR_INFINITE | MPNIC_DIR_MAP_DONE;
}

static void check_presence(struct segment *seg)
{
	const bool negotiated = seg->conn->flags & MPNIC_CONN_CSUM;
	struct own *own = &seg->own;

	if (own->csum == negotiated) {
		own->judge = own->csum ? MPNIC_MAP_CSUM_NONE : MPNIC_MAP_CSUM_ABSENT;
	} else if (own->csum) {
		own->judge = MPNIC_MAP_CSUM_EXTRA;
		add_sign(seg, MPNIC_SIGN_CSUM_EXTRA);
	} else {
		own->judge = MPNIC_MAP_CSUM_MISSING;
		add_sign(seg, MPNIC_SIGN_CSUM_MISSING);
	}
}

static bool same_as_map(const struct mpnic_dir *dir, const struct own *own)
{
	return (dir->flags & MPNIC_DIR_MAP) && dir->map_ssn == own->ssn &&
	       dir->map_len == own->bytes && (uint32_t)dir->map_dsn == (uint32_t)own->dsn;
}

static bool same_as_prev(const struct mpnic_dir *dir, const struct own *own)
{
	return (dir->flags & MPNIC_DIR_PREV) && dir->prev_ssn == own->ssn &&
	       dir->prev_len == own->bytes && dir->prev_dsn == (uint32_t)own->dsn;
}

static bool meets_map(const struct mpnic_dir *dir, const struct own *own)
{
	return (dir->flags & MPNIC_DIR_MAP) &&
	       ranges_meet(own->ssn, own->bytes, dir->map_ssn, dir->map_len);
}

static bool meets_prev(const struct mpnic_dir *dir, const struct own *own)
{
	return (dir->flags & MPNIC_DIR_PREV) &&
	       ranges_meet(own->ssn, own->bytes, dir->prev_ssn, dir->prev_len);
}

static void judge_if_none(struct mpnic_dir *dir, uint8_t reason)
{
	if (dir->map_judge == MPNIC_MAP_CSUM_NONE)
		dir->map_judge = reason;
}

/* The same again. A DATA_FIN that is added when it is sent again changes length and checksum. */
static void repeat_map(struct segment *seg)
{
	const bool fin = seg->dir->flags & MPNIC_DIR_MAP_FIN;
	const bool csum = seg->dir->flags & MPNIC_DIR_MAP_CSUM;
	struct own *own = &seg->own;

	own->is_map = true;
	if (own->csum == csum && (own->fin != fin || own->checksum == seg->dir->map_csum))
		return;
	add_sign(seg, MPNIC_SIGN_MAP_CONFLICT);
	seg->dir->map_judge = MPNIC_MAP_CSUM_CONFLICT;
}

/* Is there a mapping in force that gives a byte of this one another number? */
static bool contradicts(struct segment *seg)
{
	struct mpnic_dir *dir = seg->dir;
	const uint32_t shift = (uint32_t)seg->own.dsn - seg->own.ssn;
	bool map = meets_map(dir, &seg->own) && (uint32_t)dir->map_dsn - dir->map_ssn != shift;
	bool prev = meets_prev(dir, &seg->own) && dir->prev_dsn - dir->prev_ssn != shift;

	if (map)
		dir->map_judge = MPNIC_MAP_CSUM_CONFLICT;
	return map || prev;
}

/* prev has 32 bits of its number: it is kept only where map tells the others. */
static void set_prev(struct mpnic_dir *dir, uint32_t dsn, uint32_t ssn, uint16_t len)
{
	dir->prev_dsn = dsn;
	dir->prev_ssn = ssn;
	dir->prev_len = len;
	dir->flags |= MPNIC_DIR_PREV;
}

static void take_newer(struct segment *seg)
{
	struct mpnic_dir *dir = seg->dir;
	struct own *own = &seg->own;

	dir->flags &= ~(uint32_t)MPNIC_DIR_PREV;
	if (dir->flags & MPNIC_DIR_MAP) {
		if (!(dir->flags & MPNIC_DIR_MAP_DONE) && dir->map_pos)
			give_verdict(seg, MPNIC_MAP_CSUM_REPLACED, dir->map_dsn, dir->map_len);
		if (is_near(dir->map_dsn, own->dsn))
			set_prev(dir, (uint32_t)dir->map_dsn, dir->map_ssn, dir->map_len);
	}
	dir->flags &= ~(uint32_t)(MPNIC_DIR_MAP_CSUM | MPNIC_DIR_MAP_DONE | MPNIC_DIR_MAP_FIN);
	dir->flags |= MPNIC_DIR_MAP;
	if (own->csum)
		dir->flags |= MPNIC_DIR_MAP_CSUM;
	if (own->fin)
		dir->flags |= MPNIC_DIR_MAP_FIN;
	dir->map_dsn = own->dsn;
	dir->map_ssn = own->ssn;
	dir->map_len = own->bytes;
	dir->map_pos = 0;
	dir->map_csum = own->checksum;
	dir->map_sum = pseudo_sum(own);
	dir->map_judge = own->judge;
	own->is_map = true;
}

static void keep_older(struct mpnic_dir *dir, const struct own *own)
{
	if ((dir->flags & MPNIC_DIR_PREV) && !before(dir->prev_ssn, own->ssn))
		return;
	if (is_near(own->dsn, dir->map_dsn))
		set_prev(dir, (uint32_t)own->dsn, own->ssn, own->bytes);
}

static void place_mapping(struct segment *seg)
{
	struct mpnic_dir *dir = seg->dir;
	struct own *own = &seg->own;
	const uint32_t map_end = dir->map_ssn + dir->map_len;
	bool newer;

	own->usable = true;
	if (same_as_map(dir, own)) {
		repeat_map(seg);
		return;
	}
	if (same_as_prev(dir, own))
		return;
	if (contradicts(seg)) {
		add_sign(seg, MPNIC_SIGN_MAP_CONFLICT);
		own->usable = false;
		return;
	}
	newer = !(dir->flags & MPNIC_DIR_MAP) || before(map_end, own->ssn + own->bytes);
	if (!newer) {
		keep_older(dir, own);
	} else if (dir->flags & MPNIC_DIR_INFINITE) {
		add_sign(seg, MPNIC_SIGN_AFTER_INFINITE);
		own->usable = false;
	} else {
		take_newer(seg);
	}
}

static void rule5_mapping(struct segment *seg)
{
	struct own *own = &seg->own;

	read_mapping(seg);
	if (!own->there)
		return;
	if (!own->length) {
		note_infinite(seg);
		return;
	}
	check_presence(seg);
	if (!to64(own->dsn, own->dsn8, seg->conn->dsn_next[seg->result->side], &own->dsn)) {
		add_sign(seg, MPNIC_SIGN_DSN_FAR);
		own->far = true;
		return;
	}
	if (own->fin) {
		add_sign(seg, MPNIC_SIGN_DATA_FIN);
		seg->result->data_fin = own->dsn + own->bytes;
	}
	/* One that maps nothing of its own segment is not allowed (RFC 8684 3.3.1), and would push
	 * those in force aside. */
	if (seg->data && (seg->dir->flags & MPNIC_DIR_ISN) &&
	    ranges_meet(own->ssn, own->bytes, seg->rel, seg->hdr->payload_len))
		place_mapping(seg);
}

/* ---- 6: number ----------------------------------------------------------------------------- */

/* What numbers the segment. */
struct cover {
	bool found;
	uint64_t dsn; /* of the first byte */
	uint32_t len; /* bytes, cut at the mapping's end */
};

static struct cover cover_by(uint64_t dsn, uint32_t off, uint32_t len, uint32_t n)
{
	return (struct cover){
		.found = true,
		.dsn = dsn + off,
		.len = n < len - off ? n : len - off,
	};
}

static struct cover find_cover(const struct segment *seg)
{
	const struct mpnic_dir *dir = seg->dir;
	const struct own *own = &seg->own;
	const uint32_t rel = seg->rel, n = seg->hdr->payload_len;

	if (own->usable && inside(rel, own->ssn, own->bytes))
		return cover_by(own->dsn, rel - own->ssn, own->bytes, n);
	if (!(dir->flags & MPNIC_DIR_ISN))
		return (struct cover){.found = false};
	if ((dir->flags & MPNIC_DIR_MAP) && inside(rel, dir->map_ssn, dir->map_len))
		return cover_by(dir->map_dsn, rel - dir->map_ssn, dir->map_len, n);
	if ((dir->flags & MPNIC_DIR_PREV) && inside(rel, dir->prev_ssn, dir->prev_len))
		return cover_by(extend(dir->prev_dsn, dir->map_dsn), rel - dir->prev_ssn,
				dir->prev_len, n);
	return (struct cover){.found = false};
}

static uint8_t why_no_number(const struct segment *seg)
{
	const struct mpnic_dir *dir = seg->dir;

	if (!(dir->flags & MPNIC_DIR_ISN))
		return MPNIC_DSN_NO_ISN;
	if (fallen(seg))
		return MPNIC_DSN_INFINITE;
	if (seg->own.far)
		return MPNIC_DSN_FAR;
	if ((dir->flags & MPNIC_DIR_MAP) && before(seg->rel, dir->map_ssn))
		return MPNIC_DSN_PAST;
	return MPNIC_DSN_NO_MAPPING;
}

static void sign_bare_data(struct segment *seg)
{
	const bool acked = seg->other->flags & MPNIC_DIR_DATA_ACK;

	if (fallen(seg) || !(seg->dir->flags & MPNIC_DIR_ISN))
		return;
	if (!seg->own.there && !acked)
		add_sign(seg, MPNIC_SIGN_NO_MAPPING);
	if (seg->result->dsn_state == MPNIC_DSN_NO_MAPPING && acked)
		add_sign(seg, MPNIC_SIGN_UNMAPPED);
	if (seg->first && !seg->result->dir && !(seg->dir->flags & MPNIC_DIR_DATA) &&
	    !seg->capable_ok && !seg->own.there)
		add_sign(seg, MPNIC_SIGN_FIRST_DATA_BARE);
}

static struct cover rule6_number(struct segment *seg)
{
	const struct cover cover = find_cover(seg);

	if (!cover.found) {
		seg->result->dsn_state = why_no_number(seg);
	} else {
		seg->result->dsn_state = MPNIC_DSN_MAPPED;
		seg->result->dsn = cover.dsn;
	}
	sign_bare_data(seg);
	return cover;
}

/* ---- 7: checksum --------------------------------------------------------------------------- */

static uint8_t judge_sum(uint16_t sum, uint16_t checksum)
{
	return fold((uint32_t)sum + checksum) == 0xffff ? MPNIC_MAP_CSUM_GOOD : MPNIC_MAP_CSUM_BAD;
}

/* The segment's bytes in the newest mapping: only what comes in order is summed. */
static void pass_bytes(struct mpnic_dir *dir, uint32_t off, uint32_t n, uint16_t sum)
{
	const uint32_t end = off + n;
	const uint16_t cut = end < dir->map_len ? (uint16_t)end : dir->map_len;

	if (off < dir->map_pos) {
		if (end <= dir->map_pos)
			return;
		judge_if_none(dir, MPNIC_MAP_CSUM_OVERLAP);
	} else if (off > dir->map_pos) {
		judge_if_none(dir, MPNIC_MAP_CSUM_ORDER);
	} else if (end > dir->map_len) {
		judge_if_none(dir, MPNIC_MAP_CSUM_STRADDLE);
	} else {
		/* Behind an odd number of bytes the words are shifted by one byte. */
		if (off & 1)
			sum = __builtin_bswap16(sum);
		dir->map_sum = fold((uint32_t)dir->map_sum + sum);
	}
	dir->map_pos = cut;
}

static void sum_map(struct segment *seg)
{
	struct mpnic_dir *dir = seg->dir;
	uint8_t verdict;

	if ((dir->flags & (MPNIC_DIR_MAP | MPNIC_DIR_MAP_DONE)) != MPNIC_DIR_MAP ||
	    !inside(seg->rel, dir->map_ssn, dir->map_len))
		return;
	pass_bytes(dir, seg->rel - dir->map_ssn, seg->hdr->payload_len, seg->csum->payload_sum);
	if (dir->map_pos != dir->map_len)
		return;
	dir->flags |= MPNIC_DIR_MAP_DONE;
	verdict = dir->map_judge;
	if (verdict == MPNIC_MAP_CSUM_NONE)
		verdict = judge_sum(dir->map_sum, dir->map_csum);
	give_verdict(seg, verdict, dir->map_dsn, dir->map_len);
}

/* A mapping that its segment has wholly needs nothing that came before. */
static void judge_alone(struct segment *seg)
{
	const struct own *own = &seg->own;
	const uint32_t n = seg->hdr->payload_len;
	uint8_t verdict = own->judge;

	if (!own->usable || seg->rel != own->ssn || n < own->bytes)
		return;
	if (n > own->bytes)
		verdict = MPNIC_MAP_CSUM_STRADDLE;
	else if (verdict == MPNIC_MAP_CSUM_NONE)
		verdict = judge_sum(fold((uint32_t)pseudo_sum(own) + seg->csum->payload_sum),
				    own->checksum);
	give_verdict(seg, verdict, own->dsn, own->bytes);
}

static void rule7_checksum(struct segment *seg)
{
	const bool done = seg->dir->flags & MPNIC_DIR_MAP_DONE;
	const bool whole = seg->hdr->payload_len == seg->own.bytes;

	if (seg->dir->flags & MPNIC_DIR_INFINITE)
		return;
	sum_map(seg);
	if (!seg->own.is_map)
		judge_alone(seg);
	else if (whole && !done && seg->dir->map_judge != MPNIC_MAP_CSUM_CONFLICT)
		judge_alone(seg);
}

/* ---- 8, 9: repeats, progress --------------------------------------------------------------- */

/* Are all bytes behind what has passed on the subflow? */
static bool is_behind(const struct segment *seg)
{
	const struct mpnic_dir *dir = seg->dir;
	const uint32_t last = seg->rel + seg->hdr->payload_len - 1;

	return (dir->flags & MPNIC_DIR_MAP) && before(last, dir->map_ssn + seg->pos);
}

static void rule8_repeats(struct segment *seg, const struct cover *cover)
{
	const uint64_t next = seg->conn->dsn_next[seg->result->side];

	if (is_behind(seg))
		seg->result->flags |= MPNIC_RESULT_RETRANSMISSION;
	else if (cover->found && (int64_t)(cover->dsn + cover->len - next) <= 0)
		seg->result->flags |= MPNIC_RESULT_REINJECTION;
}

static void move_next(struct segment *seg, uint64_t next)
{
	uint64_t *side = &seg->conn->dsn_next[seg->result->side];

	if ((int64_t)(next - *side) > 0)
		*side = next;
}

/* The DATA_FIN comes behind the mapping's last byte, whichever of its segments bears it. */
static bool fin_reached(const struct segment *seg)
{
	const struct own *own = &seg->own;
	const uint32_t off = seg->rel - own->ssn;

	if (!own->fin || own->far)
		return false;
	if (!own->bytes)
		return true;
	return seg->data && own->usable && off < own->bytes &&
	       off + seg->hdr->payload_len >= own->bytes;
}

static void rule9_progress(struct segment *seg, const struct cover *cover)
{
	if (cover->found)
		move_next(seg, cover->dsn + cover->len);
	if (fin_reached(seg))
		move_next(seg, seg->result->data_fin + 1);
	if (seg->data)
		seg->dir->flags |= MPNIC_DIR_DATA;
}

/* -------------------------------------------------------------------------------------------- */

static void clear_result(struct mpnic_result *result)
{
	result->flags = 0;
	result->dsn_state = MPNIC_DSN_NONE;
	result->dsn = 0;
	result->data_ack = 0;
	result->map_dsn = 0;
	result->map_len = 0;
	result->map_csum = MPNIC_MAP_CSUM_NONE;
	result->data_fin = 0;
}

/* It needs no state, so that the host hears of connections that no table knows. */
static void rule0_sign(struct segment *seg)
{
	const struct mpnic_hdr *hdr = seg->hdr;

	if (is_syn(hdr) && !(hdr->tcp_flags & TCP_ACK) && seg->capable_ok)
		add_sign(seg, MPNIC_SIGN_CAPABLE_SYN);
}

/* Why the state is not looked at; NONE: it is. */
static uint8_t why_no_state(const struct segment *seg, bool sound)
{
	if (!seg->flow || !seg->conn)
		return MPNIC_DSN_NO_FLOW;
	if (!sound)
		return MPNIC_DSN_BAD_CSUM;
	return seg->conn->flags & MPNIC_CONN_TCP ? MPNIC_DSN_NOT_MPTCP : MPNIC_DSN_NONE;
}

static void track(struct segment *seg)
{
	struct cover cover = {.found = false};

	seg->first = seg->flow->flags & MPNIC_FLOW_STATE_FIRST;
	seg->dir = &seg->flow->dir[seg->result->dir & 1];
	seg->other = &seg->flow->dir[!(seg->result->dir & 1)];
	if (is_syn(seg->hdr)) {
		rule1_syn(seg);
		return;
	}
	seg->rel = seg->hdr->seq - seg->dir->isn;
	rule2_third(seg);
	rule3_control(seg);
	rule4_data_ack(seg);
	rule5_mapping(seg);
	seg->pos = seg->dir->map_pos;
	if (seg->data) {
		cover = rule6_number(seg);
		rule7_checksum(seg);
		rule8_repeats(seg, &cover);
	}
	rule9_progress(seg, &cover);
}

void mpnic_dss(const struct mpnic_hdr *hdr, const struct mpnic_csum *csum, struct mpnic_flow *flow,
	       struct mpnic_conn *conn, struct mpnic_result *result)
{
	struct segment seg = {
		.hdr = hdr,
		.csum = csum,
		.flow = flow,
		.conn = conn,
		.result = result,
		.capable = first_opt(hdr, MPNIC_SUBTYPE_MP_CAPABLE, true),
		.dss = first_opt(hdr, MPNIC_SUBTYPE_DSS, false),
		.data = has_data(hdr),
	};
	const bool sound = is_sound(hdr, csum);
	uint8_t why;

	clear_result(result);
	seg.capable_ok = seg.capable && !seg.capable->error;
	if (sound)
		rule0_sign(&seg);
	why = why_no_state(&seg, sound);
	if (why == MPNIC_DSN_NONE) {
		track(&seg);
		return;
	}
	if (seg.data)
		result->dsn_state = why;
	if (why != MPNIC_DSN_NOT_MPTCP)
		return;
	if (is_syn(hdr))
		add_sign(&seg, MPNIC_SIGN_HANDSHAKE);
	if (hdr->tcp_flags & (TCP_RST | TCP_FIN))
		add_sign(&seg, MPNIC_SIGN_END);
}
