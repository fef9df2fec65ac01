/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libmpnic: drives an mpnic device, a card through VFIO or a simulated one through vfio-user.
 *
 *   struct mpnic_dev *dev;
 *   char error[MPNIC_ERROR_MAX];
 *   int err = mpnic_open("vfio-user:/run/mpnic.sock", NULL, &dev, error);
 *
 *   err = mpnic_start(dev, 0);        firmware, admin queue, IDENTIFY
 *   ...                               queues, admin commands
 *   mpnic_close(dev);
 *
 * Conventions. Functions return 0 (or a count) or a negative errno value; mpnic_error() then says
 * more. -ENODEV means that the device, or the process that simulates it, is gone: nothing waits for
 * it, and only mpnic_recover() and mpnic_close() are of use. Sizes are bytes, times are as the name
 * says
 * (_ms, _ns). Records (mpnic_regs.h, mpnic_device_regs.h) are little-endian, as the hosts that
 * mpnic supports are; addresses and keys in them are in wire order. Bus addresses ("iova") are 64
 * bits.
 *
 * What the device writes is not trusted: every index, length and phase is checked before it is
 * used, and a device that lies costs no more than its queue (-EPROTO).
 *
 * Threads. Devices are independent of each other; there is no global state. Of one device, control
 * calls (all that take a struct mpnic_dev) may be made by one thread at a time, but admin commands
 * by any number of threads. Calls on a queue (mpnic_rxq_*, mpnic_txq_*, mpnic_evq_*) may be made by
 * one thread at a time for each queue, beside control calls other than mpnic_stop(), mpnic_reset(),
 * mpnic_recover() and mpnic_close() and beside other queues. No call raises a signal.
 *
 * Guide: docs/driver.md. Contract: docs/device-records.md.
 */
#ifndef MPNIC_H
#define MPNIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mpnic_device_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MPNIC_LIB_VERSION 1u	  /* of this header; mpnic_lib_version() of the library */
#define MPNIC_ERROR_MAX	  256	  /* bytes of an error text, with its NUL */
#define MPNIC_NO_VECTOR	  0xffffu /* no interrupt */
#define MPNIC_VFIO_USER	  "vfio-user:"
#define MPNIC_FW_PATH_ENV "MPNIC_FIRMWARE_PATH"
#define MPNIC_FW_PATH	  "/usr/local/lib/firmware/mpnic:/lib/firmware/mpnic"

unsigned int mpnic_lib_version(void);

/* --- transports ------------------------------------------------------------------------------ */

/*
 * A way to a device. Ops may be called from several threads at once. Each returns 0 or a negative
 * errno; -ENODEV once the device is gone, for ever. None waits for more than the transport's
 * time limit.
 */
struct mpnic_transport;

struct mpnic_transport_ops {
	/* A word of BAR 0; offset is a multiple of 4. */
	int (*read32)(struct mpnic_transport *transport, uint32_t offset, uint32_t *value);
	int (*write32)(struct mpnic_transport *transport, uint32_t offset, uint32_t value);
	/*
	 * The page of doorbells (BAR_DOORBELL, 4096 bytes), mapped; valid until close or
	 * reconnect. -ENOTSUP: it cannot be mapped safely, doorbells are rung by write32.
	 */
	int (*map_doorbells)(struct mpnic_transport *transport, volatile uint32_t **page);
	/*
	 * Let the device reach @size bytes at @addr under bus address @iova. @fd, @fd_offset: the
	 * file behind them, or -1 (a transport to another process then refuses: -EINVAL).
	 * Addresses and sizes are of whole pages. fd stays the caller's.
	 */
	int (*dma_map)(struct mpnic_transport *transport, void *addr, uint64_t size, uint64_t iova,
		       int fd, uint64_t fd_offset);
	/* When it returns 0 the device no longer touches the range. */
	int (*dma_unmap)(struct mpnic_transport *transport, uint64_t iova, uint64_t size);
	/*
	 * MSI-X vectors first to first + count - 1 signal these eventfds; -1: none.
	 */
	int (*irq_set)(struct mpnic_transport *transport, unsigned int first, unsigned int count,
		       const int *fds);
	/* Reset of the function, as PCI has it. */
	int (*reset)(struct mpnic_transport *transport);
	/*
	 * NULL, or: do in this thread what the admin queue asks of the device, which is faster than
	 * to wake it. Returns 0 if all of it is done; else its doorbell is rung as ever.
	 */
	int (*serve)(struct mpnic_transport *transport);
	/*
	 * NULL, or: the device was gone and may be back. DMA maps, vectors and the doorbell page
	 * of before are gone then.
	 */
	int (*reconnect)(struct mpnic_transport *transport);
	/* Frees transport. */
	void (*close)(struct mpnic_transport *transport);
};

