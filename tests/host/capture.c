/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <pcap/pcap.h>

void capture_read(const char *path, capture_frame frame, void *arg)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, err);
	struct pcap_pkthdr *hdr;
	const u_char *data;
	int got;

	cr_assert_not_null(pcap, "%s: %s", path, err);
	cr_assert_eq(pcap_datalink(pcap), DLT_EN10MB, "%s is not of Ethernet", path);
	while ((got = pcap_next_ex(pcap, &hdr, &data)) == 1)
		frame(arg, path, data, hdr->caplen, hdr->len);
	cr_assert_eq(got, PCAP_ERROR_BREAK, "%s: %s", path, pcap_geterr(pcap));
	pcap_close(pcap);
}

unsigned int capture_each(capture_frame frame, void *arg)
{
	unsigned int files;
	glob_t found;

	cr_assert_eq(glob("tests/captures/*.pcap*", 0, NULL, &found), 0);
	files = (unsigned int)found.gl_pathc;
	for (unsigned int i = 0; i < files; i++)
		capture_read(found.gl_pathv[i], frame, arg);
	globfree(&found);
	return files;
}
