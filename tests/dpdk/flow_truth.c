/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_flow tells the truth: random rules beside a plain interpreter of their items.
 *
 * usage: flow_truth EAL-ARGUMENTS -- CONTROL ROUNDS SEED
 * The device is one net_mpnic with loops at both ports: what is sent comes back as from the wire.
 * Per round some rules are made, of either port, among them many that can stand in the card's
 * tables, and several with one key; each that validates must be created, each that is refused must
 * say why, and those that the generator spoilt must be refused. Then random frames must come in the
 * queue, with the mark, or not at all, as the interpreter says; the rules' counts must be its
 * counts. At the end the firmware crashes (command socket CONTROL), and after a reset the rules
 * must be there. Then the flow table is filled.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

enum {
	PORTS = 2,
	QUEUES = 4,
	RULES = 12,
	FRAMES = 192,
	BURST = 32,
	DESCS = 256,
	RETA = 128,
	WAIT_MS = 5000,
	TABLE = 65536, /* entries of the flow table */
};

/* --- randomness ------------------------------------------------------------------------------- */

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % below;
}

static bool chance(uint32_t in)
{
	return !draw(in);
}

/* --- frames ----------------------------------------------------------------------------------- */

enum l3 {
	NO_IP,
	IPV4,
	IPV6
};

/* Small domains, so that rules often match. */
struct packet {
	uint16_t port; /* that it is sent to, and comes back from */
	unsigned int tags, vid;
	enum l3 l3;
	uint8_t src[16], dst[16];
	uint8_t proto;
	bool fragment;
	uint16_t sport, dport;
	uint8_t flags;
};

static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

static void draw_addr(uint8_t addr[16])
{
	memset(addr, 0, 16);
	addr[0] = 10;
	addr[3] = (uint8_t)draw(4);
	addr[15] = (uint8_t)draw(3);
}

static void draw_packet(struct packet *p)
{
	memset(p, 0, sizeof(*p));
	p->port = (uint16_t)draw(PORTS);
	p->tags = chance(3) ? 1 + draw(2) : 0;
	p->vid = 1 + draw(3);
	p->l3 = (enum l3)draw(3);
	draw_addr(p->src);
	draw_addr(p->dst);
	p->proto = protos[draw(RTE_DIM(protos))];
	p->fragment = p->l3 == IPV4 && chance(8);
	p->sport = (uint16_t)(1000 + draw(3));
	p->dport = (uint16_t)(80 + draw(3));
	p->flags = (uint8_t)(1u << draw(5));
	/* The other direction of a flow. */
	if (chance(3))
		RTE_SWAP(p->sport, p->dport);
}

static unsigned int put_l4(const struct packet *p, uint8_t *at)
{
	struct rte_tcp_hdr tcp = {.src_port = rte_cpu_to_be_16(p->sport),
				  .dst_port = rte_cpu_to_be_16(p->dport),
				  .data_off = 5 << 4,
				  .tcp_flags = p->flags};
	struct rte_udp_hdr udp = {.src_port = rte_cpu_to_be_16(p->sport),
				  .dst_port = rte_cpu_to_be_16(p->dport),
				  .dgram_len = rte_cpu_to_be_16(sizeof(struct rte_udp_hdr))};

	if (p->proto == IPPROTO_TCP)
		memcpy(at, &tcp, sizeof(tcp));
	else if (p->proto == IPPROTO_UDP)
		memcpy(at, &udp, sizeof(udp));
	return p->proto == IPPROTO_TCP ? sizeof(tcp) : sizeof(udp);
}

static uint16_t type_of(const struct packet *p)
{
	return p->l3 == IPV4 ? RTE_ETHER_TYPE_IPV4 : p->l3 == IPV6 ? RTE_ETHER_TYPE_IPV6 : 0x88b5;
}

