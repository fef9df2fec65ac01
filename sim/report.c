/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <inttypes.h>
#include <string.h>

#include "fields.h"
#include "text.h"

#define LABEL	     "  %-11s "
#define EVENTS_SHOWN 6 /* of one kind and sender; --json has more */

static const char side_name[2] = {'A', 'B'};

const char *report_outcome(enum track_outcome outcome)
{
	switch (outcome) {
	case TRACK_V1:
		return "MPTCP version 1";
	case TRACK_V0:
		return "MPTCP version 0";
	case TRACK_SILENT:
		return "TCP: the SYN/ACK has no MP_CAPABLE (peer without MPTCP, or stripped on the way)";
	case TRACK_ANSWERED_V0:
		return "TCP: offered version 1, the peer answered with version 0";
	case TRACK_REFUSED:
		return "refused";
	default:
		return "seen from the middle: no SYN with MP_CAPABLE in the capture (A sent the first packet)";
	}
}

const char *report_reason(const char *reason)
{
	static const struct {
		const char *name, *text;
	} texts[] = {
		{"offer_extensibility", "the offer has the B flag"},
		{"offer_no_crypto", "the offer proposes no crypto algorithm"},
		{"offer_version", "the offer's version is above 1"},
		{"offer_length", "the offer's length is not its version's"},
		{"answer_extensibility", "the answer has the B flag"},
		{"answer_no_crypto", "the answer chooses no crypto algorithm"},
		{"answer_version", "the answer's version is above 1"},
		{"answer_length", "the answer's length is not 12"},
		{"answer_version_higher", "the answer's version is above the offer's"},
		{"answer_cut", "the SYN/ACK's options are cut off in the capture"},
		{"answer_bad_ack", "the SYN/ACK does not acknowledge the SYN"},
		{"answer_echoes_key", "the answer repeats the offer's own key: a middlebox"},
		{"confirm_wrong_key", "the third ACK repeats another key than the answer's"},
		{"confirm_version", "the third ACK has another version"},
		{"confirm_malformed", "the third ACK's MP_CAPABLE is malformed"},
		{"third_ack_without_mp_capable", "the third ACK has no MP_CAPABLE"},
		{"no_third_ack", "the capture has no third ACK"},
		{"no_answer", "the SYN was not answered"},
		{"rst", "reset"},
		{"syn_without_mp_capable", "MPTCP options on a flow whose SYN had none"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(texts[i].name, reason))
			return texts[i].text;
	return reason;
}

static void print_capable(FILE *out, const char *label, const struct track_capable *c)
{
	char flags[TEXT_MAX];

	fprintf(out, LABEL "frame %" PRIu64 ": MP_CAPABLE v%u, flags %s, length %u", label,
		c->frame, c->version, text_capable_flags(flags, c->flags), c->length);
	if (c->error)
		fprintf(out, ", ERROR %s", mpnic_opt_error_name(c->error));
	fputc('\n', out);
}

static void print_handshake(FILE *out, const struct track_conn *c)
{
	const struct track_flow *f = c->flow[0];

	if (c->offer.frame)
		print_capable(out, "offered", &c->offer);
	else if (f->syn_frame && !f->join.seen)
		fprintf(out, LABEL "frame %" PRIu64 ": SYN without MP_CAPABLE\n", "offered",
			f->syn_frame);
	if (c->answer.frame)
		print_capable(out, "answered", &c->answer);
	else if (f->synack_frame && !f->join.seen)
		fprintf(out, LABEL "frame %" PRIu64 ": SYN/ACK without MP_CAPABLE\n", "answered",
			f->synack_frame);
	else if (c->offer.frame && f->rst_frame[1])
		fprintf(out, LABEL "frame %" PRIu64 ": RST\n", "answered", f->rst_frame[1]);
	else if (c->offer.frame)
		fprintf(out, LABEL "not in the capture\n", "answered");
	if (c->confirm.frame)
		print_capable(out, "confirmed", &c->confirm);
	else if (c->answer.frame && f->plain_ack_frame)
		fprintf(out, LABEL "frame %" PRIu64 ": ACK without MP_CAPABLE\n", "confirmed",
			f->plain_ack_frame);
}

static void print_outcome(FILE *out, const struct track_conn *c)
{
	fprintf(out, LABEL "%s", "outcome", report_outcome(c->outcome));
	if (c->reason)
		fprintf(out, ": %s (%s)", report_reason(c->reason), c->reason);
	if (c->csum_known &&
	    (c->outcome == TRACK_V0 || c->outcome == TRACK_V1 || c->outcome == TRACK_MIDDLE))
		fprintf(out, ", DSS checksums %s", c->csum ? "on" : "off");
	if (c->outcome == TRACK_MIDDLE && c->version != MPNIC_GIVEN_UNKNOWN)
		fprintf(out, ", version %u", c->version);
	if (c->event_count[TRACK_INFINITE][0] || c->event_count[TRACK_INFINITE][1])
		fputs(", then fell back to TCP (infinite mapping)", out);
	fputc('\n', out);
}

static void print_keys(FILE *out, const struct track_conn *c, bool show_keys)
{
	for (unsigned int s = 0; s < 2; s++) {
		if (!c->key_known[s])
			continue;
		fprintf(out, LABEL "%c: token 0x%08x, IDSN 0x%016" PRIx64,
			s && c->key_known[0] ? "" : "tokens", side_name[s], c->token[s],
			c->idsn[s]);
		if (show_keys)
			fprintf(out, ", key 0x%016" PRIx64, c->key[s]);
		fputc('\n', out);
	}
}

static const char *verdict_text(enum track_verdict v)
{
	switch (v) {
	case TRACK_GOOD:
		return "good";
	case TRACK_BAD:
		return "BAD";
	case TRACK_KEY_UNKNOWN:
		return "not judged (key unknown)";
	default:
		return "not seen";
	}
}

static void print_refusal(FILE *out, const struct track_flow *f)
{
	const struct track_conn *c = f->conn;

	fprintf(out, LABEL "  refused: RST in frame %" PRIu64, "", f->rst_frame[1]);
	for (unsigned int i = 0; i < c->events; i++)
		if (c->event[i].kind == TRACK_TCPRST && c->event[i].frame == f->rst_frame[1])
			fprintf(out, ", MP_TCPRST reason %u (%s)", c->event[i].reason,
				text_tcprst_reason(c->event[i].reason));
	fputc('\n', out);
}

static void print_join(FILE *out, const struct track_flow *f)
{
	const struct track_join *j = &f->join;

	fprintf(out, LABEL "  MP_JOIN token 0x%08x (%s), ids %u", "", j->token,
		j->token_known ? "matched" : "unknown", j->id[0]);
	if (j->answered)
		fprintf(out, "/%u, HMAC of SYN/ACK %s, of ACK %s", j->id[1],
			verdict_text(j->synack_verdict), verdict_text(j->ack_verdict));
	if (j->backup[0] || j->backup[1])
		fprintf(out, ", backup (%s%s%s)", j->backup[0] ? "asked by opener" : "",
			j->backup[0] && j->backup[1] ? ", " : "",
			j->backup[1] ? "asked by peer" : "");
	fputc('\n', out);
	if (!j->answered && f->synack_frame)
		fprintf(out, LABEL "  frame %" PRIu64 ": SYN/ACK without MP_JOIN\n", "",
			f->synack_frame);
	else if (!j->answered && f->rst_frame[1])
		print_refusal(out, f);
	else if (!j->answered)
		fprintf(out, LABEL "  not answered in the capture\n", "");
}

static void print_end(FILE *out, const struct track_flow *f)
{
	for (unsigned int d = 0; d < 2; d++) {
		char side = side_name[d ^ f->opener];

		if (f->rst_frame[d])
			fprintf(out, ", RST by %c (frame %" PRIu64 ")", side, f->rst_frame[d]);
		else if (f->fin_frame[d])
			fprintf(out, ", FIN by %c (frame %" PRIu64 ")", side, f->fin_frame[d]);
	}
}

/* The Rx queue: both directions go to the connection's, but for what no table knows. */
static void print_queue(FILE *out, const struct track_flow *f)
{
	const struct track_data *a, *b;

	if (f->data) {
		a = &f->data[f->opener];
		b = &f->data[!f->opener];
		if (a->queued && b->queued && a->queue != b->queue)
			fprintf(out, ", queues %u (A to B) and %u", a->queue, b->queue);
		else
			fprintf(out, ", queue %u", (unsigned int)(a->queued ? a->queue : b->queue));
		if (a->queue_moves || b->queue_moves)
			fprintf(out, " (moved %" PRIu64 " times)", a->queue_moves + b->queue_moves);
	}
	fputc('\n', out);
}

/* A stretch of the data sequence, with the numbers that reports have: the first byte is 1. */
static void print_range(FILE *out, const struct track_conn *c, unsigned int side,
			const struct track_data *d)
{
	if (!d->numbered)
		fputs("none numbered", out);
	else if (c->key_known[side])
		fprintf(out, "%" PRIu64 " to %" PRIu64, d->dsn - c->idsn[side],
			d->dsn_end - 1 - c->idsn[side]);
	else
		fprintf(out, "DSN 0x%016" PRIx64 " to 0x%016" PRIx64, d->dsn, d->dsn_end - 1);
}

/* How far the data sequence came on a subflow. */
static void print_data(FILE *out, const struct track_conn *c, unsigned int side,
		       const struct track_data *d)
{
	bool any = false;

	for (unsigned int i = MPNIC_DSN_MAPPED; i < TRACK_DSN; i++)
		any |= d->segments[i] && i != MPNIC_DSN_NO_FLOW;
	if (!any)
		return;
	fprintf(out, LABEL "  %c to %c data ", "", side_name[side], side_name[!side]);
	print_range(out, c, side, d);
	if (d->retransmissions)
		fprintf(out, "; %" PRIu64 " retransmitted (%" PRIu64 " bytes)", d->retransmissions,
			d->retransmitted);
	if (d->reinjections)
		fprintf(out, "; %" PRIu64 " reinjected (%" PRIu64 " bytes)", d->reinjections,
			d->reinjected);
	for (unsigned int i = MPNIC_DSN_MAPPED + 1; i < TRACK_DSN; i++)
		if (d->segments[i])
			fprintf(out, "; %s %" PRIu64 " (%" PRIu64 " bytes)", mpnic_dsn_name(i),
				d->segments[i], d->bytes[i]);
	fputc('\n', out);
}

static void print_subflow(FILE *out, const struct track_flow *f)
{
	char a[TEXT_MAX], b[TEXT_MAX], label[24];
	bool v6 = f->ip_version == 6;
	unsigned int da = f->opener; /* direction from A */

	snprintf(label, sizeof(label), "subflow %u", f->index);
	fprintf(out, LABEL "%s > %s, ", label, text_endpoint(a, v6, f->addr[0], f->port[0]),
		text_endpoint(b, v6, f->addr[1], f->port[1]));
	if (f->syn_frame)
		fprintf(out, "opened by %c", side_name[f->opener]);
	else
		fputs("opening not seen", out);
	fprintf(out, ", frames %" PRIu64 " to %" PRIu64, f->first_frame, f->last_frame);
	print_queue(out, f);
	if (f->join.seen)
		print_join(out, f);
	fprintf(out,
		LABEL "  A to B %" PRIu64 " segments, %" PRIu64 " bytes; B to A %" PRIu64
		      " segments, %" PRIu64 " bytes",
		"", f->segments[da], f->bytes[da], f->segments[!da], f->bytes[!da]);
	print_end(out, f);
	fputc('\n', out);
	if (f->data) {
		print_data(out, f->conn, 0, &f->data[da]);
		print_data(out, f->conn, 1, &f->data[!da]);
	}
}

static void count_text(FILE *out, const char **sep, uint64_t n, const char *what)
{
	if (!n)
		return;
	fprintf(out, "%s%" PRIu64 " %s", *sep, n, what);
	*sep = ", ";
}

static void print_sums(FILE *out, const struct track_data *data)
{
	const char *sep = "  DSS checksums: ";

	const uint64_t good = data->csum[MPNIC_MAP_CSUM_GOOD] + data->fin_good;
	const uint64_t bad = data->csum[MPNIC_MAP_CSUM_BAD] + data->fin_bad;

	if (!good && !bad && !track_not_judged(data))
		return;
	fprintf(out, LABEL, "");
	count_text(out, &sep, good, "good");
	count_text(out, &sep, bad, "BAD");
	count_text(out, &sep, track_not_judged(data), "not judged");
	sep = " (";
	for (unsigned int i = MPNIC_MAP_CSUM_MISSING; i < TRACK_CSUM; i++)
		count_text(out, &sep, data->csum[i], mpnic_map_csum_name(i));
	fputs(track_not_judged(data) ? ")\n" : "\n", out);
}

static void print_dss(FILE *out, const struct track_conn *c)
{
	const char *label = "data";

	for (unsigned int s = 0; s < 2; s++) {
		const struct track_dss *d = &c->dss[s];
		uint64_t unmapped = track_unmapped(c->data[s].segments);
		const char *sep = ": ";

		if (!d->options && !d->capable_data && !unmapped)
			continue;
		fprintf(out, LABEL "%c to %c %" PRIu64 " DSS", label, side_name[s], side_name[!s],
			d->options);
		label = "";
		count_text(out, &sep, d->ack4, "4-octet Data ACKs");
		count_text(out, &sep, d->ack8, "8-octet Data ACKs");
		count_text(out, &sep, d->map4, "mappings with 4-octet DSN");
		count_text(out, &sep, d->map8, "mappings with 8-octet DSN");
		count_text(out, &sep, d->with_csum, "with checksum");
		count_text(out, &sep, d->infinite, "infinite");
		count_text(out, &sep, d->data_fin, "DATA_FIN");
		count_text(out, &sep, d->empty, "empty");
		count_text(out, &sep, d->capable_data, "first mappings in MP_CAPABLE");
		fputc('\n', out);
		print_sums(out, &c->data[s]);
		if (unmapped)
			fprintf(out,
				LABEL "  %" PRIu64 " data segments, %" PRIu64
				      " bytes, that no mapping covers, first in frame %" PRIu64
				      "\n",
				"", unmapped, track_unmapped(c->data[s].bytes), d->unmapped_first);
	}
}

static void print_announcement(FILE *out, const struct track_event *e)
{
	char addr[TEXT_MAX];

	fprintf(out, "%s id %u %s", e->kind == TRACK_ADD_ECHO ? "echo of" : "announces", e->id,
		text_addr(addr, e->addr_len == 16, e->addr));
	if (e->has_port)
		fprintf(out, " port %u", e->port);
	if (e->kind == TRACK_ADD_ADDR && e->verdict != TRACK_NOT_SEEN)
		fprintf(out, ", HMAC %s", verdict_text(e->verdict));
	else if (e->kind == TRACK_ADD_ADDR)
		fputs(", version 0: no HMAC", out);
}

static void print_event_text(FILE *out, const struct track_event *e)
{
	char flags[TEXT_MAX];

	switch (e->kind) {
	case TRACK_ADD_ADDR:
	case TRACK_ADD_ECHO:
		print_announcement(out, e);
		break;
	case TRACK_REMOVE_ADDR:
		fputs("removes address id", out);
		for (unsigned int i = 0; i < e->ids_len; i++)
			fprintf(out, "%s %u", i ? "," : "", e->ids[i]);
		break;
	case TRACK_PRIO:
		fprintf(out, "MP_PRIO %s on subflow %u", e->backup ? "backup" : "regular",
			e->subflow);
		if (e->has_id)
			fprintf(out, ", address id %u", e->id);
		break;
	case TRACK_DATA_FIN:
		fprintf(out, "DATA_FIN, DSN 0x%0*" PRIx64, 2 * e->dsn_octets, e->value);
		break;
	case TRACK_FAIL:
		fprintf(out, "MP_FAIL, DSN 0x%016" PRIx64, e->value);
		break;
	case TRACK_INFINITE:
		fprintf(out, "infinite mapping, DSN 0x%0*" PRIx64, 2 * e->dsn_octets, e->value);
		break;
	case TRACK_UNMAPPED:
		fputs("data that no mapping covers, before this side's first one", out);
		break;
	case TRACK_FASTCLOSE:
		fprintf(out, "MP_FASTCLOSE, key %s", verdict_text(e->verdict));
		break;
	case TRACK_TCPRST:
		fprintf(out, "MP_TCPRST on subflow %u: reason %u, %s, flags %s", e->subflow,
			e->reason, text_tcprst_reason(e->reason),
			text_tcprst_flags(flags, e->flags));
		break;
	case TRACK_PLAIN_SYN:
		fputs("the SYN again, without MP_CAPABLE", out);
		break;
	case TRACK_CSUM_BAD:
		fprintf(out, "DSS checksum wrong, DSN 0x%016" PRIx64, e->value);
		break;
	case TRACK_CSUM_MISSING:
		fputs("mapping without the checksum that was negotiated", out);
		break;
	case TRACK_CSUM_EXTRA:
		fputs("mapping with a checksum that was not negotiated", out);
		break;
	case TRACK_OPT_ERROR:
		fprintf(out, "%s malformed: %s", mpnic_subtype_name(e->subtype),
			mpnic_opt_error_name(e->reason));
		break;
	case TRACK_CHAIN_ERROR:
		fprintf(out, "TCP options malformed: %s", mpnic_tcpopt_name(e->reason));
		break;
	case TRACK_TOO_MANY:
		fprintf(out, "more than %d MPTCP options", MPNIC_MPTCP_OPTS);
		break;
	default:
		fputs("unusual combination of MPTCP options", out);
		break;
	}
}

/* Events of one kind, the first few; label only in front of the first line. */
static void print_events(FILE *out, const struct track_conn *c, enum track_event_kind kind,
			 const char **label)
{
	uint64_t all = c->event_count[kind][0] + c->event_count[kind][1];
	unsigned int limit =
		kind == TRACK_DATA_FIN ? 1 : EVENTS_SHOWN; /* a FIN is often repeated */
	unsigned int shown[2] = {0, 0};

	for (unsigned int i = 0; i < c->events; i++) {
		const struct track_event *e = &c->event[i];

		if (e->kind != kind || shown[e->from] == limit)
			continue;
		fprintf(out, LABEL "frame %" PRIu64 ": %c ", *label, e->frame, side_name[e->from]);
		print_event_text(out, e);
		fputc('\n', out);
		*label = "";
		shown[e->from]++;
	}
	if (all > shown[0] + shown[1])
		fprintf(out, LABEL "  and %" PRIu64 " more\n", *label, all - shown[0] - shown[1]);
}

/* What the pipeline saw and no event says in more detail. */
static void print_signs(FILE *out, const struct track_conn *c, const char *label)
{
	const uint32_t shown = MPNIC_SIGN_CAPABLE_ABSENT | MPNIC_SIGN_CAPABLE_VERSION |
			       MPNIC_SIGN_THIRD_ABSENT | MPNIC_SIGN_FIRST_DATA_BARE |
			       MPNIC_SIGN_NO_MAPPING | MPNIC_SIGN_NO_DATA_ACK |
			       MPNIC_SIGN_UNMAPPED | MPNIC_SIGN_MAP_CONFLICT | MPNIC_SIGN_DSN_FAR |
			       MPNIC_SIGN_AFTER_INFINITE | MPNIC_SIGN_JOIN_UNKNOWN |
			       MPNIC_SIGN_JOIN_REFUSED | MPNIC_SIGN_JOIN_FALLBACK;

	for (unsigned int i = 0; i < TRACK_SIGNS; i++) {
		for (unsigned int s = 0; s < 2; s++) {
			const struct track_sign *sign = &c->sign[i][s];

			if (!sign->count || !(shown >> i & 1))
				continue;
			fprintf(out, LABEL "frame %" PRIu64 ": %c %s", label, sign->frame,
				side_name[s], fields_sign_bits[i]);
			if (sign->count > 1)
				fprintf(out, ", and %" PRIu64 " more", sign->count - 1);
			fputc('\n', out);
			label = "";
		}
	}
}

static void print_all_events(FILE *out, const struct track_conn *c)
{
	static const struct {
		const char *label;
		enum track_event_kind first, last;
	} groups[] = {
		{"addresses", TRACK_ADD_ADDR, TRACK_REMOVE_ADDR},
		{"priority", TRACK_PRIO, TRACK_PRIO},
		{"DATA_FIN", TRACK_DATA_FIN, TRACK_DATA_FIN},
		{"fallback", TRACK_FAIL, TRACK_UNMAPPED},
		{"closing", TRACK_FASTCLOSE, TRACK_TCPRST},
		{"signs", TRACK_PLAIN_SYN, TRACK_CSUM_EXTRA},
		{"errors", TRACK_OPT_ERROR, TRACK_COMBINATION},
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		const char *label = groups[i].label;

		for (enum track_event_kind k = groups[i].first; k <= groups[i].last; k++)
			print_events(out, c, k, &label);
		if (groups[i].last == TRACK_CSUM_EXTRA)
			print_signs(out, c, label);
	}
}

void report_connection(FILE *out, const struct track_conn *c, bool show_keys)
{
	const struct track_flow *f = c->flow[0];
	char a[TEXT_MAX], b[TEXT_MAX];
	bool v6 = f->ip_version == 6;
	uint64_t ms = c->last_ns > c->first_ns ? (c->last_ns - c->first_ns) / 1000000 : 0;

	fprintf(out, "connection %u: A %s > B %s\n", c->number,
		text_endpoint(a, v6, f->addr[0], f->port[0]),
		text_endpoint(b, v6, f->addr[1], f->port[1]));
	print_outcome(out, c);
	print_handshake(out, c);
	print_keys(out, c, show_keys);
	fprintf(out,
		LABEL "%" PRIu64 ".%03" PRIu64 " s, frames %" PRIu64 " to %" PRIu64
		      "; A to B %" PRIu64 " bytes, B to A %" PRIu64
		      " bytes (TCP payload, with retransmissions)\n",
		"carried", ms / 1000, ms % 1000, c->first_frame, c->last_frame, c->bytes[0],
		c->bytes[1]);
	for (unsigned int i = 0; i < c->flows; i++)
		print_subflow(out, c->flow[i]);
	if (c->flows_left_out)
		fprintf(out, LABEL "and %u more\n", "", c->flows_left_out);
	print_dss(out, c);
	print_all_events(out, c);
	fputc('\n', out);
}

/* ---- totals -------------------------------------------------------------------------------- */

static void print_named(FILE *out, const char *label, const uint64_t *counts, unsigned int n,
			const char *(*name)(unsigned int))
{
	const char *sep = "";

	for (unsigned int i = 0; i < n; i++) {
		if (!counts[i] || (name == mpnic_csum_name && i == MPNIC_CSUM_NONE))
			continue;
		if (!*sep)
			fprintf(out, LABEL, label);
		fprintf(out, "%s%s %" PRIu64, sep, name(i), counts[i]);
		sep = ", ";
	}
	if (*sep)
		fputc('\n', out);
}

static const char *subtype_name(unsigned int index)
{
	return mpnic_subtype_name(totals_subtype(index));
}

static void print_error(FILE *out, const char *label, const struct totals_error *e,
			const char *what, const char *why)
{
	unsigned int n = e->count < TOTALS_FRAMES ? (unsigned int)e->count : TOTALS_FRAMES;

	if (!e->count)
		return;
	fprintf(out, LABEL "%s %s: %" PRIu64, label, what, why, e->count);
	for (unsigned int i = 0; i < n && e->frame[0]; i++)
		fprintf(out, "%s%" PRIu64,
			i	? ", "
			: n > 1 ? ", frames "
				: ", frame ",
			e->frame[i]);
	fputs(e->frame[0] && e->count > n ? ", ...\n" : "\n", out);
}

static void print_errors(FILE *out, const struct totals *t)
{
	for (unsigned int i = 0; i < TOTALS_SUBTYPES; i++)
		for (unsigned int k = 0; k < TOTALS_ERRORS; k++)
			print_error(out, "malformed", &t->malformed[i][k], subtype_name(i),
				    mpnic_opt_error_name(k));
	for (unsigned int i = 0; i < TOTALS_TCPOPT; i++)
		print_error(out, i == MPNIC_TCPOPT_CUT ? "truncated" : "malformed", &t->chain[i],
			    "TCP options", mpnic_tcpopt_name(i));
	print_error(out, "malformed", &t->too_many, "MPTCP options", "too many");
	print_error(out, "unusual", &t->combination, "MPTCP options", "combination");
}

static void print_frames(FILE *out, const struct totals *t)
{
	fprintf(out, LABEL "%" PRIu64 ", %" PRIu64 " bytes", "frames", t->frames, t->bytes);
	if (t->truncated)
		fprintf(out,
			" of %" PRIu64 " on the wire; %" PRIu64 " truncated by the snap length",
			t->wire_bytes, t->truncated);
	if (t->vlan[1] || t->vlan[2])
		fprintf(out, "; %" PRIu64 " with one VLAN tag, %" PRIu64 " with two", t->vlan[1],
			t->vlan[2]);
	if (t->overlong)
		fprintf(out, "; %" PRIu64 " above %u bytes, read up to there", t->overlong,
			MPNIC_REPLAY_MAX);
	if (t->len_lies)
		fprintf(out, "; %" PRIu64 " longer in the file than they were on the wire, it says",
			t->len_lies);
	if (t->refused)
		fprintf(out, "; %" PRIu64 " not Ethernet, not read", t->refused);
	fputc('\n', out);
}

static void print_bits(FILE *out, const char *label, const uint64_t *counts,
		       const char *const *names)
{
	const char *sep = "";

	for (unsigned int i = 0; names[i]; i++) {
		if (!counts[i])
			continue;
		if (!*sep)
			fprintf(out, LABEL, label);
		fprintf(out, "%s%s %" PRIu64, sep, names[i], counts[i]);
		sep = ", ";
	}
	if (*sep)
		fputc('\n', out);
}

/* Without what is most of all frames: no MP_JOIN, no data, no punt, no drop. */
static void print_noted(FILE *out, const char *label, const uint64_t *counts, unsigned int n,
			const char *(*name)(unsigned int))
{
	uint64_t noted[TRACK_DSN];

	memcpy(noted, counts, n * sizeof(*noted));
	noted[0] = 0;
	print_named(out, label, noted, n, name);
}

#define COUNTS(array) (array), sizeof(array) / sizeof((array)[0])

static void print_state(FILE *out, const struct mpnic_state_counters *n,
			const struct control_counts *host)
{
	print_named(out, "flow", COUNTS(n->flow), mpnic_flow_name);
	print_noted(out, "joins", COUNTS(n->token), mpnic_token_name);
	print_noted(out, "DSNs", COUNTS(n->dsn), mpnic_dsn_name);
	print_noted(out, "DSS sums", COUNTS(n->map_csum), mpnic_map_csum_name);
	print_bits(out, "actions", n->action, fields_action_bits);
	print_noted(out, "punts", COUNTS(n->punt), mpnic_punt_name);
	print_noted(out, "drops", COUNTS(n->drop), mpnic_drop_name);
	print_bits(out, "signs", n->sign, fields_sign_bits);
	fprintf(out, LABEL "%" PRIu64 "\n", "events", n->events);
	fprintf(out,
		LABEL "flows: %" PRIu64 " inserted, %" PRIu64 " learnt, %" PRIu64
		      " confirmed, %" PRIu64 " removed; connections fallen back: %" PRIu64 "\n",
		"host", host->inserted, host->learnt, host->confirmed, host->removed,
		host->fallen_back);
	if (host->left_out)
		fprintf(out, LABEL "%" PRIu64 " entries that the tables had no room for\n", "",
			host->left_out);
}

void report_totals(FILE *out, const struct totals *t, const struct track_totals *tracked,
		   unsigned int conns)
{
	print_frames(out, t);
	print_named(out, "parse", t->parse, TOTALS_PARSE, mpnic_parse_name);
	print_named(out, "IP sums", t->ip_csum, TOTALS_CSUM, mpnic_csum_name);
	print_named(out, "TCP sums", t->tcp_csum, TOTALS_CSUM, mpnic_csum_name);
	print_named(out, "UDP sums", t->udp_csum, TOTALS_CSUM, mpnic_csum_name);
	print_named(out, "MPTCP", t->option, TOTALS_SUBTYPES, subtype_name);
	print_errors(out, t);
	fprintf(out, LABEL "%u MPTCP, %u plain TCP flows\n", "connections", conns,
		tracked->plain_flows);
	if (tracked->cut_flows)
		fprintf(out,
			LABEL "%u TCP flows without MPTCP in what was captured of their options\n",
			"", tracked->cut_flows);
	if (tracked->bad_checksum)
		fprintf(out,
			LABEL "%" PRIu64 " segments with a bad checksum changed nothing above\n",
			"", tracked->bad_checksum);
	if (tracked->flows_left_out || tracked->conns_left_out)
		fprintf(out,
			LABEL "left out for lack of room: %" PRIu64 " packets of flows, %" PRIu64
			      " of connections\n",
			"", tracked->flows_left_out, tracked->conns_left_out);
	print_state(out, &t->nic, &t->control);
}

void report_engine(FILE *out, enum engine_kind kind, const struct engine_counts *n)
{
	if (kind == ENGINE_MODEL) {
		fprintf(out, LABEL "C model, %" PRIu64 " packets\n", "engine", n->packets);
		return;
	}
	if (kind == ENGINE_BOTH)
		fprintf(out, LABEL "RTL and C model, %" PRIu64 " packets compared, 0 differences; ",
			"engine", n->compared);
	else
		fprintf(out, LABEL "RTL, %" PRIu64 " packets; ", "engine", n->packets - n->empty);
	fprintf(out, "%" PRIu64 " clocks, %" PRIu64 " of them stalled", n->clocks, n->stalls);
	fprintf(out, "; %" PRIu64 " commands to its tables", n->commands);
	if (n->empty)
		fprintf(out, "; %" PRIu64 " packets of no bytes: not sent", n->empty);
	fputc('\n', out);
}
