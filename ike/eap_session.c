/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outer conversation of EAP (RFC 3748): identity, the choice of the method, notifications, the end. What
 * is inside a method's packets is eap_mschapv2.c's and eap_tls.c's.
 *
 * A client answers whatever is asked in order, but leaves only by the door of its method: a Success before
 * the method has proved the server is refused (3748 4.2), and a method other than ours gets a Nak. A server
 * takes exactly the answer to its last request, by its identifier (4.1). Both stop after EAP_ROUNDS_MAX
 * packets.
 */
#include "ike/eap_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAK_TYPES_MAX 8 /* of a Nak, that are told */

static int put_text(char *out, const char *text)
{
	return snprintf(out, EAP_NAME_MAX + 1, "%s", text) > EAP_NAME_MAX ? -1 : 0;
}

static struct eap *eap_new(bool server)
{
	struct eap *e = calloc(1, sizeof(*e));

	if (e)
		e->server = server;
	return e;
}

void eap_free(struct eap *e)
{
	if (!e)
		return;
	eap_tls_free(e->tls);
	cleanse(e, sizeof(*e));
	free(e);
}

/* Takes what the method needs of a user. */
static int take_user(struct eap *e, const struct eap_user *user)
{
	switch (user->method) {
	case EAP_METHOD_MSCHAPV2:
		if (!user->password)
			return e->server ? 0 : -1;
		if (mschapv2_password_hash(user->password, e->mschap.hash))
			return reason_set(&e->why, "ike-eap-password-unusable",
			    "the password of \"%.80s\" can't be used with EAP-MSCHAPv2: it must be UTF-8 "
			    "text of "
			    "at most %u characters",
			    user->name ? user->name : "", MSCHAPV2_PASSWORD_MAX);
		e->mschap.have_hash = true;
		return 0;
	case EAP_METHOD_TLS:
		e->tls = user->credentials ? eap_tls_new(user->credentials, e->server, user->only_12) : NULL;
		return e->tls ? 0 : -1;
	case EAP_METHOD_NONE: break;
	}
	return -1;
}

struct eap *eap_client_new(const struct eap_user *user, struct reason *ret_reason)
{
	struct eap *e = eap_new(false);

	if (!e)
		return NULL;
	reason_set(
	    &e->why, "ike-eap-internal", "the EAP client has no user name or password, or memory is out");
	e->phase = EAP_RUNNING;
	e->method = user->method;
	if (!user->name || put_text(e->name, user->name) ||
	    put_text(e->identity, user->identity ? user->identity : user->name) ||
	    put_text(e->server_name, user->server_name ? user->server_name : "") || take_user(e, user)) {
		if (ret_reason)
			*ret_reason = e->why;
		eap_free(e);
		return NULL;
	}
	reason_clear(&e->why);
	return e;
}

static void build_empty(struct eap *e, uint8_t code, uint8_t id)
{
	struct wr w = wr_init(e->out, sizeof(e->out));

	eap_packet_begin(&w, code, id, EAP_TYPE_NONE);
	eap_packet_finish(&w, &e->out_len);
}

/* The end, and the only place where it is reached. */
static enum eap_outcome finish(struct eap *e, bool success)
{
	e->phase = EAP_FINISHED;
	e->out_len = 0;
	if (e->server)
		build_empty(e, success ? EAP_CODE_SUCCESS : EAP_CODE_FAILURE, e->answered);
	return success ? EAP_SUCCESS : EAP_FAILED;
}

static enum eap_outcome malformed(struct eap *e, const char *what)
{
	if (!reason_is_set(&e->why))
		reason_set(&e->why, "ike-eap-malformed", "an EAP packet can't be used: %s", what);
	return finish(e, false);
}

struct eap *eap_server_new(const char *server_name, const struct rng *rng)
{
	struct eap *e = eap_new(true);
	struct wr w;

	if (!e)
		return NULL;
	put_text(e->server_name, server_name);
	rng_fill(rng, &e->id, 1);
	e->answered = e->id;
	w = wr_init(e->out, sizeof(e->out));
	eap_packet_begin(&w, EAP_CODE_REQUEST, e->id, EAP_TYPE_IDENTITY);
	eap_packet_finish(&w, &e->out_len);
	return e;
}

/* The packet that the method has in w goes, or what its step means instead. */
static enum eap_outcome stepped(struct eap *e, enum eap_step step, struct wr *w)
{
	switch (step) {
	case EAP_STEP_WORK: return EAP_WORK;
	case EAP_STEP_USER: e->phase = EAP_WHO; return EAP_USER;
	case EAP_STEP_FAILED: return finish(e, false);
	case EAP_STEP_DONE:
		if (e->server)
			return finish(e, true);
		e->phase = EAP_DONE;
		break;
	case EAP_STEP_REFUSED: e->phase = EAP_REFUSED; break;
	case EAP_STEP_SEND: break;
	}
	if (eap_packet_finish(w, &e->out_len))
		return malformed(e, "ours does not fit");
	return EAP_SEND;
}

