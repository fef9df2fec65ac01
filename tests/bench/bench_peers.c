/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The peer version cache at 10 million entries, on one core: look-ups of known and of unknown
 * peers in random order, insertion, memory an entry, and loading a million entries from LMDB;
 * beside it rte_hash of DPDK with the same keys in the same process.
 *
 * bench_peers [--json] [ENTRIES]
 *
 * Method: keys are random IPv4 and IPv6 addresses with ports, made from a counter while the clock
 * stands still (4,096 at a time, then the clock runs over these 4,096 look-ups). Each look-up waits
 * for the one before (its result is mixed into the next key's place), so that this is latency, not
 * overlap; bursts are measured too, for both. The ways take turns, batch by batch. The median of
 * all batches of a way is printed; what the empty loop takes is taken off. Beside it stands what
 * one access to memory takes at that moment, for that is most of it. Bytes are resident memory of
 * the process, before and after.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_hash.h>

#include "peers.h"
#include "store.h"

enum {
	BATCH = 4096,
	BATCHES = 201,
	BURST = 32,
	LOAD = 1000000,
	PATH_SIZE = 64,
};

static const uint32_t now = 1700000000;

static double now_ns(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_peers: %s\n", what);
	exit(1);
}

/* Key number @i; half of them IPv6. All are different: the mixing is one to one. */
static void make_key(uint64_t i, struct peer_key *key)
{
	const uint64_t a = mix(i + 1), b = mix(a);

	*key = (struct peer_key){.addr.version = i & 1 ? 6 : 4, .port = (uint16_t)(a >> 48 | 1)};
	memcpy(key->addr.bytes, &a, 4);
	if (key->addr.version == 4) {
		/* 32 bits alone would repeat: the network and the port take part. */
		key->network = (uint8_t)(a >> 32);
		key->port = (uint16_t)(a >> 40 | 1);
		return;
	}
	memcpy(key->addr.bytes, &a, 8);
	memcpy(key->addr.bytes + 8, &b, 8);
}

static double resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long total, rss;

	if (!f || fscanf(f, "%lu %lu", &total, &rss) != 2)
		fail("/proc/self/statm");
	fclose(f);
	return (double)rss * (double)sysconf(_SC_PAGESIZE);
}

static int by_value(const void *a, const void *b)
{
	const double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

struct subject {
	struct peers *peers;
	struct rte_hash *hash;
};

static uint64_t look_nothing(struct subject *s, const struct peer_key *key)
{
	(void)s;
	return key->port & 1;
}

static uint64_t look_peers(struct subject *s, const struct peer_key *key)
{
	struct peers_view view;

	peers_look(s->peers, key, now, &view);
	return view.known;
}

static uint64_t look_rte(struct subject *s, const struct peer_key *key)
{
	void *data;

	return rte_hash_lookup_data(s->hash, key, &data) >= 0;
}

static void look_one(struct subject *s, const struct peer_key *keys, unsigned int n, uint64_t *sum,
		     uint64_t (*look)(struct subject *, const struct peer_key *))
{
	uint64_t last = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		/* 0 or 1, never 2: but only the result tells. */
		last = look(s, &keys[i + (last >> 1)]);
		__asm__ volatile("" : "+r"(last));
		*sum += last;
	}
}

static void burst_peers(struct subject *s, const struct peer_key *keys, unsigned int n,
			uint64_t *sum)
{
	struct peers_view view[BURST];
	unsigned int i, j;

	for (i = 0; i < n; i += BURST) {
		peers_look_burst(s->peers, keys + i, BURST, now, view);
		for (j = 0; j < BURST; j++)
			*sum += view[j].known;
	}
}