/* Returns the frame's length; its last four bytes are @id. */
static unsigned int put_frame(const struct packet *p, uint32_t id, uint8_t *frame)
{
	unsigned int n = 12, l4;
	uint8_t body[64] = {0};

	memset(frame, 0, 160);
	frame[0] = frame[6] = 2;
	for (unsigned int i = 0; i < p->tags; i++, n += 4) {
		frame[n] = 0x81;
		frame[n + 3] = (uint8_t)(i ? 99 : p->vid);
	}
	frame[n++] = (uint8_t)(type_of(p) >> 8);
	frame[n++] = (uint8_t)type_of(p);
	l4 = put_l4(p, body);
	if (p->l3 == IPV4) {
		struct rte_ipv4_hdr ip = {.version_ihl = 0x45,
					  .total_length = rte_cpu_to_be_16((uint16_t)(20 + l4)),
					  .fragment_offset = p->fragment ? RTE_BE16(8) : 0,
					  .time_to_live = 64,
					  .next_proto_id = p->proto};

		memcpy(&ip.src_addr, p->src, 4);
		memcpy(&ip.dst_addr, p->dst, 4);
		ip.hdr_checksum = rte_ipv4_cksum(&ip);
		memcpy(frame + n, &ip, sizeof(ip));
		n += sizeof(ip);
	} else if (p->l3 == IPV6) {
		struct rte_ipv6_hdr ip = {.vtc_flow = RTE_BE32(6u << 28),
					  .payload_len = rte_cpu_to_be_16((uint16_t)l4),
					  .proto = p->proto,
					  .hop_limits = 64};

		memcpy(ip.src_addr, p->src, 16);
		memcpy(ip.dst_addr, p->dst, 16);
		memcpy(frame + n, &ip, sizeof(ip));
		n += sizeof(ip);
	}
	memcpy(frame + n, body, l4);
	n = RTE_MAX(n + l4, 60u);
	memcpy(frame + n, &id, sizeof(id));
	return n + sizeof(id);
}

/* --- rules ------------------------------------------------------------------------------------ */

struct rule {
	uint16_t port;
	struct rte_flow_attr attr;
	struct rte_flow_item items[8];
	struct rte_flow_action actions[4];
	unsigned int item_count, action_count;
	struct rte_flow_item_eth eth[2];
	struct rte_flow_item_vlan vlan[2];
	struct rte_flow_item_ipv4 ip4[2];
	struct rte_flow_item_ipv6 ip6[2];
	struct rte_flow_item_tcp tcp[2];
	struct rte_flow_item_udp udp[2];
	struct rte_flow_action_queue queue;
	struct rte_flow_action_mark mark;
	bool drop, rss, marked, spoilt;
	struct rte_flow *flow;
	uint64_t hits;
};

static void add_item(struct rule *r, enum rte_flow_item_type type, const void *spec,
		     const void *mask)
{
	r->items[r->item_count++] =
		(struct rte_flow_item){.type = type, .spec = spec, .mask = mask};
}

static void add_action(struct rule *r, enum rte_flow_action_type type, const void *conf)
{
	r->actions[r->action_count++] = (struct rte_flow_action){.type = type, .conf = conf};
}

/* Prefixes mostly, sometimes any bits. */
static void draw_mask(uint8_t *mask, unsigned int bytes)
{
	memset(mask, 0, bytes);
	if (chance(3))
		return;
	for (unsigned int i = 0; i < bytes; i++)
		mask[i] = chance(4) ? (uint8_t)draw(256) : 0xff;
}

static void draw_eth(struct rule *r)
{
	if (chance(2)) {
		r->eth[1].type = 0xffff;
		r->eth[0].type = chance(2) ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(0x88b5);
	} else if (chance(3)) {
		r->eth[1].has_vlan = 1;
	}
	add_item(r, RTE_FLOW_ITEM_TYPE_ETH, chance(4) ? NULL : &r->eth[0], NULL);
	if (r->items[r->item_count - 1].spec)
		r->items[r->item_count - 1].mask = &r->eth[1];
	else
		memset(r->eth, 0, sizeof(r->eth));
}

static void draw_vlan(struct rule *r)
{
	r->vlan[0].tci = rte_cpu_to_be_16((uint16_t)(1 + draw(3)));
	r->vlan[1].tci = RTE_BE16(0x0fff);
	add_item(r, RTE_FLOW_ITEM_TYPE_VLAN, &r->vlan[0], &r->vlan[1]);
}

