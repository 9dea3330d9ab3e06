/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One detached thread a question. It owns the question and a duplicate of the pipe's writing end; its answer
 * goes through the pipe as a whole (less than PIPE_BUF, so atomic). When the reader is gone the write fails
 * and nobody misses it: so the end need not wait for a name server that doesn't answer.
 */
#include "connector/sys/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(sizeof(struct resolver_answer) <= PIPE_BUF, "an answer is written at once");

struct resolver {
	int in, out; /* the pipe: where answers are read, and written */
	unsigned open;
};

struct question {
	struct resolver_answer answer;
	uint8_t family;
	int out;
};

struct resolver *resolver_new(void)
{
	struct resolver *r = calloc(1, sizeof(*r));
	int fd[2];

	if (!r || pipe2(fd, O_CLOEXEC)) {
		free(r);
		return NULL;
	}
	(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	r->in = fd[0];
	r->out = fd[1];
	return r;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	close(r->in);
	close(r->out);
	free(r);
}

static void take(struct resolver_answer *a, const struct addrinfo *list)
{
	for (; list && a->n < RESOLVER_ADDRS; list = list->ai_next) {
		struct sockaddr_storage ss = { 0 };
		struct addr found;
		bool twice = false;

		if (list->ai_addrlen > sizeof(ss))
			continue;
		memcpy(&ss, list->ai_addr, list->ai_addrlen);
		found = endpoint_from_sockaddr(&ss).addr;
		for (unsigned i = 0; i < a->n; i++)
			twice |= addr_eq(&a->addr[i], &found);
		if (!addr_is_none(&found) && !addr_is_unspecified(&found) && !twice)
			a->addr[a->n++] = found;
	}
}

static void *look_up(void *arg)
{
	struct question *q = arg;
	struct addrinfo hints = { .ai_family = q->family == 4   ? AF_INET
		                               : q->family == 6 ? AF_INET6
		                                                : AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM };
	struct addrinfo *list = NULL;
	int err = getaddrinfo(q->answer.name, NULL, &hints, &list);

	if (!err)
		take(&q->answer, list);
	if (!q->answer.n)
		snprintf(q->answer.error, sizeof(q->answer.error), "%s",
		    err ? gai_strerror(err) : "it has no address that can be used");
	if (list)
		freeaddrinfo(list);
	while (write(q->out, &q->answer, sizeof(q->answer)) < 0 && errno == EINTR)
		;
	close(q->out);
	free(q);
	return NULL;
}

static bool start(struct question *q)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (pthread_attr_init(&attr))
		return false;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all); /* signals are the control thread's; a pipe without reader is no reason to die */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, &attr, look_up, q);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return !err;
}

bool resolver_ask(struct resolver *r, uint64_t tag, const char *name, uint8_t family)
{
	struct question *q = r->open < RESOLVER_OPEN_MAX ? calloc(1, sizeof(*q)) : NULL;

	if (!q)
		return false;
	q->answer.tag = tag;
	q->family = family;
	snprintf(q->answer.name, sizeof(q->answer.name), "%s", name);
	q->out = fcntl(r->out, F_DUPFD_CLOEXEC, 0);
	if (q->out < 0 || !start(q)) {
		if (q->out >= 0)
			close(q->out);
		free(q);
		return false;
	}
	r->open++;
	return true;
}

int resolver_fd(const struct resolver *r)
{
	return r->in;
}

bool resolver_next(struct resolver *r, struct resolver_answer *ret_answer)
{
	if (read(r->in, ret_answer, sizeof(*ret_answer)) != (ssize_t)sizeof(*ret_answer))
		return false;
	r->open--;
	return true;
}
