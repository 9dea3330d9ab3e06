/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EAP-TLS (RFC 5216; with TLS 1.3 RFC 9190): TLS records in pieces. A flight of records is sent in fragments
 * of EAP_TLS_FRAGMENT octets, the first with the whole length (L), all but the last with M; each is
 * acknowledged by an empty packet. A server begins with an empty packet that has S.
 *
 * The pieces are put together at once; the records are looked at by eap_tls_work, on any thread. What the
 * other side may send in one flight is bounded, and so are the rounds (eap_session.c).
 *
 * The end: the server has sent all it has, the client answers with nothing, the server says Success. When TLS
 * fails, its alert is sent like any other record, so that the other side can tell why.
 */
#include "ike/eap_internal.h"

#include "base/tls.h"
#include "ike/eap_alert.h"

#include <stdlib.h>
#include <string.h>

#define FLAG_LENGTH 0x80
#define FLAG_MORE   0x40
#define FLAG_START  0x20
#define FRAGMENT    1024    /* octets of TLS in a packet: fits an IKE message that IP need not cut */
#define FLIGHT_MAX  0x10000 /* octets of one flight of the other side */

struct eap_tls {
	struct tls *tls;
	uint8_t *flight; /* of the other side, as far as it has come */
	size_t flight_len, flight_total;
	bool started;
	size_t left_total; /* of our flight when its first fragment goes: for L */
	bool first;        /* the next fragment of ours is its flight's first */
};

struct eap_tls *eap_tls_new(const struct credentials *credentials, bool server, bool only_12)
{
	struct eap_tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->tls = tls_new(credentials, server, only_12);
	if (!t->tls) {
		free(t);
		return NULL;
	}
	return t;
}

void eap_tls_free(struct eap_tls *t)
{
	if (!t)
		return;
	tls_free(t->tls);
	free(t->flight);
	free(t);
}

static enum eap_step bad(struct eap *e, const char *what)
{
	reason_set(&e->why, "ike-eap-malformed", "an EAP-TLS packet can't be used: %s", what);
	return EAP_STEP_FAILED;
}

/* Our next fragment; without one an empty packet. */
static void put_fragment(struct eap_tls *t, struct wr *w)
{
	uint8_t piece[FRAGMENT];
	size_t all = tls_pending(t->tls), n = tls_take(t->tls, piece, sizeof(piece));
	bool more = all > n;

	wr_u8(w, (t->first && more ? FLAG_LENGTH : 0) | (more ? FLAG_MORE : 0));
	if (t->first && more)
		wr_u32(w, (uint32_t)all);
	wr_bytes(w, piece, n);
	t->first = !more;
}

enum eap_step eap_tls_start(struct eap *e, struct wr *w)
{
	e->tls->started = true;
	e->tls->first = true;
	wr_u8(w, FLAG_START);
	return EAP_STEP_SEND;
}

/* Adds a fragment to the flight. 0 or -1 with `why`. */
static int take_fragment(struct eap *e, struct rd *data, uint8_t flags)
{
	struct eap_tls *t = e->tls;
	size_t total = flags & FLAG_LENGTH ? rd_u32(data) : t->flight_total;
	size_t len = rd_left(data);
	uint8_t *grown;

	if (!rd_ok(data))
		return bad(e, "its length is cut off"), -1;
	if (!t->flight_len)
		t->flight_total = total;
	if (total != t->flight_total || total > FLIGHT_MAX || t->flight_len + len > FLIGHT_MAX ||
	    (t->flight_total && t->flight_len + len > t->flight_total))
		return bad(e, "its fragments are longer than announced, or than 64 KiB"), -1;
	if (!len)
		return 0;
	grown = realloc(t->flight, t->flight_len + len);
	if (!grown)
		return bad(e, "out of memory"), -1;
	t->flight = grown;
	rd_bytes(data, grown + t->flight_len, len);
	t->flight_len += len;
	return 0;
}

enum eap_step eap_tls_input(struct eap *e, struct rd data, struct wr *w)
{
	struct eap_tls *t = e->tls;
	uint8_t flags = rd_u8(&data);

