/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events from the worker to the control thread: two bounded rings under one lock, and an eventfd that is
 * readable while either holds something. IKE datagrams and ICMP errors, which anyone can send, have a ring of
 * their own, so a flood of them never displaces a fact about an SA.
 */
#include "connector/daemon/plane_user_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static bool ring_init(struct pu_ring *r, unsigned size)
{
	*r = (struct pu_ring){ .size = size, .slots = calloc(size, sizeof(*r->slots)) };
	return r->slots;
}

static bool ring_push(struct pu_ring *r, const struct pu_event *e)
{
	if (r->count == r->size)
		return false;
	r->slots[(r->head + r->count++) % r->size] = *e;
	return true;
}

static bool ring_pop(struct pu_ring *r, struct pu_event *ret_event)
{
	if (!r->count)
		return false;
	*ret_event = r->slots[r->head];
	r->head = (r->head + 1) % r->size;
	r->count--;
	return true;
}

int pu_queue_init(struct pu_queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (q->fd < 0)
		return -errno;
	if (!ring_init(&q->datagrams, PU_MAX_DATAGRAMS) || !ring_init(&q->notices, PU_MAX_NOTICES))
		return -ENOMEM;
	return 0;
}

void pu_queue_clear(struct pu_queue *q)
{
	struct pu_event e;

	while (q->datagrams.slots && ring_pop(&q->datagrams, &e))
		free(e.data);
	free(q->datagrams.slots);
	free(q->notices.slots);
	if (q->fd >= 0)
		close(q->fd);
	pthread_mutex_destroy(&q->lock);
}

/* An eventfd's counter can't overflow here, so the write can't fail. */
static void signal_fd(struct pu_queue *q)
{
	uint64_t one = 1;

	while (write(q->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

bool pu_queue_push(struct pu_queue *q, const struct pu_event *e)
{
	bool was_empty, ok;

	pthread_mutex_lock(&q->lock);
	was_empty = !q->datagrams.count && !q->notices.count;
	ok = ring_push(
	    e->kind == PU_IKE_DATAGRAM || e->kind == PU_IKE_UNDELIVERED ? &q->datagrams : &q->notices, e);
	if (ok && was_empty)
		signal_fd(q);
	pthread_mutex_unlock(&q->lock);
	return ok;
}

unsigned pu_queue_pop(struct pu_queue *q, struct pu_event ret_events[], unsigned n)
{
	unsigned got = 0;
	uint64_t ignored;

	pthread_mutex_lock(&q->lock);
	while (
	    got < n && (ring_pop(&q->notices, &ret_events[got]) || ring_pop(&q->datagrams, &ret_events[got])))
		got++;
	if (!q->datagrams.count && !q->notices.count)
		while (read(q->fd, &ignored, sizeof(ignored)) < 0 && errno == EINTR)
			;
	pthread_mutex_unlock(&q->lock);
	return got;
}
