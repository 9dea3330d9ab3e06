/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A BGP speaker for the benchmark, feeder and sink in one: it connects, announces what it is told, and counts
 *what it hears.
 *
 *	bench_talker LOCAL-ADDRESS PEER-ADDRESS AS SETS HOLD-TIME
 *
 * Commands on stdin, one a line; answers on stdout, times in ns of CLOCK_MONOTONIC:
 *	announce FROM TO STEP GENERATION NEXTHOP PREPEND    sent T-FIRST T-LAST OCTETS
 *	withdraw FROM TO STEP                               sent ...
 *	expect GENERATION COUNT     (generation 0: all)     reached T
 *	expect-one NUMBER GENERATION                        reached T
 *	close | connect | stats | reset                     closed T | established T | stats ...
 * and unasked: established T, closed T. It connects at the start; refused connections are tried again.
 * `stats` tells messages, prefixes, withdrawals, prefixes that are none of the table's, those present, and
 *the longest time (ms) between two messages since `reset`.
 */
#include "tests/bench/bgp/talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_NS    INT64_C(100000000)
#define HEADER      19
#define IN_MAX      (1U << 20)
#define BGP_PORT    179
#define NO_INDEX    (-1)
#define TYPE_OPEN   1
#define TYPE_UPDATE 2
#define TYPE_NOTIFY 3

enum phase { CLOSED, CONNECTING, OPENING, ESTABLISHED };

static struct {
	struct in_addr local, peer;
	uint32_t as, sets;
	uint16_t hold;
	enum phase phase;
	bool wanted; /* connect again when closed */
	int fd;
	int64_t retry, keepalive, last, gap; /* `last`: the newest message heard */
	struct bytes out;
	size_t sent;
	int64_t first_write;
	bool report; /* tell when all of `out` has been written */
	uint8_t *in;
	size_t n_in;
	struct heard heard;
	bool expects;
	int64_t expect_index;
	uint8_t expect_generation;
	uint32_t expect_count;
} t;

