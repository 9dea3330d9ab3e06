/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EAP-MSCHAPv2, both sides (draft-kamath-pppext-eap-mschapv2-02, as Windows and strongSwan speak it):
 *
 *     server                                   client
 *     Challenge (16 octets, its name)  ->
 *                                      <-      Response (16 octets, 24 of proof, user name)
 *     Success "S=<proof> M=..."        ->                        or: Failure "E=691 R=0 C=... V=3 M=..."
 *                                      <-      Success           or: Failure
 *     EAP-Success                      ->                        or: EAP-Failure
 *
 * The client trusts nobody who has not shown the server's proof. Nobody retries (R=1): the password is the
 * configured one, and would be wrong again. A password is never changed from here (E=648): the text says
 * where to. A server tells an unknown user exactly what it tells a wrong password, after the same steps.
 */
#include "ike/eap_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum opcode { OP_CHALLENGE = 1, OP_RESPONSE = 2, OP_SUCCESS = 3, OP_FAILURE = 4, OP_CHANGE_PASSWORD = 7 };
#define MS_HEADER_LEN      4
#define RESPONSE_VALUE_LEN 49 /* client's challenge, 8 reserved, proof, flags */
#define RESERVED_LEN       8
#define MESSAGE_MAX        256 /* octets of a Success or Failure that are looked at */

enum ms_error {
	MS_RESTRICTED_HOURS = 646,
	MS_ACCOUNT_DISABLED = 647,
	MS_PASSWORD_EXPIRED = 648,
	MS_NO_DIALIN = 649,
	MS_AUTHENTICATION_FAILURE = 691,
	MS_CHANGING_PASSWORD = 709
};

struct ms_packet {
	uint8_t opcode, id;
	struct rd data;
};

/* A confirmation may be the opcode alone. */
static int parse(struct rd r, struct ms_packet *ret)
{
	size_t whole = rd_left(&r);
	uint16_t length;

	*ret = (struct ms_packet){ .opcode = rd_u8(&r) };
	if (whole == 1 && (ret->opcode == OP_SUCCESS || ret->opcode == OP_FAILURE))
		return 0;
	ret->id = rd_u8(&r);
	length = rd_u16(&r);
	if (!rd_ok(&r) || length < MS_HEADER_LEN || length > whole)
		return -1;
	ret->data = rd_sub(&r, (size_t)length - MS_HEADER_LEN);
	return 0;
}

static size_t begin(struct wr *w, uint8_t opcode, uint8_t id)
{
	wr_u8(w, opcode);
	wr_u8(w, id);
	return wr_mark_u16(w);
}

static void end(struct wr *w, size_t mark)
{
	wr_patch_u16(w, mark, wr_len(w) - (mark - 2));
}

static enum eap_step bad(struct eap *e, const char *what)
{
	reason_set(&e->why, "ike-eap-malformed", "an EAP-MSCHAPv2 packet can't be used: %s", what);
	return EAP_STEP_FAILED;
}

static struct mschapv2_exchange exchange(const struct eap *e, const char *user)
{
	struct mschapv2_exchange x = { .user = user, .user_len = strlen(user) };

	memcpy(x.authenticator, e->mschap.authenticator, sizeof(x.authenticator));
	memcpy(x.peer, e->mschap.peer, sizeof(x.peer));
	return x;
}

/* --- client --- */

static enum eap_step respond(struct eap *e, struct ms_packet *p, const struct rng *rng, struct wr *w)
{
	struct eap_mschapv2 *m = &e->mschap;
	struct mschapv2_exchange x;
	size_t mark;

	if (rd_u8(&p->data) != MSCHAPV2_CHALLENGE_LEN)
		return bad(e, "a challenge of another length than 16");
	rd_bytes(&p->data, m->authenticator, sizeof(m->authenticator));
	if (!rd_ok(&p->data))
		return bad(e, "the challenge is cut short");
	rng_fill(rng, m->peer, sizeof(m->peer));
	x = exchange(e, e->name);
	if (mschapv2_nt_response(&x, m->hash, m->response))
		return bad(e, "the response could not be computed");
	mark = begin(w, OP_RESPONSE, p->id);
	wr_u8(w, RESPONSE_VALUE_LEN);
	wr_bytes(w, m->peer, sizeof(m->peer));
	wr_zero(w, RESERVED_LEN);
	wr_bytes(w, m->response, sizeof(m->response));
	wr_u8(w, 0);
	wr_bytes(w, e->name, strlen(e->name));
	end(w, mark);
	m->state = EAP_MSCHAP_ANSWERED;
	return EAP_STEP_SEND;
}

