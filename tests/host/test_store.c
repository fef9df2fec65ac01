/* SPDX-License-Identifier: BSD-3-Clause */
/* The cache's file: what is written comes back, whoever dies, and whatever happens to the bytes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "store.h"

enum {
	SIZE = 256 << 20,
	BATCH = 50,
	KILLS = 24,
	HURTS = 100,
};

static char path[64];

static void new_path(void)
{
	char dir[] = "/tmp/test_storeXXXXXX";

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/peers", dir);
}

static void clean_up(void)
{
	char *slash = strrchr(path, '/');
	char bad[80];

	snprintf(bad, sizeof(bad), "%s.bad", path);
	unlink(bad);
	unlink(path);
	*slash = 0;
	rmdir(path);
}

TestSuite(store, .init = new_path, .fini = clean_up);

static struct store *open_store(void)
{
	char why[STORE_WHY_SIZE];
	struct store *s = NULL;
	const int code = store_open(path, SIZE, &s, why);

	cr_assert_eq(code, 0, "%d %s", code, why);
	return s;
}

static int open_code(char why[STORE_WHY_SIZE])
{
	struct store *s = NULL;
	const int code = store_open(path, SIZE, &s, why);

	if (!code)
		store_close(s);
	else
		cr_assert(strlen(why));
	return code;
}

/* Record @i of generation @generation: all of it depends on both. */
static struct peers_record record_of(uint32_t i, uint32_t generation)
{
	struct peers_record r = {
		.key = {.network = 3, .addr.version = 4, .port = 443},
		.answer = PEERS_V1,
		.confidence = PEERS_CONFIRMED,
		.set_by = SIGHT_CONFIRM_V1,
		.expires_s = 2000000000 + generation,
		.set_s = 1700000000 + generation,
		.seen_s = 1700000001 + generation,
		.counted_s = 1700000001 + generation,
	};

	memcpy(r.key.addr.bytes, &i, 4);
	r.counts[4] = (uint8_t)generation;
	return r;
}

struct loaded {
	uint32_t n, pins;
	uint32_t generation[4096];
	struct peers_pin pin;
};

static void take(void *ctx, const struct peers_item *item)
{
	struct loaded *l = ctx;
	struct peers_record r;
	uint32_t i, generation;

	if (item->kind == PEERS_KIND_PIN) {
		l->pin = item->pin;
		l->pins++;
		return;
	}
	memcpy(&i, item->record.key.addr.bytes, 4);
	generation = item->record.set_s - 1700000000;
	r = record_of(i, generation);
	cr_assert_eq(memcmp(&r, &item->record, sizeof(r)), 0, "record %u is not whole", i);
	cr_assert_lt(i, 4096);
	l->generation[i] = generation + 1;
	l->n++;
}

static struct store_report load(struct store *s, struct loaded *l)
{
	struct store_report report;

	memset(l, 0, sizeof(*l));
	cr_assert_eq(store_load(s, take, l, &report), 0);
	return report;
}

static void put_batch(struct store *s, uint32_t first, uint32_t n, uint32_t generation)
{
	uint32_t i;

	cr_assert_eq(store_begin(s), 0);
	for (i = 0; i < n; i++) {
		const struct peers_record r = record_of(first + i, generation);

		cr_assert_eq(store_put(s, &r), 0);
	}
	cr_assert_eq(store_commit(s), 0);
}

static struct loaded loaded;

static bool same_pin(const struct peers_pin *a, const struct peers_pin *b)
{
	return a->network == b->network && a->bits == b->bits && a->answer == b->answer &&
	       a->addr.version == b->addr.version &&
	       !memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes)) && a->port == b->port &&
	       a->set_s == b->set_s;
}

Test(store, what_is_written_comes_back_after_a_restart)
{
	const struct peers_pin pin = {.network = 2,
				      .bits = 8,
				      .answer = PEERS_V0,
				      .addr = {4, {10}},
				      .port = 80,
				      .set_s = 5};
	const struct peers_record gone = record_of(7, 1);
	struct store *s = open_store();
	struct store_report report;
	struct stat stat_of;

	put_batch(s, 0, 100, 1);
	store_begin(s);
	cr_assert_eq(store_put_pin(s, &pin), 0);
	cr_assert_eq(store_delete(s, &gone.key), 0);
	cr_assert_eq(store_delete(s, &gone.key), 0, "twice");
	cr_assert_eq(store_commit(s), 0);
	/* Not committed: never written. */
	store_begin(s);
	store_put(s, &gone);
	store_close(s);
	s = open_store();
	report = load(s, &loaded);
	cr_assert_eq(report.records, 99);
	cr_assert_eq(report.pins, 1);
	cr_assert_eq(report.skipped, 0);
	cr_assert_eq(loaded.generation[7], 0);
	cr_assert(same_pin(&loaded.pin, &pin));
	cr_assert_eq(stat(path, &stat_of), 0);
	cr_assert_eq(stat_of.st_mode & 0777, 0600, "whom the host talks to is nobody's business");
	store_close(s);
}

