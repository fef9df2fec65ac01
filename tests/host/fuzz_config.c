/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: any text as a configuration file, libconfig included. Refused or taken, there is a
 * message or a whole policy; what was taken answers for every peer with values that there are.
 */
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth)
{
	if (!truth)
		abort();
}

static void check_rules(const struct policy *policy, const struct peer_key *peer)
{
	struct policy_rules rules;
	char text[128];

	policy_find(policy, peer, &rules);
	for (unsigned int s = 0; s < POLICY_SETTINGS; s++) {
		const struct policy_setting_info *info = &policy_settings[s];
		uint32_t words = 0;

		while (info->words && info->words[words])
			words++;
		must(info->words ? rules.value[s] < words
				 : rules.value[s] >= info->min && rules.value[s] <= info->max);
		must(!policy_unavailable(s, rules.value[s]));
		policy_origin(policy, rules.from[s], text, sizeof(text));
		must(strcmp(text, "?") != 0);
	}
}

static void check_config(const struct config *config)
{
	uint8_t network;

	must(config->device[0] && config->ports && config->cache_entries);
	must(!probe_config_wrong(&config->probes));
	for (size_t i = 0; i < policy_prefixes(config->policy); i++) {
		const struct policy_prefix *prefix = policy_prefix_at(config->policy, i);
		struct peer_key peer = {.addr = prefix->addr, .port = prefix->port};

		peer.network = prefix->network < 0 ? 77 : prefix->network;
		check_rules(config->policy, &peer);
		peer.addr.bytes[3] ^= 0x55;
		peer.port ^= 80;
		check_rules(config->policy, &peer);
	}
	for (unsigned int port = 0; port < 3; port++)
		policy_port_is_one(config->policy, port, &network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config, untouched;
	char error[CONFIG_ERROR_SIZE];

	memset(&config, 0xa5, sizeof(config));
	untouched = config;
	if (config_parse("f", (const char *)data, size, &config, error, sizeof(error))) {
		must(error[0] && memchr(error, 0, sizeof(error)));
		must(!memcmp(&config, &untouched, sizeof(config)));
		return 0;
	}
	check_config(&config);
	config_free(&config);
	return 0;
}
