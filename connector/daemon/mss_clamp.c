/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table is never edited: every change replaces the whole of it in one transaction of the kernel, so there
 * is no state between two lists, what a killed run left is gone with the first, and a failure leaves what
 * was. It looks so:
 *
 *   chain forward     { type filter hook forward priority mangle; tcp flags & (syn | rst) == syn jump
 * from-tunnel; ... jump to-tunnel } chain input       { ... jump from-tunnel } chain output      { ... jump
 * to-tunnel } chain from-tunnel { iifname "cw0" meta nfproto ipv4 tcp option maxseg size > 1350 tcp option
 * maxseg size set 1350; ... } chain to-tunnel   { oifname "cw0" ... }
 *
 * So packets that open no connection meet one rule a chain, however many tunnels there are. Interfaces are
 * matched by name: the rules outlive an interface that is made anew.
 */
#include "connector/daemon/mss_clamp.h"

#include "connector/sys/nft.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define IPV4_TCP_HEADERS 40
#define IPV6_TCP_HEADERS 60
#define PRIORITY_MANGLE  (-150) /* NF_IP_PRI_MANGLE */
#define RETRY            mdur_s(60)
#define LOOK_AGAIN       mdur_s(5) /* is the table still there? */

struct mss_clamp {
	struct sys_domain domain;
	const struct logger *log;
	struct mss_clamp_way *wanted, *applied;
	size_t n_wanted, cap_wanted, n_applied;
	bool known; /* false: what the kernel has is unknown, as at the start */
	struct reason error;
	bool warned; /* of this error, and there were tunnels to be told about */
	mtime retry, look;
};

struct mss_clamp_way mss_clamp_way(const char *interface, uint32_t mss, uint32_t mtu)
{
	const uint32_t fit4 = mtu - IPV4_TCP_HEADERS, fit6 = mtu - IPV6_TCP_HEADERS;
	struct mss_clamp_way w = { .ipv4 = mss < fit4 ? mss : fit4, .ipv6 = mss < fit6 ? mss : fit6 };

	memcpy(w.interface, interface, strnlen(interface, sizeof(w.interface) - 1));
	return w;
}

/* --- the document --- */

/* Steals the object. A NULL among them, of memory that ran out, spoils the list. */
static void command(json_t *list, bool *bad, const char *verb, const char *kind, json_t *object)
{
	json_t *c = json_pack("{s:{s:o}}", verb, kind, object);

	if (!c || json_array_append_new(list, c))
		*bad = true;
}

static json_t *table(void)
{
	return json_pack("{s:s, s:s}", "family", "inet", "name", MSS_CLAMP_TABLE);
}

static json_t *chain(const char *name)
{
	return json_pack("{s:s, s:s, s:s}", "family", "inet", "table", MSS_CLAMP_TABLE, "name", name);
}

static json_t *hooked_chain(const char *hook)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "family", "inet", "table", MSS_CLAMP_TABLE,
	    "name", hook, "type", "filter", "hook", hook, "prio", PRIORITY_MANGLE, "policy", "accept");
}

/* Steals the expressions. */
static json_t *rule(const char *in_chain, json_t *expressions)
{
	return json_pack("{s:s, s:s, s:s, s:o}", "family", "inet", "table", MSS_CLAMP_TABLE, "chain",
	    in_chain, "expr", expressions);
}

/* SYN and SYN-ACK carry the option; with RST set it would be neither. */
static json_t *jump_if_opening(const char *target)
{
	return json_pack("[{s:{s:s, s:{s:[{s:{s:s, s:s}}, [s, s]]}, s:s}}, {s:{s:s}}]", "match", "op",
	    "==", "left", "&", "payload", "protocol", "tcp", "field", "flags", "syn", "rst", "right", "syn",
	    "jump", "target", target);
}

/* direction: "iifname" or "oifname"; family: "ipv4" or "ipv6". */
static json_t *lower(const char *direction, const char *interface, const char *family, uint32_t size)
{
	json_t *option = json_pack("{s:{s:s, s:s}}", "tcp option", "name", "maxseg", "field", "size");

	return json_pack(
	    "[{s:{s:s, s:{s:{s:s}}, s:s}}, {s:{s:s, s:{s:{s:s}}, s:s}}, {s:{s:s, s:O, s:i}}, {s:{s:o, s:i}}]",
	    "match", "op", "==", "left", "meta", "key", direction, "right", interface, "match", "op",
	    "==", "left", "meta", "key", "nfproto", "right", family, "match", "op", ">", "left", option,
	    "right", (int)size, "mangle", "key", option, "value", (int)size);
}

static void add_chains(json_t *list, bool *bad)
{
	static const struct {
		const char *hook, *target;
	} jumps[] = { { "forward", "from-tunnel" }, { "forward", "to-tunnel" }, { "input", "from-tunnel" },
		{ "output", "to-tunnel" } };

	command(list, bad, "add", "chain", chain("from-tunnel"));
	command(list, bad, "add", "chain", chain("to-tunnel"));
	command(list, bad, "add", "chain", hooked_chain("forward"));
	command(list, bad, "add", "chain", hooked_chain("input"));
	command(list, bad, "add", "chain", hooked_chain("output"));
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++)
		command(list, bad, "add", "rule", rule(jumps[i].hook, jump_if_opening(jumps[i].target)));
}

