/* SPDX-License-Identifier: Apache-2.0 */
/* Counting the users of a configuration. */
#include "connector/daemon/cfg_ref.h"

#include <stdlib.h>

struct cfg_ref *cfg_ref_new(struct cfg *cfg)
{
	struct cfg_ref *r = calloc(1, sizeof(*r));

	if (!r) {
		cfg_free(cfg);
		return NULL;
	}
	r->refs = 1;
	r->cfg = cfg;
	return r;
}

struct cfg_ref *cfg_ref_get(struct cfg_ref *r)
{
	r->refs++;
	return r;
}

void cfg_ref_put(struct cfg_ref *r)
{
	if (!r || --r->refs)
		return;
	cfg_free(r->cfg);
	free(r);
}
