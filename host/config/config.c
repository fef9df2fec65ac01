/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration file of mpnicd: from libconfig's tree to struct config (config.h). */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libconfig.h>

#include "config.h"

#define SIZE_MAX_FILE (16u << 20) /* holds POLICY_PREFIXES_MAX prefixes */
#define MTU_MIN	      1280	  /* IPv6 */
#define MTU_MAX	      (MPNIC_FRAME_MAX - 14 - 2 * 4)
#define ENTRIES_MAX   16777216

struct reader {
	const char *name; /* of the file */
	struct config *config;
	char *error;
	size_t size;
};

/* "prefixes.[3].port" of a setting, at the end of what is in @path. */
static void add_path(const config_setting_t *at, char *path, size_t size)
{
	size_t len;

	if (!at || !config_setting_parent(at))
		return;
	add_path(config_setting_parent(at), path, size);
	len = strlen(path);
	if (at->name)
		snprintf(path + len, size - len, "%s%.40s", len ? "." : "", at->name);
	else
		snprintf(path + len, size - len, "[%d]", config_setting_index(at));
}

/* Says what is wrong with a setting, and what to do; to the left of it where it is. */
__attribute__((format(printf, 3, 4))) static int
wrong(const struct reader *reader, const config_setting_t *at, const char *format, ...)
{
	char path[160] = "", text[320];
	va_list args;

	add_path(at, path, sizeof(path));
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(reader->error, reader->size, "%s:%u: %s%s%s", reader->name,
		 at && at->line ? at->line : 1, path, path[0] ? ": " : "", text);
	return -EINVAL;
}

static const char *type_name(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_LIST:
		return "a list ( )";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ]";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	default:
		return "a number";
	}
}

static int want_type(const struct reader *reader, const config_setting_t *at, int type,
		     const char *wanted)
{
	if (config_setting_type(at) == type)
		return 0;
	return wrong(reader, at, "is %s; write %s", type_name(at), wanted);
}

/* Settings that nobody reads are mistakes: the list is of those that there are, NULL at its end. */
static int only(const struct reader *reader, const config_setting_t *group,
		const char *const *names, bool policy)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *at = config_setting_get_elem(group, i);
		char known[240] = "";
		bool found = false;

		for (size_t n = 0; names[n] && !found; n++)
			found = !strcmp(names[n], at->name);
		for (size_t s = 0; policy && s < POLICY_SETTINGS && !found; s++)
			found = !strcmp(policy_settings[s].name, at->name);
		if (found)
			continue;
		for (size_t n = 0; names[n]; n++)
			snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
				 n ? ", " : "", names[n]);
		return wrong(reader, at,
			     "there is no such setting; remove it, or write one of: %s%s%s", known,
			     policy && known[0] ? ", " : "",
			     policy ? "a policy setting (docs/policy.md)" : "");
	}
	return 0;
}

static int read_number(const struct reader *reader, const config_setting_t *group, const char *name,
		       uint32_t min, uint32_t max, uint32_t *value)
{
	const config_setting_t *at = config_setting_get_member(group, name);
	long long number;

	if (!at)
		return 0;
	if (config_setting_type(at) != CONFIG_TYPE_INT64 &&
	    want_type(reader, at, CONFIG_TYPE_INT, "a whole number"))
		return -EINVAL;
	number = config_setting_get_int64(at);
	if (number < min || number > max)
		return wrong(reader, at, "is %lld; write a number from %u to %u", number, min, max);
	*value = number;
	return 0;
}

/* @text: @size bytes with the final 0. */
static int read_string(const struct reader *reader, const config_setting_t *group, const char *name,
		       char *text, size_t size)
{
	const config_setting_t *at = config_setting_get_member(group, name);
	const char *string;

	if (!at)
		return 0;
	if (want_type(reader, at, CONFIG_TYPE_STRING, "a string in quotes"))
		return -EINVAL;
	string = config_setting_get_string(at);
	if (strlen(string) >= size)
		return wrong(reader, at, "has %zu characters; write at most %zu", strlen(string),
			     size - 1);
	for (const char *c = string; *c; c++) {
		if (!isprint((unsigned char)*c))
			return wrong(reader, at,
				     "has a character that cannot be printed; remove it");
	}
	snprintf(text, size, "%s", string);
	return 0;
}

