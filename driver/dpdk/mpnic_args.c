/* SPDX-License-Identifier: BSD-3-Clause */
/* Devargs: what can be said of a device on the command line (docs/dpdk.md). */
#include <errno.h>
#include <stdlib.h>

#include <rte_kvargs.h>
#include <rte_string_fns.h>

#include "mpnic_pmd.h"

struct parsing {
	struct pmd_args *args;
	bool vdev;
};

struct argument {
	const char *key;
	bool vdev_only;
	int (*set)(struct pmd_args *args, const char *value);
};

static int bad(const char *key, const char *value, const char *takes)
{
	PMD_LOG(ERR, "%s=%s: %s takes %s", key, value, key, takes);
	return -EINVAL;
}

static int set_number(const char *key, const char *value, unsigned int min, unsigned int max,
		      unsigned int *number)
{
	char takes[48], *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	snprintf(takes, sizeof(takes), "a number from %u to %u", min, max);
	if (end == value || *end || errno || *value == '-' || n < min || n > max)
		return bad(key, value, takes);
	*number = (unsigned int)n;
	return 0;
}

static int set_bool(const char *key, const char *value, bool *flag)
{
	unsigned int n = 0;
	const int err = set_number(key, value, 0, 1, &n);

	if (!err)
		*flag = n;
	return err;
}

static int set_text(const char *key, const char *value, char *text, size_t size)
{
	if (!*value || rte_strscpy(text, value, size) < 0)
		return bad(key, value, "a path that is not too long");
	return 0;
}

static int set_socket(struct pmd_args *args, const char *value)
{
	return set_text("socket", value, args->socket, sizeof(args->socket));
}

static int set_engine(struct pmd_args *args, const char *value)
{
	if (strcmp(value, "model"))
		return bad(
			"engine", value,
			"model; for the RTL start `mpnic-sim serve --engine rtl` and give socket=");
	args->model = true;
	return 0;
}

/* A wire with a comma stands in brackets: port0=[pcap:in.pcap,out.pcapng]. */
static int set_wire(const char *key, const char *value, char *wire, size_t size)
{
	const size_t len = strlen(value);
	const int err = set_text(key, value, wire, size);

	if (err || *value != '[' || value[len - 1] != ']')
		return err;
	memmove(wire, wire + 1, len - 2);
	wire[len - 2] = '\0';
	return 0;
}

static int set_port0(struct pmd_args *args, const char *value)
{
	return set_wire("port0", value, args->wire[0], sizeof(args->wire[0]));
}

static int set_port1(struct pmd_args *args, const char *value)
{
	return set_wire("port1", value, args->wire[1], sizeof(args->wire[1]));
}

static int set_control(struct pmd_args *args, const char *value)
{
	return set_text("control", value, args->control, sizeof(args->control));
}

static int set_firmware(struct pmd_args *args, const char *value)
{
	return set_text("firmware", value, args->firmware, sizeof(args->firmware));
}

static int set_ports(struct pmd_args *args, const char *value)
{
	return set_number("ports", value, 1, MPNIC_PORTS, &args->ports);
}

static int set_timeout(struct pmd_args *args, const char *value)
{
	return set_number("timeout_ms", value, 100, 600000, &args->timeout_ms);
}

static int set_watchdog(struct pmd_args *args, const char *value)
{
	return set_number("watchdog_ms", value, 10, 10000, &args->watchdog_ms);
}

static int set_metadata(struct pmd_args *args, const char *value)
{
	return set_bool("metadata", value, &args->metadata);
}

/* "src", "dst/24": the first bits of one end's address. */
static bool take_end(const char **text, const char *name, uint8_t mask[16])
{
	unsigned long bits = 128;
	char *end;

	if (strncmp(*text, name, strlen(name)))
		return false;
	*text += strlen(name);
	if (**text == '/') {
		bits = strtoul(*text + 1, &end, 10);
		*text = end;
	}
	for (unsigned int i = 0; i < bits && i < 128; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return bits && bits <= 128;
}

static int set_mask(struct pmd_args *args, const char *value)
{
	const char *text = value;

	args->mask_given = true;
	while (take_end(&text, "src", args->mask.lo_addr) ||
	       take_end(&text, "dst", args->mask.hi_addr)) {
		if (!*text)
			return 0;
		if (*text++ != '+')
			break;
	}
	return bad("mask", value,
		   "src, dst, or both as src+dst, each with a prefix length as src/24");
}

static const struct argument arguments[] = {
	{"socket", true, set_socket},
	{"engine", true, set_engine},
	{"port0", true, set_port0},
	{"port1", true, set_port1},
	{"control", true, set_control},
	{"firmware", false, set_firmware},
	{"ports", false, set_ports},
	{"timeout_ms", false, set_timeout},
	{"watchdog_ms", false, set_watchdog},
	{"metadata", false, set_metadata},
	{"mask", false, set_mask},
};

static int set_one(const char *key, const char *value, void *opaque)
{
	const struct parsing *p = opaque;

	for (unsigned int i = 0; i < RTE_DIM(arguments); i++) {
		if (strcmp(arguments[i].key, key))
			continue;
		if (arguments[i].vdev_only && !p->vdev) {
			PMD_LOG(ERR, "%s is for a vdev, not for a card", key);
			return -EINVAL;
		}
		if (!value || !*value) {
			PMD_LOG(ERR, "%s= lacks its value", key);
			return -EINVAL;
		}
		return arguments[i].set(p->args, value);
	}
	PMD_LOG(ERR, "%s is no argument of this driver; see its guide", key);
	return -EINVAL;
}

/* A vdev is one of two things, and what is the model's is of no use for the other. */
static int check_kind(const struct pmd_args *args)
{
	if (args->model == !!args->socket[0]) {
		PMD_LOG(ERR, "a vdev needs socket=PATH (of mpnic-sim serve) or engine=model%s",
			args->model ? ", not both" : "");
		return -EINVAL;
	}
	if (!args->model && (args->wire[0][0] || args->wire[1][0] || args->control[0])) {
		PMD_LOG(ERR, "port0, port1 and control are for engine=model; with socket= they are "
			     "options of mpnic-sim serve");
		return -EINVAL;
	}
	return 0;
}

int pmd_args_parse(const char *text, bool vdev, struct pmd_args *args)
{
	struct parsing p = {.args = args, .vdev = vdev};
	struct rte_kvargs *list;
	int err;

	*args = (struct pmd_args){.ports = MPNIC_PORTS, .watchdog_ms = 100};
	list = rte_kvargs_parse(text ? text : "", NULL);
	if (!list) {
		PMD_LOG(ERR, "'%s' is no list of key=value", text);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < list->count; i++) {
		if (rte_kvargs_count(list, list->pairs[i].key) == 1)
			continue;
		PMD_LOG(ERR, "%s is given twice", list->pairs[i].key);
		rte_kvargs_free(list);
		return -EINVAL;
	}
	err = rte_kvargs_process(list, NULL, set_one, &p);
	rte_kvargs_free(list);
	if (!err && vdev)
		err = check_kind(args);
	return err ? -EINVAL : 0;
}
