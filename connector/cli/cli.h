/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every command of `causeway` shares: where to write, whom to ask, and the exit codes of the contract
 * (design section 6). One struct cli lives as long as the program; nothing here is global, so tests run many
 * of them.
 */
#ifndef CW_CLI_CLI_H
#define CW_CLI_CLI_H

#include "base/mtime.h"
#include "base/reason.h"

#include <stdbool.h>
#include <stdio.h>

#define CLI_DEFAULT_SOCKET "/run/causeway/causeway.sock"
#define CLI_SOCKET_ENV     "CAUSEWAY_SOCKET"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3, /* the daemon */
	CLI_NOT_FOUND = 4,   /* no such object */
	CLI_REFUSED = 5,     /* by a safety rule */
	CLI_NOT_READY = 6,   /* degraded or not ready: only `status --check` and waits */
	CLI_TIMED_OUT = 8,
};

/* How one stream is to be written to. */
struct term {
	bool tty;
	bool colour;
	unsigned width; /* columns; 0: unlimited (not a terminal) */
};

struct http;

struct cli {
	FILE *out, *err; /* data; messages. Borrowed */
	struct term term_out, term_err;
	const char *socket; /* borrowed */
	bool json;
	mdur poll;         /* how often waits ask */
	mtime deadline;    /* no request outlasts it (CLOCK_MONOTONIC) */
	struct http *http; /* made at the first request; freed by cli_run */
};

/* Finds out about the stream: a terminal, its width, whether NO_COLOR or TERM=dumb forbid colour. */
struct term term_of(FILE *f);

/* Runs one command line; returns the exit code. argv[0] is the program's name. Frees what it made. */
int cli_run(int argc, const char *const *argv, FILE *out, FILE *err);

/* Writes "causeway: TEXT" and, when the reason has an id worth quoting, " (id)". Returns code. */
int cli_fail(struct cli *cli, enum cli_exit code, const struct reason *why);
int cli_failf(struct cli *cli, enum cli_exit code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
