/* SPDX-License-Identifier: BSD-3-Clause */
#include "shake_capture.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

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

unsigned int capture_list(const char *pattern, char **paths, unsigned int room)
{
	unsigned int files;
	glob_t found;

	if (glob(pattern, 0, NULL, &found))
		return 0;
	files = (unsigned int)found.gl_pathc;
	cr_assert_leq(files, room);
	for (unsigned int i = 0; i < files; i++)
		paths[i] = strdup(found.gl_pathv[i]);
	globfree(&found);
	return files;
}

void capture_list_free(char **paths, unsigned int files)
{
	while (files)
		free(paths[--files]);
}
