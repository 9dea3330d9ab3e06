/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The restart record as text. A line is cut into words first; a table says what each kind of line takes. What
 * is unknown, out of place or incomplete refuses the whole: half a record could leave half of a tunnel.
 */
#include "connector/daemon/restart_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD      "causeway-restart"
#define VERSION   1
#define WORDS_MAX 6

/* A list of n rows with room for one more: it doubles when it is full. NULL: no memory. */
static void *with_room(void *list, size_t n, size_t size)
{
	bool full = !(n & (n - 1)); /* 0 or a power of two */

	return full ? reallocarray(list, n ? 2 * n : 1, size) : list;
}

struct restart_tunnel *restart_record_tunnel(struct restart_record *r)
{
	struct restart_tunnel *list =
	    r->n_tunnel < RESTART_TUNNELS_MAX ? with_room(r->tunnel, r->n_tunnel, sizeof(*list)) : NULL;

	if (!list)
		return NULL;
	r->tunnel = list;
	memset(&list[r->n_tunnel], 0, sizeof(*list));
	return &list[r->n_tunnel++];
}

struct restart_peer *restart_record_peer(struct restart_record *r)
{
	struct restart_peer *list =
	    r->n_peer < RESTART_PEERS_MAX ? with_room(r->peer, r->n_peer, sizeof(*list)) : NULL;

	if (!list)
		return NULL;
	r->peer = list;
	memset(&list[r->n_peer], 0, sizeof(*list));
	return &list[r->n_peer++];
}

void restart_record_free(struct restart_record *r)
{
	if (!r)
		return;
	free(r->tunnel);
	free(r->peer);
	free(r->file);
	free(r);
}

/* --- building --- */

static int64_t ms_of(mtime t)
{
	return t.ns / 1000000;
}

static void build_tunnel(FILE *f, const struct restart_tunnel *t)
{
	const struct plane_kept *k = &t->kept;

	fprintf(f, "tunnel %s %s %d %" PRIx32 " %" PRIu32 "\n", t->name, k->interface, k->ifindex, k->if_id,
	    k->mtu);
	fprintf(f, "outer %s", addr_str(&t->local));
	fprintf(f, " %s\n", addr_str(&t->remote));
	for (unsigned i = 0; i < t->n_inside; i++)
		fprintf(f, "inside %s\n", prefix_str(&t->inside[i]));
	for (unsigned i = 0; i < k->n_sa; i++)
		fprintf(f, "sa %s %" PRIx32 " %s\n", k->sa[i].inbound ? "in" : "out", k->sa[i].spi,
		    addr_str(&k->sa[i].dst));
}

char *restart_record_build(const struct restart_record *r, size_t *ret_len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_len);
	bool failed;

	if (!f)
		return NULL;
	fprintf(f, "%s %d\nboot %s\nnetns %" PRIu64 "\nleft %" PRId64 "\nuntil %" PRId64 "\n", HEAD, VERSION,
	    r->boot, r->netns, ms_of(r->left), ms_of(r->until));
	for (size_t i = 0; i < r->n_tunnel; i++)
		build_tunnel(f, &r->tunnel[i]);
	for (size_t i = 0; i < r->n_peer; i++)
		fprintf(f, "peer %s%s%s\n", r->peer[i].name, r->peer[i].family[0] ? " ipv4" : "",
		    r->peer[i].family[1] ? " ipv6" : "");
	fprintf(f, "end\n");
	failed = ferror(f);
	if (fclose(f) || failed) {
		free(text);
		return NULL;
	}
	return text;
}

/* --- parsing --- */

struct words {
	char *word[WORDS_MAX];
	unsigned n;
};

struct parser {
	struct restart_record *r;
	struct restart_tunnel *tunnel; /* the last one; NULL: none yet */
	unsigned line;
	unsigned heads; /* bits of the lines that come once */
	bool ended;
};

static int take_number(const char *word, int base, uint64_t max, uint64_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t value = 0;

	if (!word[0])
		return -1;
	for (; *word; word++) {
		const char *at = memchr(digits, *word, (size_t)base);
		uint64_t digit = at ? (uint64_t)(at - digits) : 0;

		if (!at || digit > max || value > (max - digit) / (uint64_t)base)
			return -1;
		value = value * (uint64_t)base + digit;
	}
	*ret = value;
	return 0;
}

static int take_u32(const char *word, int base, uint32_t *ret)
{
	uint64_t value;

	if (take_number(word, base, UINT32_MAX, &value))
		return -1;
	*ret = (uint32_t)value;
	return 0;
}

static int take_text(const char *word, char *to, size_t cap)
{
	if (strlen(word) >= cap)
		return -1;
	snprintf(to, cap, "%s", word);
	return 0;
}

static int take_time(const char *word, mtime *ret)
{
	uint64_t ms;

	if (take_number(word, 10, INT64_MAX / 1000000, &ms))
		return -1;
	ret->ns = (int64_t)ms * 1000000;
	return 0;
}

static int on_head(struct parser *p, const struct words *w)
{
	uint64_t version;

	return p->line == 1 && !take_number(w->word[1], 10, UINT32_MAX, &version) && version == VERSION ? 0
	                                                                                                : -1;
}

static int on_boot(struct parser *p, const struct words *w)
{
	return take_text(w->word[1], p->r->boot, sizeof(p->r->boot));
}

static int on_netns(struct parser *p, const struct words *w)
{
	return take_number(w->word[1], 10, UINT64_MAX, &p->r->netns);
}

