/* SPDX-License-Identifier: Apache-2.0 */
/* causeway: shows and steers causewayd. All of it is in cli_run, so that tests can call it. */
#include "connector/cli/cli.h"

int main(int argc, char **argv)
{
	return cli_run(argc, (const char *const *)argv, stdout, stderr);
}
