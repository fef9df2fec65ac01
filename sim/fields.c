/* SPDX-License-Identifier: BSD-3-Clause */
#include "fields.h"

#include <stdio.h>
#include <string.h>

static const char *const hdr_bits[] = {"L3",	     "L4",	"TCP", "FRAG",	 "V4_OPTIONS",
				       "V6_EXT",     "ROUTING", "MSS", "WSCALE", "SACK_PERMITTED",
				       "TIMESTAMPS", NULL};
static const char *const mptcp_bits[] = {"PRESENT", "MALFORMED", "TOO_MANY", "COMBINATION", NULL};
static const char *const opt_bits[] = {
	"SENDER_KEY", "RECEIVER_KEY", "DATA_LEN", "CHECKSUM",  "ADDR_ID", "TOKEN",
	"NONCE",      "HMAC",	      "DATA_ACK", "DATA_ACK8", "MAPPING", "DSN8",
	"ADDR4",      "ADDR6",	      "PORT",	  "REASON",    NULL};

static const char *const result_bits[] = {"RETRANSMISSION", "REINJECTION", "DATA_ACK", "MAP",
					  "STRIPPED",	    NULL};
const char *const fields_action_bits[] = {"QUEUE", "MARK",   "DROP",	"PUNT",
					  "STRIP", "MIRROR", "REWRITE", NULL};
const char *const fields_sign_bits[] = {"CAPABLE_SYN",
					"CAPABLE_ABSENT",
					"CAPABLE_VERSION",
					"CAPABLE_ERROR",
					"THIRD_ABSENT",
					"FIRST_DATA_BARE",
					"NO_MAPPING",
					"NO_DATA_ACK",
					"UNMAPPED",
					"CSUM_BAD",
					"CSUM_MISSING",
					"CSUM_EXTRA",
					"MAP_CONFLICT",
					"DSN_FAR",
					"INFINITE",
					"AFTER_INFINITE",
					"MP_FAIL",
					"FASTCLOSE",
					"TCPRST",
					"DATA_FIN",
					"ADD_ADDR",
					"REMOVE_ADDR",
					"MP_PRIO",
					"JOIN",
					"JOIN_LEARNT",
					"JOIN_UNKNOWN",
					"JOIN_REFUSED",
					"JOIN_FALLBACK",
					"MALFORMED",
					"HANDSHAKE",
					"END",
					"MIRROR",
					NULL};

#define AT(rec, member)                                          \
	.name = #member, .offset = offsetof(struct rec, member), \
	.size = sizeof(((struct rec *)0)->member)
#define NUMBER(rec, member)                           \
	{                                             \
		AT(rec, member), .kind = FIELD_NUMBER \
	}
#define HEX(rec, member)                           \
	{                                          \
		AT(rec, member), .kind = FIELD_HEX \
	}
#define BYTES(rec, member)                           \
	{                                            \
		AT(rec, member), .kind = FIELD_BYTES \
	}
#define ENUM(rec, member, fn)                                        \
	{                                                            \
		AT(rec, member), .kind = FIELD_ENUM, .enum_name = fn \
	}
#define BITS(rec, member, names)                                        \
	{                                                               \
		AT(rec, member), .kind = FIELD_BITS, .bit_names = names \
	}

const struct field fields_hdr[FIELDS_HDR] = {
	ENUM(mpnic_hdr, parse, mpnic_parse_name),
	ENUM(mpnic_hdr, tcpopt, mpnic_tcpopt_name),
	BITS(mpnic_hdr, mptcp, mptcp_bits),
	NUMBER(mpnic_hdr, source),
	BITS(mpnic_hdr, flags, hdr_bits),
	NUMBER(mpnic_hdr, vlan_count),
	NUMBER(mpnic_hdr, l3_off),
	NUMBER(mpnic_hdr, l4_off),
	NUMBER(mpnic_hdr, payload_off),
	NUMBER(mpnic_hdr, ip_version),
	NUMBER(mpnic_hdr, ip_proto),
	HEX(mpnic_hdr, ethertype),
	HEX(mpnic_hdr, vlan_outer),
	HEX(mpnic_hdr, vlan_inner),
	NUMBER(mpnic_hdr, l4_len),
	NUMBER(mpnic_hdr, payload_len),
	NUMBER(mpnic_hdr, sport),
	NUMBER(mpnic_hdr, dport),
	NUMBER(mpnic_hdr, window),
	NUMBER(mpnic_hdr, seq),
	NUMBER(mpnic_hdr, ack),
	HEX(mpnic_hdr, tcp_flags),
	NUMBER(mpnic_hdr, doff),
	NUMBER(mpnic_hdr, mss),
	NUMBER(mpnic_hdr, wscale),
	NUMBER(mpnic_hdr, opt_len),
	NUMBER(mpnic_hdr, mptcp_count),
	NUMBER(mpnic_hdr, reserved),
	NUMBER(mpnic_hdr, ts_val),
	NUMBER(mpnic_hdr, ts_ecr),
	BYTES(mpnic_hdr, reserved2),
	HEX(mpnic_hdr, opt_starts),
	BYTES(mpnic_hdr, src),
	BYTES(mpnic_hdr, dst),
	BYTES(mpnic_hdr, opts),
};

