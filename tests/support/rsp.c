/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of vector files: the file is held as one string and cut in place, record by record. */
#include "tests/support/rsp.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

bool rsp_open(struct rsp *r, const char *path_below_vectors)
{
	char path[512];
	FILE *f;
	long len;

	memset(r, 0, sizeof(*r));
	snprintf(path, sizeof(path), "%s/%s", CW_VECTORS_DIR, path_below_vectors);
	f = fopen(path, "r");
	if (!f) {
		print_message(
		    "published vectors not at hand: %s; only the figures in this test are checked\n", path);
		return false;
	}
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	len = ftell(f);
	rewind(f);
	r->text = calloc(1, (size_t)len + 1);
	assert_non_null(r->text);
	assert_int_equal(fread(r->text, 1, (size_t)len, f), len);
	fclose(f);
	r->next = r->text;
	return true;
}

void rsp_close(struct rsp *r)
{
	free(r->text);
	r->text = NULL;
}

/* Cuts one line off; NULL at the end. */
static char *take_line(struct rsp *r)
{
	char *line = r->next, *end;

	if (!*line)
		return NULL;
	end = strchr(line, '\n');
	if (end) {
		*end = '\0';
		r->next = end + 1;
	} else {
		r->next = line + strlen(line);
	}
	return line;
}

bool rsp_next(struct rsp *r)
{
	char *line, *eq;

	r->n = 0;
	while ((line = take_line(r))) {
		if (!*line && r->n)
			return true;
		if (!*line || *line == '#')
			continue;
		eq = strstr(line, " =");
		assert_non_null(eq);
		assert_true(r->n < RSP_MAX_FIELDS);
		*eq = '\0';
		eq += 2;
		while (*eq == ' ')
			eq++;
		r->fields[r->n].name = line;
		r->fields[r->n++].value = eq;
	}
	return r->n > 0;
}

bool rsp_has(const struct rsp *r, const char *name)
{
	for (unsigned i = 0; i < r->n; i++)
		if (strcmp(r->fields[i].name, name) == 0)
			return true;
	return false;
}

const char *rsp_text(const struct rsp *r, const char *name)
{
	for (unsigned i = 0; i < r->n; i++)
		if (strcmp(r->fields[i].name, name) == 0)
			return r->fields[i].value;
	return "";
}

long rsp_int(const struct rsp *r, const char *name)
{
	return strtol(rsp_text(r, name), NULL, 10);
}

static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	assert_true(isxdigit((unsigned char)c));
	return (unsigned)(tolower((unsigned char)c) - 'a' + 10);
}

size_t hex(const char *text, uint8_t *out, size_t cap)
{
	size_t n = strlen(text) / 2;

	assert_int_equal(strlen(text) % 2, 0);
	assert_true(n <= cap);
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	return n;
}

size_t rsp_hex(const struct rsp *r, const char *name, uint8_t *out, size_t cap)
{
	return hex(rsp_text(r, name), out, cap);
}
