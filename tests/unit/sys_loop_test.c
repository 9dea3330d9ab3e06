/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is served first by the event loop, by order and never by the clock: bulk work that is always pending
 * makes others ready from inside of its callbacks, and the log of callbacks must show those served before the
 * next of bulk, and bulk taking turns.
 */
#include "connector/sys/loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define CALLS 60

static struct {
	struct loop *loop;
	char log[CALLS + 1];
	unsigned n;
} run;

struct source { /* an eventfd with a letter of its own */
	char letter;
	int fd;
	struct loop_watch *watch;
	struct source *wakes[3]; /* made ready by its callback */
	int signal;              /* raised by it */
	struct loop_task *soon;  /* asked for by it */
	bool stays;              /* ready for ever */
};

static void note(char letter)
{
	if (run.n < CALLS)
		run.log[run.n++] = letter;
	if (run.n == CALLS)
		loop_stop(run.loop);
}

static void make_ready(const struct source *s)
{
	const uint64_t one = 1;

	assert_int_equal(write(s->fd, &one, sizeof(one)), sizeof(one));
}

static void on_source(void *ctx, int fd, unsigned what)
{
	struct source *s = ctx;
	uint64_t count;

	assert_int_equal(what, LOOP_READ);
	if (!s->stays)
		assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	note(s->letter);
	for (unsigned i = 0; i < 3 && s->wakes[i]; i++)
		make_ready(s->wakes[i]);
	if (s->soon)
		for (unsigned i = 0; i < 5; i++)
			loop_task_soon(s->soon);
	if (s->signal)
		assert_int_equal(raise(s->signal), 0);
}

static void begin(void)
{
	memset(&run, 0, sizeof(run));
	run.loop = loop_new();
	assert_non_null(run.loop);
}

static void open_source(struct source *s, char letter, enum loop_class class)
{
	s->letter = letter;
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(s->fd >= 0);
	s->watch = loop_watch_new(run.loop, s->fd, LOOP_READ, on_source, s);
	assert_non_null(s->watch);
	loop_watch_class(s->watch, class);
	if (s->stays)
		make_ready(s);
}

static void close_source(struct source *s)
{
	loop_watch_free(s->watch);
	close(s->fd);
}

/* B is never done, and each time makes one urgent and one normal event ready. */
static void bulk_waits_for_all_others(void **state)
{
	struct source urgent = { 0 }, normal = { 0 }, bulk[2] = { { .stays = true }, { .stays = true } };

	(void)state;
	begin();
	open_source(&urgent, 'u', LOOP_URGENT);
	open_source(&normal, 'n', LOOP_NORMAL);
	for (unsigned i = 0; i < 2; i++) {
		bulk[i].wakes[0] = &normal;
		bulk[i].wakes[1] = &urgent;
		open_source(&bulk[i], 'B', LOOP_BULK);
	}
	assert_int_equal(loop_run(run.loop), 0);
	for (unsigned i = 0; i < CALLS; i++)
		if (run.log[i] != "Bun"[i % 3])
			fail_msg("%s", run.log);
	for (unsigned i = 0; i < 2; i++)
		close_source(&bulk[i]);
	close_source(&normal);
	close_source(&urgent);
	loop_free(run.loop);
}

/* Of many that are ready and normal, or bulk, no two come between an urgent one and its callback. */
static void an_urgent_event_waits_for_one_callback_at_most(void **state)
{
	struct source urgent = { 0 }, many[6] = { 0 };

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		begin();
		open_source(&urgent, 'u', LOOP_URGENT);
		for (unsigned i = 0; i < 6; i++) {
			many[i] = (struct source){ .stays = true, .wakes = { &urgent } };
			open_source(&many[i], 'x', round ? LOOP_BULK : LOOP_NORMAL);
		}
		assert_int_equal(loop_run(run.loop), 0);
		for (unsigned i = 0; i < CALLS; i++)
			if (run.log[i] != "xu"[i % 2])
				fail_msg("%s", run.log);
		for (unsigned i = 0; i < 6; i++)
			close_source(&many[i]);
		close_source(&urgent);
		loop_free(run.loop);
	}
}

static void on_task(void *ctx)
{
	note('T');
	if (*(struct loop_task **)ctx)
		loop_task_soon(*(struct loop_task **)ctx);
}

