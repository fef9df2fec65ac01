/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mptcp_stream: stands between an MPTCP client (port 0) and a server (port 1), forwards their
 * frames, and puts the client's byte stream together from what the card says of each frame: the
 * data sequence number of its first payload byte, whichever subflow it came by.
 *
 *   mptcp_stream --vdev net_mpnic0,engine=model,port0=tap:A,port1=tap:B,metadata=1 ... -- [--json]
 *
 * It follows the first MPTCP connection that it sees, and ends behind that one's end, or when
 * nothing came for a while. Exit code 0: the stream is whole, up to its DATA_FIN.
 *
 * How a frame gets its number
 * ---------------------------
 * The card numbers bytes by its tables, and who fills them is the host: this program. Keys of both
 * sides are in the third packet of the handshake alone (RFC 8684 3.1), and the client's first data
 * may follow it at once, so that some of it has passed the tables before they are filled. Such
 * frames are sent again to the card, without RTE_PMD_MPNIC_BYPASS_FLAG: it looks at them as at any
 * frame that the host sends, and, since the flow's action is PUNT, gives them back with their
 * metadata instead of sending them. All else leaves with the flag, for the tables have seen it
 * once.
 *
 * The server cannot send anything, nor can the client open further subflows, before the third
 * packet has come to the server, and it leaves only when the tables are filled. So nothing else
 * comes early. Further subflows are learnt by the card from their first SYN.
 *
 * What cannot be taken into the stream is not forwarded either: TCP sends it again. So the server
 * never gets bytes that are missing here.
 *
 * The program is linked with the driver, for its functions rte_pmd_mpnic_*(), rather than to ask
 * dlsym() for them: EAL opens plug-ins so that others do not find their symbols, and so the
 * compiler checks types and the linker names. It needs no -d then; one does no harm.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>

#include "conn.h"
#include "rte_pmd_mpnic.h"
#include "window.h"

enum {
	PORTS = 2,
	BURST = 32,
	DESCRIPTORS = 1024,
	MBUFS = 8191,
	LINGER_S = 1, /* without a frame, behind the end of the connection */
	VERDICTS = 16,
};

/* What becomes of a frame. */
enum fate {
	PASS,
	AGAIN, /* the card is to look at it again */
	HOLD,  /* not forwarded */
};

struct counts {
	uint64_t bytes; /* that no other frame had brought */
	uint64_t segments, retransmissions, reinjections;
};

static struct stream {
	struct conn conn;
	struct window *window;
	uint64_t end;	   /* number behind the last byte, if ended[0] */
	bool ended[2];	   /* by side: a DATA_FIN has passed */
	bool closed;	   /* by MP_FASTCLOSE */
	uint64_t last_tsc; /* when the last frame of the connection came */
	struct counts count[CONN_SUBFLOWS];
	uint64_t verdict[VERDICTS]; /* by enum map_csum */
	uint64_t again, held, unnumbered;
} stream;

static int meta_at;
static uint64_t meta_flag, from_host_flag, bypass_flag;
static unsigned int idle_s = 60;
static bool json;
static volatile sig_atomic_t stopped;

/* ---- frames --------------------------------------------------------------------------------- */

/* By the IP header: behind it a frame may be padded. Of segments that are MAPPED the card has
 * judged the checksum, so that headers and lengths are sound. */
static uint32_t payload_len(const struct rte_mbuf *m)
{
	const void *ip = rte_pktmbuf_mtod_offset(m, const void *, m->l2_len);
	const uint32_t headers = m->l3_len + m->l4_len;

	if (RTE_ETH_IS_IPV6_HDR(m->packet_type)) {
		const struct rte_ipv6_hdr *v6 = ip;

		return sizeof(*v6) + rte_be_to_cpu_16(v6->payload_len) - headers;
	}
	return rte_be_to_cpu_16(((const struct rte_ipv4_hdr *)ip)->total_length) - headers;
}

