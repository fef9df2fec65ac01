/* SPDX-License-Identifier: BSD-3-Clause */
#include "json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "text.h"

/* A member that is silently missing would be a wrong answer: without memory there is none at all.
 */
static void *must_alloc(size_t size)
{
	void *p = malloc(size);

	if (!p) {
		fputs("mpnic-sim: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return p;
}

void json_setup(void)
{
	json_set_alloc_funcs(must_alloc, free);
}

static void set(json_t *o, const char *name, json_t *value)
{
	json_object_set_new(o, name, value);
}

static void set_number(json_t *o, const char *name, uint64_t value)
{
	set(o, name, json_integer((json_int_t)value));
}

static void set_bool(json_t *o, const char *name, bool value)
{
	set(o, name, json_boolean(value));
}

static void set_text(json_t *o, const char *name, const char *value)
{
	set(o, name, json_string(value));
}

static void set_hex64(json_t *o, const char *name, uint64_t value)
{
	set(o, name, json_sprintf("0x%016" PRIx64, value));
}

static void set_hex32(json_t *o, const char *name, uint32_t value)
{
	set(o, name, json_sprintf("0x%08x", value));
}

static void set_frame(json_t *o, const char *name, uint64_t frame)
{
	if (frame)
		set_number(o, name, frame);
}

static void write_line(FILE *out, json_t *o)
{
	json_dumpf(o, out, JSON_COMPACT | JSON_ENSURE_ASCII); /* errors show in ferror() */
	fputc('\n', out);
	json_decref(o);
}

static json_t *new_object(const char *type, const char *file)
{
	json_t *o = json_object();

	set_text(o, "type", type);
	if (file) { /* a file name may be any bytes */
		json_t *name = json_string(file);

		set(o, "file", name ? name : json_string("(name is not UTF-8)"));
	}
	return o;
}

/* ---- packets ------------------------------------------------------------------------------- */

static json_t *bits(const struct field *f, uint64_t value)
{
	json_t *list = json_array();

	for (unsigned int i = 0; f->bit_names[i]; i++)
		if (value >> i & 1)
			json_array_append_new(list, json_string(f->bit_names[i]));
	return list;
}

static void set_field(json_t *o, const struct field *f, const void *record)
{
	uint64_t value = field_value(f, record);

	switch (f->kind) {
	case FIELD_ENUM:
		set_text(o, f->name, f->enum_name((unsigned int)value));
		break;
	case FIELD_BITS:
		set(o, f->name, bits(f, value));
		break;
	case FIELD_NUMBER:
		set_number(o, f->name, value);
		break;
	case FIELD_HEX:
		set(o, f->name, json_sprintf("0x%0*" PRIx64, (int)f->size * 2, value));
		break;
	default:
		break;
	}
}

static void set_fields(json_t *o, const struct field *f, unsigned int n, const void *record)
{
	for (unsigned int i = 0; i < n; i++)
		if (f[i].kind != FIELD_BYTES && strncmp(f[i].name, "reserved", 8))
			set_field(o, &f[i], record);
}

static void set_capable(json_t *o, const struct mpnic_opt *opt, bool show_keys)
{
	if (show_keys && (opt->fields & MPNIC_FIELD_SENDER_KEY))
		set_hex64(o, "sender_key", opt->capable.sender_key);
	if (show_keys && (opt->fields & MPNIC_FIELD_RECEIVER_KEY))
		set_hex64(o, "receiver_key", opt->capable.receiver_key);
}

static void set_join(json_t *o, const struct mpnic_opt *opt)
{
	char hex[2 * sizeof(opt->join_ack.hmac) + 1];

	if (opt->fields & MPNIC_FIELD_TOKEN) {
		set_hex32(o, "token", opt->join_syn.token);
		set_hex32(o, "nonce", opt->join_syn.nonce);
	} else if (opt->fields & MPNIC_FIELD_NONCE) {
		set_hex64(o, "hmac", opt->join_synack.hmac64);
		set_hex32(o, "nonce", opt->join_synack.nonce2);
	} else if (opt->fields & MPNIC_FIELD_HMAC) {
		for (unsigned int i = 0; i < sizeof(opt->join_ack.hmac); i++)
			sprintf(hex + 2 * i, "%02x", opt->join_ack.hmac[i]);
		set(o, "hmac", json_sprintf("0x%s", hex));
	}
}

static void set_dss(json_t *o, const struct mpnic_opt *opt)
{
	if (opt->fields & MPNIC_FIELD_DATA_ACK)
		set_hex64(o, "data_ack", opt->dss.data_ack);
	if (!(opt->fields & MPNIC_FIELD_MAPPING))
		return;
	set_hex64(o, "dsn", opt->dss.dsn);
	set_number(o, "ssn", opt->dss.ssn);
}

static void set_add_addr(json_t *o, const struct mpnic_opt *opt)
{
	char addr[TEXT_MAX];

	if (opt->fields & (MPNIC_FIELD_ADDR4 | MPNIC_FIELD_ADDR6))
		set_text(o, "addr",
			 text_addr(addr, opt->fields & MPNIC_FIELD_ADDR6, opt->add_addr.addr));
	if (opt->fields & MPNIC_FIELD_HMAC)
		set_hex64(o, "hmac", opt->add_addr.addr_hmac);
}

static json_t *remove_ids(const struct mpnic_hdr *h, const struct mpnic_opt *opt)
{
	json_t *list = json_array();

	for (unsigned int i = 3; i < opt->length && opt->offset + i < MPNIC_TCP_OPT_MAX; i++)
		json_array_append_new(list, json_integer(h->opts[opt->offset + i]));
	return list;
}

static void set_body(json_t *o, const struct mpnic_hdr *h, const struct mpnic_opt *opt,
		     bool show_keys)
{
	switch (opt->subtype) {
	case MPNIC_SUBTYPE_MP_CAPABLE:
		set_capable(o, opt, show_keys);
		break;
	case MPNIC_SUBTYPE_MP_JOIN:
		set_join(o, opt);
		break;
	case MPNIC_SUBTYPE_DSS:
		set_dss(o, opt);
		break;
	case MPNIC_SUBTYPE_ADD_ADDR:
		set_add_addr(o, opt);
		break;
	case MPNIC_SUBTYPE_REMOVE_ADDR:
		set(o, "addr_ids", remove_ids(h, opt));
		break;
	case MPNIC_SUBTYPE_MP_FAIL:
		set_hex64(o, "fail_dsn", opt->fail.fail_dsn);
		break;
	case MPNIC_SUBTYPE_MP_FASTCLOSE:
		if (show_keys)
			set_hex64(o, "receiver_key", opt->fastclose.fastclose_key);
		break;
	case MPNIC_SUBTYPE_MP_TCPRST:
		set_number(o, "reason", opt->tcprst.reason);
		break;
	default:
		break;
	}
}

static json_t *option(const struct mpnic_hdr *h, const struct mpnic_opt *opt, bool show_keys)
{
	static const struct {
		const char *name;
		uint16_t present;
	} optional[] = {
		{"addr_id", MPNIC_FIELD_ADDR_ID},
		{"data_len", MPNIC_FIELD_DATA_LEN | MPNIC_FIELD_MAPPING},
		{"checksum", MPNIC_FIELD_CHECKSUM},
		{"port", MPNIC_FIELD_PORT},
	};
	json_t *o = json_object();

	set_fields(o, fields_opt, FIELDS_OPT, opt);
	if (opt->version == MPNIC_VERSION_UNKNOWN)
		set(o, "version", json_null());
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (!(opt->fields & optional[i].present))
			json_object_del(o, optional[i].name);
	if (!opt->error)
		set_body(o, h, opt, show_keys);
	return o;
}

static json_t *header(const struct mpnic_hdr *h, bool show_keys)
{
	char text[TEXT_OPTS_MAX], addr[TEXT_MAX];
	json_t *o = json_object(), *list = json_array();

	set_fields(o, fields_hdr, FIELDS_HDR, h);
	if (h->flags & MPNIC_HDR_L3) {
		set_text(o, "src", text_addr(addr, h->ip_version == 6, h->src));
		set_text(o, "dst", text_addr(addr, h->ip_version == 6, h->dst));
	}
	set_text(o, "opts", text_opts(text, h, show_keys));
	for (unsigned int i = 0; i < h->mptcp_count && i < MPNIC_MPTCP_OPTS; i++)
		json_array_append_new(list, option(h, &h->opt[i], show_keys));
	set(o, "opt", list);
	return o;
}

static void set_id(json_t *o, const char *name, uint32_t id, uint32_t none)
{
	set(o, name, id == none ? json_null() : json_integer(id));
}

/* What is not there is left out, or null. @idsn: NULL if it is not known. */
static json_t *stateful(const struct mpnic_hdr *h, const struct mpnic_result *r,
			const uint64_t *idsn)
{
	json_t *o = json_object();

	set_fields(o, fields_result, FIELDS_RESULT, r);
	set_id(o, "flow_id", r->flow_id, MPNIC_ID_NONE);
	set_id(o, "masked_id", r->masked_id, MPNIC_ID_NONE);
	set_id(o, "conn_id", r->conn_id, MPNIC_ID_NONE);
	set_id(o, "rule", r->rule, UINT8_MAX);
	if (r->dsn_state != MPNIC_DSN_MAPPED)
		json_object_del(o, "dsn");
	else if (idsn)
		set_number(o, "dsn_relative", r->dsn - *idsn);
	if (!(r->flags & MPNIC_RESULT_DATA_ACK))
		json_object_del(o, "data_ack");
	if (!(r->flags & MPNIC_RESULT_MAP)) {
		json_object_del(o, "map_dsn");
		json_object_del(o, "map_len");
	}
	if (!(r->signs & MPNIC_SIGN_DATA_FIN))
		json_object_del(o, "data_fin");
	if (!(h->flags & MPNIC_HDR_L3))
		json_object_del(o, "hash");
	return o;
}

void json_event(FILE *out, const char *file, const struct capture_frame *frame,
		const struct mpnic_event *e)
{
	json_t *o = new_object("event", file);
	char addr[TEXT_MAX];

	set_number(o, "frame", frame->number);
	set_fields(o, fields_event, FIELDS_EVENT, e);
	set_id(o, "flow_id", e->flow_id, MPNIC_ID_NONE);
	set_id(o, "conn_id", e->conn_id, MPNIC_ID_NONE);
	set_id(o, "version", e->version, MPNIC_VERSION_UNKNOWN);
	if (e->ip_version) {
		set_text(o, "src", text_addr(addr, e->ip_version == 6, e->src));
		set_text(o, "dst", text_addr(addr, e->ip_version == 6, e->dst));
	}
	write_line(out, o);
}

void json_packet(FILE *out, const char *file, const struct capture_frame *frame,
		 const struct mpnic_hdr *h, const struct mpnic_csum *csum,
		 const struct mpnic_result *result, const uint64_t *idsn, bool show_keys)
{
	json_t *o = new_object("packet", file), *c = json_object();
	char time[TEXT_MAX];

	set_number(o, "frame", frame->number);
	set_text(o, "time", text_time(time, frame->time_ns));
	set_number(o, "interface", frame->iface->index);
	set_number(o, "captured", frame->len);
	set_number(o, "length", frame->orig_len);
	set(o, "hdr", header(h, show_keys));
	set_fields(c, fields_csum, FIELDS_CSUM, csum);
	set(o, "csum", c);
	set(o, "result", stateful(h, result, idsn));
	write_line(out, o);
}

/* ---- connections --------------------------------------------------------------------------- */

static json_t *capable(const struct track_capable *c)
{
	char flags[TEXT_MAX];
	json_t *o;

	if (!c->frame)
		return json_null();
	o = json_object();
	set_number(o, "frame", c->frame);
	set_number(o, "version", c->version);
	set_text(o, "flags", text_capable_flags(flags, c->flags));
	set_number(o, "length", c->length);
	set_text(o, "error", mpnic_opt_error_name(c->error));
	return o;
}

static json_t *endpoint(bool v6, const uint8_t addr[16], uint16_t port)
{
	char text[TEXT_MAX];
	json_t *o = json_object();

	set_text(o, "addr", text_addr(text, v6, addr));
	set_number(o, "port", port);
	return o;
}

static json_t *named(const uint64_t *counts, unsigned int n, const char *(*name)(unsigned int))
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < n; i++)
		if (counts[i])
			set_number(o, name(i), counts[i]);
	return o;
}

