/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AS paths as bytes: segments of (type, count, numbers). Everything here walks them with one cursor.
 *
 * Malformed (RFC 7606 7.2): an unknown segment type, a segment that runs past the end, a segment of no
 * numbers, a stray byte. Also: confederation segments, since we belong to no confederation (RFC 5065 5), and
 * AS 0 (RFC 7607).
 */
#include "bgp/as_path.h"

#include "bgp/wire.h"

#define SEGMENT_MAX 255

/* One segment, cut out. False at the end of the path, or where it is malformed. */
struct segment {
	uint8_t type, count;
	struct rd numbers; /* 4 octets each */
};
static bool next_segment(struct rd *r, unsigned width, struct segment *ret_segment)
{
	struct segment s = { 0 };

	if (!rd_left(r))
		return false;
	s.type = rd_u8(r);
	s.count = rd_u8(r);
	s.numbers = rd_sub(r, (size_t)s.count * width);
	if (!rd_ok(r))
		return false;
	*ret_segment = s;
	return true;
}

static struct rd reader(struct bytes b)
{
	return rd_init(b.p, b.len);
}

int as_path_parse(struct rd r, bool four_octet, struct wr *out)
{
	struct segment s;

	while (next_segment(&r, four_octet ? 4 : 2, &s)) {
		if ((s.type != BGP_AS_SET && s.type != BGP_AS_SEQUENCE) || s.count == 0)
			return -1;
		wr_u8(out, s.type);
		wr_u8(out, s.count);
		for (unsigned i = 0; i < s.count; i++) {
			uint32_t as = four_octet ? rd_u32(&s.numbers) : rd_u16(&s.numbers);

			if (as == 0)
				return -1;
			wr_u32(out, as);
		}
	}
	return rd_done(&r) && wr_ok(out) ? 0 : -1;
}

void as_path_build(struct wr *w, struct bytes path, bool four_octet)
{
	struct rd r = reader(path);
	struct segment s;

	if (four_octet) {
		wr_bytes(w, path.p, path.len);
		return;
	}
	while (next_segment(&r, 4, &s)) {
		wr_u8(w, s.type);
		wr_u8(w, s.count);
		for (unsigned i = 0; i < s.count; i++) {
			uint32_t as = rd_u32(&s.numbers);

			wr_u16(w, (uint16_t)(as > UINT16_MAX ? BGP_AS_TRANS : as));
		}
	}
}

bool as_path_fits_two_octets(struct bytes path)
{
	struct rd r = reader(path);
	struct segment s;

	while (next_segment(&r, 4, &s))
		for (unsigned i = 0; i < s.count; i++)
			if (rd_u32(&s.numbers) > UINT16_MAX)
				return false;
	return true;
}

unsigned as_path_length(struct bytes path)
{
	struct rd r = reader(path);
	struct segment s;
	unsigned n = 0;

	while (next_segment(&r, 4, &s))
		n += s.type == BGP_AS_SET ? 1 : s.count;
	return n;
}

/*
 * The first `want` numbers of path as they are counted. A sequence is cut where the count ends; a set is
 * taken whole.
 */
static void copy_leading(struct bytes path, unsigned want, struct wr *out)
{
	struct rd r = reader(path);
	struct segment s;

	while (want && next_segment(&r, 4, &s)) {
		unsigned take = s.type == BGP_AS_SET || s.count <= want ? s.count : want;

		wr_u8(out, s.type);
		wr_u8(out, (uint8_t)take);
		for (unsigned i = 0; i < take; i++)
			wr_u32(out, rd_u32(&s.numbers));
		want -= s.type == BGP_AS_SET ? 1 : take;
	}
}

void as_path_merge(struct bytes path, struct bytes as4_path, struct wr *out)
{
	unsigned n2 = as_path_length(path), n4 = as_path_length(as4_path);

	if (n2 < n4) { /* somebody on the way cut the path: AS4_PATH is not to be trusted */
		wr_bytes(out, path.p, path.len);
		return;
	}
	copy_leading(path, n2 - n4, out);
	wr_bytes(out, as4_path.p, as4_path.len);
}

void as_path_prepend(struct bytes path, uint32_t as, struct wr *out)
{
	struct rd r = reader(path), rest = r;
	struct segment s;
	bool join = next_segment(&rest, 4, &s) && s.type == BGP_AS_SEQUENCE && s.count < SEGMENT_MAX;

	wr_u8(out, BGP_AS_SEQUENCE);
	wr_u8(out, join ? (uint8_t)(s.count + 1) : 1);
	wr_u32(out, as);
	if (join) { /* pass over the head that we have just rewritten */
		(void)rd_u8(&r);
		(void)rd_u8(&r);
	}
	wr_bytes(out, r.p, rd_left(&r));
}

bool as_path_first(struct bytes path, uint32_t *ret_as)
{
	struct rd r = reader(path);
	struct segment s;

	if (!next_segment(&r, 4, &s) || s.type != BGP_AS_SEQUENCE)
		return false;
	*ret_as = rd_u32(&s.numbers);
	return true;
}

bool as_path_contains(struct bytes path, uint32_t as)
{
	struct rd r = reader(path);
	struct segment s;

	while (next_segment(&r, 4, &s))
		for (unsigned i = 0; i < s.count; i++)
			if (rd_u32(&s.numbers) == as)
				return true;
	return false;
}

unsigned as_path_list(struct bytes path, uint32_t out[], unsigned max, bool *ret_cut)
{
	struct rd r = reader(path);
	struct segment s;
	unsigned n = 0, total = 0;

	while (next_segment(&r, 4, &s)) {
		total += s.count;
		for (unsigned i = 0; i < s.count && n < max; i++)
			out[n++] = rd_u32(&s.numbers);
	}
	*ret_cut = total > n;
	return n;
}