static void burst_rte(struct subject *s, const struct peer_key *keys, unsigned int n, uint64_t *sum)
{
	const void *key[BURST];
	void *data[BURST];
	uint64_t mask;
	unsigned int i, j;

	for (i = 0; i < n; i += BURST) {
		for (j = 0; j < BURST; j++)
			key[j] = &keys[i + j];
		rte_hash_lookup_bulk_data(s->hash, key, BURST, &mask, data);
		*sum += (uint64_t)__builtin_popcountll(mask);
	}
}

static void one_nothing(struct subject *s, const struct peer_key *keys, unsigned int n,
			uint64_t *sum)
{
	look_one(s, keys, n, sum, look_nothing);
}

static void one_peers(struct subject *s, const struct peer_key *keys, unsigned int n, uint64_t *sum)
{
	look_one(s, keys, n, sum, look_peers);
}

static void one_rte(struct subject *s, const struct peer_key *keys, unsigned int n, uint64_t *sum)
{
	look_one(s, keys, n, sum, look_rte);
}

/* Ways to look up, timed in turn, so that a busy neighbour is in the way of all of them. */
struct way {
	const char *name;
	void (*look)(struct subject *s, const struct peer_key *keys, unsigned int n, uint64_t *sum);
	double times[2][BATCHES]; /* hit, miss */
	double median[2];
	uint64_t found[2];
};

