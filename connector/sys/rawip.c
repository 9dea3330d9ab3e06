/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers for IPv4 (RFC 791 3.1) and UDP (RFC 768) before the caller's bytes, by one sendmmsg. The kernel
 * fills in total length, identification, checksum, and the source where it is 0.
 */
#include "connector/sys/rawip.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define TTL           64
#define SOCKET_BUFFER (4 * 1024 * 1024) /* as udp.c's */

struct headers {
	struct iphdr ip;
	struct udphdr udp;
};

int rawip_open(const struct sys_domain *domain, struct udp_socket *ret_sock)
{
	int fd = sys_domain_socket(domain, AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_RAW),
	    size = SOCKET_BUFFER;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*ret_sock = (struct udp_socket){ .fd = fd, .family = 4, .raw = true };
	return 0;
}

static size_t fill(struct headers *h, bool udp, const struct udp_msg *m)
{
	size_t len = sizeof(h->ip) + (udp ? sizeof(h->udp) : 0);

	memset(h, 0, sizeof(*h));
	h->ip.version = 4;
	h->ip.ihl = sizeof(h->ip) / 4;
	h->ip.tos = m->tos;
	h->ip.frag_off = htons(IP_DF);
	h->ip.ttl = TTL;
	h->ip.protocol = udp ? IPPROTO_UDP : IPPROTO_ESP;
	if (m->local.addr.family == 4)
		memcpy(&h->ip.saddr, m->local.addr.b, sizeof(h->ip.saddr));
	memcpy(&h->ip.daddr, m->remote.addr.b, sizeof(h->ip.daddr));
	h->udp.source = htons(m->local.port);
	h->udp.dest = htons(m->remote.port);
	h->udp.len = htons((uint16_t)(sizeof(h->udp) + m->len));
	return len;
}

void rawip_send_batch(const struct udp_socket *s, bool udp, struct udp_msg msgs[], unsigned n)
{
	struct headers headers[UDP_BATCH];
	struct sockaddr_in names[UDP_BATCH];
	struct mmsghdr vec[UDP_BATCH];
	struct iovec iov[UDP_BATCH][2];
	unsigned done = 0;

	if (n > UDP_BATCH)
		n = UDP_BATCH;
	for (unsigned i = 0; i < n; i++) {
		size_t len = fill(&headers[i], udp, &msgs[i]);

		names[i] = (struct sockaddr_in){ .sin_family = AF_INET };
		memcpy(&names[i].sin_addr, msgs[i].remote.addr.b, sizeof(names[i].sin_addr));
		iov[i][0] = (struct iovec){ &headers[i], len };
		iov[i][1] = (struct iovec){ msgs[i].data, msgs[i].len };
		vec[i].msg_hdr = (struct msghdr){ .msg_name = &names[i],
			.msg_namelen = sizeof(names[i]),
			.msg_iov = iov[i],
			.msg_iovlen = 2 };
		msgs[i].error = 0;
	}
	while (done < n) {
		int sent = sendmmsg(s->fd, &vec[done], n - done, MSG_DONTWAIT);

		if (sent > 0) {
			done += (unsigned)sent;
		} else if (sent == 0 || errno != EINTR) { /* the first of the rest failed: go on behind it */
			msgs[done].error = sent == 0 ? -EIO : -errno;
			done++;
		}
	}
}