struct mpnic_transport {
	const struct mpnic_transport_ops *ops;
	const char *kind; /* "vfio-user", "vfio"; static */
	const char *pci;  /* PCI address as 0000:01:00.0, or NULL; the transport's */
	char why[128];	  /* text of its last error; "" without one */
};

/*
 * A simulated device. @path: of the server's socket; @timeout_ms: the longest that an answer may
 * take, 0: 2000; after it the server counts as gone. error: NULL, or gets the text.
 */
int mpnic_vfio_user_open(const char *path, unsigned int timeout_ms,
			 struct mpnic_transport **transport, char error[MPNIC_ERROR_MAX]);
/* A card that is bound to vfio-pci. @bdf: 0000:01:00.0, or without the domain. */
int mpnic_vfio_open(const char *bdf, struct mpnic_transport **transport,
		    char error[MPNIC_ERROR_MAX]);

/* --- devices --------------------------------------------------------------------------------- */

struct mpnic_dev;

enum mpnic_log_level {
	MPNIC_LOG_ERROR,
	MPNIC_LOG_WARN,
	MPNIC_LOG_INFO,
	MPNIC_LOG_DEBUG
};

/* All zero is the default. Strings are copied. */
struct mpnic_options {
	const char *firmware;	   /* image to load, and no other; NULL: search */
	const char *firmware_path; /* folders to search, by colons; NULL: see mpnic_fw_find() */
	const char *driver;	   /* the program, for IDENTIFY; NULL: "libmpnic" */
	/* How long the device may take to answer a register access by message, a command of the
	 * mailbox, and to change its state; 0: 2000. A simulation of the RTL needs more. */
	unsigned int timeout_ms;
	/* After which an admin command is given up; 0: ADMIN_TIMEOUT_MS, or timeout_ms if it is
	 * more. */
	unsigned int admin_ms;
	unsigned int admin_log2; /* log2 of the admin ring's entries; 0: 6 */
	/*
	 * true: completions of admin commands raise vector 0, for which the library makes an
	 * eventfd (mpnic_admin_fd()). false: they are polled for.
	 */
	bool admin_irq;
	/* What happens, for people: one line without newline; called in the caller's thread. */
	void (*log)(void *ctx, enum mpnic_log_level level, const char *text);
	void *log_ctx;
};

/*
 * mpnic_open() - reach a device and see that this library can drive it: signature, version of its
 * registers, capabilities that it requires. It is not touched otherwise.
 * @name:  PCI address, or "vfio-user:PATH"
 * @dev:   the device; free with mpnic_close()
 * @error: NULL, or gets the text of an error
 * Errors: -EINVAL a name that is none; -ENODEV nobody there; -EPROTONOSUPPORT not an mpnic, or one
 * of another version or with a required capability that this library does not know (the text names
 * it); or of the system.
 */
int mpnic_open(const char *name, const struct mpnic_options *options, struct mpnic_dev **dev,
	       char error[MPNIC_ERROR_MAX]);
/* The same over a transport of the caller's, which belongs to the device from now on, also on
 * error. */
