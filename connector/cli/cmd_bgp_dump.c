/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bgp dump`: the daemon makes the file's bytes, we write them down as they come. A file gets its name when
 * it is whole; what broke off leaves none.
 */
#include "connector/cli/commands.h"
#include "connector/cli/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int feed(void *ctx, const char *data, size_t len)
{
	FILE *out = ctx;

	return fwrite(data, 1, len, out) != len;
}

static int dump_to_file(struct cli *cli, const char *name)
{
	char part[4096];
	FILE *f = NULL;
	int fd, rc;

	if ((size_t)snprintf(part, sizeof(part), "%s.part", name) >= sizeof(part))
		return cli_failf(cli, CLI_USAGE, "the file's name is too long");
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f) {
		rc = cli_failf(cli, CLI_FAILED, "%s: %s", part, strerror(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rc = fetch_raw(cli, API_STATE "mrt", feed, f);
	if (fclose(f) && rc == CLI_OK)
		rc = cli_failf(cli, CLI_FAILED, "%s: %s", part, strerror(errno));
	if (rc == CLI_OK && rename(part, name))
		rc = cli_failf(cli, CLI_FAILED, "%s: %s", name, strerror(errno));
	if (rc != CLI_OK)
		unlink(part);
	return rc;
}

int cmd_bgp_dump(struct cli *cli, const struct args *args)
{
	const char *format = args_value(args, "format");

	if (format && strcmp(format, "mrt") != 0)
		return cli_failf(cli, CLI_USAGE, "--format %s: there is mrt alone", format);
	if (args->n_words && strcmp(args->word[0], "-") != 0)
		return dump_to_file(cli, args->word[0]);
	if (cli->term_out.tty)
		return cli_failf(
		    cli, CLI_USAGE, "these are bytes for programs: name a FILE, or send them into a pipe");
	return fetch_raw(cli, API_STATE "mrt", feed, cli->out);
}