/* Our next packet, of this type. */
static struct wr next_packet(struct eap *e, uint8_t type)
{
	struct wr w = wr_init(e->out, sizeof(e->out));

	e->out_len = 0;
	eap_packet_begin(&w, e->server ? EAP_CODE_REQUEST : EAP_CODE_RESPONSE, e->id, type);
	return w;
}

static enum eap_outcome answer(struct eap *e, uint8_t type, const void *data, size_t len)
{
	struct wr w = next_packet(e, type);

	wr_bytes(&w, data, len);
	return stepped(e, EAP_STEP_SEND, &w);
}

static enum eap_outcome client_request(struct eap *e, struct eap_packet *p, const struct rng *rng)
{
	uint8_t wanted = (uint8_t)e->method;
	struct wr w;

	e->id = p->id;
	switch (p->type) {
	case EAP_TYPE_IDENTITY:
		if (!e->sent_method)
			return answer(e, EAP_TYPE_IDENTITY, e->identity, strlen(e->identity));
		return malformed(e, "the server asks for the identity amid the method");
	case EAP_TYPE_NOTIFICATION: return answer(e, EAP_TYPE_NOTIFICATION, NULL, 0);
	case EAP_TYPE_NAK: return malformed(e, "the server requests a Nak");
	default: break;
	}
	if (p->type != wanted) {
		char buf[40], ours[40];

		if (e->sent_method)
			return malformed(e, "the server changes the method amid another");
		reason_set(&e->why, "ike-eap-method",
		    "the server asks for %s, but local-auth here is %s. Set the same method on both sides",
		    eap_type_str(p->type, buf, sizeof(buf)), eap_type_str(wanted, ours, sizeof(ours)));
		return answer(e, EAP_TYPE_NAK, &wanted, 1);
	}
	if (e->phase != EAP_RUNNING && e->phase != EAP_DONE)
		return malformed(e, "the server goes on after it refused us");
	if (!e->sent_method)
		reason_clear(&e->why); /* of a Nak before */
	e->sent_method = true;
	w = next_packet(e, wanted);
	return stepped(
	    e, e->tls ? eap_tls_input(e, p->data, &w) : eap_mschapv2_client(e, p->data, rng, &w), &w);
}

static enum eap_outcome client_input(struct eap *e, struct eap_packet *p, const struct rng *rng)
{
	switch (p->code) {
	case EAP_CODE_REQUEST: return client_request(e, p, rng);
	case EAP_CODE_SUCCESS:
		/* Some servers count on before they send it. */
		if (p->id != e->id && p->id != (uint8_t)(e->id + 1))
			return malformed(e, "Success with the identifier of another request");
		if (e->phase == EAP_DONE)
			return finish(e, true);
		reason_set(&e->why, "ike-eap-early-success",
		    "the server says Success before it has proved that it knows the password or has the "
		    "certificate: it is not the right one, or its EAP method makes no key");
		return finish(e, false);
	case EAP_CODE_FAILURE:
		if (!reason_is_set(&e->why))
			reason_set(&e->why, "ike-eap-refused",
			    "the server refused \"%.80s\" and does not say why (EAP-Failure): it does not "
			    "know the "
			    "user, or its policy refuses",
			    e->identity);
		return finish(e, false);
	default: return malformed(e, "a response, from a server");
	}
}

/* A response to our request of identity. */
static enum eap_outcome server_identity(struct eap *e, struct eap_packet *p)
{
	size_t len = rd_left(&p->data);
	char buf[100];

	if (p->type != EAP_TYPE_IDENTITY)
		return malformed(e, "the client does not say who it is");
	if (len > EAP_NAME_MAX) {
		reason_set(&e->why, "ike-eap-malformed", "the client's identity is longer than %u octets",
		    EAP_NAME_MAX);
		return finish(e, false);
	}
	rd_bytes(&p->data, e->name, len);
	if (memchr(e->name, '\0', len)) {
		reason_set(&e->why, "ike-eap-malformed",
		    "the client's identity \"%s\" has a zero octet in it",
		    eap_name_str(e->name, buf, sizeof(buf)));
		return finish(e, false);
	}
	e->phase = EAP_WHO;
	return EAP_USER;
}

/* RFC 3748 5.3.1: the types it would take instead, or a zero for none. */
static enum eap_outcome server_nak(struct eap *e, struct eap_packet *p)
{
	char ours[40], theirs[40];
	unsigned n = 0;
	uint8_t type;

