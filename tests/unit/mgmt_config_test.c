/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: what loads and what it becomes; and a table of mistakes, each of which must be refused by
 * its own reason, with file, path, value and what to do in the text. Each mistake is one change to the
 * smallest configuration of the contract.
 */
#include "connector/mgmt/config.h"
#include "profiles/profile.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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

static struct cfg *load(const char *text)
{
	struct reason why;
	struct cfg *cfg = cfg_load_text(context, text, "test.json", false, &why);

	if (!cfg)
		fail_msg("%s: %s", why.id, why.text);
	return cfg;
}

/* The value at a path like "site/0/tunnel/0/role" is set to json (NULL: removed); indices may append. */
static void change(json_t *root, const char *path, const char *json)
{
	json_t *at = json_object_get(root, "causeway:connector"), *v;
	char copy[200], *save = NULL, *next, *step;

	snprintf(copy, sizeof(copy), "%s", path);
	step = strtok_r(copy, "/", &save);
	while ((next = strtok_r(NULL, "/", &save))) {
		at = json_is_array(at) ? json_array_get(at, (size_t)atoi(step)) : json_object_get(at, step);
		assert_non_null(at);
		step = next;
	}
	if (!json) {
		assert_int_equal(
		    json_is_array(at) ? json_array_remove(at, (size_t)atoi(step)) : json_object_del(at, step),
		    0);
		return;
	}
	v = json_loads(json, JSON_DECODE_ANY, NULL);
	assert_non_null(v);
	if (!json_is_array(at))
		assert_int_equal(json_object_set_new(at, step, v), 0);
	else if ((size_t)atoi(step) < json_array_size(at))
		assert_int_equal(json_array_set_new(at, (size_t)atoi(step), v), 0);
	else
		assert_int_equal(json_array_append_new(at, v), 0);
}

/* The smallest configuration with up to three changes; to be freed. */
static char *changed(const char *const (*changes)[2], size_t n)
{
	json_t *root = json_loads(smallest, 0, NULL);
	char *text;

	for (size_t i = 0; i < n && changes[i][0]; i++)
		change(root, changes[i][0], changes[i][1]);
	text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	assert_non_null(text);
	return text;
}

#define SITE   "site/0/"
#define T1     "site/0/tunnel/0/"
#define CONN   "/causeway:connector"
#define Y_SITE CONN "/site[name='azure-hq']"
#define Y_T1   Y_SITE "/tunnel[name='t1']"
#define T2(more)                                                                                             \
	"{\"name\":\"t2\",\"local-address\":\"192.0.2.1\",\"remote-address\":[\"192.0.2.3\"],\"secret-"      \
	"file\":\"x\"" more "}"
#define TRIGGER "[{\"prefix\":\"10.9.0.0/16\",\"trigger\":true}]"
#define LAN(name, more)                                                                                      \
	"{\"name\":\"" name                                                                                  \
	"\",\"local-address\":\"10.0.0.10\",\"peer-address\":\"10.0.0.1\",\"peer-as\":65010" more "}"

struct mistake {
	const char *changes[3][2];              /* where, what (JSON; NULL: remove) */
	const char *id, *path, *value, *advice; /* value, advice: NULL when there is none to show */
};

