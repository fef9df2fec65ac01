/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's commands: what each must look like, and its answer. */
#include <errno.h>
#include <jansson.h>
#include <linux/vfio.h>
#include <string.h>
#include <unistd.h>

#include "vfu_private.h"

#define MAJOR	   0
#define MINOR	   1
#define PGSIZES	   4096
#define MULTI_DATA 8

/* Payloads as the protocol has them, where <linux/vfio.h> has none. */
struct version {
	uint16_t major, minor;
};

struct dma_map {
	uint32_t argsz, flags;
	uint64_t offset, iova, size;
};

struct dma_unmap {
	uint32_t argsz, flags;
	uint64_t iova, size;
};

struct device_info {
	uint32_t argsz, flags, num_regions, num_irqs;
};

struct irq_set { /* struct vfio_irq_set without its flexible tail */
	uint32_t argsz, flags, index, start, count;
};

struct write_one {
	struct vfu_region_access access;
	uint8_t data[MULTI_DATA];
};

/* An answer in the making: its payload lies in server->reply. */
struct answer {
	size_t len;
	int fd; /* -1: none */
};

static void put(struct vfu_server *s, struct answer *answer, const void *data, size_t len)
{
	memcpy(s->reply + answer->len, data, len);
	answer->len += len;
}

/* ---- VERSION ------------------------------------------------------------------------------- */

/* What the client says of itself. */
struct proposal {
	json_int_t fds, xfer;
	const json_t *capabilities; /* NULL: none */
};

static int get_int(const json_t *capabilities, const char *name, json_int_t *value)
{
	const json_t *v = json_object_get(capabilities, name);

	if (!v)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return -EINVAL;
	*value = json_integer_value(v);
	return 0;
}

static int read_proposal(const json_t *root, struct proposal *p)
{
	if (!json_is_object(root))
		return -EINVAL;
	p->capabilities = json_object_get(root, "capabilities");
	if (!p->capabilities)
		return 0;
	if (!json_is_object(p->capabilities) || get_int(p->capabilities, "max_msg_fds", &p->fds) ||
	    get_int(p->capabilities, "max_data_xfer_size", &p->xfer))
		return -EINVAL;
	return p->xfer ? 0 : -EINVAL;
}

/* Only what was proposed may be answered; QEMU refuses an answer longer than its question. */
static json_t *make_capabilities(const struct proposal *p)
{
	static const struct {
		const char *name;
		json_int_t value;
	} ours[] = {
		{"max_msg_fds", VFU_FDS_MAX},
		{"max_data_xfer_size", VFU_XFER_MAX},
		{"max_dma_maps", VFU_MAPS_MAX},
		{"pgsizes", PGSIZES},
	};
	json_t *c = json_object();

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (json_object_get(p->capabilities, ours[i].name))
			json_object_set_new(c, ours[i].name, json_integer(ours[i].value));
	if (json_is_true(json_object_get(p->capabilities, "write_multiple")))
		json_object_set_new(c, "write_multiple", json_true());
	return json_pack("{s:o}", "capabilities", c);
}

static int put_capabilities(struct vfu_server *s, struct answer *answer, const struct proposal *p)
{
	json_t *root = make_capabilities(p);
	size_t room = VFU_FIRST_MAX - answer->len;
	size_t len =
		root ? json_dumpb(root, (char *)s->reply + answer->len, room, JSON_COMPACT) : 0;

	json_decref(root);
	if (!len || len >= room)
		return -ENOMEM;
	s->reply[answer->len + len] = 0;
	answer->len += len + 1;
	return 0;
}

/* See enum vfu_layout. */
static bool like_qemu(const struct version *v, const struct proposal *p)
{
	const json_t *migration = json_object_get(p->capabilities, "migration");

	return v->minor == 0 && json_object_get(migration, "max_bitmap_size");
}

static void agree(struct vfu_server *s, const struct version *v, const struct proposal *p)
{
	s->client_fds = p->fds > VFU_FDS_MAX ? VFU_FDS_MAX : (uint32_t)p->fds;
	s->negotiated = true;
	pthread_mutex_lock(&s->lock);
	s->client_xfer = p->xfer > VFU_XFER_MAX ? VFU_XFER_MAX : (uint32_t)p->xfer;
	s->dma.layout = like_qemu(v, p) ? VFU_LAYOUT_UNKNOWN : VFU_LAYOUT_SPEC;
	s->stats.clients++;
	pthread_mutex_unlock(&s->lock);
	if (s->ops->client_new)
		s->ops->client_new(s->ctx);
}