int mpnic_attach(struct mpnic_transport *transport, const struct mpnic_options *options,
		 struct mpnic_dev **dev, char error[MPNIC_ERROR_MAX]);
/* mpnic_stop(), then frees the device, its queues and its DMA memory. NULL is fine. */
void mpnic_close(struct mpnic_dev *dev);

/* Text of the last error of a control call on this device; "" without one. Overwritten by the next.
 */
const char *mpnic_error(const struct mpnic_dev *dev);

#define MPNIC_START_KEEP    1u /* leave queues that another driver left; else they are destroyed */
#define MPNIC_START_NO_LOAD 2u /* leave firmware as it is: -ENOENT where none runs */

/*
 * mpnic_start() - bring the device to where it takes admin commands.
 *
 * A device that failed is reset. Firmware is searched for and loaded, unless the same version runs
 * already (tables then keep what they have) or none is found and some runs. Then the admin queue
 * starts, and both sides tell their versions. Errors: -ENOENT no firmware; -ENOEXEC firmware was
 * refused (the text says why); -ETIMEDOUT; -EPROTO the device says what cannot be; -ENODEV.
 */
int mpnic_start(struct mpnic_dev *dev, unsigned int flags);
/* Destroys all queues and stops the admin queue. The device and its firmware run on. */
int mpnic_stop(struct mpnic_dev *dev);

/*
 * mpnic_reset() - reset the device, telling it why. Firmware, queues and tables are gone; the
 * device's queue objects stay, for mpnic_recover(), and move no frames until then.
 * @why: enum mpnic_reset_code
 */
int mpnic_reset(struct mpnic_dev *dev, unsigned int why);

/*
 * mpnic_recover() - after a reset, a crash, or the end and return of the simulator: reconnect if
 * need be, map DMA memory and interrupts anew, reset, load firmware, start, create again the queues
 * that there were. Rx buffers that were posted are posted again; frames under way in Tx queues come
 * out of mpnic_txq_done() as lost. Ports, filters, tables and settings are the caller's to set
 * again.
 */
int mpnic_recover(struct mpnic_dev *dev, unsigned int why);

/* What mpnic_start() learnt; texts end with NUL and are printable. NULL before it. */
const struct mpnic_admin_identity *mpnic_identity(const struct mpnic_dev *dev);

/* What the registers say; filled in by mpnic_open(). */
struct mpnic_info {
	uint32_t regs_version; /* major << 16 | minor */
	uint32_t caps;	       /* bits cap */
	uint32_t required;     /* bits cap */
	unsigned int ports, queues, vectors;
	uint32_t generation;   /* resets since power came up, as last seen */
	const char *transport; /* "vfio", "vfio-user" */
	const char *pci;       /* PCI address; NULL without one */
	bool doorbells_mapped; /* else each is a message (docs/driver.md, doorbells) */
	char serial[33];       /* "" if the device has none; printable */
};

const struct mpnic_info *mpnic_info(const struct mpnic_dev *dev);

/* --- registers ------------------------------------------------------------------------------- */

/* @offset: in BAR 0, a multiple of 4, below BAR_SIZE (-EINVAL). */
int mpnic_reg_read(struct mpnic_dev *dev, uint32_t offset, uint32_t *value);
int mpnic_reg_write(struct mpnic_dev *dev, uint32_t offset, uint32_t value);
/* Two words, the low one first. */
int mpnic_reg_read64(struct mpnic_dev *dev, uint32_t offset, uint64_t *value);

/* Counters of a port: the registers of block stat, in their order (mpnic_stat_registers names
 * them). */
#define MPNIC_PORT_COUNTERS 14
int mpnic_port_counters(struct mpnic_dev *dev, unsigned int port,
			uint64_t counter[MPNIC_PORT_COUNTERS]);
/* The device's time, ns. */
int mpnic_time(struct mpnic_dev *dev, uint64_t *ns);

/* --- firmware and health --------------------------------------------------------------------- */

