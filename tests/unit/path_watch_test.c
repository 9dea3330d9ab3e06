/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch over the data plane, as a table of scripts: each letter is one poll, a second after the last.
 *
 *	.  nothing     o  a packet of a user goes out     i  one comes in     b  both
 *	A  an echo is answered     K  the child SA has been rekeyed     U  a new child SA     - the child is
 *gone
 *
 * and what the watch is to do at each: p an echo, r a rekey, X the tunnel doesn't pass, R a restart.
 */
#include "connector/daemon/path_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define INTERVAL 5
#define TIMEOUT  3
#define POLLS    200

struct script {
	const char *what, *facts, *actions;
	bool answered, deaf; /* an echo was answered before; nothing answers: no address to probe */
};

static const struct script scripts[] = {
	{ "a new child proves itself by an echo", "U.A.......", "pp........", false, false },
	{ "one that nothing answers: three at once, then seldom", "U...............", "ppp.........p...",
	    false, false },
	{ "traffic both ways needs no echo", "Uibbbbbbbbbbbbbb", "p...............", true, false },
	{ "silence is no fault", "Ui.................", "p..................", true, false },
	{ "only out, to one that answers: an echo each interval, and all is well", "UioooooooAooooooAo",
	    "p......pp......p..", true, false },
	{ "only out, nothing answers: withdrawn and rekeyed, then restarted, in this order",
	    "Uiooooooooooooooooooooooooooooo", "p......pppX.........pppRp....p.", true, false },
	{ "the rekey helped", "Uioooooooooo.K.A.....", "p......pppX..pp......", true, false },
	{ "something comes in meanwhile: no fault", "Uioooooooi.........", "p......pp..........", true,
	    false },
	{ "one that never answered an echo: a rekey, and nothing withdrawn", "Uiooooooooooooooooooooooo",
	    "p......pppr.....ppp......", false, false },
	{ "without an address to send echoes to nothing is concluded", "Uooooooooooooooooooooo",
	    "......................", false, true },
};

static char letter(enum path_action a)
{
	switch (a) {
	case PATH_NOTHING: return '.';
	case PATH_PROBE: return 'p';
	case PATH_REKEY: return 'r';
	case PATH_REVOKE: return 'X';
	case PATH_RESTART: return 'R';
	}
	return '?';
}

struct world {
	struct path_watch w;
	struct path_facts f;
	mtime now;
};

static void start(struct world *x, const struct script *s)
{
	memset(x, 0, sizeof(*x));
	x->now = (mtime){ mdur_s(1000).ns };
	x->f.can_probe = !s->deaf;
	path_watch_init(&x->w);
	path_watch_config(&x->w, mdur_s(INTERVAL), mdur_s(TIMEOUT), false);
	x->w.ever_answered = s->answered;
}

static char step(struct world *x, char fact)
{
	switch (fact) {
	case 'o': x->f.out++; break;
	case 'b':
	case 'A':
	case 'i':
		x->f.out += fact == 'b';
		x->f.in = x->now;
		x->f.passing = true;
		break;
	case 'K': x->f.spi_in++; break;
	case '-': path_watch_down(&x->w); break;
	case 'U':
		x->f.spi_in++;
		x->f.passing = false;
		path_watch_up(&x->w, &x->f, x->now);
		break;
	default: break;
	}
	if (fact == 'A')
		path_watch_answered(&x->w, x->now);
	return letter(path_watch_poll(&x->w, &x->f, x->now));
}

static void test_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		const struct script *s = &scripts[i];
		char seen[POLLS] = "";
		struct world x;

		start(&x, s);
		for (size_t k = 0; s->facts[k]; k++) {
			seen[k] = step(&x, s->facts[k]);
			x.now = mtime_add(x.now, mdur_s(1));
		}
		if (strcmp(seen, s->actions) != 0)
			fail_msg(
			    "%s:\nfacts   %s\nwanted  %s\nseen    %s", s->what, s->facts, s->actions, seen);
	}
}

/* Polls with a packet out each second until something other than an echo is to be done. */
static char until_action(struct world *x, mdur *ret_took)
{
	mtime from = x->now;
	char c = '.';

	for (unsigned i = 0; i < 200000 && (c == '.' || c == 'p'); i++) {
		c = step(x, 'o');
		x->now = mtime_add(x->now, mdur_s(1));
	}
	*ret_took = mtime_since(x->now, from);
	return c;
}

