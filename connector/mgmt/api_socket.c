/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Unix socket. A socket file outlives a daemon that was killed, so one that nobody answers on is
 * replaced; one that somebody answers on belongs to another daemon, and a file that is no socket to somebody
 * else.
 */
#include "connector/mgmt/api_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_MODE 0660
#define BACKLOG     64

static int make_address(const char *path, struct sockaddr_un *ret_sa, struct reason *why)
{
	*ret_sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret_sa->sun_path))
		return reason_set(why, "socket-path-too-long",
		    "%s: a socket's name has at most %zu characters; name a shorter one with -s SOCKET", path,
		    sizeof(ret_sa->sun_path) - 1);
	snprintf(ret_sa->sun_path, sizeof(ret_sa->sun_path), "%s", path);
	return 0;
}

/* Whether somebody listens. A full backlog (EAGAIN) is somebody. */
static bool answered(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return true; /* can't tell: leave it alone */
	r = connect(fd, (const struct sockaddr *)sa, sizeof(*sa));
	r = r ? errno : 0;
	close(fd);
	return r != ECONNREFUSED && r != ENOENT;
}

static int clear_path(const struct sockaddr_un *sa, struct reason *why)
{
	struct stat st;

	if (lstat(sa->sun_path, &st))
		return 0; /* nothing there, or bind says what is wrong */
	if (!S_ISSOCK(st.st_mode))
		return reason_set(why, "socket-in-use",
		    "%s: a file that is no socket stands here; remove it or name another with -s SOCKET",
		    sa->sun_path);
	if (answered(sa))
		return reason_set(why, "socket-in-use",
		    "%s: another daemon answers on this socket; stop it or name another with -s SOCKET",
		    sa->sun_path);
	unlink(sa->sun_path);
	return 0;
}

int api_socket_listen(const char *path, dev_t *ret_dev, ino_t *ret_ino, struct reason *ret_reason)
{
	struct sockaddr_un sa;
	struct stat st;
	int fd;

	if (make_address(path, &sa, ret_reason) || clear_path(&sa, ret_reason))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode of the unbound socket is what bind gives the file: it is never open to others, not even
	 * for a moment. */
	if (fd < 0 || fchmod(fd, SOCKET_MODE) || bind(fd, (const struct sockaddr *)&sa, sizeof(sa))) {
		reason_set(ret_reason, errno == EADDRINUSE ? "socket-in-use" : "socket-not-opened",
		    "%s: %s; its directory must exist and be writable, or name another socket with -s SOCKET",
		    sa.sun_path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	/* The umask took bits from it; give the group its own back. */
	if (chmod(sa.sun_path, SOCKET_MODE) || listen(fd, BACKLOG) || lstat(sa.sun_path, &st)) {
		reason_set(ret_reason, "socket-not-opened", "%s: %s", sa.sun_path, strerror(errno));
		close(fd);
		unlink(sa.sun_path);
		return -1;
	}
	*ret_dev = st.st_dev;
	*ret_ino = st.st_ino;
	return fd;
}
