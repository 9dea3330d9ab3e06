/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two user-space data planes in two network namespaces joined by a veth pair, with hand-made SAs: the
 * kernel's own UDP sockets in one namespace talk to those in the other through TUN, ESP and the veth. No IKE,
 * no daemon.
 *
 *   A: va 192.0.2.1, 2001:db8::1; cw0 10.0.0.10, fd00:a::10     B: vb 192.0.2.2, 2001:db8::2;
 * cw0 10.100.0.10, fd00:b::10
 *
 * Needs root. Waits for conditions with a deadline, never for time to pass.
 */
#include "connector/daemon/plane.h"
#include "connector/sys/clock.h"
#include "connector/sys/random.h"
#include "connector/sys/udp.h"
#include "esp/seal.h"
#include "tests/support/netns.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TUNNEL      1
#define PATIENCE_MS 10000 /* what should happen at once fails after this long */
#define IKE_PORT    500
#define NATT_PORT   4500
#define TUNNEL_MTU  1400

struct side {
	const char *name;
	int ns;
	struct sys_domain domain;
	struct plane *plane;
	struct addr outer4, outer6, inner4, inner6;
	/* What events said. */
	unsigned n_ike, n_first, n_moved, n_trigger;
	uint32_t first_spi;
	struct endpoint ike_local, ike_remote, moved_to;
	uint8_t ike_data[2048];
	size_t ike_len;
};
static struct side a, b;

struct suite {
	enum encr_id encr;
	uint16_t bits;
	enum integ_id integ;
	bool esn;
};
static const struct suite suites[] = {
	{ ENCR_AES_CBC, 256, INTEG_HMAC_SHA2_256_128, false },
	{ ENCR_AES_CBC, 128, INTEG_HMAC_SHA2_512_256, true },
	{ ENCR_AES_GCM_16, 256, INTEG_NONE, true },
	{ ENCR_AES_GCM_16, 128, INTEG_NONE, false },
};

static struct addr addr(const char *text)
{
	struct addr x;

	assert_int_equal(addr_parse(text, &x), 0);
	return x;
}

/* --- events --- */

static void on_ike(
    void *ctx, const struct endpoint *local, const struct endpoint *remote, const uint8_t *data, size_t len)
{
	struct side *s = ctx;

	s->n_ike++;
	s->ike_local = *local;
	s->ike_remote = *remote;
	s->ike_len = len < sizeof(s->ike_data) ? len : sizeof(s->ike_data);
	memcpy(s->ike_data, data, s->ike_len);
}

/* The last word on a datagram that did not arrive. */
static struct undelivered {
	struct endpoint remote;
	uint64_t spi_i;
	int error;
} undelivered;
static unsigned n_undelivered;

static void on_undelivered(void *ctx, const struct endpoint *remote, uint64_t spi_i, int error)
{
	(void)ctx;
	undelivered = (struct undelivered){ *remote, spi_i, error };
	n_undelivered++;
}

static void on_first(void *ctx, uint32_t tunnel, uint32_t spi)
{
	struct side *s = ctx;

	assert_int_equal(tunnel, TUNNEL);
	s->n_first++;
	s->first_spi = spi;
}

static void on_near_end(void *ctx, uint32_t tunnel, uint32_t spi)
{
	(void)ctx;
	(void)tunnel;
	(void)spi;
	fail_msg("no SA of this test comes near its end");
}

static void on_moved(void *ctx, uint32_t tunnel, uint32_t spi, const struct endpoint *remote)
{
	struct side *s = ctx;

	(void)spi;
	assert_int_equal(tunnel, TUNNEL);
	s->n_moved++;
	s->moved_to = *remote;
}

static void on_trigger(void *ctx, uint32_t tunnel)
{
	struct side *s = ctx;

	assert_int_equal(tunnel, TUNNEL);
	s->n_trigger++;
}

/* Dispatches until the counter reaches n. */
static void wait_events(struct side *s, const unsigned *counter, unsigned n)
{
	mtime deadline = mtime_add(clock_now(), mdur_ms(PATIENCE_MS));

	while (*counter < n) {
		struct pollfd pfd = { plane_event_fd(s->plane), POLLIN, 0 };

		if (mtime_reached(deadline, clock_now()))
			fail_msg("%s: the event did not come (%u of %u)", s->name, *counter, n);
		if (poll(&pfd, 1, 100) > 0)
			plane_dispatch(s->plane);
	}
}

/* --- set-up --- */

/* The kernel takes packets for a fresh IPv6 address only when a work queue of its own has put in the local
 * route. */