static void draw_ip(struct rule *r, enum l3 l3)
{
	uint8_t addr[16];

	if (chance(4)) {
		add_item(r, l3 == IPV4 ? RTE_FLOW_ITEM_TYPE_IPV4 : RTE_FLOW_ITEM_TYPE_IPV6, NULL,
			 NULL);
		return;
	}
	draw_addr(addr);
	if (l3 == IPV4) {
		memcpy(&r->ip4[0].hdr.src_addr, addr, 4);
		draw_mask((uint8_t *)&r->ip4[1].hdr.src_addr, 4);
		draw_addr(addr);
		memcpy(&r->ip4[0].hdr.dst_addr, addr, 4);
		draw_mask((uint8_t *)&r->ip4[1].hdr.dst_addr, 4);
		add_item(r, RTE_FLOW_ITEM_TYPE_IPV4, &r->ip4[0], &r->ip4[1]);
	} else {
		memcpy(r->ip6[0].hdr.src_addr, addr, 16);
		draw_mask(r->ip6[1].hdr.src_addr, 16);
		draw_addr(addr);
		memcpy(r->ip6[0].hdr.dst_addr, addr, 16);
		draw_mask(r->ip6[1].hdr.dst_addr, 16);
		add_item(r, RTE_FLOW_ITEM_TYPE_IPV6, &r->ip6[0], &r->ip6[1]);
	}
}

static rte_be16_t draw_port(unsigned int first)
{
	return rte_cpu_to_be_16((uint16_t)(first + draw(3)));
}

static rte_be16_t draw_port_mask(void)
{
	return chance(2) ? 0xffff : chance(2) ? 0 : (rte_be16_t)draw(0x10000);
}

static void draw_l4(struct rule *r)
{
	if (chance(2)) {
		r->tcp[0].hdr.src_port = draw_port(1000);
		r->tcp[0].hdr.dst_port = draw_port(80);
		r->tcp[0].hdr.tcp_flags = (uint8_t)(1u << draw(5));
		r->tcp[1].hdr.src_port = draw_port_mask();
		r->tcp[1].hdr.dst_port = draw_port_mask();
		r->tcp[1].hdr.tcp_flags = chance(2) ? (uint8_t)draw(256) : 0;
		add_item(r, RTE_FLOW_ITEM_TYPE_TCP, &r->tcp[0], &r->tcp[1]);
	} else {
		r->udp[0].hdr.src_port = draw_port(1000);
		r->udp[0].hdr.dst_port = draw_port(80);
		r->udp[1].hdr.src_port = draw_port_mask();
		r->udp[1].hdr.dst_port = draw_port_mask();
		add_item(r, RTE_FLOW_ITEM_TYPE_UDP, &r->udp[0], &r->udp[1]);
	}
}

/* Patterns that make sense; eth's type and the layer behind it agree. */
static void draw_pattern(struct rule *r)
{
	enum l3 l3 = (enum l3)draw(3);

	if (chance(2))
		draw_eth(r);
	if (r->item_count && !r->eth[1].type && !r->eth[1].has_vlan && chance(3))
		draw_vlan(r);
	if (r->eth[1].type)
		l3 = r->eth[0].type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && chance(2) ? IPV4 : NO_IP;
	if (l3 != NO_IP) {
		draw_ip(r, l3);
		if (chance(2))
			draw_l4(r);
	}
	add_item(r, RTE_FLOW_ITEM_TYPE_END, NULL, NULL);
}