static int on_left(struct parser *p, const struct words *w)
{
	return take_time(w->word[1], &p->r->left);
}

static int on_until(struct parser *p, const struct words *w)
{
	return take_time(w->word[1], &p->r->until);
}

static int on_tunnel(struct parser *p, const struct words *w)
{
	struct restart_tunnel *t = restart_record_tunnel(p->r);
	uint32_t ifindex;

	p->tunnel = t;
	if (!t || take_text(w->word[1], t->name, sizeof(t->name)) ||
	    take_text(w->word[2], t->kept.interface, sizeof(t->kept.interface)) ||
	    take_u32(w->word[3], 10, &ifindex) || ifindex > INT32_MAX ||
	    take_u32(w->word[4], 16, &t->kept.if_id))
		return -1;
	t->kept.ifindex = (int)ifindex;
	return take_u32(w->word[5], 10, &t->kept.mtu);
}

static int on_outer(struct parser *p, const struct words *w)
{
	if (!p->tunnel)
		return -1;
	return addr_parse(w->word[1], &p->tunnel->local) || addr_parse(w->word[2], &p->tunnel->remote) ? -1
	                                                                                               : 0;
}

static int on_inside(struct parser *p, const struct words *w)
{
	struct restart_tunnel *t = p->tunnel;

	if (!t || t->n_inside == RESTART_INSIDE_MAX ||
	    prefix_parse(w->word[1], false, &t->inside[t->n_inside]))
		return -1;
	t->n_inside++;
	return 0;
}

static int on_sa(struct parser *p, const struct words *w)
{
	struct plane_kept *k = p->tunnel ? &p->tunnel->kept : NULL;
	struct plane_kept_sa *sa;

	if (!k || k->n_sa == PLANE_KEPT_SAS)
		return -1;
	sa = &k->sa[k->n_sa];
	sa->inbound = !strcmp(w->word[1], "in");
	if ((!sa->inbound && strcmp(w->word[1], "out") != 0) || take_u32(w->word[2], 16, &sa->spi) ||
	    addr_parse(w->word[3], &sa->dst))
		return -1;
	k->n_sa++;
	return 0;
}

static int on_peer(struct parser *p, const struct words *w)
{
	struct restart_peer *peer = restart_record_peer(p->r);

	if (!peer || take_text(w->word[1], peer->name, sizeof(peer->name)))
		return -1;
	for (unsigned i = 2; i < w->n; i++) {
		bool v6 = !strcmp(w->word[i], "ipv6");

		if ((!v6 && strcmp(w->word[i], "ipv4") != 0) || peer->family[v6])
			return -1;
		peer->family[v6] = true;
	}
	return 0;
}

static int on_end(struct parser *p, const struct words *w)
{
	(void)w;
	p->ended = true;
	return 0;
}

static const struct kind {
	const char *word;
	unsigned least, most; /* words */
	bool once;
	int (*take)(struct parser *p, const struct words *w);
} kinds[] = {
	{ HEAD, 2, 2, true, on_head },
	{ "boot", 2, 2, true, on_boot },
	{ "netns", 2, 2, true, on_netns },
	{ "left", 2, 2, true, on_left },
	{ "until", 2, 2, true, on_until },
	{ "tunnel", 6, 6, false, on_tunnel },
	{ "outer", 3, 3, false, on_outer },
	{ "inside", 2, 2, false, on_inside },
	{ "sa", 4, 4, false, on_sa },
	{ "peer", 2, 4, false, on_peer },
	{ "end", 1, 1, true, on_end },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int take_line(struct parser *p, const struct words *w)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		const struct kind *k = &kinds[i];

		if (strcmp(w->word[0], k->word) != 0)
			continue;
		if (p->ended || w->n < k->least || w->n > k->most || (k->once && p->heads & 1u << i) ||
		    (p->line == 1) != (i == 0))
			return -1;
		p->heads |= k->once ? 1u << i : 0;
		return k->take(p, w);
	}
	return -1;
}

/* -1: more words than any line has, or none. */
static int cut(char *line, struct words *w)
{
	char *rest = NULL;

	w->n = 0;
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (w->n == WORDS_MAX)
			return -1;
		w->word[w->n++] = word;
	}
	return w->n ? 0 : -1;
}

static bool whole(const struct parser *p)
{
	unsigned all = 0;

	for (size_t i = 0; i < N_KINDS; i++)
		all |= kinds[i].once ? 1u << i : 0;
	return p->heads == all && p->r->until.ns >= p->r->left.ns;
}

static int parse(struct parser *p, char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct words w;

		p->line++;
		if (cut(line, &w) || take_line(p, &w))
			return -1;
	}
	p->line++;
	return whole(p) ? 0 : -1;
}

struct restart_record *restart_record_parse(const char *text, size_t len, struct reason *ret_reason)
{
	struct parser p = { .r = calloc(1, sizeof(*p.r)) };
	char *copy = len <= RESTART_FILE_MAX ? malloc(len + 1) : NULL; /* cut by its parser */

	if (copy) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	if (p.r && copy && len && text[len - 1] == '\n' && strlen(copy) == len && !parse(&p, copy)) {
		free(copy);
		return p.r;
	}
	reason_set(ret_reason, "restart-record-refused",
	    "the restart record is no whole record of version %d (line %u)", VERSION, p.line);
	free(copy);
	restart_record_free(p.r);
	return NULL;
}
