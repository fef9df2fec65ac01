/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The peer version cache in a file (LMDB; docs/peers.md, "File"). One process at a time; who is
 * killed in the middle of a transaction leaves the file as it was before it. What is read is
 * hostile: a damaged file is refused, a damaged record is passed over.
 */
#ifndef HOST_STORE_H
#define HOST_STORE_H

#include <stddef.h>

#include "peers.h"

#define STORE_FORMAT   1
#define STORE_WHY_SIZE 256
/* Address space for the file, and how large it may become: about 40 million records. */
#define STORE_SIZE_DEFAULT ((size_t)8 << 30)

struct store;

/*
 * Opens, checks, and where there is none makes, the file @path of at most @size bytes; beside it
 * nothing is made. The whole file is read once by a child process, so open before there are
 * threads. -EBUSY: another process has it; -EINVAL: it is not a peer cache; -EPROTONOSUPPORT: it is
 * one of a newer format; -EUCLEAN: it is damaged; others: the system's. why[] says which, for
 * people.
 */
int store_open(const char *path, size_t size, struct store **store, char why[STORE_WHY_SIZE]);
/* What was not committed is lost. */
void store_close(struct store *store);
/* What went wrong last, for people; valid until the next call. */
const char *store_why(const struct store *store);

/*
 * Moves a damaged or foreign file out of the way, to @path with ".bad" behind it (an older one of
 * that name is lost), so that a new one can be made: all that it held can be learnt again.
 */
int store_set_aside(const char *path);

/*
 * A transaction: put together as many changes as there are, for each commit waits for the disk.
 * After an error the transaction is over and nothing of it was done. -ENOSPC: the file is as large
 * as it may be, or the disk is full. -EINVAL: no such record, or (begin) one is under way.
 */
int store_begin(struct store *store);
int store_put(struct store *store, const struct peers_record *record);
int store_put_pin(struct store *store, const struct peers_pin *pin);
/* What is not there is deleted without an error. */
int store_delete(struct store *store, const struct peer_key *key);
int store_delete_pin(struct store *store, const struct peers_pin *pin);
/* Deletes all records and pins. */
int store_clear(struct store *store);
int store_commit(struct store *store);
void store_abort(struct store *store);

struct store_report {
	uint64_t records, pins;
	uint64_t skipped;	  /* records that were damaged */
	char why[STORE_WHY_SIZE]; /* what was wrong with the first of them */
};

/* Gives every record and pin to take(), in order of kind, network and address. */
int store_load(struct store *store, void (*take)(void *ctx, const struct peers_item *item),
	       void *ctx, struct store_report *report);

#endif