/* What the stateful half said of a side's data, on one subflow or on all. */
static json_t *data(const struct track_conn *c, unsigned int s, const struct track_data *d)
{
	json_t *o = json_object();

	if (d->numbered) {
		set_hex64(o, "dsn_first", d->dsn);
		set_hex64(o, "dsn_last", d->dsn_end - 1);
	}
	if (d->numbered && c->key_known[s]) {
		set_number(o, "relative_first", d->dsn - c->idsn[s]);
		set_number(o, "relative_last", d->dsn_end - 1 - c->idsn[s]);
	}
	set(o, "segments_by_dsn_state", named(d->segments, TRACK_DSN, mpnic_dsn_name));
	set(o, "bytes_by_dsn_state", named(d->bytes, TRACK_DSN, mpnic_dsn_name));
	set_number(o, "unmapped_bytes", track_unmapped(d->bytes));
	set(o, "checksum_verdicts", named(d->csum, TRACK_CSUM, mpnic_map_csum_name));
	set_number(o, "retransmissions", d->retransmissions);
	set_number(o, "retransmitted_bytes", d->retransmitted);
	set_number(o, "reinjections", d->reinjections);
	set_number(o, "reinjected_bytes", d->reinjected);
	set(o, "queue", d->queued ? json_integer(d->queue) : json_null());
	set_number(o, "queue_moves", d->queue_moves);
	return o;
}

