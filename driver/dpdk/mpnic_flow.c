/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_flow: the rules that there are. A rule becomes one of three things in the card (docs/dpdk.md,
 * rules):
 *
 *   an entry         of the flow table or the masked table, where it can be one
 *   a ternary rule   else, or where its key has an entry already, or the table has no room for it
 *   a token          the one RAW shape that says "an MP_JOIN SYN with this token"
 *
 * validate() and create() are one path, so that what validates is created, if there is room.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/queue.h>

#include "mpnic_flow.h"
#include "rte_pmd_mpnic.h"

enum {
	RULES = 64,
	TOKEN_CONNS = RTE_PMD_MPNIC_RULE_CONNS,
	SLAB_BYTES = 2 << 20,
	TOKEN_CAP = 255, /* flows that a token may have learnt and not confirmed */
};

enum kind {
	KIND_ENTRY,
	KIND_RULE,
	KIND_TOKEN
};

/* There may be as many as tables have entries. */
struct rte_flow {
	TAILQ_ENTRY(rte_flow) next;
	uint64_t base_packets, base_bytes;
	uint16_t index;	    /* rule: its place; token: its connection, from the last one down */
	uint16_t queue;	    /* if it sends to one */
	uint8_t kind, port; /* enum kind; that it was made on */
	bool has_queue, count;
	union {
		struct pmd_entry entry;
		uint32_t token;
	};
};

/* Memory for rules, a huge page if there are some: a page fault costs as much as several rules.
 * What was freed is kept for the next one. */
struct slab {
	SLIST_ENTRY(slab) next;
	unsigned int used;
	struct rte_flow flow[(SLAB_BYTES - 16) / sizeof(struct rte_flow)];
};

_Static_assert(sizeof(struct slab) <= SLAB_BYTES, "slab");

TAILQ_HEAD(flow_list, rte_flow);

struct pmd_flows {
	struct flow_list list;
	uint64_t rules;			  /* places that are taken */
	uint64_t conns[TOKEN_CONNS / 64]; /* the same of connections */
	int isolate[MPNIC_PORTS];	  /* place of the rule that isolates; -1: none */
	struct mpnic_rule rule[RULES];	  /* by place */
	struct pmd_keys keys;		  /* as the card has them, while there are entries */
	unsigned int entries;
	SLIST_HEAD(slab_list, slab) slabs;
	struct flow_list unused;
	char text[PMD_FLOW_TEXT]; /* of the last refusal */
};

#define KEY(field) offsetof(struct mpnic_rule_key, field)

static struct making making_of(struct pmd_port *port, struct rte_flow_error *error)
{
	return (struct making){.port = port, .error = error, .text = port->card->flows->text};
}

static int failed(struct making *m, int err)
{
	return pmd_flow_refuse(m, -err, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, "the card: %s",
			       mpnic_error(m->port->card->dev));
}

/* --- memory ----------------------------------------------------------------------------------- */

static struct slab *add_slab(struct pmd_flows *flows)
{
	struct slab *slab = aligned_alloc(SLAB_BYTES, SLAB_BYTES);

	if (!slab)
		return NULL;
	/* Where there are none it is pages. */
	(void)madvise(slab, SLAB_BYTES, MADV_HUGEPAGE);
	slab->used = 0;
	SLIST_INSERT_HEAD(&flows->slabs, slab, next);
	return slab;
}

static struct rte_flow *take_flow(struct pmd_flows *flows)
{
	struct rte_flow *flow = TAILQ_FIRST(&flows->unused);
	struct slab *slab = SLIST_FIRST(&flows->slabs);

	if (flow) {
		TAILQ_REMOVE(&flows->unused, flow, next);
		return flow;
	}
	if (!slab || slab->used == RTE_DIM(slab->flow))
		slab = add_slab(flows);
	return slab ? &slab->flow[slab->used++] : NULL;
}

static void give_back(struct pmd_flows *flows, struct rte_flow *flow)
{
	TAILQ_INSERT_HEAD(&flows->unused, flow, next);
}

