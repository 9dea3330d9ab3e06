/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a tunnel carry packets? IKE's own probes show that the peer's IKE lives; this watches the data plane,
 * and is pure: facts and now in, one thing to do out. Polled about once a second while there is a child SA.
 *
 * Packets that leave while nothing authenticated comes back for `interval` are suspicious: echo requests go
 * through the tunnel, one a second, for `timeout`. Anything that comes in ends the suspicion. If nothing
 * does, it depends on whether the far end has ever answered an echo:
 *
 * - It has: the tunnel doesn't pass. Its learned routes are withdrawn at once, and the child SA is rekeyed;
 * if echoes through the new one stay unanswered too, the tunnel is restarted, at most once in a pause that
 *   doubles from RESTART_MIN to RESTART_MAX. Only an answered echo says that it passes again.
 * - It never has: silence proves nothing (many gateways drop pings, some traffic is one way). The child SA is
 *   rekeyed, which costs no packet, with a pause that doubles from REKEY_MIN to REKEY_MAX; no more.
 *
 * Time in which we ourselves did not run (a suspended machine, a process held up) says nothing of the tunnel:
 * every period begins anew.
 *
 * A new child SA through which nothing has come yet gets an echo at once, so that a tunnel proves itself
 * before its first user does.
 */
#ifndef CW_DAEMON_PATH_WATCH_H
#define CW_DAEMON_PATH_WATCH_H

#include "base/mtime.h"

#include <stdbool.h>
#include <stdint.h>

#define PATH_WATCH_RESTART_MIN mdur_s(60)
#define PATH_WATCH_RESTART_MAX mdur_s(1800)
#define PATH_WATCH_REKEY_MIN   mdur_s(600)
#define PATH_WATCH_REKEY_MAX   mdur_s(86400)

enum path_stage {
	PATH_IDLE,     /* no child SA */
	PATH_QUIET,    /* nothing suspicious */
	PATH_SUSPECT,  /* packets go out, none come in: echoes are on their way */
	PATH_REKEYING, /* none was answered: waiting for a new child SA */
	PATH_RETRYING, /* echoes through the new one */
	PATH_DEAD,     /* none was answered either: restarting, or waiting until that is allowed */
};

enum path_action {
	PATH_NOTHING,
	PATH_PROBE,  /* send an echo request */
	PATH_REKEY,  /* rekey the child SA; it may pass all the same */
	PATH_REVOKE, /* the tunnel doesn't pass any more: withdraw, and rekey the child SA */
	PATH_RESTART,
};

struct path_watch {
	mdur interval; /* 0: no watch */
	mdur timeout;
	enum path_stage stage;
	bool ever_answered; /* by the present target; outlives child SAs */
	bool revoked;
	mtime polled;    /* last */
	mtime since;     /* of the stage */
	mtime out_since; /* the first packet out that nothing has come in after; NEVER: none */
	mtime next_probe;
	unsigned hellos; /* echoes through a child SA that nothing has come through */
	uint64_t out;
	mtime in;
	uint32_t spi;
	mtime restart_allowed, rekey_allowed, healthy_since;
	mdur restart_pause, rekey_pause;
};

struct path_facts {
	uint64_t out;    /* packets of users sealed so far, echoes not among them */
	mtime in;        /* the last authenticated packet; {0}: none */
	uint32_t spi_in; /* of the child SA in use */
	bool passing;
	bool can_probe; /* there is an address to send echoes to */
};

void path_watch_init(struct path_watch *w);
/* Also later, when the configuration has changed; interval 0 ends what was revoked. forget: the far end's
 * address is another one. */
void path_watch_config(struct path_watch *w, mdur interval, mdur timeout, bool forget);
void path_watch_up(struct path_watch *w, const struct path_facts *f, mtime now);
void path_watch_down(struct path_watch *w);
/* An echo was answered. True: the tunnel passes again after PATH_REVOKE. */
bool path_watch_answered(struct path_watch *w, mtime now);
enum path_action path_watch_poll(struct path_watch *w, const struct path_facts *f, mtime now);

#endif
