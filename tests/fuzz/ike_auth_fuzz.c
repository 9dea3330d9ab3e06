/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_AUTH by a peer that has the keys: what only it can send, to initiator and responder, before anybody has
 * proved who he is. Two engines; the first octet says how they authenticate, the second is the seed; then
 * come records (which message, how, argument, 16-bit length, octets), and each changes one message of that
 * number (counted from the first IKE_AUTH, requests and answers alike) before it is sealed again under its
 * sender's keys: octets changed in what the sender really says, payloads in front of or behind it, or a chain
 * of the fuzzer's alone; whole, in fragments, or in fragments with numbers of the fuzzer's. Whatever comes,
 * memory stays whole, and in the end both are down and nothing is left.
 */
#include "base/crypto.h"
#include "ike/auth.h"
#include "ike/engine.h"
#include "ike/fragment.h"
#include "ike/wire.h"
#include "tests/support/ike_net.h"
#include "tests/support/test_pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IKE_PROPOSAL "aes128gcm16-prfsha256-curve25519"
#define ESP_PROPOSAL "aes128gcm16"
#define RECORDS_MAX  12
#define STEPS        300 /* of 10 ms */
#define WAITING_MAX  64
#define BODY_MAX     20000
#define MESSAGES_MAX 24 /* EAP-TLS takes 17 */

enum how { HOW_PATCH, HOW_FRONT, HOW_BACK, HOW_CHAIN, HOW_PARTS, HOW_PART, HOWS };

struct record {
	uint8_t at, how, arg;
	const uint8_t *body;
	size_t len;
};

struct waiting { /* from the tap: delivered when the engines are at rest */
	unsigned from;
	size_t at, len;
};

struct script {
	struct record record[RECORDS_MAX];
	unsigned n, message; /* how many IKE_AUTH messages have gone by */
	struct waiting waiting[WAITING_MAX];
	unsigned n_waiting;
	uint8_t bytes[65536]; /* of those */
	size_t used;
	uint32_t last_id[2]; /* of the last message that was changed: repeats are no new ones */
};

static struct test_pki *pki;
static struct credentials *credentials[2];

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void setup(void)
{
	if (pki)
		return;
	require(!crypto_init());
	pki = test_pki_new();
	require(pki != NULL);
	for (unsigned i = 0; i < 2; i++) {
		credentials[i] = test_pki_credentials(&pki->leaf[i], pki->root);
		require(credentials[i] != NULL);
	}
}

