/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text as a person reads it: made safe, measured, wrapped, and numbers with units. Strings that came from a
 * peer may hold anything; text_clean is the one gate between them and a terminal.
 */
#ifndef CW_CLI_TEXT_H
#define CW_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * A copy of s in which control characters (C0, DEL, C1), broken UTF-8 and the invisible characters that turn
 * text around or hide it are shown as "\xNN" or "\u{NNNN}". NULL gives "". Malloc'ed; NULL only without
 * memory.
 */
char *text_clean(const char *s);
/* Columns that s takes; every character counts as one. s is clean. */
size_t text_width(const char *s);
/*
 * The next line of *text of at most width columns, broken at a space where there is one; *text moves on
 * behind it. Returns the line's length in bytes (its start is the old *text without leading spaces, given in
 * *ret_line). width 0: all of it.
 */
size_t text_wrap(const char **text, size_t width, const char **ret_line);

#define TEXT_NUMBER_MAX 32
/* "12s", "3m 5s", "2h 7m", "4d 1h". Writes to buf of TEXT_NUMBER_MAX bytes and returns it, as the next ones
 * do. */
const char *text_duration(uint64_t seconds, char *buf);
const char *text_bytes(uint64_t bytes, char *buf); /* "1.5 MiB" */
/* An RFC 3339 time to seconds since 1970; 0, or -1 when it is none. */
int text_parse_time(const char *s, time_t *ret_time);
/* How alike two words are: insertions, deletions, changes and swaps of neighbours from one to the other. */
unsigned text_distance(const char *a, const char *b);

#endif