static json_t *side(const struct track_conn *c, unsigned int s, bool show_keys)
{
	const struct track_flow *f = c->flow[0];
	const struct track_dss *d = &c->dss[s];
	json_t *o = endpoint(f->ip_version == 6, f->addr[s ^ f->opener], f->port[s ^ f->opener]);
	json_t *dss = json_object();

	if (c->key_known[s]) {
		set_hex32(o, "token", c->token[s]);
		set_hex64(o, "idsn", c->idsn[s]);
		if (show_keys)
			set_hex64(o, "key", c->key[s]);
	}
	set_number(o, "segments", c->segments[s]);
	set_number(o, "bytes", c->bytes[s]);
	set_number(dss, "options", d->options);
	set_number(dss, "data_ack_4", d->ack4);
	set_number(dss, "data_ack_8", d->ack8);
	set_number(dss, "mapping_dsn_4", d->map4);
	set_number(dss, "mapping_dsn_8", d->map8);
	set_number(dss, "with_checksum", d->with_csum);
	set_number(dss, "infinite", d->infinite);
	set_number(dss, "data_fin", d->data_fin);
	set_number(dss, "empty", d->empty);
	set_number(dss, "capable_data", d->capable_data);
	set_number(dss, "checksum_good",
		   c->data[s].csum[MPNIC_MAP_CSUM_GOOD] + c->data[s].fin_good);
	set_number(dss, "checksum_bad", c->data[s].csum[MPNIC_MAP_CSUM_BAD] + c->data[s].fin_bad);
	set_number(dss, "checksum_not_judged", track_not_judged(&c->data[s]));
	set_number(dss, "unmapped", track_unmapped(c->data[s].segments));
	set_frame(dss, "unmapped_first", d->unmapped_first);
	set(o, "dss", dss);
	set(o, "data", data(c, s, &c->data[s]));
	return o;
}

