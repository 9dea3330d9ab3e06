/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long causewayd's control thread lets others wait: asks the management API for `status` every 5 ms. That
 *is answered by the thread that answers IKE and BGP, by turns with them, so the longest answer says how late
 *a keepalive could have been.
 *
 *	bench_probe SOCKET
 *
 * Command on stdin: `worst`; answer: worst NANOSECONDS QUESTIONS, since the last one.
 */
#include "tests/bench/bgp/table.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PAUSE_MS 5

/* Nanoseconds from the connection to the first octet of the answer; -1: nobody answers. */
static int64_t question(const struct sockaddr_un *to)
{
	static const char get[] = "GET /restconf/data/causeway:state/status HTTP/1.0\r\n\r\n";
	char answer[4096];
	int64_t began = now_ns(), took = -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !connect(fd, (const struct sockaddr *)to, sizeof(*to)) &&
	    send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(get) - 1 &&
	    recv(fd, answer, sizeof(answer), 0) > 0) {
		took = now_ns() - began;
		while (recv(fd, answer, sizeof(answer), 0) > 0)
			;
	}
	if (fd >= 0)
		close(fd);
	return took;
}

int main(int argc, char **argv)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int64_t worst = 0;
	uint64_t questions = 0;
	char line[64];

	if (argc != 2 || strlen(argv[1]) >= sizeof(to.sun_path))
		return 2;
	memcpy(to.sun_path, argv[1], strlen(argv[1]));
	for (;;) {
		struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
		int64_t took;

		if (poll(&in, 1, PAUSE_MS) > 0) {
			if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
				return 0;
			printf("worst %" PRId64 " %" PRIu64 "\n", worst, questions);
			fflush(stdout);
			worst = 0;
			questions = 0;
		}
		took = question(&to);
		if (took < 0)
			continue;
		questions++;
		if (took > worst)
			worst = took;
	}
}
