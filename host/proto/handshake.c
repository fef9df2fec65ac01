/* SPDX-License-Identifier: BSD-3-Clause */
/* The first subflow: MP_CAPABLE from SYN to the first Data ACK, and the fallbacks on that way. */
#include "handshake_internal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "mpcrypto.h"
#include "mpnic_model.h"

#define FIELD(name)    MPNIC_FIELD_##name
#define RTO_MS	       1000
#define CAPABLE_SYNS   2
#define RTO_DOUBLE_MAX 6

static const struct {
	const char *name;
	uint8_t rule;
} whys[HS_WHYS] = {
	[HS_WHY_NONE] = {"none", 0},
	[HS_WHY_ABSENT] = {"absent", 1},
	[HS_WHY_NOT_OFFERED] = {"not offered", 2},
	[HS_WHY_THIRD_ABSENT] = {"third packet without MP_CAPABLE", 3},
	[HS_WHY_PLAIN_ANSWERED] = {"only a plain SYN was answered", 4},
	[HS_WHY_VERSION] = {"version", 5},
	[HS_WHY_NO_KEY_IN_SYN] = {"no key in SYN", 6},
	[HS_WHY_ANSWERED_V0] = {"answered v0", 7},
	[HS_WHY_EXTENSIBILITY] = {"extensibility flag", 8},
	[HS_WHY_NO_CRYPTO] = {"no algorithm", 9},
	[HS_WHY_CSUM_REFUSED] = {"checksums refused", 10},
	[HS_WHY_NO_KEY] = {"no unique key", 11},
	[HS_WHY_CORRUPT] = {"corrupt options", 12},
	[HS_WHY_BAD_ACK] = {"unexpected acknowledgement", 12},
	[HS_WHY_MALFORMED] = {"malformed", 13},
	[HS_WHY_WRONG_KEY] = {"wrong key", 13},
	[HS_WHY_ECHO] = {"echo of our option", 13},
	[HS_WHY_FIRST_DATA_BARE] = {"first data without mapping", 15},
	[HS_WHY_NO_DATA_ACK] = {"no Data ACK", 18},
	[HS_WHY_CSUM_BAD] = {"bad checksum", 22},
	[HS_WHY_MP_FAIL] = {"MP_FAIL", 23},
	[HS_WHY_INFINITE] = {"infinite mapping", 25},
	[HS_WHY_CSUM_PRESENCE] = {"checksum not as agreed", 27},
	[HS_WHY_JOIN_TOKEN] = {"unknown token", 28},
	[HS_WHY_JOIN_HMAC] = {"wrong HMAC", 28},
	[HS_WHY_JOIN_ABSENT] = {"MP_JOIN missing", 28},
	[HS_WHY_JOIN_REFUSED] = {"join refused", 28},
	[HS_WHY_ADD_ADDR_HMAC] = {"ADD_ADDR with wrong HMAC", 30},
	[HS_WHY_UNKNOWN_ID] = {"unknown address id", 30},
	[HS_WHY_DATA_ACK] = {"Data ACK out of range", 30},
	[HS_WHY_STATE] = {"means nothing here", 0},
	[HS_WHY_SILENT] = {"no answer", 0},
	[HS_WHY_RST] = {"reset by peer", 0},
	[HS_WHY_FASTCLOSE] = {"fast close", 0},
};

const char *hs_why_name(unsigned int why)
{
	return why < HS_WHYS ? whys[why].name : "?";
}

unsigned int hs_why_rule(unsigned int why)
{
	return why < HS_WHYS ? whys[why].rule : 0;
}

