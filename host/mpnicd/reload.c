/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "daemon.h"

/* What a running mpnicd cannot change. */
static const char *fixed_change(const struct config *a, const struct config *b)
{
	if (strcmp(a->device, b->device))
		return "device";
	if (a->mtu != b->mtu)
		return "mtu";
	if (memcmp(a->tap, b->tap, sizeof(a->tap)))
		return "tap";
	if (strcmp(a->control_socket, b->control_socket))
		return "control_socket";
	if (strcmp(a->cache_file, b->cache_file) || a->cache_entries != b->cache_entries)
		return "cache";
	return NULL;
}

/* The rules change at once; the rest is for the next start, which is said. */
int daemon_reload(struct daemon *d, char *error, size_t size)
{
	struct config fresh = {0};
	struct policy *before;
	const char *fixed;
	int err = config_load(d->config_path, &fresh, error, size);

	if (err)
		return err;
	fixed = fixed_change(&d->config, &fresh);
	if (fixed)
		daemon_say("%s: \"%s\" has changed too: that is for the next start", d->config_path,
			   fixed);
	plane_set_policy(d->plane, fresh.policy, daemon_now(d));
	before = d->config.policy;
	d->config.policy = fresh.policy;
	fresh.policy = before;
	config_free(&fresh);
	return 0;
}
