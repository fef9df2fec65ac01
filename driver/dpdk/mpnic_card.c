/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card that two ports share.
 *
 * Locks are taken in this order: DPDK's memory lock, the card's. So nothing is allocated from
 * DPDK's heap, and no memory is walked, under the card's lock: a thread that allocates calls
 * mem_event() with the memory lock held.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include <rte_alarm.h>
#include <rte_errno.h>
#include <rte_memory.h>

#include "mpnic_pmd.h"
#include "rte_pmd_mpnic.h"

enum {
	US_PER_MS = 1000,
	EVENT_LOG2 = 10,
};

_Static_assert(RTE_PMD_MPNIC_EVENT_RING == 1u << EVENT_LOG2, "event ring");

/* A range of memory that the application made itself. */
struct outside {
	struct outside *next;
	const uint8_t *addr;
	uint64_t iova;
	size_t len;
};

struct card_private {
	struct pmd_card card;
	struct outside *outside;
};

static struct outside **outside_of(struct pmd_card *card)
{
	return &container_of(card, struct card_private, card)->outside;
}

void pmd_log(uint32_t level, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	rte_log(level, mpnic_pmd_logtype, "net_mpnic: %s\n", text);
}

void pmd_lock(struct pmd_card *card)
{
	pthread_mutex_lock(&card->lock);
}

void pmd_unlock(struct pmd_card *card)
{
	pthread_mutex_unlock(&card->lock);
}

int pmd_error(const struct pmd_card *card, int err, const char *what)
{
	const char *why = mpnic_error(card->dev);

	PMD_LOG(ERR, "%s: %s: %s", card->name, what, why[0] ? why : strerror(-err));
	return err;
}

static void lib_says(void *ctx, enum mpnic_log_level level, const char *text)
{
	static const uint32_t levels[] = {
		[MPNIC_LOG_ERROR] = RTE_LOG_ERR,
		[MPNIC_LOG_WARN] = RTE_LOG_WARNING,
		[MPNIC_LOG_INFO] = RTE_LOG_INFO,
		[MPNIC_LOG_DEBUG] = RTE_LOG_DEBUG,
	};
	const struct pmd_card *card = ctx;

	pmd_log(levels[level], "%s: %s", card->name, text);
}

/* --- DPDK's memory ---------------------------------------------------------------------------- */

/* Adjacent pages of one file, which become one map. */
struct stretch {
	struct pmd_card *card;
	uint8_t *addr;
	uint64_t iova, fd_offset;
	size_t len;
	int fd, err;
	bool by_page; /* pages may go one by one, so each is a map of its own */
};

static int map_stretch(struct stretch *s)
{
	int err;

	if (!s->len)
		return 0;
	err = mpnic_dma_map(s->card->dev, s->addr, s->len, s->iova, s->fd, s->fd_offset);
	if (err && s->fd < 0)
		PMD_LOG(ERR,
			"%s: DPDK's memory has no file that could be shared with a simulated "
			"card; use huge pages or --no-huge, without --in-memory",
			s->card->name);
	s->len = 0;
	return err;
}

static bool extends(const struct stretch *s, const struct rte_memseg *seg, int fd, size_t offset)
{
	return s->len && !s->by_page && fd == s->fd && seg->addr == s->addr + s->len &&
	       seg->iova == s->iova + s->len && (fd < 0 || offset == s->fd_offset + s->len);
}

static int map_segment(struct stretch *s, const struct rte_memseg *seg)
{
	const int fd = rte_memseg_get_fd_thread_unsafe(seg);
	size_t offset = 0;
	int err;

	if (fd >= 0 && rte_memseg_get_fd_offset_thread_unsafe(seg, &offset))
		return -rte_errno;
	if (extends(s, seg, fd, offset)) {
		s->len += seg->len;
		return 0;
	}
	err = map_stretch(s);
	s->addr = seg->addr;
	s->iova = seg->iova;
	s->len = seg->len;
	s->fd = fd < 0 ? -1 : fd;
	s->fd_offset = offset;
	return err;
}

