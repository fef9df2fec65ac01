/* SPDX-License-Identifier: BSD-3-Clause */
/* Wire ports that need no rights: specs, loop, datagrams, captures. TAP is tested by tap.c. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pcapng.h"
#include "wire.h"

static uint8_t frame[2 * WIRE_FRAME_MAX], got[WIRE_FRAME_MAX];

static void fill(uint8_t seed)
{
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(seed + i * 31);
}

static struct wire *must_open(const char *fmt, const char *folder, const char *more)
{
	char spec[512], error[WIRE_ERROR_MAX] = "";
	struct wire *w = NULL;

	snprintf(spec, sizeof(spec), fmt, folder, more);
	cr_assert_eq(wire_open(spec, &w, error), 0, "%s: %s", spec, error);
	cr_assert_str_eq(wire_spec(w), spec);
	return w;
}

static char *new_folder(void)
{
	static char folder[] = "/tmp/wireXXXXXX";

	cr_assert_not_null(mkdtemp(folder));
	return folder;
}

static void remove_folder(const char *folder)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

static bool readable(const struct wire *w)
{
	struct pollfd p = {.fd = wire_fd(w), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void refused(const char *spec, int err, const char *says)
{
	char error[WIRE_ERROR_MAX] = "";
	struct wire *w = NULL;

	cr_expect_eq(wire_open(spec, &w, error), err, "%s: %s", spec, error);
	cr_expect_not_null(strstr(error, says), "%s: \"%s\" is not in: %s", spec, says, error);
	cr_expect_null(w);
}

Test(wire, bad_specs)
{
	char text[300];

	refused("", -EINVAL, "no such kind");
	refused("tapp:x", -EINVAL, "tap:NAME");
	refused("TAP:x", -EINVAL, "no such kind");
	refused("loop:1", -EINVAL, "nothing may follow");
	refused("none:1", -EINVAL, "nothing may follow");
	refused("tap", -EINVAL, "tap:tap0");
	refused("tap:", -EINVAL, "tap:tap0");
	refused("tap:tap%d", -EINVAL, "no name of an interface");
	refused("tap:a/b", -EINVAL, "no name of an interface");
	refused("tap:..", -EINVAL, "no name of an interface");
	refused("tap:a b", -EINVAL, "no name of an interface");
	refused("tap:0123456789abcdef", -EINVAL, "at most 15");
	refused("pcap", -EINVAL, "a file is needed");
	refused("pcap:", -EINVAL, "a file is needed");
	refused("pcap:,", -EINVAL, "behind the comma");
	refused("pcap:/nowhere.pcap", -ENOENT, "/nowhere.pcap: No such file");
	refused("pcap:/dev/zero", -EINVAL, "a file is needed");
	refused("pcap:/tmp", -EINVAL, "a file is needed");
	refused("pcap:tests/captures/v4.pcap,/nowhere/out", -ENOENT, "/nowhere/out");
	refused("pcap:tests/captures/v4.pcap,/dev/null", -EINVAL, "is no file");
	refused("pcap:tests/captures/v4.pcap,tests/captures/v4.pcap", -EINVAL, "would overwrite");
	refused("pcap:Makefile", -EPROTO, "Makefile, byte 0: ");
	refused("unix", -EINVAL, "a path is needed");
	refused("unix:", -EINVAL, "a path is needed");
	refused("unix:,/tmp/x", -EINVAL, "a path is needed");
	refused("unix:/tmp/x,", -EINVAL, "no path");
	refused("unix:/nowhere/at/all", -ENOENT, "its folder");
	refused("unix:/tmp", -EEXIST, "is no socket");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	memcpy(text, "unix:", 5);
	refused(text, -ENAMETOOLONG, "107 bytes at most");
	memcpy(text, "unix:/tmp/a,", 12);
	refused(text, -ENAMETOOLONG, "107 bytes at most");
}

Test(wire, none)
{
	struct wire *w = must_open("none", "", "");
	struct wire_stats s;

	cr_assert_eq(wire_fd(w), -1);
	cr_assert_not(wire_link(w));
	cr_assert_eq(wire_recv(w, got, sizeof(got)), 0);
	cr_assert_eq(wire_send(w, frame, 60), -ENOTCONN);
	wire_stats(w, &s);
	cr_assert_eq(s.tx.no_peer, 1);
	cr_assert_eq(s.tx.frames, 0);
	cr_assert_eq(wire_close(w), 0);
}

Test(wire, loop)
{
	struct wire *w = must_open("loop", "", "");
	struct wire_stats s;
	uint64_t time_ns;

	fill(1);
	cr_assert(wire_link(w));
	for (unsigned int round = 0; round < 5; round++) {
		/* It says that there may be something until nothing was found twice. */
		cr_assert_eq(readable(w), round > 0);
		cr_assert_eq(wire_recv(w, got, sizeof(got)), 0);
		cr_assert_eq(wire_recv(w, got, sizeof(got)), 0);
		cr_assert_not(readable(w));
		cr_assert_eq(wire_recv(w, got, sizeof(got)), 0);
		for (size_t i = 0; i < WIRE_LOOP_MAX; i++)
			cr_assert_eq(wire_send_time(w, frame + i, 14 + 30 * i, i), 0);
		cr_assert_eq(wire_send(w, frame, 60), -EAGAIN);
		for (size_t i = 0; i < WIRE_LOOP_MAX; i++) {
			cr_assert(readable(w));
			cr_assert_eq(wire_recv_time(w, got, sizeof(got), &time_ns), 14 + 30 * i);
			cr_assert_arr_eq(got, frame + i, 14 + 30 * i);
			cr_assert_eq(time_ns, i);
		}
	}
	cr_assert_eq(wire_send(w, frame, 13), -EMSGSIZE);
	cr_assert_eq(wire_send(w, frame, 0), -EMSGSIZE);
	cr_assert_eq(wire_send(w, frame, 9601), -EMSGSIZE);
	cr_assert_eq(wire_send(w, frame, 9600), 0);
	cr_assert_eq(wire_send(w, frame, 14), 0);
	cr_assert_eq(wire_recv(w, got, sizeof(got)), 9600);
	cr_assert_eq(wire_recv(w, got, sizeof(got)), 14);
	/* A frame that comes behind one look at nothing is told all the same. */
	cr_assert_eq(wire_recv(w, got, sizeof(got)), 0);
	cr_assert_eq(wire_send(w, frame, 14), 0);
	cr_assert_eq(wire_recv(w, got, sizeof(got)), 14);
	cr_assert_eq(wire_recv(w, got, sizeof(got)), 0);
	cr_assert_eq(wire_send(w, frame, 14), 0);
	cr_assert(readable(w));
	cr_assert_eq(wire_recv(w, got, sizeof(got)), 14);
	wire_stats(w, &s);
	cr_assert_eq(s.tx.frames, 5 * WIRE_LOOP_MAX + 4);
	cr_assert_eq(s.rx.frames, s.tx.frames);
	cr_assert_eq(s.rx.bytes, s.tx.bytes);
	cr_assert_eq(s.tx.busy, 5);
	cr_assert_eq(s.tx.too_short, 2);
	cr_assert_eq(s.tx.too_long, 1);
	wire_close(w);
}

