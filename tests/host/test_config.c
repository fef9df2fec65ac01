/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration file: the sample loads, every message is seen, a bad file changes nothing. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

#define SAMPLE "host/config/mpnicd.conf"
#define DEVICE "device = \"net_mpnic0\";\n"

/* Memory and reads that fail when they are told to; libconfig's own are not wrapped. */
static unsigned int fail_in; /* the nth allocation from now on; 0: none */
static bool fail_read, full;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
ssize_t __real_read(int fd, void *to, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size);

int __real_policy_prefix_add(struct policy *policy, const struct policy_prefix *prefix);
int __wrap_policy_prefix_add(struct policy *policy, const struct policy_prefix *prefix);

static bool fails(void)
{
	return fail_in && !--fail_in;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

ssize_t __wrap_read(int fd, void *to, size_t size)
{
	if (!fail_read)
		return __real_read(fd, to, size);
	errno = EIO;
	return -1;
}

int __wrap_policy_prefix_add(struct policy *policy, const struct policy_prefix *prefix)
{
	return full ? -ENOSPC : __real_policy_prefix_add(policy, prefix);
}

static struct config config;
static char error[CONFIG_ERROR_SIZE];

static int parse(const char *text)
{
	return config_parse("f", text, strlen(text), &config, error, sizeof(error));
}

static void refused(const char *text, const char *message)
{
	struct config before;

	memset(&config, 0x5a, sizeof(config));
	before = config;
	cr_assert_lt(parse(text), 0, "taken: %s", text);
	cr_assert_str_eq(error, message);
	cr_assert_eq(memcmp(&before, &config, sizeof(config)), 0, "a bad file changes nothing");
}

/* A file that is right but for one setting. */
#define REFUSED(setting, message) refused(DEVICE setting, "f:2: " message)

static struct policy_rules rules_of(const char *addr, uint8_t network, uint16_t port)
{
	struct peer_key peer = {.network = network, .port = port, .addr = {.version = 4}};
	struct policy_rules rules;
	unsigned int byte[4];

	cr_assert_eq(sscanf(addr, "%u.%u.%u.%u", &byte[0], &byte[1], &byte[2], &byte[3]), 4);
	for (unsigned int i = 0; i < 4; i++)
		peer.addr.bytes[i] = byte[i];
	policy_find(config.policy, &peer, &rules);
	return rules;
}

/* What is said in the sample is what holds without it, but for the device. */
Test(config, sample_loads_and_says_the_defaults)
{
	struct config sample;
	char *a = (char *)&sample, *b = (char *)&config;

	cr_assert_eq(config_load(SAMPLE, &sample, error, sizeof(error)), 0, "%s", error);
	cr_assert_eq(parse("device = \"net_mpnic0,socket=/run/mpnic/card.sock\";"), 0, "%s", error);
	cr_assert_str_eq(sample.device, config.device);
	cr_assert_eq(sample.ports, 2);
	cr_assert_str_eq(sample.tap[1], config.tap[1]);
	cr_assert_eq(sample.mtu, 1500);
	cr_assert_str_eq(sample.control_socket, config.control_socket);
	cr_assert_eq(sample.cache_entries, 1000000);
	cr_assert_eq(memcmp(&sample.probes, &config.probes, sizeof(config.probes)), 0);
	for (unsigned int network = 0; network < POLICY_NETWORKS; network++) {
		const struct peer_key peer = {.network = network, .addr = {.version = 4}};
		struct policy_rules said, built_in;
		char from[32];

		policy_find(sample.policy, &peer, &said);
		policy_find(config.policy, &peer, &built_in);
		cr_assert_eq(memcmp(said.value, built_in.value, sizeof(said.value)), 0);
		for (unsigned int s = 0; s < POLICY_SETTINGS; s++) {
			policy_origin(sample.policy, said.from[s], from, sizeof(from));
			cr_assert_str_eq(from, "defaults", "%s is not in the sample",
					 policy_settings[s].name);
		}
	}
	/* All else alike, byte by byte, up to the policy. */
	cr_assert_eq(memcmp(a, b, offsetof(struct config, policy)), 0);
	config_free(&sample);
	cr_assert_null(sample.policy);
	config_free(&config);
}

/* The examples in its comments are right too. */
Test(config, examples_of_the_sample_load)
{
	char text[20000] = "", line[300];
	FILE *file = fopen(SAMPLE, "r");
	bool example = false;
	unsigned int examples = 0;

	while (fgets(line, sizeof(line), file)) {
		const bool begins = !strncmp(line, "# networks = (", 14) ||
				    !strncmp(line, "# prefixes = (", 14);

		if (begins)
			examples++;
		example = example || begins;
		if (example && line[0] == '#')
			strcat(text, line + 1);
		else if (!strncmp(line, "networks", 8) || !strncmp(line, "prefixes", 8))
			example = false;
		else
			strcat(text, line);
	}
	fclose(file);
	cr_assert_eq(examples, 2);
	cr_assert_eq(parse(text), 0, "%s", error);
	cr_assert_eq(policy_prefixes(config.policy), 3);
	cr_assert_eq(policy_network_of(config.policy, 0, 5), 1);
	cr_assert_eq(policy_network_of(config.policy, 1, 12), 2);
	cr_assert_eq(rules_of("192.0.2.200", 1, 443).value[POLICY_MODE], POLICY_OBSERVE);
	cr_assert_eq(rules_of("192.0.2.200", 2, 443).value[POLICY_MODE], POLICY_ACT);
	cr_assert_eq(rules_of("192.0.2.200", 1, 443).value[POLICY_REFUSED], POLICY_REFUSED_TCP);
	config_free(&config);
}

Test(config, every_setting_is_read)
{
	cr_assert_eq(
		parse("device = \"0000:03:00.0,ports=1\"; taps = [ \"a\" ];"
		      "mtu = 9578; user = \"\";"
		      "control = { socket = \"/c\"; group = \"wheel\"; };"
		      "cache = { file = \"\"; entries = 1024; };"
		      "metrics = \"[::1]:80\";"
		      "probes = { ports = [ 2000, 2003 ]; per_second = 1; burst = 2; at_once = 2;"
		      " timeout_ms = 11; repeats = 0; handshake_age = 60; peers = 5; };"
		      "defaults = { mode = \"observe\"; unknown = \"tcp\"; known_v1 = \"tcp\";"
		      " known_v0 = \"v1\"; refused = \"tcp\"; strip_from = 15;"
		      " dss_lost = \"back_off\"; checksum_bad = \"back_off\";"
		      " join_bad_hmac = \"drop\"; join_unknown_token = \"drop\";"
		      " probe = false; probe_interval = 60; };"),
		0, "%s", error);
	const struct policy_rules rules = rules_of("1.2.3.4", 0, 1);
	static const uint32_t expected[POLICY_SETTINGS] = {1, 0, 0, 1, 0, 15, 1, 1, 1, 1, 0, 60};

	cr_assert_eq(memcmp(rules.value, expected, sizeof(expected)), 0);
	cr_assert_str_eq(config.device, "0000:03:00.0,ports=1");
	cr_assert_eq(config.ports, 1);
	cr_assert_str_eq(config.tap[0], "a");
	cr_assert_eq(config.mtu, 9578);
	cr_assert_str_eq(config.user, "");
	cr_assert_str_eq(config.control_socket, "/c");
	cr_assert_str_eq(config.control_group, "wheel");
	cr_assert_str_eq(config.cache_file, "");
	cr_assert_eq(config.cache_entries, 1024);
	cr_assert_eq(config.metrics_addr.version, 6);
	cr_assert_eq(config.metrics_addr.bytes[15], 1);
	cr_assert_eq(config.metrics_port, 80);
	cr_assert_str_eq(config.metrics_socket, "");
	const struct probe_config probes = {2000, 2003, 1, 2, 2, 11, 0, 5, 60};

	cr_assert_eq(memcmp(&config.probes, &probes, sizeof(probes)), 0);
	config_free(&config);
	cr_assert_eq(parse(DEVICE "metrics = \"/run/m\";"), 0, "%s", error);
	cr_assert_str_eq(config.metrics_socket, "/run/m");
	cr_assert_eq(config.metrics_addr.version, 0);
	config_free(&config);
	cr_assert_eq(parse(DEVICE "metrics = \"\";"), 0, "%s", error);
	cr_assert_str_eq(config.metrics_socket, "");
	cr_assert_eq(config.metrics_addr.version, 0);
	config_free(&config);
	cr_assert_eq(parse(DEVICE "metrics = \"127.0.0.2:65535\";"), 0, "%s", error);
	cr_assert_eq(config.metrics_addr.bytes[3], 2);
	config_free(&config);
}

Test(config, syntax_and_unknown_settings)
{
	refused("", "f:1: device: the card is not named; write device = \"net_mpnic0,socket=PATH\" "
		    "or a PCI address");
	REFUSED("mtu = ;", "syntax error; see the sample file for how settings are written");
	REFUSED("mtu = 1500; mtu = 1500;",
		"duplicate setting name; see the sample file for how settings are written");
	REFUSED("mut = 1500;",
		"mut: there is no such setting; remove it, or write one of: device, taps, "
		"mtu, user, control, cache, metrics, probes, defaults, networks, prefixes");
	REFUSED("defaults = { prefix = \"x\"; };",
		"defaults.prefix: there is no such setting; remove it, or write one of: a policy "
		"setting (docs/policy.md)");
	REFUSED("networks = ( { nmae = \"x\"; } );",
		"networks[0].nmae: there is no such setting; remove it, or write one of: name, number, "
		"at, a policy setting (docs/policy.md)");
	REFUSED("  @include \"/etc\"", "@include: the configuration is one file; copy the other "
				       "file's settings into it");
	cr_assert_eq(config_parse("f", "a\0b", 3, &config, error, sizeof(error)), -EINVAL);
	cr_assert_str_eq(error, "f: there is a zero byte in it; write a text file");
}

Test(config, types)
{
	REFUSED("mtu = \"1500\";", "mtu: is a string; write a whole number");
	REFUSED("mtu = 1500.0;", "mtu: is a number with a fraction; write a whole number");
	REFUSED("mtu = true;", "mtu: is true or false; write a whole number");
	REFUSED("user = 5;", "user: is a number; write a string in quotes");
	REFUSED("taps = \"a\";",
		"taps: is a string; write an array of names: [ \"mp0\", \"mp1\" ]");
	REFUSED("taps = [ 1 ];", "taps[0]: is a number; write names in quotes");
	REFUSED("control = [ ];", "control: is an array [ ]; write a group: { setting = value; }");
	REFUSED("networks = { };",
		"networks: is a group { }; write a list of groups: ( { }, { } )");
	REFUSED("prefixes = ( 1 );",
		"prefixes[0]: is a number; write a group: { setting = value; }");
	REFUSED("cache = ( );", "cache: is a list ( ); write a group: { setting = value; }");
	REFUSED("defaults = { mode = 1; };", "defaults.mode: is a number; write a word in quotes");
	REFUSED("defaults = { probe = 1; };", "defaults.probe: is a number; write true or false");
	REFUSED("probes = { ports = 1; };",
		"probes.ports: is a number; write first and last port: [ 61000, 61255 ]");
	REFUSED("prefixes = ( { prefix = 1; } );",
		"prefixes[0].prefix: is a number; write a prefix in quotes, as \"192.0.2.0/24\"");
}

Test(config, values)
{
	char text[400] = DEVICE "user = \"", longer[200];

	REFUSED("mtu = 1279;", "mtu: is 1279; write a number from 1280 to 9578");
	REFUSED("mtu = -1;", "mtu: is -1; write a number from 1280 to 9578");
	REFUSED("mtu = 99999999999L;", "mtu: is 99999999999; write a number from 1280 to 9578");
	REFUSED("taps = [ ];", "taps: has 0 names; write one for each port of the card, 1 to 2");
	REFUSED("taps = [ \"a\", \"b\", \"c\" ];",
		"taps: has 3 names; write one for each port of the card, 1 to 2");
	REFUSED("taps = [ \"a/b\" ];",
		"taps[0]: \"a/b\" is no name for an interface; write 1 to 15 "
		"letters, digits, _ - . after a letter");
	REFUSED("taps = [ \"a123456789012345\" ];",
		"taps[0]: \"a123456789012345\" is no name for an interface; write 1 to 15 letters, "
		"digits, _ - . after a letter");
	REFUSED("taps = [ \"a\", \"a\" ];", "taps[1]: \"a\" is there twice; write another name");
	REFUSED("user = \"a b\";", "user: is no name; write letters, digits, _ - . after a letter");
	REFUSED("control = { group = \"-\"; };",
		"control.group: is no name; write letters, digits, _ - . after a letter");
	REFUSED("user = \"a\\nb\";", "user: has a character that cannot be printed; remove it");
	memset(longer, 'a', 32);
	strcpy(longer + 32, "\";");
	strcat(text, longer);
	refused(text, "f:2: user: has 32 characters; write at most 31");
	REFUSED("control = { socket = \"c\"; };",
		"control.socket: is no absolute path; write one that begins with /");
	REFUSED("control = { socket = \"\"; };",
		"control.socket: is no absolute path; write one that begins with /");
	REFUSED("cache = { file = \"c\"; };",
		"cache.file: is no absolute path; write one that begins "
		"with /, or \"\" for none");
	REFUSED("cache = { entries = 1; };",
		"cache.entries: is 1; write a number from 1024 to 16777216");
}

#define METRICS                                                                                   \
	"metrics: is no loopback address with a port; write \"127.0.0.1:9464\", \"[::1]:9464\", " \
	"the absolute path of a socket, or \"\" for none"

Test(config, metrics_and_probes)
{
	static const char *const bad[] = {
		"10.0.0.1:80", "[::2]:80",	  "[::]:80",	  "127.0.0.1",	    "127.0.0.1:",
		"127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:8o", "::1:80",	    "[::1:80",
		":80",	       "127.0.0.1:+80",	  "localhost:80", "[127.0.0.1]:80", "]:1",
		"0.0.0.0:80",  "relative"};
	char text[100];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), DEVICE "metrics = \"%s\";", bad[i]);
		refused(text, "f:2: " METRICS);
	}
	REFUSED("probes = { ports = [ 1, 2, 3 ]; };",
		"probes.ports: is no pair of ports; write [ 61000, 61255 ]");
	REFUSED("probes = { ports = [ \"1\", \"2\" ]; };",
		"probes.ports: is no pair of ports; write [ 61000, 61255 ]");
	REFUSED("probes = { ports = [ 1023, 2000 ]; };",
		"probes.ports: is 1023 to 2000; write two ports from 1024 to 65535, the lower one first");
	REFUSED("probes = { ports = [ 2001, 2000 ]; };",
		"probes.ports: is 2001 to 2000; write two ports from 1024 to 65535, the lower one first");
	REFUSED("probes = { ports = [ 2000, 65536 ]; };",
		"probes.ports: is 2000 to 65536; write two ports from 1024 to 65535, the lower one "
		"first");
	REFUSED("probes = { ports = [ 2000, 2001 ]; };",
		"probes: it has less than two ports for each probe of at_once; change ports or at_once");
	REFUSED("probes = { ports = [ 2000, 9001 ]; };",
		"probes: it has more than 4096 ports; change ports or at_once");
	REFUSED("probes = { burst = 0; };", "probes.burst: is 0; write a number from 1 to 100000");
}