static const char *const side_name[] = {"A", "B"};

static json_t *join(const struct track_flow *f)
{
	const struct track_join *j = &f->join;
	json_t *o = json_object();

	set_hex32(o, "token", j->token);
	set_bool(o, "token_known", j->token_known);
	set_number(o, "opener_id", j->id[0]);
	set_bool(o, "opener_backup", j->backup[0]);
	set_bool(o, "answered", j->answered);
	if (j->answered) {
		set_number(o, "peer_id", j->id[1]);
		set_bool(o, "peer_backup", j->backup[1]);
	}
	set_text(o, "synack_hmac", track_verdict_name(j->synack_verdict));
	set_text(o, "ack_hmac", track_verdict_name(j->ack_verdict));
	set_frame(o, "ack_frame", j->ack_frame);
	set_bool(o, "refused", !j->answered && f->rst_frame[1]);
	return o;
}

static json_t *subflow(const struct track_flow *f)
{
	json_t *o = json_object();
	bool v6 = f->ip_version == 6;

	set_number(o, "index", f->index);
	set_text(o, "opener", side_name[f->opener]);
	set(o, "from", endpoint(v6, f->addr[0], f->port[0]));
	set(o, "to", endpoint(v6, f->addr[1], f->port[1]));
	set_number(o, "first_frame", f->first_frame);
	set_number(o, "last_frame", f->last_frame);
	set_frame(o, "syn_frame", f->syn_frame);
	set_frame(o, "synack_frame", f->synack_frame);
	for (unsigned int s = 0; s < 2; s++) {
		unsigned int d = s ^ f->opener;
		json_t *one = json_object();

		set_number(one, "segments", f->segments[d]);
		set_number(one, "bytes", f->bytes[d]);
		set_frame(one, "fin_frame", f->fin_frame[d]);
		set_frame(one, "rst_frame", f->rst_frame[d]);
		if (f->data)
			set(one, "data", data(f->conn, s, &f->data[d]));
		set(o, s ? "sent_by_b" : "sent_by_a", one);
	}
	set(o, "join", f->join.seen ? join(f) : json_null());
	return o;
}