/* Data of the client. */
static enum fate take(struct stream *s, const struct rte_mbuf *m,
		      const struct rte_pmd_mpnic_meta *meta)
{
	const uint32_t at = m->l2_len + m->l3_len + m->l4_len;
	struct counts *count;
	int64_t fresh;

	if (meta->dsn_state == MPNIC_DSN_BAD_CSUM)
		return HOLD; /* nobody could use it, and it comes again */
	/* As behind a fallback to TCP. Peers go on, and the stream will have a hole. */
	if (meta->dsn_state != MPNIC_DSN_MAPPED) {
		s->unnumbered++;
		return PASS;
	}
	/* conn_join() marks subflows when it has seen that they are the client's. */
	if (!(m->ol_flags & RTE_MBUF_F_RX_FDIR_ID) || m->hash.fdir.hi >= CONN_SUBFLOWS)
		return HOLD;
	fresh = window_put(s->window, meta->dsn, rte_pktmbuf_mtod_offset(m, const uint8_t *, at),
			   payload_len(m));
	if (fresh < 0)
		return s->unnumbered ? PASS : HOLD; /* a hole that stays must not stop peers */
	count = &s->count[m->hash.fdir.hi];
	count->bytes += (uint64_t)fresh;
	count->segments++;
	count->retransmissions += !!(meta->flags & MPNIC_RESULT_RETRANSMISSION);
	count->reinjections += !!(meta->flags & MPNIC_RESULT_REINJECTION);
	return PASS;
}

/* A frame of the connection. */
static enum fate follow(struct stream *s, const struct rte_mbuf *m,
			const struct rte_pmd_mpnic_meta *meta, const struct mpnic_hdr *h)
{
	const unsigned int side = meta->side & 1;

	s->last_tsc = rte_rdtsc();
	/* The flow is in its table, and its first numbers not quite. */
	if (meta->dsn_state == MPNIC_DSN_NO_ISN && !(m->ol_flags & from_host_flag))
		return AGAIN;
	if (meta->signs & MPNIC_SIGN_HANDSHAKE && !conn_join(&s->conn, h, side))
		return HOLD;
	if (side == 0 && meta->map_csum < VERDICTS)
		s->verdict[meta->map_csum]++;
	return side == 0 && meta->dsn_state != MPNIC_DSN_NONE ? take(s, m, meta) : PASS;
}

/* A frame of a flow that the tables did not have. */
static enum fate discover(struct stream *s, const struct rte_mbuf *m, const struct mpnic_hdr *h)
{
	const bool known = s->conn.known;
	const int err = conn_open(&s->conn, h);

	if (err)
		rte_exit(1, "the card does not take the connection: %s\n", strerror(-err));
	if (s->conn.known && !known) {
		s->window = window_new(s->conn.idsn[0] + 1);
		if (!s->window)
			rte_exit(1, "out of memory\n");
	}
	return conn_has(&s->conn, h) && !(m->ol_flags & from_host_flag) ? AGAIN : PASS;
}

static enum fate look(struct stream *s, const struct rte_mbuf *m)
{
	const struct rte_pmd_mpnic_meta *meta =
		RTE_MBUF_DYNFIELD(m, meta_at, const struct rte_pmd_mpnic_meta *);
	const bool ours = s->conn.known && meta->conn_id == CONN_ID;
	struct mpnic_hdr h = {0};

	if (!(m->ol_flags & meta_flag))
		return PASS;
	/* Options are decoded where there may be a handshake: not of data that has its number. */
	if (!ours || meta->signs & MPNIC_SIGN_HANDSHAKE)
		mpnic_headers(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m),
			      MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &h);
	return ours ? follow(s, m, meta, &h) : discover(s, m, &h);
}

static void forward(struct stream *s, uint16_t in, struct rte_eth_dev_tx_buffer *const out[PORTS])
{
	struct rte_mbuf *burst[BURST];
	const uint16_t n = rte_eth_rx_burst(in, 0, burst, BURST);

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = burst[i];
		const enum fate fate = look(s, m);
		/* What we sent ourselves was on its way out by the port that gave it back. */
		const uint16_t to = m->ol_flags & from_host_flag ? in : !in;

		s->again += fate == AGAIN;
		s->held += fate == HOLD;
		m->ol_flags = fate == AGAIN ? 0 : bypass_flag;
		if (fate == HOLD)
			rte_pktmbuf_free(m);
		else
			rte_eth_tx_buffer(to, 0, out[to], m);
	}
	for (uint16_t port = 0; n && port < PORTS; port++)
		rte_eth_tx_buffer_flush(port, 0, out[port]);
}

