/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to what belongs to no SA here (RFC 7296 1.5, 2.5, 2.21.4): INVALID_IKE_SPI to a request for an SA
 * that we don't know, which tells a peer that we have restarted; INVALID_MAJOR_VERSION to a version above
 * ours. Both go in clear to where the request came from, keep nothing, are no longer than it was, and are
 * few: a stranger can't use us to flood others. Responses are never answered.
 */
#include "ike/engine.h"

static const mdur refill = { 100 * (int64_t)1000000 }; /* one more answer each */
#define BURST 10

static bool allowed(struct ike *ike, mtime now)
{
	struct ike_stray *s = &ike->stray;

	if (!s->started || mtime_since(now, s->filled).ns >= BURST * refill.ns) {
		s->started = true;
		s->left = BURST;
		s->filled = now;
	}
	while (s->left < BURST && mtime_since(now, s->filled).ns >= refill.ns) {
		s->left++;
		s->filled = mtime_add(s->filled, refill);
	}
	if (!s->left)
		return false;
	s->left--;
	return true;
}

static void answer(struct ike *ike, const struct ike_header *h, const struct ike_way *way, uint16_t type)
{
	struct ike_build b = ike_build_init(ike->body, sizeof(ike->body));
	struct ike_header reply = { .spi_i = h->spi_i,
		.spi_r = h->spi_r,
		.exchange = h->exchange,
		.from_initiator = !h->from_initiator,
		.response = true,
		.msg_id = h->msg_id };
	size_t body_len, len;

	ike_build_notify(&b, IKE_PROTO_NONE, NULL, type, NULL, 0);
	if (ike_build_finish(&b, &body_len) ||
	    ike_message_plain(&reply, b.first, ike->body, body_len, ike->msg, sizeof(ike->msg), &len))
		return;
	ike_act_send(ike, 0, way->local, way->remote, way->natt, ike->msg, len, 0);
}

/* A message with these payloads is at least as long as the answer. */
#define ANSWER_LEN 36

void ike_stray_request(
    struct ike *ike, const struct ike_header *h, const struct ike_way *way, size_t len, mtime now)
{
	if (!h->response && len >= ANSWER_LEN && allowed(ike, now))
		answer(ike, h, way, IKE_N_INVALID_IKE_SPI);
}

bool ike_stray_version(struct ike *ike, const uint8_t *data, size_t len, const struct ike_way *way, mtime now)
{
	struct ike_header h;

	if (!ike_header_newer(data, len, &h))
		return false;
	if (!h.response && len >= ANSWER_LEN && allowed(ike, now))
		answer(ike, &h, way, IKE_N_INVALID_MAJOR_VERSION);
	return true;
}
