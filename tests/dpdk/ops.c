/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What testpmd has no command for: registers, dumps, counts of what waits, the extension's calls.
 *
 * usage: ops EAL-ARGUMENTS
 * The device is one net_mpnic with port0=loop and metadata=1.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_dev_info.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include "rte_pmd_mpnic.h"

enum {
	DESCS = 64,
	FRAMES = 20,
	WAIT_MS = 5000,
};

static struct rte_mempool *pool;
static unsigned int checks;

#define CHECK(what)                                                             \
	do {                                                                    \
		checks++;                                                       \
		if (!(what)) {                                                  \
			fprintf(stderr, "ops: line %d: %s\n", __LINE__, #what); \
			exit(1);                                                \
		}                                                               \
	} while (0)

static void start(void)
{
	const struct rte_eth_conf conf = {0};

	CHECK(!rte_eth_dev_configure(0, 1, 1, &conf));
	CHECK(!rte_eth_rx_queue_setup(0, 0, DESCS, SOCKET_ID_ANY, NULL, pool));
	CHECK(!rte_eth_tx_queue_setup(0, 0, DESCS, SOCKET_ID_ANY, NULL));
	CHECK(!rte_eth_promiscuous_enable(0));
	CHECK(!rte_eth_dev_start(0));
}

static void check_registers(void)
{
	struct rte_dev_reg_info info = {0};
	uint32_t *word;

	CHECK(!rte_eth_dev_get_reg_info(0, &info));
	CHECK(info.width == 4 && info.length > 0x2c && info.version >> 16 == MPNIC_REGS_MAJOR);
	word = calloc(info.length, info.width);
	info.data = word;
	CHECK(word && !rte_eth_dev_get_reg_info(0, &info));
	CHECK(word[MPNIC_HOST_SIGNATURE / 4] == MPNIC_SIGNATURE);
	CHECK(word[MPNIC_HOST_DEVICE_STATUS / 4] == MPNIC_DEVICE_STATUS_RUNNING);
	free(word);
}

static void send_frames(unsigned int count, uint64_t flags)
{
	struct rte_mbuf *mbuf[FRAMES];

	CHECK(!rte_pktmbuf_alloc_bulk(pool, mbuf, count));
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *frame = (uint8_t *)rte_pktmbuf_append(mbuf[i], 60);

		CHECK(frame);
		memset(frame, 0, 60);
		frame[0] = frame[6] = 2;
		frame[12] = 0x88;
		frame[13] = 0xb5;
		mbuf[i]->ol_flags |= flags;
	}
	CHECK(rte_eth_tx_burst(0, 0, mbuf, (uint16_t)count) == count);
}

static void wait_frames(int count)
{
	for (unsigned int ms = 0; rte_eth_rx_queue_count(0, 0) < count; ms++) {
		CHECK(ms < WAIT_MS);
		rte_delay_ms(1);
	}
}

static char *dump(int (*print)(FILE *file))
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	CHECK(file && !print(file));
	fclose(file);
	return text;
}

static int print_rx(FILE *file)
{
	return rte_eth_rx_descriptor_dump(0, 0, 0, 2, file);
}

static int print_tx(FILE *file)
{
	return rte_eth_tx_descriptor_dump(0, 0, 0, 1, file);
}

static int print_port(FILE *file)
{
	return rte_eth_dev_priv_dump(0, file);
}

static void check_dumps(void)
{
	char *rx = dump(print_rx), *tx = dump(print_tx), *port = dump(print_port);

	CHECK(strstr(rx, "64 entries, 64 under way") && strstr(rx, "0: phase 1, 60 bytes"));
	CHECK(strstr(tx, "64 entries"));
	CHECK(strstr(port, "by model") && strstr(port, "table flow: 0 of 65536"));
	free(rx);
	free(tx);
	free(port);
}

/* What waits is counted, its descriptors are known as done, and it comes with its metadata. */
static void check_waiting(void)
{
	const int at = rte_mbuf_dynfield_lookup(RTE_PMD_MPNIC_META_FIELD, NULL);
	const int bit = rte_mbuf_dynflag_lookup(RTE_PMD_MPNIC_META_FLAG, NULL);
	struct rte_mbuf *mbuf[FRAMES];

	CHECK(at >= 0 && bit >= 0);
	CHECK(rte_eth_rx_queue_count(0, 0) == 0);
	CHECK(rte_eth_rx_descriptor_status(0, 0, 0) == RTE_ETH_RX_DESC_AVAIL);
	send_frames(FRAMES, 0);
	wait_frames(FRAMES);
	CHECK(rte_eth_rx_queue_count(0, 0) == FRAMES);
	CHECK(rte_eth_rx_descriptor_status(0, 0, FRAMES - 1) == RTE_ETH_RX_DESC_DONE);
	CHECK(rte_eth_rx_descriptor_status(0, 0, FRAMES) == RTE_ETH_RX_DESC_AVAIL);
	CHECK(rte_eth_rx_descriptor_status(0, 0, DESCS) == -EINVAL);
	CHECK(rte_eth_tx_descriptor_status(0, 0, 0) == RTE_ETH_TX_DESC_DONE);
	check_dumps();
	CHECK(rte_eth_rx_burst(0, 0, mbuf, FRAMES) == FRAMES);
	for (unsigned int i = 0; i < FRAMES; i++) {
		const struct rte_pmd_mpnic_meta *meta =
			RTE_MBUF_DYNFIELD(mbuf[i], at, const struct rte_pmd_mpnic_meta *);

		CHECK(mbuf[i]->ol_flags & RTE_BIT64(bit));
		CHECK(meta->flow == MPNIC_FLOW_NONE && meta->conn_id == MPNIC_ID_NONE);
		rte_pktmbuf_free(mbuf[i]);
	}
}

