/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the configuration share; included by connector/mgmt/cfg_*.c and config.c only. */
#ifndef CW_MGMT_CFG_INTERNAL_H
#define CW_MGMT_CFG_INTERNAL_H

#include "connector/mgmt/config.h"
#include "profiles/profile.h"

#include <jansson.h>
#include <libyang/libyang.h>

#define CFG_FILE_MAX   (1 << 20) /* bytes */
#define CFG_PATH_MAX   1024
#define CFG_SECRET_MAX 1024 /* bytes of a pre-shared key */
#define CFG_ROOT       "causeway:connector"

struct cfg_context {
	struct ly_ctx *ly;
	const struct lys_module *module;
	struct profiles *profiles;
	const struct credentials_world *world;
};

/* One load under way. */
struct cfg_load {
	struct cfg_context *c;
	const char *source; /* the file's name, for reasons and relative names */
	bool with_secrets;
	struct cfg *cfg;
	struct reason *why;
};

/* "SOURCE: PATH: VALUE: text"; value NULL: left out. Returns -1. */
int cfg_fail(const struct cfg_load *l, const char *id, const char *path, const char *value, const char *fmt,
    ...) __attribute__((format(printf, 5, 6)));
/* The same, path and value taken from a data node. */
int cfg_fail_at(const struct cfg_load *l, const char *id, const struct lyd_node *node, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Something that is allowed but looks odd: kept in cfg->note. */
int cfg_note(const struct cfg_load *l, const char *id, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Text to a JSON tree with exactly the member CFG_ROOT. NULL with a reason. */
json_t *cfg_parse_json(const struct cfg_load *l, const char *text);
/* Names, types and single values of the tree against the schema. */
int cfg_walk(const struct cfg_load *l, const json_t *root);
/* The rules of the model that need the whole tree. 0 and a tree (to be freed with lyd_free_all). */
int cfg_validate(const struct cfg_load *l, const json_t *root, struct lyd_node **ret_tree);
/* Typed values into l->cfg, merged with the profiles. */
int cfg_build(const struct cfg_load *l, const struct lyd_node *tree);
int cfg_build_tunnel(
    const struct cfg_load *l, const struct lyd_node *node, const struct profile *p, struct cfg_tunnel *t);
/* cfg_weak.c: after the proposals */
int cfg_take_weak(
    const struct cfg_load *l, const struct lyd_node *tunnel, const struct profile *p, struct cfg_tunnel *t);
/* Whether the weak algorithm is one of those that this tunnel may use. */
bool cfg_weak_has(const struct cfg_tunnel *t, const char *name);
/* cfg_auth.c: local-auth, remote-auth, eap, ppk; after role */
int cfg_take_auth(const struct cfg_load *l, const struct lyd_node *node, struct cfg_tunnel *t);
/* cfg_certificate.c: after cfg_take_auth */
int cfg_take_certificate(const struct cfg_load *l, const struct lyd_node *tunnel, struct cfg_tunnel *t);
extern const struct credentials_world cfg_default_world;
void cfg_auth_clear(struct cfg_tunnel *t);
bool cfg_auth_same(const struct cfg_tunnel *a, const struct cfg_tunnel *b);
int cfg_build_bgp(
    const struct cfg_load *l, const struct lyd_node *node, const struct profile *p, struct cfg_bgp *bgp);
/* cfg_session.c: after the hold time */
int cfg_take_session(const struct cfg_load *l, const struct lyd_node *node, struct cfg_bgp *bgp);
bool cfg_session_same(const struct cfg_session *a, const struct cfg_session *b);
/* cfg_policy.c, cfg_policy_lists.c: the lists and policies, before any session is built; then what a session
 * names. */
int cfg_build_policies(const struct cfg_load *l, const struct lyd_node *root);
void cfg_policies_free(struct cfg_policies *p);
int cfg_take_chain(
    const struct cfg_load *l, const struct lyd_node *node, const char *leaf, struct bgp_policy_chain *chain);
/* cfg_sources.c: network[], redistribute[], aggregate[]; after protect[] */
int cfg_build_sources(const struct cfg_load *l, const struct lyd_node *root);
void cfg_sources_free(struct cfg *cfg);
int cfg_take_policy(const struct cfg_load *l, const struct lyd_node *node, struct cfg_bgp_policy *ret_policy);
void cfg_policy_clear(struct cfg_bgp_policy *p);
bool cfg_policy_same(const struct cfg_bgp_policy *a, const struct cfg_bgp_policy *b);
int cfg_build_bmp(const struct cfg_load *l, const struct lyd_node *root); /* cfg_bmp.c, as is this one */
int cfg_build_mrt(const struct cfg_load *l, const struct lyd_node *root);
/* Rules that the model can't express, over the finished l->cfg. */
int cfg_check(const struct cfg_load *l);
/* The name of a file as it is opened: relative ones count from the configuration file's directory. path is
 * the leaf's. */
int cfg_resolve_file(
    const struct cfg_load *l, const char *path, const char *file, char *ret_file, size_t cap);
/* Reads a secret file, whose name is resolved already; path is the leaf's. */
int cfg_read_secret(const struct cfg_load *l, const char *path, const char *file, struct secret *ret_secret);

/* The secret in the file that this leaf of node names; without the leaf, or node NULL, nothing happens. */
int cfg_take_secret(
    const struct cfg_load *l, const struct lyd_node *node, const char *leaf, struct secret *ret_secret);

/* Reading data nodes: NULL when absent. */
const struct lyd_node *cfg_child(const struct lyd_node *parent, const char *name);
const char *cfg_value(const struct lyd_node *parent, const char *name);
size_t cfg_count(const struct lyd_node *parent, const char *name);
/* The child after node with the same name; node NULL: the first. */
const struct lyd_node *cfg_next(const struct lyd_node *parent, const char *name, const struct lyd_node *node);
/* Fails when the text is no address, or host bits are set in a prefix. */
int cfg_take_addr(const struct cfg_load *l, const struct lyd_node *node, struct addr *ret_addr);
int cfg_take_prefix(
    const struct cfg_load *l, const struct lyd_node *node, bool strict, struct prefix *ret_prefix);

#endif