/* A 5-tuple, or a source address alone, as most rules of applications are: entries of tables. */
static void draw_entry(struct rule *r)
{
	const bool v4 = chance(2), tuple = !chance(3);
	const bool turned = chance(3);
	uint8_t src[16], dst[16];

	if (!chance(4))
		add_item(r, RTE_FLOW_ITEM_TYPE_ETH, NULL, NULL);
	if (r->item_count && chance(8))
		draw_vlan(r);
	draw_addr(src);
	draw_addr(dst);
	memcpy(&r->ip4[0].hdr.src_addr, src, 4);
	memcpy(&r->ip4[0].hdr.dst_addr, dst, 4);
	memcpy(r->ip6[0].hdr.src_addr, src, 16);
	memcpy(r->ip6[0].hdr.dst_addr, dst, 16);
	r->ip4[1].hdr.src_addr = UINT32_MAX;
	r->ip4[1].hdr.dst_addr = tuple ? UINT32_MAX : 0;
	memset(r->ip6[1].hdr.src_addr, 0xff, 16);
	memset(r->ip6[1].hdr.dst_addr, tuple ? 0xff : 0, 16);
	if (v4)
		add_item(r, RTE_FLOW_ITEM_TYPE_IPV4, &r->ip4[0], &r->ip4[1]);
	else
		add_item(r, RTE_FLOW_ITEM_TYPE_IPV6, &r->ip6[0], &r->ip6[1]);
	if (tuple && chance(2)) {
		r->tcp[0].hdr.src_port = draw_port(turned ? 80 : 1000);
		r->tcp[0].hdr.dst_port = draw_port(turned ? 1000 : 80);
		r->tcp[1].hdr.src_port = r->tcp[1].hdr.dst_port = 0xffff;
		add_item(r, RTE_FLOW_ITEM_TYPE_TCP, &r->tcp[0], &r->tcp[1]);
	} else if (tuple) {
		r->udp[0].hdr.src_port = draw_port(turned ? 80 : 1000);
		r->udp[0].hdr.dst_port = draw_port(turned ? 1000 : 80);
		r->udp[1].hdr.src_port = r->udp[1].hdr.dst_port = 0xffff;
		add_item(r, RTE_FLOW_ITEM_TYPE_UDP, &r->udp[0], &r->udp[1]);
	}
	add_item(r, RTE_FLOW_ITEM_TYPE_END, NULL, NULL);
}

static void draw_actions(struct rule *r, unsigned int id)
{
	switch (draw(4)) {
	case 0:
		r->drop = true;
		add_action(r, RTE_FLOW_ACTION_TYPE_DROP, NULL);
		break;
	case 1:
		r->rss = true;
		add_action(r, RTE_FLOW_ACTION_TYPE_RSS, NULL);
		break;
	default:
		r->queue.index = (uint16_t)draw(QUEUES);
		add_action(r, RTE_FLOW_ACTION_TYPE_QUEUE, &r->queue);
	}
	if (!r->drop && chance(2)) {
		r->marked = true;
		r->mark.id = id;
		add_action(r, RTE_FLOW_ACTION_TYPE_MARK, &r->mark);
	}
	add_action(r, RTE_FLOW_ACTION_TYPE_COUNT, NULL);
	r->actions[r->action_count] = (struct rte_flow_action){.type = RTE_FLOW_ACTION_TYPE_END};
}

/* Ask for something that the card cannot do. Returns whether there was a place for it. */
static bool spoil(struct rule *r)
{
	switch (draw(7)) {
	case 0:
		r->attr.group = 1 + draw(3);
		return true;
	case 1:
		r->attr.egress = 1;
		return true;
	case 2:
		r->queue.index = (uint16_t)(QUEUES + draw(4));
		return r->actions[0].type == RTE_FLOW_ACTION_TYPE_QUEUE;
	case 3:
		r->ip4[1].hdr.time_to_live = (uint8_t)(1 + draw(255));
		break;
	case 4:
		r->tcp[1].hdr.rx_win = (rte_be16_t)(1 + draw(65535));
		break;
	case 5:
		r->eth[1].src.addr_bytes[draw(6)] = (uint8_t)(1 + draw(255));
		break;
	default:
		r->udp[1].hdr.dgram_len = (rte_be16_t)(1 + draw(65535));
	}
	for (unsigned int i = 0; i < r->item_count; i++) {
		const void *mask = r->items[i].mask;

		if (mask && ((mask == &r->ip4[1] && r->ip4[1].hdr.time_to_live) ||
			     (mask == &r->tcp[1] && r->tcp[1].hdr.rx_win) ||
			     (mask == &r->udp[1] && r->udp[1].hdr.dgram_len) ||
			     (mask == &r->eth[1] && !rte_is_zero_ether_addr(&r->eth[1].src))))
			return true;
	}
	return false;
}

static void draw_rule(struct rule *r, unsigned int number, uint32_t priority)
{
	memset(r, 0, sizeof(*r));
	r->attr.ingress = 1;
	r->attr.priority = priority;
	r->port = (uint16_t)draw(PORTS);
	if (chance(2))
		draw_pattern(r);
	else
		draw_entry(r);
	draw_actions(r, number);
	if (chance(6))
		r->spoilt = spoil(r);
}

