/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cursors with a sticky error. The invariant: p <= end always, and once `bad` is set p does not move, so
 * a loop of the form `while (rd_left(&r))` ends on damaged input.
 */
#include "base/cursor.h"

#include <string.h>

struct rd rd_init(const void *data, size_t len)
{
	const uint8_t *p = data;

	return (struct rd){ .p = p, .end = len ? p + len : p };
}

size_t rd_left(const struct rd *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->p);
}

bool rd_ok(const struct rd *r)
{
	return !r->bad;
}

bool rd_done(const struct rd *r)
{
	return !r->bad && r->p == r->end;
}

const uint8_t *rd_skip(struct rd *r, size_t len)
{
	const uint8_t *p = r->p;

	if (r->bad || (size_t)(r->end - r->p) < len) {
		r->bad = true;
		return NULL;
	}
	if (len)
		r->p += len;
	return p;
}

uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_skip(r, 1);

	return p ? p[0] : 0;
}

uint16_t rd_u16(struct rd *r)
{
	const uint8_t *p = rd_skip(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t rd_u32(struct rd *r)
{
	const uint8_t *p = rd_skip(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

uint64_t rd_u64(struct rd *r)
{
	uint64_t hi = rd_u32(r);
	uint64_t lo = rd_u32(r);

	return r->bad ? 0 : hi << 32 | lo;
}

void rd_bytes(struct rd *r, void *out, size_t len)
{
	const uint8_t *p = rd_skip(r, len);

	if (!len)
		return;
	if (p)
		memcpy(out, p, len);
	else
		memset(out, 0, len);
}

struct rd rd_sub(struct rd *r, size_t len)
{
	const uint8_t *p = rd_skip(r, len);
	struct rd sub = rd_init(p, r->bad ? 0 : len);

	sub.bad = r->bad;
	return sub;
}

struct wr wr_init(void *buf, size_t cap)
{
	uint8_t *p = buf;

	return (struct wr){ .start = p, .p = p, .end = cap ? p + cap : p };
}

size_t wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->start);
}

size_t wr_left(const struct wr *w)
{
	return w->bad ? 0 : (size_t)(w->end - w->p);
}

bool wr_ok(const struct wr *w)
{
	return !w->bad;
}

uint8_t *wr_skip(struct wr *w, size_t len)
{
	uint8_t *p = w->p;

	if (w->bad || (size_t)(w->end - w->p) < len) {
		w->bad = true;
		return NULL;
	}
	if (len)
		w->p += len;
	return p;
}

static void put_be(uint8_t *p, uint64_t v, size_t len)
{
	for (size_t i = len; i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

static void wr_be(struct wr *w, uint64_t v, size_t len)
{
	uint8_t *p = wr_skip(w, len);

	if (p)
		put_be(p, v, len);
}

void wr_u8(struct wr *w, uint8_t v)
{
	wr_be(w, v, 1);
}

void wr_u16(struct wr *w, uint16_t v)
{
	wr_be(w, v, 2);
}

void wr_u32(struct wr *w, uint32_t v)
{
	wr_be(w, v, 4);
}

void wr_u64(struct wr *w, uint64_t v)
{
	wr_be(w, v, 8);
}

void wr_bytes(struct wr *w, const void *data, size_t len)
{
	uint8_t *p = wr_skip(w, len);

	if (p && len)
		memcpy(p, data, len);
}

void wr_zero(struct wr *w, size_t len)
{
	uint8_t *p = wr_skip(w, len);

	if (p && len)
		memset(p, 0, len);
}

static size_t wr_mark(struct wr *w, size_t len)
{
	size_t at = wr_len(w);

	wr_zero(w, len);
	return at;
}

static void wr_patch(struct wr *w, size_t mark, size_t value, size_t len)
{
	if (w->bad)
		return;
	if (mark + len > wr_len(w) || value >> (8 * len)) {
		w->bad = true; /* a length that its field cannot hold */
		return;
	}
	put_be(w->start + mark, value, len);
}

size_t wr_mark_u8(struct wr *w)
{
	return wr_mark(w, 1);
}

size_t wr_mark_u16(struct wr *w)
{
	return wr_mark(w, 2);
}

void wr_patch_u8(struct wr *w, size_t mark, size_t value)
{
	wr_patch(w, mark, value, 1);
}

void wr_patch_u16(struct wr *w, size_t mark, size_t value)
{
	wr_patch(w, mark, value, 2);
}