static void wait_local6(const struct side *s, const struct addr *own)
{
	assert_int_equal(
	    netns_run(s->ns,
	        "timeout %d sh -c 'until ip -6 route show table local | grep -q \"%s \"; do :; done'",
	        PATIENCE_MS / 1000, addr_str(own)),
	    0);
}

static void side_start(struct side *s, mdur keepalive)
{
	const struct plane_events events = { .ike_datagram = on_ike,
		.ike_undelivered = on_undelivered,
		.first_inbound = on_first,
		.seq_near_end = on_near_end,
		.remote_moved = on_moved,
		.trigger = on_trigger };
	struct plane_config config = {
		.domain = &s->domain, .ike_port = IKE_PORT, .natt_port = NATT_PORT, .keepalive = keepalive
	};
	struct plane_tunnel t = { .id = TUNNEL, .interface = "cw0", .mtu = TUNNEL_MTU };
	struct reason r = { 0 };
	int ifindex = 0;

	s->n_ike = s->n_first = s->n_moved = s->n_trigger = 0;
	s->plane = plane_new(&config, &events, s, &r);
	if (!s->plane)
		fail_msg("%s: %s: %s", s->name, r.id, r.text);
	if (plane_tunnel_add(s->plane, &t, &ifindex, &r) < 0)
		fail_msg("%s: %s: %s", s->name, r.id, r.text);
	assert_true(ifindex > 0);
	assert_int_equal(
	    netns_run(s->ns,
	        "ip addr add %s/32 dev cw0 && ip -6 addr add %s/128 dev cw0 nodad && "
	        "ip route add %s/32 dev cw0 src %s && ip -6 route add %s/128 dev cw0",
	        addr_str(&s->inner4), addr_str(&s->inner6), addr_str(s == &a ? &b.inner4 : &a.inner4),
	        addr_str(&s->inner4), addr_str(s == &a ? &b.inner6 : &a.inner6)),
	    0);
	wait_local6(s, &s->inner6);
}

static int start_both(void **state)
{
	(void)state;
	side_start(&a, mdur_s(20));
	side_start(&b, mdur_s(20));
	return 0;
}

static int stop_both(void **state)
{
	(void)state;
	plane_free(a.plane);
	plane_free(b.plane);
	assert_int_not_equal(netns_run(a.ns, "ip link show cw0 >/dev/null 2>&1"), 0);
	assert_int_not_equal(netns_run(b.ns, "ip link show cw0 >/dev/null 2>&1"), 0);
	return 0;
}

static void side_init(struct side *s, const char *name, const char *outer4, const char *outer6,
    const char *inner4, const char *inner6)
{
	s->name = name;
	s->ns = netns_new();
	if (s->ns < 0)
		fail_msg("can't make a network namespace: %s (root needed)", strerror(errno));
	s->domain = (struct sys_domain){ .name = name, .netns_fd = s->ns };
	s->outer4 = addr(outer4);
	s->outer6 = addr(outer6);
	s->inner4 = addr(inner4);
	s->inner6 = addr(inner6);
}

static int group_setup(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_error("plane_user_test makes network namespaces and TUN devices: run it as root\n");
		return -1;
	}
	assert_int_equal(crypto_init(), 0);
	side_init(&a, "A", "192.0.2.1", "2001:db8::1", "10.0.0.10", "fd00:a::10");
	side_init(&b, "B", "192.0.2.2", "2001:db8::2", "10.100.0.10", "fd00:b::10");
	assert_int_equal(netns_join(a.ns, "va", b.ns, "vb"), 0);
	assert_int_equal(
	    netns_run(a.ns, "ip addr add 192.0.2.1/24 dev va && ip -6 addr add 2001:db8::1/64 dev va nodad"),
	    0);
	assert_int_equal(
	    netns_run(b.ns, "ip addr add 192.0.2.2/24 dev vb && ip -6 addr add 2001:db8::2/64 dev vb nodad"),
	    0);
	wait_local6(&a, &a.outer6);
	wait_local6(&b, &b.outer6);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	close(a.ns);
	close(b.ns);
	crypto_fini();
	return 0;
}

/* --- SAs --- */

static void any_ts(struct plane_sa *sa)
{
	const struct plane_ts any4 = { addr("0.0.0.0"), addr("255.255.255.255"), 0, 0, 65535 };
	const struct plane_ts any6 = { addr("::"), addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 0, 0,
		65535 };

	sa->ts_local[0] = sa->ts_remote[0] = any4;
	sa->ts_local[1] = sa->ts_remote[1] = any6;
	sa->n_ts_local = sa->n_ts_remote = 2;
}

