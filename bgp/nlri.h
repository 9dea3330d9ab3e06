/* SPDX-License-Identifier: Apache-2.0 */
/* Prefixes on the wire (RFC 4271 4.3, RFC 4760 5): a length in bits and as many bytes as it needs. */
#ifndef CW_BGP_NLRI_H
#define CW_BGP_NLRI_H

#include "base/addr.h"
#include "base/cursor.h"

#include <stddef.h>

/* The next prefix of a list: 1, 0 at its end, -1 when it is malformed. Bits behind the length are cleared. */
int nlri_next(struct rd *r, uint8_t family, struct prefix *ret_prefix);
/* The same where each has a path identifier before it (RFC 7911 3), if `path_ids`; else that is 0. */
int nlri_next_path(
    struct rd *r, uint8_t family, bool path_ids, struct prefix *ret_prefix, uint32_t *ret_path_id);
/* A whole list, without keeping it: the number of prefixes, -1 when it is malformed. */
int nlri_check(struct rd r, uint8_t family, bool path_ids);
void nlri_build(struct wr *w, const struct prefix *p);
size_t nlri_size(const struct prefix *p);

#endif
