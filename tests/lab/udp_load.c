/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbered UDP packets at a steady rate, to a twin that sends back as many of its own; each counts what it
 * gets.
 *
 *	lab_udp_load LOCAL PORT REMOTE PORT PACKETS-A-SECOND SIZE
 *
 * At SIGTERM it stops sending and tells the twin how many it has sent. It ends when all that the twin has
 *sent are there and none came twice for a while, or after three seconds without a packet, or at SIGUSR1: one
 *line of JSON then. A packet's number is its place in the sender's order, so the reader of both lines knows
 *exactly what is lost: what the twin has sent without what came. The longest gap is the time between two
 *packets that came one after the other. A sender that the machine has kept waiting makes up for it, in small
 *bursts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS   1000000
#define BURST     128                 /* packets between two looks at what came */
#define SILENCE   INT64_C(3000000000) /* without a packet for so long (ns): no more will come */
#define LINGER    INT64_C(300000000)  /* after the last one: for those that come twice */
#define BATCH     64
#define SIZE_MAX_ 1400
#define NUMBERS   (1U << 26) /* two hours at 9,000 a second */

static volatile sig_atomic_t stop, finish;
static uint8_t *seen;                                           /* a bit a number */
static bool heard;                                              /* the twin */
static const uint64_t hello = UINT64_MAX, bye = UINT64_MAX - 1; /* the sender's total follows the latter */

struct count {
	uint64_t sent, refused, received, duplicates, late, highest;
	uint64_t told; /* how many the twin says it has sent; 0: not yet */
	int64_t last_ns, gap_ns, gap_at_ns, stopped_ns;
};

static void on_signal(int signal)
{
	stop = 1;
	finish = finish || signal == SIGUSR1;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int open_socket(char **argv)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST }, *local, *remote;
	int fd, buffer = 16 << 20;

	if (getaddrinfo(argv[1], argv[2], &hints, &local) || getaddrinfo(argv[3], argv[4], &hints, &remote))
		return -1;
	fd = socket(local->ai_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (fd >= 0 &&
	    (bind(fd, local->ai_addr, local->ai_addrlen) || connect(fd, remote->ai_addr, remote->ai_addrlen)))
		fd = -1;
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)))
		perror("the receive buffer");
	freeaddrinfo(local);
	freeaddrinfo(remote);
	return fd;
}

static void send_some(int fd, unsigned n, size_t size, struct count *c)
{
	uint8_t packet[SIZE_MAX_] = { 0 };

	while (n--) {
		memcpy(packet, &c->sent, sizeof(c->sent));
		if (send(fd, packet, size, 0) < 0)
			c->refused++; /* its number was taken all the same: the twin misses it */
		c->sent++;
	}
}

static void note(struct count *c, uint64_t number, int64_t now)
{
	heard = true;
	if (number >= NUMBERS)
		return;
	if (c->last_ns && now - c->last_ns > c->gap_ns) {
		c->gap_ns = now - c->last_ns;
		c->gap_at_ns = now;
	}
	c->last_ns = now;
	if (seen[number / 8] & 1U << number % 8) {
		c->duplicates++;
		return;
	}
	seen[number / 8] |= (uint8_t)(1U << number % 8);
	c->received++;
	if (c->received > 1 && number < c->highest)
		c->late++;
	else
		c->highest = number;
}

static void receive_all(int fd, struct count *c)
{
	static uint8_t data[BATCH][SIZE_MAX_];
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH] = { 0 };
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ data[i], sizeof(data[i]) };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	while ((n = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL)) > 0)
		for (int i = 0; i < n; i++) {
			uint64_t number[2] = { 0 };

			memcpy(
			    number, data[i], m[i].msg_len < sizeof(number) ? m[i].msg_len : sizeof(number));
			if (number[0] == bye)
				c->told = number[1];
			else
				note(c, number[0], now_ns());
		}
}

/* Until the twin is there, packets that don't count. */
static void greet(int fd, struct count *c)
{
	struct pollfd p = { fd, POLLIN, 0 };

	while (!heard && !stop) {
		if (send(fd, &hello, sizeof(hello), 0) < 0 && errno != ECONNREFUSED)
			perror("hello");
		poll(&p, 1, 20);
		receive_all(fd, c);
	}
}

/* Tells the twin how many it must have; true when there is nothing more to wait for. */
static bool ending(int fd, struct count *c, int64_t now)
{
	uint64_t told[] = { bye, c->sent - c->refused };
	int64_t last = c->last_ns > c->stopped_ns ? c->last_ns : c->stopped_ns;

	if (send(fd, told, sizeof(told), 0) < 0 && errno != ECONNREFUSED)
		perror("bye");
	if (c->told && c->received >= c->told)
		return now - last > LINGER;
	return now - last > SILENCE;
}

static void run(int fd, unsigned rate, size_t size, struct count *c)
{
	int64_t due = now_ns(), said = due;
	uint64_t owed = 0; /* in packets times 1000 */
	struct pollfd p = { fd, POLLIN, 0 };

	while (!finish) {
		int64_t now = now_ns();
		unsigned burst = 0;

		if (stop && !c->stopped_ns)
			c->stopped_ns = now;
		if (stop && ending(fd, c, now))
			return;
		for (; !stop && due <= now && burst < BURST; due += TICK_NS) {
			owed += rate;
			send_some(fd, (unsigned)(owed / 1000), size, c);
			burst += (unsigned)(owed / 1000);
			owed %= 1000;
		}
		receive_all(fd, c);
		if (now - said > 250000000) {
			printf("sent %" PRIu64 " received %" PRIu64 "\n", c->sent, c->received);
			said = now;
		}
		poll(&p, 1, stop ? 20 : burst >= BURST ? 0 : 1);
	}
}

static void print_missing(const struct count *c)
{
	unsigned told = 0;

	printf("\"missing\": [");
	for (uint64_t i = 0; i < c->highest && told < 20; i++)
		if (!(seen[i / 8] & 1U << i % 8))
			printf("%s%" PRIu64, told++ ? ", " : "", i);
	printf("]");
}

static void print_counts(const struct count *c, int64_t began)
{
	int64_t ended = c->stopped_ns ? c->stopped_ns : now_ns();

	printf("{\"seconds\": %.3f, \"sent\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"received\": %" PRIu64
	       ", \"duplicates\": %" PRIu64 ", \"late\": %" PRIu64 ", \"gap-ms\": %.1f, \"gap-at-s\": %.1f, ",
	    (double)(ended - began) / 1e9, c->sent, c->refused, c->received, c->duplicates, c->late,
	    (double)c->gap_ns / 1e6, (double)(c->gap_at_ns - began) / 1e9);
	print_missing(c);
	printf("}\n");
}

int main(int argc, char **argv)
{
	static struct count c;
	unsigned rate = argc == 7 ? (unsigned)atoi(argv[5]) : 0;
	size_t size = argc == 7 ? (size_t)atoi(argv[6]) : 0;
	int64_t began;
	int fd;

	if (!rate || size < sizeof(uint64_t) || size > SIZE_MAX_) {
		fprintf(stderr, "usage: lab_udp_load LOCAL PORT REMOTE PORT PACKETS-A-SECOND SIZE\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGUSR1, on_signal);
	seen = calloc(1, NUMBERS / 8);
	fd = open_socket(argv);
	if (fd < 0 || !seen) {
		perror("lab_udp_load");
		return 1;
	}
	printf("ready\n");
	greet(fd, &c);
	began = now_ns();
	run(fd, rate, size, &c);
	print_counts(&c, began);
	free(seen);
	close(fd);
	return 0;
}
