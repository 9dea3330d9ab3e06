/* SPDX-License-Identifier: Apache-2.0 */
/* Who listens to BGP for good: BMP stations, and MRT files. */
#include "connector/mgmt/cfg_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		b->pre_policy = strcmp(cfg_value(n, "adj-rib-in"), "post") != 0;
		b->post_policy = strcmp(cfg_value(n, "adj-rib-in"), "pre") != 0;
		b->statistics = mdur_s(atol(cfg_value(n, "statistics-interval")));
	}
	return 0;
}

int cfg_build_mrt(const struct cfg_load *l, const struct lyd_node *root)
{
	const struct lyd_node *n = cfg_child(root, "mrt");
	struct cfg_mrt *m = &l->cfg->mrt;

	if (!n)
		return 0;
	if (!l->cfg->have_bgp)
		return cfg_fail_at(l, "config-invalid", n, "there is no BGP to be recorded: `as` is missing");
	snprintf(m->file, sizeof(m->file), "%s", cfg_value(n, "file"));
	m->updates_only = !strcmp(cfg_value(n, "messages"), "updates");
	m->rotate = mdur_s(atol(cfg_value(n, "rotate-interval")));
	m->rotate_bytes = (uint64_t)atol(cfg_value(n, "rotate-mbytes")) << 20;
	m->keep = (unsigned)atol(cfg_value(n, "keep"));
	return 0;
}
