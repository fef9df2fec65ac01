/* SPDX-License-Identifier: BSD-3-Clause */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

enum {
	CRC_SIZE = 4,
	HEAD_SIZE = 4,
	CHECK_CPU_S = 60, /* more than any file of the largest size takes */
	FREE_DBI = 0,	  /* LMDB's own list of free pages */
	META_PAGES = 2,
	/* How the checking child ends. */
	SOUND = 0,
	DAMAGED = 10,
	NO_LMDB = 11,
	UNREADABLE = 12,
};

/* Sorts before all records: a kind that there is not. */
static const char head_key[] = "\0mpnic peers";
#define HEAD_KEY_SIZE (sizeof(head_key) - 1)

/* mdb_env_open() of one file, without a lock file: flock() on the file itself keeps others out, and
 * a lock file would be one more thing that may be damaged, or be left by the dead. */
#define OPEN_FLAGS (MDB_NOSUBDIR | MDB_NOLOCK | MDB_NORDAHEAD)

struct store {
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *txn;
	int lock; /* the file, locked */
	char why[STORE_WHY_SIZE];
};

static int from_lmdb(int code)
{
	switch (code) {
	case MDB_MAP_FULL:
		return -ENOSPC;
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
		return -EINVAL;
	default:
		return code > 0 ? -code : -EUCLEAN;
	}
}

static int failed(struct store *s, const char *doing, int code)
{
	snprintf(s->why, sizeof(s->why), "%s: %s", doing, mdb_strerror(code));
	return from_lmdb(code);
}

static void put_le32(uint8_t *p, uint32_t v)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get_le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t crc_of(const void *key, size_t key_len, const void *value, size_t value_len)
{
	const uLong crc = crc32(crc32(0, NULL, 0), key, (uInt)key_len);

	return (uint32_t)crc32(crc, value, (uInt)value_len);
}

/* The checking child. LMDB trusts what is in its pages and may crash on damaged ones; here that
 * harms nobody, and the parent then does not open the file. */

static int touch(const MDB_val *v)
{
	static volatile uint8_t sink;
	const uint8_t *p = v->mv_data;
	size_t i;

	for (i = 0; i < v->mv_size; i++)
		sink = (uint8_t)(sink ^ p[i]);
	return 0;
}

/* A list of free pages: a count, then page numbers, falling. A writer takes pages from it, so it
 * may name none that cannot be free. */
static bool free_list_sound(const MDB_val *v, uint64_t last_page, uint64_t *pages)
{
	const uint64_t *list = v->mv_data;
	uint64_t i, n;

	if (v->mv_size < sizeof(*list) || (uintptr_t)list % sizeof(*list))
		return false;
	n = list[0];
	if (n != v->mv_size / sizeof(*list) - 1 || v->mv_size % sizeof(*list))
		return false;
	for (i = 1; i <= n; i++) {
		if (list[i] < META_PAGES || list[i] > last_page ||
		    (i > 1 && list[i] >= list[i - 1]))
			return false;
	}
	*pages += n;
	return true;
}

static bool walk(MDB_txn *txn, MDB_dbi dbi, uint64_t last_page, uint64_t *pages)
{
	MDB_cursor *cursor;
	MDB_val key, value, before = {0};
	MDB_stat stat;
	uint64_t n = 0;
	int code;

	if (mdb_cursor_open(txn, dbi, &cursor) || mdb_stat(txn, dbi, &stat))
		return false;
	*pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
	while (!(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		/* More than there are, or out of order: pages are linked in a circle, or wrongly.
		 */
		if (++n > stat.ms_entries || (n > 1 && mdb_cmp(txn, dbi, &before, &key) >= 0))
			return false;
		before = key;
		touch(&key);
		touch(&value);
		if (dbi == FREE_DBI && !free_list_sound(&value, last_page, pages))
			return false;
	}
	return code == MDB_NOTFOUND && n == stat.ms_entries;
}

static int check(const char *path, off_t file_size)
{
	uint64_t pages = META_PAGES;
	MDB_envinfo info;
	MDB_stat stat;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	int code;

	if (mdb_env_create(&env))
		return UNREADABLE;
	code = mdb_env_open(env, path, OPEN_FLAGS | MDB_RDONLY, 0);
	if (code == MDB_INVALID || code == MDB_VERSION_MISMATCH)
		return NO_LMDB;
	if (code)
		return code == ENOMEM ? DAMAGED : UNREADABLE;
	if (mdb_env_info(env, &info) || mdb_env_stat(env, &stat) ||
	    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) || mdb_dbi_open(txn, NULL, 0, &dbi))
		return DAMAGED;
	if (stat.ms_psize < 512 || info.me_last_pgno >= (uint64_t)file_size / stat.ms_psize)
		return DAMAGED;
	if (!walk(txn, FREE_DBI, info.me_last_pgno, &pages) ||
	    !walk(txn, dbi, info.me_last_pgno, &pages))
		return DAMAGED;
	/* Each page is of a tree or free: else a writer would take one that is in use. */
	return pages == info.me_last_pgno + 1 ? SOUND : DAMAGED;
}