/* --- the interpreter -------------------------------------------------------------------------- */

static bool same(const void *value, const void *spec, const void *mask, unsigned int bytes)
{
	const uint8_t *v = value, *s = spec, *m = mask;

	for (unsigned int i = 0; i < bytes; i++)
		if ((v[i] ^ s[i]) & m[i])
			return false;
	return true;
}

static bool same_port(uint16_t port, rte_be16_t spec, rte_be16_t mask)
{
	const rte_be16_t value = rte_cpu_to_be_16(port);

	return same(&value, &spec, &mask, sizeof(value));
}

/* What stands behind Ethernet's addresses: a tag's type, or that of layer 3. */
static bool eth_matches(const struct rule *r, const struct packet *p)
{
	const rte_be16_t type = rte_cpu_to_be_16(p->tags ? RTE_ETHER_TYPE_VLAN : type_of(p));

	if (r->eth[1].has_vlan && p->tags)
		return false;
	return same(&type, &r->eth[0].type, &r->eth[1].type, sizeof(type));
}

static bool ip4_matches(const struct rule *r, const struct packet *p)
{
	return p->l3 == IPV4 && same(p->src, &r->ip4[0].hdr.src_addr, &r->ip4[1].hdr.src_addr, 4) &&
	       same(p->dst, &r->ip4[0].hdr.dst_addr, &r->ip4[1].hdr.dst_addr, 4);
}

static bool ip6_matches(const struct rule *r, const struct packet *p)
{
	return p->l3 == IPV6 && same(p->src, r->ip6[0].hdr.src_addr, r->ip6[1].hdr.src_addr, 16) &&
	       same(p->dst, r->ip6[0].hdr.dst_addr, r->ip6[1].hdr.dst_addr, 16);
}

static bool tcp_matches(const struct rule *r, const struct packet *p)
{
	return p->proto == IPPROTO_TCP && !p->fragment &&
	       same_port(p->sport, r->tcp[0].hdr.src_port, r->tcp[1].hdr.src_port) &&
	       same_port(p->dport, r->tcp[0].hdr.dst_port, r->tcp[1].hdr.dst_port) &&
	       same(&p->flags, &r->tcp[0].hdr.tcp_flags, &r->tcp[1].hdr.tcp_flags, 1);
}

static bool udp_matches(const struct rule *r, const struct packet *p)
{
	return p->proto == IPPROTO_UDP && !p->fragment &&
	       same_port(p->sport, r->udp[0].hdr.src_port, r->udp[1].hdr.src_port) &&
	       same_port(p->dport, r->udp[0].hdr.dst_port, r->udp[1].hdr.dst_port);
}

/* Layers one after the other: an IP item right behind eth is a frame without tags; behind a vlan
 * item further tags do not matter; without an eth item tags do not matter. */
static bool matches(const struct rule *r, const struct packet *p)
{
	bool eth = false, vlan = false;

	if (r->port != p->port)
		return false;
	for (const struct rte_flow_item *item = r->items; item->type != RTE_FLOW_ITEM_TYPE_END;
	     item++) {
		bool fits = true;

		switch (item->type) {
		case RTE_FLOW_ITEM_TYPE_ETH:
			eth = true;
			fits = eth_matches(r, p);
			break;
		case RTE_FLOW_ITEM_TYPE_VLAN:
			vlan = true;
			fits = p->tags && p->vid == rte_be_to_cpu_16(r->vlan[0].tci);
			break;
		case RTE_FLOW_ITEM_TYPE_IPV4:
			fits = (!eth || vlan || !p->tags) && ip4_matches(r, p);
			break;
		case RTE_FLOW_ITEM_TYPE_IPV6:
			fits = (!eth || vlan || !p->tags) && ip6_matches(r, p);
			break;
		case RTE_FLOW_ITEM_TYPE_TCP:
			fits = tcp_matches(r, p);
			break;
		default:
			fits = udp_matches(r, p);
		}
		if (!fits)
			return false;
	}
	return true;
}

static struct rule *decider(struct rule *rule, const struct packet *p)
{
	struct rule *first = NULL;

	for (unsigned int i = 0; i < RULES; i++)
		if (rule[i].flow && matches(&rule[i], p) &&
		    (!first || rule[i].attr.priority < first->attr.priority))
			first = &rule[i];
	return first;
}

