/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside of the DPDK driver.
 *
 *   mpnic_probe.c   how a device is found: PCI, vdev; devargs in mpnic_args.c
 *   mpnic_card.c    the card that two ports share: libmpnic, memory, watchdog
 *   mpnic_ethdev.c  the ops of a port
 *   mpnic_rxtx.c    bursts
 *   mpnic_flow.c    rte_flow; its parts in mpnic_flow.h
 *   mpnic_stats.c   counters, registers, dumps
 *   mpnic_model.c   a transport to the C model in this process
 *
 * One card has two ports, which share its queues: port p has queues p * span to p * span + span - 1
 * of each kind. Control calls take the card's lock, bursts take none.
 */
#ifndef MPNIC_PMD_H
#define MPNIC_PMD_H

#include <pthread.h>
#include <stdatomic.h>

#include <rte_version.h>
#if RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0) || RTE_VERSION > RTE_VERSION_NUM(22, 11, 99, 99)
#error "this driver uses DPDK's internal interfaces as they are in 22.11"
#endif

#include <ethdev_driver.h>
#include <rte_ethdev.h>
#include <rte_log.h>

#include "mpnic.h"

#define PMD_BURST      32 /* frames that are taken from a queue at once */
#define PMD_MACS       16 /* addresses of a port */
#define PMD_FRAME_OVER 22 /* bytes of a frame beyond its MTU: Ethernet, two VLAN tags */
#define PMD_MTU_MAX    (MPNIC_FRAME_MAX - PMD_FRAME_OVER)
#define PMD_MARK_BASE  1u /* added to marks in the card, where 0 means none */
#define PMD_DESC_MIN   (1u << MPNIC_RING_LOG2_MIN)
#define PMD_DESC_MAX   (1u << MPNIC_RING_LOG2_MAX)

/* Fields that the RSS hash is of: always all that a frame has (docs/state.md, RSS). */
#define PMD_RSS_HF                                                                             \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP |             \
	 RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 |    \
	 RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP | \
	 RTE_ETH_RSS_NONFRAG_IPV6_OTHER | RTE_ETH_RSS_IPV6_EX | RTE_ETH_RSS_IPV6_TCP_EX |      \
	 RTE_ETH_RSS_IPV6_UDP_EX)

extern int mpnic_pmd_logtype;
/* A line for people, without newline. */
__rte_format_printf(2, 3) void pmd_log(uint32_t level, const char *format, ...);
#define PMD_LOG(level, ...) pmd_log(RTE_LOG_##level, __VA_ARGS__)

/* --- devargs ---------------------------------------------------------------------------------- */

struct pmd_args {
	char socket[108];	     /* of a simulated card; "": none */
	bool model;		     /* the C model in this process */
	char wire[MPNIC_PORTS][256]; /* of the model's ports (docs/wires.md) */
	char control[108];	     /* of the model's command socket; "": none */
	char firmware[256];	     /* image; "": search */
	unsigned int ports;	     /* 1: all queues are port 0's */
	unsigned int timeout_ms;     /* as mpnic_options */
	unsigned int watchdog_ms;    /* between two looks at the card's health */
	bool metadata;		     /* fill in the dynamic field */
	bool mask_given;	     /* else it is the card's own */
	struct mpnic_key mask;	     /* that entries of the masked table are made under */
};

/* Returns 0 or -EINVAL; the log says which argument is wrong and what it takes. */
int pmd_args_parse(const char *text, bool vdev, struct pmd_args *args);

/* --- the C model as a transport --------------------------------------------------------------- */

int pmd_model_open(const struct pmd_args *args, struct mpnic_transport **transport,
		   char error[MPNIC_ERROR_MAX]);

/* --- a card ----------------------------------------------------------------------------------- */

struct pmd_port;
struct pmd_flows;

struct pmd_card {
	struct mpnic_dev *dev;
	const char *name; /* of the device in DPDK */
	struct pmd_args args;
	pthread_mutex_t lock;
	unsigned int ports, span; /* ports; queues of each */
	struct pmd_port *port[MPNIC_PORTS];
	unsigned int open; /* ports that are not closed */
	/* 0, or why the card must be reset: errno of mpnic_health(). Ports are told once. */
	int failed;
	unsigned int reason; /* enum mpnic_reset_code, then */
	bool mem_events;
	uint16_t reta[MPNIC_RETA_SIZE];
	bool reta_given; /* by the application */
	uint8_t rss_key[MPNIC_RSS_KEY_LEN];
	uint64_t resets;	  /* that this driver made */
	struct mpnic_evq *events; /* while a port is started */
	struct pmd_flows *flows;
};