/* --- places ----------------------------------------------------------------------------------- */

static int free_bit(const uint64_t *words, unsigned int bits)
{
	for (unsigned int i = 0; i < bits; i++)
		if (!(words[i / 64] >> (i % 64) & 1))
			return (int)i;
	return -1;
}

static void set_bit(uint64_t *words, unsigned int bit, bool on)
{
	words[bit / 64] &= ~(UINT64_C(1) << bit % 64);
	words[bit / 64] |= (uint64_t)on << bit % 64;
}

static bool token_taken(const struct pmd_flows *flows, uint32_t token)
{
	const struct rte_flow *flow;

	for (flow = TAILQ_FIRST(&flows->list); flow; flow = TAILQ_NEXT(flow, next))
		if (flow->kind == KIND_TOKEN && flow->token == token)
			return true;
	return false;
}

static int token_place(struct making *m, uint16_t *index)
{
	struct pmd_flows *flows = m->port->card->flows;
	const int place = free_bit(flows->conns, TOKEN_CONNS);

	if (token_taken(flows, m->token))
		return pmd_flow_refuse(m, EEXIST, RTE_FLOW_ERROR_TYPE_ITEM, NULL,
				       "token %08x has a rule already", m->token);
	if (place < 0)
		return pmd_flow_refuse(m, ENOSPC, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
				       "all %u places for tokens are taken", TOKEN_CONNS);
	*index = (uint16_t)place;
	return 0;
}

static int read_keys(struct pmd_card *card)
{
	struct mpnic_settings settings;
	int err = mpnic_admin_settings_get(card->dev, &settings);

	if (err)
		return err;
	card->flows->keys.mask = settings.mask;
	card->flows->keys.exact_vlan = settings.exact_vlan;
	return 0;
}

/* What keys are made with cannot change while there are entries, but may have before. */
static int look_at_keys(struct pmd_card *card)
{
	return card->flows->entries ? 0 : read_keys(card);
}

/* --- the card --------------------------------------------------------------------------------- */

static uint32_t conn_of(const struct pmd_card *card, const struct rte_flow *flow)
{
	return mpnic_identity(card->dev)->conns - 1 - flow->index;
}

static int put_token(const struct pmd_card *card, const struct rte_flow *flow)
{
	const struct mpnic_conn conn = {.token = {0, flow->token},
					.rx_queue = flow->queue,
					.version = MPNIC_GIVEN_UNKNOWN,
					.flags = MPNIC_CONN_QUEUE};
	const struct mpnic_token_entry entry = {.token = flow->token,
						.conn_id = conn_of(card, flow),
						.flags = MPNIC_TOKEN_ENTRY_SIDE_B,
						.cap = TOKEN_CAP};
	int err = mpnic_admin_conn_set(card->dev, entry.conn_id, &conn);

	return err ? err : mpnic_admin_token_add(card->dev, &entry);
}

static int put_entry(const struct pmd_card *card, const struct pmd_entry *entry)
{
	struct mpnic_admin_flow flow = {.conn_id = MPNIC_ID_NONE};

	memcpy(flow.key, &entry->key, sizeof(flow.key));
	memcpy(flow.action, &entry->action, sizeof(flow.action));
	return mpnic_admin_flow_add(card->dev, &flow, NULL);
}

static int take_away(const struct pmd_card *card, const struct rte_flow *flow)
{
	static const struct mpnic_rule none;

	switch (flow->kind) {
	case KIND_ENTRY:
		return mpnic_admin_flow_remove(card->dev, &flow->entry.key);
	case KIND_TOKEN:
		return mpnic_admin_token_remove(card->dev, flow->token);
	default:
		return mpnic_admin_rule_set(card->dev, flow->index, &none);
	}
}

static void note(struct pmd_flows *flows, const struct rte_flow *flow, bool taken)
{
	if (flow->kind == KIND_TOKEN)
		set_bit(flows->conns, flow->index, taken);
	else if (flow->kind == KIND_RULE)
		set_bit(&flows->rules, flow->index, taken);
	else
		flows->entries += taken ? 1 : -1u;
}

