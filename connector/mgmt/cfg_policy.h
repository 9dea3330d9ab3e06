/* SPDX-License-Identifier: Apache-2.0 */
/* The named lists and policies of one configuration; shared by connector/mgmt/cfg_policy*.c only. */
#ifndef CW_MGMT_CFG_POLICY_H
#define CW_MGMT_CFG_POLICY_H

#include "connector/mgmt/cfg_internal.h"

enum cfg_list_kind { CFG_LIST_PREFIX, CFG_LIST_AS_PATH, CFG_LIST_COMMUNITY, CFG_LIST_KINDS };

struct cfg_list {
	char name[CFG_NAME_MAX + 1];
	struct bgp_prefix_list *prefixes; /* the one of its kind; a reference */
	struct bgp_path_list *path;
	struct bgp_community_list *communities;
};
struct cfg_policies {
	struct cfg_list *list[CFG_LIST_KINDS];
	size_t n_list[CFG_LIST_KINDS];
	struct bgp_policy **policy; /* references */
	size_t n_policy;
};

int cfg_build_lists(const struct cfg_load *l, const struct lyd_node *root, struct cfg_policies *p);
/* What a leaf names; NULL with a reason. */
const struct cfg_list *cfg_take_list(const struct cfg_load *l, const struct cfg_policies *p,
    enum cfg_list_kind kind, const struct lyd_node *node);
/* The communities of a leaf-list, to be freed also on failure; exact: none with an asterisk. */
int cfg_take_communities(const struct cfg_load *l, const struct lyd_node *parent, const char *name,
    bool exact, struct bgp_community **ret_list, size_t *ret_n);
uint32_t cfg_u32(const struct lyd_node *parent, const char *name, bool *ret_there);
bool cfg_true(const struct lyd_node *parent, const char *name);

#endif
