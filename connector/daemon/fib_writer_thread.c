/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIB writer's thread: takes requests, hears what the kernel says, asks the planner, executes its rounds
 * by netlink, reports.
 *
 * Order: notifications are taken in after requests were fetched and before these are applied, so that a
 * request never meets a picture older than itself (an interface that was just made is known when its routes
 * come). Requests behind a fence wait until the planner is quiet; only then the fence is reported. A new
 * picture is taken when notifications were lost or can't tell, at most once in PICTURE_PAUSE_MS, and never
 * before the plan has acted on what is known already.
 */
#include "connector/daemon/fib_writer_internal.h"

#include "connector/sys/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define FAREWELL_ROUNDS 100000 /* a bound for taking everything out: 25 million routes */
#define BACKLOG_MAX     32768  /* events that the control thread may be behind */
#define BACKLOG_LOOK_MS 1
#define URGENT_ROUNDS   16

/* ---- requests ---- */

static void set_forget(struct fib_thread *t, uint32_t no)
{
	struct fib_thread_set *s = &t->set[no];

	for (unsigned i = 0; i < 4; i++)
		fib_ways_put(s->made[i / 2][i % 2]);
	free(s->ways);
	*s = (struct fib_thread_set){ 0 };
}

static void set_learn(struct fib_thread *t, const struct fib_request *q)
{
	if (q->set >= t->n_sets) {
		size_t n = (size_t)q->set * 2 + 16;
		struct fib_thread_set *more = realloc(t->set, n * sizeof(*more));

		if (!more) {
			log_error(t->log, "fib", "no-memory: a set of ways is lost");
			free(q->data);
			return;
		}
		memset(more + t->n_sets, 0, (n - t->n_sets) * sizeof(*more));
		t->set = more;
		t->n_sets = n;
	}
	set_forget(t, q->set);
	t->set[q->set].ways = q->data;
}

/* The planner's set for this wish; NULL: memory is out. */
static const struct fib_ways *set_made(struct fib_thread *t, const struct fib_request *q)
{
	struct fib_thread_set *s = q->set < t->n_sets ? &t->set[q->set] : NULL;
	const struct fib_ways **made;

	if (!s || !s->ways)
		return NULL;
	made = &s->made[q->prefix.addr.family == 6][q->origin == FIB_LEARNED];
	if (!*made)
		*made = fib_ways_get(t->fib, q->prefix.addr.family, (enum fib_origin)q->origin, s->ways->way,
		    s->ways->n, s->ways->have_backup ? &s->ways->backup : NULL);
	return *made;
}

static void want(struct fib_thread *t, const struct fib_request *q)
{
	const struct fib_ways *ways = set_made(t, q);
	const struct fib_wish wish = { .prefix = q->prefix,
		.metric = q->metric,
		.origin = (enum fib_origin)q->origin,
		.source = q->addr,
		.number = q->number };

	if (!ways || fib_want_ways(t->fib, &wish, ways) < 0)
		log_error(t->log, "fib", "no-memory: %s is not installed", prefix_str(&q->prefix));
}

static void watch(struct fib_thread *t, struct fib_watch_request *what)
{
	if (fib_watch(t->fib, what->protocol, what->within, what->n) < 0)
		log_error(t->log, "fib", "no-memory: foreign routes are not watched");
	free(what);
}

static void apply(struct fib_thread *t, const struct fib_request *q)
{
	switch ((enum fib_request_kind)q->kind) {
	case FIB_REQ_SET: set_learn(t, q); break;
	case FIB_REQ_UNSET:
		if (q->set < t->n_sets)
			set_forget(t, q->set);
		break;
	case FIB_REQ_WANT: want(t, q); break;
	case FIB_REQ_UNWANT: fib_unwant(t->fib, &q->prefix, q->metric, (enum fib_origin)q->origin); break;
	case FIB_REQ_INTERFACE: fib_interface(t->fib, q->ifindex, q->on); break;
	case FIB_REQ_WAY:
		t->urgent = URGENT_ROUNDS;
		if (fib_way_is(t->fib, q->ifindex, &q->addr, (enum fib_way_state)q->state) < 0)
			log_error(t->log, "fib", "no-memory: a lost way is left route by route");
		break;
	case FIB_REQ_PIN:
		if (fib_pin(t->fib, &q->addr) < 0)
			log_error(t->log, "fib", "no-memory: %s is not pinned", addr_str(&q->addr));
		break;
	case FIB_REQ_UNPIN: fib_thread_unpin(t, &q->addr); break;
	case FIB_REQ_PROTECT:
		if (fib_protect(t->fib, &q->prefix) < 0)
			log_error(t->log, "fib", "no-memory: %s is not protected", prefix_str(&q->prefix));
		break;
	case FIB_REQ_UNPROTECT: fib_unprotect(t->fib, &q->prefix); break;
	case FIB_REQ_WATCH: watch(t, q->data); break;
	case FIB_REQ_RECONCILED: fib_reconciled(t->fib); break;
	case FIB_REQ_FENCE: t->fence = q->fence; break;
	}
}

/* Requests up to the next fence. */
static void take_requests(struct fib_thread *t)
{
	struct fib_queue fresh;
	struct fib_request *q;

	fib_queue_init(&fresh, sizeof(struct fib_request));
	fib_channel_take(&t->in, &fresh);
	fib_thread_listen(t);
	fib_queue_move(&t->waiting, &fresh);
	while (!t->fence && (q = fib_queue_take(&t->waiting)))
		apply(t, q);
}

/* ---- the wheel ---- */

/*
 * A failover of a million routes takes the kernel a moment and is news for the control thread a million
 * times: it is not drowned in them. Requests are heard meanwhile, and lost ways have their first rounds; the
 * control thread never waits for this one but when it ends it.
 */
