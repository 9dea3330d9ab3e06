/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes between the control thread and the FIB writer's: records of one size in chunks, so that a
 * million of them cost neither a million allocations nor a million wakes. The queue of a channel is the only
 * memory that both threads touch, under its lock.
 */
#include "connector/daemon/fib_writer_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CHUNK 128 /* records */

struct chunk {
	struct list node;
	unsigned n, at; /* filled; taken */
	_Alignas(8) unsigned char record[];
};

/* ---- queues ---- */

void fib_queue_init(struct fib_queue *q, size_t record_size)
{
	list_init(&q->chunks);
	q->record_size = record_size;
}

int fib_queue_put(struct fib_queue *q, const void *record)
{
	struct chunk *c = list_empty(&q->chunks) ? NULL : list_entry(q->chunks.prev, struct chunk, node);

	if (!c || c->n == CHUNK) {
		c = malloc(sizeof(*c) + CHUNK * q->record_size);
		if (!c)
			return -1;
		c->n = c->at = 0;
		list_append(&q->chunks, &c->node);
	}
	memcpy(c->record + c->n++ * q->record_size, record, q->record_size);
	return 0;
}

void fib_queue_move(struct fib_queue *to, struct fib_queue *from)
{
	while (!list_empty(&from->chunks)) {
		struct list *node = from->chunks.next;

		list_remove(node);
		list_append(&to->chunks, node);
	}
}

void *fib_queue_take(struct fib_queue *q)
{
	struct chunk *c = list_first(&q->chunks, struct chunk, node);

	while (c && c->at == c->n) {
		list_remove(&c->node);
		free(c);
		c = list_first(&q->chunks, struct chunk, node);
	}
	return c ? c->record + c->at++ * q->record_size : NULL;
}

bool fib_queue_empty(const struct fib_queue *q)
{
	list_for_each ((struct list *)&q->chunks, struct chunk, c, node) {
		if (c->at < c->n)
			return false;
	}
	return true;
}

void fib_queue_clear(struct fib_queue *q)
{
	list_for_each (&q->chunks, struct chunk, c, node) {
		list_remove(&c->node);
		free(c);
	}
}

/* ---- channels ---- */

int fib_channel_init(struct fib_channel *c, size_t record_size)
{
	pthread_mutex_init(&c->lock, NULL);
	fib_queue_init(&c->queue, record_size);
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return c->fd < 0 ? -errno : 0;
}

void fib_channel_close(struct fib_channel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	pthread_mutex_destroy(&c->lock);
}

void fib_channel_wake(struct fib_channel *c)
{
	static const uint64_t one = 1;

	/* Can't fail but by a full counter, and then it is readable anyway. */
	if (write(c->fd, &one, sizeof(one)) < 0)
		return;
}

int fib_channel_put(struct fib_channel *c, const void *record)
{
	bool first;
	int err;

	c->waiting++;
	pthread_mutex_lock(&c->lock);
	first = list_empty(&c->queue.chunks);
	err = fib_queue_put(&c->queue, record);
	pthread_mutex_unlock(&c->lock);
	if (err)
		c->waiting--;
	else if (first)
		fib_channel_wake(c);
	return err;
}

void fib_channel_put_all(struct fib_channel *c, struct fib_queue *q)
{
	bool first;
	size_t n = 0;

	list_for_each (&q->chunks, struct chunk, x, node)
		n += x->n - x->at;
	if (!n)
		return;
	c->waiting += n;
	pthread_mutex_lock(&c->lock);
	first = list_empty(&c->queue.chunks);
	fib_queue_move(&c->queue, q);
	pthread_mutex_unlock(&c->lock);
	if (first)
		fib_channel_wake(c);
}

void fib_channel_take(struct fib_channel *c, struct fib_queue *q)
{
	uint64_t count;

	/* Cleared first: what is put meanwhile makes it readable again, at worst for nothing. */
	if (read(c->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&c->lock);
	fib_queue_move(q, &c->queue);
	pthread_mutex_unlock(&c->lock);
}

void fib_event_free(struct fib_event *e)
{
	free(e->why);
	free(e->other);
	free(e->list);
	free(e->source);
}
