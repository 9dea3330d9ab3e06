/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many clients at once must not take the descriptors that tunnels and BGP need. The kernel gives out the
 * lowest free number, so that number tells how full the process is: near the limit no more clients are
 * accepted. They wait in the socket's queue, and we look again soon; idle ones are let go after
 * API_IDLE_SECONDS.
 */
#include "connector/mgmt/api_internal.h"

#include <event2/listener.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define RESERVE_PART 2   /* this part of all descriptors, */
#define RESERVE_MAX  256 /* but no more than these, is not for clients */

static const struct timeval look_again = { .tv_usec = 100000 };

static bool crowded(const struct api_server *s)
{
	struct rlimit limit = { 0 };
	rlim_t reserve;
	int lowest = fcntl(evconnlistener_get_fd(s->listener), F_DUPFD_CLOEXEC, 0);

	if (lowest < 0)
		return true;
	close(lowest);
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return false;
	reserve = limit.rlim_cur / RESERVE_PART;
	if (reserve > RESERVE_MAX)
		reserve = RESERVE_MAX;
	return (rlim_t)lowest >= limit.rlim_cur - reserve;
}

static void on_again(evutil_socket_t fd, short what, void *ctx)
{
	struct api_server *s = ctx;

	(void)fd;
	(void)what;
	if (crowded(s))
		event_add(s->again, &look_again);
	else
		evconnlistener_enable(s->listener);
}

int api_crowd_init(struct api_server *s, struct evconnlistener *listener)
{
	s->listener = listener;
	s->again = event_new(s->base, -1, 0, on_again, s);
	return s->again ? 0 : -1;
}

void api_crowd_check(struct api_server *s)
{
	if (!crowded(s))
		return;
	log_warn(s->log, "api", "many clients at once, with few descriptors left: new ones wait");
	evconnlistener_disable(s->listener);
	event_add(s->again, &look_again);
}

void api_crowd_end(struct api_server *s)
{
	if (s->again)
		event_free(s->again);
}