const char *hs_state_name(unsigned int state)
{
	static const char *const names[] = {
		[HS_CLOSED] = "closed",
		[HS_LISTEN] = "listen",
		[HS_SYN_SENT] = "SYN sent",
		[HS_SYN_RECEIVED] = "SYN received",
		[HS_THIRD] = "third ACK sent",
		[HS_ESTABLISHED] = "established",
		[HS_TCP] = "TCP",
		[HS_FASTCLOSE_WAIT] = "fast close sent",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

/* ---- what the parts share -------------------------------------------------------------------- */

enum hs_kind hs_kind_of(const struct mpnic_hdr *hdr)
{
	switch (hdr->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) {
	case TCP_SYN:
		return HS_SYN;
	case TCP_SYN | TCP_ACK:
		return HS_SYNACK;
	case TCP_ACK:
	case TCP_ACK | TCP_FIN:
		return HS_ACK;
	case TCP_RST:
	case TCP_RST | TCP_ACK:
	case TCP_RST | TCP_FIN:
	case TCP_RST | TCP_ACK | TCP_FIN:
		return HS_RST;
	default:
		return HS_NOTHING;
	}
}

void hs_decode(const struct hs_conn *c, struct mpnic_hdr *hdr)
{
	mpnic_mptcp(hdr, c->keys ? c->version : MPNIC_GIVEN_UNKNOWN);
}

const struct mpnic_opt *hs_find(const struct mpnic_hdr *hdr, unsigned int subtype)
{
	for (unsigned int i = 0; i < hdr->mptcp_count; i++) {
		if (hdr->opt[i].subtype == subtype)
			return &hdr->opt[i];
	}
	return NULL;
}

bool hs_chain_broken(const struct mpnic_hdr *hdr)
{
	return hdr->tcpopt == MPNIC_TCPOPT_LEN_BELOW_2 || hdr->tcpopt == MPNIC_TCPOPT_OVERRUN;
}

void hs_ignore(struct hs_conn *c, enum hs_why why, struct hs_result *r)
{
	c->ignored++;
	r->events |= HS_EV_IGNORED;
	if (!r->why)
		r->why = (uint8_t)why;
}

void hs_fall_back(struct hs_conn *c, enum hs_why why, struct hs_result *r)
{
	hs_control_clear(c);
	hs_timer_off(&c->timer);
	c->state = HS_TCP;
	c->why = (uint8_t)why;
	r->events |= HS_EV_TCP;
	r->why = (uint8_t)why;
}

void hs_reset(struct hs_conn *c, enum hs_why why, uint8_t reason, struct hs_result *r)
{
	hs_control_clear(c);
	hs_timer_off(&c->timer);
	c->state = HS_CLOSED;
	c->why = (uint8_t)why;
	c->reset_reason = reason;
	c->fastclose_rst = false;
	c->want = HS_RST;
	r->events |= HS_EV_RESET;
	r->why = (uint8_t)why;
}

void hs_timer_sent(struct hs_timer *t, uint16_t rto_ms, unsigned int max, uint64_t now)
{
	const unsigned int doubled = t->tries < RTO_DOUBLE_MAX ? t->tries : RTO_DOUBLE_MAX;

	t->tries++;
	t->due = t->tries < max ? now + ((uint64_t)rto_ms << doubled) : HS_NEVER;
}

static uint8_t crypto_bits(unsigned int version)
{
	return version ? 0x1f : 0x3f;
}

static unsigned int highest(uint8_t versions)
{
	return versions & HS_V1 ? 1 : 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void init(struct hs_conn *c, const struct hs_config *cfg, uint32_t isn)
{
	memset(c, 0, sizeof(*c));
	c->cfg = *cfg;
	if (!c->cfg.rto_ms)
		c->cfg.rto_ms = RTO_MS;
	if (!c->cfg.capable_syns)
		c->cfg.capable_syns = CAPABLE_SYNS;
	c->isn = isn;
	c->reset_reason = HS_REASON_NONE;
	c->peer_ids[0] = 1; /* the first subflow's address (RFC 8684 3.2) */
	hs_timer_off(&c->timer);
	hs_control_clear(c);
}

void hs_open(struct hs_conn *c, const struct hs_config *cfg, uint64_t key, uint32_t isn,
	     uint64_t now)
{
	init(c, cfg, isn);
	c->initiator = true;
	c->state = HS_SYN_SENT;
	c->version = (uint8_t)highest(cfg->versions);
	c->have_key = cfg->versions & (HS_V0 | HS_V1);
	c->own_key = key;
	mpcrypto_key(c->version, key, &c->own_token, &c->own_idsn);
	hs_timer_start(&c->timer, now);
}

void hs_listen(struct hs_conn *c, const struct hs_config *cfg, const uint64_t *key, uint32_t isn)
{
	init(c, cfg, isn);
	c->state = HS_LISTEN;
	c->have_key = key;
	c->own_key = key ? *key : 0;
}

/* Both keys are known. */
static void establish(struct hs_conn *c, enum hs_state state, struct hs_result *r)
{
	mpcrypto_key(c->version, c->own_key, &c->own_token, &c->own_idsn);
	mpcrypto_key(c->version, c->peer_key, &c->peer_token, &c->peer_idsn);
	c->data_una = c->data_max = c->own_idsn + 1;
	c->keys = true;
	c->state = (uint8_t)state;
	r->events |= HS_EV_ESTABLISHED;
}

/* ---- the listener's SYN ---------------------------------------------------------------------- */

/* What a SYN's MP_CAPABLE is good for, in the order in which RFC 8684 3.1 lets one look at it. */
static enum hs_why judge_syn(const struct hs_conn *c, const struct mpnic_hdr *hdr,
			     const struct mpnic_opt *opt, unsigned int *version)
{
	if (hs_chain_broken(hdr))
		return HS_WHY_CORRUPT;
	if (!opt)
		return HS_WHY_NOT_OFFERED;
	if (opt->flags & MPNIC_CAPABLE_B)
		return HS_WHY_EXTENSIBILITY;
	*version = opt->version;
	if (opt->error == MPNIC_OPT_ERROR_VERSION)
		*version = 1; /* a higher one than any that there is: with ours (rule 5) */
	else if (opt->error == MPNIC_OPT_ERROR_NO_CRYPTO)
		return HS_WHY_NO_CRYPTO;
	else if (opt->error)
		return HS_WHY_MALFORMED;
	if (*version && !(c->cfg.versions & HS_V1))
		return c->cfg.versions & HS_V0 ? HS_WHY_NO_KEY_IN_SYN : HS_WHY_VERSION;
	if (!*version && !(c->cfg.versions & HS_V0))
		return HS_WHY_VERSION;
	if (!(opt->flags & MPNIC_CAPABLE_H))
		return HS_WHY_NO_CRYPTO;
	if (*version && (opt->flags & MPNIC_CAPABLE_A) && c->cfg.csum == HS_CSUM_REFUSE)
		return HS_WHY_CSUM_REFUSED;
	if (!c->have_key)
		return HS_WHY_NO_KEY;
	return HS_WHY_NONE;
}

/* The SYN that was taken, sent again: with the same in it, or somebody has changed it. */
static bool same_offer(const struct hs_conn *c, const struct mpnic_opt *opt, unsigned int version)
{
	return c->version == version && c->peer_flags == opt->flags &&
	       (version || c->peer_key == opt->capable.sender_key);
}

static void take_offer(struct hs_conn *c, const struct mpnic_opt *opt, unsigned int version)
{
	c->offered = true;
	c->why = HS_WHY_NONE;
	c->version = (uint8_t)version;
	c->peer_flags = opt->flags;
	c->csum = c->cfg.csum == HS_CSUM_REQUIRE || (opt->flags & MPNIC_CAPABLE_A);
	c->peer_no_join = version && (opt->flags & MPNIC_CAPABLE_C);
	if (!version)
		c->peer_key = opt->capable.sender_key;
}

/* Each SYN is answered as it is; which one counts the third packet tells (rule 4). */
static void take_syn(struct hs_conn *c, const struct mpnic_hdr *hdr, uint64_t now,
		     struct hs_result *r)
{
	const struct mpnic_opt *opt = hs_find(hdr, MPNIC_SUBTYPE_MP_CAPABLE);
	unsigned int version = 0;
	enum hs_why why = judge_syn(c, hdr, opt, &version);

	if (c->state == HS_SYN_RECEIVED && hdr->seq != c->peer_isn) {
		hs_ignore(c, HS_WHY_STATE, r);
		return;
	}
	/* Version 0 drops such a SYN, version 1 ignores the option (rule 8). */
	if (why == HS_WHY_EXTENSIBILITY && !opt->version && (c->cfg.versions & HS_V0)) {
		hs_ignore(c, why, r);
		return;
	}
	if (!why && c->offered && !same_offer(c, opt, version))
		why = HS_WHY_CORRUPT;
	if (!why && !c->offered)
		take_offer(c, opt, version);
	if (!c->offered)
		c->why = (uint8_t)why;
	c->answer_capable = !why;
	c->state = HS_SYN_RECEIVED;
	c->peer_isn = hdr->seq;
	c->want = HS_SYNACK;
	hs_timer_start(&c->timer, now);
	r->events |= HS_EV_SYN;
	r->why = (uint8_t)why;
}

/* ---- the initiator's SYN/ACK ----------------------------------------------------------------- */

static uint8_t own_flags(const struct hs_conn *c, unsigned int version, bool csum)
{
	return (uint8_t)(MPNIC_CAPABLE_H | (csum ? MPNIC_CAPABLE_A : 0) |
			 (version && c->cfg.no_join ? MPNIC_CAPABLE_C : 0));
}

/* A middlebox that copies what it does not know sends our SYN's option back. */
static bool is_echo(const struct hs_conn *c, const struct mpnic_opt *opt)
{
	if (opt->version != c->version ||
	    opt->flags != own_flags(c, c->version, c->cfg.csum == HS_CSUM_REQUIRE))
		return false;
	return c->version ? opt->length == 4 : !opt->error && opt->capable.sender_key == c->own_key;
}

static enum hs_why judge_synack(const struct hs_conn *c, const struct mpnic_hdr *hdr,
				const struct mpnic_opt *opt)
{
	if (hs_chain_broken(hdr))
		return HS_WHY_CORRUPT;
	if (!c->capable_sent)
		return opt ? HS_WHY_CORRUPT : HS_WHY_NOT_OFFERED; /* it may not have one: rule 2 */
	if (!opt)
		return c->syns > c->cfg.capable_syns ? HS_WHY_PLAIN_ANSWERED : HS_WHY_ABSENT;
	if (is_echo(c, opt))
		return HS_WHY_ECHO;
	if (opt->flags & MPNIC_CAPABLE_B)
		return HS_WHY_EXTENSIBILITY;
	if (opt->version > c->version)
		return HS_WHY_VERSION;
	if (opt->error == MPNIC_OPT_ERROR_NO_CRYPTO)
		return HS_WHY_NO_CRYPTO;
	if (opt->error)
		return HS_WHY_MALFORMED;
	/* A lower one cannot be completed: the listener has no key of ours (rule 7). */
	if (opt->version < c->version)
		return HS_WHY_ANSWERED_V0;
	/* One algorithm is chosen, of those that were proposed. */
	if ((opt->flags & crypto_bits(c->version)) != MPNIC_CAPABLE_H)
		return HS_WHY_NO_CRYPTO;
	if (c->version && (opt->flags & MPNIC_CAPABLE_A) && c->cfg.csum == HS_CSUM_REFUSE)
		return HS_WHY_CSUM_REFUSED;
	return HS_WHY_NONE;
}

/*
 * An acknowledgement of another SYN is no answer to this one: TCP resets it (RFC 9293 3.10.7.3),
 * and an attempt before this one may have left it behind. So it decides nothing here.
 */
static void take_synack(struct hs_conn *c, const struct mpnic_hdr *hdr, uint64_t now,
			struct hs_result *r)
{
	const struct mpnic_opt *opt = hs_find(hdr, MPNIC_SUBTYPE_MP_CAPABLE);
	enum hs_why why;

	if (hdr->ack != c->isn + 1 || !c->syns) {
		hs_ignore(c, HS_WHY_BAD_ACK, r);
		return;
	}
	why = judge_synack(c, hdr, opt);
	c->peer_isn = hdr->seq;
	c->want = HS_ACK;
	if (why) {
		hs_fall_back(c, why, r);
		return;
	}
	c->peer_key = opt->capable.sender_key;
	c->csum = c->cfg.csum == HS_CSUM_REQUIRE || (opt->flags & MPNIC_CAPABLE_A);
	c->peer_no_join = c->version && (opt->flags & MPNIC_CAPABLE_C);
	hs_timer_start(&c->timer, now);
	establish(c, HS_THIRD, r);
}

/* The third ACK was lost. A SYN/ACK without MP_CAPABLE may be the answer to a plain SYN (rule 4).
 */
static void take_synack_again(struct hs_conn *c, const struct mpnic_hdr *hdr, struct hs_result *r)
{
	const struct mpnic_opt *opt = hs_find(hdr, MPNIC_SUBTYPE_MP_CAPABLE);

	if (!c->initiator || hdr->ack != c->isn + 1 || hdr->seq != c->peer_isn) {
		hs_ignore(c, HS_WHY_STATE, r);
		return;
	}
	c->want = HS_ACK;
	if (c->state != HS_THIRD || c->peer_dss || !opt)
		return;
	if (opt->error || opt->version != c->version || opt->capable.sender_key != c->peer_key)
		hs_fall_back(c, HS_WHY_CORRUPT, r);
}

/* ---- the listener's third packet ------------------------------------------------------------- */

static bool same_key(uint64_t a, uint64_t b)
{
	return !CRYPTO_memcmp(&a, &b, sizeof(a));
}

static enum hs_why judge_third(const struct hs_conn *c, const struct mpnic_opt *opt)
{
	if (opt->version != c->version || (opt->error && opt->error != MPNIC_OPT_ERROR_LENGTH))
		return HS_WHY_CORRUPT;
	if (opt->error)
		return HS_WHY_MALFORMED;
	if (!same_key(opt->capable.receiver_key, c->own_key))
		return HS_WHY_WRONG_KEY;
	if ((!c->version || c->keys) && !same_key(opt->capable.sender_key, c->peer_key))
		return HS_WHY_WRONG_KEY;
	if (!(opt->flags & MPNIC_CAPABLE_A) == c->csum)
		return HS_WHY_CORRUPT;
	if ((opt->flags & crypto_bits(c->version)) != MPNIC_CAPABLE_H)
		return HS_WHY_CORRUPT;
	return HS_WHY_NONE;
}

/* Data that overtook the third packet: its DSS says that MP_CAPABLE is on the way. */
static bool is_early(const struct hs_conn *c, const struct mpnic_hdr *hdr)
{
	return hdr->seq != c->peer_isn + 1 && hs_find(hdr, MPNIC_SUBTYPE_DSS);
}

static enum hs_why judge_ack(const struct hs_conn *c, const struct mpnic_hdr *hdr,
			     const struct mpnic_opt *opt)
{
	if (!c->offered)
		return (enum hs_why)c->why;
	if (hdr->ack != c->isn + 1)
		return HS_WHY_BAD_ACK;
	if (hs_chain_broken(hdr))
		return HS_WHY_CORRUPT;
	return opt ? judge_third(c, opt) : HS_WHY_THIRD_ABSENT;
}

static void take_segment(struct hs_conn *c, const struct mpnic_hdr *hdr, struct hs_result *r);

static void take_third(struct hs_conn *c, struct mpnic_hdr *hdr, struct hs_result *r)
{
	const struct mpnic_opt *opt = hs_find(hdr, MPNIC_SUBTYPE_MP_CAPABLE);
	enum hs_why why;

	if ((int32_t)(hdr->seq - (c->peer_isn + 1)) < 0) {
		hs_ignore(c, HS_WHY_STATE, r);
		return;
	}
	if (c->offered && !opt && hdr->ack == c->isn + 1 && is_early(c, hdr)) {
		hs_ignore(c, HS_WHY_THIRD_ABSENT, r);
		return;
	}
	why = judge_ack(c, hdr, opt);
	c->want = HS_NOTHING;
	if (why) {
		hs_fall_back(c, why, r);
		return;
	}
	c->peer_key = opt->capable.sender_key;
	hs_timer_off(&c->timer);
	establish(c, HS_ESTABLISHED, r);
	hs_decode(c, hdr);
	take_segment(c, hdr, r);
}

/* ---- data ------------------------------------------------------------------------------------ */

/* Nothing was acknowledged that is not ours, one more for a FIN. */
static bool acks_what_was_sent(const struct hs_conn *c, const struct mpnic_hdr *hdr)
{
	const uint64_t sent = c->data_max - (c->own_idsn + 1) + 1;
	const int32_t acked = (int32_t)(hdr->ack - (c->isn + 1));

	return acked >= 0 && (uint64_t)acked <= sent;
}

static bool take_dss_options(struct hs_conn *c, const struct mpnic_hdr *hdr, struct hs_result *r)
{
	for (unsigned int i = 0; i < hdr->mptcp_count; i++) {
		const struct mpnic_opt *opt = &hdr->opt[i];
		enum hs_why why = HS_WHY_NONE;

		if (opt->error)
			continue;
		if (opt->subtype == MPNIC_SUBTYPE_DSS)
			why = hs_take_dss(c, opt, &c->dss_passes, r);
		/* MP_CAPABLE with data is as good as a DSS, also twice (RFC 8684 3.1). */
		else if (opt->subtype == MPNIC_SUBTYPE_MP_CAPABLE && hdr->payload_len &&
			 !c->initiator && !judge_third(c, opt))
			c->peer_dss = true;
		if (why == HS_WHY_CSUM_PRESENCE)
			hs_reset(c, why, HS_REASON_MPTCP, r);
		else if (why)
			hs_fall_back(c, why, r);
		if (why)
			return false;
	}
	return true;
}

static void no_data_ack(struct hs_conn *c, struct hs_result *r)
{
	/* RFC 8684 3.7: only before other subflows were added. */
	if (c->joins && c->version) {
		hs_reset(c, HS_WHY_NO_DATA_ACK, HS_REASON_MIDDLEBOX, r);
		return;
	}
	c->infinite = true;
	hs_fall_back(c, HS_WHY_NO_DATA_ACK, r);
}

static void take_segment(struct hs_conn *c, const struct mpnic_hdr *hdr, struct hs_result *r)
{
	const bool open = !c->peer_dss;

	if (open && (hs_chain_broken(hdr) || !acks_what_was_sent(c, hdr))) {
		hs_fall_back(c, hs_chain_broken(hdr) ? HS_WHY_CORRUPT : HS_WHY_BAD_ACK, r);
		return;
	}
	if (!take_dss_options(c, hdr, r))
		return;
	/* What was mapped already must be closed, for options may be lost in one direction only. */
	if (hdr->payload_len && !c->peer_dss) {
		c->infinite = c->data_max != c->own_idsn + 1;
		hs_fall_back(c, HS_WHY_FIRST_DATA_BARE, r);
		return;
	}
	/* An ACK with another MPTCP option in the place of DSS shows that options pass. */
	if (!c->dss_passes && !hdr->mptcp_count && c->data_max != c->own_idsn + 1 &&
	    (int32_t)(hdr->ack - (c->isn + 1)) > 0) {
		no_data_ack(c, r);
		return;
	}
	if (c->state == HS_THIRD && c->peer_dss) {
		c->state = HS_ESTABLISHED;
		hs_timer_off(&c->timer);
	}
	hs_take_control(c, hdr, !c->joins, r);
	/* The HMAC of an ADD_ADDR says that the peer has our key; its echo cannot stand beside
	 * MP_CAPABLE. */
	if (c->state == HS_THIRD && c->proved)
		hs_timer_off(&c->timer);
}

/* MP_FAIL may need its answer once more, and an infinite mapping says that ours has arrived. */
static void take_tcp(struct hs_conn *c, const struct mpnic_hdr *hdr, struct hs_result *r)
{
	const struct mpnic_opt *dss = hs_find(hdr, MPNIC_SUBTYPE_DSS);

	if (dss && !dss->error && (dss->fields & FIELD(MAPPING)) && !dss->data_len)
		hs_timer_off(&c->fail_timer);
	if (c->fail_sent || c->why == HS_WHY_MP_FAIL)
		hs_take_control(c, hdr, true, r);
}

static void take_rst(struct hs_conn *c, const struct mpnic_hdr *hdr, struct hs_result *r)
{
	const bool waits = c->state == HS_FASTCLOSE_WAIT;

	if (c->state == HS_CLOSED || c->state == HS_LISTEN ||
	    (c->state == HS_SYN_SENT && (!(hdr->tcp_flags & TCP_ACK) || hdr->ack != c->isn + 1))) {
		hs_ignore(c, HS_WHY_STATE, r);
		return;
	}
	if (c->keys && c->state != HS_TCP)
		hs_take_control(c, hdr, false, r);
	if (c->state != HS_CLOSED)
		hs_reset(c, waits ? HS_WHY_FASTCLOSE : HS_WHY_RST, HS_REASON_NONE, r);
	c->want = HS_NOTHING;
}

/* Both ends close at once, or the peer has not understood (RFC 8684 3.5). */
static void take_in_fastclose(struct hs_conn *c, const struct mpnic_hdr *hdr, struct hs_result *r)
{
	const struct mpnic_opt *opt = hs_find(hdr, MPNIC_SUBTYPE_MP_FASTCLOSE);

	if (opt && !opt->error && same_key(opt->fastclose.fastclose_key, c->own_key))
		hs_take_control(c, hdr, true, r);
	else
		hs_ignore(c, HS_WHY_STATE, r);
}

void hs_receive(struct hs_conn *c, struct mpnic_hdr *hdr, uint64_t now, struct hs_result *r)
{
	const enum hs_kind kind = hs_kind_of(hdr);

	memset(r, 0, sizeof(*r));
	hs_decode(c, hdr);
	if (kind == HS_RST)
		take_rst(c, hdr, r);
	else if (kind == HS_SYN && (c->state == HS_LISTEN || c->state == HS_SYN_RECEIVED))
		take_syn(c, hdr, now, r);
	else if (kind == HS_SYNACK && c->state == HS_SYN_SENT)
		take_synack(c, hdr, now, r);
	else if (kind == HS_SYNACK && c->state >= HS_THIRD && c->state <= HS_TCP)
		take_synack_again(c, hdr, r);
	else if (kind == HS_ACK && c->state == HS_SYN_RECEIVED)
		take_third(c, hdr, r);
	else if (kind == HS_ACK && (c->state == HS_THIRD || c->state == HS_ESTABLISHED))
		take_segment(c, hdr, r);
	else if (kind == HS_ACK && c->state == HS_TCP)
		take_tcp(c, hdr, r);
	else if (kind == HS_ACK && c->state == HS_FASTCLOSE_WAIT)
		take_in_fastclose(c, hdr, r);
	else
		hs_ignore(c, HS_WHY_STATE, r);
}

/* ---- sending --------------------------------------------------------------------------------- */

static struct mpnic_out_opt capable_opt(const struct hs_conn *c, uint16_t fields, bool csum)
{
	return (struct mpnic_out_opt){
		.opt = {.subtype = MPNIC_SUBTYPE_MP_CAPABLE,
			.version = c->version,
			.flags = own_flags(c, c->version, csum),
			.fields = fields,
			.capable = {.sender_key = c->own_key, .receiver_key = c->peer_key}}};
}

static int send_syn(struct hs_conn *c, uint64_t now, unsigned int *room, struct hs_out *out)
{
	const struct mpnic_out_opt o =
		capable_opt(c, c->version ? 0 : FIELD(SENDER_KEY), c->cfg.csum == HS_CSUM_REQUIRE);

	if (c->state != HS_SYN_SENT)
		return -EINVAL;
	hs_timer_sent(&c->timer, c->cfg.rto_ms, UINT8_MAX, now);
	if (c->have_key && c->syns < c->cfg.capable_syns) {
		if (!hs_put(out, room, &o))
			return -ENOSPC;
		c->capable_sent = true;
	}
	c->syns += c->syns < UINT8_MAX;
	return 0;
}

static int send_synack(struct hs_conn *c, uint64_t now, unsigned int *room, struct hs_out *out)
{
	const struct mpnic_out_opt o = capable_opt(c, FIELD(SENDER_KEY), c->csum);

	if (c->state != HS_SYN_RECEIVED)
		return -EINVAL;
	hs_timer_sent(&c->timer, c->cfg.rto_ms, UINT8_MAX, now);
	return c->answer_capable && !hs_put(out, room, &o) ? -ENOSPC : 0;
}

static int send_rst(struct hs_conn *c, unsigned int *room, struct hs_out *out)
{
	const struct mpnic_out_opt close = hs_fastclose_opt(c);
	const struct mpnic_out_opt rst = hs_tcprst_opt(c->reset_reason);

	if (c->fastclose_rst)
		hs_put(out, room, &close);
	else if (c->keys && c->version && c->reset_reason != HS_REASON_NONE)
		hs_put(out, room, &rst);
	c->state = HS_CLOSED;
	hs_control_clear(c);
	hs_timer_off(&c->timer);
	return 0;
}

/* The last mapping: from what was delivered intact, without an end (RFC 8684 3.7). */
static struct mpnic_out_opt infinite_opt(const struct hs_conn *c)
{
	struct mpnic_out_opt o = {
		.opt = {.subtype = MPNIC_SUBTYPE_DSS,
			.version = c->version,
			.flags = MPNIC_DSS_M | MPNIC_DSS_m8,
			.fields = FIELD(MAPPING) | FIELD(DSN8),
			.dss = {.dsn = c->data_una, .ssn = (uint32_t)(c->data_una - c->own_idsn)}}};

	if (c->csum)
		o.opt.fields |= FIELD(CHECKSUM);
	return o;
}

static int send_tcp(struct hs_conn *c, const struct hs_segment *s, uint64_t now, unsigned int *room,
		    struct hs_out *out)
{
	const struct mpnic_out_opt answer = hs_fail_opt(c->peer_idsn + 1 + s->received);
	const struct mpnic_out_opt fail = hs_fail_opt(c->fail_dsn);
	const struct mpnic_out_opt infinite = infinite_opt(c);

	if (c->fail_answer && hs_put(out, room, &answer))
		c->fail_answer = false;
	if (c->fail_timer.due <= now) {
		hs_put(out, room, &fail);
		hs_timer_sent(&c->fail_timer, c->cfg.rto_ms, 1 + HS_REPEATS, now);
	}
	if (c->infinite && s->len && hs_put(out, room, &infinite))
		c->infinite = false;
	return 0;
}

/* MP_CAPABLE with the first data: only of version 1, only for the first mapping (rule 15). */
static int put_capable_data(struct hs_conn *c, const struct hs_segment *s, unsigned int *room,
			    struct hs_out *out)
{
	struct mpnic_out_opt o =
		capable_opt(c, FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY) | FIELD(DATA_LEN), c->csum);

	o.opt.data_len = s->len;
	if (c->csum) {
		o.opt.fields |= FIELD(CHECKSUM);
		o.opt.checksum =
			hs_dss_csum(c->own_idsn + 1, MPNIC_SUBFLOW_SSN_FIRST, s->len, s->sum);
	}
	if (!hs_put(out, room, &o))
		return -ENOSPC;
	if ((int64_t)(c->own_idsn + 1 + s->len - c->data_max) > 0)
		c->data_max = c->own_idsn + 1 + s->len;
	out->fin_later = s->data_fin;
	return 0;
}

static int send_third(struct hs_conn *c, const struct hs_segment *s, uint64_t now,
		      unsigned int *room, struct hs_out *out)
{
	const struct mpnic_out_opt o =
		capable_opt(c, FIELD(SENDER_KEY) | FIELD(RECEIVER_KEY), c->csum);

	if (s->len && c->version && !s->offset)
		return put_capable_data(c, s, room, out);
	if (s->len || s->data_fin) {
		if (!c->version && !c->third_fresh)
			return -EAGAIN;
		c->third_fresh = false;
		return hs_put_mapping(c, s, room, out);
	}
	/* MP_CAPABLE on the data still goes by the letter of RFC 8684 3.1. */
	if (c->proved) {
		hs_put_control(c, s, now, room, out);
		return 0;
	}
	hs_timer_sent(&c->timer, c->cfg.rto_ms, 1 + HS_REPEATS, now);
	if (!hs_put(out, room, &o))
		return -ENOSPC;
	c->third_fresh = true;
	return 0;
}

static int send_established(struct hs_conn *c, const struct hs_segment *s, uint64_t now,
			    unsigned int *room, struct hs_out *out)
{
	if (s->len || s->data_fin)
		return hs_put_mapping(c, s, room, out);
	hs_put_control(c, s, now, room, out);
	return 0;
}

static int send_fastclose(struct hs_conn *c, uint64_t now, unsigned int *room, struct hs_out *out)
{
	const struct mpnic_out_opt o = hs_fastclose_opt(c);

	hs_timer_sent(&c->timer, c->cfg.rto_ms, UINT8_MAX, now);
	return hs_put(out, room, &o) ? 0 : -ENOSPC;
}

static int send_ack(struct hs_conn *c, const struct hs_segment *s, uint64_t now, unsigned int *room,
		    struct hs_out *out)
{
	switch (c->state) {
	case HS_THIRD:
		return send_third(c, s, now, room, out);
	case HS_ESTABLISHED:
		return send_established(c, s, now, room, out);
	case HS_TCP:
		return send_tcp(c, s, now, room, out);
	case HS_FASTCLOSE_WAIT:
		return send_fastclose(c, now, room, out);
	default:
		return -EINVAL;
	}
}

int hs_send(struct hs_conn *c, const struct hs_segment *s, uint64_t now, struct hs_out *out)
{
	unsigned int room = s->room < MPNIC_TCP_OPT_MAX ? s->room : MPNIC_TCP_OPT_MAX;
	int err = -EINVAL;

	memset(out, 0, sizeof(*out));
	if (s->kind == HS_SYN)
		err = send_syn(c, now, &room, out);
	else if (s->kind == HS_SYNACK)
		err = send_synack(c, now, &room, out);
	else if (s->kind == HS_ACK)
		err = send_ack(c, s, now, &room, out);
	else if (s->kind == HS_RST)
		err = send_rst(c, &room, out);
	/* What did not fit is not asked for again at once. */
	if (err != -EAGAIN && c->want == s->kind)
		c->want = HS_NOTHING;
	return err;
}

uint64_t hs_deadline(const struct hs_conn *c)
{
	uint64_t due = hs_control_deadline(c);

	if (c->want || hs_control_waits(c))
		return 0;
	if (c->state == HS_CLOSED)
		return HS_NEVER;
	if (c->timer.due < due)
		due = c->timer.due;
	return c->fail_timer.due < due ? c->fail_timer.due : due;
}

static enum hs_kind give_up(struct hs_conn *c)
{
	c->state = HS_CLOSED;
	c->why = HS_WHY_SILENT;
	hs_timer_off(&c->timer);
	return HS_NOTHING;
}

static enum hs_kind timer_due(struct hs_conn *c)
{
	switch (c->state) {
	case HS_SYN_SENT:
		return c->timer.tries < HS_TRIES ? HS_SYN : give_up(c);
	case HS_SYN_RECEIVED:
		return c->timer.tries < HS_TRIES ? HS_SYNACK : give_up(c);
	case HS_FASTCLOSE_WAIT:
		/* State goes, and with it what middleboxes hold (RFC 8684 3.5). */
		return c->timer.tries <= HS_REPEATS ? HS_ACK : HS_RST;
	default:
		return HS_ACK;
	}
}

enum hs_kind hs_due(struct hs_conn *c, uint64_t now)
{
	if (c->want || c->state == HS_CLOSED)
		return (enum hs_kind)c->want;
	if (c->timer.due <= now)
		return timer_due(c);
	if (c->fail_timer.due <= now || hs_control_deadline(c) <= now)
		return HS_ACK;
	return hs_control_waits(c) ? HS_ACK : HS_NOTHING;
}