/* Reach the card, start it, let it reach DPDK's memory. */
int pmd_card_open(const char *name, const struct pmd_args *args, struct pmd_card **card);
void pmd_card_close(struct pmd_card *card);
void pmd_lock(struct pmd_card *card);
void pmd_unlock(struct pmd_card *card);
/* The watchdog runs while there are ports. Not to be called with the lock. */
int pmd_watchdog_start(struct pmd_card *card);
void pmd_watchdog_stop(struct pmd_card *card);
/* Note that the card must be reset. With the lock. */
void pmd_card_fail(struct pmd_card *card, int err, unsigned int reason);
/* Reset the card, load firmware, set what all ports share. No port may be started. With the lock.
 */
int pmd_card_recover(struct pmd_card *card);
/* Fill the RSS table, unless the application has done so. With the lock. */
int pmd_card_spread(struct pmd_card *card);
/* The ring of events, while a port is started. With the lock. */
int pmd_card_events(struct pmd_card *card, bool wanted);
/* Log the error of a control call, and return it. */
int pmd_error(const struct pmd_card *card, int err, const char *what);
/* Whether the card reaches memory [addr, addr + len). */
bool pmd_card_reaches(struct pmd_card *card, const void *addr, size_t len);
/* Memory that the application made itself. */
int pmd_card_map(struct pmd_card *card, void *addr, uint64_t iova, size_t len);
int pmd_card_unmap(struct pmd_card *card, uint64_t iova, size_t len);

/* --- a port ----------------------------------------------------------------------------------- */

struct pmd_port {
	struct pmd_card *card;
	struct rte_eth_dev *eth;
	unsigned int index;
	bool up;		      /* it takes and sends frames */
	bool told;		      /* INTR_RESET was raised for this failure */
	uint8_t mac_set[PMD_MACS][6]; /* what the MAC filter has */
	bool mac_used[PMD_MACS];
	/* What counters were when they were reset. */
	uint64_t base_port[MPNIC_PORT_COUNTERS];
	uint64_t base_pipe[2][MPNIC_COUNTERS]; /* from the wire, from the host */
};

struct pmd_port *pmd_port_of(const struct rte_eth_dev *eth);
extern const struct eth_dev_ops pmd_ops;
/* Set what the port is to be: flags, MTU, queues, addresses. With the lock. */
int pmd_port_apply(struct pmd_port *port);
/* What burst functions and their like are before a port is started. */
void pmd_port_init_fp(struct rte_eth_dev *eth);
int pmd_link_update(struct rte_eth_dev *eth, int wait);
/* A port of a card that has nothing to do with frames yet. */
int pmd_port_create(struct pmd_card *card, struct rte_device *device, unsigned int index);
int pmd_port_close(struct rte_eth_dev *eth);

/* --- queues ----------------------------------------------------------------------------------- */

struct pmd_rxq {
	struct mpnic_rxq *rx; /* NULL: not started */
	struct rte_mempool *pool;
	uint64_t rearm;	   /* of an mbuf: data_off, refcnt, nb_segs, port */
	uint64_t ol_mask;  /* flags that the application wants */
	uint32_t buf_size; /* bytes of a buffer that frames may have */
	uint16_t refill;   /* buffers that are posted at once */
	int time_offset;   /* of the time stamp's dynamic field; -1: none */
	uint64_t time_flag;
	int meta_offset;
	uint64_t meta_flag, host_flag;
	uint64_t frames, bytes, errors, no_mbuf;
	struct mpnic_frame frame[PMD_BURST];
	/* Cold. */
	struct pmd_port *port;
	struct mpnic_queue_counters ended; /* of queues that were stopped */
	uint64_t base[4];		   /* frames, bytes, errors, no_mbuf when they were reset */
	struct rte_eth_rxconf conf;
	unsigned int index, desc;
	bool zombie; /* its device may still write to its buffers: until the card is reset */
};