Test(store, what_is_cleared_is_gone_and_the_file_is_still_one)
{
	const struct peers_pin pin = {
		.network = 2, .bits = 8, .answer = PEERS_V0, .addr = {4, {10}}, .set_s = 5};
	const struct peers_record kept = record_of(7, 2);
	struct store *s = open_store();
	struct store_report report;

	cr_assert_eq(store_clear(s), -EINVAL, "outside of a transaction");
	put_batch(s, 0, 100, 1);
	store_begin(s);
	store_put_pin(s, &pin);
	cr_assert_eq(store_clear(s), 0);
	cr_assert_eq(store_put(s, &kept), 0);
	cr_assert_eq(store_commit(s), 0);
	store_close(s);
	s = open_store();
	report = load(s, &loaded);
	cr_assert_eq(report.records, 1);
	cr_assert_eq(report.pins, 0);
	cr_assert_eq(loaded.generation[7], 3);
	store_close(s);
}

Test(store, misuse_is_refused)
{
	struct store *s = open_store();
	struct peers_record r = record_of(1, 1);
	char why[STORE_WHY_SIZE];

	cr_assert_eq(store_put(s, &r), -EINVAL);
	cr_assert_eq(store_commit(s), -EINVAL);
	cr_assert_eq(store_begin(s), 0);
	cr_assert_eq(store_begin(s), -EINVAL);
	r.answer = 9;
	cr_assert_eq(store_put(s, &r), -EINVAL);
	cr_assert_eq(store_commit(s), -EINVAL, "the transaction is over");
	cr_assert_eq(open_code(why), -EBUSY);
	cr_assert_not_null(strstr(why, "in use"));
	store_close(s);
}

