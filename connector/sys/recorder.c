/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two batches: the owner fills one while the thread writes the other. The lock is held for a copy of one
 * record, or to change their places. After a failure nothing is tried for a while: what comes meanwhile is
 * counted and dropped, so a full disk costs no more than one attempt each few seconds.
 */
#include "connector/sys/recorder.h"

#include "connector/sys/clock.h"
#include "connector/sys/record_files.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define RETRY  mdur_s(5)
#define TICK_S 1 /* how late the end of a file may be noticed */

struct batch {
	uint8_t *data;
	uint32_t *len;
	size_t bytes, n;
};

struct recorder {
	pthread_mutex_t lock; /* over what stands behind it */
	pthread_cond_t wake;
	struct batch batch[2];
	unsigned filling;
	bool stop;
	struct recorder_view view;

	struct record_files files; /* the thread's, as is this one */
	mtime retry_at;
	pthread_t thread;
	bool running;
	int fd;
};

static void tell(struct recorder *r)
{
	uint64_t one = 1;

	if (write(r->fd, &one, sizeof(one)) < 0)
		return; /* the counter is full, so it is readable */
}

/* Under the lock. */
static void note(struct recorder *r, const struct batch *b, size_t done, const struct reason *why)
{
	bool failed = reason_is_set(&r->view.error);

	for (size_t i = 0; i < done; i++)
		r->view.bytes += b->len[i];
	r->view.records += done;
	r->view.dropped_failed += b->n - done;
	r->view.files = r->files.files;
	snprintf(r->view.file, sizeof(r->view.file), "%s", r->files.name);
	if (done < b->n && reason_is_set(why))
		r->view.error = *why;
	else if (done && done == b->n)
		reason_clear(&r->view.error);
	if (failed != reason_is_set(&r->view.error))
		tell(r);
}

static size_t write_batch(struct recorder *r, const struct batch *b, struct reason *ret_reason)
{
	size_t done;

	if (!mtime_reached(r->retry_at, clock_now()))
		return 0;
	done = record_files_write(&r->files, b->data, b->len, b->n, ret_reason);
	if (done < b->n)
		r->retry_at = mtime_add(clock_now(), RETRY);
	return done;
}

static void wait_a_while(struct recorder *r)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += TICK_S;
	pthread_cond_timedwait(&r->wake, &r->lock, &until);
}

static void *run(void *arg)
{
	struct recorder *r = arg;

	pthread_mutex_lock(&r->lock);
	while (!r->stop || r->batch[r->filling].n) {
		struct batch *b = r->batch[r->filling].n ? &r->batch[r->filling] : NULL;
		struct reason why = { 0 };
		size_t done;

		if (!b) {
			wait_a_while(r);
			record_files_tick(&r->files, time(NULL));
			snprintf(r->view.file, sizeof(r->view.file), "%s", r->files.name);
			continue;
		}
		r->filling = !r->filling;
		pthread_mutex_unlock(&r->lock);
		done = write_batch(r, b, &why);
		pthread_mutex_lock(&r->lock);
		note(r, b, done, &why);
		b->n = b->bytes = 0;
	}
	pthread_mutex_unlock(&r->lock);
	record_files_close(&r->files);
	return NULL;
}

static int start(struct recorder *r)
{
	pthread_condattr_t attr;
	sigset_t all, before;

	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attr);
	pthread_condattr_destroy(&attr);
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned i = 0; i < 2; i++) {
		r->batch[i].data = malloc(RECORDER_QUEUE_BYTES);
		r->batch[i].len = malloc(RECORDER_QUEUE_MAX * sizeof(uint32_t));
		if (!r->batch[i].data || !r->batch[i].len)
			return -1;
	}
	if (r->fd < 0)
		return -1;
	/* Signals belong to the control thread's loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r->running = !pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r->running ? 0 : -1;
}

struct recorder *recorder_new(const struct recorder_config *config)
{
	struct recorder *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->files.config = *config;
	r->files.fd = -1;
	if (!start(r))
		return r;
	recorder_free(r);
	return NULL;
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	if (r->running)
		pthread_join(r->thread, NULL);
	for (unsigned i = 0; i < 2; i++) {
		free(r->batch[i].data);
		free(r->batch[i].len);
	}
	if (r->fd >= 0)
		close(r->fd);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void recorder_put(struct recorder *r, const uint8_t *record, size_t len)
{
	struct batch *b;

	pthread_mutex_lock(&r->lock);
	b = &r->batch[r->filling];
	if (b->n == RECORDER_QUEUE_MAX || len > RECORDER_QUEUE_BYTES - b->bytes) {
		if (!r->view.dropped_full++)
			tell(r);
	} else {
		memcpy(b->data + b->bytes, record, len);
		b->bytes += len;
		b->len[b->n++] = (uint32_t)len;
		if (b->n == 1)
			pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
}

int recorder_event_fd(const struct recorder *r)
{
	return r->fd;
}

void recorder_heard(struct recorder *r)
{
	uint64_t count;

	if (read(r->fd, &count, sizeof(count)) < 0)
		return; /* nothing new */
}

void recorder_view(struct recorder *r, struct recorder_view *ret_view)
{
	pthread_mutex_lock(&r->lock);
	*ret_view = r->view;
	ret_view->waiting = r->batch[0].bytes + r->batch[1].bytes;
	pthread_mutex_unlock(&r->lock);
}