struct pmd_txq {
	struct mpnic_txq *tx;
	uint16_t free_below; /* room under which what is done is taken back */
	uint8_t wire;
	bool fast_free;
	uint64_t bypass_flag; /* 0: none */
	uint64_t frames, bytes, errors;
	struct mpnic_buf buf[PMD_BURST * 2];
	struct mpnic_send send[PMD_BURST];
	/* Cold. */
	struct pmd_port *port;
	struct mpnic_queue_counters ended;
	uint64_t base[3];
	struct rte_eth_txconf conf;
	unsigned int index, desc;
	bool zombie;
};

uint16_t pmd_rx_burst(void *queue, struct rte_mbuf **mbuf, uint16_t count);
uint16_t pmd_tx_burst(void *queue, struct rte_mbuf **mbuf, uint16_t count);
uint16_t pmd_tx_prepare(void *queue, struct rte_mbuf **mbuf, uint16_t count);
uint32_t pmd_rx_count(void *queue);
int pmd_rx_desc_status(void *queue, uint16_t offset);
int pmd_tx_desc_status(void *queue, uint16_t offset);
int pmd_tx_cleanup(void *queue, uint32_t count);
const uint32_t *pmd_ptypes(struct rte_eth_dev *eth);

int pmd_rxq_setup(struct rte_eth_dev *eth, uint16_t queue, uint16_t desc, unsigned int socket,
		  const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int pmd_txq_setup(struct rte_eth_dev *eth, uint16_t queue, uint16_t desc, unsigned int socket,
		  const struct rte_eth_txconf *conf);
void pmd_rxq_release(struct rte_eth_dev *eth, uint16_t queue);
void pmd_txq_release(struct rte_eth_dev *eth, uint16_t queue);
/* With the lock. */
int pmd_rxq_start(struct pmd_rxq *q);
int pmd_txq_start(struct pmd_txq *q);
/*
 * Stop a queue and take its mbufs back. Where the card does not answer it may still write to them:
 * they are kept until it has been reset, when pmd_*_bury() takes them.
 */
int pmd_rxq_stop(struct pmd_rxq *q);
int pmd_txq_stop(struct pmd_txq *q);
void pmd_rxq_bury(struct pmd_rxq *q);
void pmd_txq_bury(struct pmd_txq *q);

/* Register a flag of mbufs, or find it where it is. 0; -1 with rte_errno. */
int pmd_flag_register(const char *name, uint64_t *flag);

/* --- rules ------------------------------------------------------------------------------------ */

int pmd_flow_ops(struct rte_eth_dev *eth, const struct rte_flow_ops **ops);
int pmd_flows_open(struct pmd_card *card);
void pmd_flows_close(struct pmd_card *card);
/* After a reset. With the lock. */
int pmd_flows_restore(struct pmd_card *card);
/* A port goes, and its rules with it. With the lock. */
void pmd_flows_flush(struct pmd_port *port);
/* Whether the queues that a port's rules name are there. With the lock. */
int pmd_flows_check(struct pmd_port *port);

/* --- counters --------------------------------------------------------------------------------- */

int pmd_stats_get(struct rte_eth_dev *eth, struct rte_eth_stats *stats);
int pmd_stats_reset(struct rte_eth_dev *eth);
int pmd_xstats_get(struct rte_eth_dev *eth, struct rte_eth_xstat *stats, unsigned int count);
int pmd_xstats_names(struct rte_eth_dev *eth, struct rte_eth_xstat_name *names, unsigned int count);
int pmd_get_reg(struct rte_eth_dev *eth, struct rte_dev_reg_info *regs);
int pmd_fw_version(struct rte_eth_dev *eth, char *text, size_t size);
int pmd_priv_dump(struct rte_eth_dev *eth, FILE *file);
int pmd_rx_desc_dump(const struct rte_eth_dev *eth, uint16_t queue, uint16_t offset, uint16_t num,
		     FILE *file);
int pmd_tx_desc_dump(const struct rte_eth_dev *eth, uint16_t queue, uint16_t offset, uint16_t num,
		     FILE *file);
/* /net_mpnic/card,PORT: health and tables of a port's card. */
struct rte_tel_data;
int pmd_telemetry(const char *command, const char *parameters, struct rte_tel_data *d);

#endif
