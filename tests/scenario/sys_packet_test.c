/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets seen on their way out by an interface, and sent by it again (sys/packet.h), on a TUN device in a
 * namespace of the test's own. TUN has every checksum filled in; that those left for later come through,
 * kernel.paths shows (TCP on demand). And the port that swallows. Needs root.
 */
#include "connector/sys/packet.h"
#include "connector/sys/tun.h"
#include "tests/support/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 10000

static struct sys_domain domain = { .name = "test" };

static int udp_to(const char *address, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int token = netns_enter(domain.netns_fd), fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	netns_leave(token);
	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, address, &to.sin_addr), 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static size_t next_of_tun(const struct tun *t, uint8_t *buf, size_t size)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	n = read(t->fd, buf, size);
	assert_true(n > 0);
	return (size_t)n;
}

static void test_seen_and_sent(void **state)
{
	uint8_t left[2048], again[2048], seen[2048];
	struct tun t = { .fd = -1 };
	int fd, udp;
	size_t len, n;

	(void)state;
	assert_int_equal(tun_open(&domain, "t0", 1400, &t), 0);
	assert_int_equal(netns_run(domain.netns_fd, "ip addr add 10.9.0.1/24 dev t0"), 0);
	fd = packet_open(&domain, t.ifindex);
	assert_true(fd >= 0);
	assert_int_equal(packet_read(fd, seen, sizeof(seen)), 0);

	udp = udp_to("10.9.0.2", 9);
	assert_int_equal(send(udp, "the first packet", 16, 0), 16);
	len = next_of_tun(&t, left, sizeof(left));
	assert_int_equal(len, 20 + 8 + 16);
	assert_int_equal(packet_read(fd, seen, sizeof(seen)), PACKET_FRONT + len);
	assert_memory_equal(seen + PACKET_FRONT + 28, "the first packet", 16);
	assert_memory_equal(seen + PACKET_FRONT, left, len);
	assert_int_equal(packet_read(fd, seen + 1024, 1024), 0);

	/* Its own are not seen again, nor what comes in. */
	assert_int_equal(packet_send(fd, t.ifindex, seen, PACKET_FRONT + len), 0);
	n = next_of_tun(&t, again, sizeof(again));
	assert_int_equal(n, len);
	assert_memory_equal(again, left, len);
	memcpy(again + 12, left + 16, 4);
	memcpy(again + 16, left + 12, 4);
	memcpy(again + 20, left + 22, 2);
	memcpy(again + 22, left + 20, 2);
	assert_int_equal(write(t.fd, again, len), len);
	assert_int_equal(recv(udp, again, sizeof(again), 0), 16);
	assert_int_equal(packet_read(fd, seen, sizeof(seen)), 0);

	assert_int_equal(packet_send(fd, t.ifindex, seen, PACKET_FRONT), -EINVAL);
	tun_close(&t);
	assert_true(packet_send(fd, t.ifindex, seen, PACKET_FRONT + len) < 0);
	assert_int_equal(packet_read(fd, seen, sizeof(seen)), 0);
	close(udp);
	close(fd);
}

static void test_no_interface(void **state)
{
	(void)state;
	assert_true(packet_open(&domain, 9999) < 0);
}

/* More than it has room for, and nobody complains. */
static void test_sink(void **state)
{
	static const uint8_t data[1000];
	uint16_t port = 0;
	int sink = packet_sink(&domain, &port), fd;

	(void)state;
	assert_true(sink >= 0);
	assert_true(port);
	fd = udp_to("127.0.0.1", port);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(send(fd, data, sizeof(data), 0), sizeof(data));
	close(fd);
	close(sink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seen_and_sent),
		cmocka_unit_test(test_no_interface),
		cmocka_unit_test(test_sink),
	};

	domain.netns_fd = netns_new();
	assert_true(domain.netns_fd >= 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
