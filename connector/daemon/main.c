/* SPDX-License-Identifier: Apache-2.0 */
/*
 * causewayd: reads the arguments, builds the one domain there is, applies the configuration, opens the
 * management socket and runs the loop. SIGHUP re-reads the file as a transaction; SIGTERM and SIGINT take
 * everything out in order and end with 0; SIGUSR2 leaves what the kernel carries for the next start.
 */
#include "base/crypto.h"
#include "base/log.h"
#include "connector/daemon/apply.h"
#include "connector/daemon/documents.h"
#include "connector/daemon/domain.h"
#include "connector/daemon/restart.h"
#include "connector/daemon/views.h"
#include "connector/mgmt/api.h"
#include "connector/mgmt/config.h"
#include "connector/sys/clock.h"
#include "connector/sys/loop.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct daemon {
	const char *config_file, *socket, *state_dir;
	bool check, verbose;
	struct logger log;
	struct loop *loop;
	struct cfg_context *context;
	struct documents *documents;
	struct domain *domain;
	struct api_server *api;
	struct loop_watch *signals[4];
	bool stopping;
};

static const char usage[] =
    "usage: causewayd [-c FILE] [-s SOCKET] [-d STATE_DIR] [--check] [--verbose]\n"
    "\n"
    "Connects this network to cloud VPN gateways: IKEv2, ESP, BGP and the kernel's routes in one process.\n"
    "Stays in the foreground and logs to standard error.\n"
    "\n"
    "  -c, --config FILE      the configuration (/etc/causeway/causeway.json)\n"
    "  -s, --socket SOCKET    the management socket (/run/causeway/causeway.sock)\n"
    "  -d, --state-dir DIR    where state is kept (/var/lib/causeway)\n"
    "      --check            check the configuration, say what is wrong, and end: 0 good, 1 not\n"
    "  -v, --verbose          log details too\n"
    "  -V, --version          print the version\n"
    "  -h, --help             print this\n"
    "\n"
    "SIGHUP reads FILE again (all of it or nothing); SIGTERM tells the peers, takes out routes and "
    "interfaces, and ends;\n"
    "SIGUSR2 ends without a word and leaves tunnels of the kernel's data plane and routes to the next "
    "start.\n";

/* 0: go on; else the exit code plus one. */
static int parse_args(struct daemon *dm, int argc, char **argv)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
		{ "socket", required_argument, NULL, 's' }, { "state-dir", required_argument, NULL, 'd' },
		{ "check", no_argument, NULL, 'C' }, { "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "c:s:d:vVh", options, NULL)) != -1) {
		switch (c) {
		case 'c': dm->config_file = optarg; break;
		case 's': dm->socket = optarg; break;
		case 'd': dm->state_dir = optarg; break;
		case 'C': dm->check = true; break;
		case 'v': dm->verbose = true; break;
		case 'V': printf("causewayd %s\n", CW_VERSION); return 1 + EXIT_OK;
		case 'h': fputs(usage, stdout); return 1 + EXIT_OK;
		default: fputs(usage, stderr); return 1 + EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "causewayd: unexpected argument \"%s\"\n%s", argv[optind], usage);
		return 1 + EXIT_USAGE;
	}
	return 0;
}

/* Made with its parents where missing, like systemd's RuntimeDirectory= would. */
static int make_dirs(const char *path, bool last_is_file, mode_t mode)
{
	char buf[4096];

	if (snprintf(buf, sizeof(buf), "%s", path) >= (int)sizeof(buf)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *p = buf + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(buf, 0755) && errno != EEXIST)
			return -1;
		*p = '/';
	}
	if (!last_is_file && mkdir(buf, mode) && errno != EEXIST)
		return -1;
	return 0;
}

static void on_stopped(void *ctx)
{
	struct daemon *dm = ctx;

	loop_stop(dm->loop);
}

static void on_terminate(void *ctx, int signo)
{
	struct daemon *dm = ctx;

	if (dm->stopping) {
		log_warn(&dm->log, "daemon", "%s again: ending at once", strsignal(signo));
		loop_stop(dm->loop);
		return;
	}
	dm->stopping = true;
	log_info(&dm->log, "daemon", "%s: telling the peers and taking out routes and interfaces",
	    strsignal(signo));
	sd_notify(0, "STOPPING=1");
	domain_stop(dm->domain, on_stopped, dm);
}

/* A restart that packets don't notice; where that can't be, a stop like any other. */
static void on_restart(void *ctx, int signo)
{
	struct daemon *dm = ctx;
	struct reason why = { 0 };

	if (dm->stopping) {
		log_warn(&dm->log, "restart", "%s came when the daemon was ending already", strsignal(signo));
		return;
	}
	if (restart_possible(dm->domain, &why)) {
		log_warn(&dm->log, "restart", "%s: %s", why.id, why.text);
		on_terminate(dm, signo);
		return;
	}
	if (restart_leave(dm->domain, dm->state_dir, &why)) {
		if (getenv("NOTIFY_SOCKET")) { /* who sent it waits for the end, and kills who doesn't come to
			                          it */
			log_error(&dm->log, "restart", "%s: %s; the daemon stops like on SIGTERM", why.id,
			    why.text);
			on_terminate(dm, signo);
			return;
		}
		log_error(&dm->log, "restart", "%s: %s; the daemon goes on", why.id, why.text);
		return;
	}
	dm->stopping = true;
	sd_notify(0, "STOPPING=1");
	loop_stop(dm->loop);
}

