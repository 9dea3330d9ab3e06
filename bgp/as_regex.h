/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions over AS paths, as Cisco's, FRR's and JunOS' users write them: they see the path as
 *text, "65515 65515 {65001,65002}" (the nearest AS first, a set in braces), and match anywhere in it unless
 *anchored.
 *
 *	^ $        start and end of the path            .          any character
 *	_          start, end, blank, comma, brace      [0-9] [^1] one of (not of) these
 *	* + ?      the last atom repeated               ( ) |      groups and choice
 *
 * Digits, blanks, commas and braces stand for themselves; there is no escape and no {n,m}. A pattern becomes
 *a program of at most AS_REGEX_MAX steps whose states all run at once, so matching takes time in proportion
 *to pattern times path, whatever a peer's path looks like: nothing backtracks. (regcomp of the C library does
 *in some versions, and reads the locale.)
 */
#ifndef CW_BGP_AS_REGEX_H
#define CW_BGP_AS_REGEX_H

#include "base/reason.h"
#include "bgp/as_path.h"

#define AS_REGEX_MAX      512 /* steps of a program */
#define AS_REGEX_DEPTH    16  /* groups within groups */
#define AS_REGEX_TEXT_MAX 255 /* characters of a pattern */

struct as_regex;

/* NULL with a reason ("config-as-path-pattern": what is wrong and where), or when memory is out. */
struct as_regex *as_regex_new(const char *pattern, struct reason *ret_reason);
void as_regex_free(struct as_regex *r); /* NULL is legal */
const char *as_regex_pattern(const struct as_regex *r);
bool as_regex_match(const struct as_regex *r, const char *text, size_t len);

/* Room that as_path_text needs for this path. */
size_t as_path_text_max(struct bytes path);
/* The path as text, not terminated. Returns its length, or cap when there was no room for more. */
size_t as_path_text(struct bytes path, char *buf, size_t cap);

#endif