/* The SA with this SPI as seen by one side; the key is a function of the SPI, or is spoilt. */
static struct plane_sa make_sa(
    const struct side *self, bool inbound, uint32_t spi, const struct suite *suite, uint8_t family, bool udp)
{
	const struct side *other = self == &a ? &b : &a;
	struct plane_sa sa = { .tunnel = TUNNEL,
		.inbound = inbound,
		.spi = spi,
		.encr = suite->encr,
		.encr_key_bits = suite->bits,
		.integ = suite->integ,
		.esn = suite->esn,
		.udp_encap = udp };

	memset(sa.encr_key, (int)(spi & 0x7f), sizeof(sa.encr_key));
	memset(sa.integ_key, (int)(spi & 0x7f) + 1, sizeof(sa.integ_key));
	sa.local = (struct endpoint){ family == 6 ? self->outer6 : self->outer4, NATT_PORT };
	sa.remote = (struct endpoint){ family == 6 ? other->outer6 : other->outer4, NATT_PORT };
	any_ts(&sa);
	return sa;
}

static void add(const struct side *s, const struct plane_sa *sa)
{
	struct reason r = { 0 };

	if (plane_sa_add(s->plane, sa, &r) < 0)
		fail_msg("%s: %s: %s", s->name, r.id, r.text);
}

/* One direction: inbound at `to`, then outbound at `from`. */
static void add_pair(const struct side *from, const struct side *to, uint32_t spi, const struct suite *suite,
    uint8_t family, bool udp)
{
	struct plane_sa in = make_sa(to, true, spi, suite, family, udp);
	struct plane_sa out = make_sa(from, false, spi, suite, family, udp);

	add(to, &in);
	add(from, &out);
}

static struct plane_counters sa_counters(const struct side *s, bool inbound, uint32_t spi)
{
	struct plane_counters c = { 0 };

	assert_int_equal(plane_sa_counters(s->plane, TUNNEL, inbound, spi, &c), 0);
	return c;
}

static struct plane_counters counters(const struct side *s)
{
	struct plane_counters c = { 0 };

	assert_int_equal(plane_counters(s->plane, TUNNEL, &c), 0);
	return c;
}

static void wait_drop(const struct side *s, enum plane_drop d, uint64_t n)
{
	mtime deadline = mtime_add(clock_now(), mdur_ms(PATIENCE_MS));

	while (counters(s).drops[d] < n)
		if (mtime_reached(deadline, clock_now()))
			fail_msg("%s: no drop by %s (%u of %u)", s->name, plane_drop_name(d),
			    (unsigned)counters(s).drops[d], (unsigned)n);
	assert_int_equal(counters(s).drops[d], n);
}

/* --- traffic: plain UDP sockets of the kernel in each namespace --- */

static int inner_socket(const struct side *s, const struct addr *local, uint16_t port)
{
	struct endpoint e = { *local, port };
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&e, &ss);
	int token = netns_enter(s->ns), fd;

	assert_true(token >= 0);
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	netns_leave(token);
	return fd;
}

static void send_to(int fd, const struct addr *remote, uint16_t port, const void *data, size_t len)
{
	struct endpoint e = { *remote, port };
	struct sockaddr_storage ss;
	socklen_t slen = endpoint_to_sockaddr(&e, &ss);

	assert_int_equal(sendto(fd, data, len, 0, (struct sockaddr *)&ss, slen), len);
}

/* Where did it go? */
static void print_counters(const struct side *s)
{
	struct plane_counters c = counters(s), stray;

	plane_stray_counters(s->plane, &stray);
	print_error("%s: out %llu, in %llu", s->name, (unsigned long long)c.packets_out,
	    (unsigned long long)c.packets_in);
	for (unsigned d = 0; d < PLANE_DROP_COUNT; d++)
		print_error(", %s %llu+%llu", plane_drop_name((enum plane_drop)d),
		    (unsigned long long)c.drops[d], (unsigned long long)stray.drops[d]);
	print_error("\n");
}

static size_t receive(int fd, void *buf, size_t cap)
{
	struct pollfd pfd = { fd, POLLIN, 0 };
	ssize_t got;

	if (poll(&pfd, 1, PATIENCE_MS) <= 0) {
		print_counters(&a);
		print_counters(&b);
		fail_msg("nothing arrived");
	}
	got = recv(fd, buf, cap, 0);
	assert_true(got >= 0);
	return (size_t)got;
}

static void expect_silence(int fd)
{
	uint8_t byte;

	assert_true(recv(fd, &byte, 1, MSG_DONTWAIT) < 0);
}