static int read_path(const struct reader *reader, const config_setting_t *group, const char *name,
		     bool may_lack, char *path)
{
	const int bad = read_string(reader, group, name, path, CONFIG_PATH_SIZE);

	if (bad)
		return bad;
	if (path[0] == '/' || (may_lack && !path[0]))
		return 0;
	return wrong(reader, config_setting_get_member(group, name),
		     "is no absolute path; write one that begins with /%s",
		     may_lack ? ", or \"\" for none" : "");
}

/* Names of users, groups, networks. */
static bool name_ok(const char *name)
{
	if (!isalpha((unsigned char)name[0]) && name[0] != '_')
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("_-.", *name))
			return false;
	}
	return true;
}

static int read_name(const struct reader *reader, const config_setting_t *group, const char *name,
		     char *text)
{
	const int bad = read_string(reader, group, name, text, CONFIG_NAME_SIZE);

	if (bad)
		return bad;
	if (!text[0] || name_ok(text))
		return 0;
	return wrong(reader, config_setting_get_member(group, name),
		     "is no name; write letters, digits, _ - . after a letter");
}

/* A member that is a group, or NULL; *bad where it is something else. */
static const config_setting_t *read_group(const struct reader *reader, const config_setting_t *root,
					  const char *name, int *bad)
{
	const config_setting_t *at = config_setting_get_member(root, name);

	*bad = 0;
	if (!at)
		return NULL;
	*bad = want_type(reader, at, CONFIG_TYPE_GROUP, "a group: { setting = value; }");
	return *bad ? NULL : at;
}

/* Length of a list of groups; 0 if there is none, negative if it is something else. */
static int read_list(const struct reader *reader, const config_setting_t *group, const char *name,
		     const config_setting_t **list)
{
	*list = config_setting_get_member(group, name);
	if (!*list)
		return 0;
	if (want_type(reader, *list, CONFIG_TYPE_LIST, "a list of groups: ( { }, { } )"))
		return -EINVAL;
	for (int i = 0; i < config_setting_length(*list); i++) {
		if (want_type(reader, config_setting_get_elem(*list, i), CONFIG_TYPE_GROUP,
			      "a group: { setting = value; }"))
			return -EINVAL;
	}
	return config_setting_length(*list);
}

static int read_word(const struct reader *reader, const config_setting_t *at,
		     enum policy_setting setting, uint32_t *value)
{
	const char *const *words = policy_settings[setting].words;
	char list[80] = "";

	if (want_type(reader, at, CONFIG_TYPE_STRING, "a word in quotes"))
		return -EINVAL;
	for (*value = 0; words[*value]; ++*value) {
		const char *instead = policy_unavailable(setting, *value);

		if (!strcmp(words[*value], config_setting_get_string(at))) {
			if (!instead)
				return 0;
			return wrong(reader, at,
				     "\"%s\" needs the version gateway, which this mpnicd does not "
				     "have; write \"%s\"",
				     words[*value], instead);
		}
		if (!instead)
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s\"%s\"",
				 list[0] ? " or " : "", words[*value]);
	}
	return wrong(reader, at, "is \"%.40s\"; write %s", config_setting_get_string(at), list);
}

static int read_values(const struct reader *reader, const config_setting_t *group,
		       struct policy_values *values)
{
	*values = (struct policy_values){0};
	for (unsigned int s = 0; s < POLICY_SETTINGS; s++) {
		const struct policy_setting_info *info = &policy_settings[s];
		const config_setting_t *at = config_setting_get_member(group, info->name);
		uint32_t *value = &values->value[s];
		int bad = 0;

		if (!at)
			continue;
		values->set |= 1u << s;
		if (s == POLICY_PROBE) {
			bad = want_type(reader, at, CONFIG_TYPE_BOOL, "true or false");
			*value = !bad && config_setting_get_bool(at);
		} else if (info->words) {
			bad = read_word(reader, at, s, value);
		} else {
			bad = read_number(reader, group, info->name, info->min, info->max, value);
		}
		if (bad)
			return bad;
	}
	return 0;
}

