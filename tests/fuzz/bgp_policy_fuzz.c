/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy over what peers send. Input: three texts, each behind a byte of its length (an AS-path pattern, a
 * community to add, one to remove), then the path attributes of an UPDATE. Whatever they are, what policy
 * makes of sound attributes is sound: a path that parses, whole communities, attributes that travel on each
 * once and in order.
 */
#include "bgp/as_regex.h"
#include "bgp/attr.h"
#include "bgp/policy_apply.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct attr_scratch scratch;
static struct policy_room room;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void take_text(struct rd *r, char text[256])
{
	size_t n = rd_left(r) ? rd_u8(r) : 0;

	if (n > rd_left(r))
		n = rd_left(r);
	if (n)
		rd_bytes(r, text, n);
	text[n] = '\0';
}

static void check_path(struct bytes path)
{
	uint8_t again[POLICY_ROOM / 8];
	struct wr w = wr_init(again, sizeof(again));

	must(as_path_parse(rd_init(path.p, path.len), true, &w) == 0);
	must(wr_len(&w) == path.len);
}

static void check_other(struct bytes other)
{
	struct rd r = rd_init(other.p, other.len);
	int last = -1;

	while (rd_left(&r)) {
		uint8_t type = rd_u8(&r);

		(void)rd_u8(&r);
		(void)rd_sub(&r, rd_u16(&r));
		must(rd_ok(&r));
		if (type == BGP_ATTR_LARGE_COMMUNITIES || type == BGP_ATTR_EXT_COMMUNITIES)
			must(type != last);
		last = type;
	}
	must(rd_done(&r));
}

static void apply(const struct attrs *a, const char *pattern, const struct bgp_community *add, size_t n_add,
    const struct bgp_community *remove, size_t n_remove)
{
	struct policy_context ctx = { .own_as = 65001, .peer_as = 65515, .from = "a/b" };
	struct prefix p = { addr_v4(0x0a000000), 8 };
	struct bgp_path_list *path = bgp_path_list_new(&pattern, 1, NULL);
	struct bgp_policy_rule rule = { .name = "r",
		.match.path = path,
		.set = { .prepend = 3,
		    .add = (struct bgp_community *)add,
		    .n_add = n_add,
		    .remove = (struct bgp_community *)remove,
		    .n_remove = n_remove } };
	struct bgp_policy_chain chain = { { bgp_policy_new("p", &rule, 1, BGP_POLICY_ACCEPT) }, 1 };
	struct policy_result r;

	must(chain.policy[0] != NULL);
	policy_apply(&chain, &p, a, &ctx, &room, &r);
	must(r.accepted || r.no_room);
	if (r.accepted) {
		check_path(r.attrs.as_path);
		must(r.attrs.communities.len % 4 == 0);
		check_other(r.attrs.other);
	}
	bgp_policy_chain_put(&chain);
	bgp_path_list_put(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct attr_context ctx = { .four_octet = true };
	struct rd r = rd_init(data, size);
	char pattern[256], added[256], removed[256];
	struct bgp_community add, remove;
	static struct attr_view view;
	size_t n_add, n_remove;

	take_text(&r, pattern);
	take_text(&r, added);
	take_text(&r, removed);
	n_add = bgp_community_parse(added, &add) == 0 && bgp_community_exact(&add);
	n_remove = bgp_community_parse(removed, &remove) == 0;
	attrs_parse(r, &ctx, &scratch, &view);
	if (view.faults.n == 0)
		apply(&view.attrs, pattern, &add, n_add, &remove, n_remove);
	return 0;
}