static void set_address(json_t *o, const struct track_event *e)
{
	char addr[TEXT_MAX];

	set_number(o, "addr_id", e->id);
	set_text(o, "addr", text_addr(addr, e->addr_len == 16, e->addr));
	set(o, "port", e->has_port ? json_integer(e->port) : json_null());
	if (e->kind == TRACK_ADD_ADDR)
		set_text(o, "hmac",
			 e->verdict == TRACK_NOT_SEEN ? "none" : track_verdict_name(e->verdict));
}

static json_t *ids(const struct track_event *e)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < e->ids_len; i++)
		json_array_append_new(list, json_integer(e->ids[i]));
	return list;
}

static void set_event(json_t *o, const struct track_event *e)
{
	char flags[TEXT_MAX];

	switch (e->kind) {
	case TRACK_ADD_ADDR:
	case TRACK_ADD_ECHO:
		set_address(o, e);
		break;
	case TRACK_REMOVE_ADDR:
		set(o, "addr_ids", ids(e));
		break;
	case TRACK_PRIO:
		set_bool(o, "backup", e->backup);
		set(o, "addr_id", e->has_id ? json_integer(e->id) : json_null());
		break;
	case TRACK_DATA_FIN:
	case TRACK_FAIL:
	case TRACK_INFINITE:
	case TRACK_CSUM_BAD:
		set_hex64(o, "dsn", e->value);
		set_number(o, "dsn_octets", e->dsn_octets);
		break;
	case TRACK_FASTCLOSE:
		set_text(o, "key_verdict", track_verdict_name(e->verdict));
		break;
	case TRACK_TCPRST:
		set_number(o, "reason", e->reason);
		set_text(o, "reason_text", text_tcprst_reason(e->reason));
		set_text(o, "flags", text_tcprst_flags(flags, e->flags));
		break;
	case TRACK_OPT_ERROR:
		set_text(o, "option", mpnic_subtype_name(e->subtype));
		set_text(o, "error", mpnic_opt_error_name(e->reason));
		break;
	case TRACK_CHAIN_ERROR:
		set_text(o, "error", mpnic_tcpopt_name(e->reason));
		break;
	default:
		break;
	}
}

