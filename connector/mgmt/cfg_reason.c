/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the configuration says that something is wrong: always file, path, value, and what to do, in one shape,
 * so that an admin finds the place and a script can cut the text apart.
 */
#include "connector/mgmt/cfg_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_SHOWN 80 /* bytes */

/* Messages of the model may be wrapped: one line, single blanks. */
static void one_line(char *s)
{
	char *to = s;

	for (const char *from = s; *from; from++) {
		const char c = *from == '\n' || *from == '\t' ? ' ' : *from;

		if (c != ' ' || (to > s && to[-1] != ' '))
			*to++ = c;
	}
	*to = '\0';
}

/* How many bytes of a value are shown: no half of a character, as JSON takes nothing but UTF-8. */
static int shown(const char *value)
{
	int n = VALUE_SHOWN;

	if (strlen(value) <= VALUE_SHOWN)
		return VALUE_SHOWN;
	while (n > 0 && ((unsigned char)value[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void write_reason(struct reason *r, const char *id, const char *source, const char *path,
    const char *value, const char *text)
{
	const size_t n = strlen(source);

	/* The end of a long file name says more than its beginning. */
	reason_set(
	    r, id, "%s%s: %s", n > 200 ? "..." : "", n > 200 ? source + n - 200 : source, path ? path : "");
	if (value && !value[0])
		value = "(empty)";
	if (value)
		reason_add(r, "%s%.*s%s", path && path[0] ? ": " : "", shown(value), value,
		    strlen(value) > VALUE_SHOWN ? "..." : "");
	reason_add(r, "%s%s", (path && path[0]) || value ? ": " : "", text);
}

__attribute__((format(printf, 5, 0))) static int fail(const struct cfg_load *l, const char *id,
    const char *path, const char *value, const char *fmt, va_list ap)
{
	char text[sizeof(((struct reason *)0)->text)];

	vsnprintf(text, sizeof(text), fmt, ap);
	one_line(text);
	write_reason(l->why, id, l->source, path, value, text);
	return -1;
}

int cfg_fail(
    const struct cfg_load *l, const char *id, const char *path, const char *value, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(l, id, path, value, fmt, ap);
	va_end(ap);
	return -1;
}

int cfg_fail_at(const struct cfg_load *l, const char *id, const struct lyd_node *node, const char *fmt, ...)
{
	const bool term = node->schema && node->schema->nodetype & LYD_NODE_TERM;
	char path[CFG_PATH_MAX];
	va_list ap;

	/* A leaf's value stands beside the path, not in it. */
	if (!lyd_path(node, term ? LYD_PATH_STD_NO_LAST_PRED : LYD_PATH_STD, path, sizeof(path)))
		snprintf(path, sizeof(path), "/" CFG_ROOT);
	va_start(ap, fmt);
	fail(l, id, path, term ? lyd_get_value(node) : NULL, fmt, ap);
	va_end(ap);
	return -1;
}

int cfg_note(const struct cfg_load *l, const char *id, const char *path, const char *fmt, ...)
{
	char text[sizeof(((struct reason *)0)->text)];
	struct reason *more = reallocarray(l->cfg->note, l->cfg->n_note + 1, sizeof(*more));
	va_list ap;

	if (!more)
		return cfg_fail(l, "out-of-memory", path, NULL, "out of memory");
	l->cfg->note = more;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_reason(&more[l->cfg->n_note++], id, l->source, path, NULL, text);
	return 0;
}
