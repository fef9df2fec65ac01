/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEYS_AT 4 /* offset of the first key in MP_CAPABLE and MP_FASTCLOSE */

const char *text_addr(char buf[TEXT_MAX], bool v6, const uint8_t addr[16])
{
	inet_ntop(v6 ? AF_INET6 : AF_INET, addr, buf, TEXT_MAX);
	return buf;
}

const char *text_endpoint(char buf[TEXT_MAX], bool v6, const uint8_t addr[16], uint16_t port)
{
	char a[INET6_ADDRSTRLEN];

	inet_ntop(v6 ? AF_INET6 : AF_INET, addr, a, sizeof(a));
	snprintf(buf, TEXT_MAX, v6 ? "[%s]:%u" : "%s:%u", a, port);
	return buf;
}

/* One letter a bit, highest first; "-" for none. */
static const char *letters(char buf[TEXT_MAX], const char *names, uint8_t flags)
{
	size_t n = strlen(names), out = 0;

	for (size_t i = 0; i < n; i++)
		if (flags & 1u << (n - 1 - i))
			buf[out++] = names[i];
	if (!out)
		buf[out++] = '-';
	buf[out] = '\0';
	return buf;
}

const char *text_capable_flags(char buf[TEXT_MAX], uint8_t flags)
{
	return letters(buf, "ABCDEFGH", flags);
}

const char *text_dss_flags(char buf[TEXT_MAX], uint8_t flags)
{
	static const char names[] = "AaMmF"; /* in RFC 8684's words; bit 0 is A */
	size_t out = 0;

	for (size_t i = 0; i < sizeof(names) - 1; i++)
		if (flags & 1u << i)
			buf[out++] = names[i];
	if (!out)
		buf[out++] = '-';
	buf[out] = '\0';
	return buf;
}

const char *text_tcprst_flags(char buf[TEXT_MAX], uint8_t flags)
{
	return letters(buf, "UVWT", flags & 0xf);
}

const char *text_tcp_flags(char buf[TEXT_MAX], uint8_t flags)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	size_t out = 0;

	buf[0] = '-';
	buf[1] = '\0';
	for (unsigned int i = 0; i < 8; i++)
		if (flags & 1u << i)
			out += (size_t)snprintf(buf + out, TEXT_MAX - out, "%s%s", out ? "," : "",
						names[i]);
	return buf;
}

const char *text_time(char buf[TEXT_MAX], uint64_t ns)
{
	snprintf(buf, TEXT_MAX, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
	return buf;
}

const char *text_bits(char buf[TEXT_BITS_MAX], const char *const *names, uint64_t bits)
{
	size_t out = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; names[i] && out < TEXT_BITS_MAX; i++)
		if (bits >> i & 1)
			out += (size_t)snprintf(buf + out, TEXT_BITS_MAX - out, "%s%s",
						out ? "," : "", names[i]);
	return buf;
}

const char *text_tcprst_reason(uint8_t reason)
{
	static const char *const names[] = {
		"unspecified",
		"MPTCP-specific error",
		"lack of resources",
		"administratively prohibited",
		"too much outstanding data",
		"unacceptable performance",
		"middlebox interference",
	};

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unassigned";
}

uint64_t text_key_bytes(const struct mpnic_hdr *hdr)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i + 2 < MPNIC_TCP_OPT_MAX; i++) {
		unsigned int subtype = hdr->opts[i + 2] >> 4, end = i + hdr->opts[i + 1];

		if (!(hdr->opt_starts >> i & 1) || hdr->opts[i] != MPNIC_TCPOPT_KIND_MPTCP)
			continue;
		if (subtype != MPNIC_SUBTYPE_MP_CAPABLE && subtype != MPNIC_SUBTYPE_MP_FASTCLOSE)
			continue;
		if (hdr->opts[i + 1] < 2 || end > MPNIC_TCP_OPT_MAX)
			end = MPNIC_TCP_OPT_MAX;
		for (unsigned int at = i + KEYS_AT; at < end; at++)
			mask |= 1ull << at;
	}
	return mask;
}

const char *text_opts(char buf[TEXT_OPTS_MAX], const struct mpnic_hdr *hdr, bool show_keys)
{
	uint64_t hidden = show_keys ? 0 : text_key_bytes(hdr);
	unsigned int len = hdr->opt_len < MPNIC_TCP_OPT_MAX ? hdr->opt_len : MPNIC_TCP_OPT_MAX;

	buf[0] = '\0';
	for (unsigned int i = 0; i < len; i++) {
		if (hidden >> i & 1)
			strcpy(buf + 2 * i, "..");
		else
			sprintf(buf + 2 * i, "%02x", hdr->opts[i]);
	}
	return buf;
}
