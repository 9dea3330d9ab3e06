/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the state machine share (fsm.c, fsm_peer.c, fsm_open.c, fsm_timers.c); the rest of the
 * folder uses what core.h shows of it.
 */
#ifndef CW_BGP_FSM_H
#define CW_BGP_FSM_H

#include "bgp/core.h"

/* fsm_peer.c */
void fsm_note_state(struct peer *p, const struct reason *why); /* every change of any session ends here */
mtime fsm_in_about(struct peer *p, mdur d);                    /* jittered */
bool fsm_is_stale(const struct session *s); /* open for long, and no OPEN came: no rival to the next */
void fsm_retry(struct peer *p);             /* the ConnectRetryTimer */
/* One connection ends; the peer's own state is the caller's business. */
void fsm_end_session(
    struct session *s, const struct notify *notify, const struct reason *why, bool closed_already);

/* fsm.c */
void fsm_close_with(struct session *s, uint8_t code, uint8_t subcode, const char *id, const char *text);

/* fsm_open.c: cells of the table */
void fsm_on_open(struct session *s, const struct fsm_fact *f);
void fsm_on_confirmed(struct session *s, const struct fsm_fact *f);

#endif
