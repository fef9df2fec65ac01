/* SPDX-License-Identifier: BSD-3-Clause */
#include "metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unix_path.h"

#define TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum {
	CONNECTIONS = 8,
	TIMEOUT_S = 10,
};

struct metrics {
	struct MHD_Daemon *daemon;
	int fd;
	struct unix_path bound; /* of a Unix socket */
	void (*write)(void *ctx, FILE *out);
	void *ctx;
};

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned int code, char *text,
				   size_t len, const char *type)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!r) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	result = MHD_queue_response(connection, code, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int code,
			      const char *text)
{
	char *copy = strdup(text);

	return copy ? answer_text(connection, code, copy, strlen(copy), "text/plain") : MHD_NO;
}

static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_len, void **state)
{
	struct metrics *m = ctx;
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	(void)version;
	(void)upload;
	(void)state;
	if (*upload_len) {
		*upload_len = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET))
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET alone\n");
	if (strcmp(url, "/metrics"))
		return refuse(connection, MHD_HTTP_NOT_FOUND, "metrics are at /metrics\n");
	out = open_memstream(&text, &len);
	if (!out)
		return MHD_NO;
	m->write(m->ctx, out);
	fputs("# EOF\n", out);
	if (fclose(out)) {
		free(text);
		return MHD_NO;
	}
	return answer_text(connection, MHD_HTTP_OK, text, len, TYPE);
}

/* ---- listening ------------------------------------------------------------------------------ */

static int fail(int err, const char *where, const char *why, char *error, size_t size)
{
	snprintf(error, size, "metrics at \"%s\": %s", where, why);
	return err;
}

static bool is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

	if (address->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static int listen_at(const struct addrinfo *a, const char *where, char *error, size_t size)
{
	const int one = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return fail(-errno, where, strerror(errno), error, size);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, CONNECTIONS))
		return fd;
	err = errno;
	close(fd);
	return fail(-err, where, strerror(err), error, size);
}

static int listen_tcp(const char *where, char *error, size_t size)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	const char *colon = strrchr(where, ':');
	struct addrinfo *found;
	char host[64];
	size_t len;
	int fd;

	if (!colon || (size_t)(colon - where) >= sizeof(host))
		return fail(-EINVAL, where, "it is 127.0.0.1:PORT, [::1]:PORT or unix:PATH", error,
			    size);
	len = (size_t)(colon - where);
	memcpy(host, where, len);
	host[len] = '\0';
	if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		memmove(host, host + 1, len - 1);
	}
	if (getaddrinfo(host, colon + 1, &hints, &found))
		return fail(-EINVAL, where, "it is 127.0.0.1:PORT, [::1]:PORT or unix:PATH", error,
			    size);
	if (is_loopback(found->ai_addr))
		fd = listen_at(found, where, error, size);
	else
		fd = fail(-EINVAL, where, "no loopback address; a proxy can carry them further",
			  error, size);
	freeaddrinfo(found);
	return fd;
}

static int listen_unix(struct metrics *m, const char *path, char *error, size_t size)
{
	const int fd = unix_path_bind(path, SOCK_STREAM, &m->bound, error, size);

	if (fd >= 0)
		chmod(path, 0660);
	return fd;
}

int metrics_open(struct metrics **out, const char *where, void (*write)(void *ctx, FILE *out),
		 void *ctx, char *error, size_t size)
{
	struct metrics *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return fail(-ENOMEM, where, "no memory", error, size);
	m->write = write;
	m->ctx = ctx;
	if (!strncmp(where, "unix:", 5))
		m->fd = listen_unix(m, where + 5, error, size);
	else
		m->fd = listen_tcp(where, error, size);
	if (m->fd < 0) {
		err = m->fd;
		free(m);
		return err;
	}
	m->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, m,
				     MHD_OPTION_LISTEN_SOCKET, m->fd, MHD_OPTION_CONNECTION_LIMIT,
				     (unsigned int)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
				     (unsigned int)TIMEOUT_S, MHD_OPTION_END);
	if (!m->daemon) {
		close(m->fd);
		unix_path_remove(&m->bound);
		free(m);
		return fail(-EIO, where, "the HTTP server does not start", error, size);
	}
	*out = m;
	return 0;
}

void metrics_close(struct metrics *m)
{
	if (!m)
		return;
	MHD_stop_daemon(m->daemon); /* closes the socket */
	unix_path_remove(&m->bound);
	free(m);
}

int metrics_fd(const struct metrics *m)
{
	return MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void metrics_run(struct metrics *m)
{
	MHD_run(m->daemon);
}
