/* SPDX-License-Identifier: Apache-2.0 */
/* Identities beyond what ike.h shows to callers. */
#ifndef CW_IKE_IDENTITY_H
#define CW_IKE_IDENTITY_H

#include "ike/ike.h"

/* ID_IPV4_ADDR or ID_IPV6_ADDR; NONE of none. */
struct ike_identity ike_identity_of_addr(const struct addr *a);
bool ike_identity_eq(const struct ike_identity *a, const struct ike_identity *b);
/* A number: equal identities have the same. Costs as much as taking a name apart, so make it once. 0: a
 * distinguished name that is none, or no memory. */
uint32_t ike_identity_key(const struct ike_identity *id);
/* wanted NONE accepts any. */
bool ike_identity_accepts(const struct ike_identity *wanted, const struct ike_identity *seen);

#endif
