/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AS paths as a peer is to see them: its own AS replaced by ours (as-override), private numbers taken out
 * (remove-private-as). A segment that nothing is left of goes.
 */
#include "bgp/as_path.h"

#include "bgp/wire.h"

unsigned as_path_count(struct bytes path, uint32_t as)
{
	struct rd r = rd_init(path.p, path.len);
	unsigned n = 0;

	while (rd_left(&r)) {
		struct rd numbers;

		(void)rd_u8(&r);
		numbers = rd_sub(&r, (size_t)rd_u8(&r) * 4);
		while (rd_left(&numbers))
			n += rd_u32(&numbers) == as;
	}
	return n;
}

void as_path_replace(struct bytes path, uint32_t as, uint32_t by, struct wr *out)
{
	struct rd r = rd_init(path.p, path.len);

	while (rd_left(&r)) {
		uint8_t count;

		wr_u8(out, rd_u8(&r));
		count = rd_u8(&r);
		wr_u8(out, count);
		for (unsigned i = 0; i < count; i++) {
			uint32_t one = rd_u32(&r);

			wr_u32(out, one == as ? by : one);
		}
	}
}

bool as_is_private(uint32_t as)
{
	return (as >= 64512 && as <= 65534) || (as >= 4200000000u && as <= 4294967294u);
}

void as_path_without_private(struct bytes path, struct wr *out)
{
	struct rd r = rd_init(path.p, path.len);

	while (rd_left(&r)) {
		uint8_t type = rd_u8(&r), left = 0;
		struct rd numbers = rd_sub(&r, (size_t)rd_u8(&r) * 4), again = numbers;

		while (rd_left(&numbers))
			left += !as_is_private(rd_u32(&numbers));
		if (!left)
			continue;
		wr_u8(out, type);
		wr_u8(out, left);
		while (rd_left(&again)) {
			uint32_t as = rd_u32(&again);

			if (!as_is_private(as))
				wr_u32(out, as);
		}
	}
}