Test(config, policy_settings)
{
	REFUSED("defaults = { mode = \"look\"; };",
		"defaults.mode: is \"look\"; write \"act\" or \"observe\"");
	REFUSED("defaults = { unknown = \"v2\"; };",
		"defaults.unknown: is \"v2\"; write \"tcp\" or \"v1\"");
	REFUSED("defaults = { unknown = \"v0\"; };",
		"defaults.unknown: \"v0\" needs the version gateway, which this mpnicd does not have; "
		"write \"v1\"");
	REFUSED("networks = ( { name = \"a\"; number = 1; known_v0 = \"v0\"; } );",
		"networks[0].known_v0: \"v0\" needs the version gateway, which this mpnicd does not "
		"have; write \"tcp\"");
	REFUSED("prefixes = ( { prefix = \"10.0.0.0/8\"; refused = \"retry\"; } );",
		"prefixes[0].refused: \"retry\" needs the version gateway, which this mpnicd does not "
		"have; write \"probe\"");
	REFUSED("defaults = { strip_from = 16; };",
		"defaults.strip_from: is 16; write a number from 0 to 15");
	REFUSED("defaults = { probe_interval = 59; };",
		"defaults.probe_interval: is 59; write a number from 60 to 2678400");
}

#define NET1 "{ name = \"a\"; number = 1; }"

