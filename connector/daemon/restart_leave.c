/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The restart record's two ends: written by a daemon that leaves, read by the one that comes, and deleted as
 * soon as its configuration is in force (restart_applied): a start that fails before leaves it to the next.
 * It names things of the kernel that the successor will not delete, so it is believed only from a file of our
 * own that nobody else could write, of this boot and this network namespace, and in time.
 */
#include "connector/daemon/restart.h"

#include "connector/daemon/domain.h"
#include "connector/daemon/tunnel.h"
#include "connector/sys/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE mdur_s(5)   /* by which the kernel outwaits the successor's deadline */
#define AT_LEAST mdur_s(120) /* for tunnels; a LAN peer's short restart time is not theirs */
#define BOOT_ID  "/proc/sys/kernel/random/boot_id"
#define NETNS    "/proc/self/ns/net"

static void boot_id(char id[40])
{
	FILE *f = fopen(BOOT_ID, "re");

	if (!f || fscanf(f, "%39s", id) != 1)
		snprintf(id, 40, "unknown");
	if (f)
		fclose(f);
}

static uint64_t netns(void)
{
	struct stat st;

	return stat(NETNS, &st) ? 0 : (uint64_t)st.st_ino;
}

/* --- leaving --- */

int restart_possible(const struct domain *d, struct reason *ret_why_not)
{
	if (list_empty(&d->tunnels) || d->plane_kind == PLANE_KERNEL)
		return 0;
	return reason_set(ret_why_not, "restart-user-plane",
	    "ESP runs in this process (data-plane user) and ends with it, so nothing can be kept over a "
	    "restart: "
	    "the peers are told, and routes and interfaces are taken out");
}

/* Between which outer addresses it runs; while it takes over itself, as its predecessor said. */
static bool outer_of(const struct tunnel *t, struct addr *local, struct addr *remote)
{
	const struct restart_tunnel *before = restart_of_name(t->domain, t->name);
	struct ike_conn_view *v = calloc(1, sizeof(*v));
	bool known = v && t->facts.child && !ike_conn_view(t->domain->ike, t->id, v);

	if (known) {
		*local = v->local.addr;
		*remote = v->remote.addr;
	} else if (before) {
		*local = before->local;
		*remote = before->remote;
	}
	free(v);
	return known || before;
}

static int note_tunnel(struct restart_record *r, const struct tunnel *t)
{
	struct restart_tunnel *to;
	struct plane_kept kept;
	struct addr local, remote;

	if (!t->ifindex || t->life != TUNNEL_ACTIVE || !t->admin_up ||
	    !plane_keeps(t->domain->plane, t->plane_id, &kept) || !outer_of(t, &local, &remote))
		return 0;
	to = restart_record_tunnel(r);
	if (!to)
		return -1;
	snprintf(to->name, sizeof(to->name), "%s", t->name);
	to->kept = kept;
	to->local = local;
	to->remote = remote;
	for (unsigned i = 0; i < t->cfg->n_inside; i++)
		to->inside[to->n_inside++] = t->cfg->inside[i];
	return 0;
}

/* A peer whose session stood; *time: the longest that we said to be away at most. */
static int note_peer(struct domain *d, struct restart_record *r, uint32_t id, const char *name, mdur *time)
{
	struct bgp_peer_view v;
	struct restart_peer *p;
	struct reason why;

	if (!d->bgp || bgp_peer_view(d->bgp, id, &v) || v.state != BGP_ESTABLISHED)
		return 0;
	p = restart_record_peer(r);
	if (!p)
		return -1;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->family[0] = v.ipv4;
	p->family[1] = v.ipv6;
	if (v.session.our_restart.time.ns > time->ns)
		*time = v.session.our_restart.time;
	if (!v.session.our_restart.family[0] && !v.session.our_restart.family[1]) {
		reason_set(&why, "restart-peer-not-full",
		    "it was not asked to keep our routes while we restart and will withdraw them; "
		    "`\"graceful-restart\": {\"mode\": \"full\"}` asks it to");
		log_warn(d->log, name, "%s: %s", why.id, why.text);
	}
	return 0;
}

/* Those whose session has not come back yet since the last restart: they still keep our routes for that. */
static int note_awaited(const struct domain *d, struct restart_record *r, mdur *time)
{
	const struct restart_record *before = d->reconciled ? NULL : d->restart;

	for (size_t i = 0; before && i < before->n_peer; i++) {
		struct restart_peer *p;
		bool known = false;

		for (size_t k = 0; k < r->n_peer; k++)
			known |= !strcmp(r->peer[k].name, before->peer[i].name);
		if (known)
			continue;
		p = restart_record_peer(r);
		if (!p)
			return -1;
		*p = before->peer[i];
		if (!time->ns)
			*time = mtime_since(before->until, before->left);
	}
	return 0;
}

/* Does a tunnel still carry by nothing but its predecessor's SAs? We don't have their keys, so their lifetime
 * can't be changed: they end when the first restart's time is over. */
static bool in_old_hands(const struct domain *d)
{
	list_for_each ((struct list *)&d->tunnels, struct tunnel, t, node)
		if (d->restart && !t->facts.child && t->ifindex && plane_has_old(d->plane, t->plane_id))
			return true;
	return false;
}