static int negotiate(struct vfu_server *s, const struct version *v, const json_t *root,
		     struct answer *answer)
{
	struct proposal p = {.fds = 1, .xfer = VFU_XFER_MAX};
	struct version ours = {MAJOR, v->minor < MINOR ? v->minor : MINOR};
	int err = root ? read_proposal(root, &p) : 0;

	if (err)
		return err;
	put(s, answer, &ours, sizeof(ours));
	if (root)
		err = put_capabilities(s, answer, &p);
	if (!err)
		agree(s, v, &p);
	return err;
}

static int parse_version(struct vfu_server *s, const uint8_t *payload, size_t len,
			 struct answer *answer)
{
	const char *text = (const char *)payload + sizeof(struct version);
	size_t text_len = strnlen(text, len - sizeof(struct version));
	struct version v;
	json_t *root = NULL;
	int err;

	memcpy(&v, payload, sizeof(v));
	if (v.major != MAJOR) {
		vfu_log(s, "VERSION: the client speaks version %u.%u; 0.1 is spoken here", v.major,
			v.minor);
		return -EPROTONOSUPPORT;
	}
	if (text_len) {
		json_error_t error;

		root = json_loadb(text, text_len, JSON_REJECT_DUPLICATES, &error);
		if (!root) {
			vfu_log(s, "VERSION: JSON, byte %d: not understood", error.position);
			return -EINVAL;
		}
	}
	err = negotiate(s, &v, root, answer);
	json_decref(root);
	return err;
}

static int do_version(struct vfu_server *s, const uint8_t *payload, size_t len,
		      struct answer *answer)
{
	int err;

	if (s->negotiated)
		return -EINVAL;
	err = parse_version(s, payload, len, answer);
	s->closing = err != 0;
	return err;
}

/* ---- DMA ----------------------------------------------------------------------------------- */

static int do_dma_map(struct vfu_server *s, const uint8_t *payload, size_t len,
		      struct answer *answer)
{
	struct dma_map m;

	(void)len;
	(void)answer;
	memcpy(&m, payload, sizeof(m));
	if (m.argsz < sizeof(m) || s->in.fd_count > 1 ||
	    (m.flags & ~(uint32_t)(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)))
		return -EINVAL;
	return vfu_dma_map(s, m.iova, m.size, m.flags & VFIO_DMA_MAP_FLAG_READ,
			   m.flags & VFIO_DMA_MAP_FLAG_WRITE, s->in.fd_count ? s->in.fds[0] : -1,
			   m.offset);
}

static int do_dma_unmap(struct vfu_server *s, const uint8_t *payload, size_t len,
			struct answer *answer)
{
	struct dma_unmap u;
	int err = 0;

	(void)len;
	memcpy(&u, payload, sizeof(u));
	if (u.argsz < sizeof(u) || (u.flags & ~(uint32_t)VFIO_DMA_UNMAP_FLAG_ALL))
		return -EINVAL;
	if (!u.flags)
		err = vfu_dma_unmap(s, u.iova, u.size);
	else if (u.iova || u.size)
		err = -EINVAL;
	else
		vfu_dma_unmap_all(s);
	put(s, answer, &u, sizeof(u));
	return err;
}

/* ---- what the device is -------------------------------------------------------------------- */

static int do_device_info(struct vfu_server *s, const uint8_t *payload, size_t len,
			  struct answer *answer)
{
	struct device_info i;

	(void)len;
	memcpy(&i, payload, sizeof(i));
	if (i.argsz < sizeof(i))
		return -EINVAL;
	i = (struct device_info){.argsz = sizeof(i),
				 .flags = VFIO_DEVICE_FLAGS_PCI,
				 .num_regions = VFU_REGIONS,
				 .num_irqs = VFU_IRQS};
	if (s->ops->reset)
		i.flags |= VFIO_DEVICE_FLAGS_RESET;
	put(s, answer, &i, sizeof(i));
	return 0;
}

