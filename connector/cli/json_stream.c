/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long JSON in small memory (RFC 8259). One step function tells for each byte what it is to the outline; the
 * printer and the splitter act on that. The daemon is trusted to write JSON, yet a foreign program may own
 * the socket, so an outline that does not hold together ends the reading instead of printing nonsense. Bytes
 * that could steer a terminal (DEL, C1 controls, raw controls) are written as the \u escapes that mean the
 * same.
 */
#include "connector/cli/json_stream.h"

#include <stdlib.h>
#include <string.h>

enum outline_kind { OUT_SPACE, OUT_OPEN, OUT_CLOSE, OUT_COMMA, OUT_COLON, OUT_SCALAR, OUT_BAD };

static enum outline_kind outline_bad(struct json_outline *o)
{
	o->bad = true;
	return OUT_BAD;
}

static enum outline_kind step_in_string(struct json_outline *o, char c)
{
	if (o->escape)
		o->escape = false;
	else if (c == '\\')
		o->escape = true;
	else if (c == '"') {
		o->in_string = false;
		o->after_value = !o->depth;
	}
	return OUT_SCALAR;
}

static enum outline_kind outline_step(struct json_outline *o, char c)
{
	if (o->bad)
		return OUT_BAD;
	if (o->in_string)
		return step_in_string(o, c);
	if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
		return OUT_SPACE;
	if (o->after_value)
		return outline_bad(o);
	switch (c) {
	case '{':
	case '[':
		if (o->depth == JSON_DEPTH_MAX)
			return outline_bad(o);
		o->open[o->depth++] = c;
		return OUT_OPEN;
	case '}':
	case ']':
		if (!o->depth || o->open[o->depth - 1] != (c == '}' ? '{' : '['))
			return outline_bad(o);
		o->after_value = !--o->depth;
		return OUT_CLOSE;
	case ',': return o->depth ? OUT_COMMA : outline_bad(o);
	case ':': return o->depth && o->open[o->depth - 1] == '{' ? OUT_COLON : outline_bad(o);
	case '"': o->in_string = true; return OUT_SCALAR;
	default:
		if (!o->depth) /* the API answers objects; a bare word is no answer of it */
			return outline_bad(o);
		return OUT_SCALAR;
	}
}

/* Printer */

void json_print_init(struct json_print *p, FILE *out, bool unwrap, unsigned flat_from)
{
	*p = (struct json_print){ .out = out, .unwrap = unwrap, .skipping = unwrap, .flat_from = flat_from };
}

/* A new line at this depth, or a space where things are written flat. */
static void print_break(struct json_print *p, unsigned depth, bool closing)
{
	if (p->flat_from && depth + (closing ? 1 : 0) >= p->flat_from) {
		if (!closing)
			fputc(' ', p->out);
		return;
	}
	fprintf(p->out, "\n%*s", (int)(2 * depth), "");
}

static void print_scalar(struct json_print *p, unsigned char c)
{
	if (p->utf8_lead) {
		p->utf8_lead = 0;
		if (c >= 0x80 && c < 0xa0) {
			fprintf(p->out, "\\u%04x", c);
			return;
		}
		fputc(0xc2, p->out);
	}
	if (c == 0xc2)
		p->utf8_lead = c;
	else if (c < 0x20 || c == 0x7f)
		fprintf(p->out, "\\u%04x", c);
	else
		fputc(c, p->out);
}

/* depth: of what is written, that is without the wrapper; after the step. */
static void print_one(struct json_print *p, enum outline_kind kind, char c, unsigned depth)
{
	bool flat = p->flat_from && depth >= p->flat_from;

	if (kind == OUT_SPACE)
		return;
	if (p->empty && kind != OUT_CLOSE) {
		unsigned d = kind == OUT_OPEN ? depth - 1 : depth;
		if (!(p->flat_from && d >= p->flat_from))
			print_break(p, d, false);
	}
	switch (kind) {
	case OUT_OPEN:
		fputc(c, p->out);
		p->empty = true;
		return;
	case OUT_CLOSE:
		if (!p->empty)
			print_break(p, depth, true);
		fputc(c, p->out);
		break;
	case OUT_COMMA:
		fputc(',', p->out);
		print_break(p, depth, false);
		break;
	case OUT_COLON: fputs(flat ? ":" : ": ", p->out); break;
	case OUT_SCALAR: print_scalar(p, (unsigned char)c); break;
	case OUT_SPACE:
	case OUT_BAD: break;
	}
	p->empty = false;
}

