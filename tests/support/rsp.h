/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published test vectors: files of `name = value` lines, a blank line between records, `#` comments. They are
 * read where they lie (CW_VECTORS_DIR) and never become part of the project; without them a test says so and
 * relies on the figures typed into it.
 */
#ifndef CW_TEST_RSP_H
#define CW_TEST_RSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RSP_MAX_FIELDS 48

struct rsp {
	char *text; /* the whole file */
	char *next;
	unsigned n;
	struct {
		const char *name, *value;
	} fields[RSP_MAX_FIELDS];
};

/* False, after a line that says so, when the file is not there. */
bool rsp_open(struct rsp *r, const char *path_below_vectors);
void rsp_close(struct rsp *r);
bool rsp_next(struct rsp *r);                                /* the next record; false at the end */
const char *rsp_text(const struct rsp *r, const char *name); /* "" when absent */
bool rsp_has(const struct rsp *r, const char *name);
long rsp_int(const struct rsp *r, const char *name); /* 0 when absent */
/* Hex of the field into out; the test fails when there is more than cap or it is no hex. The number of bytes.
 */
size_t rsp_hex(const struct rsp *r, const char *name, uint8_t *out, size_t cap);
/* The same for a literal. */
size_t hex(const char *text, uint8_t *out, size_t cap);

#endif
