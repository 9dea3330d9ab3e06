/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON that is too long to hold: two readers that take a document in pieces of any size and keep only what
 * they need.
 *
 *   json_print  takes off the wrapper ({"causeway:routes": X} -> X) and writes X indented, as it arrives
 *   json_split  hands out the elements of one array, parsed, one at a time
 *
 * Both follow only the outline (strings, brackets, commas); what is inside a scalar is the daemon's affair.
 * Depth and the size of one element are limited; there is no recursion.
 */
#ifndef CW_CLI_JSON_STREAM_H
#define CW_CLI_JSON_STREAM_H

#include "base/reason.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX   32
#define JSON_ELEMENT_MAX (1U << 20) /* bytes of one array element */
#define JSON_NAME_MAX    64

/* Where in a document we are. */
struct json_outline {
	char open[JSON_DEPTH_MAX]; /* '{' or '[' */
	unsigned depth;
	bool in_string, escape;
	bool after_value; /* the document is complete */
	bool bad;         /* sticky */
};

struct json_print {
	FILE *out;
	unsigned flat_from; /* objects and arrays this deep are written on one line; 0: none are */
	bool unwrap;
	struct json_outline o;
	bool empty; /* nothing since the last opening bracket */
	bool started, skipping;
	unsigned char utf8_lead;
};

/* unwrap: the document is an object of one member, whose value is what is written. */
void json_print_init(struct json_print *p, FILE *out, bool unwrap, unsigned flat_from);
/* 0; -1 when the text is not JSON in outline or can't be written. Fits http_sink. */
int json_print_feed(void *json_print, const char *data, size_t len);
/* Ends the last line. 0, or -1 when the document was not whole. */
int json_print_end(struct json_print *p);

struct json_split {
	/* Non-zero ends the parsing. element is borrowed. */
	int (*element)(void *ctx, const json_t *element);
	void *ctx;
	char name[JSON_NAME_MAX]; /* of the array: {"wrapper":{"name":[...]}} */
	struct json_outline o;
	char key[JSON_NAME_MAX]; /* the last string seen at depth 2 */
	size_t key_len;
	bool in_array;
	char *buf;
	size_t len, cap;
};

void json_split_init(
    struct json_split *s, const char *name, int (*element)(void *ctx, const json_t *element), void *ctx);
int json_split_feed(void *json_split, const char *data, size_t len);
/* 0, or -1 when the document was not whole. */
int json_split_end(struct json_split *s);
void json_split_clear(struct json_split *s);

#endif