/*
 * mpnic_fw_find() - the image that mpnic_start() would load.
 *
 * Folders: options.firmware_path, else the environment's MPNIC_FIRMWARE_PATH, else MPNIC_FW_PATH.
 * In each, the first that there is of serial-SERIAL.mpfw, pci-0000:01:00.0.mpfw, mpnic-MAJOR.mpfw
 * (major version of the registers). -ENOENT: none; mpnic_error() lists where it looked.
 */
int mpnic_fw_find(struct mpnic_dev *dev, char *path, size_t size);
/*
 * mpnic_fw_load() - load an image and run it, whatever runs; the device is reset if it is not in
 * boot. The device judges the image. -ENOEXEC: it refused it, mpnic_error() says why. The admin
 * queue and the queues are gone; mpnic_start() or mpnic_recover() go on from there.
 */
int mpnic_fw_load(struct mpnic_dev *dev, const char *path);
/* @version: major << 16 | minor of the firmware that runs; 0: none. */
int mpnic_fw_version(struct mpnic_dev *dev, uint32_t *version);
/*
 * mpnic_fw_log() - a piece of the firmware's log, also of firmware that died.
 * @from:  number of the first byte wanted, 0 for the oldest
 * @first: number of the first byte that came; beyond from if that is lost
 * Returns how many bytes came, 0 at the end. Any byte may be in it: it is not text to be trusted.
 */
int mpnic_fw_log(struct mpnic_dev *dev, uint32_t from, void *buf, size_t size, uint32_t *first);
/* What is left of firmware that crashed or hung. -ENOENT: it did not. */
int mpnic_fw_crash(struct mpnic_dev *dev, struct mpnic_crash *crash);

struct mpnic_health {
	uint32_t device_status; /* enum mpnic_device_status_code */
	uint32_t fw_status;	/* enum mpnic_fw_status_code */
	uint32_t heartbeat;
	uint32_t generation;
	unsigned int still_ms; /* for how long the heartbeat has not been seen to move */
	unsigned int reason;   /* enum mpnic_reset_code: to give to mpnic_recover() on error */
	unsigned int admin_timeouts; /* commands that were given up since the start */
};

/*
 * mpnic_health() - to be called a few times a second. Returns 0;
 *   -ENODEV     the device is gone
 *   -ESTALE     it was reset by someone else: its queues are gone
 *   -EIO        its firmware crashed or hangs
 *   -ETIMEDOUT  its heartbeat has stood still for 10 * HEARTBEAT_MS and half of options.timeout_ms,
 *               or an admin command was given up
 *   -EPROTO     a queue, or the admin queue, was given a completion that makes no sense, or stopped
 * mpnic_recover(dev, health.reason) is the answer to all of them.
 */
int mpnic_health(struct mpnic_dev *dev, struct mpnic_health *health);

/* --- memory and interrupts ------------------------------------------------------------------- */

struct mpnic_dma {
	void *addr;    /* zeroed */
	uint64_t iova; /* what the device is told: here the same number as addr */
	size_t size;   /* whole pages */
	int fd;	       /* the memory's file */
};

/* Memory that both sides reach; free with mpnic_dma_free(). Kept over mpnic_recover(). */
int mpnic_dma_alloc(struct mpnic_dev *dev, size_t size, struct mpnic_dma *dma);
void mpnic_dma_free(struct mpnic_dev *dev, struct mpnic_dma *dma);
/*
 * Memory of the caller's, as for the transport's dma_map. fd is kept as a duplicate, for
 * mpnic_recover(). Errors: -EINVAL not whole pages, or no file and the transport needs one;
 * -EEXIST overlaps; -ENOSPC, -ENOMEM too many.
 */
int mpnic_dma_map(struct mpnic_dev *dev, void *addr, size_t size, uint64_t iova, int fd,
		  uint64_t fd_offset);
/* A whole range that was mapped. -ENOENT: there is none. */
int mpnic_dma_unmap(struct mpnic_dev *dev, uint64_t iova, size_t size);