static bool all_of_it(const struct vfu_region *r)
{
	return r->areas == 1 && !r->area[0].offset && r->area[0].size == r->size;
}

static void put_areas(struct vfu_server *s, struct answer *answer, const struct vfu_region *r)
{
	struct vfio_region_info_cap_sparse_mmap cap = {
		.header = {.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1},
		.nr_areas = r->areas};

	put(s, answer, &cap, sizeof(cap));
	for (unsigned int i = 0; i < r->areas; i++) {
		struct vfio_region_sparse_mmap_area area = {.offset = r->area[i].offset,
							    .size = r->area[i].size};

		put(s, answer, &area, sizeof(area));
	}
}

/*
 * As the kernel does it: where the caller's room is too small, argsz says what is needed, and
 * capabilities are announced, but not there.
 */
static void put_region(struct vfu_server *s, struct answer *answer, const struct vfu_region *r,
		       struct vfio_region_info *info, uint32_t room)
{
	bool sparse = r->areas && !all_of_it(r);

	info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	info->offset = r->fd_offset;
	if (sparse) {
		info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
		info->argsz += sizeof(struct vfio_region_info_cap_sparse_mmap) +
			       r->areas * sizeof(struct vfio_region_sparse_mmap_area);
	}
	if (room < info->argsz) {
		put(s, answer, info, sizeof(*info));
		return;
	}
	info->cap_offset = sparse ? sizeof(*info) : 0;
	put(s, answer, info, sizeof(*info));
	if (sparse)
		put_areas(s, answer, r);
	answer->fd = r->fd;
}

static int do_region_info(struct vfu_server *s, const uint8_t *payload, size_t len,
			  struct answer *answer)
{
	const struct vfu_region *r;
	struct vfio_region_info info;
	uint32_t room;

	(void)len;
	memcpy(&info, payload, sizeof(info));
	room = info.argsz;
	if (room < sizeof(info) || info.index >= VFU_REGIONS)
		return -EINVAL;
	r = &s->config.region[info.index];
	info = (struct vfio_region_info){
		.argsz = sizeof(info), .index = info.index, .size = r->size};
	if (r->size && r->readable)
		info.flags |= VFIO_REGION_INFO_FLAG_READ;
	if (r->size && r->writable)
		info.flags |= VFIO_REGION_INFO_FLAG_WRITE;
	if (r->size && r->areas && s->client_fds)
		put_region(s, answer, r, &info, room);
	else
		put(s, answer, &info, sizeof(info));
	return 0;
}

static int do_irq_info(struct vfu_server *s, const uint8_t *payload, size_t len,
		       struct answer *answer)
{
	struct vfio_irq_info i;

	(void)len;
	memcpy(&i, payload, sizeof(i));
	if (i.argsz < sizeof(i) || i.index >= VFU_IRQS)
		return -EINVAL;
	i = (struct vfio_irq_info){.argsz = sizeof(i),
				   .flags = vfu_irq_flags(i.index),
				   .index = i.index,
				   .count = s->config.irq[i.index]};
	put(s, answer, &i, sizeof(i));
	return 0;
}

/* ---- SET_IRQS ------------------------------------------------------------------------------ */

/*
 * The specification sends the descriptors alone, all or none. Some clients send the kernel's array
 * too, whose -1 stand for vectors without one.
 */
static int spread_fds(struct vfu_server *s, const uint8_t *data, size_t len, uint32_t count,
		      int *fds)
{
	struct vfu_in *in = &s->in;
	unsigned int used = 0;

	if (len && len != count * sizeof(int32_t))
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		int32_t given = in->fd_count ? 0 : -1;

		if (len)
			memcpy(&given, data + i * sizeof(given), sizeof(given));
		if (given < -1)
			return -EINVAL;
		fds[i] = -1;
		if (given == -1)
			continue;
		if (used == in->fd_count || !vfu_link_is_eventfd(in->fds[used]))
			return -EINVAL;
		fds[i] = in->fds[used++];
	}
	return used == in->fd_count ? 0 : -EINVAL;
}