static const struct mistake mistakes[] = {
	/* names */
	{ { { "asn", "65001" } }, "config-unknown-leaf", CONN "/asn", NULL, "known here: as," },
	{ { { SITE "color", "1" } }, "config-unknown-leaf", Y_SITE "/color", NULL, "known here:" },
	{ { { T1 "psk", "\"x\"" } }, "config-unknown-leaf", Y_T1 "/psk", NULL, "secret-file" },
	{ { { T1 "bgp/password", "\"x\"" } }, "config-unknown-leaf", Y_T1 "/bgp/password", NULL,
	    "known here:" },
	{ { { "@announce", "[]" } }, "config-unknown-leaf", CONN "/@announce", NULL, "known here:" },
	/* types */
	{ { { "as", "\"65001\"" } }, "config-wrong-type", CONN "/as", "65001", "without quotes" },
	{ { { "as", "65001.5" } }, "config-wrong-type", CONN "/as", "65001.5", "whole number" },
	{ { { "as", "null" } }, "config-wrong-type", CONN "/as", "null", "whole number" },
	{ { { "announce", "\"10.0.0.0/16\"" } }, "config-wrong-type", CONN "/announce", "10.0.0.0/16",
	    "an array" },
	{ { { "site", "{}" } }, "config-wrong-type", CONN "/site", NULL, "an array" },
	{ { { "site/0", "5" } }, "config-wrong-type", CONN "/site[1]", "5", "an object" },
	{ { { T1 "bgp", "[]" } }, "config-wrong-type", Y_T1 "/bgp", NULL, "an object" },
	{ { { T1 "role", "1" } }, "config-wrong-type", Y_T1 "/role", "1", "a string" },
	{ { { T1 "force-encapsulation", "\"true\"" } }, "config-wrong-type", Y_T1 "/force-encapsulation",
	    "true", "without quotes" },
	/* values */
	{ { { T1 "ike-fragmentation", "\"maybe\"" } }, "config-wrong-value", Y_T1 "/ike-fragmentation",
	    "maybe", "force" },
	{ { { T1 "df", "\"yes\"" } }, "config-wrong-value", Y_T1 "/df", "yes", "clear" },
	{ { { T1 "ike-fragment-size", "255" } }, "config-wrong-value", Y_T1 "/ike-fragment-size", "255",
	    "256 to 9000" },
	{ { { "as", "0" } }, "config-wrong-value", CONN "/as", "0", "AS 0" },
	{ { { "as", "23456" } }, "config-wrong-value", CONN "/as", "23456", "private" },
	{ { { "as", "-1" } }, "config-wrong-value", CONN "/as", "-1", "too small" },
	{ { { "as", "4294967296" } }, "config-wrong-value", CONN "/as", "4294967296", "too large" },
	{ { { T1 "bgp/peer-as", "0" } }, "config-wrong-value", Y_T1 "/bgp/peer-as", "0", "AS 0" },
	{ { { "router-id", "\"0.0.0.0\"" } }, "config-wrong-value", CONN "/router-id", "0.0.0.0",
	    "router-id" },
	{ { { "router-id", "\"10.0.0.256\"" } }, "config-wrong-value", CONN "/router-id", "10.0.0.256",
	    "router-id" },
	{ { { "multipath", "17" } }, "config-wrong-value", CONN "/multipath", "17", "1 (off) to 16" },
	{ { { "announce/0", "\"10.0.0.0\"" } }, "config-wrong-value", CONN "/announce", "10.0.0.0",
	    "10.0.0.0/16" },
	{ { { "announce/0", "\"10.0.0.0/33\"" } }, "config-wrong-value", CONN "/announce", "10.0.0.0/33",
	    "prefix" },
	{ { { "announce/0", "\"10.0.1.1/16\"" } }, "config-wrong-value", CONN "/announce", "10.0.1.1/16",
	    "did you mean 10.0.0.0/16" },
	{ { { SITE "name", "\"a/b\"" } }, "config-wrong-value", "/name", "a/b", "letters" },
	{ { { SITE "name", "\"\"" } }, "config-wrong-value", "/name", NULL, "1 to 64" },
	{ { { SITE "profile", "\"azure\"" } }, "config-unknown-profile", Y_SITE "/profile", "azure",
	    "azure-vpngw, azure-vpngw-legacy, generic-ikev2" },
	{ { { T1 "role", "\"server\"" } }, "config-wrong-value", Y_T1 "/role", "server",
	    "both, initiate, respond" },
	{ { { T1 "admin", "\"on\"" } }, "config-wrong-value", Y_T1 "/admin", "on", "up, down" },
	{ { { T1 "interface", "\"a-name-that-is-too-long\"" } }, "config-wrong-value", Y_T1 "/interface",
	    "a-name", "15" },
	{ { { T1 "interface", "\"cw/0\"" } }, "config-wrong-value", Y_T1 "/interface", "cw/0", "letters" },
	{ { { T1 "interface", "\"all\"" } }, "config-wrong-value", Y_T1 "/interface", "all", "taken" },
	{ { { T1 "interface", "\"default\"" } }, "config-wrong-value", Y_T1 "/interface", "default",
	    "taken" },
	{ { { T1 "interface", "\"lo\"" } }, "config-wrong-value", Y_T1 "/interface", "lo", "taken" },
	{ { { T1 "local-address", "\"192.0.2.300\"" } }, "config-wrong-value", Y_T1 "/local-address",
	    "192.0.2.300", "write one like" },
	{ { { T1 "local-address", "\"0.0.0.0\"" } }, "config-wrong-value", Y_T1 "/local-address", "0.0.0.0",
	    "leave it out" },
	{ { { T1 "local-address", "\"eth0\"" } }, "config-wrong-value", Y_T1 "/local-address", "eth0",
	    "write one like" },
	{ { { T1 "remote-address/0", "\"192.0.2.300\"" } }, "config-wrong-value", Y_T1 "/remote-address",
	    "192.0.2.300", "write one like" },
	{ { { T1 "remote-address/0", "\"0.0.0.0\"" } }, "config-wrong-value", Y_T1 "/remote-address",
	    "0.0.0.0", "public address" },
	{ { { T1 "remote-address/0", "\"239.0.0.1\"" } }, "config-wrong-value", Y_T1 "/remote-address",
	    "239.0.0.1", "multicast" },
	{ { { T1 "remote-address/0", "\"255.255.255.255\"" } }, "config-wrong-value", Y_T1 "/remote-address",
	    "255.255.255.255", "broadcast" },
	{ { { T1 "remote-address/0", "\"ff02::1\"" } }, "config-wrong-value", Y_T1 "/remote-address",
	    "ff02::1", "multicast" },
	{ { { T1 "remote-address/0", "\"192.0.2.1\"" } }, "config-wrong-value", Y_T1 "/remote-address",
	    "192.0.2.1", "equals local-address" },
	{ { { T1 "remote-address/0", "\"2001:db8::2\"" } }, "config-wrong-value", Y_T1 "/remote-address",
	    "2001:db8::2", "IP version" },
	{ { { T1 "inside-address/0", "\"10.0.0.10/40\"" } }, "config-wrong-value", Y_T1 "/inside-address",
	    "10.0.0.10/40", "prefix" },
	{ { { T1 "ike-proposal", "[\"aes256-sha256-modp9\"]" } }, "config-wrong-value", Y_T1 "/ike-proposal",
	    "aes256-sha256-modp9", "modp9" },
	{ { { T1 "esp-proposal", "[\"rot13\"]" } }, "config-wrong-value", Y_T1 "/esp-proposal", "rot13",
	    "rot13" },
	{ { { T1 "ike-lifetime", "10" } }, "config-wrong-value", Y_T1 "/ike-lifetime", "10", "300 to" },
	{ { { T1 "esp-lifetime", "10" } }, "config-wrong-value", Y_T1 "/esp-lifetime", "10", "300 to" },
	{ { { T1 "esp-lifekbytes", "10" } }, "config-wrong-value", Y_T1 "/esp-lifekbytes", "10", "1024" },
	{ { { T1 "liveness-interval", "9999" } }, "config-wrong-value", Y_T1 "/liveness-interval", "9999",
	    "3600" },
	{ { { T1 "liveness-timeout", "1" } }, "config-wrong-value", Y_T1 "/liveness-timeout", "1", "3 to" },
	{ { { T1 "mtu", "100" } }, "config-wrong-value", Y_T1 "/mtu", "100", "576" },
	{ { { T1 "mss", "1400" } }, "config-wrong-value", Y_T1 "/mss", "1400", "at most 1360" },
	{ { { T1 "local-id", "\"\"" } }, "config-wrong-value", Y_T1 "/local-id", "(empty)", "1 to 255" },
	{ { { T1 "static-route", "[{\"prefix\":\"10.9.0.1/16\"}]" } }, "config-wrong-value", "/prefix",
	    "10.9.0.1/16", "10.9.0.0/16" },
	{ { { T1 "static-route", "[{\"prefix\":\"10.9.0.0/16\",\"metric\":0}]" } }, "config-wrong-value",
	    "/metric", "0", "1 to" },
	{ { { T1 "bgp/hold-time", "2" } }, "config-wrong-value", Y_T1 "/bgp/hold-time", "2", "3 to 65535" },
	{ { { T1 "bgp/keepalive", "120" } }, "config-wrong-value", Y_T1 "/bgp/keepalive", "120", "a third" },
	{ { { T1 "bgp/send-hold-time", "9" } }, "config-wrong-value", "/send-hold-time", "9", "longer" },
	{ { { T1 "bgp/damping", "{\"enabled\":true,\"suppress\":700}" } }, "config-wrong-value",
	    Y_T1 "/bgp/damping/suppress", "700", "above \"reuse\", 750" },
	{ { { T1 "bgp/damping", "{\"enabled\":true,\"max-suppress-time\":900}" } }, "config-wrong-value",
	    Y_T1 "/bgp/damping", NULL, "at most 1500" },
	{ { { T1 "bgp/damping", "{\"enabled\":true}" }, { T1 "bgp/peer-as", "65001" } }, "config-wrong-value",
	    Y_T1 "/bgp/damping", NULL, "of another AS" },
	{ { { T1 "bgp/next-hop-ipv4", "\"2001:db8::1\"" } }, "config-wrong-value", Y_T1 "/bgp/next-hop-ipv4",
	    "2001:db8::1", "the IPv4 address" },
	{ { { T1 "bgp/next-hop-ipv6", "\"fe80::1\"" } }, "config-wrong-value", Y_T1 "/bgp/next-hop-ipv6",
	    "fe80::1", "no loopback, link-local" },
	{ { { T1 "bgp/next-hop-ipv4", "\"224.0.0.1\"" } }, "config-wrong-value", Y_T1 "/bgp/next-hop-ipv4",
	    "224.0.0.1", "group" },
	{ { { T1 "bgp/damping", "{\"half-life\":5}" } }, "config-wrong-value", Y_T1 "/bgp/damping/half-life",
	    "5", "10 to 86400" },
	{ { { T1 "bgp/ttl-security", "1" }, { T1 "bgp/multihop", "2" } }, "config-wrong-value",
	    Y_T1 "/bgp/multihop", "2", "remove one" },
	{ { { T1 "bgp/mode", "\"quiet\"" } }, "config-wrong-value", Y_T1 "/bgp/mode", "quiet", "active" },
	{ { { T1 "bgp/peer-address", "\"10.0.0.10\"" } }, "config-wrong-value", Y_T1 "/bgp/peer-address",
	    "10.0.0.10", "ourselves" },
	{ { { T1 "bgp/peer-address", "\"2001:db8::1\"" } }, "config-wrong-value", Y_T1 "/bgp/peer-address",
	    "2001:db8::1", "IP version" },
	{ { { T1 "bgp/peer-address", "\"0.0.0.0\"" } }, "config-wrong-value", Y_T1 "/bgp/peer-address",
	    "0.0.0.0", "unspecified" },
	/* what is missing */
	{ { { "as", NULL } }, "config-missing-leaf", CONN, NULL, "set `as`" },
	{ { { "router-id", NULL } }, "config-missing-leaf", CONN, NULL, "router-id" },
	{ { { SITE "name", NULL } }, "config-missing-leaf", CONN "/site[1]", NULL, "\"name\" is missing" },
	{ { { SITE "profile", NULL } }, "config-missing-leaf", Y_SITE, NULL, "\"profile\" is missing" },
	{ { { SITE "tunnel", "[]" } }, "config-missing-leaf", Y_SITE, NULL, "\"tunnel\" is missing" },
	{ { { T1 "remote-address", NULL } }, "config-missing-leaf", Y_T1, NULL,
	    "\"remote-address\" is missing" },
	{ { { T1 "secret-file", NULL } }, "config-missing-leaf", Y_T1, NULL, "secret-file" },
	{ { { T1 "bgp/peer-address", NULL } }, "config-missing-leaf", Y_T1 "/bgp", NULL,
	    "\"peer-address\" is missing" },
	{ { { T1 "bgp/peer-as", NULL }, { SITE "profile", "\"generic-ikev2\"" } }, "config-missing-leaf",
	    Y_T1 "/bgp", NULL, "peer-as" },
	{ { { "peer",
	      "[{\"name\":\"lan\",\"local-address\":\"10.0.0.10\",\"peer-address\":\"10.0.0.1\"}]" } },
	    "config-missing-leaf", CONN "/peer[name='lan']", NULL, "\"peer-as\" is missing" },
	/* what is there twice, or leads nowhere */
	{ { { "announce/1", "\"10.0.0.0/16\"" } }, "config-duplicate", CONN "/announce", NULL, "twice" },
	{ { { SITE "tunnel/1",
	      "{\"name\":\"t1\",\"remote-address\":[\"192.0.2.3\"],\"secret-file\":\"x\"}" } },
	    "config-duplicate", Y_T1, NULL, "twice" },
	{ { { SITE "tunnel/1", T2(",\"interface\":\"vpn0\"") }, { T1 "interface", "\"vpn0\"" } },
	    "config-duplicate-interface", Y_SITE "/tunnel[name='t2']/interface", "vpn0", "azure-hq/t1" },
	{ { { SITE "tunnel/1", T2("") }, { T1 "remote-address/0", "\"192.0.2.3\"" } },
	    "config-duplicate-tunnel", Y_SITE "/tunnel[name='t2']/remote-address", "192.0.2.3",
	    "azure-hq/t1" },
	{ { { SITE "tunnel/1",
	      T2(",\"bgp\":{\"local-address\":\"10.0.0.10\",\"peer-address\":\"10.100.255.254\"}") } },
	    "config-duplicate-peer", Y_SITE "/tunnel[name='t2']/bgp/peer-address", "10.100.255.254",
	    "azure-hq/t1" },
	{ { { SITE "tunnel/1",
	      T2(",\"bgp\":{\"local-address\":\"10.0.0.11\",\"peer-address\":\"10.100.255.254\"}") } },
	    "config-duplicate-peer", Y_SITE "/tunnel[name='t2']/bgp/peer-address", "10.100.255.254",
	    "azure-hq/t1" },
	{ { { "peer", "[" LAN("r1", "") "," LAN("r2", "") "]" } }, "config-duplicate-peer",
	    CONN "/peer[name='r2']/peer-address", "10.0.0.1", "r1" },
	{ { { "peer", "[{\"name\":\"r1\",\"local-address\":\"10.0.0.10\",\"peer-address\":\"10.100.255.254\","
	              "\"peer-as\":65515}]" } },
	    "config-duplicate-peer", CONN "/peer[name='r1']/peer-address", "10.100.255.254", "azure-hq/t1" },
	{ { { "peer", "[{\"name\":\"r1\",\"local-address\":\"10.0.0.9\",\"peer-address\":\"10.100.255.254\","
	              "\"peer-as\":65515}]" } },
	    "config-duplicate-peer", CONN "/peer[name='r1']/peer-address", "10.100.255.254", "azure-hq/t1" },
	/* what is kept outside of all tunnels, of this one and of another, before and after it */
	{ { { T1 "bgp/peer-address", "\"192.0.2.2\"" } }, "config-wrong-value", Y_T1 "/bgp/peer-address",
	    "192.0.2.2", "azure-hq/t1" },
	{ { { T1 "bgp/peer-address", "\"192.0.2.3\"" }, { SITE "tunnel/1", T2("") } }, "config-wrong-value",
	    Y_T1 "/bgp/peer-address", "192.0.2.3", "azure-hq/t2" },
	{ { { SITE "tunnel/1",
	      T2(",\"bgp\":{\"local-address\":\"10.0.0.10\",\"peer-address\":\"192.0.2.2\"}") } },
	    "config-wrong-value", Y_SITE "/tunnel[name='t2']/bgp/peer-address", "192.0.2.2", "azure-hq/t1" },
	{ { { T1 "probe-address", "\"192.0.2.2\"" } }, "config-wrong-value", Y_T1 "/probe-address",
	    "192.0.2.2", "behind the tunnel" },
	{ { { SITE "announce-from", "[\"lan\"]" } }, "config-dangling-reference", Y_SITE "/announce-from",
	    "lan", "peer[]" },
	/* how it comes up and goes down by itself */
	{ { { T1 "start", "\"on-demand\"" }, { T1 "static-route", TRIGGER } }, "config-wrong-value",
	    Y_T1 "/start", "on-demand", "\"idle-timeout\": 0" },
	{ { { T1 "start", "\"on-demand\"" }, { T1 "idle-timeout", "0" } }, "config-missing-leaf",
	    Y_T1 "/start", "on-demand", "\"trigger\": true" },
	{ { { T1 "start", "\"on-demand\"" }, { T1 "idle-timeout", "0" }, { T1 "role", "\"respond\"" } },
	    "config-wrong-value", Y_T1 "/start", "on-demand", "\"both\"" },
	{ { { T1 "static-route", TRIGGER } }, "config-wrong-value", "/trigger", "true", "on-demand" },
	{ { { T1 "idle-timeout", "60" } }, "config-wrong-value", Y_T1 "/idle-timeout", "60", "\"manual\"" },
	{ { { T1 "idle-timeout", "9" } }, "config-wrong-value", Y_T1 "/idle-timeout", "9", "86400" },
	{ { { T1 "retry", "0" } }, "config-wrong-value", Y_T1 "/retry", "0", "3600" },
	{ { { T1 "tries", "1001" } }, "config-wrong-value", Y_T1 "/tries", "1001", "for ever" },
	/* what the gateway would refuse */
	{ { { "as", "65515" } }, "config-as-reserved", CONN "/as", "65515", "azure-hq" },
	{ { { "as", "65518" } }, "config-as-reserved", CONN "/as", "65518", "another private one" },
	/* what this version can't carry out */
	{ { { T1 "local-auth", "\"certificate\"" } }, "config-missing-leaf", Y_T1, NULL, "\"certificate\"" },
	{ { { T1 "certificate", "{\"trust-anchor-file\":\"c\"}" } }, "config-missing-leaf",
	    Y_T1 "/certificate", NULL, "\"chain-file\"" },
	{ { { T1 "certificate", "{\"chain-file\":\"a\",\"key-file\":\"b\"}" } }, "config-missing-leaf",
	    Y_T1 "/certificate", NULL, "\"trust-anchor-file\"" },
	/* EAP and PPKs */
	{ { { T1 "local-auth", "\"eap-mschapv2\"" } }, "config-missing-leaf", Y_T1 "/eap", NULL, "eap/user" },
	{ { { T1 "local-auth", "\"eap-mschapv2\"" }, { T1 "eap", "{\"user\":\"u\"}" } },
	    "config-missing-leaf", Y_T1 "/eap", NULL, "eap/secret-file" },
	{ { { T1 "remote-auth", "\"eap-mschapv2\"" }, { T1 "eap", "{\"peer-user\":\"u\"}" } },
	    "config-missing-leaf", Y_T1 "/eap", NULL, "eap/peer-secret-file" },
	{ { { T1 "remote-auth", "\"eap-tls\"" }, { T1 "eap", "{\"peer-user\":\"u\"}" } },
	    "config-missing-leaf", Y_T1, NULL, "\"eap-tls\", but there is no \"certificate\"" },
	{ { { T1 "remote-auth", "\"eap-mschapv2\"" }, { T1 "role", "\"both\"" },
	      { T1 "eap", "{\"peer-user\":\"u\",\"peer-secret-file\":\"p\"}" } },
	    "config-wrong-value", Y_T1 "/role", "both", "respond" },
	{ { { T1 "local-auth", "\"eap-mschapv2\"" }, { T1 "remote-auth", "\"eap-tls\"" } },
	    "config-wrong-value", Y_T1 "/remote-auth", "eap-tls", "only one side" },
	{ { { T1 "eap", "{\"user\":\"u\"}" } }, "config-wrong-value", Y_T1 "/eap", NULL, "nobody signs on" },
	{ { { T1 "ppk", "{\"id\":\"p\"}" } }, "config-missing-leaf", Y_T1 "/ppk", NULL, "\"secret-file\"" },
	{ { { T1 "ppk", "{\"secret-file\":\"p\"}" } }, "config-missing-leaf", Y_T1 "/ppk", NULL, "\"id\"" },
	{ { { T1 "certificate", "{\"revocation\":\"perhaps\"}" } }, "config-wrong-value",
	    Y_T1 "/certificate/revocation", "perhaps", "relaxed" },
	{ { { T1 "tx-kbps", "1000" } }, "config-not-supported", Y_T1 "/tx-kbps", "1000", "tc" },
	{ { { T1 "rx-kbps", "1000" } }, "config-not-supported", Y_T1 "/rx-kbps", "1000", "tc" },
	{ { { "protect", "[\"10.100.0.1/16\"]" } }, "config-wrong-value", CONN "/protect", "10.100.0.1/16",
	    "10.100.0.0/16" },
	{ { { T1 "static-route", "[{\"prefix\":\"10.9.0.0/16\",\"metric\":4000000000}]" } },
	    "config-wrong-value", "/metric", "4000000000", "protect" },
	{ { { T1 "remote-address/0", "\"vpn_1.example.net\"" } }, "config-wrong-value",
	    Y_T1 "/remote-address", "vpn_1.example.net", "host name" },
};