static void die(const char *what)
{
	fprintf(stderr, "bench_talker: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void say(const char *what, int64_t at)
{
	printf("%s %" PRId64 "\n", what, at);
}

static void forget(void)
{
	memset(t.heard.generation, 0, TABLE_MAX);
	memset(t.heard.count, 0, sizeof(t.heard.count));
	t.heard.present = 0;
}

static void closed(void)
{
	if (t.fd >= 0) {
		if (t.phase == ESTABLISHED)
			say("closed", now_ns());
		close(t.fd);
	}
	t.fd = -1;
	t.phase = CLOSED;
	t.retry = now_ns() + RETRY_NS;
	t.out.n = t.sent = t.n_in = 0;
	t.report = false;
	forget();
}

static void start(void)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr = t.local };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = t.peer, .sin_port = htons(BGP_PORT) };
	int one = 1, room = 4 << 20;

	t.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t.fd < 0)
		die("socket");
	setsockopt(t.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(t.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(t.fd, (struct sockaddr *)&from, sizeof(from)))
		die("bind");
	t.phase = CONNECTING;
	if (connect(t.fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		closed();
}

static void flush_out(void)
{
	while (t.sent < t.out.n) {
		ssize_t n = send(t.fd, t.out.data + t.sent, t.out.n - t.sent, MSG_NOSIGNAL);

		if (n < 0) {
			if (errno != EAGAIN)
				closed();
			return;
		}
		t.sent += (size_t)n;
	}
	if (t.report)
		printf("sent %" PRId64 " %" PRId64 " %zu\n", t.first_write, now_ns(), t.sent);
	t.report = false;
	t.out.n = t.sent = 0;
}

static void connected(void)
{
	int error = 0;
	socklen_t n = sizeof(error);

	getsockopt(t.fd, SOL_SOCKET, SO_ERROR, &error, &n);
	if (error) {
		closed();
		return;
	}
	t.phase = OPENING;
	if (!talk_open(t.as, t.hold, ntohl(t.local.s_addr), &t.out))
		die("memory");
	flush_out();
}

static void met(int64_t now)
{
	const struct heard *h = &t.heard;
	bool there;

	if (!t.expects)
		return;
	if (t.expect_index != NO_INDEX)
		there = h->generation[t.expect_index] == t.expect_generation;
	else
		there = (t.expect_generation ? h->count[t.expect_generation] : h->present) == t.expect_count;
	if (there) {
		t.expects = false;
		say("reached", now);
	}
}

static void message(uint8_t type, const uint8_t *body, size_t n)
{
	if (type == TYPE_OPEN) {
		if (!talk_keepalive(&t.out))
			die("memory");
		flush_out();
	} else if (type == TYPE_NOTIFY) {
		fprintf(
		    stderr, "bench_talker: NOTIFICATION %u/%u\n", n > 0 ? body[0] : 0, n > 1 ? body[1] : 0);
	} else if (type == TYPE_UPDATE) {
		if (!talk_hear(&t.heard, body, n))
			fprintf(stderr, "bench_talker: malformed UPDATE of %zu octets\n", n);
	} else if (t.phase == OPENING) {
		t.phase = ESTABLISHED;
		t.keepalive = now_ns();
		say("established", t.keepalive);
	}
}

/* Messages that are whole, and the rest to the front. */
static void messages(void)
{
	size_t at = 0;
	int64_t now = now_ns();

	while (t.fd >= 0 && t.n_in - at >= HEADER) {
		size_t length = (size_t)(t.in[at + 16] << 8 | t.in[at + 17]);

		if (length < HEADER) {
			fprintf(stderr, "bench_talker: a message of %zu octets\n", length);
			closed();
			return;
		}
		if (t.n_in - at < length)
			break;
		if (t.last && now - t.last > t.gap)
			t.gap = now - t.last;
		t.last = now;
		message(t.in[at + 18], t.in + at + HEADER, length - HEADER);
		at += length;
	}
	if (t.fd < 0)
		return;
	memmove(t.in, t.in + at, t.n_in - at);
	t.n_in -= at;
	met(now);
}

static void readable(void)
{
	ssize_t n = recv(t.fd, t.in + t.n_in, IN_MAX - t.n_in, 0);

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			closed();
		return;
	}
	t.n_in += (size_t)n;
	messages();
}

/* ---- commands */

static void send_built(bool built)
{
	if (!built)
		die("memory");
	if (t.phase != ESTABLISHED) {
		printf("error not established\n");
		t.out.n = 0;
		return;
	}
	t.report = true;
	t.first_write = now_ns();
	flush_out();
}

static bool command_updates(const char *line)
{
	struct announcement a = { .sets = t.sets, .as = t.as };
	struct in_addr nexthop;
	char hop[INET_ADDRSTRLEN];
	unsigned generation;
	struct range r;

	if (sscanf(line, "announce %u %u %u %u %15s %u", &r.from, &r.to, &r.step, &generation, hop,
	        &a.prepend) == 6 &&
	    inet_pton(AF_INET, hop, &nexthop) == 1 && r.step && r.to <= TABLE_MAX) {
		a.range = r;
		a.generation = (uint8_t)generation;
		a.nexthop = ntohl(nexthop.s_addr);
		send_built(talk_announce(&a, &t.out));
		return true;
	}
	if (sscanf(line, "withdraw %u %u %u", &r.from, &r.to, &r.step) == 3 && r.step && r.to <= TABLE_MAX) {
		send_built(talk_withdraw(r, t.sets, &t.out));
		return true;
	}
	return false;
}

static bool command_expect(const char *line)
{
	unsigned a, b;

	if (sscanf(line, "expect-one %u %u", &a, &b) == 2 && a < TABLE_MAX) {
		t.expect_index = a;
		t.expect_generation = (uint8_t)b;
	} else if (sscanf(line, "expect %u %u", &a, &b) == 2) {
		t.expect_index = NO_INDEX;
		t.expect_generation = (uint8_t)a;
		t.expect_count = b;
	} else {
		return false;
	}
	t.expects = true;
	met(now_ns());
	return true;
}

static void command(const char *line)
{
	const struct heard *h = &t.heard;

	if (command_updates(line) || command_expect(line))
		return;
	if (!strcmp(line, "close")) {
		t.wanted = false;
		closed();
	} else if (!strcmp(line, "connect")) {
		t.wanted = true;
		t.retry = 0;
	} else if (!strcmp(line, "reset")) {
		t.gap = 0;
		t.last = now_ns();
	} else if (!strcmp(line, "stats")) {
		printf("stats %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %u %" PRId64 "\n", h->updates,
		    h->prefixes, h->withdrawals, h->others, h->present, t.gap / 1000000);
	} else {
		printf("error what is \"%s\"?\n", line);
	}
}

/* False: the driver has gone. */
static bool commands(void)
{
	static char text[4096];
	static size_t n;
	ssize_t more = read(STDIN_FILENO, text + n, sizeof(text) - 1 - n);
	char *end;

	if (more <= 0)
		return false;
	n += (size_t)more;
	text[n] = '\0';
	while ((end = strchr(text, '\n'))) {
		*end = '\0';
		command(text);
		n -= (size_t)(end + 1 - text);
		memmove(text, end + 1, n + 1);
	}
	return true;
}

static void timers(int64_t now)
{
	if (t.phase == CLOSED && t.wanted && now >= t.retry)
		start();
	if (t.phase == ESTABLISHED && now - t.keepalive > t.hold * INT64_C(333000000)) {
		t.keepalive = now;
		if (t.out.n == t.sent) { /* else UPDATEs say that we live */
			if (!talk_keepalive(&t.out))
				die("memory");
			flush_out();
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 6 || inet_pton(AF_INET, argv[1], &t.local) != 1 ||
	    inet_pton(AF_INET, argv[2], &t.peer) != 1) {
		fputs("bench_talker LOCAL PEER AS SETS HOLD-TIME\n", stderr);
		return 2;
	}
	t.as = (uint32_t)strtoul(argv[3], NULL, 10);
	t.sets = (uint32_t)strtoul(argv[4], NULL, 10);
	t.hold = (uint16_t)strtoul(argv[5], NULL, 10);
	t.in = malloc(IN_MAX);
	t.heard.generation = calloc(TABLE_MAX, 1);
	if (!t.in || !t.heard.generation || !t.sets)
		die("start");
	t.fd = -1;
	t.wanted = true;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;;) {
		struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = t.fd } };

		timers(now_ns());
		p[1].fd = t.fd;
		p[1].events = t.phase == CONNECTING ? POLLOUT : POLLIN | (t.sent < t.out.n ? POLLOUT : 0);
		poll(p, t.fd >= 0 ? 2 : 1, 50);
		if (p[0].revents && !commands())
			return 0;
		if (t.fd < 0 || p[1].fd != t.fd)
			continue;
		if (t.phase == CONNECTING && p[1].revents)
			connected();
		else if (p[1].revents & POLLOUT)
			flush_out();
		if (t.fd >= 0 && t.phase != CONNECTING && p[1].revents & ~POLLOUT)
			readable();
	}
}