/* Datagrams of many sizes there and back, each compared. */
static void echo_through(bool v6)
{
	static const size_t sizes[] = { 0, 1, 2, 15, 16, 17, 100, 576, 1000, TUNNEL_MTU - 48, TUNNEL_MTU - 28,
		4000 };
	const struct addr *from = v6 ? &a.inner6 : &a.inner4, *to = v6 ? &b.inner6 : &b.inner4;
	int fa = inner_socket(&a, from, 7001), fb = inner_socket(&b, to, 7002);
	uint8_t out[4096], in[4096];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		rng_fill(&sys_rng, out, sizes[i]);
		send_to(fa, to, 7002, out, sizes[i]);
		assert_int_equal(receive(fb, in, sizeof(in)), sizes[i]);
		assert_memory_equal(in, out, sizes[i]);
		send_to(fb, from, 7001, in, sizes[i]);
		assert_int_equal(receive(fa, in, sizeof(in)), sizes[i]);
		assert_memory_equal(in, out, sizes[i]);
	}
	close(fa);
	close(fb);
}

/* --- the tests --- */

static void test_both_ways(void **state)
{
	uint32_t spi = 0x1000;

	(void)state;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		for (unsigned outer = 0; outer < 4; outer++) {
			uint8_t family = outer & 1 ? 6 : 4;
			bool udp = !(outer & 2);
			struct plane_counters in, out;

			add_pair(&a, &b, ++spi, &suites[i], family, udp);
			add_pair(&b, &a, spi, &suites[i], family, udp);
			echo_through(false);
			echo_through(true);
			in = sa_counters(&b, true, spi);
			out = sa_counters(&a, false, spi);
			assert_true(in.packets_in > 24);
			assert_int_equal(in.packets_in, out.packets_out);
			assert_int_equal(in.bytes_in, out.bytes_out);
			assert_true(in.last_in.ns > 0 && out.last_out.ns > 0);
			for (unsigned d = 0; d < PLANE_DROP_COUNT; d++)
				assert_int_equal(in.drops[d] + out.drops[d], 0);
			wait_events(&b, &b.n_first, (spi - 0x1000));
			assert_int_equal(b.first_spi, spi);
		}
	assert_int_equal(counters(&b).packets_in, counters(&a).packets_out);
	assert_int_equal(b.n_moved, 0);
}

static void test_no_sa(void **state)
{
	int fa = inner_socket(&a, &a.inner4, 7001);

	(void)state;
	send_to(fa, &b.inner4, 7002, "x", 1);
	wait_drop(&a, PLANE_DROP_NO_SA, 1);
	close(fa);
}

static void test_wrong_key(void **state)
{
	int fa = inner_socket(&a, &a.inner4, 7001), fb = inner_socket(&b, &b.inner4, 7002);
	struct plane_sa in = make_sa(&b, true, 0x2001, &suites[0], 4, true);
	struct plane_sa out = make_sa(&a, false, 0x2001, &suites[0], 4, true);

	(void)state;
	in.integ_key[5] ^= 1;
	add(&b, &in);
	add(&a, &out);
	for (unsigned i = 0; i < 5; i++)
		send_to(fa, &b.inner4, 7002, "secret", 6);
	wait_drop(&b, PLANE_DROP_AUTH, 5);
	assert_int_equal(counters(&b).packets_in, 0);
	assert_int_equal(counters(&b).last_in.ns, 0);
	assert_int_equal(b.n_first, 0);
	expect_silence(fb);
	close(fa);
	close(fb);
}

static void test_selectors(void **state)
{
	int fa = inner_socket(&a, &a.inner4, 7001), fb = inner_socket(&b, &b.inner4, 7002);
	struct plane_sa in = make_sa(&b, true, 0x2101, &suites[2], 4, true);
	struct plane_sa out = make_sa(&a, false, 0x2101, &suites[2], 4, true);

	(void)state;
	in.ts_local[0].protocol =
	    IPPROTO_UDP; /* B takes one port only; A sends what it likes but to one address */
	in.ts_local[0].port_first = in.ts_local[0].port_last = 7002;
	out.ts_remote[0].first = out.ts_remote[0].last = b.inner4;
	out.n_ts_remote = 1;
	add(&b, &in);
	add(&a, &out);
	assert_int_equal(netns_run(a.ns, "ip route add 10.100.0.11/32 dev cw0"), 0);
	send_to(fa, &b.inner4, 7003, "no", 2);
	wait_drop(&b, PLANE_DROP_SELECTOR, 1);
	send_to(fa, &(struct addr){ 4, { 10, 100, 0, 11 } }, 7002, "no", 2);
	wait_drop(&a, PLANE_DROP_SELECTOR, 1);
	send_to(fa, &b.inner4, 7002, "yes", 3);
	assert_int_equal(receive(fb, (uint8_t[16]){ 0 }, 16), 3);
	close(fa);
	close(fb);
}