	if (!rd_ok(&data))
		return bad(e, "it has no flags");
	if (flags & FLAG_START) {
		if (e->server || t->started)
			return bad(e, "a start amid the handshake");
		t->started = t->first = true;
		return EAP_STEP_WORK;
	}
	if (!t->started)
		return bad(e, "the handshake has not been started");
	if (take_fragment(e, &data, flags))
		return EAP_STEP_FAILED;
	if (flags & FLAG_MORE) {
		if (tls_pending(t->tls) || !t->flight_len)
			return bad(e, "a fragment where an acknowledgement is due");
		wr_u8(w, 0);
		return EAP_STEP_SEND;
	}
	if (t->flight_total && t->flight_len != t->flight_total)
		return bad(e, "its last fragment is shorter than announced");
	if (tls_pending(t->tls)) { /* ours go on */
		if (t->flight_len)
			return bad(e, "data where an acknowledgement is due");
		put_fragment(t, w);
		return EAP_STEP_SEND;
	}
	return EAP_STEP_WORK;
}

static void explain(struct eap *e)
{
	const char *what = e->server ? "client" : "server", *text;
	enum tls_fault fault = tls_why(e->tls->tls, &text);
	const struct eap_alert *alert;

	switch (fault) {
	case TLS_FAULT_EXPIRED:
		reason_set(&e->why, "ike-eap-certificate-expired",
		    "the certificate of the EAP-TLS %s is not valid now: %s. Renew it, or set the clock "
		    "right",
		    what, text);
		return;
	case TLS_FAULT_UNTRUSTED:
		reason_set(&e->why, "ike-eap-certificate-untrusted",
		    "the certificate of the EAP-TLS %s is not trusted: %s. Its root belongs into "
		    "certificate/trust-anchor-file, and the %s must send what is between",
		    what, text, what);
		return;
	case TLS_FAULT_REFUSED:
		e->alert = tls_alert(e->tls->tls);
		alert = eap_alert(e->alert);
		reason_set(&e->why, "ike-eap-tls-refused",
		    "the EAP-TLS %s broke off (TLS alert %u, %s): %s. Here: %s. There: %s", what, e->alert,
		    alert->number ? alert->name : text, alert->means, alert->here, alert->there);
		return;
	case TLS_FAULT_PROTOCOL:
	case TLS_FAULT_NONE:
		reason_set(&e->why, "ike-eap-tls-failed", "TLS with the EAP-TLS %s failed: %s", what, text);
		return;
	}
}

/* Is it we who refuse the other? Where that takes no alert, an acknowledgement would pass for a yes. */
static bool refuses(const struct eap_tls *t)
{
	const char *text;
	enum tls_fault fault = tls_why(t->tls, &text);

	return fault == TLS_FAULT_UNTRUSTED || fault == TLS_FAULT_EXPIRED;
}

enum eap_step eap_tls_work(struct eap *e, struct wr *w)
{
	struct eap_tls *t = e->tls;
	size_t len = t->flight_len;
	enum tls_state state = tls_step(t->tls, t->flight, len);

	t->flight_len = t->flight_total = 0;
	if (state == TLS_BROKEN) {
		explain(e);
		if (!tls_pending(t->tls) && (e->server || refuses(t)))
			return EAP_STEP_FAILED;
		put_fragment(t, w); /* the alert, or at least an acknowledgement */
		return EAP_STEP_REFUSED;
	}
	if (tls_pending(t->tls)) {
		put_fragment(t, w);
		return EAP_STEP_SEND;
	}
	/* Nothing to say, and TLS waits for what the other side has not sent. */
	if (state != TLS_ESTABLISHED)
		return bad(e, e->server ? "the client stops amid the handshake"
		                        : "the server stops amid the handshake");
	if (!e->server && e->server_name[0] && !tls_peer_is(t->tls, e->server_name)) {
		char name[100];

		reason_set(&e->why, "ike-eap-server-name",
		    "the certificate of the EAP-TLS server names \"%s\", not \"%.80s\" (eap/server-name)",
		    eap_name_str(eap_tls_peer(t), name, sizeof(name)), e->server_name);
		return EAP_STEP_FAILED;
	}
	e->warning = *tls_warning(t->tls);
	e->valid_for = tls_valid_for(t->tls);
	if (tls_eap_key(t->tls, e->msk, sizeof(e->msk)))
		return bad(e, "the key could not be made");
	put_fragment(t, w); /* a client's last word: nothing */
	return EAP_STEP_DONE;
}

bool eap_tls_certified(const struct eap_tls *t, const char *name)
{
	return tls_peer_is(t->tls, name);
}

const char *eap_tls_peer(const struct eap_tls *t)
{
	const char *name = tls_peer_name(t->tls, 0);

	return name ? name : "";
}