static void message_text(struct rd *data, char text[MESSAGE_MAX + 1])
{
	size_t n = rd_left(data) < MESSAGE_MAX ? rd_left(data) : MESSAGE_MAX;

	rd_bytes(data, text, n);
	text[n] = '\0';
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* "S=" and 40 digits; what follows is for people. */
static int parse_proof(const char *text, uint8_t proof[MSCHAPV2_PROOF_LEN])
{
	if (strncmp(text, "S=", 2) != 0)
		return -1;
	text += 2;
	for (unsigned i = 0; i < MSCHAPV2_PROOF_LEN; i++, text += 2) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0)
			return -1;
		proof[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static enum eap_step check_server(struct eap *e, struct ms_packet *p, struct wr *w)
{
	struct eap_mschapv2 *m = &e->mschap;
	struct mschapv2_exchange x = exchange(e, e->name);
	uint8_t said[MSCHAPV2_PROOF_LEN], want[MSCHAPV2_PROOF_LEN];
	char text[MESSAGE_MAX + 1];

	message_text(&p->data, text);
	if (parse_proof(text, said))
		return bad(e, "the server's Success has no proof in it");
	if (mschapv2_authenticator_response(&x, m->hash, m->response, want) ||
	    mschapv2_msk(m->hash, m->response, e->msk))
		return bad(e, "the keys could not be computed");
	if (!bytes_eq_ct(said, want, sizeof(want))) {
		cleanse(e->msk, sizeof(e->msk));
		reason_set(&e->why, "ike-eap-server-unproven",
		    "the server accepts \"%.80s\" but can't prove that it knows the password itself: it may "
		    "be "
		    "an impostor. Nothing is sent to it",
		    e->name);
		return EAP_STEP_FAILED;
	}
	wr_u8(w, OP_SUCCESS);
	return EAP_STEP_DONE;
}

/* "E=691 R=0 C=... V=3 M=text": the number after this letter; -1: none. */
static long field(const char *text, char letter)
{
	for (; *text && strncmp(text, "M=", 2) != 0; text++)
		if (text[0] == letter && text[1] == '=')
			return strtol(text + 2, NULL, 10);
	return -1;
}

static void explain_error(struct eap *e, const char *text)
{
	long error = field(text, 'E');
	const char *message = strstr(text, "M=");
	char shown[80];

	switch (error) {
	case MS_RESTRICTED_HOURS:
		reason_set(&e->why, "ike-eap-logon-hours",
		    "the server refused \"%.80s\" at this time of day (error 646): change the account's "
		    "logon "
		    "hours there",
		    e->name);
		break;
	case MS_ACCOUNT_DISABLED:
		reason_set(&e->why, "ike-eap-account-disabled",
		    "the account \"%.80s\" is disabled at the server (error 647): enable it there", e->name);
		break;
	case MS_PASSWORD_EXPIRED:
		reason_set(&e->why, "ike-eap-password-expired",
		    "the password of \"%.80s\" has expired (error 648). It is not changed from here: set a "
		    "new one "
		    "at the server, best one that never expires, and put it into eap/secret-file",
		    e->name);
		break;
	case MS_NO_DIALIN:
		reason_set(&e->why, "ike-eap-no-dialin",
		    "the account \"%.80s\" may not dial in (error 649): allow remote access for it at the "
		    "server",
		    e->name);
		break;
	case MS_AUTHENTICATION_FAILURE:
		reason_set(&e->why, "ike-eap-password-wrong",
		    "the server refused \"%.80s\" (error 691): the user name or the password is wrong. "
		    "Compare "
		    "eap/user and eap/secret-file with the account there",
		    e->name);
		break;
	case MS_CHANGING_PASSWORD:
	default:
		reason_set(
		    &e->why, "ike-eap-refused", "the server refused \"%.80s\" (error %ld)", e->name, error);
		break;
	}
	if (message && message[2])
		reason_add(&e->why, " It says: \"%s\"", eap_name_str(message + 2, shown, sizeof(shown)));
}

enum eap_step eap_mschapv2_client(struct eap *e, struct rd data, const struct rng *rng, struct wr *w)
{
	enum eap_mschap_state state = e->mschap.state;
	char text[MESSAGE_MAX + 1];
	struct ms_packet p;

	if (parse(data, &p))
		return bad(e, "its lengths make no sense");
	if (p.opcode == OP_CHALLENGE && state == EAP_MSCHAP_START)
		return respond(e, &p, rng, w);
	if (p.opcode == OP_SUCCESS && state == EAP_MSCHAP_ANSWERED && e->phase == EAP_RUNNING)
		return check_server(e, &p, w);
	if (p.opcode != OP_FAILURE || e->phase != EAP_RUNNING)
		return bad(e, "the server says what does not fit here");
	message_text(&p.data, text);
	explain_error(e, text);
	wr_u8(w, OP_FAILURE);
	return EAP_STEP_REFUSED;
}

/* --- server --- */

enum eap_step eap_mschapv2_challenge(struct eap *e, const struct rng *rng, struct wr *w)
{
	struct eap_mschapv2 *m = &e->mschap;
	size_t mark;

	rng_fill(rng, m->authenticator, sizeof(m->authenticator));
	rng_fill(rng, &m->ms_id, 1);
	mark = begin(w, OP_CHALLENGE, m->ms_id);
	wr_u8(w, MSCHAPV2_CHALLENGE_LEN);
	wr_bytes(w, m->authenticator, sizeof(m->authenticator));
	wr_bytes(w, e->server_name, strlen(e->server_name));
	end(w, mark);
	m->state = EAP_MSCHAP_CHALLENGED;
	return EAP_STEP_SEND;
}

/* The answer to the response: our proof, or the refusal. */
static enum eap_step verdict(struct eap *e, bool right, const uint8_t proof[MSCHAPV2_PROOF_LEN], struct wr *w)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[MESSAGE_MAX];
	size_t mark;

	if (right) {
		char hex[2 * MSCHAPV2_PROOF_LEN + 1] = { 0 };

		for (unsigned i = 0; i < MSCHAPV2_PROOF_LEN; i++) {
			hex[2 * i] = digits[proof[i] >> 4];
			hex[2 * i + 1] = digits[proof[i] & 15];
		}
		snprintf(text, sizeof(text), "S=%s M=Welcome", hex);
	} else {
		/* C is the challenge of a retry, which R=0 rules out. */
		snprintf(text, sizeof(text),
		    "E=%d R=0 C=00000000000000000000000000000000 V=3 M=Access denied",
		    MS_AUTHENTICATION_FAILURE);
	}
	mark = begin(w, right ? OP_SUCCESS : OP_FAILURE, e->mschap.ms_id);
	wr_bytes(w, text, strlen(text));
	end(w, mark);
	return right ? EAP_STEP_SEND : EAP_STEP_REFUSED;
}

enum eap_step eap_mschapv2_judge(struct eap *e, struct wr *w)
{
	struct eap_mschapv2 *m = &e->mschap;
	struct mschapv2_exchange x = exchange(e, m->sent_name);
	uint8_t want[MSCHAPV2_NT_RESPONSE_LEN], proof[MSCHAPV2_PROOF_LEN];
	char name[100];
	bool right;

	m->state = EAP_MSCHAP_ANSWERED;
	if (mschapv2_nt_response(&x, m->hash, want) ||
	    mschapv2_authenticator_response(&x, m->hash, m->response, proof) ||
	    mschapv2_msk(m->hash, m->response, e->msk))
		return bad(e, "the keys could not be computed");
	right = bytes_eq_ct(want, m->response, sizeof(want)) && m->have_hash;
	cleanse(want, sizeof(want));
	if (right)
		return verdict(e, true, proof, w);
	cleanse(e->msk, sizeof(e->msk));
	eap_name_str(m->sent_name, name, sizeof(name));
	if (m->have_hash)
		reason_set(&e->why, "ike-eap-password-wrong",
		    "\"%s\" does not know the password that is in eap/peer-secret-file: set the same on both "
		    "sides",
		    name);
	else
		reason_set(&e->why, "ike-eap-unknown-user",
		    "no tunnel has \"%s\" as its eap/peer-user: the user name is misspelt at the other side, "
		    "or "
		    "missing here",
		    name);
	return verdict(e, false, NULL, w);
}

static enum eap_step take_response(struct eap *e, struct ms_packet *p, struct wr *w)
{
	struct eap_mschapv2 *m = &e->mschap;
	uint8_t reserved[RESERVED_LEN];
	size_t len;

	if (p->id != m->ms_id || rd_u8(&p->data) != RESPONSE_VALUE_LEN)
		return bad(e, "a response to another challenge, or of another length than 49");
	rd_bytes(&p->data, m->peer, sizeof(m->peer));
	rd_bytes(&p->data, reserved, sizeof(reserved));
	rd_bytes(&p->data, m->response, sizeof(m->response));
	rd_u8(&p->data); /* flags: none are defined */
	len = rd_left(&p->data);
	if (!rd_ok(&p->data) || len > EAP_NAME_MAX)
		return bad(e, "the response is cut short, or its name too long");
	rd_bytes(&p->data, m->sent_name, len);
	m->sent_name[len] = '\0';
	if (strlen(m->sent_name) != len)
		return bad(e, "the name has a zero octet in it");
	if (!strcmp(m->sent_name, e->name))
		return eap_mschapv2_judge(e, w);
	/* RRAS goes by this name, whatever the identity was. */
	memcpy(e->name, m->sent_name, sizeof(e->name));
	m->state = EAP_MSCHAP_WHO;
	return EAP_STEP_USER;
}

enum eap_step eap_mschapv2_server(struct eap *e, struct rd data, struct wr *w)
{
	enum eap_mschap_state state = e->mschap.state;
	struct ms_packet p;
	char name[100];

	if (parse(data, &p))
		return bad(e, "its lengths make no sense");
	if (p.opcode == OP_RESPONSE && state == EAP_MSCHAP_CHALLENGED)
		return take_response(e, &p, w);
	if (p.opcode == OP_SUCCESS && state == EAP_MSCHAP_ANSWERED)
		return EAP_STEP_DONE;
	if (p.opcode == OP_FAILURE && state == EAP_MSCHAP_ANSWERED) {
		reason_set(&e->why, "ike-eap-server-unproven",
		    "the client does not believe that we know the password of \"%.80s\"",
		    eap_name_str(e->name, name, sizeof(name)));
		return EAP_STEP_FAILED;
	}
	return bad(e, "the client says what does not fit here");
}