/*
 * Vectors first to first + count - 1 signal these eventfds, -1: none. The fds stay the caller's,
 * and must stay open as long as they are set. -ERANGE: beyond the device's vectors.
 */
int mpnic_irq_set(struct mpnic_dev *dev, unsigned int first, unsigned int count, const int *fds);

/* --- admin commands -------------------------------------------------------------------------- */

/*
 * mpnic_admin() - issue a command and wait for its completion.
 * @cmd:  op, id, arg, data; the rest is filled in
 * @cpl:  NULL, or gets the completion
 * Returns what its status means (mpnic_status_errno()); -ETIMEDOUT: given up after
 * options.admin_ms. The command may still take effect, its completion will find nobody and be
 * dropped. -EIO also where firmware died meanwhile, -EPROTO where completions make no sense,
 * -ENODEV; -ENOTCONN before mpnic_start().
 */
int mpnic_admin(struct mpnic_dev *dev, struct mpnic_admin_cmd *cmd, struct mpnic_admin_cpl *cpl);

/*
 * mpnic_admin_post() - issue a command and do not wait.
 * @done: called by mpnic_admin_poll() and by other admin calls, in their thread, with the
 * completion and its errno; with -ETIMEDOUT or another error and cpl NULL where none comes. It may
 * post, not wait. NULL: nobody wants to know. Returns 0, -EAGAIN: the ring is full, poll first; or
 * an error of mpnic_admin().
 */
typedef void (*mpnic_admin_done)(void *ctx, int err, const struct mpnic_admin_cpl *cpl);
int mpnic_admin_post(struct mpnic_dev *dev, struct mpnic_admin_cmd *cmd, mpnic_admin_done done,
		     void *ctx);
/* Take the completions that are there, give up what is too old. Returns how many, or an error. */
int mpnic_admin_poll(struct mpnic_dev *dev);
/* eventfd that admin completions signal; -1 without options.admin_irq. */
int mpnic_admin_fd(const struct mpnic_dev *dev);

/* The one place where enum mpnic_status_code becomes a negative errno; -EPROTO for an unknown one.
 */
int mpnic_status_errno(unsigned int status);

/* The commands, as docs/device-records.md has them. Records given are not changed. */
int mpnic_admin_nop(struct mpnic_dev *dev);
int mpnic_admin_port_get(struct mpnic_dev *dev, unsigned int port, struct mpnic_admin_port *state);
int mpnic_admin_port_set(struct mpnic_dev *dev, unsigned int port,
			 const struct mpnic_admin_port *state);
int mpnic_admin_mac_add(struct mpnic_dev *dev, unsigned int port, const uint8_t mac[6]);
int mpnic_admin_mac_remove(struct mpnic_dev *dev, unsigned int port, const uint8_t mac[6]);
/* Queues without the library's rings; mpnic_rxq_create() and its like are easier. */
int mpnic_admin_queue_create(struct mpnic_dev *dev, unsigned int index,
			     const struct mpnic_admin_queue *queue);
int mpnic_admin_queue_destroy(struct mpnic_dev *dev, enum mpnic_queue_code kind,
			      unsigned int index);
int mpnic_admin_queue_get(struct mpnic_dev *dev, enum mpnic_queue_code kind, unsigned int index,
			  struct mpnic_admin_queue_stats *stats);
/* @interval_us: least time between two interrupts; 0: none is held back */
int mpnic_admin_vector_set(struct mpnic_dev *dev, unsigned int vector, uint32_t interval_us);
int mpnic_admin_settings_get(struct mpnic_dev *dev, struct mpnic_settings *settings);
int mpnic_admin_settings_set(struct mpnic_dev *dev, const struct mpnic_settings *settings);
int mpnic_admin_network_set(struct mpnic_dev *dev, unsigned int source, uint8_t network);
int mpnic_admin_network_default(struct mpnic_dev *dev, unsigned int network,
				enum mpnic_first_syn_code first_syn);