/* ---- datagrams ----------------------------------------------------------------------------- */

Test(wire, unix_pair)
{
	char *folder = new_folder(), path[64];
	struct wire *a = must_open("unix:%s/a", folder, "");
	struct wire *b = NULL;
	struct wire_stats s;
	struct stat st;

	fill(2);
	cr_assert_not(wire_link(a));
	cr_assert_eq(wire_send(a, frame, 60), -ENOTCONN); /* nobody has sent yet */
	snprintf(path, sizeof(path), "%s/b,%s/a", folder, folder);
	b = must_open("unix:%s", path, "");
	snprintf(path, sizeof(path), "%s/a", folder);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert(wire_link(b));
	cr_assert_eq(wire_send(b, frame, 1514), 0);
	cr_assert(readable(a));
	cr_assert_eq(wire_recv(a, got, sizeof(got)), 1514);
	cr_assert_arr_eq(got, frame, 1514);
	cr_assert_eq(wire_recv(a, got, sizeof(got)), 0);
	cr_assert(wire_link(a));
	cr_assert_eq(wire_send(a, frame + 1, 9600), 0);
	cr_assert_eq(wire_recv(b, got, sizeof(got)), 9600);
	cr_assert_arr_eq(got, frame + 1, 9600);
	wire_close(b);
	cr_assert_not(wire_link(a));
	cr_assert_eq(wire_send(a, frame, 60), -ENOTCONN);
	wire_stats(a, &s);
	cr_assert_eq(s.tx.no_peer, 2);
	wire_close(a);
	cr_assert_neq(stat(path, &st), 0); /* and its file is gone */
	remove_folder(folder);
}

