/* SPDX-License-Identifier: BSD-3-Clause */
/* A card's host in another process: what a client of the vfio-user socket reaches, configuration
 * space, BAR 0, reset; and the way back, DMA and interrupts. */
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "card_internal.h"

enum {
	RESET_MS = 2000
};

static int region_read(void *ctx, unsigned int region, uint64_t offset, void *data, uint32_t len)
{
	struct card *card = ctx;
	int err = 0;

	if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
		pci_config_read(&card->pci, (uint32_t)offset, data, len);
		return 0;
	}
	for (uint32_t i = 0; i < len && !err; i += CARD_REQUEST_MAX / 2) {
		const uint32_t n = len - i < CARD_REQUEST_MAX / 2 ? len - i : CARD_REQUEST_MAX / 2;

		err = card_bus_read(card, offset + i, (uint8_t *)data + i, n);
	}
	return err;
}

static int ask_reset(void *ctx)
{
	struct card *card = ctx;

	pci_config_reset(&card->pci);
	memset(card->msix, 0, sizeof(card->msix));
	return card_bus_ask(card, CARD_RESET, 0, NULL, 0, RESET_MS);
}

static int region_write(void *ctx, unsigned int region, uint64_t offset, const void *data,
			uint32_t len)
{
	struct card *card = ctx;
	int err = 0;

	if (region == VFIO_PCI_CONFIG_REGION_INDEX)
		return pci_config_write(&card->pci, (uint32_t)offset, data, len) ? ask_reset(card)
										 : 0;
	for (uint32_t i = 0; i < len && !err; i += CARD_REQUEST_MAX / 2) {
		const uint32_t n = len - i < CARD_REQUEST_MAX / 2 ? len - i : CARD_REQUEST_MAX / 2;

		err = card_bus_write(card, offset + i, (const uint8_t *)data + i, n);
	}
	return err;
}

static void client_new(void *ctx)
{
	card_log(ctx, "a driver has attached");
}

static void client_gone(void *ctx)
{
	card_log(ctx, "the driver has gone; the card keeps its state");
}

static void server_log(void *ctx, const char *text)
{
	card_log(ctx, "%s", text);
}

static const struct vfu_ops server_ops = {
	.region_read = region_read,
	.region_write = region_write,
	.reset = ask_reset,
	.client_new = client_new,
	.client_gone = client_gone,
	.log = server_log,
};

/* ---- the device's way to the host ----------------------------------------------------------- */

static int dma_read(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return vfu_burst_read(&((struct card *)ctx)->burst, addr, buf, len);
}

static int dma_write(void *ctx, uint64_t addr, const void *buf, size_t len)
{
	return vfu_burst_write(&((struct card *)ctx)->burst, addr, buf, len);
}

static void irq(void *ctx, unsigned int vector)
{
	vfu_irq(((struct card *)ctx)->server, VFIO_PCI_MSIX_IRQ_INDEX, vector);
}

static const struct mpnic_device_ops device_ops = {
	.dma_read = dma_read,
	.dma_write = dma_write,
	.irq = irq,
	.wire_send = card_wire_send,
	.random = card_random,
};

/* ---- the server's thread -------------------------------------------------------------------- */

static void *serve(void *arg)
{
	struct card *card = arg;
	const int err = vfu_run(card->server);

	if (err) {
		card_log(card, "the socket's server has ended: %s", strerror(-err));
		atomic_store(&card->server_error, err);
		card_stop(card);
	}
	return NULL;
}

/* Signals are the device thread's, which is the program's. */
static int start_server(struct card *card)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&card->thread, NULL, serve, card);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	card->thread_runs = !err;
	return -err;
}

/* ---- set-up --------------------------------------------------------------------------------- */

static int open_socket(struct card *card, char error[CARD_ERROR_MAX])
{
	struct vfu_config config = {.path = card->config.socket, .ops = &server_ops};
	char why[VFU_ERROR_MAX];
	int err;

	pci_config_reset(&card->pci);
	config.region[VFIO_PCI_BAR0_REGION_INDEX] = (struct vfu_region){
		.size = MPNIC_BAR_SIZE,
		.readable = true,
		.writable = true,
		.areas = 1,
		.area = {{.offset = MPNIC_BAR_DOORBELL, .size = MPNIC_DOORBELL_SIZE}},
		.fd = card->doorbell_fd,
	};
	config.region[VFIO_PCI_CONFIG_REGION_INDEX] =
		(struct vfu_region){.size = PCI_CONFIG_SIZE, .readable = true, .writable = true};
	config.irq[VFIO_PCI_MSIX_IRQ_INDEX] = MPNIC_VECTORS;
	err = vfu_open(&config, card, &card->server, why);
	if (err)
		snprintf(error, CARD_ERROR_MAX, "%s", why);
	else
		card->burst.server = card->server;
	return err;
}

static void stop_socket(struct card *card)
{
	if (!card->thread_runs)
		return;
	vfu_stop(card->server);
	pthread_join(card->thread, NULL);
	card->thread_runs = false;
}

static void close_socket(struct card *card)
{
	if (card->server)
		vfu_close(card->server);
}

const struct card_host card_socket = {
	.device_ops = &device_ops,
	.open = open_socket,
	.start = start_server,
	.stop = stop_socket,
	.close = close_socket,
};