static int set_eventfds(struct vfu_server *s, struct vfu_irq_change *c, const uint8_t *data,
			size_t len)
{
	int fds[VFU_VECTORS_MAX];
	int err;

	if (c->count > VFU_VECTORS_MAX)
		return -EINVAL;
	err = spread_fds(s, data, len, c->count, fds);
	if (err)
		return err;
	c->fds = fds;
	err = vfu_irq_change(s, c);
	if (!err)
		s->in.fd_count = 0; /* they are the vectors' now */
	return err;
}

static bool one_bit(uint32_t v)
{
	return v && !(v & (v - 1));
}

static int do_set_irqs(struct vfu_server *s, const uint8_t *payload, size_t len,
		       struct answer *answer)
{
	struct irq_set set;
	struct vfu_irq_change c;
	const uint8_t *data = payload + sizeof(set);

	(void)answer;
	memcpy(&set, payload, sizeof(set));
	if (set.argsz < sizeof(set) || set.argsz > len)
		return -EINVAL;
	len = set.argsz - sizeof(set);
	c = (struct vfu_irq_change){.index = set.index,
				    .start = set.start,
				    .count = set.count,
				    .data = set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK,
				    .action = set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK,
				    .bools = data};
	if (!one_bit(c.data) || !one_bit(c.action) || set.flags != (c.data | c.action))
		return -EINVAL;
	if (c.data == VFIO_IRQ_SET_DATA_EVENTFD)
		return set_eventfds(s, &c, data, len);
	if (s->in.fd_count || (c.data == VFIO_IRQ_SET_DATA_BOOL && len != set.count))
		return -EINVAL;
	return vfu_irq_change(s, &c);
}

/* ---- registers ----------------------------------------------------------------------------- */

static int check_access(const struct vfu_server *s, const struct vfu_region_access *a, bool write)
{
	const struct vfu_region *r;

	if (a->region >= VFU_REGIONS || !a->count || a->count > VFU_XFER_MAX)
		return -EINVAL;
	r = &s->config.region[a->region];
	if (a->offset > r->size || a->count > r->size - a->offset)
		return -EINVAL;
	return (write ? r->writable : r->readable) ? 0 : -EPERM;
}

static int do_region_read(struct vfu_server *s, const uint8_t *payload, size_t len,
			  struct answer *answer)
{
	struct vfu_region_access a;
	int err;

	memcpy(&a, payload, sizeof(a));
	err = len == sizeof(a) ? check_access(s, &a, false) : -EINVAL;
	if (err)
		return err;
	put(s, answer, &a, sizeof(a));
	memset(s->reply + answer->len, 0, a.count);
	err = s->ops->region_read(s->ctx, a.region, a.offset, s->reply + answer->len, a.count);
	answer->len += a.count;
	return err;
}

static int write_region(struct vfu_server *s, const struct vfu_region_access *a,
			const uint8_t *data)
{
	int err = check_access(s, a, true);

	return err ? err : s->ops->region_write(s->ctx, a->region, a->offset, data, a->count);
}

static int do_region_write(struct vfu_server *s, const uint8_t *payload, size_t len,
			   struct answer *answer)
{
	struct vfu_region_access a;

	memcpy(&a, payload, sizeof(a));
	if (a.count != len - sizeof(a))
		return -EINVAL;
	put(s, answer, &a, sizeof(a));
	return write_region(s, &a, payload + sizeof(a));
}

/* Writes of up to 8 bytes each, as QEMU gathers them. Those before a bad one are done. */
static int do_write_multi(struct vfu_server *s, const uint8_t *payload, size_t len,
			  struct answer *answer)
{
	uint64_t count;
	int err = 0;

	memcpy(&count, payload, sizeof(count));
	len -= sizeof(count);
	if (len % sizeof(struct write_one) || count != len / sizeof(struct write_one))
		return -EINVAL;
	for (uint64_t i = 0; i < count && !err; i++) {
		struct write_one one;

		memcpy(&one, payload + sizeof(count) + i * sizeof(one), sizeof(one));
		if (one.access.count > sizeof(one.data))
			return -EINVAL;
		err = write_region(s, &one.access, one.data);
	}
	put(s, answer, &count, sizeof(count));
	return err;
}