/* An ESP packet as A would send it, made by the core: UDP a.inner4:7001 -> b.inner4:7002, no checksum. */
static size_t forge(const struct plane_sa *out, uint8_t buf[256])
{
	static const uint8_t inner[] = { 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 10, 10, 100, 0,
		10, 0x1b, 0x59, 0x1b, 0x5a, 0, 12, 0, 0, 'f', 'a', 'k', 'e' };
	struct esp_sa_params params = { .spi = out->spi,
		.encr = out->encr,
		.encr_key_bits = out->encr_key_bits,
		.integ = out->integ,
		.esn = out->esn,
		.encr_key = out->encr_key,
		.integ_key = out->integ_key,
		.n_ts_local = 1,
		.n_ts_remote = 1 };
	struct esp_pkt pkt = { .buf = buf, .cap = 256, .off = 64, .len = sizeof(inner) };
	uint32_t sum = 0;

	params.ts_local[0] = (struct esp_ts){ a.inner4, a.inner4, 0, 0, 65535 };
	params.ts_remote[0] = (struct esp_ts){ b.inner4, b.inner4, 0, 0, 65535 };
	pkt.sa = esp_sa_new(&params);
	assert_non_null(pkt.sa);
	memcpy(&buf[64], inner, sizeof(inner));
	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)inner[i] << 8 | inner[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	buf[64 + 10] = (uint8_t)(sum >> 8);
	buf[64 + 11] = (uint8_t)sum;
	esp_seal(&sys_rng, &pkt, 1);
	assert_int_equal(pkt.verdict, ESP_OK);
	esp_sa_free(pkt.sa);
	memmove(buf, &buf[pkt.off], pkt.len);
	return pkt.len;
}

static void test_replay_and_move(void **state)
{
	int attacker = inner_socket(&a, &a.outer4, 4999), fb = inner_socket(&b, &b.inner4, 7002);
	struct plane_sa in = make_sa(&b, true, 0x2201, &suites[0], 4, true);
	struct plane_counters stray;
	uint8_t esp[256];
	size_t len;

	(void)state;
	add(&b, &in);
	len = forge(&in, esp);
	send_to(attacker, &b.outer4, NATT_PORT, esp, len);
	assert_int_equal(receive(fb, (uint8_t[16]){ 0 }, 16), 4);
	for (unsigned i = 0; i < 3; i++)
		send_to(attacker, &b.outer4, NATT_PORT, esp, len);
	wait_drop(&b, PLANE_DROP_REPLAY, 3);
	expect_silence(fb);
	/* The authenticated one came from another port than the SA's: that is told, once. */
	wait_events(&b, &b.n_moved, 1);
	assert_true(addr_eq(&b.moved_to.addr, &a.outer4));
	assert_int_equal(b.moved_to.port, 4999);
	/* Cut short, and with an SPI that nobody has. */
	send_to(attacker, &b.outer4, NATT_PORT, esp, 20);
	wait_drop(&b, PLANE_DROP_MALFORMED, 1);
	esp[0] ^= 1;
	send_to(attacker, &b.outer4, NATT_PORT, esp, len);
	mtime deadline = mtime_add(clock_now(), mdur_ms(PATIENCE_MS));
	do
		plane_stray_counters(b.plane, &stray);
	while (!stray.drops[PLANE_DROP_NO_SA] && !mtime_reached(deadline, clock_now()));
	assert_int_equal(stray.drops[PLANE_DROP_NO_SA], 1);
	plane_dispatch(b.plane);
	assert_int_equal(b.n_moved, 1);
	close(attacker);
	close(fb);
}

/* Numbered datagrams from A while its SA is changed 20 times: all arrive, in order, each once. */
static void test_rekey_without_loss(void **state)
{
	int fa = inner_socket(&a, &a.inner4, 7001), fb = inner_socket(&b, &b.inner4, 7002);
	const unsigned per_sa = 100, rekeys = 20;
	uint32_t expected = 0, sent = 0, got;
	struct pollfd pfd = { fb, POLLIN, 0 };

	(void)state;
	for (uint32_t spi = 0x3000; spi < 0x3000 + rekeys; spi++) {
		mtime deadline = mtime_add(clock_now(), mdur_ms(PATIENCE_MS));

		for (unsigned i = 0; spi > 0x3000 && i < per_sa / 2; i++, sent++)
			send_to(fa, &b.inner4, 7002, &sent, sizeof(sent));
		add_pair(&a, &b, spi, &suites[spi % 4], 4, true); /* while those above are on their way */
		for (unsigned i = 0; i < per_sa / 2; i++, sent++)
			send_to(fa, &b.inner4, 7002, &sent, sizeof(sent));
		if (spi == 0x3000)
			continue;
		plane_sa_del(a.plane, TUNNEL, false, spi - 1);
		/* The old inbound SA goes when all that was sealed with it has come: its twin's count is
		 * final. */
		while (counters(&a).packets_out != sent)
			assert_false(mtime_reached(deadline, clock_now()));
		while (counters(&b).packets_in != sent)
			assert_false(mtime_reached(deadline, clock_now()));
		plane_sa_del(b.plane, TUNNEL, true, spi - 1);
		for (; expected < sent; expected++) {
			assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
			assert_int_equal(receive(fb, &got, sizeof(got)), sizeof(got));
			assert_int_equal(got, expected);
		}
	}
	assert_int_equal(sent, per_sa * rekeys - per_sa / 2);
	for (unsigned d = 0; d < PLANE_DROP_COUNT; d++)
		assert_int_equal(counters(&a).drops[d] + counters(&b).drops[d], 0);
	close(fa);
	close(fb);
}

