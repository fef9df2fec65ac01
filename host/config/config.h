/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration file of mpnicd. host/config/mpnicd.conf is the sample with every setting and
 * its reason; docs/policy.md is the page. Syntax: libconfig's.
 */
#ifndef HOST_CONFIG_H
#define HOST_CONFIG_H

#include <stddef.h>

#include "policy.h"
#include "probe.h"

#define CONFIG_PORTS	  2   /* of a card, as net_mpnic has them */
#define CONFIG_TAP_SIZE	  16  /* IFNAMSIZ */
#define CONFIG_PATH_SIZE  108 /* sun_path; also for files */
#define CONFIG_NAME_SIZE  32  /* of users and groups */
#define CONFIG_ERROR_SIZE 512 /* room for every message */

/* All strings end with 0; what the file leaves out has its default. */
struct config {
	char device[256];   /* PCI address or --vdev, with arguments (docs/dpdk.md) */
	unsigned int ports; /* entries of tap[] */
	char tap[CONFIG_PORTS][CONFIG_TAP_SIZE]; /* the kernel's interface for NIC port i */
	unsigned int mtu;			 /* bytes of an IP packet */
	char user[CONFIG_NAME_SIZE];		 /* to drop to; "": stay */
	char control_socket[CONFIG_PATH_SIZE];	 /* created with mode 0660 */
	char control_group[CONFIG_NAME_SIZE];	 /* its group; "": that of the user */
	char cache_file[CONFIG_PATH_SIZE];	 /* "": memory alone */
	unsigned int cache_entries;
	char metrics_socket[CONFIG_PATH_SIZE]; /* "": none */
	struct ip_addr metrics_addr;	       /* loopback; version 0: none */
	uint16_t metrics_port;
	struct probe_config probes;
	struct policy *policy; /* sealed; owned */
};

/*
 * Reads @path into *config, or leaves *config as it is. Returns 0 or a negative errno, then @error
 * (@size bytes) is one line: file, line, setting, what is wrong, what to do. A reload is: load into
 * another struct config; if that is 0, swap.
 */
int config_load(const char *path, struct config *config, char *error, size_t size);

/* The same from memory; @name stands for the file in messages. @text: @len bytes. */
int config_parse(const char *name, const char *text, size_t len, struct config *config, char *error,
		 size_t size);

/* Frees what it owns, and clears it. */
void config_free(struct config *config);

#endif
