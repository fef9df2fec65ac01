/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options with those of MPTCP version 0 (RFC 6824 section 3), read and written. */
#ifndef PEERS_OPTIONS_H
#define PEERS_OPTIONS_H

#include "frame.h"

#define OPTIONS_MAX 40
#define KEY_LEN	    8
#define HMAC_LEN    20
#define FLAG_CSUM   0x80 /* A: checksum required */
#define FLAG_EXT    0x40 /* B: extensibility */
#define FLAG_SHA1   0x01 /* H */
#define FLAG_CRYPTO 0x3f /* C to H */

/* Figure 4. Of a version other than 0 only version, flags and len are filled in. */
struct opt_capable {
	uint8_t len; /* 0: not there */
	uint8_t version, flags;
	uint8_t key[2][KEY_LEN]; /* sender's, receiver's (len 20) */
};

/* Figures 5 to 7. */
struct opt_join {
	uint8_t len; /* 0: not there; 12, 16 or 24 */
	bool backup;
	uint8_t id;
	uint32_t token, nonce;
	uint8_t hmac[HMAC_LEN]; /* 8 of it with len 16 */
};

/* Figure 9. */
struct opt_dss {
	bool here, has_ack, ack8, has_map, dsn8, fin, has_csum;
	uint64_t ack, dsn;
	uint32_t ssn;
	uint16_t len, csum;
};

/* Figure 12. */
struct opt_add {
	uint8_t id;
	struct ipaddr addr;
	uint16_t port; /* 0: none */
};

struct options {
	uint16_t mss; /* 0: not there */
	bool has_ts, has_wscale;
	uint32_t tsval, tsecr;
	uint8_t wscale;
	struct opt_capable capable;
	struct opt_join join;
	struct opt_dss dss;
	struct opt_add add[4];
	unsigned adds;
	uint8_t remove[16];
	unsigned removes;
	bool prio, prio_backup, prio_has_id;
	uint8_t prio_id;
	bool fail, fastclose;
	uint64_t fail_dsn;
	uint8_t fastclose_key[KEY_LEN];
	bool signal;	   /* there is an MPTCP option other than DSS */
	unsigned bad;	   /* MPTCP options of a wrong form; ignored */
	bool wrong_length; /* the list of options itself is broken */
};

void options_parse(const uint8_t *p, size_t len, struct options *o);

/* Options as they are written; n is always a multiple of 4. */
struct optbuf {
	uint8_t b[OPTIONS_MAX];
	uint8_t n;
};

/* All: false, and nothing done, where there is no room. */
bool put_syn_options(struct optbuf *b, uint16_t mss, uint8_t wscale);
bool put_timestamps(struct optbuf *b, uint32_t val, uint32_t ecr);
/* Both keys where the second is given. */
bool put_capable(struct optbuf *b, uint8_t flags, const uint8_t *key, const uint8_t *second);
/* The form is o->len's. */
bool put_join(struct optbuf *b, const struct opt_join *o);
bool put_dss(struct optbuf *b, const struct opt_dss *o);
bool put_add(struct optbuf *b, const struct opt_add *o);
bool put_remove(struct optbuf *b, uint8_t id);
bool put_prio(struct optbuf *b, bool backup, const uint8_t *id);
bool put_fail(struct optbuf *b, uint64_t dsn);
bool put_fastclose(struct optbuf *b, const uint8_t *key);

/* The checksum of figure 10, over the pseudo header and what `data` has summed up. */
uint16_t dss_checksum(uint64_t dsn, uint32_t ssn, uint16_t len, const struct sum *data);

#endif
