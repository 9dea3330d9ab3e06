/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to files on a thread of their own: whole records in whole files, names that are never used twice,
 * the oldest removed, and a disk that is full or not there for a while. Waits for states, with a limit.
 */
#include "connector/sys/record_name.h"
#include "connector/sys/recorder.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define RECORD  100  /* bytes */
#define PATIENT 3000 /* times 10 ms */

struct rig {
	char dir[64];
	struct recorder_config config;
};

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	snprintf(r->dir, sizeof(r->dir), "/tmp/causeway-recorder-XXXXXX");
	if (!mkdtemp(r->dir))
		return -1;
	snprintf(r->config.file, sizeof(r->config.file), "%s/u.%%Y%%m%%d.mrt", r->dir);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;
	char path[512];
	DIR *d = opendir(r->dir);

	for (const struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%.250s", r->dir, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	if (d)
		closedir(d);
	assert_int_equal(rmdir(r->dir), 0);
	free(r);
	return 0;
}

static void put(struct recorder *rec, unsigned first, unsigned n)
{
	uint8_t record[RECORD];

	for (unsigned i = first; i < first + n; i++) {
		memset(record, (int)(i & 0xff), sizeof(record));
		recorder_put(rec, record, sizeof(record));
	}
}

static bool written(const struct recorder_view *v, uint64_t n)
{
	return v->records >= n;
}

static bool failed(const struct recorder_view *v, uint64_t n)
{
	return v->dropped_failed >= n && reason_is_set(&v->error);
}

static struct recorder_view wait_until(
    struct recorder *rec, bool (*is)(const struct recorder_view *v, uint64_t n), uint64_t n)
{
	struct recorder_view v;

	for (unsigned i = 0; i < PATIENT; i++) {
		recorder_view(rec, &v);
		if (is(&v, n))
			return v;
		usleep(10000);
	}
	fail_msg("%zu records, %zu dropped, %s", (size_t)v.records, (size_t)v.dropped_failed, v.error.text);
	return v;
}

/* Files of the rig, and whether each holds whole records only; *ret_bytes: all of them together. */
static unsigned files(const struct rig *r, size_t *ret_bytes)
{
	DIR *d = opendir(r->dir);
	char path[512];
	struct stat st;
	unsigned n = 0;

	*ret_bytes = 0;
	for (const struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.' || !strcmp(e->d_name, "notes.txt"))
			continue;
		snprintf(path, sizeof(path), "%s/%.250s", r->dir, e->d_name);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size % RECORD, 0);
		assert_int_equal(st.st_mode & 0777, 0640);
		*ret_bytes += (size_t)st.st_size;
		n++;
	}
	closedir(d);
	return n;
}

/* 50 records in files of 10, of which the last two and the one being written stay; others' files stay. */
static void rotates_by_size_and_keeps_so_many(void **state)
{
	struct rig *r = *state;
	struct recorder *rec;
	struct recorder_view v;
	size_t bytes;
	char notes[128];
	FILE *f;

	umask(0);
	snprintf(notes, sizeof(notes), "%s/notes.txt", r->dir);
	f = fopen(notes, "w");
	assert_non_null(f);
	fclose(f);
	r->config.rotate_bytes = 10 * RECORD + 50;
	r->config.keep = 2;
	rec = recorder_new(&r->config);
	assert_non_null(rec);
	put(rec, 0, 50);
	v = wait_until(rec, written, 50);
	assert_int_equal(v.bytes, 50 * RECORD);
	assert_int_equal(v.files, 5);
	assert_int_equal(v.dropped_full + v.dropped_failed, 0);
	assert_true(strstr(v.file, "-5") || v.files == 5);
	recorder_free(rec);
	assert_int_equal(files(r, &bytes), 3);
	assert_int_equal(bytes, 30 * RECORD);
	assert_int_equal(access(notes, F_OK), 0);
	rec = recorder_new(&r->config); /* anew: nothing is overwritten */
	put(rec, 50, 3);
	recorder_free(rec); /* and what waits is written */
	assert_int_equal(files(r, &bytes), 3);
	assert_int_equal(bytes, 23 * RECORD);
}

static void rotates_by_time(void **state)
{
	struct rig *r = *state;
	struct recorder *rec;
	size_t bytes;

	r->config.rotate = mdur_s(1);
	rec = recorder_new(&r->config);
	for (uint64_t n = 1; files(r, &bytes) < 3; n++) {
		assert_true(n < PATIENT);
		put(rec, 0, 1);
		wait_until(rec, written, n);
		usleep(10000);
	}
	recorder_free(rec);
}