/* --- the port --------------------------------------------------------------------------------- */

static struct rte_mempool *pool;
static volatile bool reset_wanted;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "flow_truth: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

static void must(int err, const char *what)
{
	if (err)
		die("%s: %s", what, rte_strerror(-err));
}

static int on_reset(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)port;
	(void)type;
	(void)arg;
	(void)ret;
	reset_wanted = true;
	return 0;
}

static void set_up_port(uint16_t port)
{
	const struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS},
					  .rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP};

	must(rte_eth_dev_configure(port, QUEUES, 1, &conf), "configure");
	for (uint16_t q = 0; q < QUEUES; q++)
		must(rte_eth_rx_queue_setup(port, q, DESCS, SOCKET_ID_ANY, NULL, pool), "Rx queue");
	must(rte_eth_tx_queue_setup(port, 0, DESCS, SOCKET_ID_ANY, NULL), "Tx queue");
	must(rte_eth_promiscuous_enable(port), "promiscuous");
	must(rte_eth_dev_start(port), "start");
}

static void set_up(void)
{
	for (uint16_t port = 0; port < PORTS; port++)
		set_up_port(port);
}

static void send_frames(const struct packet *p, unsigned int count, uint32_t first)
{
	struct rte_mbuf *mbuf[BURST];

	must(rte_pktmbuf_alloc_bulk(pool, mbuf, count), "mbufs");
	for (unsigned int i = 0; i < count; i++) {
		uint8_t frame[256];
		const unsigned int len = put_frame(&p[i], first + i, frame);

		memcpy(rte_pktmbuf_append(mbuf[i], (uint16_t)len), frame, len);
	}
	for (unsigned int i = 0; i < count;)
		i += rte_eth_tx_burst(p[i].port, 0, mbuf + i, 1);
}

static void judge(const struct packet *p, const struct rule *by, const struct rte_mbuf *m,
		  uint16_t queue, uint32_t id)
{
	const bool marked = m->ol_flags & RTE_MBUF_F_RX_FDIR_ID;
	uint16_t wanted = (uint16_t)(m->hash.rss % RETA % QUEUES);

	if (m->port != p->port)
		die("frame %u came from port %u", id, m->port);
	if (by && by->drop)
		die("frame %u came, rule %u drops it", id, by->attr.priority);
	if (by && !by->rss)
		wanted = by->queue.index;
	if (queue != wanted)
		die("frame %u came in queue %u, not %u (rule %d)", id, queue, wanted,
		    by ? (int)by->attr.priority : -1);
	if (marked != (by && by->marked) || (marked && m->hash.fdir.hi != by->mark.id))
		die("frame %u has mark %d of 0x%x", id, marked, m->hash.fdir.hi);
}

/* Take frames until as many came as must; then no more may come. */
static void take_frames(const struct packet *p, struct rule *const *by, unsigned int wanted,
			unsigned int count)
{
	const uint64_t until = rte_get_timer_cycles() + WAIT_MS * rte_get_timer_hz() / 1000;
	bool seen[FRAMES] = {false};
	unsigned int got = 0;

	while (got < wanted) {
		for (uint16_t i = 0; i < PORTS * QUEUES; i++) {
			const uint16_t q = i % QUEUES;
			struct rte_mbuf *mbuf[BURST];
			const uint16_t n = rte_eth_rx_burst(i / QUEUES, q, mbuf, BURST);

			for (uint16_t k = 0; k < n; k++) {
				uint32_t id;

				memcpy(&id,
				       rte_pktmbuf_mtod_offset(mbuf[k], uint8_t *,
							       mbuf[k]->pkt_len - sizeof(id)),
				       sizeof(id));
				if (id >= count || seen[id])
					die("frame %u came twice, or was never sent", id);
				seen[id] = true;
				judge(&p[id], by[id], mbuf[k], q, id);
				rte_pktmbuf_free(mbuf[k]);
				got++;
			}
		}
		if (got < wanted && rte_get_timer_cycles() > until)
			die("%u frames came of %u", got, wanted);
	}
}

