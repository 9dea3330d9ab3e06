/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people. The one rule that matters here: nothing that came over the API reaches a terminal but
 * through text_clean, because a BGP peer chooses some of those strings (a NOTIFICATION's shutdown message,
 * RFC 9003) and an escape sequence in them could repaint the screen or retitle the window.
 */
#include "connector/cli/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The length of the UTF-8 character at s, and the character; 0 when the bytes are no UTF-8 (RFC 3629). */
static size_t utf8_next(const char *s, uint32_t *ret_cp)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0x80                   ? 1
	           : u[0] >= 0xc2 && u[0] < 0xe0 ? 2
	           : u[0] >= 0xe0 && u[0] < 0xf0 ? 3
	           : u[0] >= 0xf0 && u[0] < 0xf5 ? 4
	                                         : 0;
	uint32_t cp = n == 1 ? u[0] : n ? u[0] & (0x7fU >> n) : 0;

	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (u[i] & 0x3f);
	}
	if ((n == 3 && (cp < 0x800 || (cp >= 0xd800 && cp < 0xe000))) ||
	    (n == 4 && (cp < 0x10000 || cp > 0x10ffff)))
		return 0;
	*ret_cp = cp;
	return n;
}

static bool is_harmless(uint32_t cp)
{
	if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
		return false;
	/* Line and paragraph separators, marks and overrides of direction, zero-width characters, the byte
	 * order mark. */
	if ((cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	    (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || cp == 0xad)
		return false;
	return true;
}

char *text_clean(const char *s)
{
	if (!s)
		s = "";
	/* The longest replacement, "\u{10ffff}", takes 10 bytes for a character of at least 1. */
	size_t cap = strlen(s) * 10 + 1;
	char *out = malloc(cap), *p = out;

	if (!out)
		return NULL;
	while (*s) {
		uint32_t cp = 0;
		size_t n = utf8_next(s, &cp);
		size_t room = cap - (size_t)(p - out);

		if (n && is_harmless(cp)) {
			memcpy(p, s, n);
			p += n;
		} else if (n > 1) {
			p += snprintf(p, room, "\\u{%x}", cp);
		} else {
			p += snprintf(p, room, "\\x%02x", (unsigned char)*s);
			n = 1;
		}
		s += n;
	}
	*p = '\0';
	return out;
}

size_t text_width(const char *s)
{
	size_t w = 0;

	for (; *s; s++)
		w += ((unsigned char)*s & 0xc0) != 0x80;
	return w;
}

size_t text_wrap(const char **text, size_t width, const char **ret_line)
{
	const char *s = *text + strspn(*text, " "), *p = s, *space = NULL;
	size_t col = 0;

	*ret_line = s;
	while (*p && (!width || col < width)) {
		if (*p == ' ')
			space = p;
		do
			p++;
		while (((unsigned char)*p & 0xc0) == 0x80);
		col++;
	}
	/* Cut at the last space, unless the text ends here or this very place is one; a longer word is cut
	 * hard. */
	if (*p && *p != ' ' && space)
		p = space;
	*text = p + strspn(p, " ");
	return (size_t)(p - s);
}

const char *text_duration(uint64_t s, char *buf)
{
	static const struct {
		uint64_t unit, sub;
		char name, sub_name;
	} scale[] = { { 86400, 3600, 'd', 'h' }, { 3600, 60, 'h', 'm' }, { 60, 1, 'm', 's' } };

	for (size_t i = 0; i < sizeof(scale) / sizeof(scale[0]); i++)
		if (s >= scale[i].unit) {
			snprintf(buf, TEXT_NUMBER_MAX, "%llu%c %llu%c",
			    (unsigned long long)(s / scale[i].unit), scale[i].name,
			    (unsigned long long)(s % scale[i].unit / scale[i].sub), scale[i].sub_name);
			return buf;
		}
	snprintf(buf, TEXT_NUMBER_MAX, "%llus", (unsigned long long)s);
	return buf;
}

const char *text_bytes(uint64_t bytes, char *buf)
{
	static const char *const unit[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes;
	int u = -1;

	while (v >= 1024 && u < 5) {
		v /= 1024;
		u++;
	}
	if (u < 0)
		snprintf(buf, TEXT_NUMBER_MAX, "%llu B", (unsigned long long)bytes);
	else
		snprintf(buf, TEXT_NUMBER_MAX, "%.1f %s", v, unit[u]);
	return buf;
}

int text_parse_time(const char *s, time_t *ret_time)
{
	struct tm tm = { 0 };
	const char *p = s ? strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int hours, minutes;
	char sign;

	if (!p)
		return -1;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	time_t t = timegm(&tm);
	if (sscanf(p, "%c%2d:%2d", &sign, &hours, &minutes) == 3 && (sign == '+' || sign == '-'))
		t -= (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
	else if (*p != 'Z' && *p != 'z')
		return -1;
	*ret_time = t;
	return 0;
}

#define DISTANCE_WORD_MAX 32

unsigned text_distance(const char *a, const char *b)
{
	unsigned d[DISTANCE_WORD_MAX + 1][DISTANCE_WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > DISTANCE_WORD_MAX || m > DISTANCE_WORD_MAX)
		return DISTANCE_WORD_MAX;
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			if (!i || !j) {
				d[i][j] = (unsigned)(i + j);
				continue;
			}
			unsigned v = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (v > d[i - 1][j] + 1)
				v = d[i - 1][j] + 1;
			if (v > d[i][j - 1] + 1)
				v = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    v > d[i - 2][j - 2] + 1)
				v = d[i - 2][j - 2] + 1;
			d[i][j] = v;
		}
	return d[n][m];
}
