/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AS paths. Inside, a path is always the bytes of an AS_PATH with 4-octet numbers (RFC 6793), well-formed;
 * the 2-octet form exists only between as_path_parse, as_path_build and a peer that knows no other.
 */
#ifndef CW_BGP_AS_PATH_H
#define CW_BGP_AS_PATH_H

#include "base/cursor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that nobody here owns. */
struct bytes {
	const uint8_t *p;
	size_t len;
};

/*
 * What is read: an attribute of a message of 65535 octets (RFC 8654); a longer path, which 2-octet numbers
 * could make when they are widened, counts as malformed. What is made of it has room for what policy and we
 * put in front.
 */
#define AS_PATH_READ_MAX  65536
#define AS_PATH_BYTES_MAX (AS_PATH_READ_MAX + 4096)

/* Appends the 4-octet form to out. -1 when malformed (RFC 7606 7.2, RFC 7607): out's content means nothing
 * then. */
int as_path_parse(struct rd r, bool four_octet, struct wr *out);
/* For a peer of four_octet or not; larger numbers become AS_TRANS in the 2-octet form. */
void as_path_build(struct wr *w, struct bytes path, bool four_octet);
bool as_path_fits_two_octets(struct bytes path);
/* RFC 6793 4.2.3: the true path from the AS_PATH and AS4_PATH of a 2-octet speaker. */
void as_path_merge(struct bytes path, struct bytes as4_path, struct wr *out);
void as_path_prepend(struct bytes path, uint32_t as, struct wr *out);

/* As the decision process counts: an AS_SET is one (RFC 4271 9.1.2.2 a). */
unsigned as_path_length(struct bytes path);
/* The leftmost AS: who told us. False when the path is empty or starts with a set. */
bool as_path_first(struct bytes path, uint32_t *ret_as);
bool as_path_contains(struct bytes path, uint32_t as);
unsigned as_path_count(struct bytes path, uint32_t as); /* how often it is in the path */
/* as_path_edit.c. Both write the new path to out. */
void as_path_replace(struct bytes path, uint32_t as, uint32_t by, struct wr *out);
bool as_is_private(uint32_t as); /* RFC 6996 */
void as_path_without_private(struct bytes path, struct wr *out);
/* All numbers in order, sets flattened; returns how many were written, *ret_cut says that there were more. */
unsigned as_path_list(struct bytes path, uint32_t out[], unsigned max, bool *ret_cut);

#endif
