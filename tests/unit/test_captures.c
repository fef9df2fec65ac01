/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Real captures: the folder that MPNIC_PCAPS names (default ../shared/pcaps), against the counts in
 * its README.md, and the repository's own in tests/captures.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

struct counts {
	unsigned int frames, tcp, errors, malformed_chains, combinations, bad_csums;
	unsigned int subtypes[16];
};

/* A frame of another link type, as Ethernet; false if there is no IP in it. */
static bool as_ethernet(int link_type, const uint8_t *data, size_t len, uint8_t *out,
			size_t *out_len)
{
	size_t skip = 0;

	if (link_type == DLT_LINUX_SLL)
		skip = 16;
	else if (link_type != DLT_RAW)
		return false;
	if (len <= skip || len - skip > MPNIC_REPLAY_MAX - 14)
		return false;
	memset(out, 0, 14);
	put16(out + 12, data[skip] >> 4 == 4 ? 0x0800 : 0x86dd);
	memcpy(out + 14, data + skip, len - skip);
	*out_len = 14 + len - skip;
	return true;
}

static void count_frame(struct counts *c, const char *path, const uint8_t *data, size_t len)
{
	struct result r = run(data, len, MPNIC_USER(UNKNOWN, 0));
	unsigned int i;

	c->frames++;
	c->tcp += !!(r.hdr.flags & MPNIC_HDR_TCP);
	c->bad_csums += r.csum.l4 == MPNIC_CSUM_BAD || r.csum.ip == MPNIC_CSUM_BAD;
	if (r.hdr.tcpopt == MPNIC_TCPOPT_LEN_BELOW_2 || r.hdr.tcpopt == MPNIC_TCPOPT_OVERRUN)
		c->malformed_chains++;
	if (r.hdr.mptcp & MPNIC_MPTCP_COMBINATION) {
		c->combinations++;
		printf("%s: frame %u: combination\n", path, c->frames);
	}
	for (i = 0; i < r.hdr.mptcp_count; i++) {
		const struct mpnic_opt *opt = &r.hdr.opt[i];

		if (opt->subtype < 16)
			c->subtypes[opt->subtype]++;
		if (opt->error) {
			c->errors++;
			printf("%s: frame %u: %s: %s\n", path, c->frames,
			       mpnic_subtype_name(opt->subtype), mpnic_opt_error_name(opt->error));
		}
	}
}

static struct counts count_file(const char *path)
{
	static uint8_t converted[MPNIC_REPLAY_MAX];
	char err[PCAP_ERRBUF_SIZE];
	struct counts c = {0};
	struct pcap_pkthdr *hdr;
	const u_char *data;
	pcap_t *pcap = pcap_open_offline(path, err);
	int got, link_type;

	cr_assert_not_null(pcap, "%s: %s", path, err);
	link_type = pcap_datalink(pcap);
	while ((got = pcap_next_ex(pcap, &hdr, &data)) == 1) {
		size_t len;

		if (link_type == DLT_EN10MB)
			count_frame(&c, path, data, hdr->caplen);
		else if (as_ethernet(link_type, data, hdr->caplen, converted, &len))
			count_frame(&c, path, converted, len);
	}
	cr_assert_eq(got, PCAP_ERROR_BREAK, "%s: %s", path, pcap_geterr(pcap));
	pcap_close(pcap);
	return c;
}

static const char *pcaps(void)
{
	const char *dir = getenv("MPNIC_PCAPS");

	return dir ? dir : "../shared/pcaps";
}

/* Column @column of a table row, counted from 1. Empty if there is none. */
static void cell(const char *row, unsigned int column, char *out, size_t room)
{
	const char *end;

	out[0] = 0;
	for (; column && row; column--) {
		row = strchr(row, '|');
		row = row ? row + 1 : NULL;
	}
	end = row ? strchr(row, '|') : NULL;
	if (!end)
		return;
	while (*row == ' ')
		row++;
	snprintf(out, room, "%.*s", (int)(end - row), row);
	while (out[0] && out[strlen(out) - 1] == ' ')
		out[strlen(out) - 1] = 0;
}