static json_t *events(const struct track_conn *c)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < c->events; i++) {
		const struct track_event *e = &c->event[i];
		json_t *o = json_object();

		set_text(o, "event", track_event_name(e->kind));
		set_number(o, "frame", e->frame);
		set_text(o, "from", side_name[e->from]);
		set_number(o, "subflow", e->subflow);
		set_event(o, e);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *event_counts(const struct track_conn *c)
{
	json_t *o = json_object();

	for (unsigned int k = 0; k < TRACK_EVENT_KINDS; k++)
		if (c->event_count[k][0] || c->event_count[k][1])
			set_number(o, track_event_name(k),
				   c->event_count[k][0] + c->event_count[k][1]);
	return o;
}

static json_t *signs(const struct track_conn *c)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < TRACK_SIGNS; i++) {
		for (unsigned int s = 0; s < 2; s++) {
			json_t *o;

			if (!c->sign[i][s].count)
				continue;
			o = json_object();
			set_text(o, "sign", fields_sign_bits[i]);
			set_text(o, "from", side_name[s]);
			set_number(o, "count", c->sign[i][s].count);
			set_number(o, "first_frame", c->sign[i][s].frame);
			json_array_append_new(list, o);
		}
	}
	return list;
}

void json_connection(FILE *out, const char *file, const struct track_conn *c, bool show_keys)
{
	json_t *o = new_object("connection", file), *list = json_array();
	char time[TEXT_MAX];

	set_number(o, "connection", c->number);
	set_text(o, "outcome", track_outcome_name(c->outcome));
	set(o, "reason", c->reason ? json_string(c->reason) : json_null());
	set(o, "version",
	    c->version == MPNIC_GIVEN_UNKNOWN ? json_null() : json_integer(c->version));
	set(o, "checksums", c->csum_known ? json_boolean(c->csum) : json_null());
	set(o, "offer", capable(&c->offer));
	set(o, "answer", capable(&c->answer));
	set(o, "confirm", capable(&c->confirm));
	set_number(o, "first_frame", c->first_frame);
	set_number(o, "last_frame", c->last_frame);
	set_text(o, "first_time", text_time(time, c->first_ns));
	set_text(o, "last_time", text_time(time, c->last_ns));
	set(o, "a", side(c, 0, show_keys));
	set(o, "b", side(c, 1, show_keys));
	for (unsigned int i = 0; i < c->flows; i++)
		json_array_append_new(list, subflow(c->flow[i]));
	set(o, "subflows", list);
	set_number(o, "subflows_left_out", c->flows_left_out);
	set(o, "events", events(c));
	set(o, "event_counts", event_counts(c));
	set(o, "signs", signs(c));
	write_line(out, o);
}

/* ---- totals -------------------------------------------------------------------------------- */

static json_t *named_bits(const uint64_t *counts, const char *const *names)
{
	json_t *o = json_object();

	for (unsigned int i = 0; names[i]; i++)
		if (counts[i])
			set_number(o, names[i], counts[i]);
	return o;
}

#define COUNTS(array) (array), sizeof(array) / sizeof((array)[0])

static json_t *pipeline(const struct mpnic_state_counters *n)
{
	json_t *o = json_object();

	set(o, "flow", named(COUNTS(n->flow), mpnic_flow_name));
	set(o, "token", named(COUNTS(n->token), mpnic_token_name));
	set(o, "dsn_state", named(COUNTS(n->dsn), mpnic_dsn_name));
	set(o, "map_csum", named(COUNTS(n->map_csum), mpnic_map_csum_name));
	set(o, "punt", named(COUNTS(n->punt), mpnic_punt_name));
	set(o, "drop", named(COUNTS(n->drop), mpnic_drop_name));
	set(o, "actions", named_bits(n->action, fields_action_bits));
	set(o, "signs", named_bits(n->sign, fields_sign_bits));
	set_number(o, "events", n->events);
	set_number(o, "events_lost", n->events_lost);
	return o;
}

static json_t *host(const struct control_counts *n)
{
	json_t *o = json_object();

	set_number(o, "flows_inserted", n->inserted);
	set_number(o, "flows_learnt", n->learnt);
	set_number(o, "flows_confirmed", n->confirmed);
	set_number(o, "flows_removed", n->removed);
	set_number(o, "connections_fallen_back", n->fallen_back);
	set_number(o, "entries_left_out", n->left_out);
	return o;
}

static const char *subtype_name(unsigned int index)
{
	return mpnic_subtype_name(totals_subtype(index));
}