/* Entries first to first + count - 1 of the RSS table, of RETA_SIZE; split into commands. */
int mpnic_admin_reta_set(struct mpnic_dev *dev, unsigned int first, unsigned int count,
			 const uint16_t *queue);
int mpnic_admin_rss_key_set(struct mpnic_dev *dev, const uint8_t key[MPNIC_RSS_KEY_LEN]);
/* @flow_id: NULL, or gets the flow's id */
int mpnic_admin_flow_add(struct mpnic_dev *dev, const struct mpnic_admin_flow *flow,
			 uint32_t *flow_id);
int mpnic_admin_flow_remove(struct mpnic_dev *dev, const struct mpnic_key *key);
int mpnic_admin_flow_set(struct mpnic_dev *dev, uint32_t flow_id,
			 const struct mpnic_action *action);
int mpnic_admin_flow_get(struct mpnic_dev *dev, const struct mpnic_key *key,
			 struct mpnic_admin_flow_state *state);
int mpnic_admin_flow_dss_set(struct mpnic_dev *dev, uint32_t flow_id, unsigned int direction,
			     const struct mpnic_dir *dir);
int mpnic_admin_flow_confirm(struct mpnic_dev *dev, const struct mpnic_key *key);
int mpnic_admin_rule_set(struct mpnic_dev *dev, unsigned int index, const struct mpnic_rule *rule);

struct mpnic_rule_use {
	uint64_t packets, bytes;
	uint32_t last_seen; /* as in record flow */
};

int mpnic_admin_rule_get(struct mpnic_dev *dev, unsigned int index, struct mpnic_rule_use *use);
int mpnic_admin_conn_set(struct mpnic_dev *dev, uint32_t conn_id, const struct mpnic_conn *conn);
int mpnic_admin_token_add(struct mpnic_dev *dev, const struct mpnic_token_entry *entry);
int mpnic_admin_token_remove(struct mpnic_dev *dev, uint32_t token);
int mpnic_admin_token_get(struct mpnic_dev *dev, uint32_t token, struct mpnic_token_entry *entry);
int mpnic_admin_peer_set(struct mpnic_dev *dev, const struct mpnic_peer_entry *entry);
int mpnic_admin_peer_remove(struct mpnic_dev *dev, const struct mpnic_peer_entry *entry);
int mpnic_admin_peer_get(struct mpnic_dev *dev, const struct mpnic_peer_entry *which,
			 struct mpnic_peer_entry *entry);
/*
 * One step of a scan for flows that were not found for @units of last_seen. @from: first flow id.
 * aged->next is beyond @from, or ID_NONE; aged->count is at most 26. -EPROTO otherwise.
 */
int mpnic_admin_age(struct mpnic_dev *dev, uint32_t from, uint32_t units,
		    struct mpnic_admin_aged *aged);
int mpnic_admin_tables(struct mpnic_dev *dev, struct mpnic_admin_tables *tables);
/* @failed: bits self_test; 0: all is well */
int mpnic_admin_self_test(struct mpnic_dev *dev, uint32_t *failed);

/*
 * Counters of the pipeline, by source (0 and 1 the wire ports, 2 and 3 the host to port 0 and 1).
 * mpnic_counter_name() writes "drop.action" or the like; false: the counter has no name, it is not
 * in use.
 */
#define MPNIC_COUNTERS	       116
#define MPNIC_COUNTER_NAME_MAX 32
int mpnic_admin_counters(struct mpnic_dev *dev, unsigned int source,
			 uint64_t counter[MPNIC_COUNTERS]);
bool mpnic_counter_name(unsigned int counter, char name[MPNIC_COUNTER_NAME_MAX]);

/* --- queues ---------------------------------------------------------------------------------- */

struct mpnic_queue_options {
	unsigned int log2;   /* of the ring's entries, RING_LOG2_MIN to RING_LOG2_MAX; 0: 9 */
	unsigned int vector; /* interrupt; MPNIC_NO_VECTOR for none */
};

