/* SPDX-License-Identifier: BSD-3-Clause */
/* A transport to the C model in this process: a card with a local host (sim/card.h), whose thread
 * is one of DPDK's control threads. */
#include <errno.h>
#include <stdlib.h>

#include <rte_lcore.h>

#include "card.h"
#include "mpnic_pmd.h"

enum {
	READ_NS = 2000000000, /* the longest that a register access waits for the model */
};

struct model {
	struct mpnic_transport transport;
	struct card *card;
	pthread_t thread;
	bool runs;
	atomic_bool ended;
};

static struct model *of(struct mpnic_transport *transport)
{
	return container_of(transport, struct model, transport);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int model_read32(struct mpnic_transport *t, uint32_t offset, uint32_t *value)
{
	struct model *m = of(t);
	const uint64_t deadline = now_ns() + READ_NS;
	int err;

	do
		err = atomic_load(&m->ended) ? -ENODEV : card_local_read(m->card, offset, value);
	while (err == -EBUSY && now_ns() < deadline);
	return err;
}

static int model_write32(struct mpnic_transport *t, uint32_t offset, uint32_t value)
{
	struct model *m = of(t);

	return atomic_load(&m->ended) ? -ENODEV : card_local_write(m->card, offset, value);
}

static int model_map_doorbells(struct mpnic_transport *t, volatile uint32_t **page)
{
	*page = card_local_doorbells(of(t)->card);
	return 0;
}

static int model_dma_map(struct mpnic_transport *t, void *addr, uint64_t size, uint64_t iova,
			 int fd, uint64_t fd_offset)
{
	(void)fd;
	(void)fd_offset;
	return card_local_map(of(t)->card, addr, size, iova);
}

static int model_dma_unmap(struct mpnic_transport *t, uint64_t iova, uint64_t size)
{
	return card_local_unmap(of(t)->card, iova, size);
}

static int model_irq_set(struct mpnic_transport *t, unsigned int first, unsigned int count,
			 const int *fds)
{
	int err = 0;

	if (first > MPNIC_VECTORS || count > MPNIC_VECTORS - first)
		return -ERANGE;
	for (unsigned int i = 0; i < count && !err; i++)
		err = card_local_irq(of(t)->card, first + i, fds[i]);
	return err;
}

static int model_reset(struct mpnic_transport *t)
{
	return card_local_reset(of(t)->card);
}

static int model_serve(struct mpnic_transport *t)
{
	return atomic_load(&of(t)->ended) ? -ENODEV : card_local_serve(of(t)->card);
}

static void model_close(struct mpnic_transport *t)
{
	struct model *m = of(t);

	if (m->runs) {
		card_stop(m->card);
		pthread_join(m->thread, NULL);
	}
	if (m->card) {
		const int err = card_close(m->card);

		if (err)
			PMD_LOG(ERR, "a wire's output: %s", strerror(-err));
	}
	free(m);
}

static const struct mpnic_transport_ops model_ops = {
	.read32 = model_read32,
	.write32 = model_write32,
	.map_doorbells = model_map_doorbells,
	.dma_map = model_dma_map,
	.dma_unmap = model_dma_unmap,
	.irq_set = model_irq_set,
	.reset = model_reset,
	.serve = model_serve,
	.close = model_close,
};

static void *run(void *arg)
{
	struct model *m = arg;
	const int err = card_run(m->card);

	if (err)
		PMD_LOG(ERR, "the model has ended: %s", strerror(-err));
	atomic_store(&m->ended, true);
	return NULL;
}

static void card_says(const char *text)
{
	PMD_LOG(INFO, "model: %s", text);
}

static const char *wire_of(const struct pmd_args *args, unsigned int port)
{
	return args->wire[port][0] ? args->wire[port] : "none";
}

static int start(struct model *m, const struct pmd_args *args, char error[MPNIC_ERROR_MAX])
{
	struct card_config config = {
		.control = args->control[0] ? args->control : NULL,
		.wire = {wire_of(args, 0), wire_of(args, 1)},
		.engine = &model_device_engine,
		.log = card_says,
	};
	char why[CARD_ERROR_MAX];
	int err;

	mpnic_device_defaults(&config.device);
	err = card_open(&config, &m->card, why);
	if (err) {
		snprintf(error, MPNIC_ERROR_MAX, "%.*s", MPNIC_ERROR_MAX - 1, why);
		return err;
	}
	err = rte_ctrl_thread_create(&m->thread, "mpnic-model", NULL, run, m);
	if (err)
		snprintf(error, MPNIC_ERROR_MAX, "no thread for the model: %s", strerror(-err));
	m->runs = !err;
	return err;
}

int pmd_model_open(const struct pmd_args *args, struct mpnic_transport **transport,
		   char error[MPNIC_ERROR_MAX])
{
	struct model *m = calloc(1, sizeof(*m));
	int err;

	if (!m) {
		snprintf(error, MPNIC_ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	m->transport.ops = &model_ops;
	m->transport.kind = "model";
	err = start(m, args, error);
	if (err) {
		model_close(&m->transport);
		return err;
	}
	*transport = &m->transport;
	return 0;
}