static int read_taps(const struct reader *reader, const config_setting_t *root)
{
	const config_setting_t *at = config_setting_get_member(root, "taps");
	struct config *config = reader->config;

	if (!at)
		return 0;
	if (want_type(reader, at, CONFIG_TYPE_ARRAY, "an array of names: [ \"mp0\", \"mp1\" ]"))
		return -EINVAL;
	config->ports = config_setting_length(at);
	if (!config->ports || config->ports > CONFIG_PORTS)
		return wrong(reader, at,
			     "has %u names; write one for each port of the card, 1 to %u",
			     config->ports, CONFIG_PORTS);
	for (unsigned int i = 0; i < config->ports; i++) {
		const config_setting_t *name = config_setting_get_elem(at, i);
		const char *text;

		if (want_type(reader, name, CONFIG_TYPE_STRING, "names in quotes"))
			return -EINVAL;
		text = config_setting_get_string(name);
		if (!name_ok(text) || strlen(text) >= CONFIG_TAP_SIZE)
			return wrong(
				reader, name,
				"\"%.40s\" is no name for an interface; write 1 to %d letters, "
				"digits, _ - . after a letter",
				text, CONFIG_TAP_SIZE - 1);
		for (unsigned int other = 0; other < i; other++) {
			if (!strcmp(config->tap[other], text))
				return wrong(reader, name,
					     "\"%s\" is there twice; write another name", text);
		}
		snprintf(config->tap[i], CONFIG_TAP_SIZE, "%s", text);
	}
	return 0;
}

static int read_control(const struct reader *reader, const config_setting_t *root)
{
	static const char *const names[] = {"socket", "group", NULL};
	struct config *config = reader->config;
	const config_setting_t *group;
	int bad;

	group = read_group(reader, root, "control", &bad);
	if (!group)
		return bad;
	if (only(reader, group, names, false) ||
	    read_path(reader, group, "socket", false, config->control_socket))
		return -EINVAL;
	return read_name(reader, group, "group", config->control_group);
}

static int read_cache(const struct reader *reader, const config_setting_t *root)
{
	static const char *const names[] = {"file", "entries", NULL};
	struct config *config = reader->config;
	const config_setting_t *group;
	int bad;

	group = read_group(reader, root, "cache", &bad);
	if (!group)
		return bad;
	if (only(reader, group, names, false) ||
	    read_path(reader, group, "file", true, config->cache_file))
		return -EINVAL;
	return read_number(reader, group, "entries", 1024, ENTRIES_MAX, &config->cache_entries);
}

static bool is_loopback(const struct ip_addr *addr)
{
	static const uint8_t v6[16] = {[15] = 1};

	return addr->version == 4 ? addr->bytes[0] == 127 : !memcmp(addr->bytes, v6, sizeof(v6));
}

/* "127.0.0.1:9464" or "[::1]:9464". */
static bool parse_endpoint(char *text, struct ip_addr *addr, uint16_t *port)
{
	char *colon = strrchr(text, ':'), *end;
	unsigned long number;

	if (!colon || !isdigit((unsigned char)colon[1]))
		return false;
	number = strtoul(colon + 1, &end, 10);
	if (*end || !number || number > UINT16_MAX)
		return false;
	*colon = 0;
	*port = number;
	*addr = (struct ip_addr){0};
	if (text[0] != '[') {
		addr->version = 4;
		return inet_pton(AF_INET, text, addr->bytes) == 1;
	}
	if (colon[-1] != ']')
		return false;
	colon[-1] = 0;
	addr->version = 6;
	return inet_pton(AF_INET6, text + 1, addr->bytes) == 1;
}

static int read_metrics(const struct reader *reader, const config_setting_t *root)
{
	const config_setting_t *at = config_setting_get_member(root, "metrics");
	struct config *config = reader->config;
	char text[CONFIG_PATH_SIZE] = "";

	if (read_string(reader, root, "metrics", text, sizeof(text)))
		return -EINVAL;
	if (!at)
		return 0;
	config->metrics_addr = (struct ip_addr){0};
	config->metrics_port = 0;
	if (!text[0])
		return 0;
	if (text[0] == '/') {
		snprintf(config->metrics_socket, sizeof(config->metrics_socket), "%s", text);
		return 0;
	}
	if (!parse_endpoint(text, &config->metrics_addr, &config->metrics_port) ||
	    !is_loopback(&config->metrics_addr))
		return wrong(reader, at,
			     "is no loopback address with a port; write \"127.0.0.1:9464\", "
			     "\"[::1]:9464\", the absolute path of a socket, or \"\" for none");
	return 0;
}