/* Without its current outbound SA a tunnel falls back to the one before. */
static void test_fall_back(void **state)
{
	(void)state;
	add_pair(&a, &b, 0x3101, &suites[0], 4, true);
	add_pair(&a, &b, 0x3102, &suites[2], 4, true);
	add_pair(&b, &a, 0x3103, &suites[0], 4, true);
	echo_through(false);
	assert_int_equal(sa_counters(&a, false, 0x3101).packets_out, 0);
	plane_sa_del(a.plane, TUNNEL, false, 0x3102);
	echo_through(false);
	assert_true(sa_counters(&a, false, 0x3101).packets_out > 0);
}

/* Of crossing SAs, IKE may go back to the one installed first. */
static void test_use_older(void **state)
{
	uint64_t newer;

	(void)state;
	add_pair(&a, &b, 0x3111, &suites[0], 4, true);
	add_pair(&a, &b, 0x3112, &suites[2], 4, true);
	add_pair(&b, &a, 0x3113, &suites[0], 4, true);
	echo_through(false);
	newer = sa_counters(&a, false, 0x3112).packets_out;
	assert_true(newer > 0);
	plane_sa_use(a.plane, TUNNEL, 0x3111);
	plane_sa_use(a.plane, TUNNEL, 0x9999); /* nobody's: nothing changes */
	echo_through(false);
	assert_true(sa_counters(&a, false, 0x3111).packets_out > 0);
	assert_int_equal(sa_counters(&a, false, 0x3112).packets_out, newer);
}

static void test_ike(void **state)
{
	const uint8_t message[] = "not really IKE";

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		bool natt = i & 1, v6 = i & 2;
		uint16_t port = natt ? NATT_PORT : IKE_PORT;
		struct endpoint local = { v6 ? a.outer6 : a.outer4, port },
		                remote = { v6 ? b.outer6 : b.outer4, port };

		if (i == 0)
			local = (struct endpoint){ { 0 }, port }; /* the route decides */
		assert_int_equal(plane_send_ike(a.plane, &local, &remote, natt, message, sizeof(message)), 0);
		wait_events(&b, &b.n_ike, i + 1);
		assert_int_equal(b.ike_len, sizeof(message));
		assert_memory_equal(b.ike_data, message, sizeof(message));
		local.addr = v6 ? a.outer6 : a.outer4;
		assert_true(endpoint_eq(&b.ike_remote, &local));
		assert_true(endpoint_eq(&b.ike_local, &remote));
	}
}

/* The peer's host says that nothing listens there: told with the SPI of what did not arrive, and the next
 * datagram goes out. */
static void test_undelivered(void **state)
{
	const uint8_t message[32] = "SPI of us";

	(void)state;
	n_undelivered = 0;
	for (unsigned i = 0; i < 4; i++) {
		bool natt = i & 1, v6 = i & 2;
		uint16_t port = natt ? NATT_PORT : IKE_PORT;
		struct endpoint local = { v6 ? a.outer6 : a.outer4, port },
		                closed = { v6 ? b.outer6 : b.outer4, 7 },
		                open = { v6 ? b.outer6 : b.outer4, port };
		uint64_t spi = 0;

		for (unsigned k = 0; k < 8; k++)
			spi = spi << 8 | message[k];
		undelivered = (struct undelivered){ 0 };
		assert_int_equal(plane_send_ike(a.plane, &local, &closed, natt, message, sizeof(message)), 0);
		wait_events(&a, &n_undelivered, i + 1);
		assert_int_equal(undelivered.error, -ECONNREFUSED);
		assert_true(undelivered.spi_i == spi);
		assert_true(endpoint_eq(&undelivered.remote, &closed));
		assert_int_equal(plane_send_ike(a.plane, &local, &open, natt, message, sizeof(message)), 0);
		wait_events(&b, &b.n_ike, i + 1);
	}
}

