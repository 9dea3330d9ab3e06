/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns over AS paths (as_regex.h). A recursive descent writes a program of relative jumps (so that a
 * repeated atom can be moved by one step to make room for its fork), and the matcher runs all states side by
 * side, each at most once a character. The recursion follows the administrator's pattern, at most
 * AS_REGEX_DEPTH deep, never a peer's bytes.
 */
#include "bgp/as_regex.h"

#include "bgp/wire.h"

#include <stdlib.h>
#include <string.h>

enum op {
	OP_CHAR,  /* one of mask */
	OP_FORK,  /* here + x and here + y */
	OP_JUMP,  /* here + x */
	OP_START, /* of the path */
	OP_END,
	OP_EDGE, /* either of the two */
	OP_MATCH,
};
struct step {
	uint8_t op;
	uint16_t mask;
	int16_t x, y;
};

struct as_regex {
	char pattern[AS_REGEX_TEXT_MAX + 1];
	unsigned n;
	struct step step[];
};

/* The alphabet of a path's text; one bit each. */
static const char alphabet[] = "0123456789 ,{}";
#define MASK_ALL        0x3fffu
#define MASK_DELIMITERS 0x3c00u

static uint16_t mask_of(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (uint16_t)(1u << (at - alphabet)) : 0;
}

/* --- compiling --- */
struct compiler {
	const char *pattern, *at;
	struct step step[AS_REGEX_MAX];
	unsigned n, depth;
	const char *error;
};

static void fail(struct compiler *c, const char *error)
{
	if (!c->error)
		c->error = error;
}

static void emit(struct compiler *c, unsigned where, struct step s)
{
	if (c->n >= AS_REGEX_MAX - 1) {
		fail(c, "the pattern is too large");
		return;
	}
	memmove(&c->step[where + 1], &c->step[where], (c->n - where) * sizeof(c->step[0]));
	c->step[where] = s;
	c->n++;
}

static void emit_char(struct compiler *c, uint16_t mask)
{
	emit(c, c->n, (struct step){ .op = OP_CHAR, .mask = mask });
}

/* "[...]", behind its bracket. */
static void compile_class(struct compiler *c)
{
	bool negated = *c->at == '^';
	uint16_t mask = 0;

	c->at += negated;
	while (*c->at && *c->at != ']') {
		char from = *c->at, to = from;

		if (!mask_of(from)) {
			fail(
			    c, "a class in [] holds digits, ranges like 0-9, blanks, commas and braces only");
			return;
		}
		if (c->at[1] == '-' && c->at[2] && c->at[2] != ']') {
			to = c->at[2];
			c->at += 2;
			if (from < '0' || from > '9' || to < from || to > '9') {
				fail(c, "a range in [] runs from a digit to a larger one, as 0-9");
				return;
			}
		}
		for (char x = from; x <= to; x++)
			mask |= mask_of(x);
		c->at++;
	}
	if (*c->at != ']') {
		fail(c, "[ without its ]");
		return;
	}
	c->at++;
	emit_char(c, negated ? MASK_ALL & (uint16_t)~mask : mask);
}

/* A delimiter, or an edge of the path. */
static void compile_underscore(struct compiler *c)
{
	emit(c, c->n, (struct step){ .op = OP_FORK, .x = 1, .y = 3 });
	emit_char(c, MASK_DELIMITERS);
	emit(c, c->n, (struct step){ .op = OP_JUMP, .x = 2 });
	emit(c, c->n, (struct step){ .op = OP_EDGE });
}

static void compile_choice(struct compiler *c);

static void compile_group(struct compiler *c)
{
	if (++c->depth > AS_REGEX_DEPTH) {
		fail(c, "groups in groups, too deep");
		return;
	}
	compile_choice(c);
	c->depth--;
	if (*c->at == ')')
		c->at++;
	else
		fail(c, "( without its )");
}

static void compile_atom(struct compiler *c)
{
	char x = *c->at++;

	switch (x) {
	case '(': compile_group(c); break;
	case '[': compile_class(c); break;
	case '.': emit_char(c, MASK_ALL); break;
	case '_': compile_underscore(c); break;
	case '^': emit(c, c->n, (struct step){ .op = OP_START }); break;
	case '$': emit(c, c->n, (struct step){ .op = OP_END }); break;
	case '*':
	case '+':
	case '?': fail(c, "nothing stands before * + or ? to be repeated"); break;
	default:
		if (mask_of(x))
			emit_char(c, mask_of(x));
		else
			fail(c, "only digits, blanks, commas, braces and ^ $ . _ * + ? ( ) | [ ] have a "
			        "meaning here");
	}
}

/* What begins at `from` is repeated as c says. */
static void repeat(struct compiler *c, unsigned from, char how)
{
	int16_t len = (int16_t)(c->n - from);

	switch (how) {
	case '?': emit(c, from, (struct step){ .op = OP_FORK, .x = 1, .y = (int16_t)(len + 1) }); break;
	case '*':
		emit(c, from, (struct step){ .op = OP_FORK, .x = 1, .y = (int16_t)(len + 2) });
		emit(c, c->n, (struct step){ .op = OP_JUMP, .x = (int16_t)(-len - 1) });
		break;
	case '+': emit(c, c->n, (struct step){ .op = OP_FORK, .x = (int16_t)-len, .y = 1 }); break;
	default: break;
	}
}

static void compile_sequence(struct compiler *c)
{
	while (!c->error && *c->at && *c->at != '|' && *c->at != ')') {
		unsigned from = c->n;

		compile_atom(c);
		while (!c->error && *c->at && strchr("*+?", *c->at))
			repeat(c, from, *c->at++);
	}
}

