/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629) from strangers: is it any, and as text that is safe in a log, a terminal and JSON. */
#ifndef CW_BASE_UTF8_H
#define CW_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(const void *text, size_t len);
/*
 * Into out (cap at least 1, terminated, cut at a whole character): well-formed characters as they are, but
 * for control characters, quotes, backslashes and those that turn the direction of writing, which become \xHH
 * for each octet, as does every octet that belongs to no character.
 */
void utf8_escape(const void *text, size_t len, char *out, size_t cap);

#endif
