/* SPDX-License-Identifier: Apache-2.0 */
/* The wrapped allocators: the linker's --wrap sends our archives' calls here, and tests route libraries' too.
 */
#include "tests/support/alloc_fail.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SWEEP_MAX 100000 /* a run with more allocations is too long to be swept */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t m);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t m);
char *__wrap_strdup(const char *s);

static long countdown = -1; /* allocations until one fails; -1: not armed */
static bool fired;

static bool fails(void)
{
	if (countdown < 0)
		return false;
	if (countdown-- > 0)
		return false;
	fired = true;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t m)
{
	return fails() ? NULL : __real_calloc(n, m);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t m)
{
	return fails() ? NULL : __real_reallocarray(p, n, m);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static void *json_malloc(size_t n)
{
	return __wrap_malloc(n);
}

static void *ssl_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_malloc(n);
}

static void *ssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_realloc(p, n);
}

static void ssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

int alloc_fail_libraries(void)
{
	json_set_alloc_funcs(json_malloc, free);
	return CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free) ? 0 : -1;
}

void alloc_fail_arm(long n)
{
	fired = false;
	countdown = n;
}

bool alloc_fail_disarm(void)
{
	countdown = -1;
	return fired;
}

unsigned alloc_fail_sweep(bool (*run)(void *ctx), void *ctx, unsigned *ret_survived)
{
	unsigned survived = 0;

	for (unsigned n = 0; n < SWEEP_MAX; n++) {
		bool ok;

		alloc_fail_arm(n);
		ok = run(ctx);
		if (!alloc_fail_disarm()) {
			assert_true(ok);
			if (ret_survived)
				*ret_survived = survived;
			return n;
		}
		survived += ok;
	}
	fail_msg("more than %d allocations", SWEEP_MAX);
	return 0;
}
