/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line's readers of long JSON, and the cleaning of text. The first byte says in what pieces the
 * rest arrives. Beside not crashing: pieces must not matter, and nothing that steers a terminal may come out.
 */
#include "connector/cli/json_stream.h"
#include "connector/cli/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print_all(const char *text, size_t len, size_t piece, int *ret_r)
{
	struct json_print p;
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);
	int r = 0;

	json_print_init(&p, f, true, 3);
	for (size_t at = 0; at < len && r == 0; at += piece)
		r = json_print_feed(&p, text + at, piece < len - at ? piece : len - at);
	*ret_r = json_print_end(&p) < 0 ? -1 : r;
	fclose(f);
	return out;
}

static void require_harmless(const char *s, bool newlines)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s, d = (unsigned char)s[1];

		if ((c < 0x20 && !(newlines && c == '\n')) || c == 0x7f ||
		    (c == 0xc2 && d >= 0x80 && d < 0xa0))
			abort();
	}
}

static int on_element(void *ctx, const json_t *element)
{
	size_t *n = ctx;

	(void)element;
	++*n;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_split s;
	size_t n = 0;
	int one = 0, other = 0;

	if (!size)
		return 0;
	size_t piece = data[0] ? data[0] : 256, len = size - 1;
	char *text = malloc(len + 1);
	if (!text)
		return 0;
	memcpy(text, data + 1, len);
	text[len] = '\0';

	char *a = print_all(text, len, piece, &one), *b = print_all(text, len, len ? len : 1, &other);
	if (one != other || (one == 0 && strcmp(a, b) != 0))
		abort();
	if (one == 0)
		require_harmless(a, true);
	free(a);
	free(b);

	json_split_init(&s, "route", on_element, &n);
	for (size_t at = 0; at < len; at += piece)
		if (json_split_feed(&s, text + at, piece < len - at ? piece : len - at) < 0)
			break;
	json_split_end(&s);
	json_split_clear(&s);

	char *clean = text_clean(text);
	if (clean)
		require_harmless(clean, false);
	free(clean);
	free(text);
	return 0;
}
