/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments of IKE messages (RFC 7383 2.5 and 2.6). All but the last piece have the same length, and any of
 * them may come first, late or twice. What is held of a message is bounded three times: by the number of its
 * fragments, by the sum of their octets, and by there being one message at a time; every octet of it has been
 * authenticated.
 */
#include "ike/fragment.h"

#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

struct piece {
	uint8_t *data;
	size_t len;
};

struct ike_reassembly {
	uint32_t msg_id;
	uint16_t total;
	uint8_t first;
	unsigned n;   /* pieces there */
	size_t bytes; /* in all of them */
	struct piece piece[IKE_FRAGMENTS_MAX];
};

/* The most plaintext that a message of `size` octets has room for; 0: none. */
static size_t room(const struct ike_dir *dir, size_t size)
{
	size_t fixed =
	    IKE_HEADER_LEN + IKE_PAYLOAD_HEADER_LEN + IKE_SKF_NUMBERS_LEN + dir->iv_len + dir->icv_len;
	size_t text;

	if (size <= fixed)
		return 0;
	text = (size - fixed) / dir->block * dir->block;
	return text ? text - 1 : 0; /* the pad length takes one */
}

size_t ike_message_size(const struct ike_dir *dir, size_t body_len)
{
	size_t text = (body_len + 1 + dir->block - 1) / dir->block * dir->block;

	return IKE_HEADER_LEN + IKE_PAYLOAD_HEADER_LEN + dir->iv_len + text + dir->icv_len;
}

int ike_fragments_seal(struct ike_dir *dir, const struct rng *rng, const struct ike_header *h, uint8_t first,
    const uint8_t *body, size_t body_len, size_t size, uint8_t *out, size_t cap, size_t *ret_len)
{
	size_t least = (body_len + IKE_FRAGMENTS_MAX - 1) / IKE_FRAGMENTS_MAX, part = room(dir, size),
	       done = 0;
	struct rd r = rd_init(body, body_len);
	struct ike_part p = { .number = 1 };

	if (!body_len)
		return -1;
	if (part < least)
		part = least;
	p.total = (uint16_t)((body_len + part - 1) / part);
	for (; p.number <= p.total; p.number++) {
		size_t left = rd_left(&r), len = left < part ? left : part, sealed;

		if (ike_message_seal_part(dir, rng, h, p.number == 1 ? first : IKE_P_NONE, &p,
		        rd_skip(&r, len), len, out + done, cap - done, &sealed))
			return -1;
		done += sealed;
	}
	*ret_len = done;
	return 0;
}

int ike_fragment_open(struct ike_dir *dir, uint8_t *data, size_t len, struct ike_fragment *ret)
{
	struct ike_part part;
	struct rd inner;
	uint8_t first;

	if (ike_message_open_part(dir, data, len, &first, &part, &inner))
		return -1;
	if (!part.number || part.number > part.total || part.total > IKE_FRAGMENTS_MAX || !rd_left(&inner))
		return -1;
	*ret = (struct ike_fragment){
		.number = part.number, .total = part.total, .first = first, .len = rd_left(&inner)
	};
	ret->data = rd_skip(&inner, ret->len);
	return 0;
}

static void piece_free(struct piece *p)
{
	if (p->data)
		cleanse(p->data, p->len);
	free(p->data);
	*p = (struct piece){ 0 };
}

static void start(struct ike_reassembly *r, uint32_t msg_id, uint16_t total)
{
	for (unsigned i = 0; i < IKE_FRAGMENTS_MAX; i++)
		piece_free(&r->piece[i]);
	*r = (struct ike_reassembly){ .msg_id = msg_id, .total = total };
}

bool ike_reassembly_add(struct ike_reassembly **at, uint32_t msg_id, const struct ike_fragment *f)
{
	struct ike_reassembly *r = *at;
	struct piece *p;

	if (!r && !(r = *at = calloc(1, sizeof(*r))))
		return false;
	if (r->msg_id != msg_id || f->total > r->total)
		start(r, msg_id, f->total);
	p = &r->piece[f->number - 1];
	if (f->total < r->total || p->data || r->bytes + f->len > IKE_MESSAGE_MAX)
		return false;
	p->data = malloc(f->len);
	if (!p->data)
		return false;
	memcpy(p->data, f->data, f->len);
	p->len = f->len;
	r->bytes += f->len;
	r->n++;
	if (f->number == 1)
		r->first = f->first;
	return true;
}

bool ike_reassembly_complete(const struct ike_reassembly *r)
{
	return r && r->total && r->n == r->total;
}

int ike_reassembly_join(
    const struct ike_reassembly *r, uint8_t *out, size_t cap, size_t *ret_len, uint8_t *ret_first)
{
	struct wr w = wr_init(out, cap);

	if (!ike_reassembly_complete(r))
		return -1;
	for (unsigned i = 0; i < r->total; i++)
		wr_bytes(&w, r->piece[i].data, r->piece[i].len);
	if (!wr_ok(&w))
		return -1;
	*ret_len = wr_len(&w);
	*ret_first = r->first;
	return 0;
}

void ike_reassembly_drop(struct ike_reassembly **at)
{
	if (!*at)
		return;
	start(*at, 0, 0);
	free(*at);
	*at = NULL;
}