static void compile_choice(struct compiler *c)
{
	unsigned from = c->n;

	compile_sequence(c);
	while (!c->error && *c->at == '|') {
		unsigned second;

		c->at++;
		emit(c, from, (struct step){ .op = OP_FORK, .x = 1, .y = (int16_t)(c->n - from + 2) });
		second = c->n + 1;
		emit(c, c->n, (struct step){ .op = OP_JUMP });
		compile_sequence(c);
		if (!c->error)
			c->step[second - 1].x = (int16_t)(c->n - second + 1);
	}
}

struct as_regex *as_regex_new(const char *pattern, struct reason *ret_reason)
{
	struct compiler *c;
	struct as_regex *r = NULL;

	if (!*pattern || strlen(pattern) > AS_REGEX_TEXT_MAX) {
		reason_set(ret_reason, "config-as-path-pattern", "a pattern has 1 to %d characters",
		    AS_REGEX_TEXT_MAX);
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		reason_set(ret_reason, "out-of-memory", "out of memory");
		return NULL;
	}
	c->pattern = c->at = pattern;
	compile_choice(c);
	if (!c->error && *c->at == ')')
		fail(c, ") without its (");
	if (c->error)
		reason_set(ret_reason, "config-as-path-pattern", "%s (at character %d)", c->error,
		    (int)(c->at - pattern) > 0 ? (int)(c->at - pattern) : 1);
	else
		r = calloc(1, sizeof(*r) + (c->n + 1) * sizeof(r->step[0]));
	if (r) {
		memcpy(r->pattern, pattern, strlen(pattern) + 1);
		memcpy(r->step, c->step, c->n * sizeof(r->step[0]));
		r->step[c->n].op = OP_MATCH;
		r->n = c->n + 1;
	} else if (!c->error) {
		reason_set(ret_reason, "out-of-memory", "out of memory");
	}
	free(c);
	return r;
}

void as_regex_free(struct as_regex *r)
{
	free(r);
}

const char *as_regex_pattern(const struct as_regex *r)
{
	return r->pattern;
}

/* --- matching --- */
struct states { /* the steps that wait for a character, each once */
	uint16_t list[AS_REGEX_MAX], n;
	uint8_t in[AS_REGEX_MAX]; /* seen at this character, waiting or passed through */
};

/* Follows what takes no character. True when the end of the program is reached. */
static bool enter(const struct as_regex *r, struct states *s, unsigned from, bool start, bool end)
{
	uint16_t stack[2 * AS_REGEX_MAX + 2]; /* a step is followed once, and names two at most */
	unsigned depth = 0;

	stack[depth++] = (uint16_t)from;
	while (depth) {
		unsigned i = stack[--depth];
		const struct step *t = &r->step[i];

		if (s->in[i])
			continue;
		s->in[i] = 1;
		if (t->op == OP_MATCH)
			return true;
		if (t->op == OP_CHAR)
			s->list[s->n++] = (uint16_t)i;
		else if (t->op == OP_JUMP || t->op == OP_FORK)
			stack[depth++] = (uint16_t)((int)i + t->x);
		else if ((t->op != OP_END && start) || (t->op != OP_START && end))
			stack[depth++] = (uint16_t)(i + 1);
		if (t->op == OP_FORK)
			stack[depth++] = (uint16_t)((int)i + t->y);
	}
	return false;
}

bool as_regex_match(const struct as_regex *r, const char *text, size_t len)
{
	struct states room[2], *now = &room[0], *next = &room[1], *was;

	now->n = 0;
	memset(now->in, 0, r->n);
	for (size_t at = 0;; at++) {
		uint16_t bit;

		if (enter(r, now, 0, at == 0, at == len)) /* a match may begin anywhere */
			return true;
		if (at == len)
			return false;
		bit = mask_of(text[at]);
		next->n = 0;
		memset(next->in, 0, r->n);
		for (unsigned i = 0; i < now->n; i++)
			if (r->step[now->list[i]].mask & bit &&
			    enter(r, next, now->list[i] + 1u, false, at + 1 == len))
				return true;
		was = now;
		now = next;
		next = was;
	}
}

/* --- the text --- */
size_t as_path_text_max(struct bytes path)
{
	return path.len * 3 + 1; /* ten digits and a separator for four bytes, a pair of braces for two */
}

static size_t put_number(uint32_t as, char *buf, size_t at, size_t cap)
{
	char digits[10];
	unsigned n = 0;

	do
		digits[n++] = (char)('0' + as % 10);
	while (as /= 10);
	while (n && at < cap)
		buf[at++] = digits[--n];
	return at;
}

static size_t put_char(char c, char *buf, size_t at, size_t cap)
{
	if (at < cap)
		buf[at++] = c;
	return at;
}

size_t as_path_text(struct bytes path, char *buf, size_t cap)
{
	struct rd r = rd_init(path.p, path.len);
	size_t at = 0;

	while (rd_left(&r)) {
		bool set = rd_u8(&r) == BGP_AS_SET;
		struct rd numbers = rd_sub(&r, (size_t)rd_u8(&r) * 4);

		if (at)
			at = put_char(' ', buf, at, cap);
		if (set)
			at = put_char('{', buf, at, cap);
		for (bool first = true; rd_left(&numbers); first = false) {
			if (!first)
				at = put_char(set ? ',' : ' ', buf, at, cap);
			at = put_number(rd_u32(&numbers), buf, at, cap);
		}
		if (set)
			at = put_char('}', buf, at, cap);
	}
	return at;
}