/* The configuration from its file; what is allowed in it, but odd, is said. */
static struct cfg *load(const struct daemon *dm, struct reason *why)
{
	struct cfg *cfg = cfg_load_file(dm->context, dm->config_file, true, why);

	for (size_t i = 0; cfg && i < cfg->n_note; i++)
		log_warn(&dm->log, "config", "%s: %s", cfg->note[i].id, cfg->note[i].text);
	return cfg;
}

static void on_reload(void *ctx, int signo)
{
	struct daemon *dm = ctx;
	struct reason why = { 0 };
	struct cfg *cfg;

	(void)signo;
	if (dm->stopping)
		return;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_monotonic_us());
	cfg = load(dm, &why);
	if (!cfg || apply_config(dm->domain, cfg, &why))
		log_error(
		    &dm->log, "config", "%s: %s; the running configuration is unchanged", why.id, why.text);
	else
		log_info(&dm->log, "config", "%s applied", dm->config_file);
	sd_notify(0, "READY=1");
}

static int watch_signals(struct daemon *dm)
{
	dm->signals[0] = loop_signal_new(dm->loop, SIGTERM, on_terminate, dm);
	dm->signals[1] = loop_signal_new(dm->loop, SIGINT, on_terminate, dm);
	dm->signals[2] = loop_signal_new(dm->loop, SIGHUP, on_reload, dm);
	dm->signals[3] = loop_signal_new(dm->loop, SIGUSR2, on_restart, dm);
	return dm->signals[0] && dm->signals[1] && dm->signals[2] && dm->signals[3] ? 0 : -1;
}

static int start(struct daemon *dm, struct cfg *cfg, struct reason *why)
{
	if (make_dirs(dm->state_dir, false, 0700)) {
		cfg_free(cfg);
		return reason_set(why, "state-dir", "cannot make the state directory %s: %s", dm->state_dir,
		    strerror(errno));
	}
	dm->loop = loop_new();
	if (!dm->loop || watch_signals(dm)) {
		cfg_free(cfg);
		return reason_set(why, "no-memory", "cannot start the event loop");
	}
	if (!make_dirs(dm->socket, true, 0))
		dm->domain = domain_new(
		    &sys_domain_default, dm->loop, &dm->log, restart_load(dm->state_dir, &dm->log), why);
	else
		reason_set(
		    why, "socket-dir", "cannot make the directory of %s: %s", dm->socket, strerror(errno));
	if (!dm->domain) {
		cfg_free(cfg);
		return -1;
	}
	dm->api =
	    api_server_new(loop_event_base(dm->loop), dm->socket, &daemon_api_ops, dm->domain, &dm->log, why);
	if (!dm->api) {
		cfg_free(cfg);
		return -1;
	}
	return apply_config(dm->domain, cfg, why);
}

static void finish(struct daemon *dm)
{
	documents_stop(dm->documents);
	api_server_free(dm->api);
	domain_free(dm->domain);
	for (size_t i = 0; i < sizeof(dm->signals) / sizeof(dm->signals[0]); i++)
		loop_watch_free(dm->signals[i]);
	loop_free(dm->loop);
	cfg_context_free(dm->context);
	documents_free(dm->documents);
	crypto_fini();
}

/* When the program and its configuration were written: a clock before that is wrong. */
static int64_t last_written(const char *config_file)
{
	const char *const files[] = { "/proc/self/exe", config_file };
	int64_t last = 0;
	struct stat st;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (!stat(files[i], &st) && st.st_mtime > last)
			last = st.st_mtime;
	return last;
}

static int run(struct daemon *dm)
{
	struct reason why = { 0 };
	struct cfg *cfg;

	if (crypto_init()) {
		log_error(&dm->log, "daemon",
		    "crypto-unavailable: OpenSSL lacks an algorithm that causewayd needs");
		return EXIT_FAILED;
	}
	dm->context = cfg_context_new(NULL, NULL, &why);
	dm->documents = documents_new(last_written(dm->config_file));
	if (dm->context && dm->documents)
		cfg_context_set_world(dm->context, documents_world(dm->documents));
	cfg = dm->context ? load(dm, &why) : NULL;
	if (!cfg) {
		log_error(&dm->log, "config", "%s: %s", why.id, why.text);
		return EXIT_FAILED;
	}
	if (dm->check) {
		cfg_free(cfg);
		log_info(&dm->log, "config", "%s is good", dm->config_file);
		return EXIT_OK;
	}
	if (start(dm, cfg, &why)) {
		log_error(&dm->log, "daemon", "%s: %s", why.id, why.text);
		return EXIT_FAILED;
	}
	log_info(&dm->log, "daemon", "causewayd %s: %s applied, management on %s", CW_VERSION,
	    dm->config_file, dm->socket);
	sd_notify(0, "READY=1");
	if (loop_run(dm->loop)) {
		log_error(&dm->log, "daemon", "the event loop failed");
		return EXIT_FAILED;
	}
	log_info(&dm->log, "daemon", "ended");
	return EXIT_OK;
}

/* A tunnel needs an interface and a BGP connection; the usual 1024 descriptors are few. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* refused: it stays as it was */
}

int main(int argc, char **argv)
{
	struct daemon dm = { .config_file = "/etc/causeway/causeway.json",
		.socket = "/run/causeway/causeway.sock",
		.state_dir = "/var/lib/causeway" };
	int rc = parse_args(&dm, argc, argv);

	if (rc)
		return rc - 1;
	dm.log = log_stderr(dm.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	rc = run(&dm);
	finish(&dm);
	return rc;
}