static void try_frames(struct rule *rule)
{
	struct packet p[FRAMES];
	struct rule *by[FRAMES];
	unsigned int dropped = 0;

	for (unsigned int i = 0; i < FRAMES; i++) {
		draw_packet(&p[i]);
		by[i] = decider(rule, &p[i]);
		if (by[i])
			by[i]->hits++;
		dropped += by[i] && by[i]->drop;
	}
	for (unsigned int i = 0; i < FRAMES; i += BURST)
		send_frames(&p[i], BURST, i);
	take_frames(p, by, FRAMES - dropped, FRAMES);
}

/* --- rounds ----------------------------------------------------------------------------------- */

static void make_rule(struct rule *r)
{
	struct rte_flow_error error = {0};
	const int valid = rte_flow_validate(r->port, &r->attr, r->items, r->actions, &error);

	if (!valid == r->spoilt)
		die("a rule that %s be refused was not: %s", r->spoilt ? "must" : "must not",
		    error.message ? error.message : "");
	if (valid && (!error.message || !error.message[0]))
		die("a rule was refused without a reason");
	r->flow = rte_flow_create(r->port, &r->attr, r->items, r->actions, &error);
	if (!valid != !!r->flow)
		die("a rule validates (%d) and is not created, or the reverse: %s", valid,
		    error.message ? error.message : "");
}

static uint64_t counted(const struct rule *r)
{
	const struct rte_flow_action count[] = {{.type = RTE_FLOW_ACTION_TYPE_COUNT},
						{.type = RTE_FLOW_ACTION_TYPE_END}};
	struct rte_flow_query_count use = {0};
	struct rte_flow_error error = {0};

	if (rte_flow_query(r->port, r->flow, count, &use, &error))
		die("query: %s", error.message);
	return use.hits;
}

/* Frames that are dropped leave no other trace: the card may not have come to them yet. */
static void check_count(const struct rule *r)
{
	uint64_t hits = counted(r);

	for (unsigned int ms = 0; hits < r->hits && ms < WAIT_MS; ms++) {
		rte_delay_ms(1);
		hits = counted(r);
	}
	if (hits != r->hits)
		die("rule %u counted %" PRIu64 " frames, not %" PRIu64, r->attr.priority, hits,
		    r->hits);
}

static void expect_silence(void)
{
	for (uint16_t i = 0; i < PORTS * QUEUES; i++) {
		struct rte_mbuf *m;

		if (rte_eth_rx_burst(i / QUEUES, i % QUEUES, &m, 1))
			die("a frame came that must not come");
	}
}

/* Each rule has a priority of its own, in no order. */
static void make_rules(struct rule *rule, unsigned int *made, unsigned int *refused)
{
	const uint32_t first = draw(255), step = 1 + 2 * draw(60);

	for (unsigned int i = 0; i < RULES; i++) {
		draw_rule(&rule[i], i, (first + i * step) % 254);
		make_rule(&rule[i]);
		*(rule[i].flow ? made : refused) += 1;
	}
}

static void end_rules(struct rule *rule)
{
	struct rte_flow_error error;

	for (unsigned int i = 0; i < RULES; i++)
		if (rule[i].flow)
			check_count(&rule[i]);
	expect_silence();
	for (unsigned int i = 0; i < RULES; i++) {
		if (!rule[i].flow)
			continue;
		if (chance(2)) {
			must(rte_flow_destroy(rule[i].port, rule[i].flow, &error), "destroy");
			rule[i].flow = NULL;
		}
	}
	for (uint16_t port = 0; port < PORTS; port++)
		must(rte_flow_flush(port, &error), "flush");
}

static void command(const char *path, const char *line)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char answer[256] = "";

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    write(fd, line, strlen(line)) < 0 || read(fd, answer, sizeof(answer) - 1) < 0 ||
	    !strstr(answer, "\"ok\":true"))
		die("%s: '%s' was answered '%s'", path, line, answer);
	close(fd);
}

/* The firmware crashes: the application resets the port, and finds its rules at work. */
static void try_reset(const char *control)
{
	static struct rule rule[RULES];
	unsigned int made = 0, refused = 0;

	make_rules(rule, &made, &refused);
	command(control, "fault fw-crash\n");
	for (unsigned int ms = 0; !reset_wanted; ms++) {
		if (ms > WAIT_MS)
			die("no event tells of a reset");
		rte_delay_ms(1);
	}
	for (uint16_t port = 0; port < PORTS; port++)
		must(rte_eth_dev_stop(port), "stop");
	for (uint16_t port = 0; port < PORTS; port++)
		must(rte_eth_dev_reset(port), "reset");
	set_up();
	try_frames(rule);
	end_rules(rule);
}