/* A writer that is killed at any moment: each batch is in the file as a whole, or not at all. */
Test(store, kill_9_leaves_whole_and_right_records, .timeout = 60)
{
	uint32_t kill_no, generation = 0;

	for (kill_no = 0; kill_no < KILLS; kill_no++) {
		struct timespec wait = {0, (long)(200000 + (kill_no * 7919 % 40) * 1200000)};
		int status, ready[2];
		struct store_report report;
		struct store *s;
		uint32_t i;
		pid_t pid;
		char c;

		cr_assert_eq(pipe(ready), 0);
		pid = fork();
		if (!pid) {
			s = open_store();
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			for (;;)
				put_batch(s, 0, BATCH, ++generation);
		}
		close(ready[1]);
		cr_assert_eq(read(ready[0], &c, 1), 1);
		close(ready[0]);
		nanosleep(&wait, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		cr_assert(WIFSIGNALED(status));
		s = open_store();
		report = load(s, &loaded);
		cr_assert_eq(report.skipped, 0);
		cr_assert(report.records == BATCH || (!report.records && !generation));
		for (i = 1; i < report.records; i++)
			cr_assert_eq(loaded.generation[i], loaded.generation[0], "half a batch");
		if (report.records) {
			cr_assert_geq(loaded.generation[0] - 1, generation, "older than before");
			generation = loaded.generation[0] - 1;
		}
		store_close(s);
	}
	cr_assert_gt(generation, KILLS / 4, "the writers hardly wrote: %u", generation);
}

static void put_raw(const void *key, size_t key_len, const void *value, size_t value_len)
{
	MDB_val k = {key_len, (void *)key}, v = {value_len, (void *)value};
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	cr_assert_eq(mdb_env_create(&env), 0);
	cr_assert_eq(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600), 0);
	cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	cr_assert_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	cr_assert_eq(mdb_put(txn, dbi, &k, &v, 0), 0);
	cr_assert_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

Test(store, bad_records_are_passed_over_and_counted)
{
	struct peers_record r = record_of(50, 1);
	uint8_t key[PEERS_KEY_SIZE], value[PEERS_VALUE_SIZE + 4];
	struct store *s = open_store();
	struct store_report report;
	uint32_t crc, i;

	put_batch(s, 0, 10, 1);
	store_close(s);
	/* Each byte wrong once, with a checksum that is wrong, then right. */
	for (i = 0; i < PEERS_VALUE_SIZE; i++) {
		r = record_of(100 + i, 1);
		peers_encode(&r, key, value);
		value[i] ^= 0x80;
		memset(value + PEERS_VALUE_SIZE, 0, 4);
		put_raw(key, sizeof(key), value, sizeof(value));
	}
	r = record_of(99, 1);
	peers_encode(&r, key, value);
	value[1] = 7;
	crc = (uint32_t)crc32(crc32(crc32(0, NULL, 0), key, sizeof(key)), value, PEERS_VALUE_SIZE);
	for (i = 0; i < 4; i++)
		value[PEERS_VALUE_SIZE + i] = (uint8_t)(crc >> 8 * i);
	put_raw(key, sizeof(key), value, sizeof(value));
	put_raw("x", 1, "", 0);
	s = open_store();
	report = load(s, &loaded);
	cr_assert_eq(report.records, 10);
	cr_assert_eq(report.skipped, PEERS_VALUE_SIZE + 2);
	cr_assert_not_null(strstr(report.why, "no such answer"), "%s", report.why);
	store_close(s);
}

static void write_file(const void *bytes, size_t len)
{
	const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

Test(store, wrong_files_are_clear_errors)
{
	char why[STORE_WHY_SIZE];
	static uint8_t junk[20000];
	unsigned int i;

	for (i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)(i * 31);
	write_file(junk, sizeof(junk));
	cr_assert_eq(open_code(why), -EINVAL, "%s", why);
	cr_assert_not_null(strstr(why, "no LMDB file"));
	write_file("short", 5);
	cr_assert_eq(open_code(why), -EINVAL);
	unlink(path);
	put_raw("another program's", 17, "data", 4);
	cr_assert_eq(open_code(why), -EINVAL);
	cr_assert_not_null(strstr(why, "no peer cache"));
	cr_assert_eq(store_set_aside(path), 0);
	cr_assert_eq(open_code(why), 0);
	unlink(path);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(open_code(why), -EISDIR);
	rmdir(path);
	cr_assert_eq(symlink("/dev/null", path), 0);
	cr_assert_eq(open_code(why), -ELOOP);
}

Test(store, newer_format_is_refused_by_name)
{
	char why[STORE_WHY_SIZE];
	struct store *s = open_store();

	store_close(s);
	put_raw("\0mpnic peers", 12, "\x02\0\0\0", 4);
	cr_assert_eq(open_code(why), -EPROTONOSUPPORT);
	cr_assert_not_null(strstr(why, "format 2"), "%s", why);
}

Test(store, full_file_is_an_error_and_nothing_is_lost)
{
	char why[STORE_WHY_SIZE];
	struct store *s;
	uint32_t i;
	int code = 0;

	cr_assert_eq(store_open(path, 256 << 10, &s, why), 0);
	put_batch(s, 0, 100, 1);
	store_begin(s);
	for (i = 100; i < 4096 && !code; i++) {
		const struct peers_record r = record_of(i, 2);

		code = store_put(s, &r);
	}
	cr_assert_eq(code, -ENOSPC);
	cr_assert_eq(load(s, &loaded).records, 100);
	put_batch(s, 0, 10, 3);
	store_close(s);
}

/*
 * Damage to LMDB's own pages, of which it may crash: whatever is done to the file, the process that
 * opens, reads and writes it lives, and gets only right records (take() looks at all of each).
 */
Test(store, damaged_files_do_no_harm, .timeout = 60)
{
	unsigned int i, refused = 0, fine = 0, crashed = 0;
	uint64_t seed = 88172645463325252;
	static uint8_t whole[1 << 20];
	struct store *s = open_store();
	ssize_t len;
	int fd;

	for (i = 0; i < 20; i++)
		put_batch(s, i * 37 % 800, 200, 1);
	store_close(s);
	fd = open(path, O_RDONLY);
	len = read(fd, whole, sizeof(whole));
	close(fd);
	cr_assert(len > 16384 && len < (ssize_t)sizeof(whole));
	for (i = 0; i < HURTS; i++) {
		static uint8_t hurt[1 << 20];
		unsigned int j, n;
		int status;
		pid_t pid;

		memcpy(hurt, whole, (size_t)len);
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		n = 1 + seed % 4;
		for (j = 0; j < n; j++) {
			/* Heads of pages, pointers to nodes, meta pages; not only data. */
			const uint64_t page = (seed >> (8 + j)) % (uint64_t)(len / 4096);
			const uint64_t byte =
				i % 2 ? (seed >> (20 + j)) % 32 : (seed >> (20 + j)) % 4096;

			hurt[page * 4096 + byte] = (uint8_t)(seed >> (40 + j));
		}
		write_file(hurt, i % 10 == 9 ? (size_t)(len - 4096 * (1 + i % 3)) : (size_t)len);
		pid = fork();
		if (!pid) {
			char why[STORE_WHY_SIZE];
			struct store_report report;

			if (store_open(path, SIZE, &s, why))
				_exit(1);
			if (store_load(s, take, &loaded, &report))
				_exit(2);
			put_batch(s, 0, 800, 5);
			put_batch(s, 0, 800, 6);
			store_close(s);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		crashed += !WIFEXITED(status) || WEXITSTATUS(status) > 1;
		refused += WIFEXITED(status) && WEXITSTATUS(status) == 1;
		fine += WIFEXITED(status) && !WEXITSTATUS(status);
	}
	cr_assert_eq(crashed, 0, "%u crashed, %u refused, %u fine", crashed, refused, fine);
	cr_assert_gt(refused, HURTS / 10);
	cr_assert_gt(fine, HURTS / 10);
}