static void measure(struct subject *s, struct way *ways, unsigned int n_ways, uint64_t n)
{
	static struct peer_key keys[BATCH + 1];
	uint64_t seed = 1;
	unsigned int i, j, w, miss;

	for (i = 0; i < 2 * BATCHES; i++) {
		miss = i & 1;
		for (w = 0; w < n_ways; w++) {
			double start;

			for (j = 0; j <= BATCH; j++)
				make_key((miss ? 1ull << 40 : 0) + (seed = mix(seed + 1)) % n,
					 &keys[j]);
			start = now_ns(CLOCK_THREAD_CPUTIME_ID);
			ways[w].look(s, keys, BATCH, &ways[w].found[miss]);
			ways[w].times[miss][i / 2] =
				(now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / BATCH;
		}
	}
	for (w = 0; w < n_ways; w++) {
		for (miss = 0; miss < 2; miss++) {
			qsort(ways[w].times[miss], BATCHES, sizeof(double), by_value);
			ways[w].median[miss] = ways[w].times[miss][BATCHES / 2];
		}
	}
}

/* What memory itself takes: a walk along random links through as many bytes as the entries have. */
static double chase(uint64_t bytes)
{
	const uint64_t n = bytes / 64, huge = 2 << 20;
	uint64_t(*line)[8] = aligned_alloc(huge, (bytes + huge) / huge * huge);
	uint64_t i, at = 0, seed = 1;
	double start;

	if (!line)
		fail("no memory");
	madvise(line, n * 64, MADV_HUGEPAGE);
	for (i = 0; i < n; i++)
		line[i][0] = i;
	/* Sattolo: one circle through all. */
	for (i = n - 1; i; i--) {
		const uint64_t j = (seed = mix(seed + 1)) % i, t = line[i][0];

		line[i][0] = line[j][0];
		line[j][0] = t;
	}
	start = now_ns(CLOCK_THREAD_CPUTIME_ID);
	for (i = 0; i < LOAD; i++)
		at = line[at][0];
	__asm__ volatile("" : : "r"(at));
	start = (now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / LOAD;
	free(line);
	return start;
}

static void make_record(uint64_t i, struct peers_record *r)
{
	*r = (struct peers_record){
		.answer = PEERS_V1,
		.confidence = PEERS_CONFIRMED,
		.set_by = SIGHT_CONFIRM_V1,
		.expires_s = now + 86400,
		.set_s = now - 100,
		.seen_s = now - 10,
		.counted_s = now - 10,
	};
	make_key(i, &r->key);
}

static uint64_t fill_peers(struct peers *peers, uint64_t n)
{
	struct peers_stats stats;
	uint64_t i;

	for (i = 0; i < n; i++) {
		struct sight s = {
			.what = SIGHT_CONFIRM_V1,
			.offer = SIGHT_OFFER_V1,
			.began_s = now - 1,
			.now_s = now,
		};
		struct peers_change change;

		make_key(i, &s.peer);
		if (peers_see(peers, &s, &change))
			fail("an observation is refused");
	}
	peers_stats(peers, &stats);
	if (stats.evicted)
		fail("entries were evicted");
	return stats.entries;
}

/* What rte_hash keeps for us: a pointer to as much as an entry of the cache knows. */
static void fill_rte(struct rte_hash *hash, uint64_t n)
{
	uint64_t i;

	for (i = 0; i < n; i++) {
		struct peer_key key;

		make_key(i, &key);
		if (rte_hash_add_key_data(hash, &key, (void *)(uintptr_t)(i + 1)))
			fail("rte_hash is full");
	}
}

static void take(void *ctx, const struct peers_item *item)
{
	struct peers *peers = ctx;

	if (item->kind == PEERS_KIND_RECORD && peers_import(peers, &item->record, now, NULL))
		fail("a record that was stored is refused");
}

/* Of this process and of the child that checked the file. */
static double cpu_s(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return (double)(self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec +
			children.ru_stime.tv_sec) +
	       (double)(self.ru_utime.tv_usec + self.ru_stime.tv_usec + children.ru_utime.tv_usec +
			children.ru_stime.tv_usec) /
		       1e6;
}

/* Seconds that loading LOAD entries takes, from a file that is in the page cache. */
static double load(double *saved_s, double *load_cpu_s)
{
	char dir[] = "/tmp/bench_peersXXXXXX", path[PATH_SIZE], why[STORE_WHY_SIZE];
	struct peers_config config;
	struct store_report report;
	struct peers_stats stats;
	struct peers *peers;
	struct store *store;
	double start, took;
	uint64_t i;

	if (!mkdtemp(dir))
		fail("no directory");
	snprintf(path, sizeof(path), "%s/peers", dir);
	if (store_open(path, STORE_SIZE_DEFAULT, &store, why))
		fail(why);
	start = now_ns(CLOCK_MONOTONIC);
	if (store_begin(store))
		fail(store_why(store));
	for (i = 0; i < LOAD; i++) {
		struct peers_record r;

		make_record(i, &r);
		if (store_put(store, &r))
			fail(store_why(store));
	}
	if (store_commit(store))
		fail(store_why(store));
	*saved_s = (now_ns(CLOCK_MONOTONIC) - start) / 1e9;
	store_close(store);

	peers_defaults(&config);
	config.capacity = LOAD + LOAD / 10;
	if (peers_new(&config, &peers, NULL))
		fail("no memory");
	*load_cpu_s = cpu_s();
	start = now_ns(CLOCK_MONOTONIC);
	if (store_open(path, STORE_SIZE_DEFAULT, &store, why))
		fail(why);
	if (store_load(store, take, peers, &report))
		fail(store_why(store));
	took = (now_ns(CLOCK_MONOTONIC) - start) / 1e9;
	*load_cpu_s = cpu_s() - *load_cpu_s;
	store_close(store);
	peers_stats(peers, &stats);
	if (stats.entries != report.records || report.skipped || report.records < LOAD * 0.99)
		fail("not all records came back");
	peers_free(peers);
	unlink(path);
	rmdir(dir);
	return took;
}

static void start_dpdk(void)
{
	char *argv[] = {"bench_peers",
			"--no-huge",
			"-m",
			"4096",
			"--no-pci",
			"--no-telemetry",
			"--no-shconf",
			"--log-level=error",
			"-l",
			"0",
			"--proc-type=primary",
			NULL};

	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv) < 0)
		fail("rte_eal_init");
}