Test(config, networks)
{
	REFUSED("networks = ( { number = 1; } );",
		"networks[0]: has no name or no number; write { name = \"lan\"; number = 1; }");
	REFUSED("networks = ( { name = \"a\"; } );",
		"networks[0]: has no name or no number; write { name = \"lan\"; number = 1; }");
	REFUSED("networks = ( { name = \"\"; number = 1; } );",
		"networks[0].name: is no name; write letters, digits, _ - . after a letter");
	REFUSED("networks = ( { name = \"a\"; number = 256; } );",
		"networks[0].number: is 256; write a number from 0 to 255");
	REFUSED("networks = ( " NET1 ", { name = \"b\"; number = 1; } );",
		"networks[1]: another network has this name or number; write another");
	REFUSED("networks = ( " NET1 ", { name = \"a\"; number = 2; } );",
		"networks[1]: another network has this name or number; write another");
	REFUSED("networks = ( { name = \"a\"; number = 1; at = ( { } ); } );",
		"networks[0].at[0]: names no port; write { port = 0; }");
	REFUSED("networks = ( { name = \"a\"; number = 1; at = ( { port = 2; } ); } );",
		"networks[0].at[0].port: is 2; write a number from 0 to 1");
	REFUSED("networks = ( { name = \"a\"; number = 1; at = ( { port = 1; vlan = 4095; } ); } );",
		"networks[0].at[0].vlan: is 4095; write a number from 0 to 4094");
	REFUSED("networks = ( { name = \"a\"; number = 1; at = ( { port = 1; }, { port = 1; } ); } );",
		"networks[0].at[1]: is in a network already; remove it from one of the two");
	REFUSED("networks = ( { name = \"a\"; number = 1; at = ( { port = 1; tag = 1; } ); } );",
		"networks[0].at[0].tag: there is no such setting; remove it, or write one of: port, "
		"vlan");
	REFUSED("networks = ( { name = \"a\"; number = 1; at = { }; } );",
		"networks[0].at: is a group { }; write a list of groups: ( { }, { } )");
}