static int do_reset(struct vfu_server *s, const uint8_t *payload, size_t len, struct answer *answer)
{
	(void)payload;
	(void)answer;
	if (len)
		return -EINVAL;
	return s->ops->reset ? s->ops->reset(s->ctx) : -ENOTSUP;
}

/* -------------------------------------------------------------------------------------------- */

struct command {
	const char *name;
	size_t payload_min;
	bool fds; /* may come with it */
	int (*run)(struct vfu_server *server, const uint8_t *payload, size_t len,
		   struct answer *answer);
};

static const struct command commands[VFU_COMMANDS] = {
	[VFU_VERSION] = {"VERSION", sizeof(struct version), false, do_version},
	[VFU_DMA_MAP] = {"DMA_MAP", sizeof(struct dma_map), true, do_dma_map},
	[VFU_DMA_UNMAP] = {"DMA_UNMAP", sizeof(struct dma_unmap), false, do_dma_unmap},
	[VFU_DEVICE_GET_INFO] = {"DEVICE_GET_INFO", sizeof(struct device_info), false,
				 do_device_info},
	[VFU_DEVICE_GET_REGION_INFO] = {"DEVICE_GET_REGION_INFO", sizeof(struct vfio_region_info),
					false, do_region_info},
	[VFU_DEVICE_GET_IRQ_INFO] = {"DEVICE_GET_IRQ_INFO", sizeof(struct vfio_irq_info), false,
				     do_irq_info},
	[VFU_DEVICE_SET_IRQS] = {"DEVICE_SET_IRQS", sizeof(struct irq_set), true, do_set_irqs},
	[VFU_REGION_READ] = {"REGION_READ", sizeof(struct vfu_region_access), false,
			     do_region_read},
	[VFU_REGION_WRITE] = {"REGION_WRITE", sizeof(struct vfu_region_access), false,
			      do_region_write},
	[VFU_DEVICE_RESET] = {"DEVICE_RESET", 0, false, do_reset},
	[VFU_REGION_WRITE_MULTI] = {"REGION_WRITE_MULTI", sizeof(uint64_t), false, do_write_multi},
};

static const struct command *find_command(uint16_t number)
{
	return number < VFU_COMMANDS && commands[number].run ? &commands[number] : NULL;
}

static int run(struct vfu_server *s, const struct command *c, size_t len, struct answer *answer)
{
	const struct vfu_in *in = &s->in;

	if (!c)
		return -ENOTSUP;
	if ((in->header.flags & VFU_FLAG_ERROR) || len < c->payload_min || in->fds_lost ||
	    (in->fd_count && !c->fds))
		return -EINVAL;
	if (!s->negotiated && in->header.command != VFU_VERSION)
		return -EINVAL;
	return c->run(s, in->payload, len, answer);
}

/* An errno for the client; a callback may have returned anything. */
static uint32_t error_number(int err)
{
	return err < 0 && err > -4096 ? (uint32_t)-err : EIO;
}

void vfu_msg_handle(struct vfu_server *s)
{
	const struct vfu_header *h = &s->in.header;
	const struct command *c = find_command(h->command);
	struct vfu_header reply = {.id = h->id, .command = h->command, .flags = VFU_TYPE_REPLY};
	struct answer answer = {.fd = -1};
	struct iovec part = {.iov_base = s->reply};
	size_t len = h->size - sizeof(*h);
	int err;

	if ((h->flags & VFU_FLAG_TYPE) == VFU_TYPE_REPLY) {
		vfu_dma_reply(s, h, s->in.payload, len);
		return;
	}
	err = run(s, c, len, &answer);
	if (err) {
		reply.flags |= VFU_FLAG_ERROR;
		reply.error = error_number(err);
		answer = (struct answer){.fd = -1};
		vfu_log(s, "%s (%u) refused: %s", c ? c->name : "command", h->command,
			strerror((int)reply.error));
	}
	/* Before the answer: who reads it may count what is open. */
	vfu_link_close_fds(s);
	part.iov_len = answer.len;
	pthread_mutex_lock(&s->lock);
	s->stats.commands++;
	s->stats.errors += err != 0;
	if (!(h->flags & VFU_FLAG_NO_REPLY))
		vfu_link_send(s, &reply, &part, 1, answer.fd);
	pthread_mutex_unlock(&s->lock);
}
