/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the configuration: secrets, which only their owner may read and of which no reason says a byte,
 * and configurations that can't be read.
 */
#include "connector/mgmt/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define Y_T1 "/causeway:connector/site[name='azure-hq']/tunnel[name='t1']"

static const char smallest[] =
    "{ \"causeway:connector\": {\n"
    "    \"as\": 65001, \"router-id\": \"10.0.0.10\", \"announce\": [\"10.0.0.0/16\"],\n"
    "    \"site\": [ { \"name\": \"azure-hq\", \"profile\": \"azure-vpngw\",\n"
    "      \"tunnel\": [ { \"name\": \"t1\",\n"
    "        \"local-address\": \"192.0.2.1\", \"remote-address\": [\"192.0.2.2\"],\n"
    "        \"secret-file\": \"azure-hq.psk\",\n"
    "        \"inside-address\": [\"10.0.0.10/32\"],\n"
    "        \"bgp\": { \"local-address\": \"10.0.0.10\", \"peer-address\": \"10.100.255.254\", \"peer-as\": "
    "65515 } } ] } ] } }\n";

static struct cfg_context *context;
static char dir[64];

static int set_up(void **state)
{
	struct reason why;

	(void)state;
	context = cfg_context_new(CW_SOURCE_DIR "/connector/mgmt/yang", CW_SOURCE_DIR "/profiles", &why);
	if (!context)
		fail_msg("%s", why.text);
	snprintf(dir, sizeof(dir), "/tmp/causeway-config-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	cfg_context_free(context);
	return rmdir(dir);
}

/* Writes a file of the test's directory; the name it got is in ret_path. */
static void write_file(const char *name, const char *text, size_t len, mode_t mode, char ret_path[128])
{
	FILE *f;

	snprintf(ret_path, 128, "%s/%s", dir, name);
	f = fopen(ret_path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(ret_path, mode), 0);
}

/* Loads the smallest configuration, as a file beside its secret file. */
static struct cfg *load_with_secret(const char *key, size_t len, mode_t mode, struct reason *why)
{
	char psk[128], file[128];
	struct cfg *cfg;

	write_file("azure-hq.psk", key, len, mode, psk);
	write_file("causeway.json", smallest, strlen(smallest), 0644, file);
	cfg = cfg_load_file(context, file, true, why);
	unlink(psk);
	unlink(file);
	return cfg;
}

static void a_secret_is_read(void **state)
{
	struct reason why;
	struct cfg *cfg = load_with_secret("s3cret\n\n", 8, 0600, &why);

	(void)state;
	if (!cfg)
		fail_msg("%s", why.text);
	assert_int_equal(cfg->site[0].tunnel[0].psk.len, 7); /* one newline only */
	assert_memory_equal(cfg->site[0].tunnel[0].psk.data, "s3cret\n", 7);
	assert_memory_equal(cfg->site[0].tunnel[0].secret_file, dir, strlen(dir)); /* as it was opened */
	assert_null(strstr(cfg->json, "s3cret"));
	cfg_free(cfg);
	cfg = load_with_secret("s3cret\r\n", 8, 0400, &why);
	assert_non_null(cfg);
	assert_int_equal(cfg->n_note, 1);
	assert_null(strstr(cfg->note[0].text, "s3cret"));
	cfg_free(cfg);
}

static void a_bad_secret_file_is_named(void **state)
{
	static const char big[1100] = { 'x' };
	static const struct {
		const char *key;
		size_t len;
		mode_t mode;
		const char *id, *advice;
	} cases[] = {
		{ "s3cret", 6, 0644, "secret-file-permissions", "chmod 600 " },
		{ "s3cret", 6, 0640, "secret-file-permissions", "mode 0640" },
		{ "s3cret", 6, 0602, "secret-file-permissions", "chmod 600 " },
		{ "", 0, 0600, "secret-file-empty", "write the pre-shared key" },
		{ "\n", 1, 0600, "secret-file-empty", "write the pre-shared key" },
		{ big, sizeof(big), 0600, "secret-file-too-long", "right file" },
	};
	char file[128];
	struct reason why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(load_with_secret(cases[i].key, cases[i].len, cases[i].mode, &why));
		assert_string_equal(why.id, cases[i].id);
		assert_non_null(strstr(why.text, "/causeway.json: " Y_T1 "/secret-file: "));
		assert_non_null(strstr(why.text, "/azure-hq.psk"));
		assert_non_null(strstr(why.text, cases[i].advice));
		assert_null(strstr(why.text, "s3cret"));
	}
	write_file("causeway.json", smallest, strlen(smallest), 0644, file);
	assert_null(cfg_load_file(context, file, true, &why));
	assert_string_equal(why.id, "secret-file-missing");
	assert_non_null(strstr(why.text, "/azure-hq.psk"));
	unlink(file);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	char path[128];
	struct reason why;

	(void)state;
	snprintf(path, sizeof(path), "%s/none.json", dir);
	assert_null(cfg_load_file(context, path, false, &why));
	assert_string_equal(why.id, "config-not-readable");
	assert_non_null(strstr(why.text, path));
	assert_null(cfg_load_file(context, dir, false, &why));
	assert_string_equal(why.id, "config-not-readable");
	write_file("nul.json", "{}\0", 3, 0644, path);
	assert_null(cfg_load_file(context, path, false, &why));
	assert_string_equal(why.id, "config-syntax");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_read),
		cmocka_unit_test(a_bad_secret_file_is_named),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