static int on_segment(const struct rte_memseg_list *list, const struct rte_memseg *seg, void *arg)
{
	struct stretch *s = arg;

	if (list->external)
		return 0;
	s->err = map_segment(s, seg);
	return s->err;
}

static void mem_event(enum rte_mem_event event, const void *addr, size_t len, void *arg)
{
	struct pmd_card *card = arg;
	struct stretch s = {.card = card, .by_page = true};
	const uint8_t *at = addr, *end = at + len;

	pmd_lock(card);
	while (at < end && !s.err) {
		const struct rte_memseg *seg = rte_mem_virt2memseg(at, NULL);

		if (!seg)
			break;
		if (event == RTE_MEM_EVENT_ALLOC)
			s.err = map_segment(&s, seg);
		else
			s.err = mpnic_dma_unmap(card->dev, seg->iova, seg->len);
		at += seg->len;
	}
	if (!s.err)
		s.err = map_stretch(&s);
	if (s.err)
		pmd_error(card, s.err, "memory that DPDK took or gave back");
	pmd_unlock(card);
}

/* Without huge pages memory is static, and there are no events. */
static int map_memory(struct pmd_card *card)
{
	struct stretch s = {.card = card};
	int err = rte_mem_event_callback_register("net_mpnic", mem_event, card);

	if (err && rte_errno != ENOTSUP) {
		PMD_LOG(ERR, "%s: events of DPDK's memory: %s", card->name,
			rte_strerror(rte_errno));
		return -rte_errno;
	}
	card->mem_events = s.by_page = !err;
	rte_memseg_walk(on_segment, &s);
	err = s.err ? s.err : map_stretch(&s);
	return err ? pmd_error(card, err, "DPDK's memory") : 0;
}

bool pmd_card_reaches(struct pmd_card *card, const void *addr, size_t len)
{
	const struct rte_memseg_list *list = rte_mem_virt2memseg_list(addr);
	bool found = false;

	if (list && !list->external)
		return true;
	pmd_lock(card);
	for (const struct outside *o = *outside_of(card); o && !found; o = o->next)
		found = (const uint8_t *)addr >= o->addr &&
			(const uint8_t *)addr + len <= o->addr + o->len;
	pmd_unlock(card);
	return found;
}

int pmd_card_map(struct pmd_card *card, void *addr, uint64_t iova, size_t len)
{
	struct outside *o = malloc(sizeof(*o));
	int err;

	if (!o)
		return -ENOMEM;
	pmd_lock(card);
	err = mpnic_dma_map(card->dev, addr, len, iova, -1, 0);
	if (err) {
		pmd_error(card, err, "memory that the application made");
		free(o);
	} else {
		*o = (struct outside){*outside_of(card), addr, iova, len};
		*outside_of(card) = o;
	}
	pmd_unlock(card);
	return err;
}

int pmd_card_unmap(struct pmd_card *card, uint64_t iova, size_t len)
{
	int err;

	pmd_lock(card);
	err = mpnic_dma_unmap(card->dev, iova, len);
	for (struct outside **at = outside_of(card); *at; at = &(*at)->next) {
		struct outside *o = *at;

		if (o->iova != iova || o->len != len)
			continue;
		*at = o->next;
		free(o);
		break;
	}
	pmd_unlock(card);
	return err;
}

/* --- what all ports share --------------------------------------------------------------------- */

static int set_mask(struct pmd_card *card)
{
	struct mpnic_settings settings;
	int err;

	if (!card->args.mask_given)
		return 0;
	err = mpnic_admin_settings_get(card->dev, &settings);
	if (err)
		return err;
	settings.mask = card->args.mask;
	return mpnic_admin_settings_set(card->dev, &settings);
}