static bool may_turn(struct fib_thread *t)
{
	if (t->out.waiting <= BACKLOG_MAX)
		return true;
	if (t->urgent) {
		t->urgent--;
		return true;
	}
	(void)poll(NULL, 0, BACKLOG_LOOK_MS);
	return false;
}

/* One round; false when there is nothing to do now. */
static bool turn(struct fib_thread *t)
{
	size_t n = fib_plan(t->fib, clock_now(), t->op, FIB_ROUND_OPS);

	if (n)
		fib_thread_execute(t, n);
	fib_thread_report(t);
	return n || fib_busy(t->fib);
}

/* All requested before the fence is in the kernel or has failed. */
static void settle_fence(struct fib_thread *t)
{
	if (t->fence)
		fib_thread_send(t, &(struct fib_event){ .kind = FIB_EV_FENCED, .fence = t->fence });
	t->fence = 0;
}

static bool picture_due(struct fib_thread *t, mtime now)
{
	return (t->lost || fib_resync_wanted(t->fib)) && mtime_reached(t->next_picture, now);
}

static int timeout_ms(struct fib_thread *t)
{
	mtime now = clock_now(), at = fib_deadline(t->fib);
	int64_t ms;

	if (t->lost || fib_resync_wanted(t->fib))
		at = mtime_min(at, t->next_picture);
	if (mtime_is_never(at))
		return -1;
	ms = mdur_to_ms(mtime_since(at, now)) + 1;
	return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

/* Kept routes: what was requested is done first, fences notwithstanding. */
static void finish_requests(struct fib_thread *t)
{
	do {
		t->fence = 0;
		take_requests(t);
		for (unsigned i = 0; i < FAREWELL_ROUNDS && turn(t); i++)
			;
	} while (!fib_queue_empty(&t->waiting));
}

static void farewell(struct fib_thread *t)
{
	if (t->keep) {
		finish_requests(t);
		return;
	}
	fib_unwant_all(t->fib);
	for (unsigned pass = 0; pass < 2;
	     pass++) { /* the second one for what was there without our knowing */
		for (unsigned i = 0; i < FAREWELL_ROUNDS && turn(t); i++)
			;
		if (pass == 0 && fib_thread_picture(t) < 0)
			break;
	}
}

static void *run(void *arg)
{
	struct fib_thread *t = arg;

	while (!t->stop) {
		struct pollfd fds[] = { { .fd = t->in.fd, .events = POLLIN },
			{ .fd = rtnl_fd(t->monitor), .events = POLLIN } };
		bool more = true;

		fib_thread_flush(t);
		if (fib_queue_empty(&t->waiting))
			(void)poll(fds, 2, timeout_ms(t));
		while (more && !t->stop) {
			fib_clock(t->fib, clock_now());
			take_requests(t);
			more = !may_turn(t) || turn(t);
		}
		if (picture_due(t, clock_now())) {
			fib_clock(t->fib, clock_now());
			if (fib_thread_picture(t) == 0)
				continue; /* its consequences first */
		}
		fib_thread_look_at_pins(t);
		settle_fence(t);
	}
	farewell(t);
	return NULL;
}

/* ---- life ---- */

int fib_thread_open(struct fib_thread *t, const struct sys_domain *domain, struct reason *ret_reason)
{
	int err;

	fib_queue_init(&t->waiting, sizeof(struct fib_request));
	fib_queue_init(&t->told, sizeof(struct fib_event));
	list_init(&t->pins);
	err = fib_channel_init(&t->in, sizeof(struct fib_request));
	err = fib_channel_init(&t->out, sizeof(struct fib_event)) < 0 ? -EMFILE : err;
	t->fib = fib_new();
	t->batch = rtnl_batch_new();
	if (err < 0)
		return reason_set(ret_reason, "fib-open", "cannot make an eventfd: %s", strerror(-err));
	if (!t->fib || !t->batch)
		return reason_set(ret_reason, "no-memory", "out of memory");
	t->request = rtnl_open(domain, ret_reason);
	if (!t->request)
		return -1;
	t->monitor = rtnl_monitor(domain, rtnl_port(t->request), ret_reason);
	if (!t->monitor)
		return -1;
	fib_clock(t->fib, clock_now());
	err = fib_thread_picture(t);
	if (err < 0)
		return reason_set(
		    ret_reason, "fib-open", "cannot read the kernel's routes: %s", strerror(-err));
	return 0;
}

int fib_thread_start(struct fib_thread *t)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the control thread's */
	err = pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err)
		pthread_setname_np(t->thread, "fib-writer"); /* for `top -H` */
	return err ? -1 : 0;
}

static void free_requests(struct fib_queue *queue)
{
	for (struct fib_request *q; (q = fib_queue_take(queue));)
		free(q->data);
}

void fib_thread_close(struct fib_thread *t, bool started, bool keep)
{
	if (started) {
		t->keep = keep;
		t->stop = true;
		fib_channel_wake(&t->in);
		pthread_join(t->thread, NULL);
	}
	free_requests(&t->in.queue);
	free_requests(&t->waiting);
	fib_queue_move(&t->out.queue, &t->told);
	for (struct fib_event *e; (e = fib_queue_take(&t->out.queue));)
		fib_event_free(e);
	list_for_each (&t->pins, struct fib_thread_pin, pin, node)
		free(pin);
	for (uint32_t i = 0; i < t->n_sets; i++)
		set_forget(t, i);
	free(t->set);
	fib_channel_close(&t->in);
	fib_channel_close(&t->out);
	rtnl_close(t->monitor);
	rtnl_close(t->request);
	rtnl_batch_free(t->batch);
	fib_free(t->fib);
}
