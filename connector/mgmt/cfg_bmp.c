/* SPDX-License-Identifier: Apache-2.0 */
/* BMP stations. */
#include "connector/mgmt/cfg_internal.h"

#include <stdio.h>
#include <stdlib.h>

int cfg_build_bmp(const struct cfg_load *l, const struct lyd_node *root)
{
	struct cfg *cfg = l->cfg;

	for (const struct lyd_node *n = cfg_child(root, "bmp-station"); n && cfg->n_bmp < CFG_BMP_MAX;
	     n = cfg_next(root, "bmp-station", n)) {
		struct cfg_bmp *b = &cfg->bmp[cfg->n_bmp++];
		const struct lyd_node *address = cfg_child(n, "address");

		snprintf(b->name, sizeof(b->name), "%s", cfg_value(n, "name"));
		if (cfg_take_addr(l, address, &b->address))
			return -1;
		if (addr_is_unspecified(&b->address))
			return cfg_fail_at(l, "config-wrong-value", address,
			    "this is the unspecified address; write the station's");
		b->port = (uint16_t)atoi(cfg_value(n, "port"));
		b->statistics = mdur_s(atol(cfg_value(n, "statistics-interval")));
	}
	return 0;
}
