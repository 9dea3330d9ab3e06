/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables. A row is an array of cleaned strings with a colour each; a note is a row of two cells that spans
 * all columns. Rows wait in the window until it is full or the table ends, then the widths are fixed for
 * good. A later cell that is wider pushes its own row to the right and no other.
 */
#include "connector/cli/table.h"

#include "connector/cli/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP             2
#define NOTE_INDENT     4
#define NOTE_WIDTH      100 /* lines longer than this read badly, however wide the terminal */
#define LAST_COLUMN_MIN 24  /* below this, wrapping the last column makes it worse */

struct row {
	bool note;
	char *cell[TABLE_COLUMNS_MAX];
	enum table_colour colour[TABLE_COLUMNS_MAX];
};

struct table {
	FILE *out;
	struct term term;
	const struct table_column *col;
	size_t n_col;
	size_t width[TABLE_COLUMNS_MAX];
	struct row cur;
	size_t cur_cells;
	struct row *window;
	size_t n_window;
	bool streaming; /* the widths are fixed */
	size_t n_rows;
};

static const char *colour_on(enum table_colour c)
{
	switch (c) {
	case TABLE_PLAIN: return "";
	case TABLE_GOOD: return "\033[32m";
	case TABLE_WARN: return "\033[33m";
	case TABLE_BAD: return "\033[31m";
	case TABLE_DIM: return "\033[2m";
	case TABLE_BOLD: return "\033[1m";
	}
	return "";
}

static void put(FILE *out, const struct term *term, enum table_colour c, const char *s, size_t len)
{
	bool paint = term->colour && c != TABLE_PLAIN && len;

	fprintf(out, "%s%.*s%s", paint ? colour_on(c) : "", (int)len, s, paint ? "\033[0m" : "");
}

void table_print(FILE *out, const struct term *term, enum table_colour colour, const char *text)
{
	char *clean = text_clean(text);

	if (clean)
		put(out, term, colour, clean, strlen(clean));
	free(clean);
}

static void row_clear(struct row *r)
{
	for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++)
		free(r->cell[i]);
	*r = (struct row){ 0 };
}

struct table *table_new(FILE *out, const struct term *term, const struct table_column *cols, size_t n_cols)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->window = calloc(TABLE_WINDOW, sizeof(*t->window));
	if (!t->window) {
		free(t);
		return NULL;
	}
	t->out = out;
	t->term = *term;
	t->col = cols;
	t->n_col = n_cols > TABLE_COLUMNS_MAX ? TABLE_COLUMNS_MAX : n_cols;
	for (size_t i = 0; i < t->n_col; i++)
		t->width[i] = cols[i].head ? text_width(cols[i].head) : 0;
	return t;
}

static void spaces(FILE *out, size_t n)
{
	fprintf(out, "%*s", (int)n, "");
}

static void write_note(const struct table *t, const struct row *r)
{
	const char *text = r->cell[1] ? r->cell[1] : "", *line;
	size_t indent = NOTE_INDENT + text_width(r->cell[0]) + 2;
	size_t width = t->term.width && t->term.width < NOTE_WIDTH ? t->term.width : NOTE_WIDTH;
	bool first = true;

	width = width > indent + LAST_COLUMN_MIN ? width - indent : LAST_COLUMN_MIN;
	do {
		size_t len = text_wrap(&text, width, &line);

		if (first) {
			spaces(t->out, NOTE_INDENT);
			put(t->out, &t->term, r->colour[0], r->cell[0], strlen(r->cell[0]));
			fputs(": ", t->out);
		} else {
			spaces(t->out, indent);
		}
		fprintf(t->out, "%.*s\n", (int)len, line);
		first = false;
	} while (*text);
}

/* The last column: written within what is left of the line, its further lines below its own start. */
static void write_last(const struct table *t, const char *text, enum table_colour c, size_t start)
{
	size_t room = t->term.width > start + LAST_COLUMN_MIN ? t->term.width - start : 0;
	const char *line;
	bool first = true;

	do {
		size_t len = text_wrap(&text, room, &line);

		if (!first) {
			fputc('\n', t->out);
			spaces(t->out, start);
		}
		put(t->out, &t->term, c, line, len);
		first = false;
	} while (*text);
}