static int raw_socket(const char *folder, const char *name, struct sockaddr_un *to)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	cr_assert_geq(fd, 0);
	to->sun_family = AF_UNIX;
	snprintf(to->sun_path, sizeof(to->sun_path), "%s/a", folder);
	if (!name)
		return fd;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", folder, name);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static ssize_t raw_send(int fd, const struct sockaddr_un *to, size_t len)
{
	return sendto(fd, frame, len, 0, (const struct sockaddr *)to, sizeof(*to));
}

Test(wire, unix_bad_frames_and_peers)
{
	char *folder = new_folder();
	struct wire *w = must_open("unix:%s/a", folder, "");
	struct sockaddr_un to = {0};
	int nameless = raw_socket(folder, NULL, &to), named = raw_socket(folder, "n", &to);
	struct wire_stats s;

	fill(3);
	for (size_t len = 0; len < 14; len++) {
		cr_assert_eq(raw_send(named, &to, len), len);
		cr_assert_eq(wire_recv(w, got, sizeof(got)), 0);
	}
	cr_assert_eq(raw_send(named, &to, 9601), 9601);
	cr_assert_eq(raw_send(named, &to, sizeof(frame)), sizeof(frame));
	cr_assert_eq(raw_send(nameless, &to, 64), 64);
	cr_assert_eq(wire_recv(w, got, sizeof(got)), 64);
	wire_stats(w, &s);
	cr_assert_eq(s.rx.too_short, 14);
	cr_assert_eq(s.rx.too_long, 2);
	cr_assert_eq(s.rx.frames, 1);
	/* Who has no name cannot be answered: the one before is. */
	cr_assert_eq(wire_send(w, frame, 100), 0);
	cr_assert_eq(recv(named, got, sizeof(got), 0), 100);
	/* Who does not read: frames are dropped, and nothing blocks. */
	for (int i = 0; i < 100000 && !wire_send(w, frame, 1500); i++)
		;
	cr_assert_eq(wire_send(w, frame, 1500), -EAGAIN);
	wire_stats(w, &s);
	cr_assert_gt(s.tx.busy, 0);
	close(nameless);
	close(named);
	wire_close(w);
	remove_folder(folder);
}

Test(wire, unix_names_in_use)
{
	char *folder = new_folder(), spec[64];
	struct wire *w = must_open("unix:%s/a", folder, "");
	struct sockaddr_un to = {0};

	snprintf(spec, sizeof(spec), "unix:%s/a", folder);
	refused(spec, -EADDRINUSE, "another program listens there");
	close(raw_socket(folder, "b", &to)); /* what a dead process leaves */
	wire_close(must_open("unix:%s/b", folder, ""));
	wire_close(w);
	remove_folder(folder);
}

/* ---- captures ------------------------------------------------------------------------------ */