#define PREFIX(text) "prefixes = ( { prefix = \"" text "\"; probe = false; } );"

Test(config, prefixes)
{
	REFUSED("prefixes = ( { probe = false; } );",
		"prefixes[0]: names no prefix; write prefix = \"192.0.2.0/24\";");
	REFUSED("prefixes = ( { prefix = \"10.0.0.0/8\"; } );",
		"prefixes[0]: sets nothing; add a policy setting, or remove it");
	REFUSED(PREFIX("10.0.0/8"),
		"prefixes[0].prefix: \"10.0.0\" is no address; write a prefix as \"192.0.2.0/24\" or "
		"\"2001:db8::/32\"");
	REFUSED(PREFIX("0123456789012345678901234567890123456789012345678901234567890123"),
		"prefixes[0].prefix: is no prefix; write it as \"192.0.2.0/24\"");
	REFUSED(PREFIX("10.0.0.0/33"), "prefixes[0].prefix: its length is \"33\"; write /0 to /32");
	REFUSED(PREFIX("10.0.0.0/"), "prefixes[0].prefix: its length is \"\"; write /0 to /32");
	REFUSED(PREFIX("10.0.0.0/-1"), "prefixes[0].prefix: its length is \"-1\"; write /0 to /32");
	REFUSED(PREFIX("::/129"), "prefixes[0].prefix: its length is \"129\"; write /0 to /128");
	REFUSED(PREFIX("::/8x"), "prefixes[0].prefix: its length is \"8x\"; write /0 to /128");
	REFUSED(PREFIX("10.1.2.3/8"),
		"prefixes[0].prefix: has bits set behind its length; write \"10.0.0.0/8\"");
	REFUSED(PREFIX("2001:db8::1/32"),
		"prefixes[0].prefix: has bits set behind its length; write \"2001:db8::/32\"");
	REFUSED(PREFIX("::ffff:10.0.0.0/104"),
		"prefixes[0].prefix: is IPv4 within IPv6; write the IPv4 prefix");
	REFUSED("prefixes = ( { prefix = \"::\"; port = 0; probe = false; } );",
		"prefixes[0].port: is 0; write a number from 1 to 65535");
	REFUSED("prefixes = ( { prefix = \"::\"; network = \"x\"; probe = false; } );",
		"prefixes[0].network: no network is named \"x\"; add it to networks, or write the name "
		"of one that is there");
}

