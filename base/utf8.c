/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 by RFC 3629's table: what may follow the first octet of a character depends on that octet alone, so
 * overlong forms and surrogates are refused by the range of the second.
 */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#define ESCAPED_LEN 4 /* \xHH */

static bool tail(uint8_t b)
{
	return (b & 0xc0) == 0x80;
}

/* How many octets the character at p has; 0: it is none. */
static size_t length_at(const uint8_t *p, size_t left)
{
	uint8_t a = p[0], low = 0x80, high = 0xbf;
	size_t n = a < 0x80                 ? 1
	           : a >= 0xc2 && a <= 0xdf ? 2
	           : a >= 0xe0 && a <= 0xef ? 3
	           : a >= 0xf0 && a <= 0xf4 ? 4
	                                    : 0;

	if (n < 2)
		return n;
	switch (a) {
	case 0xe0: low = 0xa0; break;  /* overlong */
	case 0xed: high = 0x9f; break; /* surrogates */
	case 0xf0: low = 0x90; break;  /* overlong */
	case 0xf4: high = 0x8f; break; /* above U+10FFFF */
	default: break;
	}
	if (n > left || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (!tail(p[i]))
			return 0;
	return n;
}

bool utf8_valid(const void *text, size_t len)
{
	const uint8_t *p = text;

	for (size_t i = 0, n; i < len; i += n) {
		n = length_at(&p[i], len - i);
		if (!n)
			return false;
	}
	return true;
}

/* C0 and C1 controls, line separators, and the characters that reorder what stands around them. */
static bool unsafe(const uint8_t *p, size_t n)
{
	uint32_t c = p[0];

	if (n == 1)
		return c < ' ' || c == 0x7f || c == '"' || c == '\\';
	c &= n == 2 ? 0x1f : n == 3 ? 0x0f : 0x07;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c < 0xa0 || c == 0x061c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

static void put_escaped(uint8_t b, char *out)
{
	static const char digit[] = "0123456789abcdef";

	out[0] = '\\';
	out[1] = 'x';
	out[2] = digit[b >> 4];
	out[3] = digit[b & 15];
}

void utf8_escape(const void *text, size_t len, char *out, size_t cap)
{
	const uint8_t *p = text;
	size_t at = 0;

	for (size_t i = 0, n; i < len; i += n) {
		bool plain;

		n = length_at(&p[i], len - i);
		plain = n && !unsafe(&p[i], n);
		n = n ? n : 1;
		if (at + (plain ? n : n * ESCAPED_LEN) >= cap)
			break;
		for (size_t k = 0; k < n; k++) {
			if (plain) {
				out[at++] = (char)p[i + k];
				continue;
			}
			put_escaped(p[i + k], &out[at]);
			at += ESCAPED_LEN;
		}
	}
	out[at] = '\0';
}
