/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Command list: finds cards with libpci, by the signature in their vendor capability, or by their
 * ids. What a card says in its configuration space is not trusted: capabilities are walked with a
 * bound, and nothing is indexed by it.
 */
#include "tool.h"

#include <errno.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CAPS_MAX 48 /* that fit into 256 bytes */

/* libpci's error handler must not return and is given no context: this program lists once. */
static jmp_buf failed;
static char failed_why[256];

static void pci_failed(char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void pci_failed(char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(failed_why, sizeof(failed_why), format, args);
	va_end(args);
	longjmp(failed, 1);
}

static void pci_warned(char *format, ...) __attribute__((format(printf, 1, 2)));

static void pci_warned(char *format, ...)
{
	va_list args;

	fputs("mpnic-tool: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* Offset of the next capability with this id behind the one at `from` (0: the first); 0: none. */
static unsigned int next_cap(struct pci_dev *d, unsigned int id, unsigned int from)
{
	unsigned int at;

	if (!from && !(pci_read_word(d, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return 0;
	at = pci_read_byte(d, (int)(from ? from + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST));
	for (unsigned int i = 0; i < CAPS_MAX; i++) {
		at &= ~3u;
		if (at < 0x40)
			return 0;
		if (pci_read_byte(d, (int)at) == id)
			return at;
		at = pci_read_byte(d, (int)at + PCI_CAP_LIST_NEXT);
	}
	return 0;
}

/* The vendor capability with our signature: its offset; 0: none. */
static unsigned int signature_cap(struct pci_dev *d)
{
	unsigned int at = 0;

	for (unsigned int i = 0; i < CAPS_MAX; i++) {
		struct mpnic_pci_cap cap;

		at = next_cap(d, PCI_CAP_ID_VNDR, at);
		if (!at)
			return 0;
		if (at + sizeof(cap) > 256 || !pci_read_block(d, (int)at, (u8 *)&cap, sizeof(cap)))
			continue;
		if (cap.len >= sizeof(cap) && cap.version == 1 && cap.signature == MPNIC_SIGNATURE)
			return at;
	}
	return 0;
}

static const char *link_speed(unsigned int code)
{
	static const char *const names[] = {"?", "2.5", "5", "8", "16", "32", "64"};

	return code < sizeof(names) / sizeof(names[0]) ? names[code] : "?";
}

static void set_link(json_t *row, struct pci_dev *d)
{
	unsigned int at = next_cap(d, PCI_CAP_ID_EXP, 0);
	unsigned int status;

	if (!at || at + PCI_EXP_LNKSTA + 2 > 256) {
		set_text(row, "link", "%s", "");
		return;
	}
	status = pci_read_word(d, (int)at + PCI_EXP_LNKSTA);
	set_text(row, "link", "%s GT/s x%u", link_speed(status & PCI_EXP_LNKSTA_SPEED),
		 (status & PCI_EXP_LNKSTA_WIDTH) >> 4);
}

static bool is_bridge(const struct pci_dev *d)
{
	return d->device_class >> 8 == 0x06;
}

static bool is_vfio(const char *driver)
{
	return !strcmp(driver, "vfio-pci") || !strcmp(driver, "pci-stub");
}

/* Another device of the group that stands in the way of giving it away; NULL: none. */
static struct pci_dev *in_the_way(struct pci_dev *d, const char *group)
{
	for (struct pci_dev *o = d->access->devices; o; o = o->next) {
		const char *theirs = pci_get_string_property(o, PCI_FILL_IOMMU_GROUP);
		const char *driver = pci_get_string_property(o, PCI_FILL_DRIVER);

		if (o != d && theirs && driver && !strcmp(theirs, group) && !is_bridge(o) &&
		    !is_vfio(driver))
			return o;
	}
	return NULL;
}

/* What is to be done before a driver can use it. */
static void set_advice(const struct tool *t, json_t *row, struct pci_dev *d, const char *driver,
		       const char *group)
{
	char name[32];
	struct pci_dev *other;

	snprintf(name, sizeof(name), "%04x:%02x:%02x.%d", (unsigned int)d->domain, d->bus, d->dev,
		 d->func);
	if (t->dump) {
		set_text(row, "note", "%s", "from a dump");
	} else if (d->base_addr[0] == 0 || d->size[0] < MPNIC_BAR_SIZE) {
		set_text(row, "note", "BAR 0 has %llu bytes, not %u: no driver can use it",
			 (unsigned long long)d->size[0], MPNIC_BAR_SIZE);
	} else if (!group) {
		set_text(
			row, "note", "%s",
			"in no IOMMU group: turn the IOMMU on (firmware setup; kernel: intel_iommu=on)");
	} else if (!driver) {
		set_text(row, "note", "no driver bound: driverctl set-override %s vfio-pci", name);
	} else if (!is_vfio(driver)) {
		set_text(row, "note", "bound to %s: driverctl set-override %s vfio-pci", driver,
			 name);
	} else if ((other = in_the_way(d, group))) {
		set_text(row, "note",
			 "IOMMU group %s is not viable: %04x:%02x:%02x.%d in it is bound to %s",
			 group, (unsigned int)other->domain, other->bus, other->dev, other->func,
			 pci_get_string_property(other, PCI_FILL_DRIVER));
	} else {
		set_text(row, "note", "%s", "ready");
	}
}

static void add_card(const struct tool *t, json_t *rows, struct pci_dev *d, unsigned int cap)
{
	const char *driver = pci_get_string_property(d, PCI_FILL_DRIVER);
	const char *group = pci_get_string_property(d, PCI_FILL_IOMMU_GROUP);
	json_t *row = add_row(rows);

	set_text(row, "device", "%04x:%02x:%02x.%d", (unsigned int)d->domain, d->bus, d->dev,
		 d->func);
	set_text(row, "id", "%04x:%04x", d->vendor_id, d->device_id);
	set_text(row, "mpnic", "%s", cap ? "by capability" : "by id");
	set_link(row, d);
	set_text(row, "driver", "%s", driver ? driver : "");
	set_text(row, "iommu_group", "%s", group ? group : "");
	if (d->numa_node >= 0)
		set_text(row, "numa_node", "%d", d->numa_node);
	else
		set_text(row, "numa_node", "%s", "");
	set_advice(t, row, d, driver, group);
}

static void scan(const struct tool *t, struct pci_access *access, json_t *rows)
{
	pci_scan_bus(access);
	for (struct pci_dev *d = access->devices; d; d = d->next)
		pci_fill_info(d, PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_BASES | PCI_FILL_SIZES |
					 PCI_FILL_DRIVER | PCI_FILL_IOMMU_GROUP |
					 PCI_FILL_NUMA_NODE);
	for (struct pci_dev *d = access->devices; d; d = d->next) {
		unsigned int cap = signature_cap(d);

		if (cap ||
		    (d->vendor_id == MPNIC_PCI_VENDOR_ID && d->device_id == MPNIC_PCI_DEVICE_ID))
			add_card(t, rows, d, cap);
	}
}

static int list_cards(const struct tool *t, json_t *rows)
{
	struct pci_access *access = pci_alloc();
	char method[] = "sysfs.path", name[] = "dump.name";

	if (!access)
		return complain(EXIT_WRONG, "out of memory");
	access->error = pci_failed;
	access->warning = pci_warned;
	access->method = t->dump ? PCI_ACCESS_DUMP : PCI_ACCESS_SYS_BUS_PCI;
	if (t->sysfs)
		pci_set_param(access, method, (char *)t->sysfs);
	if (t->dump)
		pci_set_param(access, name, (char *)t->dump);
	if (setjmp(failed))
		return complain(EXIT_WRONG, "cannot list PCI devices: %s", failed_why);
	pci_init(access);
	scan(t, access, rows);
	pci_cleanup(access);
	return EXIT_FINE;
}

static int list_simulated(const struct tool *t, json_t *rows, const char *name)
{
	const struct mpnic_options options = {.timeout_ms = t->timeout_ms};
	char error[MPNIC_ERROR_MAX];
	struct mpnic_dev *dev;
	json_t *row;
	int err;

	if (strncmp(name, MPNIC_VFIO_USER, strlen(MPNIC_VFIO_USER)) != 0)
		return complain(EXIT_USAGE,
				"list takes simulated devices, vfio-user:PATH, not '%s'", name);
	err = mpnic_open(name, &options, &dev, error);
	row = add_row(rows);
	set_text(row, "device", "%s", name);
	set_text(row, "serial", "%s", err ? "" : mpnic_info(dev)->serial);
	set_text(row, "note", "%s", err ? error : "ready");
	if (err)
		return EXIT_ABSENT;
	mpnic_close(dev);
	return EXIT_FINE;
}

int list_main(struct tool *t)
{
	json_t *doc = json_object(), *cards = set_array(doc, "card"), *simulated;
	bool look = t->argc == 1 || t->sysfs || t->dump;
	int code = EXIT_FINE;

	if (look)
		code = list_cards(t, cards);
	simulated = set_array(doc, "simulated");
	for (int i = 1; i < t->argc; i++) {
		int one = list_simulated(t, simulated, t->argv[i]);

		if (one > code)
			code = one;
	}
	if (code == EXIT_USAGE || (look && code == EXIT_WRONG)) {
		json_decref(doc);
		return code;
	}
	if (!t->json && !json_array_size(cards) && !json_array_size(simulated)) {
		puts("no mpnic card found");
		json_decref(doc);
		return code;
	}
	if (!t->json && !json_array_size(cards))
		json_object_del(doc, "card");
	if (!t->json && !json_array_size(simulated))
		json_object_del(doc, "simulated");
	output(t, doc);
	return code;
}