static void write_row(const struct table *t, const struct row *r)
{
	size_t last = 0, pos = 0, start = 0;

	for (size_t i = 0; i < t->n_col; i++)
		if (r->cell[i] && *r->cell[i])
			last = i;
	for (size_t i = 0; i <= last && i < t->n_col; i++) {
		const char *s = r->cell[i] ? r->cell[i] : "";
		size_t w = text_width(s);

		/* Padding before the cell: to the column's start, and to its end for numbers. */
		size_t want = start + (t->col[i].right && w < t->width[i] ? t->width[i] - w : 0);
		if (*s && want > pos) {
			spaces(t->out, want - pos);
			pos = want;
		}
		if (i + 1 == t->n_col && !t->col[i].right)
			write_last(t, s, r->colour[i], pos);
		else
			put(t->out, &t->term, r->colour[i], s, strlen(s));
		pos += w;
		start += t->width[i] + GAP;
		if (start < pos + GAP)
			start = pos + GAP;
	}
	fputc('\n', t->out);
}

static void write_head(const struct table *t)
{
	struct row r = { 0 };
	bool any = false;

	for (size_t i = 0; i < t->n_col; i++) {
		r.cell[i] = (char *)(uintptr_t)t->col[i].head; /* only read */
		r.colour[i] = TABLE_BOLD;
		any = any || t->col[i].head;
	}
	if (any)
		write_row(t, &r);
}

static void write_any(const struct table *t, const struct row *r)
{
	if (r->note)
		write_note(t, r);
	else
		write_row(t, r);
}

static void flush_window(struct table *t)
{
	if (!t->streaming && t->n_rows)
		write_head(t);
	t->streaming = true;
	for (size_t i = 0; i < t->n_window; i++) {
		write_any(t, &t->window[i]);
		row_clear(&t->window[i]);
	}
	t->n_window = 0;
}

static void add_row(struct table *t, struct row *r)
{
	if (t->streaming) {
		write_any(t, r);
		row_clear(r);
		return;
	}
	for (size_t i = 0; i < t->n_col && !r->note; i++)
		if (r->cell[i] && text_width(r->cell[i]) > t->width[i])
			t->width[i] = text_width(r->cell[i]);
	t->window[t->n_window++] = *r;
	*r = (struct row){ 0 };
	if (t->n_window == TABLE_WINDOW)
		flush_window(t);
}

void table_cell_colour(struct table *t, enum table_colour colour, const char *text)
{
	if (!t || t->cur_cells >= t->n_col)
		return;
	t->cur.cell[t->cur_cells] = text_clean(text);
	t->cur.colour[t->cur_cells++] = colour;
}

void table_cell(struct table *t, const char *text)
{
	table_cell_colour(t, TABLE_PLAIN, text);
}

void table_cellf(struct table *t, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	table_cell(t, buf);
}

void table_cell_number(struct table *t, uint64_t n)
{
	table_cellf(t, "%llu", (unsigned long long)n);
}

void table_end_row(struct table *t)
{
	if (!t)
		return;
	t->n_rows++;
	t->cur_cells = 0;
	add_row(t, &t->cur);
}

void table_note(struct table *t, enum table_colour colour, const char *label, const char *text)
{
	struct row r = { .note = true };

	if (!t)
		return;
	r.cell[0] = text_clean(label);
	r.cell[1] = text_clean(text);
	r.colour[0] = colour;
	if (r.cell[0] && r.cell[1])
		add_row(t, &r);
	row_clear(&r);
}

size_t table_finish(struct table *t)
{
	if (!t)
		return 0;
	size_t n = t->n_rows;

	flush_window(t);
	row_clear(&t->cur);
	free(t->window);
	free(t);
	return n;
}
