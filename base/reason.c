/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons as fixed-size values: setting one can't fail, so error paths have no error paths. */
#include "base/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define UTF8_TAIL_MAX 3 /* bytes behind the first one of a character (RFC 3629) */

/*
 * Text that was cut to fit must not end amid a character, since JSON takes nothing but UTF-8 (RFC 8259 8.1):
 * a last character of several bytes, whole or not, goes.
 */
static void mend_end(char *text, size_t cap, int wanted)
{
	size_t n = strlen(text), tail = 0;

	if (wanted < 0 || (size_t)wanted < cap)
		return;
	while (tail < n && tail < UTF8_TAIL_MAX && ((unsigned char)text[n - 1 - tail] & 0xc0) == 0x80)
		tail++;
	if (tail < n && (unsigned char)text[n - 1 - tail] >= 0xc0)
		text[n - 1 - tail] = '\0';
}

int reason_set(struct reason *r, const char *id, const char *fmt, ...)
{
	va_list ap;

	if (!r)
		return -1;
	snprintf(r->id, sizeof(r->id), "%s", id);
	va_start(ap, fmt);
	mend_end(r->text, sizeof(r->text), vsnprintf(r->text, sizeof(r->text), fmt, ap));
	va_end(ap);
	return -1;
}

void reason_add(struct reason *r, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (!r)
		return;
	n = strlen(r->text);
	va_start(ap, fmt);
	mend_end(r->text + n, sizeof(r->text) - n, vsnprintf(r->text + n, sizeof(r->text) - n, fmt, ap));
	va_end(ap);
}

void reason_clear(struct reason *r)
{
	if (r)
		r->id[0] = r->text[0] = '\0';
}

bool reason_is_set(const struct reason *r)
{
	return r && r->id[0];
}
