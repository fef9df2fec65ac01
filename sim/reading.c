/* SPDX-License-Identifier: BSD-3-Clause */
#include "reading.h"

#include <inttypes.h>

#include "fields.h"
#include "text.h"

static void print_key(FILE *out, const char *name, uint64_t key, bool show_keys)
{
	if (show_keys)
		fprintf(out, " %s 0x%016" PRIx64, name, key);
	else
		fprintf(out, " %s (hidden)", name);
}

static void print_capable(FILE *out, const struct mpnic_opt *o, bool show_keys)
{
	char flags[TEXT_MAX];

	fprintf(out, " flags %s", text_capable_flags(flags, o->flags));
	if (o->fields & MPNIC_FIELD_SENDER_KEY)
		print_key(out, "sender key", o->capable.sender_key, show_keys);
	if (o->fields & MPNIC_FIELD_RECEIVER_KEY)
		print_key(out, "receiver key", o->capable.receiver_key, show_keys);
	if (o->fields & MPNIC_FIELD_DATA_LEN)
		fprintf(out, " data length %u", o->data_len);
	if (o->fields & MPNIC_FIELD_CHECKSUM)
		fprintf(out, " checksum 0x%04x", o->checksum);
}

static void print_join(FILE *out, const struct mpnic_opt *o)
{
	if (o->fields & MPNIC_FIELD_ADDR_ID)
		fprintf(out, " id %u%s", o->addr_id, o->flags & 1 ? " backup" : "");
	if (o->fields & MPNIC_FIELD_TOKEN)
		fprintf(out, " token 0x%08x nonce 0x%08x", o->join_syn.token, o->join_syn.nonce);
	else if (o->fields & MPNIC_FIELD_NONCE)
		fprintf(out, " hmac 0x%016" PRIx64 " nonce 0x%08x", o->join_synack.hmac64,
			o->join_synack.nonce2);
	else if (o->fields & MPNIC_FIELD_HMAC) {
		fputs(" hmac 0x", out);
		for (unsigned int i = 0; i < sizeof(o->join_ack.hmac); i++)
			fprintf(out, "%02x", o->join_ack.hmac[i]);
	}
}

static void print_dss(FILE *out, const struct mpnic_opt *o)
{
	char flags[TEXT_MAX];

	fprintf(out, " flags %s", text_dss_flags(flags, o->flags));
	if (o->fields & MPNIC_FIELD_DATA_ACK)
		fprintf(out, " ack 0x%0*" PRIx64, o->fields & MPNIC_FIELD_DATA_ACK8 ? 16 : 8,
			o->dss.data_ack);
	if (o->fields & MPNIC_FIELD_MAPPING)
		fprintf(out, " dsn 0x%0*" PRIx64 " ssn %u length %u%s",
			o->fields & MPNIC_FIELD_DSN8 ? 16 : 8, o->dss.dsn, o->dss.ssn, o->data_len,
			o->data_len ? "" : " (infinite)");
	if (o->fields & MPNIC_FIELD_CHECKSUM)
		fprintf(out, " checksum 0x%04x", o->checksum);
}

static void print_add_addr(FILE *out, const struct mpnic_opt *o)
{
	char addr[TEXT_MAX];

	if (o->version == 1 && (o->flags & 1))
		fputs(" echo", out);
	fprintf(out, " id %u %s", o->addr_id,
		text_addr(addr, o->fields & MPNIC_FIELD_ADDR6, o->add_addr.addr));
	if (o->fields & MPNIC_FIELD_PORT)
		fprintf(out, " port %u", o->port);
	if (o->fields & MPNIC_FIELD_HMAC)
		fprintf(out, " hmac 0x%016" PRIx64, o->add_addr.addr_hmac);
}

static void print_remove_addr(FILE *out, const struct mpnic_hdr *hdr, const struct mpnic_opt *o)
{
	fputs(" ids", out);
	for (unsigned int i = 3; i < o->length && o->offset + i < MPNIC_TCP_OPT_MAX; i++)
		fprintf(out, " %u", hdr->opts[o->offset + i]);
}

