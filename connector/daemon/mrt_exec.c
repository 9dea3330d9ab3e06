/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener of the tap makes records of what it hears and puts them into a recorder, whose thread writes. A
 * session's ends are told by the connection that it has or had, as the records name both addresses.
 */
#include "connector/daemon/mrt_exec.h"

#include "bgp/mrt.h"
#include "connector/daemon/bgp_exec.h"
#include "connector/daemon/bgp_tap.h"
#include "connector/sys/clock.h"
#include "connector/sys/recorder.h"

#include <stdlib.h>
#include <string.h>

#define TYPE_AT (BGP_HEADER_LEN - 1)

struct mrt_exec {
	struct domain *domain;
	struct cfg_mrt cfg;
	struct recorder *recorder; /* NULL: nothing is recorded */
	struct loop_watch *watch;
	struct bgp_tap_listener listener;
	bool failing;       /* and said so */
	uint64_t told_full; /* drops that the log knows of */
	uint8_t record[MRT_BGP4MP_MAX];
};

static bool session_of(const struct mrt_exec *m, const struct bgp_tap_peer *tap, struct mrt_session *ret)
{
	const struct cfg_bgp *b = bgp_exec_config_of(m->domain, tap->id);

	if (!b)
		return false;
	*ret = (struct mrt_session){ .peer_as = b->peer_as,
		.local_as = m->domain->config->cfg->as,
		.peer = b->peer,
		.local = b->local,
		.four_octet_as = tap->four_octet_as,
		.path_ids = { tap->path_ids[BGP_IPV4], tap->path_ids[BGP_IPV6] } };
	return true;
}

static uint32_t now(void)
{
	return (uint32_t)clock_wall(clock_now());
}

static void put(struct mrt_exec *m, const struct wr *w)
{
	if (wr_ok(w))
		recorder_put(m->recorder, w->start, wr_len(w));
}

static void on_message(void *ctx, const struct bgp_tap_peer *tap, const uint8_t *data, size_t len)
{
	struct mrt_exec *m = ctx;
	struct wr w = wr_init(m->record, sizeof(m->record));
	struct mrt_session s;

	if (len <= TYPE_AT || (m->cfg.updates_only && data[TYPE_AT] != BGP_MSG_UPDATE) ||
	    !session_of(m, tap, &s))
		return;
	mrt_message(&w, now(), &s, data, len);
	put(m, &w);
}

/* RFC 6396 4.4.1: states from 1, Idle, to 6, Established. */
static void on_state(void *ctx, const struct bgp_tap_peer *tap, enum bgp_state was, const struct reason *why)
{
	struct mrt_exec *m = ctx;
	struct wr w = wr_init(m->record, sizeof(m->record));
	struct mrt_session s;

	(void)why;
	if (!session_of(m, tap, &s))
		return;
	mrt_state_change(&w, now(), &s, (uint16_t)(was + 1), (uint16_t)(tap->state + 1));
	put(m, &w);
}

/* It has begun to fail, or works again, or the queue has been full. */
static void on_event(void *ctx, int fd, unsigned what)
{
	struct mrt_exec *m = ctx;
	const struct logger *log = m->domain->log;
	struct recorder_view v;
	struct reason why;

	(void)fd;
	(void)what;
	recorder_heard(m->recorder);
	recorder_view(m->recorder, &v);
	if (reason_is_set(&v.error) && !m->failing)
		log_error(log, "mrt", "%s: %s", v.error.id, v.error.text);
	else if (!reason_is_set(&v.error) && m->failing)
		log_info(log, "mrt", "recording goes on, to %s; %llu records were not written", v.file,
		    (unsigned long long)v.dropped_failed);
	m->failing = reason_is_set(&v.error);
	if (v.dropped_full && !m->told_full) {
		reason_set(&why, "record-queue-full",
		    "the disk is slower than what comes: some records are not written; `causeway bgp summary "
		    "--json` counts them");
		log_warn(log, "mrt", "%s: %s", why.id, why.text);
	}
	m->told_full = v.dropped_full;
}

static void stop(struct mrt_exec *m)
{
	if (!m->recorder)
		return;
	bgp_tap_leave(m->domain->tap, &m->listener);
	loop_watch_free(m->watch);
	recorder_free(m->recorder);
	m->recorder = NULL;
	m->watch = NULL;
}

static void start(struct mrt_exec *m)
{
	struct domain *d = m->domain;
	struct recorder_config c = {
		.rotate = m->cfg.rotate, .rotate_bytes = m->cfg.rotate_bytes, .keep = m->cfg.keep
	};

	memcpy(c.file, m->cfg.file, sizeof(c.file));
	m->recorder = recorder_new(&c);
	m->failing = false;
	m->told_full = 0;
	if (m->recorder)
		m->watch = loop_watch_new(d->loop, recorder_event_fd(m->recorder), LOOP_READ, on_event, m);
	if (m->watch) {
		bgp_tap_listen(d->tap, &m->listener);
		return;
	}
	recorder_free(m->recorder);
	m->recorder = NULL;
	log_error(d->log, "mrt", "no-memory: nothing is recorded: no memory, threads or descriptors");
}

struct mrt_exec *mrt_exec_new(struct domain *d)
{
	struct mrt_exec *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->domain = d;
	m->listener =
	    (struct bgp_tap_listener){ .ctx = m, .messages = true, .message = on_message, .state = on_state };
	return m;
}

void mrt_exec_free(struct mrt_exec *m)
{
	if (!m)
		return;
	stop(m);
	free(m);
}

static bool same(const struct cfg_mrt *a, const struct cfg_mrt *b)
{
	return !strcmp(a->file, b->file) && a->updates_only == b->updates_only &&
	       a->rotate.ns == b->rotate.ns && a->rotate_bytes == b->rotate_bytes && a->keep == b->keep;
}

void mrt_exec_configure(struct mrt_exec *m, const struct cfg_mrt *cfg)
{
	if (same(&m->cfg, cfg))
		return;
	stop(m);
	m->cfg = *cfg;
	if (cfg->file[0])
		start(m);
}

void mrt_exec_view(const struct mrt_exec *m, struct view_mrt *ret_view)
{
	struct recorder_view v;

	*ret_view = (struct view_mrt){ .on = m->cfg.file[0] };
	if (!m->recorder)
		return;
	recorder_view(m->recorder, &v);
	memcpy(ret_view->file, v.file, sizeof(ret_view->file));
	ret_view->records = v.records;
	ret_view->bytes = v.bytes;
	ret_view->files = v.files;
	ret_view->waiting = v.waiting;
	ret_view->dropped_full = v.dropped_full;
	ret_view->dropped_failed = v.dropped_failed;
	ret_view->error = v.error;
}