/* A frame that can never be sent is an error, and what is behind it is sent. */
static void check_wrong_frames(void)
{
	struct rte_eth_stats stats;
	struct rte_mbuf *mbuf[3], *got[3];

	CHECK(!rte_eth_stats_reset(0));
	CHECK(!rte_pktmbuf_alloc_bulk(pool, mbuf, 3));
	for (unsigned int i = 0; i < 3; i++) {
		const uint16_t len = i == 1 ? 10 : 60;
		char *frame = rte_pktmbuf_append(mbuf[i], len);

		CHECK(frame);
		memset(frame, 2, len);
	}
	CHECK(rte_eth_tx_prepare(0, 0, mbuf, 3) == 1 && rte_errno == EINVAL);
	CHECK(rte_eth_tx_burst(0, 0, mbuf, 3) == 3);
	wait_frames(2);
	CHECK(rte_eth_rx_burst(0, 0, got, 3) == 2);
	rte_pktmbuf_free_bulk(got, 2);
	CHECK(!rte_eth_stats_get(0, &stats));
	CHECK(stats.opackets == 2 && stats.oerrors == 1 && stats.ipackets == 2);
}

static void check_tables(void)
{
	struct mpnic_token_entry token = {.token = 7, .conn_id = 3, .cap = 2}, got;
	struct mpnic_peer_entry peer = {.addr = {10, 0, 0, 1},
					.ip_version = 4,
					.speaks = MPNIC_SPEAKS_V0,
					.first_syn = MPNIC_FIRST_SYN_STRIP};
	struct mpnic_event_cpl event[4];
	struct mpnic_settings settings;
	struct mpnic_admin_tables tables;

	CHECK(!rte_pmd_mpnic_token_add(0, &token));
	CHECK(rte_pmd_mpnic_token_add(0, &token) == -EEXIST);
	CHECK(!rte_pmd_mpnic_token_get(0, 7, &got) && got.conn_id == 3 && got.cap == 2);
	CHECK(!rte_pmd_mpnic_token_remove(0, 7) && rte_pmd_mpnic_token_remove(0, 7) == -ENOENT);
	CHECK(!rte_pmd_mpnic_peer_set(0, &peer) && !rte_pmd_mpnic_peer_get(0, &peer, &peer));
	CHECK(peer.speaks == MPNIC_SPEAKS_V0);
	CHECK(!rte_pmd_mpnic_peer_remove(0, &peer));
	CHECK(!rte_pmd_mpnic_settings_get(0, &settings));
	CHECK(!rte_pmd_mpnic_settings_set(0, &settings));
	CHECK(rte_pmd_mpnic_conn_count(0) > 1000);
	CHECK(rte_pmd_mpnic_conn_count(RTE_MAX_ETHPORTS) == -ENODEV);
	CHECK(!rte_pmd_mpnic_tables(0, &tables) && tables.size[MPNIC_TABLE_FLOW] > 0);
	CHECK(rte_pmd_mpnic_events(0, event, 4) >= 0);
	CHECK(rte_pmd_mpnic_events(RTE_MAX_ETHPORTS, event, 4) == -ENODEV);
	CHECK(rte_pmd_mpnic_token_add(RTE_MAX_ETHPORTS, &token) == -ENODEV);
}

/* Memory that an application made itself: nobody but the model in this process can reach it. */
static void check_own_memory(void)
{
	const size_t size = 16 * 4096;
	struct rte_eth_dev_info info;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(memory != MAP_FAILED && !rte_eth_dev_info_get(0, &info));
	CHECK(!rte_extmem_register(memory, size, NULL, 0, 4096));
	CHECK(!rte_dev_dma_map(info.device, memory, (uintptr_t)memory, size));
	CHECK(rte_dev_dma_map(info.device, memory, (uintptr_t)memory, size) == -EEXIST);
	CHECK(!rte_dev_dma_unmap(info.device, memory, (uintptr_t)memory, size));
	CHECK(rte_dev_dma_unmap(info.device, memory, (uintptr_t)memory, size) == -ENOENT);
	CHECK(!rte_extmem_unregister(memory, size));
	munmap(memory, size);
}

int main(int argc, char **argv)
{
	if (rte_eal_init(argc, argv) < 0)
		return 2;
	pool = rte_pktmbuf_pool_create("ops", 511, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	CHECK(pool);
	start();
	check_registers();
	check_waiting();
	check_wrong_frames();
	check_tables();
	check_own_memory();
	CHECK(!rte_eth_dev_stop(0));
	CHECK(rte_pmd_mpnic_events(0, NULL, 0) == -EAGAIN);
	CHECK(rte_mempool_avail_count(pool) == 511);
	CHECK(!rte_eth_dev_close(0));
	printf("ops: %u checks passed\n", checks);
	return rte_eal_cleanup();
}
