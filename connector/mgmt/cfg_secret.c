/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pre-shared keys from files. A key that others may read is no secret: refused, with the command that mends
 * it. One trailing newline, which editors add, is not part of the key. No reason ever holds a byte of the
 * key.
 */
#include "connector/mgmt/cfg_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME_MAX 4096

int cfg_resolve_file(const struct cfg_load *l, const char *path, const char *file, char *ret_file, size_t cap)
{
	const char *slash = file[0] == '/' ? NULL : strrchr(l->source, '/');
	int n;

	if (slash)
		n = snprintf(ret_file, cap, "%.*s/%s", (int)(slash - l->source), l->source, file);
	else
		n = snprintf(ret_file, cap, "%s", file);
	if (n < 0 || (size_t)n >= cap)
		return cfg_fail(l, "config-wrong-value", path, file,
		    "with the directory of the configuration file, the name is too long; write a shorter "
		    "one");
	return 0;
}

static int check_file(const struct cfg_load *l, const char *path, const char *file, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return cfg_fail(l, "secret-file-not-readable", path, file, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return cfg_fail(l, "secret-file-not-readable", path, file,
		    "this is no regular file; name a file that holds the key");
	if (st.st_mode & 077)
		return cfg_fail(l, "secret-file-permissions", path, file,
		    "others may read or change this file (mode %04o); only its owner may: chmod 600 %s",
		    (unsigned)st.st_mode & 07777, file);
	return 0;
}

/* Reads to the end or to cap; returns the length, or -1 with errno. */
static ssize_t read_all(int fd, uint8_t *buf, size_t cap)
{
	size_t n = 0;

	while (n < cap) {
		ssize_t got = read(fd, buf + n, cap - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

static int take_key(
    const struct cfg_load *l, const char *path, const char *file, int fd, struct secret *ret_secret)
{
	uint8_t buf[CFG_SECRET_MAX + 2]; /* a newline, and one byte to notice that there is more */
	ssize_t n = read_all(fd, buf, sizeof(buf));
	int r = 0;

	if (n < 0)
		r = cfg_fail(l, "secret-file-not-readable", path, file, "%s", strerror(errno));
	else if (n > 0 && buf[n - 1] == '\n')
		n--;
	if (!r && n == 0)
		r = cfg_fail(l, "secret-file-empty", path, file,
		    "the file is empty; write the pre-shared key into it");
	else if (!r && n > CFG_SECRET_MAX)
		r = cfg_fail(l, "secret-file-too-long", path, file,
		    "more than %d bytes; is this the right file?", CFG_SECRET_MAX);
	else if (!r && secret_set(ret_secret, buf, (size_t)n))
		r = cfg_fail(l, "out-of-memory", path, NULL, "out of memory");
	else if (!r && (buf[n - 1] == '\r' || buf[n - 1] == ' '))
		r = cfg_note(l, "secret-file-odd-end", path,
		    "the key in %s ends in a blank or carriage return, which is taken as part of it; is it "
		    "meant?",
		    file);
	cleanse(buf, sizeof(buf));
	return r;
}

int cfg_read_secret(const struct cfg_load *l, const char *path, const char *file, struct secret *ret_secret)
{
	int fd, r;

	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return cfg_fail(l, "secret-file-missing", path, file,
		    "there is no such file; write the pre-shared key into it, then: chmod 600 %s", file);
	if (fd < 0)
		return cfg_fail(l, "secret-file-not-readable", path, file,
		    "%s; the daemon's user must be able to read it", strerror(errno));
	r = check_file(l, path, file, fd);
	if (!r)
		r = take_key(l, path, file, fd, ret_secret);
	close(fd);
	return r;
}

int cfg_take_secret(
    const struct cfg_load *l, const struct lyd_node *node, const char *name, struct secret *ret_secret)
{
	const struct lyd_node *n = node ? cfg_child(node, name) : NULL;
	char path[CFG_PATH_MAX], file[FILE_NAME_MAX];

	if (!n)
		return 0;
	if (!lyd_path(n, LYD_PATH_STD, path, sizeof(path)))
		return cfg_fail_at(l, "out-of-memory", n, "out of memory");
	if (cfg_resolve_file(l, path, lyd_get_value(n), file, sizeof(file)))
		return -1;
	return l->with_secrets ? cfg_read_secret(l, path, file, ret_secret) : 0;
}
