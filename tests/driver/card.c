/* SPDX-License-Identifier: BSD-3-Clause */
#include "card.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PAUSE_US = 5000,
	PAUSES = 4000,
};

pid_t card_start(char *const argv[], const char *ready)
{
	const pid_t card = fork();
	struct stat st;

	if (!card) {
		execv(argv[0], argv);
		_exit(127);
	}
	for (unsigned int i = 0; card > 0 && i < PAUSES; i++) {
		if (!stat(ready, &st))
			return card;
		if (waitpid(card, NULL, WNOHANG))
			return -1;
		usleep(PAUSE_US);
	}
	if (card > 0) {
		kill(card, SIGKILL);
		waitpid(card, NULL, 0);
	}
	return -1;
}

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