static void expect(const struct reason *why, const struct mistake *m, const char *text)
{
	const char *const parts[] = { "test.json", m->path, m->value, m->advice };

	if (strcmp(why->id, m->id) != 0)
		fail_msg("%s instead of %s: %s\nin %s", why->id, m->id, why->text, text);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i] && !strstr(why->text, parts[i]))
			fail_msg("%s: \"%s\" is not in: %s", why->id, parts[i], why->text);
}

static void each_mistake_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		char *text = changed(mistakes[i].changes, 3);
		struct reason why;
		struct cfg *cfg = cfg_load_text(context, text, "test.json", false, &why);

		if (cfg)
			fail_msg("accepted: %s", text);
		expect(&why, &mistakes[i], text);
		free(text);
	}
}

/* However a long value is cut for the reason, the reason can be written as JSON. */
static void a_cut_value_is_still_text(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		char value[600] = "\"";
		const char *const one[][2] = { { T1 "interface", value } };
		struct reason why;
		char *text;
		json_t *s;

		for (unsigned k = 0; k < i; k++)
			strcat(value, "x");
		for (unsigned k = 0; k < 60; k++)
			strcat(value, k % 2 ? "\xc3\xa4" : "\xf0\x9f\x98\x80");
		strcat(value, "\"");
		text = changed(one, 1);
		assert_null(cfg_load_text(context, text, "test.json", false, &why));
		s = json_string(why.text);
		assert_non_null(s);
		json_decref(s);
		free(text);
	}
}

