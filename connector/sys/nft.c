/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program gets its document as a file in memory and leaves its words in another, so nothing has to be
 * pumped through pipes while it runs: we only wait for its end, by a pidfd that can be polled with a limit.
 * It inherits none of our descriptors, handlers or blocked signals, and the routing domain of the thread that
 * starts it.
 */
#include "connector/sys/nft.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS      2000
#define WORDS_MAX        400 /* of the program, in the reason */
#define TABLE_ANSWER_MAX 8192

struct run {
	int in, out; /* files in memory */
	pid_t pid;
	int rc; /* of starting it: 0 or an errno */
};

static int memory_file(const char *name, const char *content)
{
	size_t len = strlen(content), done = 0;
	int fd = memfd_create(name, MFD_CLOEXEC);

	while (fd >= 0 && done < len) {
		ssize_t n = write(fd, content + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Whatever the daemon ignores or blocks, the program starts as from a login. */
static void set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static void spawn(struct run *r)
{
	char name[] = "nft", json[] = "-j", file[] = "-f", standard_input[] = "-", locale[] = "LC_ALL=C";
	char *const argv[] = { name, json, file, standard_input, NULL }, *const env[] = { locale, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;

	r->rc = posix_spawn_file_actions_init(&files);
	if (r->rc)
		return;
	r->rc = posix_spawnattr_init(&attr);
	if (r->rc) {
		posix_spawn_file_actions_destroy(&files);
		return;
	}
	set_signals(&attr);
	posix_spawn_file_actions_adddup2(&files, r->in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, r->out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, r->out, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	r->rc = posix_spawnp(&r->pid, name, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
}

/* The status of waitpid, or -1 when it had to be killed. */
static int await(pid_t pid)
{
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	struct timespec begin, now;
	int status, ready = 1;
	long left = PATIENCE_MS;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (p.fd >= 0) {
		ready = poll(&p, 1, (int)left);
		if (ready >= 0 || errno != EINTR)
			break;
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = PATIENCE_MS - (now.tv_sec - begin.tv_sec) * 1000 -
		       (now.tv_nsec - begin.tv_nsec) / 1000000;
		if (left < 0)
			left = 0;
	}
	if (p.fd >= 0)
		close(p.fd);
	if (ready <= 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return ready > 0 ? status : -1;
}

/* Its words on one line, for a log. */
static void read_words(int fd, char words[WORDS_MAX])
{
	ssize_t n = pread(fd, words, WORDS_MAX - 1, 0);

	words[n > 0 ? n : 0] = '\0';
	for (char *p = words; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	for (size_t len = strlen(words); len && words[len - 1] == ' '; len--)
		words[len - 1] = '\0';
}

static int judge(const struct run *r, int status, struct reason *ret_reason)
{
	char words[WORDS_MAX];

	if (status == -1)
		return reason_set(
		    ret_reason, "nft-failed", "nft did not end within %d ms and was killed", PATIENCE_MS);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	read_words(r->out, words);
	if (WIFSIGNALED(status))
		return reason_set(
		    ret_reason, "nft-failed", "nft was ended by signal %d: %s", WTERMSIG(status), words);
	return reason_set(ret_reason, "nft-failed", "nft ended with %d: %s", WEXITSTATUS(status),
	    words[0] ? words : "no word why");
}

static int run_files(const struct sys_domain *domain, struct run *r, struct reason *ret_reason)
{
	int token;

	if (sys_domain_enter(domain, &token))
		return reason_set(ret_reason, "nft-failed", "cannot enter the routing domain %s: %s",
		    domain->name, strerror(errno));
	spawn(r);
	sys_domain_leave(token);
	if (r->rc == ENOENT)
		return reason_set(ret_reason, "nft-missing",
		    "the program nft is not in PATH; install it (Debian: apt-get install nftables)");
	if (r->rc)
		return reason_set(ret_reason, "nft-failed", "cannot start nft: %s", strerror(r->rc));
	return judge(r, await(r->pid), ret_reason);
}

int nft_run(const struct sys_domain *domain, const char *json, struct reason *ret_reason)
{
	struct run r = { .in = memory_file("nft-in", json), .out = memory_file("nft-out", "") };
	int rc;

	if (r.in < 0 || r.out < 0)
		rc = reason_set(ret_reason, "nft-failed", "no memory or descriptors to start nft");
	else
		rc = run_files(domain, &r, ret_reason);
	if (r.in >= 0)
		close(r.in);
	if (r.out >= 0)
		close(r.out);
	return rc;
}

/* ---- netlink ---- */

static int ask_table(struct mnl_socket *s, const char *name)
{
	char buf[TABLE_ANSWER_MAX];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *gen;
	ssize_t n;

	nlh->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = 1;
	gen = mnl_nlmsg_put_extra_header(nlh, sizeof(*gen));
	gen->nfgen_family = NFPROTO_INET;
	gen->version = NFNETLINK_V0;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
	if (mnl_socket_sendto(s, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(s, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	if (mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(s), NULL, NULL) < 0)
		return errno == ENOENT ? 0 : -errno;
	return 1;
}

int nft_has_table(const struct sys_domain *domain, const char *name)
{
	struct mnl_socket *s;
	int token, rc;

	if (sys_domain_enter(domain, &token))
		return -errno;
	s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	rc = s ? 0 : -errno;
	sys_domain_leave(token);
	if (!s)
		return rc;
	rc = mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) ? -errno : ask_table(s, name);
	mnl_socket_close(s);
	return rc;
}
