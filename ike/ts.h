/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic selectors: narrowing and comparing (RFC 7296 2.9). */
#ifndef CW_IKE_TS_H
#define CW_IKE_TS_H

#include "ike/payload.h"

/*
 * The intersection of what the peer asks for with what we allow, in the peer's order, without selectors that
 * others cover; at most IKE_TS_MAX. Returns how many; 0: TS_UNACCEPTABLE.
 */
unsigned ike_ts_narrow(const struct ike_ts *asked, unsigned n_asked, const struct ike_ts *allowed,
    unsigned n_allowed, struct ike_ts ret[IKE_TS_MAX]);
bool ike_ts_eq(const struct ike_ts *a, const struct ike_ts *b);
bool ike_ts_contains(const struct ike_ts *outer, const struct ike_ts *inner);
/* Is each selector of inner covered by one of outer? */
bool ike_ts_all_within(
    const struct ike_ts *inner, unsigned n_inner, const struct ike_ts *outer, unsigned n_outer);

#endif
