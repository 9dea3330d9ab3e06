/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents by HTTP from a server that is slow, endless, wrong, or sends us elsewhere. In a namespace of the
 * test's own; the server is a thread, and counts who asks.
 */
#include "connector/daemon/documents.h"
#include "connector/sys/clock.h"
#include "tests/support/netns.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PORT      8088
#define BASE      "http://127.0.0.1:8088"
#define LARGEST   (8 << 20)
#define BODY      "a document"
#define LATEST_S  9 /* five seconds, on a machine that has other things to do */
#define AT_ONCE_S 3

static struct {
	int fd;
	unsigned asked, elsewhere, sent_mb; /* atomic */
	char request[2048];                 /* the last one */
} server;

static void put(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return;
}

/* n octets, in megabytes; SIZE_MAX: until the client goes. */
static void pour(int fd, size_t n)
{
	static char block[1 << 20];

	while (n) {
		size_t len = n < sizeof(block) ? n : sizeof(block);

		if (send(fd, block, len, MSG_NOSIGNAL | MSG_WAITALL) != (ssize_t)len)
			return;
		__atomic_add_fetch(&server.sent_mb, 1, __ATOMIC_RELAXED);
		n -= n == SIZE_MAX ? 0 : len;
	}
}

/* An octet now and then, until the client goes. */
static void drip(int fd)
{
	put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		usleep(100000);
}

static void wait_for_end(int fd)
{
	char c;

	while (recv(fd, &c, 1, 0) > 0)
		;
}

static void answer(int fd, const char *path)
{
	char head[128];

	__atomic_add_fetch(&server.asked, 1, __ATOMIC_RELAXED);
	if (!strncmp(path, "/ok", 3)) {
		put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" BODY);
	} else if (!strcmp(path, "/empty")) {
		put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	} else if (!strcmp(path, "/moved")) {
		put(fd,
		    "HTTP/1.1 302 Found\r\nLocation: " BASE "/elsewhere\r\nContent-Length: 10\r\n\r\n" BODY);
	} else if (!strcmp(path, "/elsewhere")) {
		__atomic_add_fetch(&server.elsewhere, 1, __ATOMIC_RELAXED);
		put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" BODY);
	} else if (!strcmp(path, "/largest") || !strcmp(path, "/larger")) {
		size_t n = LARGEST + (strcmp(path, "/larger") == 0);

		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);
		put(fd, head);
		pour(fd, n);
	} else if (!strcmp(path, "/endless")) {
		put(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
		pour(fd, SIZE_MAX);
	} else if (!strcmp(path, "/drip")) {
		drip(fd);
	} else if (!strncmp(path, "/hang", 5)) {
		wait_for_end(fd);
	} else {
		put(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
	}
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char request[2048] = "", path[64] = "";
	size_t n = 0;
	ssize_t got;
	const char *body;

	/* Until the head is there, and of a POST something behind it. */
	while (n < sizeof(request) - 1 && (got = recv(fd, request + n, sizeof(request) - 1 - n, 0)) > 0) {
		n += (size_t)got;
		request[n] = '\0';
		body = strstr(request, "\r\n\r\n");
		if (body && (strncmp(request, "POST", 4) != 0 || strlen(body) > 4))
			break;
	}
	memcpy(server.request, request, sizeof(request));
	if (sscanf(request, "%*s %63s", path) == 1)
		answer(fd, path);
	shutdown(fd, SHUT_WR);
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
		pthread_t t;

		if (pthread_create(&t, NULL, serve_one, (void *)(intptr_t)fd))
			abort();
		pthread_detach(t);
	}
	return NULL;
}

static int listen_here(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a)) && !listen(fd, 16) ? fd : -1;
}

static int setup(void **state)
{
	static pthread_t t;
	int ns = netns_new();

	(void)state;
	if (ns < 0 || netns_enter(ns) < 0)
		return -1;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	server.fd = listen_here();
	return server.fd < 0 ? -1 : pthread_create(&t, NULL, serve, NULL);
}

/* --- asking --- */

struct got {
	int rc;
	uint8_t *data;
	size_t len;
	double seconds;
};

static double since(mtime t)
{
	return (double)mdur_to_ms(mtime_since(clock_now(), t)) / 1000;
}

static mdur d_until = { 60 * (int64_t)1000000000 }; /* what the asker has left */

static struct got ask(struct documents *d, const char *url)
{
	const struct credentials_world *w = documents_world(d);
	mtime begin = clock_now();
	struct credentials_query q = { .url = url, .until = mtime_add(begin, d_until) };
	struct got g = { 0 };

	g.rc = w->fetch(w->ctx, &q, &g.data, &g.len);
	g.seconds = since(begin);
	return g;
}

static void expect_document(struct got g)
{
	assert_int_equal(g.rc, 0);
	assert_int_equal(g.len, strlen(BODY));
	assert_memory_equal(g.data, BODY, g.len);
	free(g.data);
}

static void expect_nothing(struct got g)
{
	if (!g.rc)
		free(g.data);
	assert_int_equal(g.rc, -1);
}

static unsigned asked(void)
{
	return __atomic_load_n(&server.asked, __ATOMIC_RELAXED);
}

