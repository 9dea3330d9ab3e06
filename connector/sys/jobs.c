/* SPDX-License-Identifier: Apache-2.0 */
/* Two queues under one lock, workers on a condition, the control thread on an eventfd. */
#include "connector/sys/jobs.h"

#include "base/list.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define JOBS_THREADS_MAX 16

struct item {
	struct list node;
	void *job;
};

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list waiting, finished; /* struct item */
	bool stop;
	pthread_t thread[JOBS_THREADS_MAX];
	unsigned n_threads;
	int fd;
	void (*run)(void *job);
	void (*done)(void *ctx, void *job);
	void *ctx;
};

static struct item *take(struct list *l)
{
	struct item *it = list_first(l, struct item, node);

	if (it)
		list_remove(&it->node);
	return it;
}

static void *worker(void *arg)
{
	struct jobs *j = arg;

	pthread_mutex_lock(&j->lock);
	while (!j->stop) {
		struct item *it = take(&j->waiting);
		uint64_t one = 1;

		if (!it) {
			pthread_cond_wait(&j->wake, &j->lock);
			continue;
		}
		pthread_mutex_unlock(&j->lock);
		j->run(it->job);
		pthread_mutex_lock(&j->lock);
		list_append(&j->finished, &it->node);
		if (write(j->fd, &one, sizeof(one)) < 0)
			continue; /* the counter is full, so it is readable */
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

struct jobs *jobs_new(unsigned threads, void (*run)(void *job), void (*done)(void *ctx, void *job), void *ctx)
{
	struct jobs *j = calloc(1, sizeof(*j));
	sigset_t all, before;

	if (!j)
		return NULL;
	j->run = run;
	j->done = done;
	j->ctx = ctx;
	list_init(&j->waiting);
	list_init(&j->finished);
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->wake, NULL);
	j->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* Signals belong to the control thread's loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	while (j->fd >= 0 && j->n_threads < threads && j->n_threads < JOBS_THREADS_MAX)
		if (pthread_create(&j->thread[j->n_threads], NULL, worker, j))
			break;
		else
			j->n_threads++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (j->n_threads == 0) {
		jobs_free(j, NULL);
		return NULL;
	}
	return j;
}

static void drop_all(struct list *l, void (*drop)(void *job))
{
	struct item *it;

	while ((it = take(l))) {
		drop(it->job);
		free(it);
	}
}

void jobs_free(struct jobs *j, void (*drop)(void *job))
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->stop = true;
	pthread_cond_broadcast(&j->wake);
	pthread_mutex_unlock(&j->lock);
	for (unsigned i = 0; i < j->n_threads; i++)
		pthread_join(j->thread[i], NULL);
	if (drop) {
		drop_all(&j->waiting, drop);
		drop_all(&j->finished, drop);
	}
	if (j->fd >= 0)
		close(j->fd);
	pthread_cond_destroy(&j->wake);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

int jobs_put(struct jobs *j, void *job)
{
	struct item *it = calloc(1, sizeof(*it));

	if (!it)
		return -1;
	it->job = job;
	pthread_mutex_lock(&j->lock);
	list_append(&j->waiting, &it->node);
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
	return 0;
}

int jobs_event_fd(const struct jobs *j)
{
	return j->fd;
}

void jobs_dispatch(struct jobs *j)
{
	uint64_t count;

	if (read(j->fd, &count, sizeof(count)) < 0)
		return; /* nothing new */
	for (;;) {
		struct item *it;

		pthread_mutex_lock(&j->lock);
		it = take(&j->finished);
		pthread_mutex_unlock(&j->lock);
		if (!it)
			return;
		j->done(j->ctx, it->job);
		free(it);
	}
}
