/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration shared by those that still live by it: a retiring tunnel keeps the old one alive. Control
 * thread only. */
#ifndef CW_DAEMON_CFG_REF_H
#define CW_DAEMON_CFG_REF_H

#include "connector/mgmt/config.h"

struct cfg_ref {
	unsigned refs;
	struct cfg *cfg;
};

/* Takes over cfg. NULL when memory is out (cfg is freed then). */
struct cfg_ref *cfg_ref_new(struct cfg *cfg);
struct cfg_ref *cfg_ref_get(struct cfg_ref *r);
void cfg_ref_put(struct cfg_ref *r); /* NULL is legal */

#endif