/*
 * A rule into the card, as what it can be there. A key stands once in a table: it may have an entry
 * by a rule of the other port or direction, or a flow's. Returns 0, an error of the card, or
 * -ENOSPC.
 */
static int put_rule(struct pmd_card *card, const struct mpnic_rule *rule, struct rte_flow *flow)
{
	struct pmd_entry entry;
	int err = -EEXIST, place;

	if (pmd_entry_of(&card->flows->keys, flow->port, rule, &entry))
		err = put_entry(card, &entry);
	if (!err) {
		flow->kind = KIND_ENTRY;
		flow->entry = entry;
		return 0;
	}
	if (err != -EEXIST && err != -ENOSPC)
		return err;
	place = free_bit(&card->flows->rules, RULES);
	if (place < 0)
		return -ENOSPC;
	flow->kind = KIND_RULE;
	flow->index = (uint16_t)place;
	card->flows->rule[place] = *rule;
	return mpnic_admin_rule_set(card->dev, flow->index, rule);
}

static int put(struct making *m, struct rte_flow *flow)
{
	if (!m->is_token)
		return put_rule(m->port->card, &m->rule, flow);
	flow->kind = KIND_TOKEN;
	flow->token = m->token;
	return put_token(m->port->card, flow);
}

static int isolation_rule(const struct pmd_card *card, unsigned int port, int place)
{
	struct mpnic_rule rule = {
		.actions = MPNIC_ACTION_DROP, .prio = PMD_PRIO_MAX + 1, .valid = 1};

	rule.value[KEY(source)] = (uint8_t)port;
	rule.mask[KEY(source)] = 0xff;
	return mpnic_admin_rule_set(card->dev, (unsigned int)place, &rule);
}

/* --- after a reset ---------------------------------------------------------------------------- */

/*
 * Tables are empty, settings and the hash key others: what was an entry is put anew as the rule
 * that it stands for, and may become one of the other kind.
 */
static int restore(struct pmd_card *card, const struct pmd_keys *old, struct rte_flow *flow)
{
	struct mpnic_rule rule;
	int err;

	flow->base_packets = flow->base_bytes = 0;
	if (flow->kind == KIND_TOKEN)
		return put_token(card, flow);
	if (flow->kind == KIND_RULE)
		return mpnic_admin_rule_set(card->dev, flow->index,
					    &card->flows->rule[flow->index]);
	pmd_rule_of(old, flow->port, &flow->entry, &rule);
	note(card->flows, flow, false);
	err = put_rule(card, &rule, flow);
	note(card->flows, flow, true);
	return err;
}

int pmd_flows_restore(struct pmd_card *card)
{
	const struct pmd_keys old = card->flows->keys;
	struct rte_flow *flow;
	int err;

	err = read_keys(card);
	for (flow = TAILQ_FIRST(&card->flows->list); flow && !err; flow = TAILQ_NEXT(flow, next))
		err = restore(card, &old, flow);
	for (unsigned int i = 0; i < MPNIC_PORTS && !err; i++)
		if (card->flows->isolate[i] >= 0)
			err = isolation_rule(card, i, card->flows->isolate[i]);
	return err ? pmd_error(card, err, "the rules") : 0;
}

int pmd_flows_open(struct pmd_card *card)
{
	card->flows = calloc(1, sizeof(*card->flows));
	if (!card->flows)
		return -ENOMEM;
	TAILQ_INIT(&card->flows->list);
	TAILQ_INIT(&card->flows->unused);
	SLIST_INIT(&card->flows->slabs);
	for (unsigned int i = 0; i < MPNIC_PORTS; i++)
		card->flows->isolate[i] = -1;
	return 0;
}

