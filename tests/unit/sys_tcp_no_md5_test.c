/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel built without CONFIG_TCP_MD5SIG knows no such option. The test puts its answer in the place of
 * this kernel's: who has no password is connected all the same, who has one hears why not.
 */
#include "connector/sys/tcp_options.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned asked;

/* In the place of libc's. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (level == IPPROTO_TCP && name == TCP_MD5SIG) {
		asked++;
		errno = ENOPROTOOPT;
		return -1;
	}
	return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

static void without_a_password_it_connects(void **state)
{
	const struct tcp_options none = { .ttl = 255, .min_ttl = 255 };
	struct secret password = { 0 };
	const struct tcp_options some = { .password = &password };
	struct reason why = { 0 };
	struct addr remote;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(addr_parse("192.0.2.1", &remote), 0);
	assert_int_equal(tcp_set_options(fd, &remote, &none, &why), 0);
	assert_int_equal(asked, 1);

	assert_int_equal(secret_set(&password, "words", 5), 0);
	assert_int_equal(tcp_set_options(fd, &remote, &some, &why), -1);
	assert_string_equal(why.id, "tcp-password-refused");
	assert_int_equal(asked, 2);
	secret_clear(&password);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_password_it_connects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