static void broken_text_is_named(void **state)
{
	static const struct {
		const char *text, *id, *part;
	} cases[] = {
		{ "", "config-syntax", "line 1" },
		{ "{\n \"causeway:connector\": {\n \"as\": 65001,\n } }", "config-syntax", "line 4" },
		{ "{\"causeway:connector\": {\"as\": 1, \"as\": 2}}", "config-syntax", "as" },
		{ "[]", "config-wrong-type", "object" },
		{ "{\"connector\": {}}", "config-unknown-leaf", "/connector" },
		{ "{\"causeway:state\": {}}", "config-not-configuration", "/causeway:state" },
		{ "{\"causeway:connector\": []}", "config-wrong-type", "/causeway:connector" },
		{ "{\"causeway:connector\": {\"as\": \"\\ud800\"}}", "config-syntax", "line 1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reason why;

		assert_null(cfg_load_text(context, cases[i].text, "test.json", false, &why));
		assert_string_equal(why.id, cases[i].id);
		assert_non_null(strstr(why.text, "test.json"));
		assert_non_null(strstr(why.text, cases[i].part));
	}
}

static void the_smallest_configuration_loads(void **state)
{
	struct cfg *cfg = load(smallest);
	const struct cfg_tunnel *t = &cfg->site[0].tunnel[0];
	char buf[128];

	(void)state;
	assert_true(cfg->have_bgp);
	assert_int_equal(cfg->as, 65001);
	assert_int_equal(cfg->router_id, 0x0a00000a);
	assert_int_equal(cfg->multipath, 16);
	assert_int_equal(cfg->n_announce, 1);
	assert_string_equal(prefix_str(&cfg->announce[0]), "10.0.0.0/16");
	assert_int_equal(cfg->n_note, 0);
	assert_int_equal(cfg->n_site, 1);
	assert_string_equal(cfg->site[0].cloud, "azure");
	assert_non_null(strstr(cfg->site[0].proposal_hint, "--dh-group DHGroup14"));
	assert_false(t->own_proposals);
	assert_true(t->admin_up);
	assert_int_equal(t->start, CFG_START_ALWAYS);
	assert_int_equal(t->role, CFG_ROLE_BOTH);
	assert_int_equal(t->data_plane, CFG_PLANE_AUTO);
	assert_string_equal(t->interface, "");
	assert_string_equal(addr_str(&t->local), "192.0.2.1");
	assert_int_equal(t->n_remote, 1);
	assert_string_equal(addr_str(&t->remote[0]), "192.0.2.2");
	assert_string_equal(t->secret_file, "azure-hq.psk");
	assert_int_equal(t->psk.len, 0);
	assert_string_equal(prefix_str(&t->inside[0]), "10.0.0.10/32");
	ike_proposal_str(&t->ike_proposals.list[0], false, buf, sizeof(buf));
	assert_non_null(strstr(buf, "aes256-sha256"));
	assert_int_equal(t->ike_proposals.list[0].ke[0], KE_MODP_2048);
	assert_int_equal(mdur_to_s(t->ike_lifetime), 28800);
	assert_int_equal(mdur_to_s(t->esp_lifetime), 27000);
	assert_int_equal(t->esp_lifekbytes, 102400000);
	assert_int_equal(mdur_to_s(t->liveness_interval) + mdur_to_s(t->liveness_timeout), 45);
	assert_true(t->force_encap);
	assert_false(t->mobike);
	assert_int_equal(t->fragmentation, CFG_FRAGMENTATION_YES);
	assert_int_equal(t->fragment_size, 0);
	assert_int_equal(t->df, CFG_DF_COPY);
	assert_false(t->dscp_zero || t->ignore_ecn);
	assert_int_equal(t->mtu, 1400);
	assert_int_equal(t->mss, 1350);
	assert_true(t->have_bgp);
	assert_int_equal(t->bgp.peer_as, 65515);
	assert_int_equal(mdur_to_s(t->bgp.hold_time), 180);
	assert_int_equal(mdur_to_s(t->bgp.keepalive), 60);
	assert_int_equal(t->bgp.max_prefixes_out, 4000);
	cfg_free(cfg);
}

static void an_empty_connector_loads(void **state)
{
	static const char *const empty[] = { "{}", "{\"causeway:connector\":{}}" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct cfg *cfg = load(empty[i]);
		json_t *again = json_loads(cfg->json, 0, NULL);

		assert_false(cfg->have_bgp);
		assert_int_equal(cfg->n_site + cfg->n_peer + cfg->n_announce, 0);
		assert_true(json_is_object(json_object_get(again, "causeway:connector")));
		json_decref(again);
		cfg_free(cfg);
	}
}

static void a_tunnel_overrules_its_profile(void **state)
{
	static const char *const more[][2] = { { "site/0/tunnel/0",
	    "{\"name\":\"t1\",\"remote-address\":[\"192.0.2.2\",\"198.51.100.7\"],\"secret-file\":\"/"
	    "x\",\"admin\":\"down\",\"start\":\"manual\","
	    "\"role\":\"respond\",\"data-plane\":\"user\",\"interface\":\"vpn0\",\"local-id\":\"gw.example."
	    "net\",\"remote-id\":\"192.0.2.2\","
	    "\"ike-proposal\":[\"aes128-sha256-ecp256\"],\"esp-proposal\":[\"aes128gcm16\",\"aes256gcm16\"],"
	    "\"ike-lifetime\":3600,"
	    "\"esp-lifetime\":1800,\"esp-lifekbytes\":0,\"liveness-interval\":5,\"liveness-timeout\":6,"
	    "\"force-encapsulation\":false,\"mobike\":true,\"ike-fragmentation\":\"accept\",\"ike-fragment-"
	    "size\":600,"
	    "\"dscp\":\"zero\",\"ecn\":false,\"df\":\"clear\","
	    "\"mtu\":1300,\"static-route\":[{\"prefix\":\"10.9.0.0/16\"},{\"prefix\":\"2001:db8::/"
	    "32\",\"metric\":7}],"
	    "\"inside-address\":[\"169.254.21.2/"
	    "30\"],\"bgp\":{\"local-address\":\"10.0.0.10\",\"peer-address\":\"169.254.21.1\","
	    "\"mode\":\"active\",\"hold-time\":30,\"max-prefixes\":5,\"accept-default\":true,"
	    "\"password-file\":\"bgp.key\",\"ttl-security\":1,\"extended-messages\":true,"
	    "\"send-hold-time\":600,\"graceful-restart\":{\"mode\":\"full\",\"restart-time\":60,\"stale-"
	    "time\":90},\"damping\":{\"enabled\":true,\"half-life\":600,\"suppress\":7000}}}" } };
	char *text = changed(more, 1);
	struct cfg *cfg = load(text);
	const struct cfg_tunnel *t = &cfg->site[0].tunnel[0];

	(void)state;
	assert_true(t->own_proposals);
	assert_false(t->admin_up);
	assert_int_equal(t->start, CFG_START_MANUAL);
	assert_int_equal(t->role, CFG_ROLE_RESPOND);
	assert_int_equal(t->data_plane, CFG_PLANE_USER);
	assert_string_equal(t->interface, "vpn0");
	assert_true(addr_is_none(&t->local));
	assert_int_equal(t->n_remote, 2);
	assert_string_equal(t->local_id, "gw.example.net");
	assert_string_equal(t->remote_id, "192.0.2.2");
	assert_int_equal(t->ike_proposals.n, 1);
	assert_int_equal(t->esp_proposals.n, 2);
	assert_int_equal(mdur_to_s(t->ike_lifetime), 3600);
	assert_int_equal(mdur_to_s(t->esp_lifetime), 1800);
	assert_int_equal(t->esp_lifekbytes, 0);
	assert_int_equal(mdur_to_s(t->liveness_interval), 5);
	assert_int_equal(mdur_to_s(t->liveness_timeout), 6);
	assert_false(t->force_encap);
	assert_true(t->mobike);
	assert_int_equal(t->fragmentation, CFG_FRAGMENTATION_ACCEPT);
	assert_int_equal(t->fragment_size, 600);
	assert_int_equal(t->df, CFG_DF_CLEAR);
	assert_true(t->dscp_zero && t->ignore_ecn);
	assert_int_equal(t->mtu, 1300);
	assert_int_equal(t->mss, 1260); /* follows the MTU down */
	assert_int_equal(t->n_static_route, 2);
	assert_int_equal(t->static_route[0].metric, 100);
	assert_int_equal(t->static_route[1].metric, 7);
	assert_string_equal(prefix_str(&t->inside[0]), "169.254.21.2/30");
	assert_int_equal(t->bgp.peer_as, 65515); /* the profile's */
	assert_int_equal(t->bgp.mode, CFG_BGP_ACTIVE);
	assert_int_equal(mdur_to_s(t->bgp.hold_time), 30);
	assert_int_equal(mdur_to_s(t->bgp.keepalive), 10);
	assert_int_equal(t->bgp.max_prefixes, 5);
	assert_true(t->bgp.accept_default);
	assert_true(t->bgp.session.extended_messages && t->bgp.session.ttl_security == 1);
	assert_true(t->bgp.session.damping.enabled && t->bgp.session.damping.suppress == 7000);
	assert_int_equal(mdur_to_s(t->bgp.session.damping.half_life), 600);
	assert_int_equal(mdur_to_s(t->bgp.session.damping.max_suppress), 3600);
	assert_int_equal(t->bgp.session.damping.reuse, 750);
	assert_true(t->bgp.session.restart == CFG_RESTART_FULL && mdur_to_s(t->bgp.session.send_hold) == 600);
	assert_int_equal(mdur_to_s(t->bgp.session.stale_time), 90);
	assert_int_equal(cfg->n_note, 1); /* the BGP address is no inside address */
	assert_string_equal(cfg->note[0].id, "config-inside-address-differs");
	cfg_free(cfg);
	free(text);
}

/* Who may come in by certificate is said when it is anyone. */
static void any_peer_by_certificate_is_noted(void **state)
{
	static const char files[] = "{\"chain-file\":\"c\",\"key-file\":\"k\",\"trust-anchor-file\":\"a\"}";
	static const struct {
		const char *const changes[3][2];
		bool noted;
	} cases[] = {
		{ { { T1 "certificate", files } }, true },
		{ { { T1 "certificate", files }, { T1 "remote-id", "\"gw.example.net\"" } }, false },
		{ { { T1 "certificate", files }, { T1 "remote-auth", "\"psk\"" } }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = changed(cases[i].changes, 3);
		struct cfg *cfg = load(text);

		assert_int_equal(cfg->n_note, cases[i].noted);
		if (cases[i].noted)
			assert_string_equal(cfg->note[0].id, "certificate-any-peer");
		cfg_free(cfg);
		free(text);
	}
}

/* Weak algorithms: both the profile and the tunnel must say so. */
static void weak_algorithms_need_two_words(void **state)
{
	static const struct {
		const char *profile, *allow, *ike, *esp;
		const char *refused; /* NULL: it loads, and weak says what is noted */
		const char *weak;
	} cases[] = {
		{ "azure-vpngw", NULL, NULL, NULL, NULL, NULL },
		{ "azure-vpngw", "true", NULL, NULL, NULL, NULL },
		{ "azure-vpngw", NULL, "aes256-sha1-modp2048", NULL,
		    "ike-proposal: aes256-sha1-modp2048: sha1 is weak; write sha256", NULL },
		{ "azure-vpngw", "true", "aes256-sha1-modp2048", NULL, "profile azure-vpngw-legacy", NULL },
		{ "azure-vpngw", "false", "aes256-sha256-modp1024", NULL, "modp1024 is weak; write modp2048",
		    NULL },
		{ "azure-vpngw", NULL, NULL, "aes256-sha1", "esp-proposal: aes256-sha1: sha1 is weak", NULL },
		{ "azure-vpngw", NULL, NULL, "aes256gcm16-modp768", "no profile here admits it", NULL },
		{ "azure-vpngw-legacy", NULL, NULL, NULL, "\"allow-weak\": true", NULL },
		{ "azure-vpngw-legacy", "false", NULL, NULL,
		    "of profile azure-vpngw-legacy has the weak modp1024", NULL },
		{ "azure-vpngw-legacy", "false", "aes256-sha256-modp2048", NULL, "esp-proposal of profile",
		    NULL },
		{ "azure-vpngw-legacy", "false", "aes256-sha256-modp2048", "aes256gcm16", NULL, NULL },
		{ "azure-vpngw-legacy", "true", "aes256-sha256-modp2048", "aes256gcm16", NULL, NULL },
		{ "azure-vpngw-legacy", "true", NULL, NULL, NULL, "modp1024, sha1, 3des" },
		{ "azure-vpngw-legacy", "true", "3des-sha1-modp1024", "aes256gcm16", NULL,
		    "3des, sha1, modp1024" },
		{ "azure-vpngw-legacy", "true", "aes256-md5-modp1024", NULL, "no profile here admits it",
		    NULL },
		{ "generic-ikev2", "true", "aes256-md5-modp768", NULL, "profile generic-ikev2-legacy", NULL },
		{ "generic-ikev2-legacy", "true", "aes256-md5-modp768", "3des-md5", NULL,
		    "md5, modp768, 3des" },
		{ "generic-ikev2-legacy", "true", "des-md5-modp768", NULL, "DES falls", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *root = json_loads(smallest, 0, NULL);
		char value[80], *text;
		struct reason why = { 0 };
		struct cfg *cfg;

		snprintf(value, sizeof(value), "\"%s\"", cases[i].profile);
		change(root, SITE "profile", value);
		if (cases[i].allow)
			change(root, SITE "tunnel/0/allow-weak", cases[i].allow);
		snprintf(value, sizeof(value), "[\"%s\"]", cases[i].ike ? cases[i].ike : "");
		if (cases[i].ike)
			change(root, SITE "tunnel/0/ike-proposal", value);
		snprintf(value, sizeof(value), "[\"%s\"]", cases[i].esp ? cases[i].esp : "");
		if (cases[i].esp)
			change(root, SITE "tunnel/0/esp-proposal", value);
		text = json_dumps(root, 0);
		cfg = cfg_load_text(context, text, "test.json", false, &why);
		if (!cfg != !!cases[i].refused)
			fail_msg("row %zu: %s %s", i, why.id, why.text);
		if (!cfg) {
			assert_string_equal(
			    why.id, strstr(why.text, "DES") ? "config-wrong-value" : "config-weak-algorithm");
			if (!strstr(why.text, cases[i].refused))
				fail_msg("row %zu: %s", i, why.text);
		} else {
			assert_int_equal(cfg->n_note, cases[i].weak ? 1 : 0);
			assert_int_equal(cfg->site[0].tunnel[0].n_weak > 0, cases[i].weak != NULL);
			if (cases[i].weak && (strcmp(cfg->note[0].id, "config-weak-allowed") != 0 ||
			                         !strstr(cfg->note[0].text, cases[i].weak)))
				fail_msg("row %zu: %s", i, cfg->note[0].text);
		}
		cfg_free(cfg);
		free(text);
		json_decref(root);
	}
}

static void lan_peers_and_references_load(void **state)
{
	static const char *const more[][2] = {
		{ "peer", "[" LAN("r1", ",\"transit\":true,\"mode\":\"passive\"") "]" },
		{ SITE "announce-from", "[\"r1\"]" }, { SITE "tunnel/1", T2("") }
	};
	char *text = changed(more, 3);
	struct cfg *cfg = load(text);
	const struct cfg_site *s = cfg_find_site(cfg, "azure-hq");

	(void)state;
	assert_non_null(cfg_find_peer(cfg, "r1"));
	assert_true(cfg->peer[0].transit);
	assert_int_equal(cfg->peer[0].bgp.mode, CFG_BGP_PASSIVE);
	assert_int_equal(mdur_to_s(cfg->peer[0].bgp.hold_time), 90);
	assert_non_null(s);
	assert_int_equal(s->n_announce_from, 1);
	assert_string_equal(s->announce_from[0], "r1");
	assert_non_null(cfg_find_tunnel(s, "t2"));
	assert_false(cfg_find_tunnel(s, "t2")->have_bgp);
	assert_null(cfg_find_tunnel(s, "t3"));
	assert_null(cfg_find_site(cfg, "x"));
	assert_null(cfg_find_peer(cfg, "x"));
	cfg_free(cfg);
	free(text);
}

static void lists_have_limits(void **state)
{
	static const char *const five[][2] = { { SITE "tunnel",
	    "[{\"name\":\"a\",\"remote-address\":[\"192.0.2.2\"],\"secret-file\":\"x\"},{\"name\":\"b\","
	    "\"remote-address\":[\"192.0.2.3\"],\"secret-file\":\"x\"},"
	    "{\"name\":\"c\",\"remote-address\":[\"192.0.2.4\"],\"secret-file\":\"x\"},{\"name\":\"d\","
	    "\"remote-address\":[\"192.0.2.5\"],\"secret-file\":\"x\"},"
	    "{\"name\":\"e\",\"remote-address\":[\"192.0.2.6\"],\"secret-file\":\"x\"}]" } };
	char *text = changed(five, 1);
	json_t *root = json_loads(smallest, 0, NULL);
	json_t *announce = json_object_get(json_object_get(root, "causeway:connector"), "announce");
	struct reason why;

	(void)state;
	assert_null(cfg_load_text(context, text, "test.json", false, &why));
	assert_string_equal(why.id, "config-count");
	free(text);
	for (unsigned i = 1; i <= 4000; i++) { /* one more than Azure bears */
		struct prefix p = { addr_v4(0x0b000000 + i * 256), 24 };

		json_array_append_new(announce, json_string(prefix_str(&p)));
	}
	text = json_dumps(root, 0);
	assert_null(cfg_load_text(context, text, "test.json", false, &why));
	assert_string_equal(why.id, "config-too-many-prefixes");
	free(text);
	json_decref(root);
}

static enum cfg_change compare_after(const char *path, const char *json)
{
	const char *const one[][2] = { { path, json } };
	char *text = changed(one, 1);
	struct cfg *a = load(smallest), *b = load(text);
	enum cfg_change c = cfg_tunnel_compare(&a->site[0].tunnel[0], &b->site[0].tunnel[0]);

	assert_int_equal(c, cfg_tunnel_compare(&b->site[0].tunnel[0], &a->site[0].tunnel[0]));
	cfg_free(a);
	cfg_free(b);
	free(text);
	return c;
}

static void changes_are_told_apart(void **state)
{
	static const struct {
		const char *path, *json;
		enum cfg_change change;
	} cases[] = {
		{ "announce/1", "\"10.8.0.0/16\"", CFG_SAME },
		{ T1 "role", "\"both\"", CFG_SAME }, /* what the profile says */
		{ T1 "admin", "\"down\"", CFG_LIGHT },
		{ T1 "start", "\"manual\"", CFG_LIGHT },
		{ T1 "esp-lifetime", "7200", CFG_LIGHT },
		{ T1 "liveness-interval", "3", CFG_LIGHT },
		{ T1 "bgp", NULL, CFG_LIGHT },
		{ T1 "bgp/mode", "\"active\"", CFG_LIGHT },
		{ T1 "bgp/peer-address", "\"10.100.255.253\"", CFG_LIGHT },
		{ T1 "static-route", "[{\"prefix\":\"10.9.0.0/16\"}]", CFG_LIGHT },
		{ T1 "role", "\"initiate\"", CFG_RESTART },
		{ T1 "interface", "\"vpn0\"", CFG_RESTART },
		{ T1 "local-address", "\"192.0.2.9\"", CFG_RESTART },
		{ T1 "local-address", NULL, CFG_RESTART },
		{ T1 "remote-address/0", "\"192.0.2.9\"", CFG_RESTART },
		{ T1 "remote-address/1", "\"192.0.2.9\"", CFG_RESTART },
		{ T1 "local-id", "\"gw.example.net\"", CFG_RESTART },
		{ T1 "inside-address/0", "\"10.0.0.10/31\"", CFG_RESTART },
		{ T1 "ike-proposal", "[\"aes256-sha256-modp2048\"]", CFG_RESTART },
		{ T1 "force-encapsulation", "false", CFG_RESTART },
		{ T1 "mobike", "true", CFG_RESTART },
		{ T1 "ike-fragmentation", "\"no\"", CFG_RESTART },
		{ T1 "ike-fragment-size", "600", CFG_RESTART },
		{ T1 "dscp", "\"zero\"", CFG_RESTART },
		{ T1 "ecn", "false", CFG_RESTART },
		{ T1 "ecn", "true", CFG_SAME },
		{ T1 "df", "\"set\"", CFG_RESTART },
		{ T1 "mtu-probe", "true", CFG_SAME },
		{ T1 "mtu-probe", "false", CFG_LIGHT },
		{ T1 "mtu", "1399", CFG_RESTART },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (compare_after(cases[i].path, cases[i].json) != cases[i].change)
			fail_msg("%s = %s", cases[i].path, cases[i].json ? cases[i].json : "(removed)");
}

static void a_missing_model_is_named(void **state)
{
	struct reason why;

	(void)state;
	assert_null(cfg_context_new(dir, NULL, &why));
	assert_string_equal(why.id, "yang-not-loaded");
	assert_non_null(strstr(why.text, dir));
	assert_null(cfg_context_new(CW_SOURCE_DIR "/connector/mgmt/yang", dir, &why));
	assert_string_equal(why.id, "profile-not-readable");
	assert_int_equal(profiles_count(cfg_context_profiles(context)), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_configuration_loads),
		cmocka_unit_test(an_empty_connector_loads),
		cmocka_unit_test(a_tunnel_overrules_its_profile),
		cmocka_unit_test(any_peer_by_certificate_is_noted),
		cmocka_unit_test(weak_algorithms_need_two_words),
		cmocka_unit_test(lan_peers_and_references_load),
		cmocka_unit_test(each_mistake_is_named),
		cmocka_unit_test(a_cut_value_is_still_text),
		cmocka_unit_test(broken_text_is_named),
		cmocka_unit_test(lists_have_limits),
		cmocka_unit_test(changes_are_told_apart),
		cmocka_unit_test(a_missing_model_is_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