/* A task that is asked for again and again, by itself and by others, keeps its place, and gets no more than
 * its turn. */
static void bulk_takes_turns(void **state)
{
	struct source bulk[3] = { 0 };
	struct loop_task *task = NULL;
	unsigned seen[4] = { 0 };

	(void)state;
	begin();
	task = loop_task_new(run.loop, on_task, &task);
	assert_non_null(task);
	for (unsigned i = 0; i < 3; i++) {
		bulk[i].stays = true;
		bulk[i].soon = task;
		open_source(&bulk[i], (char)('a' + i), LOOP_BULK);
	}
	loop_task_soon(task);
	assert_int_equal(loop_run(run.loop), 0);
	for (unsigned i = 0; i < CALLS; i++) {
		seen[run.log[i] == 'T' ? 3 : run.log[i] - 'a']++;
		for (unsigned k = 0; k < 4; k++)
			if (seen[k] > i / 4 + 1 || seen[k] + 1 < (i + 1) / 4)
				fail_msg("%u of %s", i, run.log);
	}
	for (unsigned i = 0; i < 3; i++)
		close_source(&bulk[i]);
	loop_task_free(task);
	loop_free(run.loop);
}

static void a_watch_that_is_changed_keeps_its_class(void **state)
{
	struct source urgent = { 0 }, normal = { 0 }, bulk = { .stays = true, .wakes = { &normal, &urgent } };

	(void)state;
	begin();
	open_source(&normal, 'n', LOOP_NORMAL);
	open_source(&urgent, 'u', LOOP_URGENT);
	open_source(&bulk, 'B', LOOP_BULK);
	for (struct source *s[] = { &urgent, &normal, &bulk }, **p = s; p < s + 3; p++) {
		loop_watch_set((*p)->watch, 0);
		loop_watch_set((*p)->watch, LOOP_READ);
	}
	assert_int_equal(loop_run(run.loop), 0);
	for (unsigned i = 0; i < CALLS; i++)
		if (run.log[i] != "Bun"[i % 3])
			fail_msg("%s", run.log);
	close_source(&bulk);
	close_source(&urgent);
	close_source(&normal);
	loop_free(run.loop);
}

static void on_signal(void *ctx, int signo)
{
	(void)ctx;
	assert_int_equal(signo, SIGUSR1);
	note('s');
}

static void on_timer(void *ctx)
{
	struct loop_timer **t = ctx;

	note('t');
	loop_timer_at(*t, (mtime){ 1 }, (mtime){ 1 }); /* at once again */
}

/* A signal comes between two callbacks; an urgent timer that is always due lets bulk wait, a bulk one takes
 * turns. */
static void signals_and_timers_have_classes_too(void **state)
{
	struct source bulk = { .stays = true, .signal = SIGUSR1 };
	struct loop_watch *signals;
	struct loop_timer *timer = NULL;

	(void)state;
	begin();
	signals = loop_signal_new(run.loop, SIGUSR1, on_signal, NULL);
	assert_non_null(signals);
	open_source(&bulk, 'B', LOOP_BULK);
	assert_int_equal(loop_run(run.loop), 0);
	for (unsigned i = 0; i < CALLS; i++)
		if (run.log[i] != "Bs"[i % 2])
			fail_msg("%s", run.log);
	loop_watch_free(signals);
	bulk.signal = 0;
	run.n = 0;
	timer = loop_timer_new(run.loop, on_timer, &timer);
	assert_non_null(timer);
	loop_timer_class(timer, LOOP_URGENT);
	loop_timer_at(timer, (mtime){ 1 }, (mtime){ 1 });
	assert_int_equal(loop_run(run.loop), 0);
	assert_true(strspn(run.log + 1, "t") == CALLS - 1);
	loop_timer_free(timer);
	close_source(&bulk);
	loop_free(run.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bulk_waits_for_all_others),
		cmocka_unit_test(an_urgent_event_waits_for_one_callback_at_most),
		cmocka_unit_test(bulk_takes_turns),
		cmocka_unit_test(a_watch_that_is_changed_keeps_its_class),
		cmocka_unit_test(signals_and_timers_have_classes_too),
	};

	return cmocka_run_group_tests_name("the loop's order", tests, NULL, NULL);
}
