/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is opened with its first record and never opened again: a name that is there gets a number behind
 * it, so a crash's torn last record stays the last of its file. Records that fit go with one write; when it
 * falls short, the file is cut to its last whole record.
 */
#include "connector/sys/record_files.h"

#include "connector/sys/record_name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAME_NAME_MAX 10000 /* files of one name */
#define LISTED_MAX    20000 /* files of ours that are looked at */

struct listed {
	struct timespec when;
	char name[256];
};

static int older_first(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->when.tv_sec != y->when.tv_sec)
		return x->when.tv_sec < y->when.tv_sec ? -1 : 1;
	if (x->when.tv_nsec != y->when.tv_nsec)
		return x->when.tv_nsec < y->when.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Regular files of the pattern, but for the one that is being written. */
static size_t list_files(const struct record_files *f, DIR *dir, struct listed **ret_list)
{
	const char *current = strrchr(f->name, '/');
	struct listed *list = NULL;
	size_t n = 0, cap = 0;
	const struct dirent *e;
	struct stat st;

	while (n < LISTED_MAX && (e = readdir(dir))) {
		if (!record_name_matches(f->config.file, e->d_name) ||
		    (current && !strcmp(current + 1, e->d_name)) ||
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
			continue;
		if (n == cap) {
			struct listed *more = realloc(list, (cap = cap ? cap * 2 : 64) * sizeof(*list));

			if (!more)
				break;
			list = more;
		}
		list[n].when = st.st_mtim;
		snprintf(list[n++].name, sizeof(list->name), "%s", e->d_name);
	}
	*ret_list = list;
	return n;
}

static void prune(const struct record_files *f)
{
	char path[RECORDER_PATH_MAX];
	const char *slash = strrchr(f->config.file, '/');
	struct listed *list;
	DIR *dir;
	size_t n;

	if (!f->config.keep)
		return;
	snprintf(path, sizeof(path), "%.*s", slash ? (int)(slash - f->config.file) + 1 : 1,
	    slash ? f->config.file : ".");
	dir = opendir(path);
	if (!dir)
		return;
	n = list_files(f, dir, &list);
	if (n > f->config.keep) {
		qsort(list, n, sizeof(*list), older_first);
		for (size_t i = 0; i < n - f->config.keep; i++)
			(void)unlinkat(dirfd(dir), list[i].name, 0);
	}
	free(list);
	closedir(dir);
}

void record_files_close(struct record_files *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->name[0] = '\0';
	f->bytes = 0;
}

void record_files_tick(struct record_files *f, time_t now)
{
	if (f->fd >= 0 && f->until && now >= f->until)
		record_files_close(f);
}

static int open_next(struct record_files *f, time_t now, struct reason *ret_reason)
{
	int64_t every = mdur_to_s(f->config.rotate);

	for (unsigned n = 1; n < SAME_NAME_MAX; n++) {
		if (record_name(f->config.file, now, n, f->name, sizeof(f->name))) {
			errno = ENAMETOOLONG;
			break;
		}
		f->fd = open(f->name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
		if (f->fd >= 0 || errno != EEXIST)
			break;
	}
	if (f->fd < 0) {
		reason_set(ret_reason, "record-not-opened",
		    "%s can't be made: %s. Is the directory there, and may the daemon write to it?",
		    f->name[0] ? f->name : f->config.file, strerror(errno));
		f->name[0] = '\0';
		return -1;
	}
	f->bytes = 0;
	f->until = every ? (time_t)((now / every + 1) * every) : 0;
	f->files++;
	prune(f);
	return 0;
}

/* How many of the records still fit into the file; the first always does into an empty one. */
static size_t fitting(const struct record_files *f, const uint32_t len[], size_t n, size_t *ret_bytes)
{
	size_t i = 0, bytes = 0;

	for (; i < n; i++) {
		uint64_t after = f->bytes + bytes + len[i];

		if (f->config.rotate_bytes && after > f->config.rotate_bytes && (f->bytes || i))
			break;
		bytes += len[i];
	}
	*ret_bytes = bytes;
	return i;
}

/* -1 with errno: what was written of it is taken back but for whole records, whose number is *ret_n. */
static int write_records(
    struct record_files *f, const uint8_t *data, size_t bytes, const uint32_t len[], size_t n, size_t *ret_n)
{
	size_t done = 0, whole = 0;
	int error = 0;

	while (done < bytes && !error) {
		ssize_t got = write(f->fd, data + done, bytes - done);

		if (got > 0)
			done += (size_t)got;
		else if (got == 0 || errno != EINTR)
			error = got ? errno : ENOSPC;
	}
	*ret_n = 0;
	while (*ret_n < n && whole + len[*ret_n] <= done)
		whole += len[(*ret_n)++];
	f->bytes += whole;
	if (!error)
		return 0;
	if (done > whole && ftruncate(f->fd, (off_t)f->bytes))
		record_files_close(f); /* the rest of a record stays its last */
	errno = error;
	return -1;
}

size_t record_files_write(
    struct record_files *f, const uint8_t *data, const uint32_t len[], size_t n, struct reason *ret_reason)
{
	size_t at = 0, bytes, fit, done;

	while (at < n) {
		time_t now = time(NULL);

		record_files_tick(f, now);
		if (f->fd < 0 && open_next(f, now, ret_reason))
			return at;
		fit = fitting(f, len + at, n - at, &bytes);
		if (!fit) {
			record_files_close(f);
			continue;
		}
		if (write_records(f, data, bytes, len + at, fit, &done)) {
			reason_set(ret_reason, "record-not-written",
			    "%s can't be written: %s; what comes is dropped until there is room", f->name,
			    strerror(errno));
			return at + done;
		}
		data += bytes;
		at += fit;
	}
	return n;
}