/* More IKE than the queue holds: the rest is dropped and counted, nothing else suffers. */
static void test_ike_flood(void **state)
{
	struct endpoint local = { a.outer4, IKE_PORT }, remote = { b.outer4, IKE_PORT };
	mtime deadline = mtime_add(clock_now(), mdur_ms(PATIENCE_MS));
	const unsigned flood = 600;
	struct plane_counters stray;

	(void)state;
	for (unsigned i = 0; i < flood; i++)
		assert_int_equal(
		    plane_send_ike(a.plane, &local, &remote, false, (const uint8_t *)"flood", 5), 0);
	do
		plane_stray_counters(b.plane, &stray);
	while (stray.drops[PLANE_DROP_QUEUE] < flood - 256 && !mtime_reached(deadline, clock_now()));
	assert_int_equal(stray.drops[PLANE_DROP_QUEUE], flood - 256);
	add_pair(&a, &b, 0x3201, &suites[0], 4, true);
	add_pair(&b, &a, 0x3201, &suites[0], 4, true);
	echo_through(false);
	wait_events(&b, &b.n_first, 1);
	wait_events(&b, &b.n_ike, 256);
}

static void test_keepalive(void **state)
{
	struct plane_sa out;
	uint8_t byte = 0;
	int nat;

	(void)state;
	plane_free(a.plane);
	side_start(&a, mdur_ms(5));
	nat = inner_socket(&b, &b.outer4, 4501);
	out = make_sa(&a, false, 0x3301, &suites[0], 4, true);
	add(&a, &out);
	plane_remote_update(a.plane, TUNNEL, &(struct endpoint){ a.outer4, NATT_PORT },
	    &(struct endpoint){ b.outer4, 4501 }, true);
	plane_keepalive(a.plane, TUNNEL, true);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(receive(nat, &byte, 1), 1);
		assert_int_equal(byte, 0xff);
	}
	plane_keepalive(a.plane, TUNNEL, false);
	close(nat);
}

/* A NAT keepalive says nothing: neither IKE nor a drop. */
static void test_keepalive_in(void **state)
{
	int peer = inner_socket(&a, &a.outer4, 4999);
	struct endpoint local = { a.outer4, NATT_PORT }, remote = { b.outer4, NATT_PORT };
	struct plane_counters stray;

	(void)state;
	send_to(peer, &b.outer4, NATT_PORT, "\xff", 1);
	assert_int_equal(plane_send_ike(a.plane, &local, &remote, true, (const uint8_t *)"after", 5), 0);
	wait_events(&b, &b.n_ike, 1); /* what was sent later has come */
	assert_int_equal(b.ike_len, 5);
	plane_stray_counters(b.plane, &stray);
	for (unsigned d = 0; d < PLANE_DROP_COUNT; d++)
		assert_int_equal(stray.drops[d], 0);
	close(peer);
}

/* On demand: the first packet asks for an SA, once; it and those behind it, up to the bound, leave by that SA
 * in their order. Packets to many ask for nothing. */
static void test_on_demand(void **state)
{
	int fa = inner_socket(&a, &a.inner4, 7001), fb = inner_socket(&b, &b.inner4, 7002);
	struct addr many = addr("224.0.0.251");
	uint8_t out[4] = "n0", in[64];

	(void)state;
	send_to(fa, &b.inner4, 7002, out, sizeof(out)); /* not armed: dropped */
	wait_drop(&a, PLANE_DROP_NO_SA, 1);
	assert_int_equal(plane_trigger(a.plane, TUNNEL, true), 0);
	assert_int_equal(netns_run(a.ns, "ip route add 224.0.0.0/4 dev cw0"), 0);
	send_to(fa, &many, 7002, out, sizeof(out));
	wait_drop(&a, PLANE_DROP_NO_SA, 2);
	assert_int_equal(a.n_trigger, 0);
	for (unsigned i = 0; i < 20; i++) {
		out[1] = (uint8_t)('a' + i);
		send_to(fa, &b.inner4, 7002, out, sizeof(out));
	}
	wait_events(&a, &a.n_trigger, 1);
	wait_drop(&a, PLANE_DROP_NO_SA, 2 + 4);
	add_pair(&a, &b, 0x4101, &suites[0], 4, true);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(receive(fb, in, sizeof(in)), sizeof(out));
		assert_int_equal(in[1], 'a' + i);
	}
	expect_silence(fb);
	assert_int_equal(a.n_trigger, 1);
	assert_int_equal(counters(&a).packets_out, 16);
	/* The SA is gone: the next packet asks again. */
	plane_sa_del(a.plane, TUNNEL, false, 0x4101);
	send_to(fa, &b.inner4, 7002, out, sizeof(out));
	wait_events(&a, &a.n_trigger, 2);
	/* Armed anew (the attempt came to nothing): what waited is gone, the next one asks. */
	assert_int_equal(plane_trigger(a.plane, TUNNEL, true), 0);
	wait_drop(&a, PLANE_DROP_NO_SA, 2 + 4 + 1);
	send_to(fa, &b.inner4, 7002, out, sizeof(out));
	wait_events(&a, &a.n_trigger, 3);
	assert_int_equal(plane_trigger(a.plane, TUNNEL, false), 0);
	wait_drop(&a, PLANE_DROP_NO_SA, 2 + 4 + 2);
	plane_sa_del(b.plane, TUNNEL, true, 0x4101);
	close(fa);
	close(fb);
}