static int read_port_range(const struct reader *reader, const config_setting_t *group,
			   struct probe_config *probes)
{
	const config_setting_t *at = config_setting_get_member(group, "ports");
	int first, last;

	if (!at)
		return 0;
	if (want_type(reader, at, CONFIG_TYPE_ARRAY, "first and last port: [ 61000, 61255 ]"))
		return -EINVAL;
	if (config_setting_length(at) != 2 ||
	    config_setting_type(config_setting_get_elem(at, 0)) != CONFIG_TYPE_INT)
		return wrong(reader, at, "is no pair of ports; write [ 61000, 61255 ]");
	first = config_setting_get_int_elem(at, 0);
	last = config_setting_get_int_elem(at, 1);
	if (first < 1024 || last > UINT16_MAX || first > last)
		return wrong(reader, at,
			     "is %d to %d; write two ports from 1024 to 65535, the lower "
			     "one first",
			     first, last);
	probes->port_first = first;
	probes->port_last = last;
	return 0;
}

static int read_probes(const struct reader *reader, const config_setting_t *root)
{
	static const char *const names[] = {"ports",	     "per_second", "burst",
					    "at_once",	     "timeout_ms", "repeats",
					    "handshake_age", "peers",	   NULL};
	struct probe_config *probes = &reader->config->probes;
	const config_setting_t *group;
	const char *what;
	int bad;

	group = read_group(reader, root, "probes", &bad);
	if (!group)
		return bad;
	if (only(reader, group, names, false) || read_port_range(reader, group, probes) ||
	    read_number(reader, group, "per_second", 1, 100000, &probes->per_second) ||
	    read_number(reader, group, "burst", 1, 100000, &probes->burst) ||
	    read_number(reader, group, "at_once", 1, PROBE_AT_ONCE_MAX, &probes->at_once) ||
	    read_number(reader, group, "timeout_ms", 10, 60000, &probes->timeout_ms) ||
	    read_number(reader, group, "repeats", 0, 5, &probes->repeats) ||
	    read_number(reader, group, "peers", 1, PROBE_PEERS_MAX, &probes->peers) ||
	    read_number(reader, group, "handshake_age", 60, 366 * 86400, &probes->handshake_age_s))
		return -EINVAL;
	what = probe_config_wrong(probes);
	if (what)
		return wrong(reader, group, "%s; change ports or at_once", what);
	return 0;
}

static int read_attached(const struct reader *reader, const config_setting_t *group,
			 uint8_t network)
{
	static const char *const names[] = {"port", "vlan", NULL};
	const config_setting_t *list;
	const int count = read_list(reader, group, "at", &list);

	for (int i = 0; i < count; i++) {
		const config_setting_t *at = config_setting_get_elem(list, i);
		uint32_t port = 0, vlan = 0;
		int bad;

		if (only(reader, at, names, false))
			return -EINVAL;
		if (!config_setting_get_member(at, "port"))
			return wrong(reader, at, "names no port; write { port = 0; }");
		if (read_number(reader, at, "port", 0, CONFIG_PORTS - 1, &port) ||
		    read_number(reader, at, "vlan", 0, 4094, &vlan))
			return -EINVAL;
		bad = policy_attach(reader->config->policy, network, port,
				    config_setting_get_member(at, "vlan") ? (int)vlan : -1);
		if (bad == -EEXIST)
			return wrong(reader, at,
				     "is in a network already; remove it from one of the two");
		if (bad)
			return wrong(reader, at, "is one place too many; write at most %u in all",
				     POLICY_ATTACHED);
	}
	return count < 0 ? count : 0;
}

