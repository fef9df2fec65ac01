/* SPDX-License-Identifier: BSD-3-Clause */
#include "fields.h"

#include <string.h>

static const char *const hdr_bits[] = {"L3",	     "L4",	"TCP", "FRAG",	 "V4_OPTIONS",
				       "V6_EXT",     "ROUTING", "MSS", "WSCALE", "SACK_PERMITTED",
				       "TIMESTAMPS", NULL};
static const char *const mptcp_bits[] = {"PRESENT", "MALFORMED", "TOO_MANY", "COMBINATION", NULL};
static const char *const opt_bits[] = {
	"SENDER_KEY", "RECEIVER_KEY", "DATA_LEN", "CHECKSUM",  "ADDR_ID", "TOKEN",
	"NONCE",      "HMAC",	      "DATA_ACK", "DATA_ACK8", "MAPPING", "DSN8",
	"ADDR4",      "ADDR6",	      "PORT",	  "REASON",    NULL};

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

uint64_t field_value(const struct field *field, const void *record)
{
	uint64_t value = 0; /* records are little-endian, and so is the machine */

	memcpy(&value, (const uint8_t *)record + field->offset, field->size);
	return value;
}
