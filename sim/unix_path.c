/* SPDX-License-Identifier: BSD-3-Clause */
#include "unix_path.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG	   16
#define LOCK_TRIES 200 /* of 10 ms */

struct text {
	char *at;
	size_t size;
};

static int fail(struct text error, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct text error, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error.at, error.size, fmt, args);
	va_end(args);
	return err;
}

int unix_path_address(const char *path, struct sockaddr_un *address, char *error, size_t error_size)
{
	struct text text = {error, error_size};
	size_t len = strlen(path);

	if (!len)
		return fail(text, -EINVAL, "no path for the socket");
	if (len >= sizeof(address->sun_path))
		return fail(text, -ENAMETOOLONG, "%s: too long for a socket (%zu bytes at most)",
			    path, sizeof(address->sun_path) - 1);
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, len);
	return 0;
}

/* Does somebody have it? EAGAIN: yes, and is busy; EPERM: yes, and talks to another. */
static int try_connect(const struct sockaddr_un *address, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		err = -errno;
	close(fd);
	return err;
}

/* Remove a socket that nobody has. The folder is locked. */
static int make_way(const struct sockaddr_un *address, int type, struct text error)
{
	const char *path = address->sun_path;
	struct stat st;
	int err;

	if (lstat(path, &st)) {
		if (errno == ENOENT)
			return 0;
		return fail(error, -errno, "%s: %s", path, strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return fail(error, -EEXIST,
			    "%s: is there, and is no socket; remove it or choose another path",
			    path);
	err = try_connect(address, type);
	if (!err || err == -EAGAIN || err == -EPERM || err == -EPROTOTYPE)
		return fail(error, -EADDRINUSE,
			    "%s: another program listens there; stop it or choose another path",
			    path);
	if (err != -ECONNREFUSED)
		return fail(error, err, "%s: %s", path, strerror(-err));
	if (unlink(path))
		return fail(error, -errno, "%s: cannot be replaced: %s", path, strerror(errno));
	return 0;
}

/* Of two programs that start at once, one must not remove the other's socket. */
static int lock_folder(const char *path, struct text error)
{
	char *copy = strdup(path);
	int fd, tries = LOCK_TRIES;

	if (!copy)
		return fail(error, -ENOMEM, "out of memory");
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (fd < 0)
		return fail(error, -errno, "%s: its folder: %s", path, strerror(errno));
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK || !tries--) {
			close(fd);
			return fail(error, -EBUSY, "%s: its folder is locked by another program",
				    path);
		}
		poll(NULL, 0, 10);
	}
	return fd;
}

/* On Linux a socket's own mode goes to the file: there is no moment at which others may connect. */
static int bind_here(int fd, const struct sockaddr_un *address, int type, struct unix_path *bound)
{
	struct stat st;

	if (fchmod(fd, 0600) || bind(fd, (const struct sockaddr *)address, sizeof(*address)))
		return -errno;
	if (lstat(address->sun_path, &st))
		return -errno;
	memcpy(bound->path, address->sun_path, sizeof(bound->path));
	bound->dev = st.st_dev;
	bound->ino = st.st_ino;
	if (type == SOCK_STREAM && listen(fd, BACKLOG)) {
		int err = -errno;

		unix_path_remove(bound);
		return err;
	}
	return 0;
}

static int open_locked(const struct sockaddr_un *address, int type, struct unix_path *bound,
		       struct text error)
{
	int err = make_way(address, type, error);
	int fd;

	if (err)
		return err;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, -errno, "socket: %s", strerror(errno));
	err = bind_here(fd, address, type, bound);
	if (!err)
		return fd;
	close(fd);
	return fail(error, err, "%s: %s", address->sun_path, strerror(-err));
}

int unix_path_bind(const char *path, int type, struct unix_path *bound, char *error,
		   size_t error_size)
{
	struct text text = {error, error_size};
	struct sockaddr_un address;
	int lock, fd;

	bound->ino = 0;
	fd = unix_path_address(path, &address, error, error_size);
	if (fd)
		return fd;
	lock = lock_folder(path, text);
	if (lock < 0)
		return lock;
	fd = open_locked(&address, type, bound, text);
	close(lock);
	return fd;
}

void unix_path_remove(struct unix_path *bound)
{
	struct stat st;

	if (bound->ino && !lstat(bound->path, &st) && st.st_dev == bound->dev &&
	    st.st_ino == bound->ino)
		unlink(bound->path);
	bound->ino = 0;
}