/* Rules that a table has room for, to its end: a 5-tuple each. Returns how many there were. */
static unsigned int fill(struct rte_flow **last)
{
	const struct rte_flow_attr attr = {.ingress = 1, .priority = 5};
	const struct rte_flow_item_ipv4 ip_mask = {
		.hdr = {.src_addr = UINT32_MAX, .dst_addr = UINT32_MAX}};
	const struct rte_flow_item_tcp tcp_mask = {.hdr = {.src_port = 0xffff, .dst_port = 0xffff}};
	struct rte_flow_item_ipv4 ip = {.hdr.dst_addr = RTE_BE32(0x0a000001)};
	struct rte_flow_item_tcp tcp = {.hdr.dst_port = RTE_BE16(80)};
	const struct rte_flow_action actions[] = {{.type = RTE_FLOW_ACTION_TYPE_DROP},
						  {.type = RTE_FLOW_ACTION_TYPE_COUNT},
						  {.type = RTE_FLOW_ACTION_TYPE_END}};
	const struct rte_flow_item items[] = {
		{.type = RTE_FLOW_ITEM_TYPE_ETH},
		{.type = RTE_FLOW_ITEM_TYPE_IPV4, .spec = &ip, .mask = &ip_mask},
		{.type = RTE_FLOW_ITEM_TYPE_TCP, .spec = &tcp, .mask = &tcp_mask},
		{.type = RTE_FLOW_ITEM_TYPE_END}};
	struct rte_flow_error error = {0};

	for (unsigned int n = 0;; n++) {
		struct rte_flow *flow;

		ip.hdr.src_addr = rte_cpu_to_be_32(0x0b000000 + n / 40000);
		tcp.hdr.src_port = rte_cpu_to_be_16((uint16_t)(n % 40000));
		flow = rte_flow_create(0, &attr, items, actions, &error);
		if (!flow && rte_errno != ENOSPC)
			die("rule %u: %s", n, error.message);
		if (!flow)
			return n;
		*last = flow;
	}
}

/* Twice, so that what was taken away left nothing. The last ones are ternary rules. */
static void try_full_table(void)
{
	struct rte_flow_error error;
	struct rte_flow *last = NULL;
	unsigned int n;

	for (unsigned int i = 0; i < 2; i++) {
		n = fill(&last);
		if (n < TABLE / 100 * 95)
			die("the table takes %u rules of %u", n, TABLE);
		must(rte_flow_destroy(0, last, &error), "destroy");
		must(rte_flow_flush(0, &error), "flush");
	}
	printf("flow_truth: %u rules in the table of %u and beside it\n", n, TABLE);
}

int main(int argc, char **argv)
{
	static struct rule rule[RULES];
	unsigned int made = 0, refused = 0, rounds;
	const int used = rte_eal_init(argc, argv);

	if (used < 0 || argc - used < 3)
		die("usage: flow_truth EAL-ARGUMENTS -- CONTROL ROUNDS SEED");
	argv += used;
	rounds = (unsigned int)atoi(argv[argc - used - 2]);
	seed = strtoull(argv[argc - used - 1], NULL, 0) * 0x9e3779b97f4a7c15u + 1;
	pool = rte_pktmbuf_pool_create("truth", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool)
		die("no pool");
	rte_eth_dev_callback_register(0, RTE_ETH_EVENT_INTR_RESET, on_reset, NULL);
	set_up();
	for (unsigned int i = 0; i < rounds; i++) {
		make_rules(rule, &made, &refused);
		try_frames(rule);
		end_rules(rule);
	}
	try_reset(argv[argc - used - 3]);
	try_full_table();
	printf("flow_truth: %u rules made, %u refused, %u frames, all as they should be\n", made,
	       refused, (rounds + 1) * FRAMES);
	for (uint16_t port = 0; port < PORTS; port++) {
		must(rte_eth_dev_stop(port), "stop");
		must(rte_eth_dev_close(port), "close");
	}
	return rte_eal_cleanup();
}