/* After a reset the device has its own defaults. */
static int program(struct pmd_card *card)
{
	int err = mpnic_admin_rss_key_set(card->dev, card->rss_key);

	if (!err)
		err = mpnic_admin_reta_set(card->dev, 0, MPNIC_RETA_SIZE, card->reta);
	if (!err)
		err = set_mask(card);
	return err ? pmd_error(card, err, "settings") : 0;
}

static void defaults(struct pmd_card *card)
{
	static const uint8_t key[MPNIC_RSS_KEY_LEN] = {
		0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
		0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
		0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
	};

	memcpy(card->rss_key, key, sizeof(key));
}

static unsigned int common_multiple(unsigned int a, unsigned int b)
{
	unsigned int multiple = a;

	while (multiple % b)
		multiple += a;
	return multiple;
}

/*
 * One table for both ports, each of which takes its entries modulo its number of queues: as long as
 * the application has said nothing, it gives all queues of both the same share.
 */
int pmd_card_spread(struct pmd_card *card)
{
	unsigned int queues = 1;
	int err;

	if (card->reta_given)
		return 0;
	for (unsigned int i = 0; i < card->ports; i++)
		if (card->port[i] && card->port[i]->eth->data->nb_rx_queues)
			queues = common_multiple(queues, card->port[i]->eth->data->nb_rx_queues);
	/* Entries of the table are queues of the card. */
	queues = RTE_MIN(queues, (unsigned int)MPNIC_QUEUES);
	for (unsigned int i = 0; i < MPNIC_RETA_SIZE; i++)
		card->reta[i] = (uint16_t)(i % queues);
	err = mpnic_admin_reta_set(card->dev, 0, MPNIC_RETA_SIZE, card->reta);
	return err ? pmd_error(card, err, "the RSS table") : 0;
}

static int open_device(struct pmd_card *card)
{
	const struct mpnic_options options = {
		.firmware = card->args.firmware[0] ? card->args.firmware : NULL,
		.driver = "net_mpnic",
		.timeout_ms = card->args.timeout_ms,
		.log = lib_says,
		.log_ctx = card,
	};
	char error[MPNIC_ERROR_MAX] = "", name[128 + sizeof(MPNIC_VFIO_USER)];
	struct mpnic_transport *transport;
	int err;

	if (card->args.model) {
		err = pmd_model_open(&card->args, &transport, error);
		if (!err)
			err = mpnic_attach(transport, &options, &card->dev, error);
	} else if (card->args.socket[0]) {
		snprintf(name, sizeof(name), MPNIC_VFIO_USER "%s", card->args.socket);
		err = mpnic_open(name, &options, &card->dev, error);
	} else {
		err = mpnic_open(card->name, &options, &card->dev, error);
	}
	if (err)
		PMD_LOG(ERR, "%s: %s", card->name, error[0] ? error : strerror(-err));
	return err;
}

static int start_device(struct pmd_card *card)
{
	int err = mpnic_start(card->dev, 0);

	if (err)
		return pmd_error(card, err, "the card does not start");
	err = map_memory(card);
	if (!err)
		err = program(card);
	return err;
}

int pmd_card_open(const char *name, const struct pmd_args *args, struct pmd_card **out)
{
	struct card_private *private = calloc(1, sizeof(*private));
	struct pmd_card *card = &private->card;
	pthread_mutexattr_t attr;
	int err;

	if (!private)
		return -ENOMEM;
	card->name = name;
	card->args = *args;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&card->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	defaults(card);
	err = pmd_flows_open(card);
	if (!err)
		err = open_device(card);
	if (!err)
		err = start_device(card);
	if (err) {
		pmd_card_close(card);
		return err;
	}
	card->ports = RTE_MIN(args->ports, mpnic_info(card->dev)->ports);
	card->span = mpnic_info(card->dev)->queues / card->ports;
	*out = card;
	return 0;
}

void pmd_card_close(struct pmd_card *card)
{
	struct outside **outside = outside_of(card);

	if (card->mem_events)
		rte_mem_event_callback_unregister("net_mpnic", card);
	mpnic_close(card->dev);
	pmd_flows_close(card);
	while (*outside) {
		struct outside *o = *outside;

		*outside = o->next;
		free(o);
	}
	pthread_mutex_destroy(&card->lock);
	free(container_of(card, struct card_private, card));
}

