/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cursors over bytes: the one way this project reads and writes packets.
 *
 * Both kinds carry a sticky error: after the first read past the end (or write past the room) every
 * further call does nothing and returns zero, so a parser takes its fields one after the other and asks
 * once, at the end. All integers are in network byte order on the wire and in host order in C.
 *
 * A cursor borrows the memory it walks; it never frees it. Not thread safe (one cursor, one user).
 */
#ifndef CW_BASE_CURSOR_H
#define CW_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd {
	const uint8_t *p;   /* next byte */
	const uint8_t *end; /* one past the last */
	bool bad;           /* sticky: something was read that was not there */
};

struct wr {
	uint8_t *start;
	uint8_t *p;
	uint8_t *end;
	bool bad; /* sticky: something did not fit */
};

struct rd rd_init(const void *data, size_t len);
size_t rd_left(const struct rd *r); /* 0 once bad */
bool rd_ok(const struct rd *r);
/* True when nothing was read past the end and nothing is left over. */
bool rd_done(const struct rd *r);
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
/* Copies len bytes to out; on failure out is zeroed. */
void rd_bytes(struct rd *r, void *out, size_t len);
/* A pointer to the next len bytes, which are passed over; NULL (and bad) when there are fewer. */
const uint8_t *rd_skip(struct rd *r, size_t len);
/* Cuts a cursor over the next len bytes, which are passed over; a bad and empty one when there are fewer. */
struct rd rd_sub(struct rd *r, size_t len);

struct wr wr_init(void *buf, size_t cap);
size_t wr_len(const struct wr *w);  /* bytes written so far */
size_t wr_left(const struct wr *w); /* room; 0 once bad */
bool wr_ok(const struct wr *w);
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_bytes(struct wr *w, const void *data, size_t len);
void wr_zero(struct wr *w, size_t len);
/* Room for len bytes that the caller fills in; NULL (and bad) when there is less. */
uint8_t *wr_skip(struct wr *w, size_t len);
/*
 * Lengths that are known only later: wr_mark_* leaves room and returns its offset; wr_patch_* writes there
 * the value given. Both do nothing on a bad cursor.
 */
size_t wr_mark_u8(struct wr *w);
size_t wr_mark_u16(struct wr *w);
void wr_patch_u8(struct wr *w, size_t mark, size_t value);
void wr_patch_u16(struct wr *w, size_t mark, size_t value);

#endif