static void be_checker(const char *path, off_t file_size)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU};
	const struct rlimit cpu = {CHECK_CPU_S, CHECK_CPU_S};
	const struct rlimit core = {0, 0};
	const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	unsigned int i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	/* LMDB and sanitizers would report what is our business alone. */
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
	_exit(check(path, file_size));
}

static int check_in_child(const char *path, off_t file_size, char why[STORE_WHY_SIZE])
{
	const pid_t pid = fork();
	int status;

	if (pid < 0) {
		snprintf(why, STORE_WHY_SIZE, "%s: cannot be checked: %s", path, strerror(errno));
		return -errno;
	}
	if (!pid)
		be_checker(path, file_size);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			snprintf(why, STORE_WHY_SIZE, "%s: cannot be checked: %s", path,
				 strerror(errno));
			return -EIO;
		}
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == SOUND)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_LMDB) {
		snprintf(why, STORE_WHY_SIZE,
			 "%s: is no LMDB file, or one of another version of LMDB", path);
		return -EINVAL;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == UNREADABLE) {
		snprintf(why, STORE_WHY_SIZE, "%s: cannot be read", path);
		return -EIO;
	}
	snprintf(why, STORE_WHY_SIZE, "%s: is damaged", path);
	return -EUCLEAN;
}

static int open_file(const char *path, int *file, off_t *size, char why[STORE_WHY_SIZE])
{
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat stat;
	int code = 0;

	if (fd < 0) {
		code = -errno;
		snprintf(why, STORE_WHY_SIZE, "%s: %s", path, strerror(errno));
		return code;
	}
	if (fstat(fd, &stat) || !S_ISREG(stat.st_mode)) {
		snprintf(why, STORE_WHY_SIZE, "%s: is no file", path);
		code = -EINVAL;
	} else if (flock(fd, LOCK_EX | LOCK_NB)) {
		snprintf(why, STORE_WHY_SIZE, "%s: is in use by another process", path);
		code = -EBUSY;
	}
	if (code) {
		close(fd);
		return code;
	}
	*file = fd;
	*size = stat.st_size;
	return 0;
}

/* The record that says what this is; a new file gets one. */
static int read_head(struct store *s, bool *missing)
{
	MDB_val key = {HEAD_KEY_SIZE, (void *)head_key}, value;
	MDB_stat stat;
	int code = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->txn);

	if (code)
		return failed(s, "read", code);
	code = mdb_dbi_open(s->txn, NULL, 0, &s->dbi);
	if (!code)
		code = mdb_stat(s->txn, s->dbi, &stat);
	if (!code)
		code = mdb_get(s->txn, s->dbi, &key, &value);
	*missing = code == MDB_NOTFOUND && !stat.ms_entries;
	if (code == MDB_NOTFOUND && stat.ms_entries) {
		snprintf(s->why, sizeof(s->why), "is an LMDB file, but no peer cache");
		code = -EINVAL;
	} else if (code && code != MDB_NOTFOUND) {
		code = failed(s, "read", code);
	} else if (!code && value.mv_size != HEAD_SIZE) {
		snprintf(s->why, sizeof(s->why), "is a peer cache with a damaged head");
		code = -EUCLEAN;
	} else if (!code && get_le32(value.mv_data) != STORE_FORMAT) {
		snprintf(s->why, sizeof(s->why),
			 "is of format %u, which a newer mpnic wrote; this one knows format %d",
			 get_le32(value.mv_data), STORE_FORMAT);
		code = -EPROTONOSUPPORT;
	} else {
		code = 0;
	}
	mdb_txn_commit(s->txn); /* keeps the handle of the database */
	s->txn = NULL;
	return code;
}

