/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons as fixed-size values: setting one can't fail, so error paths have no error paths. */
#include "base/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int reason_set(struct reason *r, const char *id, const char *fmt, ...)
{
	va_list ap;

	if (!r)
		return -1;
	snprintf(r->id, sizeof(r->id), "%s", id);
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
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
	vsnprintf(r->text + n, sizeof(r->text) - n, fmt, ap);
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