	reason_set(&e->why, "ike-eap-method",
	    "the client does not speak the EAP method we ask for, %s; it wants",
	    eap_type_str((uint8_t)e->method, ours, sizeof(ours)));
	while (n < NAK_TYPES_MAX && rd_left(&p->data) && (type = rd_u8(&p->data)))
		reason_add(&e->why, "%s%s", n++ ? " or " : " ", eap_type_str(type, theirs, sizeof(theirs)));
	reason_add(&e->why,
	    "%s. Set the same method on both sides (remote-auth here; the interface's EapMethod at Windows)",
	    n ? "" : " none that it could name");
	return finish(e, false);
}

static enum eap_outcome server_input(struct eap *e, struct eap_packet *p)
{
	struct wr w;

	if (p->code != EAP_CODE_RESPONSE || p->id != e->id)
		return malformed(e, "it is not the response to our request");
	e->answered = e->id++; /* Success and Failure carry the former, the next request the latter */
	if (e->phase == EAP_REFUSED)
		return finish(e, false); /* whatever it confirms with */
	if (e->phase == EAP_ASKING)
		return server_identity(e, p);
	if (p->type == EAP_TYPE_NAK && !e->sent_method)
		return server_nak(e, p);
	if (p->type != (uint8_t)e->method)
		return malformed(e, "a response of another type than the request");
	e->sent_method = true;
	w = next_packet(e, p->type);
	return stepped(e, e->tls ? eap_tls_input(e, p->data, &w) : eap_mschapv2_server(e, p->data, &w), &w);
}

enum eap_outcome eap_input(struct eap *e, const uint8_t *data, size_t len, const struct rng *rng)
{
	struct eap_packet p;

	if (e->phase == EAP_FINISHED || e->phase == EAP_WHO)
		return malformed(e, "it comes when none was expected");
	if (++e->rounds > EAP_ROUNDS_MAX)
		return malformed(e, "the conversation does not end");
	if (eap_packet_parse(data, len, &p))
		return malformed(e, "its header makes no sense");
	return e->server ? server_input(e, &p) : client_input(e, &p, rng);
}

enum eap_outcome eap_user(struct eap *e, const struct eap_user *user, const struct rng *rng)
{
	bool begins = e->method == EAP_METHOD_NONE;
	struct wr w;

	if (e->phase != EAP_WHO)
		return malformed(e, "a user where none was asked for");
	e->phase = EAP_RUNNING;
	if (begins)
		e->method = user->method;
	e->mschap.have_hash = false; /* of the name before */
	if (user->method == e->method && take_user(e, user)) {
		if (!reason_is_set(&e->why))
			reason_set(&e->why, "ike-eap-internal",
			    "the EAP method has no certificate, or memory is out");
		return finish(e, false);
	}
	w = next_packet(e, (uint8_t)e->method);
	if (e->tls)
		return stepped(e, eap_tls_start(e, &w), &w);
	return stepped(e, begins ? eap_mschapv2_challenge(e, rng, &w) : eap_mschapv2_judge(e, &w), &w);
}

enum eap_outcome eap_work(struct eap *e)
{
	struct wr w = next_packet(e, (uint8_t)e->method);

	return stepped(e, eap_tls_work(e, &w), &w);
}

const uint8_t *eap_out(const struct eap *e, size_t *ret_len)
{
	*ret_len = e->out_len;
	return e->out;
}

const char *eap_name(const struct eap *e)
{
	return e->name;
}

enum eap_method eap_method(const struct eap *e)
{
	return e->method;
}

bool eap_certified(const struct eap *e, const char *name)
{
	return e->tls && eap_tls_certified(e->tls, name);
}

const char *eap_certificate_name(const struct eap *e)
{
	return e->tls ? eap_tls_peer(e->tls) : "";
}

const uint8_t *eap_msk(const struct eap *e)
{
	return e->msk;
}

const struct reason *eap_why(const struct eap *e)
{
	return &e->why;
}

const struct reason *eap_warning(const struct eap *e)
{
	return &e->warning;
}

unsigned eap_alert_of(const struct eap *e)
{
	return e->alert;
}

int64_t eap_valid_for(const struct eap *e)
{
	return e->valid_for;
}

bool eap_name_is(const char *configured, const char *name)
{
	const char *slash = strchr(name, '\\');

	if (!strcasecmp(configured, name))
		return true;
	return slash && !strchr(configured, '\\') && !strcasecmp(configured, slash + 1);
}

const char *eap_name_str(const char *name, char *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap - 1);

	for (; *name && wr_left(&w); name++)
		wr_u8(&w, *name >= ' ' && *name <= '~' ? (uint8_t)*name : '?');
	buf[wr_len(&w)] = '\0';
	return buf;
}
