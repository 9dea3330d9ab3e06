/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers and the SK payload (RFC 7296 3.1, 3.14; AEADs by RFC 5282; SKF by RFC 7383 2.5).
 *
 * Layout of a sealed message: header | SK generic header | IV | payloads, padding, pad length | ICV. What the
 * MAC or the AAD covers begins at the header and runs up to the IV (GCM) or the ICV (encrypt-then-MAC):
 * base/crypto.h's aead_* takes both from the same arguments. Nothing is decrypted before its checksum has
 * been found right.
 */
#include "ike/message.h"

#define SK_PREFIX_LEN (IKE_HEADER_LEN + IKE_PAYLOAD_HEADER_LEN)

/* Header and length; any version. */
static int parse_any(const uint8_t *data, size_t len, struct ike_header *ret, struct rd *ret_rest)
{
	struct rd r = rd_init(data, len);
	struct ike_header h = { 0 };
	uint8_t flags;
	uint32_t total;

	h.spi_i = rd_u64(&r);
	h.spi_r = rd_u64(&r);
	h.first = rd_u8(&r);
	h.version = rd_u8(&r);
	h.exchange = rd_u8(&r);
	flags = rd_u8(&r);
	h.msg_id = rd_u32(&r);
	total = rd_u32(&r);
	h.from_initiator = flags & IKE_FLAG_INITIATOR;
	h.response = flags & IKE_FLAG_RESPONSE;
	if (!rd_ok(&r) || total != len || len > IKE_MESSAGE_MAX || !h.spi_i)
		return -1;
	*ret = h;
	*ret_rest = r;
	return 0;
}

int ike_header_parse(const uint8_t *data, size_t len, struct ike_header *ret, struct rd *ret_rest)
{
	struct ike_header h;
	struct rd r;

	if (parse_any(data, len, &h, &r) || h.version >> 4 != IKE_VERSION >> 4)
		return -1;
	*ret = h;
	*ret_rest = r;
	return 0;
}

bool ike_header_newer(const uint8_t *data, size_t len, struct ike_header *ret)
{
	struct ike_header h;
	struct rd r;

	if (parse_any(data, len, &h, &r) || h.version >> 4 <= IKE_VERSION >> 4)
		return false;
	*ret = h;
	return true;
}

static size_t put_header(struct wr *w, const struct ike_header *h, uint8_t first)
{
	size_t mark;

	wr_u64(w, h->spi_i);
	wr_u64(w, h->spi_r);
	wr_u8(w, first);
	wr_u8(w, IKE_VERSION);
	wr_u8(w, h->exchange);
	wr_u8(w,
	    (uint8_t)((h->from_initiator ? IKE_FLAG_INITIATOR : 0) | (h->response ? IKE_FLAG_RESPONSE : 0)));
	wr_u32(w, h->msg_id);
	wr_u16(w, 0); /* the high half of a 32-bit length: messages stay below 64 KiB */
	mark = wr_mark_u16(w);
	return mark;
}

int ike_message_plain(const struct ike_header *h, uint8_t first, const uint8_t *body, size_t body_len,
    uint8_t *out, size_t cap, size_t *ret_len)
{
	struct wr w = wr_init(out, cap);
	size_t mark = put_header(&w, h, first);

	wr_bytes(&w, body, body_len);
	wr_patch_u16(&w, mark, wr_len(&w));
	if (!wr_ok(&w))
		return -1;
	*ret_len = wr_len(&w);
	return 0;
}

/* In an SKF payload when there is a part, else in SK. */
static int seal(struct ike_dir *dir, const struct rng *rng, const struct ike_header *h, uint8_t first,
    const struct ike_part *part, const uint8_t *body, size_t body_len, struct wr w, size_t *ret_len)
{
	size_t mark = put_header(&w, h, part ? IKE_P_SKF : IKE_P_SK), sk_len, text_len;
	size_t pad = (dir->block - (body_len + 1) % dir->block) % dir->block;
	size_t numbers = part ? IKE_SKF_NUMBERS_LEN : 0;
	uint8_t *iv, *text, *icv;

	text_len = body_len + pad + 1;
	sk_len = IKE_PAYLOAD_HEADER_LEN + numbers + dir->iv_len + text_len + dir->icv_len;
	wr_u8(&w, first);
	wr_u8(&w, 0);
	if (sk_len > UINT16_MAX)
		return -1;
	wr_u16(&w, (uint16_t)sk_len);
	if (part) {
		wr_u16(&w, part->number);
		wr_u16(&w, part->total);
	}
	iv = wr_skip(&w, dir->iv_len);
	text = wr_skip(&w, text_len);
	icv = wr_skip(&w, dir->icv_len);
	wr_patch_u16(&w, mark, wr_len(&w));
	if (!wr_ok(&w))
		return -1;
	if (dir->aead) {
		struct wr v = wr_init(iv, dir->iv_len);

		wr_u64(&v, dir->next_iv++);
	} else {
		rng_fill(rng, iv, dir->iv_len);
	}
	struct wr t = wr_init(text, text_len);
	wr_bytes(&t, body, body_len);
	wr_zero(&t, pad);
	wr_u8(&t, (uint8_t)pad);
	/* The fragment's numbers are covered, too (RFC 7383 2.5). */
	if (aead_seal(dir->ctx, w.start, SK_PREFIX_LEN + numbers, iv, text, text_len, NULL, 0, icv))
		return -1;
	*ret_len = wr_len(&w);
	return 0;
}