static int note_all(struct domain *d, struct restart_record *r)
{
	mdur time = mdur_s(0);
	int rc = 0;

	list_for_each (&d->tunnels, struct tunnel, t, node) {
		rc |= note_tunnel(r, t);
		rc |= t->cfg->have_bgp ? note_peer(d, r, t->id, t->name, &time) : 0;
	}
	list_for_each (&d->lan_peers, struct lan_peer, p, node)
		rc |= note_peer(d, r, p->id, p->name, &time);
	rc |= note_awaited(d, r, &time);
	if (!time.ns || (r->n_tunnel && time.ns < AT_LEAST.ns))
		time = AT_LEAST;
	boot_id(r->boot);
	r->netns = netns();
	r->left = clock_now();
	r->until = mtime_add(r->left, time);
	if (in_old_hands(d))
		r->until = mtime_min(r->until, d->restart->until);
	return rc;
}

/* Whole or not at all, and on the disk before we go. */
static int write_file(const char *dir, const char *text, size_t len, struct reason *ret_reason)
{
	char path[4096], fresh[4096];
	int fd, rc;

	if (snprintf(path, sizeof(path), "%s/" RESTART_FILE, dir) >= (int)sizeof(path) ||
	    snprintf(fresh, sizeof(fresh), "%s/" RESTART_FILE ".new", dir) >= (int)sizeof(fresh))
		return reason_set(
		    ret_reason, "restart-record-unwritten", "the state directory's name is too long");
	(void)unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	rc = fd >= 0 && write(fd, text, len) == (ssize_t)len && !fsync(fd) ? 0 : -1;
	if (fd >= 0 && close(fd))
		rc = -1;
	if (!rc)
		rc = rename(fresh, path);
	if (rc)
		return reason_set(
		    ret_reason, "restart-record-unwritten", "%s can't be written: %s", path, strerror(errno));
	return 0;
}

int restart_leave(struct domain *d, const char *state_dir, struct reason *ret_reason)
{
	struct restart_record *r = calloc(1, sizeof(*r));
	size_t len = 0;
	char *text = r && !note_all(d, r) ? restart_record_build(r, &len) : NULL;
	int rc;

	if (!text)
		rc = reason_set(ret_reason, "no-memory", "out of memory");
	else
		rc = write_file(state_dir, text, len, ret_reason);
	if (!rc) {
		log_info(d->log, "restart",
		    "leaving %zu tunnels and the routes in the kernel for the next start, within %lld s; %zu "
		    "BGP "
		    "sessions end without a word",
		    r->n_tunnel, (long long)mdur_to_s(mtime_since(r->until, r->left)), r->n_peer);
		d->leaving = true;
		plane_leave(d->plane, (mdur){ mtime_since(r->until, r->left).ns + PATIENCE.ns });
	}
	free(text);
	restart_record_free(r);
	return rc;
}

/* --- coming back --- */

static int refuse(struct reason *ret_reason, const char *path, const char *what)
{
	return reason_set(ret_reason, "restart-record-refused", "%s %s", path, what);
}

static int read_file(const char *path, char **ret_text, size_t *ret_len, struct reason *ret_reason)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;
	char *text;

	if (fd < 0)
		return refuse(ret_reason, path, "can't be opened, or is a link");
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077 ||
	    st.st_size > (off_t)RESTART_FILE_MAX) {
		close(fd);
		return refuse(ret_reason, path, "is not a file of ours that only we may read");
	}
	text = malloc((size_t)st.st_size + 1);
	if (text)
		n = read(fd, text, (size_t)st.st_size);
	close(fd);
	if (n != st.st_size) {
		free(text);
		return refuse(ret_reason, path, "can't be read");
	}
	*ret_text = text;
	*ret_len = (size_t)n;
	return 0;
}

static int check(const struct restart_record *r, struct reason *ret_reason)
{
	mtime now = clock_now();
	char boot[40];

	boot_id(boot);
	if (strcmp(boot, r->boot) != 0)
		return reason_set(ret_reason, "restart-record-refused",
		    "the restart record is of another boot; the kernel has nothing left of it");
	if (netns() != r->netns)
		return reason_set(ret_reason, "restart-record-refused",
		    "the restart record is of another network namespace (of another instance?)");
	if (r->left.ns > now.ns)
		return reason_set(
		    ret_reason, "restart-record-refused", "the restart record is of the future");
	if (mtime_reached(r->until, now))
		return reason_set(ret_reason, "restart-record-late",
		    "the restart time was over %lld s ago: peers have given up our routes, and what the run "
		    "before left in the kernel is removed",
		    (long long)mdur_to_s(mtime_since(now, r->until)));
	return 0;
}

struct restart_record *restart_load(const char *state_dir, const struct logger *log)
{
	struct restart_record *r = NULL;
	struct reason why = { 0 };
	char path[4096], *text = NULL;
	struct stat st;
	size_t len = 0;
	bool foreign = false;

	if (snprintf(path, sizeof(path), "%s/" RESTART_FILE, state_dir) >= (int)sizeof(path) ||
	    lstat(path, &st))
		return NULL;
	if (!read_file(path, &text, &len, &why))
		r = restart_record_parse(text, len, &why);
	if (r && check(r, &why)) {
		foreign = r->netns != netns(); /* another instance's, which may come for it */
		restart_record_free(r);
		r = NULL;
	}
	free(text);
	if (r) {
		r->file = strdup(path);
		if (!r->file) {
			reason_set(&why, "no-memory", "no memory for the restart record");
			restart_record_free(r);
			r = NULL;
		}
	}
	if (!r && !foreign)
		(void)unlink(path);
	if (!r)
		log_warn(log, "restart", "%s: %s", why.id, why.text);
	return r;
}
