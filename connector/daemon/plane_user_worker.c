/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's thread: one epoll over the call eventfd, the sockets and the TUN devices, level-triggered, one
 * batch per ready source and turn, so no source starves another. Calls are run after all other sources of a
 * turn, because one may free the tunnel that a later event of the same turn points to.
 *
 * A call is a function that the control thread wants run on the worker's tables; it waits until that is done.
 * The lock guards only the hand-over: no packet ever takes it.
 */
#include "connector/daemon/plane_user_internal.h"
#include "connector/sys/clock.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EPOLL_EVENTS 32

int pu_worker_watch(struct pu_worker *w, int fd, struct pu_source *source)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = source };

	return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void run_call(struct plane_user *p)
{
	void (*fn)(struct pu_worker * w, void *arg);
	uint64_t ignored;
	void *arg;

	while (read(p->worker.call_fd, &ignored, sizeof(ignored)) < 0 && errno == EINTR)
		;
	pthread_mutex_lock(&p->call_lock);
	fn = p->call_fn;
	arg = p->call_arg;
	pthread_mutex_unlock(&p->call_lock);
	if (!fn)
		return;
	fn(&p->worker, arg);
	pthread_mutex_lock(&p->call_lock);
	p->call_fn = NULL;
	pthread_cond_signal(&p->call_done);
	pthread_mutex_unlock(&p->call_lock);
}

/* Milliseconds until the next keepalive, rounded up; -1: none is due. */
static int wait_ms(const struct pu_worker *w)
{
	int64_t ns;

	if (mtime_is_never(w->next_keepalive))
		return -1;
	ns = mtime_since(w->next_keepalive, w->now).ns;
	if (ns <= 0)
		return 0;
	return ns / 1000000 >= INT_MAX ? INT_MAX : (int)(ns / 1000000) + 1;
}

static void *worker_main(void *arg)
{
	struct plane_user *p = arg;
	struct pu_worker *w = &p->worker;
	struct epoll_event ready[EPOLL_EVENTS];

	while (!w->stop) {
		int n = epoll_wait(w->epoll_fd, ready, EPOLL_EVENTS, wait_ms(w));
		bool call = false;

		w->now = clock_now();
		for (int i = 0; i < n; i++) {
			struct pu_source *s = ready[i].data.ptr;

			switch (s->kind) {
			case PU_SOURCE_CALL: call = true; break;
			case PU_SOURCE_SOCKET:
				if (ready[i].events & EPOLLERR)
					pu_socket_errors(w, s->socket);
				pu_socket_readable(w, s->socket);
				break;
			case PU_SOURCE_TUN: pu_tun_readable(w, s->tunnel); break;
			}
		}
		if (call)
			run_call(p);
		pu_keepalives(w);
	}
	return NULL;
}

int pu_thread_start(struct plane_user *p)
{
	sigset_t all, old;
	int err;

	sigfillset(&all); /* signals are the control thread's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&p->thread, NULL, worker_main, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	p->running = err == 0;
	if (p->running)
		pthread_setname_np(p->thread, "data-plane"); /* for `top -H` */
	return err;
}

void pu_call(struct plane_user *p, void (*fn)(struct pu_worker *w, void *arg), void *arg)
{
	uint64_t one = 1;

	pthread_mutex_lock(&p->call_lock);
	p->call_fn = fn;
	p->call_arg = arg;
	while (write(p->worker.call_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	while (p->call_fn)
		pthread_cond_wait(&p->call_done, &p->call_lock);
	pthread_mutex_unlock(&p->call_lock);
}

static void stop_worker(struct pu_worker *w, void *arg)
{
	(void)arg;
	w->stop = true;
}

void pu_thread_stop(struct plane_user *p)
{
	if (!p->running)
		return;
	pu_call(p, stop_worker, NULL);
	pthread_join(p->thread, NULL);
	p->running = false;
}