int ike_message_seal(struct ike_dir *dir, const struct rng *rng, const struct ike_header *h, uint8_t first,
    const uint8_t *body, size_t body_len, uint8_t *out, size_t cap, size_t *ret_len)
{
	return seal(dir, rng, h, first, NULL, body, body_len, wr_init(out, cap), ret_len);
}

int ike_message_seal_part(struct ike_dir *dir, const struct rng *rng, const struct ike_header *h,
    uint8_t first, const struct ike_part *part, const uint8_t *body, size_t body_len, uint8_t *out,
    size_t cap, size_t *ret_len)
{
	return seal(dir, rng, h, first, part, body, body_len, wr_init(out, cap), ret_len);
}

/* Finds the SK or SKF payload, which is the last one; the prefix before its body is authenticated. */
static int find_sk(
    const uint8_t *data, size_t len, bool part, uint8_t *ret_first, size_t *ret_prefix, size_t *ret_len)
{
	struct ike_header h;
	struct ike_payloads p;
	const struct ike_span *sk = part ? &p.skf : &p.sk;
	struct rd r;

	if (ike_header_parse(data, len, &h, &r) || ike_payloads_parse(r, h.first, &p) || !sk->data)
		return -1;
	*ret_first = p.sk_first;
	*ret_prefix = len - sk->len; /* SK ends the message: payloads_parse asked for "exactly consumed" */
	*ret_len = sk->len;
	return 0;
}

/* The rest of opening: behind `prefix` octets that are only authenticated come IV, text and ICV. */
static int open_text(struct ike_dir *dir, uint8_t *data, size_t len, size_t prefix, struct rd *ret_inner)
{
	size_t sk_len = len - prefix, text_len, pad;
	struct wr w = wr_init(data, len);
	uint8_t *iv, *text;
	const uint8_t *icv;
	struct rd in;

	if (sk_len < (size_t)dir->iv_len + dir->icv_len + 1)
		return -1;
	text_len = sk_len - dir->iv_len - dir->icv_len;
	if (text_len % dir->block)
		return -1;
	wr_skip(&w, prefix);
	iv = wr_skip(&w, dir->iv_len);
	text = wr_skip(&w, text_len);
	icv = wr_skip(&w, dir->icv_len);
	if (!wr_ok(&w) || aead_open(dir->ctx, data, prefix, iv, text, text_len, NULL, 0, icv))
		return -1;
	in = rd_init(text, text_len);
	rd_skip(&in, text_len - 1);
	pad = rd_u8(&in);
	if (pad + 1 > text_len)
		return -1;
	*ret_inner = rd_init(text, text_len - 1 - pad);
	return 0;
}

int ike_message_open(struct ike_dir *dir, uint8_t *data, size_t len, uint8_t *ret_first, struct rd *ret_inner)
{
	size_t prefix, sk_len;
	uint8_t first;

	if (find_sk(data, len, false, &first, &prefix, &sk_len) ||
	    open_text(dir, data, len, prefix, ret_inner))
		return -1;
	*ret_first = first;
	return 0;
}

int ike_message_open_part(struct ike_dir *dir, uint8_t *data, size_t len, uint8_t *ret_first,
    struct ike_part *ret_part, struct rd *ret_inner)
{
	size_t prefix, sk_len;
	struct ike_part part;
	uint8_t first;
	struct rd r;

	if (find_sk(data, len, true, &first, &prefix, &sk_len))
		return -1;
	r = rd_init(data, len);
	rd_skip(&r, prefix);
	part.number = rd_u16(&r);
	part.total = rd_u16(&r);
	if (!rd_ok(&r) || prefix != SK_PREFIX_LEN ||
	    open_text(dir, data, len, prefix + IKE_SKF_NUMBERS_LEN, ret_inner))
		return -1;
	*ret_first = first;
	*ret_part = part;
	return 0;
}
