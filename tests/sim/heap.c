/* SPDX-License-Identifier: Apache-2.0 */
/* Live memory: our allocations through the linker's --wrap, OpenSSL's through its own hooks. */
#include "tests/sim/sim.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *p);

static size_t blocks, bytes;

static void *plus(void *p)
{
	if (p) {
		blocks++;
		bytes += malloc_usable_size(p);
	}
	return p;
}

static void minus(void *p)
{
	if (p) {
		blocks--;
		bytes -= malloc_usable_size(p);
	}
}

void *__wrap_malloc(size_t size)
{
	return plus(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return plus(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	minus(p);
	return plus(__real_realloc(p, size));
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	minus(p);
	return plus(__real_reallocarray(p, n, size));
}

char *__wrap_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *p = __wrap_malloc(size);

	return p ? memcpy(p, text, size) : NULL;
}

void __wrap_free(void *p)
{
	minus(p);
	__real_free(p);
}

static void *ssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_malloc(size);
}

static void *ssl_realloc(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_realloc(p, size);
}

static void ssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	__wrap_free(p);
}

void heap_init(void)
{
	if (!CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free)) {
		fprintf(stderr, "OpenSSL has allocated already\n");
		exit(1);
	}
}

size_t heap_blocks(void)
{
	return blocks;
}

size_t heap_bytes(void)
{
	return bytes;
}