static int read_network(const struct reader *reader, const config_setting_t *group)
{
	static const char *const names[] = {"name", "number", "at", NULL};
	char name[POLICY_NAME_SIZE] = "";
	struct policy_values values;
	uint32_t number = 0;

	if (only(reader, group, names, true))
		return -EINVAL;
	if (!config_setting_get_member(group, "name") ||
	    !config_setting_get_member(group, "number"))
		return wrong(reader, group,
			     "has no name or no number; write { name = \"lan\"; number = 1; }");
	if (read_string(reader, group, "name", name, sizeof(name)) ||
	    read_number(reader, group, "number", 0, POLICY_NETWORKS - 1, &number) ||
	    read_values(reader, group, &values))
		return -EINVAL;
	if (!name_ok(name))
		return wrong(reader, config_setting_get_member(group, "name"),
			     "is no name; write letters, digits, _ - . after a letter");
	if (policy_network_add(reader->config->policy, number, name, group->line, &values))
		return wrong(reader, group,
			     "another network has this name or number; write another");
	return read_attached(reader, group, number);
}

static int read_networks(const struct reader *reader, const config_setting_t *root)
{
	const config_setting_t *list;
	const int count = read_list(reader, root, "networks", &list);

	for (int i = 0; i < count; i++) {
		if (read_network(reader, config_setting_get_elem(list, i)))
			return -EINVAL;
	}
	return count < 0 ? count : 0;
}

/* IPv4 written as IPv6 (RFC 4291 2.5.5.2): no packet has it, so such a prefix would do nothing. */
static bool is_mapped(const struct policy_prefix *prefix)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return prefix->addr.version == 6 && prefix->bits >= 96 &&
	       !memcmp(prefix->addr.bytes, mapped, sizeof(mapped));
}

static int clear_bits(const struct reader *reader, const config_setting_t *at,
		      const struct policy_prefix *prefix)
{
	const int family = prefix->addr.version == 4 ? AF_INET : AF_INET6;
	struct ip_addr clean = prefix->addr;
	char text[INET6_ADDRSTRLEN] = "";

	for (unsigned int bit = prefix->bits; bit < 128; bit++)
		clean.bytes[bit / 8] &= ~(0x80 >> bit % 8);
	if (!memcmp(&clean, &prefix->addr, sizeof(clean)))
		return 0;
	inet_ntop(family, clean.bytes, text, sizeof(text));
	return wrong(reader, at, "has bits set behind its length; write \"%s/%u\"", text,
		     prefix->bits);
}

static int parse_prefix(const struct reader *reader, const config_setting_t *at,
			struct policy_prefix *prefix)
{
	char text[64], *slash, *end;
	unsigned long bits;
	unsigned int most;

	if (want_type(reader, at, CONFIG_TYPE_STRING, "a prefix in quotes, as \"192.0.2.0/24\""))
		return -EINVAL;
	if (strlen(config_setting_get_string(at)) >= sizeof(text))
		return wrong(reader, at, "is no prefix; write it as \"192.0.2.0/24\"");
	snprintf(text, sizeof(text), "%s", config_setting_get_string(at));
	slash = strchr(text, '/');
	if (slash)
		*slash = 0;
	if (inet_pton(AF_INET, text, prefix->addr.bytes) == 1)
		prefix->addr.version = 4;
	else if (inet_pton(AF_INET6, text, prefix->addr.bytes) == 1)
		prefix->addr.version = 6;
	else
		return wrong(reader, at,
			     "\"%s\" is no address; write a prefix as \"192.0.2.0/24\" or "
			     "\"2001:db8::/32\"",
			     text);
	most = prefix->addr.version == 4 ? 32 : 128;
	prefix->bits = most;
	if (slash) {
		bits = strtoul(slash + 1, &end, 10);
		if (!isdigit((unsigned char)slash[1]) || *end || bits > most)
			return wrong(reader, at, "its length is \"%s\"; write /0 to /%u", slash + 1,
				     most);
		prefix->bits = bits;
	}
	if (is_mapped(prefix))
		return wrong(reader, at, "is IPv4 within IPv6; write the IPv4 prefix");
	return clear_bits(reader, at, prefix);
}