/* A dead tunnel is restarted with growing pauses; one that passed for a while begins anew. */
static void test_restarts_are_few(void **state)
{
	struct script s = { .answered = true };
	int64_t last = 0;
	struct world x;
	mdur took;

	(void)state;
	start(&x, &s);
	step(&x, 'U');
	step(&x, 'i');
	for (unsigned i = 0; i < 9; i++) {
		mtime from = x.now;

		assert_int_equal(until_action(&x, &took), 'X');
		assert_int_equal(until_action(&x, &took), 'R');
		took = mtime_since(x.now, from);
		assert_true(took.ns >= last);
		assert_true(took.ns <= PATH_WATCH_RESTART_MAX.ns + mdur_s(60).ns);
		last = took.ns;
		step(&x, '-');
		step(&x, 'U');
	}
	assert_true(last >= PATH_WATCH_RESTART_MAX.ns);
	step(&x, 'A');
	for (unsigned i = 0; i < 400; i++) {
		step(&x, 'b');
		x.now = mtime_add(x.now, mdur_s(1));
	}
	assert_int_equal(until_action(&x, &took), 'X');
	assert_int_equal(until_action(&x, &took), 'R');
	assert_true(took.ns < mdur_s(30).ns);
}

/* A peer that never answers is rekeyed ever less often, and never restarted. */
static void test_never_answered(void **state)
{
	struct script s = { 0 };
	int64_t last = 0;
	struct world x;
	mdur took;

	(void)state;
	start(&x, &s);
	step(&x, 'U');
	step(&x, 'i');
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(until_action(&x, &took), 'r');
		assert_true(i < 2 || took.ns > last * 3 / 2);
		last = took.ns;
		step(&x, 'K');
	}
}

/* After a withdrawal only an answered echo counts: packets that come in don't say that ours arrive. */
static void test_only_an_answer_restores(void **state)
{
	struct script s = { .answered = true };
	struct world x;
	mdur took;

	(void)state;
	start(&x, &s);
	step(&x, 'U');
	step(&x, 'i');
	assert_int_equal(until_action(&x, &took), 'X');
	step(&x, 'i');
	assert_true(x.w.revoked);
	step(&x, 'K');
	step(&x, 'i');
	assert_true(x.w.revoked);
	assert_true(path_watch_answered(&x.w, x.now));
	assert_false(x.w.revoked);
	assert_int_equal(x.w.stage, PATH_QUIET);
	assert_false(path_watch_answered(&x.w, x.now));
}

/* Hours in which we did not run, in any stage, and nothing is concluded from them: echoes go out first. */
static void test_sleep_is_no_silence(void **state)
{
	static const char *const before[] = { "Uio", "Uioooooo", "Uiooooooo", "Uioooooooo" };
	struct script s = { .answered = true };

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		struct world x;

		start(&x, &s);
		for (const char *c = before[i]; *c; c++) {
			step(&x, *c);
			x.now = mtime_add(x.now, mdur_s(1));
		}
		x.now = mtime_add(x.now, mdur_s(7200));
		for (unsigned k = 0; k < TIMEOUT - 1; k++) {
			char did = step(&x, 'o');

			assert_true(did == '.' || did == 'p');
			x.now = mtime_add(x.now, mdur_s(1));
		}
		step(&x, 'A');
		assert_int_equal(x.w.stage, PATH_QUIET);
	}
}

/* Switched off, the watch gives back what it had withdrawn. */
static void test_off_gives_back(void **state)
{
	struct script s = { .answered = true };
	struct world x;
	mdur took;

	(void)state;
	start(&x, &s);
	step(&x, 'U');
	step(&x, 'i');
	assert_int_equal(until_action(&x, &took), 'X');
	assert_true(x.w.revoked);
	path_watch_config(&x.w, mdur_s(0), mdur_s(TIMEOUT), false);
	assert_false(x.w.revoked);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(step(&x, 'o'), '.');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_restarts_are_few),
		cmocka_unit_test(test_never_answered),
		cmocka_unit_test(test_only_an_answer_restores),
		cmocka_unit_test(test_sleep_is_no_silence),
		cmocka_unit_test(test_off_gives_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