static void print_fields(FILE *out, const struct mpnic_hdr *hdr, const struct mpnic_opt *o,
			 bool show_keys)
{
	char flags[TEXT_MAX];

	switch (o->subtype) {
	case MPNIC_SUBTYPE_MP_CAPABLE:
		print_capable(out, o, show_keys);
		break;
	case MPNIC_SUBTYPE_MP_JOIN:
		print_join(out, o);
		break;
	case MPNIC_SUBTYPE_DSS:
		print_dss(out, o);
		break;
	case MPNIC_SUBTYPE_ADD_ADDR:
		print_add_addr(out, o);
		break;
	case MPNIC_SUBTYPE_REMOVE_ADDR:
		print_remove_addr(out, hdr, o);
		break;
	case MPNIC_SUBTYPE_MP_PRIO:
		fputs(o->flags & 1 ? " backup" : " regular", out);
		if (o->fields & MPNIC_FIELD_ADDR_ID)
			fprintf(out, " id %u", o->addr_id);
		break;
	case MPNIC_SUBTYPE_MP_FAIL:
		fprintf(out, " dsn 0x%016" PRIx64, o->fail.fail_dsn);
		break;
	case MPNIC_SUBTYPE_MP_FASTCLOSE:
		print_key(out, "receiver key", o->fastclose.fastclose_key, show_keys);
		break;
	case MPNIC_SUBTYPE_MP_TCPRST:
		fprintf(out, " flags %s reason %u (%s)", text_tcprst_flags(flags, o->flags),
			o->tcprst.reason, text_tcprst_reason(o->tcprst.reason));
		break;
	default:
		break;
	}
}

void reading_print_option(FILE *out, const struct mpnic_hdr *hdr, const struct mpnic_opt *o,
			  bool show_keys)
{
	fputs(mpnic_subtype_name(o->subtype), out);
	if (o->version != MPNIC_VERSION_UNKNOWN)
		fprintf(out, " v%u%s", o->version,
			o->version_from == MPNIC_VERSION_FROM_INFERRED ? " (inferred)" : "");
	if (o->error)
		fprintf(out, " length %u ERROR %s", o->length, mpnic_opt_error_name(o->error));
	else
		print_fields(out, hdr, o, show_keys);
}

static void print_l4(FILE *out, const struct mpnic_hdr *h)
{
	char a[TEXT_MAX], b[TEXT_MAX], flags[TEXT_MAX];
	bool v6 = h->ip_version == 6;

	if (h->flags & MPNIC_HDR_L4)
		fprintf(out, " %s > %s", text_endpoint(a, v6, h->src, h->sport),
			text_endpoint(b, v6, h->dst, h->dport));
	else if (h->flags & MPNIC_HDR_L3)
		fprintf(out, " %s > %s", text_addr(a, v6, h->src), text_addr(b, v6, h->dst));
	if (h->flags & MPNIC_HDR_TCP)
		fprintf(out, " [%s] seq %u ack %u", text_tcp_flags(flags, h->tcp_flags), h->seq,
			h->ack);
	if (h->payload_off)
		fprintf(out, " payload %u", h->payload_len);
}

void reading_print(FILE *out, const struct mpnic_hdr *h, const struct mpnic_csum *c, bool show_keys)
{
	fputs(mpnic_parse_name(h->parse), out);
	if (h->vlan_count)
		fprintf(out, " vlan %u", h->vlan_outer & 0xfffu);
	if (h->vlan_count > 1)
		fprintf(out, ".%u", h->vlan_inner & 0xfffu);
	print_l4(out, h);
	if (c->ip != MPNIC_CSUM_NONE && c->ip != MPNIC_CSUM_GOOD)
		fprintf(out, "; IP checksum %s", mpnic_csum_name(c->ip));
	if (c->l4 != MPNIC_CSUM_NONE)
		fprintf(out, "; checksum %s", mpnic_csum_name(c->l4));
	if (c->truncated)
		fprintf(out, "; cut: %u payload bytes in the frame", c->payload_seen);
	if (h->tcpopt > MPNIC_TCPOPT_OK)
		fprintf(out, "; TCP options %s", mpnic_tcpopt_name(h->tcpopt));
	for (unsigned int i = 0; i < h->mptcp_count && i < MPNIC_MPTCP_OPTS; i++) {
		fputs("; ", out);
		reading_print_option(out, h, &h->opt[i], show_keys);
	}
	if (h->mptcp & MPNIC_MPTCP_TOO_MANY)
		fputs("; more MPTCP options than are decoded", out);
	if (h->mptcp & MPNIC_MPTCP_COMBINATION)
		fputs("; unusual combination", out);
}