const struct field fields_opt[FIELDS_OPT] = {
	ENUM(mpnic_opt, subtype, mpnic_subtype_name),
	NUMBER(mpnic_opt, length),
	NUMBER(mpnic_opt, offset),
	ENUM(mpnic_opt, error, mpnic_opt_error_name),
	NUMBER(mpnic_opt, version),
	ENUM(mpnic_opt, version_from, mpnic_version_from_name),
	HEX(mpnic_opt, flags),
	NUMBER(mpnic_opt, addr_id),
	BITS(mpnic_opt, fields, opt_bits),
	NUMBER(mpnic_opt, data_len),
	HEX(mpnic_opt, checksum),
	NUMBER(mpnic_opt, port),
	BYTES(mpnic_opt, body),
};

const struct field fields_csum[FIELDS_CSUM] = {
	ENUM(mpnic_csum, ip, mpnic_csum_name), ENUM(mpnic_csum, l4, mpnic_csum_name),
	NUMBER(mpnic_csum, frame_len),	       HEX(mpnic_csum, payload_sum),
	NUMBER(mpnic_csum, payload_seen),      NUMBER(mpnic_csum, truncated),
	BYTES(mpnic_csum, reserved),
};

const struct field fields_result[FIELDS_RESULT] = {
	ENUM(mpnic_result, flow, mpnic_flow_name),
	ENUM(mpnic_result, token, mpnic_token_name),
	ENUM(mpnic_result, speaks, mpnic_speaks_name),
	NUMBER(mpnic_result, rule),
	NUMBER(mpnic_result, dir),
	NUMBER(mpnic_result, side),
	BITS(mpnic_result, flags, result_bits),
	ENUM(mpnic_result, dsn_state, mpnic_dsn_name),
	NUMBER(mpnic_result, flow_id),
	NUMBER(mpnic_result, masked_id),
	NUMBER(mpnic_result, conn_id),
	HEX(mpnic_result, hash),
	HEX(mpnic_result, dsn),
	HEX(mpnic_result, data_ack),
	HEX(mpnic_result, map_dsn),
	NUMBER(mpnic_result, map_len),
	ENUM(mpnic_result, map_csum, mpnic_map_csum_name),
	NUMBER(mpnic_result, reserved),
	BITS(mpnic_result, signs, fields_sign_bits),
	HEX(mpnic_result, mark),
	NUMBER(mpnic_result, rx_queue),
	BITS(mpnic_result, actions, fields_action_bits),
	HEX(mpnic_result, strip),
	ENUM(mpnic_result, punt, mpnic_punt_name),
	ENUM(mpnic_result, drop, mpnic_drop_name),
	BYTES(mpnic_result, reserved2),
	HEX(mpnic_result, data_fin),
};

const struct field fields_event[FIELDS_EVENT] = {
	NUMBER(mpnic_event, seq),
	BITS(mpnic_event, signs, fields_sign_bits),
	NUMBER(mpnic_event, time_ns),
	NUMBER(mpnic_event, flow_id),
	NUMBER(mpnic_event, conn_id),
	NUMBER(mpnic_event, source),
	NUMBER(mpnic_event, dir),
	NUMBER(mpnic_event, side),
	NUMBER(mpnic_event, generation),
	HEX(mpnic_event, tcp_flags),
	NUMBER(mpnic_event, ip_version),
	NUMBER(mpnic_event, version),
	ENUM(mpnic_event, map_csum, mpnic_map_csum_name),
	BYTES(mpnic_event, src),
	BYTES(mpnic_event, dst),
	NUMBER(mpnic_event, sport),
	NUMBER(mpnic_event, dport),
	NUMBER(mpnic_event, vlan),
	NUMBER(mpnic_event, map_len),
	NUMBER(mpnic_event, seq_no),
	NUMBER(mpnic_event, ack_no),
	HEX(mpnic_event, dsn),
	HEX(mpnic_event, map_dsn),
	HEX(mpnic_event, data_ack),
	HEX(mpnic_event, token),
	HEX(mpnic_event, nonce),
	NUMBER(mpnic_event, addr_id),
	NUMBER(mpnic_event, reason),
	NUMBER(mpnic_event, payload_len),
	BYTES(mpnic_event, reserved),
};

/* Groups of struct mpnic_state_counters, in its order. */
static const struct {
	const char *group;
	unsigned int count;
	const char *(*name)(unsigned int value);
	const char *const *bits;
} counters[] = {
	{"flow", 8, mpnic_flow_name, NULL},	  {"token", 8, mpnic_token_name, NULL},
	{"dsn", 16, mpnic_dsn_name, NULL},	  {"map_csum", 16, mpnic_map_csum_name, NULL},
	{"punt", 8, mpnic_punt_name, NULL},	  {"drop", 8, mpnic_drop_name, NULL},
	{"action", 16, NULL, fields_action_bits}, {"sign", 32, NULL, fields_sign_bits},
};

void fields_counter_name(unsigned int number, char *buf, size_t size)
{
	static const char *const rest[] = {"packets", "bytes", "events", "events_lost"};
	unsigned int i;

	for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		if (number >= counters[i].count) {
			number -= counters[i].count;
			continue;
		}
		if (counters[i].name)
			snprintf(buf, size, "%s %s", counters[i].group, counters[i].name(number));
		else if (counters[i].group[0] == 's' || number < 7)
			snprintf(buf, size, "%s %s", counters[i].group, counters[i].bits[number]);
		else
			snprintf(buf, size, "%s bit %u", counters[i].group, number);
		return;
	}
	snprintf(buf, size, "%s", number < 4 ? rest[number] : "?");
}

uint64_t field_value(const struct field *field, const void *record)
{
	uint64_t value = 0; /* records are little-endian, and so is the machine */

	memcpy(&value, (const uint8_t *)record + field->offset, field->size);
	return value;
}