static void put16(uint8_t *at, size_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* Where the next-payload octet of the last payload stands; NULL when the chain is empty or does not fit. */
static uint8_t *last_link(uint8_t *chain, size_t len)
{
	size_t at = 0, n;

	while (len - at >= IKE_PAYLOAD_HEADER_LEN) {
		n = (size_t)chain[at + 2] << 8 | chain[at + 3];
		if (n < IKE_PAYLOAD_HEADER_LEN || n > len - at)
			return NULL;
		if (at + n == len)
			return &chain[at];
		at += n;
	}
	return NULL;
}

/* A payload of the fuzzer's, of type `type`, in front of the chain or behind it. */
static void insert(uint8_t *chain, size_t *len, uint8_t *first, const struct record *r, bool front)
{
	size_t n = IKE_PAYLOAD_HEADER_LEN + r->len;
	uint8_t *at = chain + *len, *link = last_link(chain, *len);

	if (*len + n > BODY_MAX || (!front && *len && !link))
		return;
	if (front) {
		memmove(chain + n, chain, *len);
		at = chain;
	}
	at[0] = front ? *first : IKE_P_NONE;
	at[1] = 0;
	put16(at + 2, n);
	if (r->len)
		memcpy(at + IKE_PAYLOAD_HEADER_LEN, r->body, r->len);
	if (front || !link)
		*first = r->arg;
	else
		*link = r->arg;
	*len += n;
}

/* Pairs: where (16 bits, from the end when the top one is set), what is added there. */
static void patch(uint8_t *chain, size_t len, const struct record *r)
{
	for (size_t i = 0; i + 3 <= r->len && len; i += 3) {
		size_t at = ((size_t)(r->body[i] & 0x7f) << 8 | r->body[i + 1]) % len;

		chain[r->body[i] & 0x80 ? len - 1 - at : at] += r->body[i + 2];
	}
}

static void later(struct script *s, unsigned from, const uint8_t *data, size_t len)
{
	if (s->n_waiting == WAITING_MAX || len > sizeof(s->bytes) - s->used)
		return;
	memcpy(s->bytes + s->used, data, len);
	s->waiting[s->n_waiting++] = (struct waiting){ from, s->used, len };
	s->used += len;
}

static void deliver(struct ike_net *net, struct script *s)
{
	for (unsigned i = 0; i < s->n_waiting; i++) {
		const struct waiting *w = &s->waiting[i];
		struct endpoint source = { net->peer[w->from].addr, 500 };

		ike_net_inject(net, 1 - w->from, &source, false, s->bytes + w->at, w->len);
	}
	s->n_waiting = 0;
	s->used = 0;
}

/* As fragments, of which the receiver makes what it can. */
static void send_parts(struct ike_net *net, struct script *s, unsigned from, struct ike_sa *sa,
    struct ike_header *h, uint8_t first, const uint8_t *chain, size_t len, const struct record *r)
{
	static uint8_t out[65536];
	struct ike_part part = { r->arg >> 4, r->arg & 15 };
	size_t n = 0;

	if (r->how % HOWS == HOW_PART) {
		if (!ike_message_seal_part(&sa->keys.seal, &net->peer[from].rng, h, first, &part, r->body,
		        r->len, out, sizeof(out), &n))
			later(s, from, out, n);
		return;
	}
	if (ike_fragments_seal(
	        &sa->keys.seal, &net->peer[from].rng, h, first, chain, len, 600, out, sizeof(out), &n))
		return;
	for (size_t at = 0; at + IKE_HEADER_LEN <= n;) {
		size_t one = (size_t)out[at + 24] << 24 | (size_t)out[at + 25] << 16 |
		             (size_t)out[at + 26] << 8 | out[at + 27];

		require(one >= IKE_HEADER_LEN && one <= n - at);
		later(s, from, out + at, one);
		at += one;
	}
}

/* False: the message itself does not go. */
static bool change(struct ike_net *net, unsigned from, struct script *s, struct ike_sa *sa, struct ike_sa *to,
    struct ike_header *h, uint8_t *data, size_t *len)
{
	static uint8_t copy[65536], chain[BODY_MAX];
	bool changed = false, gone = false;
	struct ike_dir *open = &to->keys.open;
	struct rd inner;
	uint8_t first;
	size_t n;

	require(*len <= sizeof(copy));
	memcpy(copy, data, *len);
	if (ike_message_open(open, copy, *len, &first, &inner) || rd_left(&inner) > sizeof(chain))
		return true;
	n = rd_left(&inner);
	memcpy(chain, rd_skip(&inner, n), n);
	for (unsigned i = 0; i < s->n; i++) {
		const struct record *r = &s->record[i];

		if (r->at % MESSAGES_MAX != s->message)
			continue;
		changed = true;
		switch ((enum how)(r->how % HOWS)) {
		case HOW_PATCH: patch(chain, n, r); break;
		case HOW_FRONT: insert(chain, &n, &first, r, true); break;
		case HOW_BACK: insert(chain, &n, &first, r, false); break;
		case HOW_CHAIN:
			first = r->arg;
			n = r->len;
			if (n)
				memcpy(chain, r->body, n);
			break;
		case HOW_PARTS:
		case HOW_PART:
			gone = true;
			send_parts(net, s, from, sa, h, first, chain, n, r);
			break;
		case HOWS: break;
		}
	}
	return !changed || (!gone && !ike_message_seal(&sa->keys.seal, &net->peer[from].rng, h, first, chain,
	                                 n, data, 65536, len));
}

static bool tap(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct script *s = ctx;
	struct ike_header h;
	struct ike_sa *sa, *to;
	struct rd rest;
	bool go;

	if (ike_header_parse(data, *len, &h, &rest) || h.exchange != IKE_X_AUTH || h.first != IKE_P_SK)
		return true;
	sa = ike_sa_by_own_spi(net->peer[from].ike, h.from_initiator ? h.spi_i : h.spi_r);
	to = ike_sa_by_own_spi(net->peer[1 - from].ike, h.from_initiator ? h.spi_r : h.spi_i);
	/* The sender may have lost the other's SA, whose keys open what it says, by now. */
	if (!sa || !to || !sa->keys.seal.ctx || !to->keys.open.ctx || s->last_id[from] == h.msg_id + 1)
		return true;
	s->last_id[from] = h.msg_id + 1;
	go = change(net, from, s, sa, to, &h, data, len);
	s->message++;
	return go;
}

static void configure(struct ike_net *net, uint8_t flags)
{
	static const enum ike_auth_kind kinds[] = { IKE_AUTH_KIND_PSK, IKE_AUTH_KIND_CERT,
		IKE_AUTH_KIND_EAP_MSCHAPV2, IKE_AUTH_KIND_EAP_TLS };
	enum ike_auth_kind mine = kinds[flags & 3],
	                   theirs = flags & 4 ? IKE_AUTH_KIND_CERT : IKE_AUTH_KIND_PSK;

	for (unsigned i = 0; i < 2; i++) {
		struct ike_conn_config c = ike_net_config(net, i, 1 - i, IKE_PROPOSAL, ESP_PROPOSAL);

		c.role = i ? IKE_ROLE_RESPOND : IKE_ROLE_INITIATE;
		c.local_auth = i ? theirs : mine;
		c.remote_auth = i ? mine : theirs;
		c.fragment_size = UINT16_MAX; /* whole messages, which the tap can read */
		c.credentials = credentials[i];
		snprintf(c.eap.user, sizeof(c.eap.user), "branch1");
		snprintf(c.eap.peer_user, sizeof(c.eap.peer_user), "%s",
		    mine == IKE_AUTH_KIND_EAP_TLS ? "branch1.example.net" : "branch1");
		snprintf(c.eap.server_name, sizeof(c.eap.server_name), "hq.example.net");
		c.eap.secret = c.eap.peer_secret = (const uint8_t *)"S3cret!";
		c.eap.secret_len = c.eap.peer_secret_len = 7;
		if (flags & 8) {
			snprintf(c.ppk.id, sizeof(c.ppk.id), "ppk-1");
			c.ppk.key = (const uint8_t *)"0123456789abcdef0123456789abcdef";
			c.ppk.key_len = 32;
		}
		ike_net_add(net, i, &c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	uint8_t flags = rd_u8(&r), seed = rd_u8(&r);
	static struct ike_net net;
	static struct script s;

	setup();
	s = (struct script){ 0 };
	while (rd_left(&r) && s.n < RECORDS_MAX) {
		struct record *one = &s.record[s.n];

		one->at = rd_u8(&r);
		one->how = rd_u8(&r);
		one->arg = rd_u8(&r);
		one->len = rd_u16(&r);
		one->body = rd_skip(&r, one->len);
		if (!rd_ok(&r) || one->len > BODY_MAX / 2)
			break;
		s.n++;
	}
	ike_net_init(&net, seed, 2);
	net.delay_max = net.delay_min = mdur_ms(5);
	configure(&net, flags);
	net.tap = tap;
	net.tap_ctx = &s;
	ike_net_up(&net, 1);
	ike_net_up(&net, 0);
	for (unsigned i = 0; i < STEPS; i++) {
		ike_net_run(&net, mdur_ms(10));
		deliver(&net, &s);
	}
	if (!s.n)
		require(net.peer[0].up && net.peer[1].up);
	net.tap = NULL;
	for (unsigned i = 0; i < 2; i++)
		ike_net_down(&net, i);
	ike_net_run(&net, mdur_s(400));
	require(!ike_net_check_empty(&net) && !ike_pending(net.peer[0].ike) && !ike_pending(net.peer[1].ike));
	ike_net_free(&net);
	return 0;
}