static void add_way(json_t *list, bool *bad, const struct mss_clamp_way *w)
{
	command(
	    list, bad, "add", "rule", rule("from-tunnel", lower("iifname", w->interface, "ipv4", w->ipv4)));
	command(
	    list, bad, "add", "rule", rule("from-tunnel", lower("iifname", w->interface, "ipv6", w->ipv6)));
	command(list, bad, "add", "rule", rule("to-tunnel", lower("oifname", w->interface, "ipv4", w->ipv4)));
	command(list, bad, "add", "rule", rule("to-tunnel", lower("oifname", w->interface, "ipv6", w->ipv6)));
}

char *mss_clamp_document(const struct mss_clamp_way way[], size_t n)
{
	json_t *list = json_array(), *doc;
	bool bad = !list;
	char *text = NULL;

	command(list, &bad, "add", "table", table()); /* so that there is one to delete */
	command(list, &bad, "delete", "table", table());
	if (n) {
		command(list, &bad, "add", "table", table());
		add_chains(list, &bad);
	}
	for (size_t i = 0; i < n; i++)
		add_way(list, &bad, &way[i]);
	doc = json_pack("{s:o}", "nftables", list);
	if (doc && !bad)
		text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return text;
}

/* --- in force --- */

struct mss_clamp *mss_clamp_new(const struct sys_domain *domain, const struct logger *log)
{
	struct mss_clamp *c = calloc(1, sizeof(*c));

	if (c) {
		c->domain = *domain;
		c->log = log;
	}
	return c;
}

static void failed(struct mss_clamp *c, const struct reason *why)
{
	if (strcmp(c->error.text, why->text))
		c->warned = false;
	c->error = *why;
	if (c->warned || !c->n_wanted) /* without tunnels nobody misses it */
		return;
	log_warn(c->log, "mss", "%s: %s. TCP's segment size is not held to what the tunnels carry", why->id,
	    why->text);
	c->warned = true;
}

static int run(struct mss_clamp *c)
{
	char *doc = mss_clamp_document(c->wanted, c->n_wanted);
	struct mss_clamp_way *copy = calloc(c->n_wanted + 1, sizeof(*copy));
	struct reason why = { 0 };
	int rc = -1;

	if (!doc || !copy)
		reason_set(&why, "no-memory", "out of memory");
	else
		rc = nft_run(&c->domain, doc, &why);
	free(doc);
	if (rc) {
		free(copy);
		failed(c, &why);
		return -1;
	}
	if (c->warned)
		log_info(c->log, "mss", "nft works again: the tunnels' TCP segment size is held");
	c->warned = false;
	reason_clear(&c->error);
	if (c->n_wanted)
		memcpy(copy, c->wanted, c->n_wanted * sizeof(*copy));
	free(c->applied);
	c->applied = copy;
	c->n_applied = c->n_wanted;
	c->known = true;
	return 0;
}

void mss_clamp_free(struct mss_clamp *c, bool keep)
{
	if (!c)
		return;
	c->n_wanted = 0;
	if (c->n_applied && !keep)
		run(c);
	free(c->wanted);
	free(c->applied);
	free(c);
}

void mss_clamp_begin(struct mss_clamp *c)
{
	c->n_wanted = 0;
}

void mss_clamp_add(struct mss_clamp *c, const char *interface, uint32_t mss, uint32_t mtu)
{
	if (!mss)
		return;
	if (c->n_wanted == c->cap_wanted) {
		size_t cap = c->cap_wanted ? 2 * c->cap_wanted : 8;
		struct mss_clamp_way *more = realloc(c->wanted, cap * sizeof(*more));

		if (!more)
			return; /* not held, and `tunnel show` says so; the next commit tries again */
		c->wanted = more;
		c->cap_wanted = cap;
	}
	c->wanted[c->n_wanted++] = mss_clamp_way(interface, mss, mtu);
}

static bool in_force(const struct mss_clamp *c)
{
	return c->known && c->n_wanted == c->n_applied &&
	       (!c->n_wanted || !memcmp(c->wanted, c->applied, c->n_wanted * sizeof(*c->wanted)));
}

/* `nft flush ruleset`, with which most rule files of administrators begin, takes our table with the rest. */
static void look(struct mss_clamp *c, mtime now)
{
	if (!c->n_applied || !mtime_reached(c->look, now))
		return;
	c->look = mtime_add(now, LOOK_AGAIN);
	if (nft_has_table(&c->domain, MSS_CLAMP_TABLE))
		return;
	log_info(c->log, "mss", "somebody has deleted the table inet " MSS_CLAMP_TABLE ": putting it back");
	c->known = false;
	c->n_applied = 0;
}

void mss_clamp_commit(struct mss_clamp *c, mtime now)
{
	look(c, now);
	if (in_force(c)) {
		reason_clear(&c->error); /* what failed is not wanted any more */
		c->warned = false;
		return;
	}
	/* Also when the list has changed since: a failure is seldom about one interface. */
	if (reason_is_set(&c->error) && !mtime_reached(c->retry, now) && (c->warned || !c->n_wanted))
		return;
	c->look = mtime_add(now, LOOK_AGAIN);
	if (run(c))
		c->retry = mtime_add(now, RETRY);
}

bool mss_clamp_holds(const struct mss_clamp *c, const struct mss_clamp_way *way)
{
	for (size_t i = 0; i < c->n_applied; i++)
		if (!memcmp(&c->applied[i], way, sizeof(*way)))
			return true;
	return false;
}

const struct reason *mss_clamp_error(const struct mss_clamp *c)
{
	return &c->error;
}
