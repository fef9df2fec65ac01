/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace_twin.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"

int trace_twin(char **program)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("-trace"));

	if (len < 0)
		len = 0;
	strcpy(path + len, "-trace");
	execv(path, program);
	fprintf(stderr, "mpnic-sim: --trace needs the tracing build, %s: %s; `make` builds it\n",
		path, strerror(errno));
	return EXIT_BROKEN;
}
