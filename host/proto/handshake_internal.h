/* SPDX-License-Identifier: BSD-3-Clause */
/* What the three files of the handshake engine share. */
#ifndef HOST_HANDSHAKE_INTERNAL_H
#define HOST_HANDSHAKE_INTERNAL_H

#include "handshake.h"

enum tcp_flag_bits {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

/* handshake.c */
enum hs_kind hs_kind_of(const struct mpnic_hdr *hdr);
/* Decode the options with a version that is known by now. */
void hs_decode(const struct hs_conn *c, struct mpnic_hdr *hdr);
/* First option of a subtype, with an error or not; NULL. */
const struct mpnic_opt *hs_find(const struct mpnic_hdr *hdr, unsigned int subtype);
bool hs_chain_broken(const struct mpnic_hdr *hdr);
void hs_ignore(struct hs_conn *c, enum hs_why why, struct hs_result *r);
void hs_fall_back(struct hs_conn *c, enum hs_why why, struct hs_result *r);
void hs_reset(struct hs_conn *c, enum hs_why why, uint8_t reason, struct hs_result *r);

static inline void hs_timer_off(struct hs_timer *t)
{
	t->due = HS_NEVER;
	t->tries = 0;
}

static inline void hs_timer_start(struct hs_timer *t, uint64_t now)
{
	t->due = now;
	t->tries = 0;
}

/* It was sent once more; after @max times the timer stays silent. */
void hs_timer_sent(struct hs_timer *t, uint16_t rto_ms, unsigned int max, uint64_t now);

/* handshake_options.c: what a connection says and hears on any of its subflows. */

/* A mapping that was agreed on is there or not, and Data ACKs; *passes is set by one of
 * data. HS_WHY_NONE, or what is wrong. */
enum hs_why hs_take_dss(struct hs_conn *c, const struct mpnic_opt *opt, bool *passes,
			struct hs_result *r);
/* All other options. @only: on the connection's only subflow, which goes on. */
void hs_take_control(struct hs_conn *c, const struct mpnic_hdr *hdr, bool only,
		     struct hs_result *r);
void hs_forget_failure(struct hs_conn *c, const struct hs_addr *addr);
bool hs_has_failed(const struct hs_conn *c, const struct ip_addr *addr, uint16_t port);
void hs_note_failure(struct hs_conn *c, const struct hs_addr *to);

/* An option for a segment; false if it does not fit. */
bool hs_put(struct hs_out *out, unsigned int *room, const struct mpnic_out_opt *o);
/* Mapping and Data ACK of a segment with payload or DATA_FIN; 0 or as hs_send(). */
int hs_put_mapping(struct hs_conn *c, const struct hs_segment *s, unsigned int *room,
		   struct hs_out *out);
/* The checksum field of a mapping (RFC 8684 3.3.1). */
uint16_t hs_dss_csum(uint64_t dsn, uint32_t ssn, uint16_t len, uint16_t sum);
/* What waits to be said, then a Data ACK if there is room for it. */
void hs_put_control(struct hs_conn *c, const struct hs_segment *s, uint64_t now, unsigned int *room,
		    struct hs_out *out);
bool hs_control_waits(const struct hs_conn *c);
uint64_t hs_control_deadline(const struct hs_conn *c);
void hs_control_clear(struct hs_conn *c);
struct mpnic_out_opt hs_tcprst_opt(uint8_t reason);
struct mpnic_out_opt hs_fastclose_opt(const struct hs_conn *c);
struct mpnic_out_opt hs_fail_opt(uint64_t dsn);

#endif