static void add_error(json_t *list, const struct totals_error *e, const char *what,
		      const char *error)
{
	json_t *o, *frames;

	if (!e->count)
		return;
	o = json_object();
	frames = json_array();
	set_text(o, "option", what);
	set_text(o, "error", error);
	set_number(o, "count", e->count);
	for (unsigned int i = 0; i < TOTALS_FRAMES && e->frame[i]; i++)
		json_array_append_new(frames, json_integer((json_int_t)e->frame[i]));
	set(o, "frames", frames);
	json_array_append_new(list, o);
}

static json_t *malformed(const struct totals *t)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < TOTALS_SUBTYPES; i++)
		for (unsigned int k = 0; k < TOTALS_ERRORS; k++)
			add_error(list, &t->malformed[i][k], subtype_name(i),
				  mpnic_opt_error_name(k));
	for (unsigned int i = 0; i < MPNIC_TCPOPT_CUT; i++)
		add_error(list, &t->chain[i], "TCP", mpnic_tcpopt_name(i));
	add_error(list, &t->too_many, "MPTCP", "too_many");
	add_error(list, &t->combination, "MPTCP", "combination");
	return list;
}

void json_totals(FILE *out, const char *file, const struct totals *t,
		 const struct track_totals *tracked, unsigned int conns)
{
	json_t *o = new_object("totals", file);

	set_number(o, "frames", t->frames);
	set_number(o, "bytes", t->bytes);
	set_number(o, "wire_bytes", t->wire_bytes);
	set_number(o, "truncated", t->truncated);
	set_number(o, "overlong", t->overlong);
	set_number(o, "length_contradictions", t->len_lies);
	set_number(o, "not_ethernet", t->refused);
	set_number(o, "vlan_1", t->vlan[1]);
	set_number(o, "vlan_2", t->vlan[2]);
	set(o, "parse", named(t->parse, TOTALS_PARSE, mpnic_parse_name));
	set(o, "tcpopt", named(t->tcpopt, TOTALS_TCPOPT, mpnic_tcpopt_name));
	set(o, "ip_checksums", named(t->ip_csum, TOTALS_CSUM, mpnic_csum_name));
	set(o, "tcp_checksums", named(t->tcp_csum, TOTALS_CSUM, mpnic_csum_name));
	set(o, "udp_checksums", named(t->udp_csum, TOTALS_CSUM, mpnic_csum_name));
	set_number(o, "mptcp_packets", t->mptcp_packets);
	set(o, "mptcp_options", named(t->option, TOTALS_SUBTYPES, subtype_name));
	set(o, "malformed", malformed(t));
	set_number(o, "connections", conns);
	set_number(o, "plain_tcp_flows", tracked->plain_flows);
	set_number(o, "cut_tcp_flows", tracked->cut_flows);
	set_number(o, "bad_checksum_ignored", tracked->bad_checksum);
	set_number(o, "flows_left_out", tracked->flows_left_out);
	set_number(o, "connections_left_out", tracked->conns_left_out);
	set(o, "pipeline", pipeline(&t->nic));
	set(o, "host", host(&t->control));
	write_line(out, o);
}

void json_engine(FILE *out, enum engine_kind kind, const struct engine_counts *n)
{
	static const char *const names[] = {"both", "model", "rtl"};
	json_t *o = new_object("engine", NULL);

	set_text(o, "engine", names[kind]);
	set_number(o, "packets", n->packets);
	set_number(o, "compared", n->compared);
	set_number(o, "empty", n->empty);
	set_number(o, "commands", n->commands);
	set_number(o, "clocks", n->clocks);
	set_number(o, "stalls", n->stalls);
	write_line(out, o);
}

void json_error(FILE *out, const char *file, uint64_t offset, const char *what)
{
	json_t *o = new_object("error", file);

	set_number(o, "offset", offset);
	set_text(o, "what", what);
	write_line(out, o);
}

void json_difference(FILE *out, const struct engine_difference *d)
{
	json_t *o = new_object("difference", d->place.file);

	set_number(o, "frame", d->place.frame);
	set_number(o, "in_first", d->in_first);
	set_number(o, "in_last", d->in_last);
	set_number(o, "out_first", d->out_first);
	set_number(o, "out_last", d->out_last);
	if (*d->counter)
		set_text(o, "counter", d->counter);
	write_line(out, o);
}
