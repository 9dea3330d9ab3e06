/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors: values both ways, the sticky error at every truncation, sub-cursors, patched lengths. */
#include "base/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t sample[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c,
	0x0d, 0x0e, 0x0f, 0xaa, 0xbb };

static void test_write_then_read(void **state)
{
	uint8_t buf[sizeof(sample)];
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r = rd_init(sample, sizeof(sample));
	uint8_t two[2];

	(void)state;
	wr_u8(&w, 0x01);
	wr_u16(&w, 0x0203);
	wr_u32(&w, 0x04050607);
	wr_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
	assert_int_equal(wr_len(&w), 15);
	assert_int_equal(wr_left(&w), 2);
	wr_bytes(&w, "\xaa\xbb", 2);
	assert_true(wr_ok(&w));
	assert_memory_equal(buf, sample, sizeof(sample));
	assert_int_equal(rd_u8(&r), 0x01);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_true(rd_u64(&r) == UINT64_C(0x08090a0b0c0d0e0f));
	assert_false(rd_done(&r));
	rd_bytes(&r, two, 2);
	assert_memory_equal(two, "\xaa\xbb", 2);
	assert_true(rd_done(&r));
}

/* Cut at every length: either all was there, or the error sticks and nothing more is read. Exact heap copies,
 * for ASan. */
static void test_truncations(void **state)
{
	(void)state;
	for (size_t len = 0; len <= sizeof(sample); len++) {
		uint8_t *copy = malloc(len ? len : 1), rest[2] = { 1, 1 };
		struct rd r;

		assert_non_null(copy);
		memcpy(copy, sample, len);
		r = rd_init(copy, len);
		rd_u8(&r);
		rd_u16(&r);
		rd_u32(&r);
		rd_u64(&r);
		rd_bytes(&r, rest, 2);
		assert_int_equal(rd_done(&r), len == sizeof(sample));
		assert_int_equal(rd_ok(&r), len == sizeof(sample));
		if (!rd_ok(&r)) {
			assert_int_equal(rd_left(&r), 0);
			assert_int_equal(rd_u8(&r), 0); /* even where a byte is left */
			assert_null(rd_skip(&r, 1));
			assert_false(rd_ok(&r));
			assert_memory_equal(rest, "\0\0", 2);
		}
		free(copy);
	}
}

static void test_sub(void **state)
{
	struct rd r = rd_init(sample, sizeof(sample)), sub = rd_sub(&r, 4), bad;

	(void)state;
	assert_int_equal(rd_left(&sub), 4);
	assert_int_equal(rd_u32(&sub), 0x01020304);
	assert_true(rd_done(&sub));
	rd_u8(&sub); /* does not reach into what follows */
	assert_false(rd_ok(&sub));
	assert_true(rd_ok(&r));
	assert_int_equal(rd_u8(&r), 5);
	bad = rd_sub(&r, sizeof(sample));
	assert_false(rd_ok(&bad));
	assert_int_equal(rd_left(&bad), 0);
	assert_false(rd_ok(&r));
	r = rd_init(NULL, 0);
	assert_true(rd_done(&r));
	assert_int_equal(rd_u64(&r), 0);
	assert_false(rd_done(&r));
}

static void test_write_room(void **state)
{
	for (size_t cap = 0; cap < 8; cap++) {
		uint8_t *buf = malloc(cap ? cap : 1);
		struct wr w = wr_init(buf, cap);

		(void)state;
		wr_u32(&w, 1);
		wr_u8(&w, 2);
		wr_zero(&w, 2);
		wr_u8(&w, 3);
		assert_false(wr_ok(&w));
		assert_null(wr_skip(&w, 0));
		assert_int_equal(wr_left(&w), 0);
		assert_true(wr_len(&w) <= cap);
		free(buf);
	}
}

static void test_patch(void **state)
{
	uint8_t buf[16];
	struct wr w = wr_init(buf, sizeof(buf));
	size_t one, two;

	(void)state;
	one = wr_mark_u8(&w);
	two = wr_mark_u16(&w);
	wr_bytes(&w, "abc", 3);
	wr_patch_u8(&w, one, 255);
	wr_patch_u16(&w, two, wr_len(&w));
	assert_true(wr_ok(&w));
	assert_memory_equal(buf,
	    "\xff\x00\x06"
	    "abc",
	    6);
	wr_patch_u16(&w, two, 65535);
	assert_true(wr_ok(&w));
	wr_patch_u8(&w, one, 256); /* does not fit its field */
	assert_false(wr_ok(&w));
	w = wr_init(buf, sizeof(buf));
	wr_u8(&w, 0);
	wr_patch_u16(&w, 0, 1); /* beyond what was written */
	assert_false(wr_ok(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_write_then_read),
		cmocka_unit_test(test_truncations), cmocka_unit_test(test_sub),
		cmocka_unit_test(test_write_room), cmocka_unit_test(test_patch) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