static void check_row(const char *row)
{
	char file[256], packets[32], subtypes[256], path[1024], got[256] = "";
	struct counts c;
	unsigned int i;

	cell(row, 1, file, sizeof(file));
	cell(row, 3, packets, sizeof(packets));
	cell(row, 4, subtypes, sizeof(subtypes));
	snprintf(path, sizeof(path), "%s/%s", pcaps(), file);
	c = count_file(path);
	if (packets[0])
		cr_expect_eq(c.tcp, strtoul(packets, NULL, 10), "%s: %u TCP packets", file, c.tcp);
	for (i = 0; i < 16; i++) {
		const size_t used = strlen(got);

		if (c.subtypes[i])
			snprintf(got + used, sizeof(got) - used, "%s%u:%u", used ? " " : "", i,
				 c.subtypes[i]);
	}
	cr_expect_str_eq(got, subtypes, "%s: %s, not %s", file, got, subtypes);
	cr_expect_eq(c.errors, 0, "%s: %u options with an error", file, c.errors);
	cr_expect_eq(c.combinations, 0, "%s: %u combinations", file, c.combinations);
	cr_expect_eq(c.malformed_chains, 0, "%s: %u malformed chains", file, c.malformed_chains);
	cr_expect_eq(c.bad_csums, 0, "%s: %u bad checksums", file, c.bad_csums);
	printf("%s: %u frames, %u TCP, options %s\n", file, c.frames, c.tcp, got);
}

Test(captures, shared_folder_equals_its_readme)
{
	char path[1024], line[1024];
	unsigned int rows = 0;
	FILE *readme;

	snprintf(path, sizeof(path), "%s/README.md", pcaps());
	readme = fopen(path, "r");
	if (!readme)
		cr_skip_test("%s is not there: set MPNIC_PCAPS to the folder of captures", path);
	while (fgets(line, sizeof(line), readme)) {
		if (line[0] != '|' || !strstr(line, ".pcap |"))
			continue;
		check_row(line);
		rows++;
	}
	fclose(readme);
	cr_assert_gt(rows, 0, "%s has no table of captures", path);
}

Test(captures, of_tcpdump)
{
	static const struct {
		const char *file;
		unsigned int subtype, count, errors;
	} files[] = {
		{"tcpdump__mptcp-v0.pcap", 2, 258, 0},
		{"tcpdump__mptcp-v1.pcap", 2, 16, 0},
		{"tcpdump__mptcp-aa-v1.pcap", 3, 1, 0},
		{"tcpdump__mptcp-aa-echo.pcap", 3, 2, 0},
		{"tcpdump__mptcp-fclose.pcap", 7, 1, 0},
		{"tcpdump__mptcp-tcprst.pcap", 8, 2, 0},
		/* A DSS of length 3, and on a SYN. */
		{"tcpdump__mptcp-dss-oobr.pcap", 2, 1, 1},
	};
	unsigned int i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[1024];
		struct counts c;
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", pcaps(), files[i].file);
		file = fopen(path, "r");
		if (!file)
			cr_skip_test("%s is not there: set MPNIC_PCAPS", path);
		fclose(file);
		c = count_file(path);
		cr_expect_eq(c.subtypes[files[i].subtype], files[i].count, "%s: %u of subtype %u",
			     path, c.subtypes[files[i].subtype], files[i].subtype);
		cr_expect_eq(c.errors, files[i].errors, "%s: %u errors", path, c.errors);
		cr_expect_eq(c.combinations, 0, "%s: %u combinations", path, c.combinations);
	}
}

Test(captures, of_the_repository)
{
	struct dirent *entry;
	unsigned int files = 0;
	DIR *dir = opendir("tests/captures");

	cr_assert_not_null(dir, "tests/captures is not there: run from the repository's root");
	while ((entry = readdir(dir))) {
		char path[1024];
		struct counts c;

		if (!strstr(entry->d_name, ".pcap"))
			continue;
		snprintf(path, sizeof(path), "tests/captures/%s", entry->d_name);
		c = count_file(path);
		files++;
		cr_expect_gt(c.tcp, 0, "%s: no TCP", path);
		cr_expect_eq(c.errors, 0, "%s: %u options with an error", path, c.errors);
		cr_expect_eq(c.combinations, 0, "%s: %u combinations", path, c.combinations);
		cr_expect_eq(c.malformed_chains, 0, "%s: %u malformed chains", path,
			     c.malformed_chains);
		cr_expect_eq(c.bad_csums, 0, "%s: %u bad checksums", path, c.bad_csums);
	}
	closedir(dir);
	cr_assert_gt(files, 0, "tests/captures holds no captures");
}