Test(config, the_same_prefix_twice)
{
	refused(DEVICE "prefixes = ( { prefix = \"::/0\"; probe = false; },\n\n"
		       "{ prefix = \"::/0\"; mode = \"act\"; } );",
		"f:4: prefixes: the same prefix, port and network as in line 2; make one of the two");
}

/* An address without a length is one host; port and network are parts of the place. */
Test(config, prefixes_that_are_right)
{
	cr_assert_eq(parse(DEVICE "networks = ( " NET1 " );\n"
				  "prefixes = (\n{ prefix = \"10.0.0.1\"; strip_from = 7; },\n"
				  "{ prefix = \"10.0.0.1\"; port = 80; strip_from = 8; },\n"
				  "{ prefix = \"10.0.0.1\"; network = \"a\"; strip_from = 9; } );"),
		     0, "%s", error);
	cr_assert_eq(rules_of("10.0.0.1", 0, 1).value[POLICY_STRIP_FROM], 7);
	cr_assert_eq(rules_of("10.0.0.1", 1, 80).value[POLICY_STRIP_FROM], 8);
	cr_assert_eq(rules_of("10.0.0.1", 1, 81).value[POLICY_STRIP_FROM], 9);
	cr_assert_eq(rules_of("10.0.0.2", 0, 1).value[POLICY_STRIP_FROM], 1);
	char from[64];

	policy_origin(config.policy, rules_of("10.0.0.1", 1, 81).from[POLICY_STRIP_FROM], from,
		      sizeof(from));
	cr_assert_str_eq(from, "prefix 10.0.0.1/32 in network a (line 6)");
	config_free(&config);
}