static int put(struct store *s, const void *key, size_t key_len, const void *value,
	       size_t value_len)
{
	MDB_val k = {key_len, (void *)key}, v = {value_len, (void *)value};
	int code;

	if (!s->txn) {
		snprintf(s->why, sizeof(s->why), "no transaction is under way");
		return -EINVAL;
	}
	code = mdb_put(s->txn, s->dbi, &k, &v, 0);
	if (!code)
		return 0;
	store_abort(s);
	return failed(s, "write", code);
}

static int put_head(struct store *s)
{
	uint8_t value[HEAD_SIZE];

	put_le32(value, STORE_FORMAT);
	return put(s, head_key, HEAD_KEY_SIZE, value, sizeof(value));
}

static int write_head(struct store *s)
{
	int code = store_begin(s);

	if (!code)
		code = put_head(s);
	return code ? code : store_commit(s);
}

static int open_env(struct store *s, const char *path, size_t size)
{
	bool missing;
	int code = mdb_env_create(&s->env);

	if (!code)
		code = mdb_env_set_mapsize(s->env, size);
	if (!code)
		code = mdb_env_open(s->env, path, OPEN_FLAGS, 0600);
	if (code)
		return failed(s, "open", code);
	code = read_head(s, &missing);
	return code || !missing ? code : write_head(s);
}

int store_open(const char *path, size_t size, struct store **store, char why[STORE_WHY_SIZE])
{
	struct store *s = calloc(1, sizeof(*s));
	off_t file_size = 0;
	int code;

	why[0] = 0;
	if (!s)
		return -ENOMEM;
	code = open_file(path, &s->lock, &file_size, why);
	if (code) {
		free(s);
		return code;
	}
	if (file_size)
		code = check_in_child(path, file_size, why);
	if (!code) {
		code = open_env(s, path, size);
		if (code)
			snprintf(why, STORE_WHY_SIZE, "%.*s: %.*s", STORE_WHY_SIZE / 2 - 2, path,
				 STORE_WHY_SIZE / 2 - 1, s->why);
	}
	if (code) {
		store_close(s);
		return code;
	}
	*store = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_abort(s);
	if (s->env)
		mdb_env_close(s->env);
	close(s->lock);
	free(s);
}

const char *store_why(const struct store *s)
{
	return s->why;
}

int store_set_aside(const char *path)
{
	char to[PATH_MAX];

	if ((size_t)snprintf(to, sizeof(to), "%s.bad", path) >= sizeof(to))
		return -ENAMETOOLONG;
	return rename(path, to) ? -errno : 0;
}

int store_begin(struct store *s)
{
	int code;

	if (s->txn) {
		snprintf(s->why, sizeof(s->why), "a transaction is under way");
		return -EINVAL;
	}
	code = mdb_txn_begin(s->env, NULL, 0, &s->txn);
	if (!code)
		return 0;
	s->txn = NULL;
	return failed(s, "begin", code);
}

static void seal(const uint8_t *key, uint8_t *value, size_t len)
{
	put_le32(value + len, crc_of(key, PEERS_KEY_SIZE, value, len));
}

int store_put(struct store *s, const struct peers_record *record)
{
	uint8_t key[PEERS_KEY_SIZE], value[PEERS_VALUE_SIZE + CRC_SIZE];
	const char *wrong = peers_record_wrong(record);

	if (wrong) {
		store_abort(s);
		snprintf(s->why, sizeof(s->why), "%s", wrong);
		return -EINVAL;
	}
	peers_encode(record, key, value);
	seal(key, value, PEERS_VALUE_SIZE);
	return put(s, key, sizeof(key), value, sizeof(value));
}