/* With a wrapper: true when this byte belongs to what is inside it. */
static bool inside_wrapper(struct json_print *p, enum outline_kind kind)
{
	if (p->skipping) {
		if (kind == OUT_COLON && p->o.depth == 1)
			p->skipping = false;
		else if (p->o.open[0] != '{' && p->o.depth)
			p->o.bad = true;
		return false;
	}
	if (p->o.depth == 0)
		return false; /* the wrapper's end */
	if (p->o.depth == 1 && (kind == OUT_COMMA || kind == OUT_COLON))
		p->o.bad = true; /* a second member: not what was asked for */
	return !p->o.bad;
}

int json_print_feed(void *json_print, const char *data, size_t len)
{
	struct json_print *p = json_print;

	for (size_t i = 0; i < len && !p->o.bad; i++) {
		enum outline_kind kind = outline_step(&p->o, data[i]);

		if (kind == OUT_BAD || (p->unwrap && !inside_wrapper(p, kind)))
			continue;
		p->started = p->started || kind != OUT_SPACE;
		print_one(p, kind, data[i], p->o.depth - (p->unwrap ? 1 : 0));
	}
	return p->o.bad || ferror(p->out) ? -1 : 0;
}

int json_print_end(struct json_print *p)
{
	if (p->started)
		fputc('\n', p->out);
	return p->o.bad || !p->o.after_value || !p->started || ferror(p->out) ? -1 : 0;
}

/* Splitter */

/* {"wrapper":{"name":[ELEMENT,...]}} : three brackets are open where an element begins. */
#define ELEMENT_DEPTH 3
#define KEY_DEPTH     2

void json_split_init(
    struct json_split *s, const char *name, int (*element)(void *ctx, const json_t *element), void *ctx)
{
	*s = (struct json_split){ .element = element, .ctx = ctx };
	snprintf(s->name, sizeof(s->name), "%s", name);
}

void json_split_clear(struct json_split *s)
{
	free(s->buf);
	s->buf = NULL;
	s->len = s->cap = 0;
}

static int split_keep(struct json_split *s, char c)
{
	if (s->len == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 1024;
		char *p = cap <= JSON_ELEMENT_MAX ? realloc(s->buf, cap) : NULL;

		if (!p)
			return -1;
		s->buf = p;
		s->cap = cap;
	}
	s->buf[s->len++] = c;
	return 0;
}

static int split_hand_out(struct json_split *s)
{
	if (!s->len)
		return 0;
	json_t *v = json_loadb(s->buf, s->len, JSON_DECODE_ANY, NULL);
	int r = v ? s->element(s->ctx, v) : -1;

	json_decref(v);
	s->len = 0;
	return r ? -1 : 0;
}

/* Remembers the string at KEY_DEPTH, so that at '[' we know whose array begins. */
static void split_track_key(struct json_split *s, bool was_in_string, char c)
{
	if (s->o.depth != KEY_DEPTH)
		return;
	if (!was_in_string && s->o.in_string)
		s->key_len = 0;
	else if (was_in_string && s->o.in_string && s->key_len + 1 < sizeof(s->key))
		s->key[s->key_len++] = c;
	s->key[s->key_len] = '\0';
}

static int split_one(struct json_split *s, char c)
{
	bool was_in_string = s->o.in_string;
	enum outline_kind kind = outline_step(&s->o, c);

	if (kind == OUT_BAD)
		return -1;
	if (!s->in_array) {
		split_track_key(s, was_in_string, c);
		s->in_array =
		    kind == OUT_OPEN && c == '[' && s->o.depth == ELEMENT_DEPTH && !strcmp(s->key, s->name);
		return 0;
	}
	if (s->o.depth < ELEMENT_DEPTH) {
		s->in_array = false;
		return split_hand_out(s);
	}
	if (s->o.depth == ELEMENT_DEPTH && kind == OUT_COMMA)
		return split_hand_out(s);
	if (kind == OUT_SPACE)
		return 0;
	return split_keep(s, c);
}

int json_split_feed(void *json_split, const char *data, size_t len)
{
	struct json_split *s = json_split;

	for (size_t i = 0; i < len && !s->o.bad; i++)
		if (split_one(s, data[i]) < 0)
			s->o.bad = true;
	return s->o.bad ? -1 : 0;
}

int json_split_end(struct json_split *s)
{
	return s->o.bad || !s->o.after_value ? -1 : 0;
}