static void test_fetch(void **state)
{
	struct documents *d = documents_new(0);
	const struct credentials_world *w = documents_world(d);
	struct credentials_query q = { BASE "/ok", "application/ocsp-request", (const uint8_t *)"question", 8,
		MTIME_NEVER };
	struct got g = { 0 };

	(void)state;
	expect_document(ask(d, BASE "/ok")); /* and the proxy of the environment isn't asked */
	assert_non_null(strstr(server.request, "GET /ok "));
	g.rc = w->fetch(w->ctx, &q, &g.data, &g.len);
	expect_document(g);
	assert_non_null(strstr(server.request, "POST /ok "));
	assert_non_null(strstr(server.request, "Content-Type: application/ocsp-request"));
	assert_non_null(strstr(server.request, "\r\n\r\nquestion"));
	expect_nothing(ask(d, BASE "/empty"));
	documents_free(d);
}

static void test_refused(void **state)
{
	static const char *const urls[] = { "https://127.0.0.1:8088/ok", "file:///etc/hostname",
		"ftp://127.0.0.1:8088/ok", "gopher://127.0.0.1:8088/ok", "127.0.0.1:8088/ok\n", "" };
	struct documents *d = documents_new(0);
	unsigned before = asked();

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		expect_nothing(ask(d, urls[i]));
	assert_int_equal(asked(), before);
	expect_nothing(ask(d, BASE "/moved"));
	assert_int_equal(server.elsewhere, 0); /* no redirection is followed */
	documents_free(d);
}

static void test_size(void **state)
{
	struct documents *d = documents_new(0);
	struct got g = ask(d, BASE "/largest");

	(void)state;
	assert_int_equal(g.rc, 0);
	assert_int_equal(g.len, LARGEST);
	free(g.data);
	expect_nothing(ask(d, BASE "/larger"));
	server.sent_mb = 0;
	expect_nothing(ask(d, BASE "/endless"));
	/* What was poured before the connection was given up: 8 MB, and what sockets hold. */
	assert_true(__atomic_load_n(&server.sent_mb, __ATOMIC_RELAXED) < 8 + 16);
	documents_free(d);
}

static void test_kept(void **state)
{
	struct documents *d = documents_new(0);
	const struct credentials_world *w = documents_world(d);
	struct credentials_query q = { .url = BASE "/ok-kept" };
	int64_t now = w->wall(w->ctx);
	unsigned before = asked();

	(void)state;
	w->keep(w->ctx, &q, (const uint8_t *)BODY, strlen(BODY), now + 600);
	expect_document(ask(d, q.url));
	assert_int_equal(asked(), before);
	w->keep(w->ctx, &q, (const uint8_t *)"old", 3, now - 1);
	expect_document(ask(d, q.url)); /* anew */
	assert_int_equal(asked(), before + 1);
	expect_nothing(ask(d, BASE "/none"));
	expect_nothing(ask(d, BASE "/none")); /* not before a minute is over */
	assert_int_equal(asked(), before + 2);
	documents_free(d);
}

struct asker {
	struct documents *d;
	const char *url;
	struct got got;
	pthread_t thread;
};

static void *ask_thread(void *arg)
{
	struct asker *a = arg;

	a->got = ask(a->d, a->url);
	return NULL;
}

static void start(struct asker *a, struct documents *d, const char *url)
{
	unsigned before = asked();

	*a = (struct asker){ .d = d, .url = url };
	assert_int_equal(pthread_create(&a->thread, NULL, ask_thread, a), 0);
	for (unsigned i = 0; i < 1000 && asked() == before; i++)
		usleep(10000);
	assert_int_equal(asked(), before + 1); /* it is under way */
}

static void test_time(void **state)
{
	struct documents *d = documents_new(0);
	struct asker a, b;
	struct got third;

	(void)state;
	start(&a, d, BASE "/hang");
	start(&b, d, BASE "/drip");
	third = ask(d, BASE "/ok"); /* two at once, and it doesn't wait */
	expect_nothing(third);
	pthread_join(a.thread, NULL);
	pthread_join(b.thread, NULL);
	expect_nothing(a.got);
	expect_nothing(b.got);
	assert_true(third.seconds < AT_ONCE_S && a.got.seconds < LATEST_S && b.got.seconds < LATEST_S);
	expect_document(ask(d, BASE "/ok")); /* who went without is not held back afterwards */
	documents_free(d);
}

/* Who asks has less time left than a fetch may take. */
static void test_until(void **state)
{
	struct documents *d = documents_new(0);
	unsigned before;
	struct got g;

	(void)state;
	d_until = mdur_ms(200);
	g = ask(d, BASE "/hang-until");
	expect_nothing(g);
	assert_true(g.seconds >= 0.1 && g.seconds < AT_ONCE_S);
	d_until = MDUR_ZERO;
	before = asked();
	expect_nothing(ask(d, BASE "/ok-until"));
	assert_int_equal(asked(), before);
	d_until = mdur_ms(200);
	/* It has not failed for that: it is asked again at once. */
	before = asked();
	expect_nothing(ask(d, BASE "/hang-until"));
	assert_int_equal(asked(), before + 1);
	d_until = mdur_s(60);
	documents_free(d);
}

static void test_stop(void **state)
{
	struct documents *d = documents_new(0);
	mtime begin;
	struct asker a;

	(void)state;
	start(&a, d, BASE "/hang-stop");
	begin = clock_now();
	documents_stop(d);
	pthread_join(a.thread, NULL);
	assert_true(since(begin) < AT_ONCE_S);
	expect_nothing(a.got);
	expect_nothing(ask(d, BASE "/ok"));
	documents_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_fetch), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_size), cmocka_unit_test(test_kept), cmocka_unit_test(test_time),
		cmocka_unit_test(test_until), cmocka_unit_test(test_stop) };

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, NULL);
}