void pmd_flows_close(struct pmd_card *card)
{
	struct slab *slab;

	if (!card->flows)
		return;
	while ((slab = SLIST_FIRST(&card->flows->slabs))) {
		SLIST_REMOVE_HEAD(&card->flows->slabs, next);
		free(slab);
	}
	free(card->flows);
}

/* Rules live on when a port is configured anew: then their queues must be there. */
int pmd_flows_check(struct pmd_port *port)
{
	const struct rte_flow *flow;

	for (flow = TAILQ_FIRST(&port->card->flows->list); flow; flow = TAILQ_NEXT(flow, next)) {
		if (flow->port != port->index || !flow->has_queue ||
		    flow->queue < port->eth->data->nb_rx_queues)
			continue;
		PMD_LOG(ERR,
			"%s: a rule sends to queue %u, and there are to be %u: flush rules first",
			port->eth->data->name, flow->queue, port->eth->data->nb_rx_queues);
		return -EBUSY;
	}
	return 0;
}

/* --- ops -------------------------------------------------------------------------------------- */

static int alive(struct making *m)
{
	if (!m->port->card->failed)
		return 0;
	return pmd_flow_refuse(m, EIO, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			       "the card must be reset");
}

/* What validate() and create() have in common; *index: a token's place. */
static int make(struct making *m, const struct rte_flow_attr *attr,
		const struct rte_flow_item *pattern, const struct rte_flow_action *actions,
		uint16_t *index)
{
	struct pmd_flows *flows = m->port->card->flows;
	struct pmd_entry entry;
	int err = alive(m);

	if (!err)
		err = pmd_flow_parse(m, attr, pattern, actions);
	if (err)
		return err;
	if (m->is_token)
		return token_place(m, index);
	err = look_at_keys(m->port->card);
	if (err)
		return failed(m, err);
	/* Whether a table has room for it is known when it is put there. */
	if (free_bit(&flows->rules, RULES) >= 0 ||
	    pmd_entry_of(&flows->keys, m->port->index, &m->rule, &entry))
		return 0;
	return pmd_flow_refuse(m, ENOSPC, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			       "all %u places for such rules are taken", RULES);
}

static int flow_validate(struct rte_eth_dev *eth, const struct rte_flow_attr *attr,
			 const struct rte_flow_item pattern[],
			 const struct rte_flow_action actions[], struct rte_flow_error *error)
{
	struct pmd_port *port = pmd_port_of(eth);
	struct making m = making_of(port, error);
	uint16_t index;
	int err;

	pmd_lock(port->card);
	err = make(&m, attr, pattern, actions, &index);
	pmd_unlock(port->card);
	return err;
}

static void not_put(struct making *m, int err)
{
	if (err == -ENOSPC)
		pmd_flow_refuse(
			m, ENOSPC, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"its key has an entry already, or the table has no room for it; and "
			"all %u other places are taken",
			RULES);
	else
		failed(m, err);
}

static struct rte_flow *create(struct making *m, uint16_t index)
{
	struct pmd_flows *flows = m->port->card->flows;
	struct rte_flow *flow = take_flow(flows);
	int err;

	if (!flow) {
		pmd_flow_refuse(m, ENOMEM, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, "out of memory");
		return NULL;
	}
	*flow = (struct rte_flow){
		.index = index,
		.port = (uint8_t)m->port->index,
		.queue = m->rule.rx_queue,
		.has_queue = m->rule.actions & MPNIC_ACTION_QUEUE,
		.count = m->count,
	};
	err = put(m, flow);
	if (err) {
		give_back(flows, flow);
		not_put(m, err);
		return NULL;
	}
	note(flows, flow, true);
	TAILQ_INSERT_TAIL(&flows->list, flow, next);
	return flow;
}

static struct rte_flow *flow_create(struct rte_eth_dev *eth, const struct rte_flow_attr *attr,
				    const struct rte_flow_item pattern[],
				    const struct rte_flow_action actions[],
				    struct rte_flow_error *error)
{
	struct pmd_port *port = pmd_port_of(eth);
	struct making m = making_of(port, error);
	struct rte_flow *flow = NULL;
	uint16_t index = 0;