static void test_refusals(void **state)
{
	const struct plane_events events = { .ike_datagram = on_ike,
		.ike_undelivered = on_undelivered,
		.first_inbound = on_first,
		.seq_near_end = on_near_end,
		.remote_moved = on_moved,
		.trigger = on_trigger };
	struct plane_config config = { .domain = &a.domain, .ike_port = IKE_PORT, .natt_port = NATT_PORT };
	struct plane_tunnel t = { .id = 2, .interface = "cw0", .mtu = TUNNEL_MTU };
	struct plane_sa sa = make_sa(&a, true, 0x3401, &suites[0], 4, true);
	struct plane_counters c;
	struct reason r = { 0 };
	int ifindex;

	(void)state;
	assert_null(plane_new(&config, &events, &a, &r));
	assert_string_equal(r.id, "socket-in-use");
	assert_non_null(strstr(r.text, "500"));
	assert_non_null(strstr(r.text, "charon"));
	assert_int_equal(plane_tunnel_add(a.plane, &t, &ifindex, &r), -1);
	assert_string_equal(r.id, "interface-exists");
	strcpy(t.interface, "va");
	assert_int_equal(plane_tunnel_add(a.plane, &t, &ifindex, &r), -1);
	assert_string_equal(r.id, "interface-exists");
	add(&a, &sa);
	assert_int_equal(plane_sa_add(a.plane, &sa, &r), -1);
	assert_string_equal(r.id, "spi-in-use");
	sa.tunnel = 7;
	sa.spi++;
	assert_int_equal(plane_sa_add(a.plane, &sa, &r), -1);
	assert_string_equal(r.id, "no-such-tunnel");
	sa.encr = ENCR_NULL;
	assert_int_equal(plane_sa_add(a.plane, &sa, &r), -1);
	assert_string_equal(r.id, "esp-unsupported");
	assert_int_equal(plane_counters(a.plane, 7, &c), -1);
	assert_int_equal(plane_sa_counters(a.plane, TUNNEL, false, 0x3401, &c), -1);
	/* What does not exist is removed without harm, and a tunnel goes with its SAs. */
	plane_sa_del(a.plane, 7, true, 1);
	plane_tunnel_del(a.plane, 7);
	plane_tunnel_del(a.plane, TUNNEL);
	assert_int_not_equal(netns_run(a.ns, "ip link show cw0 >/dev/null 2>&1"), 0);
}

/* Somebody deletes the interface by hand: the worker goes on. */
static void test_interface_lost(void **state)
{
	struct endpoint local = { a.outer4, IKE_PORT }, remote = { b.outer4, IKE_PORT };

	(void)state;
	assert_int_equal(netns_run(b.ns, "ip link del cw0"), 0);
	assert_int_equal(plane_send_ike(a.plane, &local, &remote, false, (const uint8_t *)"hello", 5), 0);
	wait_events(&b, &b.n_ike, 1);
	plane_tunnel_del(b.plane, TUNNEL);
}

int main(void)
{
#define PLANE_TEST(t) cmocka_unit_test_setup_teardown(t, start_both, stop_both)
	const struct CMUnitTest tests[] = { PLANE_TEST(test_both_ways), PLANE_TEST(test_no_sa),
		PLANE_TEST(test_wrong_key), PLANE_TEST(test_selectors), PLANE_TEST(test_replay_and_move),
		PLANE_TEST(test_rekey_without_loss), PLANE_TEST(test_fall_back), PLANE_TEST(test_use_older),
		PLANE_TEST(test_undelivered), PLANE_TEST(test_ike), PLANE_TEST(test_ike_flood),
		PLANE_TEST(test_keepalive), PLANE_TEST(test_keepalive_in), PLANE_TEST(test_on_demand),
		PLANE_TEST(test_refusals), PLANE_TEST(test_interface_lost) };

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