/* ---- events --------------------------------------------------------------------------------- */

/* The number of a DATA_FIN is in the frame's event alone. */
static void note(struct stream *s, const struct mpnic_event *e)
{
	const unsigned int side = e->side & 1;

	if (e->conn_id != CONN_ID)
		return;
	s->closed |= !!(e->signs & MPNIC_SIGN_FASTCLOSE);
	if (!(e->signs & MPNIC_SIGN_DATA_FIN) || e->signs & MPNIC_SIGN_MP_FAIL)
		return;
	s->ended[side] = true;
	if (side == 0)
		s->end = e->dsn;
}

static void read_events(struct stream *s)
{
	struct mpnic_event_cpl event[BURST];
	const int n = rte_pmd_mpnic_events(s->conn.port, event, BURST);

	for (int i = 0; i < n; i++)
		if (event[i].kind == MPNIC_EVENT_KIND_FRAME)
			note(s, (const struct mpnic_event *)event[i].body);
}

static bool over(const struct stream *s)
{
	const bool end = s->closed || (s->ended[0] && s->ended[1]);
	const uint64_t quiet = rte_rdtsc() - s->last_tsc;

	return stopped || quiet > rte_get_tsc_hz() * (end ? LINGER_S : idle_s);
}

/* ---- ports ---------------------------------------------------------------------------------- */

static void must(int err, const char *what)
{
	if (err < 0)
		rte_exit(1, "%s: %s\n", what, rte_strerror(-err));
}

static void start_port(uint16_t port, struct rte_mempool *pool)
{
	static const struct rte_eth_conf conf;

	must(rte_eth_dev_configure(port, 1, 1, &conf), "configure a port");
	must(rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, pool), "Rx queue");
	must(rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL), "Tx queue");
	must(rte_eth_dev_start(port), "start a port");
	must(rte_eth_promiscuous_enable(port), "take frames to all addresses");
}

static uint64_t flag_named(const char *name)
{
	const int bit = rte_mbuf_dynflag_lookup(name, NULL);

	if (bit < 0)
		rte_exit(1, "%s is not there: give the card the argument metadata=1\n", name);
	return RTE_BIT64(bit);
}

/* The driver registers them with the queues of a device that has metadata=1. */
static void find_fields(void)
{
	meta_flag = flag_named(RTE_PMD_MPNIC_META_FLAG);
	from_host_flag = flag_named(RTE_PMD_MPNIC_FROM_HOST_FLAG);
	bypass_flag = flag_named(RTE_PMD_MPNIC_BYPASS_FLAG);
	meta_at = rte_mbuf_dynfield_lookup(RTE_PMD_MPNIC_META_FIELD, NULL);
	must(meta_at, RTE_PMD_MPNIC_META_FIELD);
}

static void start_ports(struct rte_eth_dev_tx_buffer *out[PORTS])
{
	struct rte_mempool *pool;

	if (rte_eth_dev_count_avail() != PORTS)
		rte_exit(1, "there must be two ports, both of one mpnic card\n");
	/* A frame of an MTU of 1500 is in one mbuf. */
	pool = rte_pktmbuf_pool_create("frames", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool)
		rte_exit(1, "mbufs: %s\n", rte_strerror(rte_errno));
	for (uint16_t port = 0; port < PORTS; port++) {
		out[port] = rte_zmalloc(NULL, RTE_ETH_TX_BUFFER_SIZE(BURST), 0);
		if (!out[port])
			rte_exit(1, "out of memory\n");
		must(rte_eth_tx_buffer_init(out[port], BURST), "Tx buffer");
		start_port(port, pool);
	}
}

