/* SPDX-License-Identifier: BSD-3-Clause */
/* Unix sockets that have a place in the file system, bound so that nobody's file is lost. */
#ifndef SIM_UNIX_PATH_H
#define SIM_UNIX_PATH_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

struct unix_path {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t dev;
	ino_t ino; /* 0: nothing bound */
};

/* Fill an address. Returns 0, or -ENAMETOOLONG or -EINVAL (empty) with an error text. */
int unix_path_address(const char *path, struct sockaddr_un *address, char *error,
		      size_t error_size);

/*
 * A socket of that type (SOCK_STREAM listens, too), non-blocking, mode 0600. What a dead process
 * has left there is replaced; a socket in use (-EADDRINUSE) and anything that is no socket
 * (-EEXIST) stay. Returns the descriptor, or an error with its text.
 */
int unix_path_bind(const char *path, int type, struct unix_path *bound, char *error,
		   size_t error_size);

/* Remove it, if it is still what was bound. */
void unix_path_remove(struct unix_path *bound);

#endif