static int read_prefix(const struct reader *reader, const config_setting_t *group)
{
	static const char *const names[] = {"prefix", "port", "network", NULL};
	const config_setting_t *at = config_setting_get_member(group, "prefix");
	struct policy_prefix prefix = {.network = -1, .line = group->line};
	char network[POLICY_NAME_SIZE] = "";
	uint32_t port = 0;

	if (only(reader, group, names, true))
		return -EINVAL;
	if (!at)
		return wrong(reader, group, "names no prefix; write prefix = \"192.0.2.0/24\";");
	if (parse_prefix(reader, at, &prefix) ||
	    read_number(reader, group, "port", 1, UINT16_MAX, &port) ||
	    read_string(reader, group, "network", network, sizeof(network)) ||
	    read_values(reader, group, &prefix.values))
		return -EINVAL;
	prefix.port = port;
	if (config_setting_get_member(group, "network")) {
		const int number = policy_network_number(reader->config->policy, network);

		if (number < 0)
			return wrong(reader, config_setting_get_member(group, "network"),
				     "no network is named \"%s\"; add it to networks, or write the "
				     "name of one that is there",
				     network);
		prefix.network = number;
	}
	if (!prefix.values.set)
		return wrong(reader, group, "sets nothing; add a policy setting, or remove it");
	switch (policy_prefix_add(reader->config->policy, &prefix)) {
	case 0:
		return 0;
	case -ENOSPC:
		return wrong(reader, group, "is one prefix too many; write at most %u",
			     POLICY_PREFIXES_MAX);
	default:
		return wrong(reader, group, "there is no memory for it; free some");
	}
}

static int read_prefixes(const struct reader *reader, const config_setting_t *root)
{
	const config_setting_t *list;
	const int count = read_list(reader, root, "prefixes", &list);

	for (int i = 0; i < count; i++) {
		if (read_prefix(reader, config_setting_get_elem(list, i)))
			return -EINVAL;
	}
	return count < 0 ? count : 0;
}

static int read_policy(const struct reader *reader, const config_setting_t *root)
{
	static const char *const none[] = {NULL};
	struct policy *policy = reader->config->policy;
	struct policy_values values = {0};
	const config_setting_t *group;
	uint32_t line[2];
	int bad;

	group = read_group(reader, root, "defaults", &bad);
	if (bad ||
	    (group && (only(reader, group, none, true) || read_values(reader, group, &values))))
		return -EINVAL;
	policy_defaults(policy, &values); /* every value was read, so it is one that there is */
	if (read_networks(reader, root) || read_prefixes(reader, root))
		return -EINVAL;
	bad = policy_seal(policy, line);
	if (!bad)
		return 0;
	if (bad == -ENOMEM) {
		wrong(reader, NULL, "there is no memory for the prefixes; free some");
		return bad;
	}
	snprintf(
		reader->error, reader->size,
		"%s:%u: prefixes: the same prefix, port and network as in line %u; make one of the "
		"two",
		reader->name, line[1] > line[0] ? line[1] : line[0],
		line[1] > line[0] ? line[0] : line[1]);
	return -EINVAL;
}

static int read_root(const struct reader *reader, const config_setting_t *root)
{
	static const char *const names[] = {"device",	"taps",	    "mtu",	"user",
					    "control",	"cache",    "metrics",	"probes",
					    "defaults", "networks", "prefixes", NULL};
	struct config *config = reader->config;

	if (only(reader, root, names, false) ||
	    read_string(reader, root, "device", config->device, sizeof(config->device)) ||
	    read_taps(reader, root) ||
	    read_number(reader, root, "mtu", MTU_MIN, MTU_MAX, &config->mtu) ||
	    read_name(reader, root, "user", config->user) || read_control(reader, root) ||
	    read_cache(reader, root) || read_metrics(reader, root) || read_probes(reader, root))
		return -EINVAL;
	if (!config->device[0])
		return wrong(
			reader, config_setting_get_member(root, "device"),
			"device: the card is not named; write device = \"net_mpnic0,socket=PATH\" "
			"or a PCI address");
	return read_policy(reader, root);
}

