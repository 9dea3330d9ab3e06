/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for people: aligned columns, two spaces apart, a heading, colour on terminals only. Cells are
 * cleaned (text.h) on their way in. Widths come from the first TABLE_WINDOW rows; what follows streams out
 * with these widths, so a table of a million rows takes no memory. The last column takes what width the
 * terminal has left and wraps in it.
 */
#ifndef CW_CLI_TABLE_H
#define CW_CLI_TABLE_H

#include "connector/cli/cli.h"

#include <stdint.h>

#define TABLE_COLUMNS_MAX 12
#define TABLE_WINDOW      512 /* rows looked at before the first is written */

enum table_colour { TABLE_PLAIN, TABLE_GOOD, TABLE_WARN, TABLE_BAD, TABLE_DIM, TABLE_BOLD };

struct table_column {
	const char *head; /* NULL in all columns: no heading line */
	bool right;       /* numbers */
};

struct table;

/* cols is borrowed. NULL without memory. Every call below accepts a NULL table. */
struct table *table_new(FILE *out, const struct term *term, const struct table_column *cols, size_t n_cols);
/* Adds the next cell of the current row; cells left out at a row's end are empty. */
void table_cell(struct table *t, const char *text);
void table_cell_colour(struct table *t, enum table_colour colour, const char *text);
void table_cellf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_cell_number(struct table *t, uint64_t n);
void table_end_row(struct table *t);
/* A wrapped paragraph below the rows so far: "    label: text". */
void table_note(struct table *t, enum table_colour colour, const char *label, const char *text);
/* Writes what is left, frees. Returns how many rows there were. */
size_t table_finish(struct table *t);

/* A line "text" in a colour, as tables use it, cleaned; no newline. */
void table_print(FILE *out, const struct term *term, enum table_colour colour, const char *text);

#endif