/* The first port that starts makes the ring of events, the last that stops ends it. */
int pmd_card_events(struct pmd_card *card, bool wanted)
{
	const struct mpnic_queue_options options = {.log2 = EVENT_LOG2, .vector = MPNIC_NO_VECTOR};
	struct mpnic_evq *events = card->events;
	int err = 0;

	if (wanted == (events != NULL))
		return 0;
	card->events = NULL;
	if (wanted)
		err = mpnic_evq_create(card->dev, &options, &card->events);
	else
		mpnic_evq_destroy(events);
	return err ? pmd_error(card, err, "the event queue") : 0;
}

/* --- health ----------------------------------------------------------------------------------- */

void pmd_card_fail(struct pmd_card *card, int err, unsigned int reason)
{
	if (card->failed)
		return;
	card->failed = err;
	card->reason = reason;
	PMD_LOG(ERR, "%s: %s; stop its ports and reset them", card->name, mpnic_error(card->dev));
}

int pmd_card_recover(struct pmd_card *card)
{
	int err = mpnic_recover(card->dev, card->failed ? card->reason : MPNIC_RESET_DRIVER);

	if (err)
		return pmd_error(card, err, "reset");
	card->resets++;
	card->failed = 0;
	for (unsigned int i = 0; i < card->ports; i++)
		if (card->port[i])
			card->port[i]->told = false;
	err = program(card);
	return err ? err : pmd_flows_restore(card);
}

static void look_at_health(struct pmd_card *card)
{
	struct mpnic_health health;
	const int err = card->failed ? 0 : mpnic_health(card->dev, &health);

	if (err)
		pmd_card_fail(card, err, health.reason);
}

/* What applications are to be told: at most two things of each port. */
struct news {
	struct rte_eth_dev *eth[2 * MPNIC_PORTS];
	enum rte_eth_event_type type[2 * MPNIC_PORTS];
	unsigned int count;
};

static void add_news(struct news *news, struct rte_eth_dev *eth, enum rte_eth_event_type type)
{
	news->eth[news->count] = eth;
	news->type[news->count++] = type;
}

static void look_at_port(struct pmd_card *card, struct pmd_port *port, struct news *news)
{
	if (card->failed && !port->told) {
		port->told = true;
		add_news(news, port->eth, RTE_ETH_EVENT_INTR_RESET);
	}
	if (!pmd_link_update(port->eth, 0) && port->eth->data->dev_conf.intr_conf.lsc)
		add_news(news, port->eth, RTE_ETH_EVENT_INTR_LSC);
}

/*
 * Applications are told at the very end, without the lock: they may call us back, and even close
 * the card.
 */
static void watchdog(void *arg)
{
	struct pmd_card *card = arg;
	struct news news = {.count = 0};

	/* Who has the lock talks to the card, and will notice by himself. */
	if (!pthread_mutex_trylock(&card->lock)) {
		look_at_health(card);
		for (unsigned int i = 0; i < card->ports; i++)
			if (card->port[i])
				look_at_port(card, card->port[i], &news);
		pmd_unlock(card);
	}
	if (rte_eal_alarm_set(card->args.watchdog_ms * US_PER_MS, watchdog, card))
		PMD_LOG(ERR, "%s: the watchdog ends: no alarm", card->name);
	for (unsigned int i = 0; i < news.count; i++)
		rte_eth_dev_callback_process(news.eth[i], news.type[i], NULL);
}

int pmd_watchdog_start(struct pmd_card *card)
{
	return rte_eal_alarm_set(card->args.watchdog_ms * US_PER_MS, watchdog, card);
}

/* It waits for a call that is under way. */
void pmd_watchdog_stop(struct pmd_card *card)
{
	rte_eal_alarm_cancel(watchdog, card);
}