static void print_number(FILE *out, const struct mpnic_hdr *h, const struct mpnic_result *r,
			 const uint64_t *idsn)
{
	if (r->dsn_state == MPNIC_DSN_NONE)
		return;
	if (r->dsn_state != MPNIC_DSN_MAPPED) {
		fprintf(out, "; no DSN: %s", mpnic_dsn_name(r->dsn_state));
		return;
	}
	fprintf(out, "; DSN 0x%016" PRIx64, r->dsn);
	if (idsn)
		fprintf(out, " (%" PRIu64 " to %" PRIu64 ")", r->dsn - *idsn,
			r->dsn - *idsn + h->payload_len - 1);
}

static void print_actions(FILE *out, const struct mpnic_result *r)
{
	if (r->actions & MPNIC_ACTION_MARK)
		fprintf(out, "; mark 0x%x", r->mark);
	if (r->drop)
		fprintf(out, "; drop %s", mpnic_drop_name(r->drop));
	if (r->punt)
		fprintf(out, "; punt %s", mpnic_punt_name(r->punt));
	for (unsigned int i = 0, n = 0; i < 16; i++)
		if (r->strip >> i & 1)
			fprintf(out, "%s%s", n++ ? "," : "; strip ", mpnic_subtype_name(i));
}

void reading_print_result(FILE *out, const struct mpnic_hdr *h, const struct mpnic_result *r,
			  const uint64_t *idsn)
{
	char signs[TEXT_BITS_MAX];

	print_number(out, h, r, idsn);
	if (r->map_csum)
		fprintf(out, "; DSS checksum %s", mpnic_map_csum_name(r->map_csum));
	if (r->flags & MPNIC_RESULT_RETRANSMISSION)
		fputs("; retransmission", out);
	if (r->flags & MPNIC_RESULT_REINJECTION)
		fputs("; reinjection", out);
	if (r->token)
		fprintf(out, "; token %s", mpnic_token_name(r->token));
	if (r->flow != MPNIC_FLOW_NONE)
		fprintf(out, "; queue %u", r->rx_queue);
	print_actions(out, r);
	if (r->signs)
		fprintf(out, "; signs %s", text_bits(signs, fields_sign_bits, r->signs));
}

void reading_print_event(FILE *out, const struct mpnic_event *e)
{
	char signs[TEXT_BITS_MAX], a[TEXT_MAX], b[TEXT_MAX], flags[TEXT_MAX];
	bool v6 = e->ip_version == 6;

	fprintf(out, "event %u", e->seq);
	if (e->ip_version)
		fprintf(out, " %s > %s [%s]", text_endpoint(a, v6, e->src, e->sport),
			text_endpoint(b, v6, e->dst, e->dport),
			text_tcp_flags(flags, e->tcp_flags));
	if (e->flow_id != MPNIC_ID_NONE)
		fprintf(out, " flow %u.%u", e->flow_id, e->generation);
	if (e->conn_id != MPNIC_ID_NONE)
		fprintf(out, " connection %u %c", e->conn_id, e->side ? 'B' : 'A');
	fprintf(out, " %s", text_bits(signs, fields_sign_bits, e->signs));
	if (e->signs & (MPNIC_SIGN_MP_FAIL | MPNIC_SIGN_DATA_FIN))
		fprintf(out, " dsn 0x%016" PRIx64, e->dsn);
	if (e->map_csum)
		fprintf(out, " mapping 0x%016" PRIx64 " length %u checksum %s", e->map_dsn,
			e->map_len, mpnic_map_csum_name(e->map_csum));
	if (e->signs & (MPNIC_SIGN_JOIN | MPNIC_SIGN_JOIN_UNKNOWN))
		fprintf(out, " token 0x%08x", e->token);
	if (e->signs & MPNIC_SIGN_TCPRST)
		fprintf(out, " reason %u", e->reason);
}
