/* SPDX-License-Identifier: BSD-3-Clause */
/* The cache's file: read at the start, and written some moments behind each change. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemon.h"

static void take(void *ctx, const struct peers_item *item)
{
	struct daemon *d = ctx;

	if (item->kind == PEERS_KIND_PIN)
		d->pins_left_out += peers_pin(plane_peers(d->plane), &item->pin) != 0;
	else
		peers_import(plane_peers(d->plane), &item->record, daemon_now(d).s, NULL);
}

/* What a file that cannot be used held can be learnt again. */
static int open_file(struct daemon *d, char why[STORE_WHY_SIZE])
{
	int err = store_open(d->config.cache_file, STORE_SIZE_DEFAULT, &d->store, why);

	if (err != -EUCLEAN)
		return err;
	daemon_say("cache: %s; it is put aside as %s.bad", why, d->config.cache_file);
	err = store_set_aside(d->config.cache_file);
	return err ? err : store_open(d->config.cache_file, STORE_SIZE_DEFAULT, &d->store, why);
}

int daemon_open_store(struct daemon *d, char *error, size_t size)
{
	char why[STORE_WHY_SIZE] = "";
	struct store_report report;
	int err = open_file(d, why);

	if (!err) {
		err = store_load(d->store, take, d, &report);
		snprintf(why, sizeof(why), "%s", err ? store_why(d->store) : "");
	}
	if (err) {
		snprintf(error, size, "cache: %s", why[0] ? why : strerror(-err));
		return err;
	}
	if (report.skipped)
		daemon_say("cache: %" PRIu64 " records are damaged and are left out: %s",
			   report.skipped, report.why);
	if (d->pins_left_out)
		daemon_say("cache: %" PRIu64 " pins are left out: there is no room for more",
			   d->pins_left_out);
	/* All that is known goes to the NIC. */
	d->sweeping = true;
	return 0;
}

static int put_one(struct daemon *d, const struct peer_key *key)
{
	struct peers_record r;

	if (peers_get(plane_peers(d->plane), key, &r))
		return store_delete(d->store, key);
	return store_put(d->store, &r);
}

/* What is no longer known goes, too. */
static int put_all(struct daemon *d)
{
	const struct peers_pin *pin;
	struct peers_record r;
	uint32_t at = 0;
	int err = store_clear(d->store);

	for (uint32_t i = 0; !err && (pin = peers_pin_at(plane_peers(d->plane), i)); i++)
		err = store_put_pin(d->store, pin);
	while (!err && peers_next(plane_peers(d->plane), &at, &r))
		err = store_put(d->store, &r);
	return err;
}

void daemon_save(struct daemon *d)
{
	int err;

	if (!d->unsaved_count && !d->unsaved_missed)
		return;
	err = store_begin(d->store);
	if (!err && d->unsaved_missed)
		err = put_all(d);
	for (uint32_t i = 0; !err && i < d->unsaved_count; i++)
		err = put_one(d, &d->unsaved[i]);
	if (!err)
		err = store_commit(d->store);
	if (err && !d->store_errors++)
		daemon_say("cache: %s", store_why(d->store));
	d->unsaved_count = 0;
	d->unsaved_missed = false;
}

void daemon_save_pin(struct daemon *d, const struct peers_pin *pin, bool gone)
{
	int err;

	if (!d->store)
		return;
	err = store_begin(d->store);
	if (!err)
		err = gone ? store_delete_pin(d->store, pin) : store_put_pin(d->store, pin);
	if (!err)
		err = store_commit(d->store);
	if (err && !d->store_errors++)
		daemon_say("cache: %s", store_why(d->store));
}