/* Memory for frames, which the device must reach (mpnic_dma_alloc(), mpnic_dma_map()). */
struct mpnic_buf {
	uint64_t iova;
	void *cookie; /* the caller's */
	uint32_t len; /* Rx: 64 to 65535; Tx: 1 to 65535 */
};

struct mpnic_rxq;
struct mpnic_txq;
struct mpnic_evq;

/*
 * Rx queue @index. mpnic_rxq_destroy() frees it when the device no longer touches its buffers,
 * which are the caller's again then; options NULL: the default. -EBUSY: there is one already.
 */
int mpnic_rxq_create(struct mpnic_dev *dev, unsigned int index,
		     const struct mpnic_queue_options *options, struct mpnic_rxq **queue);
int mpnic_rxq_destroy(struct mpnic_rxq *queue);

/* How many buffers can be posted now; how many the device has. */
unsigned int mpnic_rxq_room(const struct mpnic_rxq *queue);
unsigned int mpnic_rxq_posted(const struct mpnic_rxq *queue);
/* How many buffers have frames that mpnic_rxq_burst() can take; it looks at @max of them. Their
 * number is the device's word, but not more than are posted. */
unsigned int mpnic_rxq_ready(const struct mpnic_rxq *queue, unsigned int max);
/*
 * Give the device buffers, with one doorbell for all. Returns how many it took, from the first on:
 * fewer where room ends; -EINVAL where the first has a length out of bounds; -ENODEV, -EPROTO as
 * below.
 */
int mpnic_rxq_post(struct mpnic_rxq *queue, const struct mpnic_buf *buf, unsigned int count);

/* A frame that came. It lies in buffers number desc to desc + cpl.buffers - 1 of its queue. */
struct mpnic_frame {
	struct mpnic_rx_cpl cpl;
	uint32_t desc;
};

/*
 * mpnic_rxq_burst() - take frames. Never waits.
 *
 * Of cpl, these are checked: status is one of enum rx_status, buffers were posted, len is not more
 * than they hold (else status is LOST and len 0), l3_off, l4_off and payload_off are within len
 * (else 0). The rest is the device's word. Frames that are not OK come too: their buffers are the
 * caller's again. Returns how many; -EPROTO: a completion made no sense, -EIO: the device could not
 * reach the ring; the queue stands until mpnic_recover(); -ESTALE after mpnic_reset().
 */
int mpnic_rxq_burst(struct mpnic_rxq *queue, struct mpnic_frame *frame, unsigned int count);
/*
 * Buffer of a frame, by its number. Valid until the next mpnic_rxq_post(). How much of it is used
 * follows from cpl.len: buffers are filled one after the other.
 */
const struct mpnic_buf *mpnic_rxq_buf(const struct mpnic_rxq *queue, uint32_t number);
/*
 * Stop the queue at the device and hand back the buffers that were posted and not used, in their
 * order; the queue is of no use then but to mpnic_rxq_destroy(). Memory that is still mapped for a
 * device that does not answer may be written to: -ENODEV, -ETIMEDOUT; the buffers are handed back
 * all the same.
 */
int mpnic_rxq_drain(struct mpnic_rxq *queue, void (*back)(void *ctx, const struct mpnic_buf *buf),
		    void *ctx);

/*
 * Stop the queue at the device, and keep the buffers. 0: the device no longer touches them. Else it
 * may, until mpnic_reset() or mpnic_recover() has succeeded; -ENODEV: it is gone, and cannot. Drain
 * and destroy are what is left to do.
 */
int mpnic_rxq_stop(struct mpnic_rxq *queue);

int mpnic_txq_create(struct mpnic_dev *dev, unsigned int index,
		     const struct mpnic_queue_options *options, struct mpnic_txq **queue);