static void defaults(struct config *config)
{
	*config = (struct config){
		.ports = CONFIG_PORTS,
		.tap = {"mp0", "mp1"},
		.mtu = 1500,
		.user = "mpnic",
		.control_socket = "/run/mpnic/mpnicd.sock",
		.control_group = "mpnic",
		.cache_file = "/var/lib/mpnic/peers.mdb",
		.cache_entries = 1000000,
		.metrics_addr = {.version = 4, .bytes = {127, 0, 0, 1}},
		.metrics_port = 9464,
		.probes = PROBE_CONFIG_DEFAULT,
	};
}

/*
 * What libconfig must not see: an end in the middle, and includes, which it opens while it parses
 * (one that is a directory ends the program).
 */
static int check_text(const struct reader *reader, const char *text, size_t len)
{
	static const char include[] = "@include";
	unsigned int line = 1;

	if (memchr(text, 0, len)) {
		snprintf(reader->error, reader->size,
			 "%s: there is a zero byte in it; write a text file", reader->name);
		return -EINVAL;
	}
	while (text) {
		const char *word = text + strspn(text, " \t\r");

		if (!strncmp(word, include, strlen(include))) {
			snprintf(reader->error, reader->size,
				 "%s:%u: @include: the configuration is one file; copy the other "
				 "file's settings into it",
				 reader->name, line);
			return -EINVAL;
		}
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
		line++;
	}
	return 0;
}

static int parse(const struct reader *reader, const char *text)
{
	config_t file;
	int bad;

	config_init(&file);
	if (!config_read_string(&file, text)) {
		snprintf(reader->error, reader->size,
			 "%s:%d: %s; see the sample file for how settings are written",
			 reader->name, config_error_line(&file), config_error_text(&file));
		config_destroy(&file);
		return -EINVAL;
	}
	bad = read_root(reader, config_root_setting(&file));
	config_destroy(&file);
	return bad;
}

int config_parse(const char *name, const char *text, size_t len, struct config *config, char *error,
		 size_t size)
{
	struct config fresh;
	const struct reader reader = {name, &fresh, error, size};
	char *copy = malloc(len + 1);
	int bad = -ENOMEM;

	error[0] = 0;
	defaults(&fresh);
	fresh.policy = policy_create();
	if (!copy || !fresh.policy) {
		snprintf(error, size, "%s: there is no memory to read it; free some", name);
	} else {
		memcpy(copy, text, len);
		copy[len] = 0; /* libconfig and the search for lines want it */
		bad = check_text(&reader, copy, len);
		if (!bad)
			bad = parse(&reader, copy);
	}
	free(copy);
	if (bad) {
		policy_destroy(fresh.policy);
		return bad;
	}
	*config = fresh;
	return 0;
}

/* The bytes of a regular file, or NULL; *bad and the message say why. */
static char *read_file(const char *path, size_t *len, char *error, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat about;
	char *text = NULL;
	ssize_t got = 0;

	*len = 0;
	if (fd < 0 || fstat(fd, &about)) {
		snprintf(error, size, "%s: cannot be read: %s; make it readable, or name another",
			 path, strerror(errno));
	} else if (!S_ISREG(about.st_mode)) {
		snprintf(error, size, "%s: is no regular file; name one that is", path);
	} else if (about.st_size > SIZE_MAX_FILE) {
		snprintf(error, size, "%s: has more than %u MiB; make it shorter", path,
			 SIZE_MAX_FILE >> 20);
	} else {
		text = malloc(about.st_size + 1);
		if (!text)
			snprintf(error, size, "%s: there is no memory to read it; free some", path);
	}
	while (text && *len < (size_t)about.st_size &&
	       (got = read(fd, text + *len, about.st_size - *len)) > 0)
		*len += got;
	if (got < 0) {
		snprintf(error, size, "%s: cannot be read: %s; try again", path, strerror(errno));
		free(text);
		text = NULL;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

int config_load(const char *path, struct config *config, char *error, size_t size)
{
	size_t len;
	char *text = read_file(path, &len, error, size);
	int bad;

	if (!text)
		return -EIO;
	bad = config_parse(path, text, len, config, error, size);
	free(text);
	return bad;
}

void config_free(struct config *config)
{
	policy_destroy(config->policy);
	memset(config, 0, sizeof(*config));
}
