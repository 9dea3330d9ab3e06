/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration, presets and views when memory is out, allocation by allocation of our own code and of
 * jansson: a reason or NULL comes back, never half a result, and nothing leaks. libyang's own allocations are
 * not touched.
 */
#include "connector/mgmt/config.h"
#include "connector/mgmt/view_json.h"
#include "profiles/profile.h"
#include "tests/support/alloc_fail.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char configuration[] =
    "{ \"causeway:connector\": { \"as\": 65001, \"router-id\": \"10.0.0.10\","
    "\"announce\": [\"10.0.0.0/16\", \"10.1.0.0/16\"],"
    "\"peer\": [ { \"name\": \"lan\", \"local-address\": \"10.0.0.10\", \"peer-address\": \"10.0.0.1\","
    "  \"peer-as\": 65002 } ],"
    "\"site\": [ { \"name\": \"hq\", \"profile\": \"azure-vpngw\", \"announce-from\": [\"lan\"],"
    "  \"tunnel\": [ { \"name\": \"t1\", \"remote-address\": [\"192.0.2.2\"], \"secret-file\": \"hq.psk\","
    "    \"inside-address\": [\"10.0.0.11/32\"], \"static-route\": [ { \"prefix\": \"10.9.0.0/16\" } ],"
    "    \"bgp\": { \"local-address\": \"10.0.0.10\", \"peer-address\": \"10.100.255.254\" } } ] } ] } }";

struct work {
	struct cfg_context *context;
	char file[64];
};

static bool run_config(void *ctx)
{
	struct work *w = ctx;
	struct reason why = { 0 };
	struct cfg *cfg = cfg_load_text(w->context, configuration, w->file, true, &why);
	bool ok = cfg != NULL;

	if (ok) {
		assert_int_equal(cfg->n_site, 1);
		assert_int_equal(cfg->n_peer, 1);
		assert_int_equal(cfg->n_announce, 2);
		assert_int_equal(cfg->n_note, 1); /* the BGP address is no inside-address */
		assert_int_equal(cfg->site[0].n_announce_from, 1);
		assert_int_equal(cfg->site[0].tunnel[0].n_static_route, 1);
		assert_int_equal(cfg->site[0].tunnel[0].psk.len, 6);
		assert_non_null(cfg->json);
	} else {
		assert_true(reason_is_set(&why));
	}
	cfg_free(cfg);
	return ok;
}

static bool run_profiles(void *ctx)
{
	struct reason why = { 0 };
	struct profiles *ps = profiles_load(CW_SOURCE_DIR "/profiles", &why);
	bool ok = ps != NULL;

	(void)ctx;
	if (ok)
		assert_in_range(profiles_count(ps), 2, 1000);
	else
		assert_true(reason_is_set(&why));
	profiles_free(ps);
	return ok;
}

/* The n-th view as JSON, or NULL. */
static json_t *view_of(unsigned which)
{
	static const uint32_t numbers[] = { 65515, 65010 };
	static struct view_tunnel_status t = {
		.name = "t1", .step = "down", .error = { "some-id", "some text" }
	};
	static struct view_site_status site = {
		.name = "hq", .profile = "p", .state = "down", .tunnel = &t, .n_tunnel = 1
	};
	const struct view_status status = { .uptime = 5, .site = &site, .n_site = 1, .version = "1" };
	static struct view_tunnel tunnel = { .site = "hq",
		.name = "t1",
		.step = "in-fib",
		.data_plane = "user",
		.nat = "none",
		.have_ike = true,
		.n_child = 1,
		.n_inside = 1,
		.n_drop = 1,
		.remote_id = "\xff\xfe" };
	static const struct view_bgp_peer peer = { .name = "hq/t1", .state = "Established", .as = 65515 };
	static const struct view_route route = { .origin = "igp",
		.as_path = numbers,
		.n_as_path = 2,
		.communities = numbers,
		.n_communities = 2 };
	static const struct view_fib_route fib = { .origin = "bgp", .n_ways = 1 };
	const struct view_bgp bgp = { .as = 65001, .router_id = 0x0a00000a };
	json_t *v = NULL, *peers;

	tunnel.inside[0] = tunnel.inside[1] = (struct prefix){ addr_v4(0x0a000001), 32 };
	tunnel.drop[0].name = "replay";
	switch (which) {
	case 0: v = view_status_json(&status); break;
	case 1: v = view_tunnel_json(&tunnel); break;
	case 2: v = view_bgp_peer_json(&peer); break;
	case 3: v = view_route_json(&route); break;
	case 4: v = view_fib_route_json(&fib); break;
	default:
		peers = json_array();
		if (json_array_append_new(peers, view_bgp_summary_peer_json(&peer))) {
			json_decref(peers);
			peers = NULL;
		}
		v = view_bgp_json(&bgp, peers, json_array());
		break;
	}
	return v;
}

struct expected {
	unsigned which;
	json_t *view;
};

static bool run_view(void *ctx)
{
	const struct expected *e = ctx;
	json_t *v = view_of(e->which);
	bool ok = v != NULL;

	if (ok)
		assert_true(json_equal(v, e->view)); /* whole, or not at all */
	json_decref(v);
	return ok;
}

static void test_configuration(void **state)
{
	struct work *w = *state;

	assert_true(alloc_fail_sweep(run_config, w, NULL) > 50);
}

static void test_profiles(void **state)
{
	(void)state;
	assert_true(alloc_fail_sweep(run_profiles, NULL, NULL) > 50);
}

static void test_views(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct expected e = { i, view_of(i) };

		assert_non_null(e.view);
		assert_true(alloc_fail_sweep(run_view, &e, NULL) > 10);
		json_decref(e.view);
	}
}

static int set_up(void **state)
{
	static struct work w;
	char dir[] = "/tmp/mgmt-nomem-XXXXXX", psk[80];
	struct reason why;
	int fd;

	if (!mkdtemp(dir))
		return -1;
	snprintf(w.file, sizeof(w.file), "%s/c.json", dir);
	snprintf(psk, sizeof(psk), "%s/hq.psk", dir);
	fd = open(psk, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "s3cret\n", 7) != 7 || close(fd) < 0)
		return -1;
	w.context = cfg_context_new(CW_SOURCE_DIR "/connector/mgmt/yang", CW_SOURCE_DIR "/profiles", &why);
	*state = &w;
	return w.context ? 0 : -1;
}

static int tear_down(void **state)
{
	struct work *w = *state;
	char *slash = strrchr(w->file, '/');
	char psk[80];

	*slash = '\0';
	snprintf(psk, sizeof(psk), "%s/hq.psk", w->file);
	unlink(psk);
	rmdir(w->file);
	cfg_context_free(w->context);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_profiles), cmocka_unit_test(test_views) };

	if (alloc_fail_libraries() < 0)
		return 1;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