int mpnic_txq_destroy(struct mpnic_txq *queue);
/* As mpnic_rxq_stop(). */
int mpnic_txq_stop(struct mpnic_txq *queue);
/*
 * Stop the queue at the device, and hand back the cookies of all frames that were given to it and
 * that mpnic_txq_done() has not given back; whether they were sent is not known. As
 * mpnic_rxq_drain() otherwise.
 */
int mpnic_txq_drain(struct mpnic_txq *queue, void (*back)(void *ctx, void *cookie), void *ctx);
/* Descriptors (buffers) for which there is room. */
unsigned int mpnic_txq_room(const struct mpnic_txq *queue);

/* A frame to send: 14 to 9600 bytes in 1 to TX_SEGMENTS buffers. */
struct mpnic_send {
	const struct mpnic_buf *buf; /* their cookies are not used */
	unsigned int bufs;
	uint8_t port;	/* wire port */
	uint16_t flags; /* bits tx: CSUM, BYPASS */
	void *cookie;	/* comes back in mpnic_txq_done() */
};

/*
 * Send frames, with one doorbell for all. Returns how many were taken, from the first on: fewer
 * where room ends or a frame is wrong; -EINVAL where the first is wrong; -ESTALE, -EPROTO as above.
 * The array may be reused, the buffers are the device's until mpnic_txq_done() gives the cookie.
 */
int mpnic_txq_burst(struct mpnic_txq *queue, const struct mpnic_send *send, unsigned int count);

struct mpnic_sent {
	void *cookie;
	int err;	    /* 0; -EIO: not sent, see error; -ECANCELED: lost in a reset */
	unsigned int error; /* enum mpnic_queue_error_code */
};

/* Frames that the device is done with, in their order. Returns how many; -EPROTO as above. Never
 * waits. */
int mpnic_txq_done(struct mpnic_txq *queue, struct mpnic_sent *sent, unsigned int count);

int mpnic_evq_create(struct mpnic_dev *dev, const struct mpnic_queue_options *options,
		     struct mpnic_evq **queue);
int mpnic_evq_destroy(struct mpnic_evq *queue);
/* Take events. kind may be one that is not known, body is the device's word. Returns how many.
 * Never waits. */
int mpnic_evq_burst(struct mpnic_evq *queue, struct mpnic_event_cpl *event, unsigned int count);

/* A queue's numbers, for dumps. They run free; the device's own begin with 0 at its creation. */
struct mpnic_queue_state {
	unsigned int index, log2; /* log2 of the ring's entries */
	uint32_t tail, head;	  /* behind the last descriptor given; the next to be taken back */
	uint32_t completion;	  /* the device's number of the next completion */
	int state;		  /* 0: it works; else the errno that calls on it return */
};

void mpnic_rxq_state(const struct mpnic_rxq *queue, struct mpnic_queue_state *state);
void mpnic_txq_state(const struct mpnic_txq *queue, struct mpnic_queue_state *state);
/* The completion behind @ahead others, as it stands in the ring. */
void mpnic_rxq_peek(const struct mpnic_rxq *queue, unsigned int ahead, struct mpnic_rx_cpl *cpl);

/* What a queue of any kind counted on this side. */
struct mpnic_queue_counters {
	uint64_t frames, bytes; /* taken from or given to the device; event queue: events */
	uint64_t errors;	/* completions with an error or a status that is not OK */
	uint64_t lies;		/* completions with fields that cannot be */
	uint64_t kicks;		/* doorbells that had to wake the device */
};

void mpnic_rxq_counters(const struct mpnic_rxq *queue, struct mpnic_queue_counters *counters);
void mpnic_txq_counters(const struct mpnic_txq *queue, struct mpnic_queue_counters *counters);
void mpnic_evq_counters(const struct mpnic_evq *queue, struct mpnic_queue_counters *counters);

/* --- texts ----------------------------------------------------------------------------------- */

/* A sentence for each value, as device.toml has it in other words; never NULL. */
const char *mpnic_fw_status_text(unsigned int fw_status);
const char *mpnic_status_text(unsigned int status);

#ifdef __cplusplus
}
#endif

#endif