Test(config, limits)
{
	char *text = malloc(80 * 2000), *to;

	to = text + sprintf(text, DEVICE "networks = ( { name = \"a\"; number = 1; at = (");
	for (unsigned int vlan = 0; vlan <= POLICY_ATTACHED; vlan++)
		to += sprintf(to, "%s{ port = 0; vlan = %u; }", vlan ? ", " : "", vlan);
	sprintf(to, "); } );");
	refused(text,
		"f:2: networks[0].at[1024]: is one place too many; write at most 1024 in all");
	free(text);
	full = true; /* 65,536 of them are in test_policy_find.c */
	REFUSED("prefixes = ( { prefix = \"::\"; probe = false; } );",
		"prefixes[0]: is one prefix too many; write at most 65536");
	full = false;
}

static const char *temporary(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/mpnic-config-%d-%s", "/tmp", (int)getpid(), name);
	return path;
}

static void load_refused(const char *path, int code, const char *message)
{
	char expected[400];

	snprintf(expected, sizeof(expected), "%s%s", path, message);
	cr_assert_eq(config_load(path, &config, error, sizeof(error)), code);
	cr_assert_str_eq(error, expected);
}

Test(config, files)
{
	const char *path = temporary("file");
	FILE *file;

	load_refused(
		"/nonexistent/x", -EIO,
		": cannot be read: No such file or directory; make it readable, or name another");
	load_refused("/dev", -EIO, ": is no regular file; name one that is");
	cr_assert_eq(mkfifo(path, 0600), 0);
	load_refused(path, -EIO, ": is no regular file; name one that is");
	unlink(path);
	file = fopen(path, "w");
	fputs(DEVICE "\n\nmtu = 1;", file);
	fclose(file);
	load_refused(path, -EINVAL, ":4: mtu: is 1; write a number from 1280 to 9578");
	fail_read = true;
	load_refused(path, -EIO, ": cannot be read: Input/output error; try again");
	fail_read = false;
	fail_in = 1;
	load_refused(path, -EIO, ": there is no memory to read it; free some");
	cr_assert_eq(truncate(path, (16 << 20) + 1), 0);
	load_refused(path, -EIO, ": has more than 16 MiB; make it shorter");
	unlink(path);
}

/* Whichever allocation fails: a message, nothing changed, nothing lost (the fuzz target sees to
 * leaks of all that is refused). */
Test(config, no_memory)
{
	static const char text[] = DEVICE PREFIX("10.0.0.0/8");
	bool prefix = false, seal = false, start = false;
	unsigned int nth;

	for (nth = 1; nth < 50; nth++) {
		int bad;

		fail_in = nth;
		bad = parse(text);
		if (!bad)
			break;
		cr_assert(bad == -ENOMEM || bad == -EINVAL);
		start |= !strcmp(error, "f: there is no memory to read it; free some");
		prefix |= !strcmp(error, "f:2: prefixes[0]: there is no memory for it; free some");
		seal |= !strcmp(error, "f:1: there is no memory for the prefixes; free some");
	}
	fail_in = 0;
	cr_assert(start && prefix && seal, "%d %d %d", start, prefix, seal);
	cr_assert_lt(nth, 50);
	config_free(&config);
}

/* A short buffer cuts the message, and no more than it. */
Test(config, message_is_cut)
{
	char small[16];

	memset(small, 'x', sizeof(small));
	cr_assert_lt(
		config_parse("f", DEVICE "mtu = 1;", strlen(DEVICE "mtu = 1;"), &config, small, 12),
		0);
	cr_assert_str_eq(small, "f:2: mtu: i");
	cr_assert_eq(small[12], 'x');
}