static void a_directory_that_is_not_there(void **state)
{
	struct rig *r = *state;
	struct recorder_view v;
	struct recorder *rec;
	char dir[128], file[256];

	snprintf(dir, sizeof(dir), "%s/later", r->dir);
	snprintf(r->config.file, sizeof(r->config.file), "%s/u.mrt", dir);
	rec = recorder_new(&r->config);
	put(rec, 0, 7);
	v = wait_until(rec, failed, 7);
	assert_string_equal(v.error.id, "record-not-opened");
	assert_non_null(strstr(v.error.text, dir));
	assert_int_equal(mkdir(dir, 0755), 0);
	for (unsigned i = 0; i < PATIENT && v.records == 0; i++) {
		put(rec, 0, 1);
		usleep(10000);
		recorder_view(rec, &v);
	}
	assert_true(v.records > 0);
	assert_false(reason_is_set(&v.error));
	recorder_free(rec);
	snprintf(file, sizeof(file), "%s/u.mrt", dir);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* As a full disk does, a limit of the process cuts a write in the middle of a record. */
static void a_full_disk_leaves_whole_records(void **state)
{
	struct rig *r = *state;
	struct rlimit was, little = { .rlim_cur = 20 * RECORD + 30 };
	struct recorder_view v;
	struct recorder *rec;
	size_t bytes;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	little.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	rec = recorder_new(&r->config);
	put(rec, 0, 50);
	v = wait_until(rec, failed, 30);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(v.records, 20);
	assert_int_equal(v.dropped_failed, 30);
	assert_string_equal(v.error.id, "record-not-written");
	assert_int_equal(files(r, &bytes), 1);
	assert_int_equal(bytes, 20 * RECORD);
	for (unsigned i = 0; i < PATIENT && v.records == 20; i++) {
		put(rec, 0, 1);
		usleep(10000);
		recorder_view(rec, &v);
	}
	assert_true(v.records > 20);
	assert_false(reason_is_set(&v.error));
	recorder_free(rec);
	assert_int_equal(files(r, &bytes), 1);
}

/* Records beyond the queue are dropped at once, and counted: nobody waits. */
static void a_queue_that_is_full_drops(void **state)
{
	struct rig *r = *state;
	struct recorder_view v;
	struct recorder *rec;
	uint8_t *large = calloc(1, RECORDER_QUEUE_BYTES);

	rec = recorder_new(&r->config);
	assert_non_null(large);
	for (unsigned i = 0; i < 8; i++) /* of which the thread can have two */
		recorder_put(rec, large, i ? RECORDER_QUEUE_BYTES : RECORD);
	recorder_view(rec, &v);
	assert_true(v.dropped_full > 0);
	free(large);
	recorder_free(rec);
}

static void names(void **state)
{
	char name[128];

	(void)state;
	assert_int_equal(record_name("/d/u.%Y%m%d.%H%M%S.mrt", 1785578401, 1, name, sizeof(name)), 0);
	assert_string_equal(name, "/d/u.20260801.100001.mrt");
	assert_true(record_name_matches("/d/u.%Y%m%d.%H%M%S.mrt", "u.20260801.100001.mrt"));
	assert_true(record_name_matches("/d/u.%Y%m%d.%H%M%S.mrt", "u.20260801.100001.mrt-12"));
	assert_int_equal(record_name("/d/%%s-%s%%", 1785578401, 3, name, sizeof(name)), 0);
	assert_string_equal(name, "/d/%s-1785578401%-3");
	assert_true(record_name_matches("/d/%%s-%s%%", "%s-1785578401%-3"));
	assert_true(record_name_matches("u.mrt", "u.mrt"));
	for (size_t i = 0; i < 7; i++) {
		static const char *const others[] = { "u.mrt", "u.2026080.100001.mrt", "u.20260801.100001",
			"u.20260801.100001.mrt-", "u.20260801.100001.mrt.gz", "v.20260801.100001.mrt",
			"u.20260801.100001.mrt-1x" };

		assert_false(record_name_matches("/d/u.%Y%m%d.%H%M%S.mrt", others[i]));
	}
	assert_int_equal(record_name("/d/u.%Y%m%d", 0, 1, name, 8), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rotates_by_size_and_keeps_so_many),
		T(rotates_by_time),
		T(a_directory_that_is_not_there),
		T(a_full_disk_leaves_whole_records),
		T(a_queue_that_is_full_drops),
		cmocka_unit_test(names),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
