/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a protected message of ours leaves: whole, or in fragments when the peer takes them and the packet
 * would be too large (RFC 7383 2.5). Fragments that get lost again and again are cut smaller (2.5.2): what a
 * message says is kept beside its sealed form for that, while it may have to be sent again. IKE_SA_INIT never
 * comes here, for it has no keys.
 */
#include "ike/engine.h"

#define IP4_HEADER   20
#define IP6_HEADER   40
#define UDP_HEADER   8
#define NATT_MARKER  4
#define SMALLEST_IP4 576 /* RFC 7383 2.5.1: what every path carries */
#define SMALLEST_IP6 1280

static uint16_t smallest(const struct ike_sa *sa)
{
	return sa->remote.addr.family == 6 ? SMALLEST_IP6 : SMALLEST_IP4;
}

/* Octets of an IKE message in an IP packet of `size`. */
static size_t message_in(const struct ike_sa *sa, uint16_t size)
{
	size_t headers = (sa->remote.addr.family == 6 ? IP6_HEADER : IP4_HEADER) + UDP_HEADER +
	                 (sa->natt ? NATT_MARKER : 0);

	return size > headers ? size - headers : 1;
}

static bool may_fragment(const struct ike_sa *sa)
{
	return sa->fragmentation && sa->conn && sa->conn->cfg.fragmentation != IKE_FRAGMENTATION_ACCEPT;
}

static uint16_t first_size(const struct ike_sa *sa)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	uint16_t size = cfg->fragment_size ? cfg->fragment_size : IKE_FRAGMENT_SIZE;

	return cfg->fragmentation == IKE_FRAGMENTATION_FORCE && size > smallest(sa) ? smallest(sa) : size;
}

int ike_seal(struct ike_sa *sa, const struct ike_header *h, uint8_t first, const uint8_t *body, size_t len,
    size_t *ret_len)
{
	struct ike *ike = sa->ike;

	if (!sa->fragment_size && may_fragment(sa))
		sa->fragment_size = first_size(sa);
	if (may_fragment(sa) && ike_message_size(&sa->keys.seal, len) > message_in(sa, sa->fragment_size))
		return ike_fragments_seal(&sa->keys.seal, &ike->rng, h, first, body, len,
		    message_in(sa, sa->fragment_size), ike->msg, sizeof(ike->msg), ret_len);
	return ike_message_seal(
	    &sa->keys.seal, &ike->rng, h, first, body, len, ike->msg, IKE_MESSAGE_MAX, ret_len);
}

void ike_text_keep(
    struct ike_sa *sa, struct ike_text *t, uint8_t exchange, uint8_t first, const uint8_t *body, size_t len)
{
	ike_text_clear(t);
	if (!may_fragment(sa) || sa->fragment_size <= smallest(sa) ||
	    ike_message_size(&sa->keys.seal, len) <= message_in(sa, smallest(sa)))
		return;
	if (ike_bytes_set(&t->body, body, len)) /* then it is repeated as it is */
		return;
	t->exchange = exchange;
	t->first = first;
}

void ike_text_clear(struct ike_text *t)
{
	if (t->body.data)
		cleanse(t->body.data, t->body.len);
	ike_bytes_clear(&t->body);
	*t = (struct ike_text){ 0 };
}

void ike_text_smaller(struct ike_sa *sa, struct ike_text *t, struct ike_header *h, struct ike_bytes *msg)
{
	size_t len;

	if (!t->body.data)
		return;
	sa->fragment_size = smallest(sa);
	if (may_fragment(sa) && !ike_seal(sa, h, t->first, t->body.data, t->body.len, &len) &&
	    !ike_bytes_set(msg, sa->ike->msg, len))
		ike_text_clear(t);
}