/* ---- report --------------------------------------------------------------------------------- */

static bool is_whole(const struct stream *s)
{
	return s->ended[0] && s->window->next == s->end && !s->verdict[MPNIC_MAP_CSUM_BAD];
}

static void print_subflow(const struct conn_subflow *s, const struct counts *c)
{
	printf(json ? "{\"name\":\"%s\",\"verified\":%s,\"bytes\":%" PRIu64 ",\"segments\":%" PRIu64
		      ",\"retransmissions\":%" PRIu64 ",\"reinjections\":%" PRIu64 "}"
		    : "subflow %s: verified: %s, %" PRIu64 " bytes, %" PRIu64 " segments, %" PRIu64
		      " sent again or late, %" PRIu64 " reinjected or overtaken\n",
	       s->name, s->verified ? "true" : "false", c->bytes, c->segments, c->retransmissions,
	       c->reinjections);
}

static void print(const struct stream *s, const char *whole, const char *sha256)
{
	const char *comma = "";

	printf(json ? "{\"whole\":%s,\"bytes\":%" PRIu64 ",\"repeated\":%" PRIu64
		      ",\"sha256\":\"%s\",\"subflows\":["
		    : "whole: %s, %" PRIu64 " bytes, %" PRIu64 " more came again\nsha256: %s\n",
	       whole, s->window->bytes, s->window->repeated, sha256);
	for (unsigned int i = 0; i < s->conn.subflows; i++) {
		printf("%s", json && i ? "," : "");
		print_subflow(&s->conn.subflow[i], &s->count[i]);
	}
	printf(json ? "],\"checksums\":{" : "checksums of mappings: ");
	for (unsigned int i = MPNIC_MAP_CSUM_GOOD; i < VERDICTS; i++) {
		if (!s->verdict[i])
			continue;
		printf(json ? "%s\"%s\":%" PRIu64 : "%s%s %" PRIu64, comma, mpnic_map_csum_name(i),
		       s->verdict[i]);
		comma = json ? "," : ", ";
	}
	printf(json ? "},\"again\":%" PRIu64 ",\"held\":%" PRIu64 ",\"unnumbered\":%" PRIu64 "}\n"
		    : "\nframes: %" PRIu64 " looked at again, %" PRIu64 " held back, %" PRIu64
		      " without number\n",
	       s->again, s->held, s->unnumbered);
}

static int report(struct stream *s)
{
	char sha256[WINDOW_HASH_LEN];
	bool whole;

	if (!s->window) {
		fprintf(stderr, "no MPTCP connection came\n");
		return 1;
	}
	whole = is_whole(s);
	window_hash(s->window, sha256);
	print(s, whole ? "true" : "false", sha256);
	window_free(s->window);
	return !whole;
}

/* ---- start and end -------------------------------------------------------------------------- */

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"idle", required_argument, NULL, 'i'},
		{0},
	};

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'j')
			json = true;
		else if (c == 'i' && atoi(optarg) > 0)
			idle_s = (unsigned int)atoi(optarg);
		else
			rte_exit(2, "usage: mptcp_stream EAL-OPTIONS -- [--json] [--idle "
				    "SECONDS]\n");
	}
}

int main(int argc, char **argv)
{
	struct rte_eth_dev_tx_buffer *out[PORTS];
	int used, code;

	rte_openlog_stream(stderr);
	used = rte_eal_init(argc, argv);
	if (used < 0)
		rte_exit(1, "EAL: %s\n", rte_strerror(rte_errno));
	parse(argc - used, argv + used);
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	start_ports(out);
	find_fields();
	fprintf(stderr, "forwarding\n");
	stream.last_tsc = rte_rdtsc();
	while (!over(&stream)) {
		for (uint16_t port = 0; port < PORTS; port++)
			forward(&stream, port, out);
		read_events(&stream);
	}
	code = report(&stream);
	for (uint16_t port = 0; port < PORTS; port++) {
		rte_eth_dev_stop(port);
		rte_eth_dev_close(port);
		rte_free(out[port]);
	}
	rte_eal_cleanup();
	return code;
}