static unsigned int copy_all(struct wire *from, struct wire *to)
{
	unsigned int count = 0;
	uint64_t time_ns;
	int len;

	while ((len = wire_recv_time(from, got, sizeof(got), &time_ns)) > 0) {
		cr_assert_eq(wire_send_time(to, got, (size_t)len, time_ns), 0);
		count++;
	}
	cr_assert_eq(len, -ENODATA, "%s", wire_error(from));
	cr_assert_eq(wire_recv(from, got, sizeof(got)), -ENODATA);
	return count;
}

Test(wire, pcap_round_trip)
{
	char *folder = new_folder();
	struct wire *in = must_open("pcap:tests/captures/v4.pcap", "", "");
	struct wire *out = must_open("pcap:,%s/out.pcapng", folder, "");
	struct wire *again, *twin;
	static uint8_t other[WIRE_FRAME_MAX];
	uint64_t time_ns, other_ns;
	unsigned int count;
	int len;

	cr_assert_eq(wire_fd(in), -1);
	cr_assert(wire_link(in));
	cr_assert_eq(wire_send(in, frame, 60), -ENOTCONN); /* it has no output */
	cr_assert(wire_link(out));
	cr_assert_eq(wire_recv(out, got, sizeof(got)), -ENODATA);
	count = copy_all(in, out);
	cr_assert_gt(count, 10);
	cr_assert_not(wire_link(in));
	wire_close(in);
	cr_assert_eq(wire_close(out), 0);
	again = must_open("pcap:%s/out.pcapng", folder, "");
	twin = must_open("pcap:tests/captures/v4.pcap", "", "");
	for (unsigned int i = 0; i < count; i++) {
		len = wire_recv_time(again, got, sizeof(got), &time_ns);
		cr_assert_gt(len, 0);
		cr_assert_eq(wire_recv_time(twin, other, sizeof(other), &other_ns), len);
		cr_assert_arr_eq(got, other, (size_t)len);
		cr_assert_eq(time_ns, other_ns);
	}
	cr_assert_eq(wire_recv(again, got, sizeof(got)), -ENODATA);
	wire_close(again);
	wire_close(twin);
	remove_folder(folder);
}

Test(wire, pcap_frames_that_are_none)
{
	char *folder = new_folder(), path[64];
	struct pcapng *file;
	struct wire_stats s;
	struct wire *w;

	snprintf(path, sizeof(path), "%s/in", folder);
	cr_assert_eq(pcapng_open(path, &file), 0);
	cr_assert_eq(pcapng_interface(file, 1, 0, "eth"), 0);
	cr_assert_eq(pcapng_interface(file, 101, 0, "raw"), 1);
	pcapng_packet(file, 0, 0, frame, 13, 13, "");
	pcapng_packet(file, 0, 0, frame, 9601, 9601, "");
	pcapng_packet(file, 0, 0, frame, 60, 61, "cut");
	pcapng_packet(file, 1, 0, frame, 60, 60, "");
	pcapng_packet(file, 0, 7, frame, 9600, 9600, "");
	cr_assert_eq(pcapng_close(file), 0);
	w = must_open("pcap:%s/in", folder, "");
	cr_assert_eq(wire_recv(w, got, sizeof(got)), 9600);
	cr_assert_eq(wire_recv(w, got, sizeof(got)), -ENODATA);
	wire_stats(w, &s);
	cr_assert_eq(s.rx.too_short, 1);
	cr_assert_eq(s.rx.too_long, 1);
	cr_assert_eq(s.rx.truncated, 1);
	cr_assert_eq(s.rx.foreign, 1);
	cr_assert_eq(s.rx.frames, 1);
	wire_close(w);
	cr_assert_eq(truncate(path, 200), 0);
	w = must_open("pcap:%s/in", folder, "");
	cr_assert_eq(wire_recv(w, got, sizeof(got)), -EPROTO);
	cr_assert_not_null(strstr(wire_error(w), "/in, byte "), "%s", wire_error(w));
	cr_assert_eq(wire_recv(w, got, sizeof(got)), -EPROTO);
	cr_assert_not(wire_link(w));
	wire_stats(w, &s);
	cr_assert_eq(s.rx.errors, 1);
	wire_close(w);
	remove_folder(folder);
}
