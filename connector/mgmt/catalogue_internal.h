/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the catalogue (catalogue.h), one file a subject. Each ends with an entry without an id. */
#ifndef CW_MGMT_CATALOGUE_INTERNAL_H
#define CW_MGMT_CATALOGUE_INTERNAL_H

#include "connector/mgmt/catalogue.h"

extern const struct catalogue_entry catalogue_ike[], catalogue_bgp[], catalogue_bgp_session[],
    catalogue_bfd[], catalogue_config[], catalogue_host[], catalogue_ask[], catalogue_next[],
    catalogue_auth[];

#endif