int store_put_pin(struct store *s, const struct peers_pin *pin)
{
	uint8_t key[PEERS_KEY_SIZE], value[PEERS_PIN_SIZE + CRC_SIZE];
	const char *wrong = peers_pin_wrong(pin);

	if (wrong) {
		store_abort(s);
		snprintf(s->why, sizeof(s->why), "%s", wrong);
		return -EINVAL;
	}
	peers_encode_pin(pin, key, value);
	seal(key, value, PEERS_PIN_SIZE);
	return put(s, key, sizeof(key), value, sizeof(value));
}

static int delete (struct store *s, const uint8_t key[PEERS_KEY_SIZE])
{
	MDB_val k = {PEERS_KEY_SIZE, (void *)key};
	int code;

	if (!s->txn) {
		snprintf(s->why, sizeof(s->why), "no transaction is under way");
		return -EINVAL;
	}
	code = mdb_del(s->txn, s->dbi, &k, NULL);
	if (!code || code == MDB_NOTFOUND)
		return 0;
	store_abort(s);
	return failed(s, "delete", code);
}

int store_delete(struct store *s, const struct peer_key *peer)
{
	uint8_t key[PEERS_KEY_SIZE];

	peers_encode_key(peer, key);
	return delete (s, key);
}

int store_delete_pin(struct store *s, const struct peers_pin *pin)
{
	uint8_t key[PEERS_KEY_SIZE], value[PEERS_PIN_SIZE];

	peers_encode_pin(pin, key, value);
	return delete (s, key);
}

int store_clear(struct store *s)
{
	int code;

	if (!s->txn) {
		snprintf(s->why, sizeof(s->why), "no transaction is under way");
		return -EINVAL;
	}
	code = mdb_drop(s->txn, s->dbi, 0);
	if (!code)
		return put_head(s);
	store_abort(s);
	return failed(s, "clear", code);
}

int store_commit(struct store *s)
{
	int code;

	if (!s->txn) {
		snprintf(s->why, sizeof(s->why), "no transaction is under way");
		return -EINVAL;
	}
	code = mdb_txn_commit(s->txn);
	s->txn = NULL;
	return code ? failed(s, "commit", code) : 0;
}

void store_abort(struct store *s)
{
	if (s->txn)
		mdb_txn_abort(s->txn);
	s->txn = NULL;
}

/* A record as it lies in the file; NULL, or what is wrong with it. */
static const char *open_record(const MDB_val *key, const MDB_val *value, struct peers_item *item)
{
	const uint8_t *bytes = value->mv_data;
	size_t len;

	if (value->mv_size < CRC_SIZE)
		return "a value without a checksum";
	len = value->mv_size - CRC_SIZE;
	if (get_le32(bytes + len) != crc_of(key->mv_data, key->mv_size, bytes, len))
		return "checksum is wrong";
	return peers_decode(key->mv_data, key->mv_size, bytes, len, item);
}

static bool is_head(const MDB_val *key)
{
	return key->mv_size == HEAD_KEY_SIZE && !memcmp(key->mv_data, head_key, HEAD_KEY_SIZE);
}

static void load_record(const MDB_val *key, const MDB_val *value,
			void (*take)(void *ctx, const struct peers_item *item), void *ctx,
			struct store_report *report)
{
	struct peers_item item;
	const char *wrong = open_record(key, value, &item);

	if (wrong) {
		if (!report->skipped++)
			snprintf(report->why, sizeof(report->why), "record %llu: %s",
				 (unsigned long long)(report->records + report->pins + 1), wrong);
		return;
	}
	if (item.kind == PEERS_KIND_PIN)
		report->pins++;
	else
		report->records++;
	take(ctx, &item);
}

int store_load(struct store *s, void (*take)(void *ctx, const struct peers_item *item), void *ctx,
	       struct store_report *report)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_txn *txn;
	int code;

	memset(report, 0, sizeof(*report));
	code = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
	if (code)
		return failed(s, "load", code);
	code = mdb_cursor_open(txn, s->dbi, &cursor);
	if (code) {
		mdb_txn_abort(txn);
		return failed(s, "load", code);
	}
	while (!(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		if (!is_head(&key))
			load_record(&key, &value, take, ctx, report);
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return code == MDB_NOTFOUND ? 0 : failed(s, "load", code);
}