	pmd_lock(port->card);
	if (!make(&m, attr, pattern, actions, &index))
		flow = create(&m, index);
	pmd_unlock(port->card);
	return flow;
}

/* A card that must be reset has lost the rule anyway. */
static int destroy(struct making *m, struct rte_flow *flow)
{
	struct pmd_card *card = m->port->card;
	const int err = card->failed ? 0 : take_away(card, flow);

	if (err && err != -ENOENT)
		return failed(m, err);
	note(card->flows, flow, false);
	TAILQ_REMOVE(&card->flows->list, flow, next);
	give_back(card->flows, flow);
	return 0;
}

static int flow_destroy(struct rte_eth_dev *eth, struct rte_flow *flow,
			struct rte_flow_error *error)
{
	struct making m = making_of(pmd_port_of(eth), error);
	int err;

	pmd_lock(m.port->card);
	err = destroy(&m, flow);
	pmd_unlock(m.port->card);
	return err;
}

static int flush(struct making *m)
{
	struct rte_flow *flow, *next;
	int err = 0;

	for (flow = TAILQ_FIRST(&m->port->card->flows->list); flow && !err; flow = next) {
		next = TAILQ_NEXT(flow, next);
		if (flow->port == m->port->index)
			err = destroy(m, flow);
	}
	return err;
}

static int flow_flush(struct rte_eth_dev *eth, struct rte_flow_error *error)
{
	struct making m = making_of(pmd_port_of(eth), error);
	int err;

	pmd_lock(m.port->card);
	err = flush(&m);
	pmd_unlock(m.port->card);
	return err;
}

/* What the card has counted; of a token nothing. */
static int use_of(const struct pmd_card *card, const struct rte_flow *flow,
		  struct mpnic_rule_use *use)
{
	struct mpnic_admin_flow_state state;
	int err;

	if (flow->kind == KIND_RULE)
		return mpnic_admin_rule_get(card->dev, flow->index, use);
	err = mpnic_admin_flow_get(card->dev, &flow->entry.key, &state);
	if (err)
		return err;
	*use = (struct mpnic_rule_use){state.packets, state.bytes, state.last_seen};
	return 0;
}

static int query_count(struct making *m, struct rte_flow *flow, struct rte_flow_query_count *query)
{
	struct mpnic_rule_use use;
	int err = use_of(m->port->card, flow, &use);

	if (err)
		return failed(m, err);
	query->hits_set = query->bytes_set = 1;
	query->hits = use.packets - flow->base_packets;
	query->bytes = use.bytes - flow->base_bytes;
	if (query->reset) {
		flow->base_packets = use.packets;
		flow->base_bytes = use.bytes;
	}
	return 0;
}

static int flow_query(struct rte_eth_dev *eth, struct rte_flow *flow,
		      const struct rte_flow_action *action, void *data,
		      struct rte_flow_error *error)
{
	struct making m = making_of(pmd_port_of(eth), error);
	int err;

	pmd_lock(m.port->card);
	err = alive(&m);
	for (; !err && action->type != RTE_FLOW_ACTION_TYPE_END; action++) {
		if (action->type == RTE_FLOW_ACTION_TYPE_VOID)
			continue;
		if (action->type == RTE_FLOW_ACTION_TYPE_COUNT && flow->count)
			err = query_count(&m, flow, data);
		else
			err = pmd_flow_refuse(&m, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
					      "the rule has no count to ask for");
	}
	pmd_unlock(m.port->card);
	return err;
}

static int isolate(struct making *m, bool on)
{
	static const struct mpnic_rule none;
	struct pmd_card *card = m->port->card;
	int *place = &card->flows->isolate[m->port->index], found = *place, err;

	if (on == (*place >= 0))
		return 0;
	if (on)
		found = free_bit(&card->flows->rules, RULES);
	if (found < 0)
		return pmd_flow_refuse(m, ENOSPC, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
				       "all %u places for rules are taken", (unsigned int)RULES);
	if (card->failed)
		err = 0;
	else
		err = on ? isolation_rule(card, m->port->index, found)
			 : mpnic_admin_rule_set(card->dev, (unsigned int)found, &none);
	if (err)
		return failed(m, err);
	set_bit(&card->flows->rules, (unsigned int)found, on);
	*place = on ? found : -1;
	return 0;
}

