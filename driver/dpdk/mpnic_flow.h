/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside of rte_flow.
 *
 *   mpnic_flow_parse.c  what a rule says, as a ternary rule or a token
 *   mpnic_flow_table.c  which ternary rules are as well entries of the card's tables
 *   mpnic_flow.c        the rules that there are, and the ops
 */
#ifndef MPNIC_PMD_FLOW_H
#define MPNIC_PMD_FLOW_H

#include <rte_flow_driver.h>

#include "mpnic_pmd.h"

enum {
	PMD_PRIO_MAX = 254,  /* of rules; 255 is that of isolation */
	PMD_FLOW_TEXT = 160, /* bytes of a refusal's text */
};

/* A rule being made: what it came to so far. */
struct making {
	struct pmd_port *port;
	struct rte_flow_error *error;
	char *text;		/* PMD_FLOW_TEXT bytes for a refusal, which outlive the call */
	struct mpnic_rule rule; /* of a token its actions alone count */
	uint32_t token;
	bool is_token, count;
	/* Of parsing alone. */
	bool l2, l3, l4, fate;
	bool any_l3,
		syn; /* what the MP_JOIN shape asks for: an L3 item without a mask, SYN flags */
};

/* Fill in the error. Returns -@err. */
__attribute__((format(printf, 5, 6))) int pmd_flow_refuse(struct making *m, int err,
							  enum rte_flow_error_type type,
							  const void *cause, const char *format,
							  ...);
/* Returns 0, or a negative errno with the error filled in. *m: all zero but port, error, text. */
int pmd_flow_parse(struct making *m, const struct rte_flow_attr *attr,
		   const struct rte_flow_item *pattern, const struct rte_flow_action *actions);

/* An entry of the flow table, or of the masked table (bit 7 of key.kind). */
struct pmd_entry {
	struct mpnic_key key;
	struct mpnic_action action;
};

/* What decides which keys an entry has. */
struct pmd_keys {
	struct mpnic_key mask; /* the settable one */
	bool exact_vlan;
};

/* Whether an entry does what @rule, of this port, does, to the same frames; then *entry is it. */
bool pmd_entry_of(const struct pmd_keys *keys, unsigned int port, const struct mpnic_rule *rule,
		  struct pmd_entry *entry);
/* The ternary rule that does what @entry does. @keys: those that it was made with. */
void pmd_rule_of(const struct pmd_keys *keys, unsigned int port, const struct pmd_entry *entry,
		 struct mpnic_rule *rule);

static inline bool pmd_entry_is_masked(const struct pmd_entry *entry)
{
	return entry->key.kind & 0x80;
}

#endif