int main(int argc, char **argv)
{
	const bool json = argc > 1 && !strcmp(argv[1], "--json");
	const uint64_t n = argc > 1 + json ? strtoull(argv[1 + json], NULL, 10) : 10000000;
	struct rte_hash_parameters params = {
		.name = "bench",
		.entries = (uint32_t)n + (uint32_t)n / 8,
		.key_len = sizeof(struct peer_key),
		.socket_id = 0,
	};
	static struct way ways[] = {
		{.name = "nothing", .look = one_nothing},
		{.name = "peers", .look = one_peers},
		{.name = "rte_hash", .look = one_rte},
		{.name = "peers, bursts of 32", .look = burst_peers},
		{.name = "rte_hash, bursts of 32", .look = burst_rte},
	};
	enum {
		WAYS = sizeof(ways) / sizeof(ways[0])
	};
	double insert[WAYS] = {0}, bytes[WAYS] = {0}, before, load_s, load_cpu_s, save_s, start,
	       memory_ns;
	struct peers_config config;
	struct subject s = {0};
	uint64_t entries;
	unsigned int w;

	if (!n || n > PEERS_CAPACITY_MAX) {
		fprintf(stderr, "usage: bench_peers [--json] [ENTRIES]\n");
		return 2;
	}
	start_dpdk();
	peers_defaults(&config);
	config.capacity = (uint32_t)n;
	before = resident();
	if (peers_new(&config, &s.peers, NULL))
		fail("no memory");
	start = now_ns(CLOCK_THREAD_CPUTIME_ID);
	entries = fill_peers(s.peers, n);
	insert[1] = (now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / (double)n;
	bytes[1] = (resident() - before) / (double)entries;

	before = resident();
	s.hash = rte_hash_create(&params);
	if (!s.hash)
		fail("rte_hash_create");
	start = now_ns(CLOCK_THREAD_CPUTIME_ID);
	fill_rte(s.hash, n);
	insert[2] = (now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / (double)n;
	bytes[2] = (resident() - before) / (double)rte_hash_count(s.hash);

	measure(&s, ways, WAYS, n);
	for (w = 1; w < WAYS; w++) {
		if (ways[w].found[0] != (uint64_t)BATCH * BATCHES)
			fail("a peer that is there is not found");
		if (ways[w].found[1] > (uint64_t)BATCH * BATCHES / 100)
			fail("peers are found that are not there");
	}
	peers_free(s.peers);
	rte_hash_free(s.hash);
	memory_ns = chase(entries * 61);
	load_s = load(&save_s, &load_cpu_s);
	if (json)
		printf("{\"entries\":%" PRIu64
		       ",\"memory_ns\":%.1f,\"load_s\":%.3f,\"load_cpu_s\":%.3f,\"save_s\":%.3f",
		       entries, memory_ns, load_s, load_cpu_s, save_s);
	else
		printf("peer version cache, %" PRIu64
		       " entries, one core, random keys; one access to "
		       "as much memory: %.0f ns\n%-24s %8s %8s %10s %8s\n",
		       entries, memory_ns, "", "hit ns", "miss ns", "insert ns", "bytes");
	for (w = 1; w < WAYS; w++) {
		const double hit = ways[w].median[0] - ways[0].median[0];
		const double miss = ways[w].median[1] - ways[0].median[1];

		if (json)
			printf(",\"%s\":{\"hit_ns\":%.1f,\"miss_ns\":%.1f", ways[w].name, hit,
			       miss);
		else
			printf("%-24s %8.1f %8.1f", ways[w].name, hit, miss);
		if (bytes[w] > 0)
			printf(json ? ",\"insert_ns\":%.1f,\"bytes\":%.2f" : " %10.1f %8.2f",
			       insert[w], bytes[w]);
		printf(json ? "}" : "\n");
	}
	if (json)
		printf("}\n");
	else
		printf("%d entries: saved to LMDB in %.3f s; opened, checked and loaded in %.3f s "
		       "(%.3f s of CPU)\n",
		       LOAD, save_s, load_s, load_cpu_s);
	return 0;
}