static int flow_isolate(struct rte_eth_dev *eth, int on, struct rte_flow_error *error)
{
	struct making m = making_of(pmd_port_of(eth), error);
	int err;

	pmd_lock(m.port->card);
	err = alive(&m);
	if (!err)
		err = isolate(&m, on);
	pmd_unlock(m.port->card);
	return err;
}

static void dump_token(const struct pmd_card *card, const struct rte_flow *flow, FILE *file)
{
	struct mpnic_token_entry entry = {0};

	mpnic_admin_token_get(card->dev, flow->token, &entry);
	fprintf(file, "token %08x: queue %u; %u flows learnt and not confirmed\n", flow->token,
		flow->queue, entry.provisional);
}

static void dump_bytes(const char *name, const uint8_t *bytes, unsigned int len, FILE *file)
{
	fprintf(file, "  %s", name);
	for (unsigned int i = 0; i < len; i++)
		fprintf(file, "%s%02x", i % 16 ? "" : " ", bytes[i]);
	fprintf(file, "\n");
}

static void dump_one(const struct pmd_card *card, const struct rte_flow *flow, FILE *file)
{
	struct mpnic_rule_use use = {0};
	struct mpnic_rule rule;

	if (flow->kind == KIND_TOKEN) {
		dump_token(card, flow, file);
		return;
	}
	use_of(card, flow, &use);
	if (flow->kind == KIND_RULE) {
		rule = card->flows->rule[flow->index];
		fprintf(file, "rule %u", flow->index);
	} else {
		pmd_rule_of(&card->flows->keys, flow->port, &flow->entry, &rule);
		fprintf(file, "entry %s except 0x%02x",
			pmd_entry_is_masked(&flow->entry) ? "under the settable mask,"
							  : "of the flow table,",
			flow->entry.action.except);
	}
	fprintf(file,
		": port %u, priority %u, actions 0x%x, queue %u, mark 0x%x; %" PRIu64
		" packets, %" PRIu64 " bytes\n",
		flow->port, rule.prio, rule.actions, rule.rx_queue, rule.mark, use.packets,
		use.bytes);
	dump_bytes("value", rule.value, sizeof(rule.value), file);
	dump_bytes("mask ", rule.mask, sizeof(rule.mask), file);
}

static int flow_dump(struct rte_eth_dev *eth, struct rte_flow *one, FILE *file,
		     struct rte_flow_error *error)
{
	struct making m = making_of(pmd_port_of(eth), error);
	const struct rte_flow *flow;
	int err;

	pmd_lock(m.port->card);
	err = alive(&m);
	if (!err)
		for (flow = TAILQ_FIRST(&m.port->card->flows->list); flow;
		     flow = TAILQ_NEXT(flow, next))
			if (one ? flow == one : flow->port == m.port->index)
				dump_one(m.port->card, flow, file);
	pmd_unlock(m.port->card);
	return err;
}

void pmd_flows_flush(struct pmd_port *port)
{
	struct rte_flow_error error;
	struct making m = making_of(port, &error);

	if (flush(&m) || isolate(&m, false))
		PMD_LOG(ERR, "%s: %s", port->eth->data->name, error.message);
}

int pmd_flow_ops(struct rte_eth_dev *eth, const struct rte_flow_ops **ops)
{
	static const struct rte_flow_ops flow_ops = {
		.validate = flow_validate,
		.create = flow_create,
		.destroy = flow_destroy,
		.flush = flow_flush,
		.query = flow_query,
		.isolate = flow_isolate,
		.dev_dump = flow_dump,
	};

	(void)eth;
	*ops = &flow_ops;
	return 0;
}
