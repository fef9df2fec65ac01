/* SPDX-License-Identifier: BSD-3-Clause */
/* A wire on a TAP interface, in a network namespace of its own. 77: it cannot be had here. */
#define _GNU_SOURCE /* unshare */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire.h"

#define ETHERTYPE 0x88b5 /* for experiments */
#define TRIES	  200	 /* of 10 ms */

static uint8_t frame[WIRE_FRAME_MAX + 100], got[WIRE_FRAME_MAX];

#define must(condition)                                                                  \
	do {                                                                             \
		if (!(condition)) {                                                      \
			fprintf(stderr, "tap: line %d: %s (%s)\n", __LINE__, #condition, \
				strerror(errno));                                        \
			exit(1);                                                         \
		}                                                                        \
	} while (0)

static struct wire *open_wire(const char *spec, int want, const char *says)
{
	char error[WIRE_ERROR_MAX] = "";
	struct wire *w = NULL;
	int err = wire_open(spec, &w, error);

	if (err != want || (want && !strstr(error, says))) {
		fprintf(stderr, "tap: %s: %d, not %d: %s\n", spec, err, want, error);
		exit(1);
	}
	return w;
}

static void set_link(int control, const char *name, int up, int mtu)
{
	struct ifreq r = {0};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	must(!ioctl(control, SIOCGIFFLAGS, &r));
	r.ifr_flags = (short)((r.ifr_flags & ~IFF_UP) | (up ? IFF_UP : 0));
	must(!ioctl(control, SIOCSIFFLAGS, &r));
	r.ifr_mtu = mtu;
	must(!mtu || !ioctl(control, SIOCSIFMTU, &r));
}

static int packet_socket(const char *name)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(ETHERTYPE),
				      .sll_ifindex = (int)if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETHERTYPE));

	must(fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

/* The kernel has things to say of its own (IPv6); ours have our type. */
static int receive(struct wire *w)
{
	struct pollfd p = {.fd = wire_fd(w), .events = POLLIN};

	for (int i = 0; i < TRIES; i++) {
		int len = wire_recv(w, got, sizeof(got));

		if (len < 0 || (len && got[12] == ETHERTYPE >> 8 && got[13] == (ETHERTYPE & 0xff)))
			return len;
		if (!len)
			poll(&p, 1, 10);
	}
	return 0;
}

static void to_and_fro(struct wire *w, int packets)
{
	struct pollfd p = {.fd = packets, .events = POLLIN};

	for (size_t len = 60; len < 9500; len += 777) {
		must(send(packets, frame, len, 0) == (ssize_t)len);
		must(receive(w) == (int)len && !memcmp(got, frame, len));
		must(!wire_send(w, frame, len));
		must(poll(&p, 1, 2000) == 1);
		must(recv(packets, got, sizeof(got), 0) == (ssize_t)len);
		must(!memcmp(got, frame, len));
	}
	must(wire_send(w, frame, WIRE_FRAME_MAX + 1) == -EMSGSIZE);
	must(wire_send(w, frame, 13) == -EMSGSIZE);
	must(!wire_send(w, frame, WIRE_FRAME_MAX));
}

static void too_long(struct wire *w, int packets)
{
	struct wire_stats s;

	must(send(packets, frame, WIRE_FRAME_MAX + 1, 0) == WIRE_FRAME_MAX + 1);
	must(send(packets, frame, 100, 0) == 100);
	must(receive(w) == 100);
	wire_stats(w, &s);
	must(s.rx.too_long == 1);
}

static void tell(int fd)
{
	must(write(fd, "", 1) == 1);
}

static void hear(int fd)
{
	char c;

	must(read(fd, &c, 1) == 1);
}

/* A process with a network namespace, in which the interface is given another name. */
static void other_namespace(int from, int to)
{
	must(!unshare(CLONE_NEWNET));
	tell(to);
	hear(from);
	must(!system("ip link set vt2 name vt3 up"));
	tell(to);
	pause();
}

/* A wire goes on where its interface is moved to another namespace. */
static void moved(void)
{
	struct wire *w = open_wire("tap:vt2", 0, "");
	int there[2], back[2];
	char line[64];
	pid_t child;

	must(!pipe(there) && !pipe(back));
	child = fork();
	must(child >= 0);
	if (!child)
		other_namespace(there[0], back[1]);
	hear(back[0]);
	snprintf(line, sizeof(line), "ip link set vt2 netns %d", (int)child);
	must(!system(line) && !if_nametoindex("vt2"));
	must(!wire_link(w)); /* moving takes it down */
	tell(there[1]);
	hear(back[0]);
	must(wire_link(w) && !wire_send(w, frame, 60));
	must(!kill(child, SIGKILL) && waitpid(child, NULL, 0) == child);
	wire_close(w);
}

int main(void)
{
	struct wire *w;
	int control, packets;

	if (unshare(CLONE_NEWNET)) {
		fprintf(stderr, "tap: skipped: no network namespace of its own: %s\n",
			strerror(errno));
		return 77;
	}
	if (access("/dev/net/tun", R_OK | W_OK)) {
		fprintf(stderr, "tap: skipped: /dev/net/tun: %s\n", strerror(errno));
		return 77;
	}
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 13);
	memcpy(frame + 12, "\x88\xb5", 2);
	control = socket(AF_INET, SOCK_DGRAM, 0);
	open_wire("tap:lo", -EINVAL, "no TAP");
	w = open_wire("tap:vt0", 0, "");
	must(wire_link(w)); /* brought up */
	open_wire("tap:vt0", -EBUSY, "stop that one");
	set_link(control, "vt0", 1, 9700);
	packets = packet_socket("vt0");
	must(wire_recv(w, got, sizeof(got)) >= 0);
	to_and_fro(w, packets);
	too_long(w, packets);
	set_link(control, "vt0", 0, 0);
	must(!wire_link(w));
	must(wire_send(w, frame, 60) == -ENOTCONN);
	set_link(control, "vt0", 1, 0);
	must(wire_link(w) && !wire_send(w, frame, 60));
	must(!wire_close(w));
	must(!if_nametoindex("vt0")); /* gone with who created it */
	close(packets);
	moved();
	/* Removed under it. */
	w = open_wire("tap:vt1", 0, "");
	must(!system("ip link delete vt1"));
	must(!wire_link(w));
	for (int i = 0; i < TRIES && wire_recv(w, got, sizeof(got)) >= 0; i++)
		;
	must(wire_recv(w, got, sizeof(got)) < 0);
	must(strstr(wire_error(w), "was the interface removed?"));
	must(wire_send(w, frame, 60) < 0);
	wire_close(w);
	close(control);
	return 0;
}
