/* SPDX-License-Identifier: Apache-2.0 */
/* What the loader asks of the checker; private to profiles/. */
#ifndef CW_PROFILES_CHECK_H
#define CW_PROFILES_CHECK_H

#include "profiles/profile.h"

#include <jansson.h>

/*
 * Fills p (all but json) from a parsed file. file is for reasons, expected_id is what the file's name says.
 * 0, or -1 with a reason; p may be half filled then.
 */
int profile_fill(const json_t *root, const char *file, const char *expected_id, struct profile *p,
    struct reason *ret_reason);

#endif
