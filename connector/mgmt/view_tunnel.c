/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels and their sites as JSON: `status`, `tunnel list|show`. */
#include "connector/mgmt/view_build.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *port(const struct endpoint *e)
{
	return addr_is_none(&e->addr) ? json_null() : number(e->port);
}

static json_t *hex(uint64_t spi, int digits)
{
	char buf[20];

	snprintf(buf, sizeof(buf), "%0*" PRIx64, digits, spi);
	return json_string(buf);
}

static json_t *weak_algorithms(const struct view_weak *v)
{
	json_t *list = json_array();
	bool bad = !list;

	for (unsigned i = 0; i < v->n; i++)
		add(list, json_string(v->name[i]), &bad);
	return array_end(list, bad);
}

static json_t *tunnel_status(const struct view_tunnel_status *v)
{
	struct obj b = obj_new();

	put(&b, "name", view_text(v->name));
	put(&b, "admin", json_string(v->admin_up ? "up" : "down"));
	put(&b, "step", view_text(v->step));
	put(&b, "since", view_instant(v->since));
	put(&b, "error", why(&v->error));
	put(&b, "next", why(&v->next));
	put(&b, "weak-algorithm", weak_algorithms(&v->weak));
	return obj_end(&b);
}

static json_t *site_status(const struct view_site_status *v)
{
	struct obj b = obj_new();
	json_t *tunnels = json_array();
	bool bad = !tunnels;

	for (size_t i = 0; i < v->n_tunnel; i++)
		add(tunnels, tunnel_status(&v->tunnel[i]), &bad);
	put(&b, "name", view_text(v->name));
	put(&b, "profile", view_text(v->profile));
	put(&b, "state", view_text(v->state));
	put(&b, "tunnel", array_end(tunnels, bad));
	return obj_end(&b);
}

json_t *view_status_json(const struct view_status *v)
{
	struct obj b = obj_new(), fib = obj_new();
	json_t *sites = json_array();
	bool bad = !sites;

	for (size_t i = 0; i < v->n_site; i++)
		add(sites, site_status(&v->site[i]), &bad);
	put(&fib, "in-sync", json_boolean(v->fib_in_sync));
	put(&fib, "routes", number(v->fib_routes));
	put(&b, "schema", json_string("causeway/status/1"));
	put(&b, "version", view_text_or_null(v->version));
	put(&b, "uptime", number(v->uptime));
	put(&b, "fib", obj_end(&fib));
	put(&b, "site", array_end(sites, bad));
	return obj_end(&b);
}

static json_t *ike(const struct view_tunnel *v)
{
	struct obj b;

	if (!v->have_ike)
		return json_null();
	b = obj_new();
	put(&b, "spi-i", hex(v->spi_i, 16));
	put(&b, "spi-r", hex(v->spi_r, 16));
	put(&b, "proposal", view_text(v->ike_proposal));
	put(&b, "age", number(v->ike_age));
	put(&b, "rekeys", number(v->ike_rekeys));
	put(&b, "initiator", json_boolean(v->initiator));
	return obj_end(&b);
}

static json_t *child(const struct view_child *v)
{
	struct obj b = obj_new();

	put(&b, "spi-in", hex(v->spi_in, 8));
	put(&b, "spi-out", hex(v->spi_out, 8));
	put(&b, "proposal", view_text(v->proposal));
	put(&b, "age", number(v->age));
	put(&b, "bytes-in", number(v->bytes_in));
	put(&b, "bytes-out", number(v->bytes_out));
	put(&b, "packets-in", number(v->packets_in));
	put(&b, "packets-out", number(v->packets_out));
	return obj_end(&b);
}

static json_t *children(const struct view_tunnel *v)
{
	json_t *list = json_array();
	bool bad = !list;

	for (unsigned i = 0; i < v->n_child; i++)
		add(list, child(&v->child[i]), &bad);
	return array_end(list, bad);
}

static json_t *rekey(const struct view_rekey *v)
{
	static const char *const names[2][4] = { { "old-spi-in", "old-spi-out", "new-spi-in", "new-spi-out" },
		{ "old-spi-i", "old-spi-r", "new-spi-i", "new-spi-r" } };
	const char *const *name = names[v->ike];
	unsigned digits = v->ike ? 16 : 8;
	bool measured = v->done && !v->ike;
	struct obj b = obj_new();

	put(&b, "when", view_instant(v->when));
	put(&b, "kind", json_string(v->ike ? "ike" : "child"));
	put(&b, "by", json_string(v->by_us ? "us" : "peer"));
	put(&b, "reason", json_string(v->why));
	put(&b, "collision", json_boolean(v->collided));
	put(&b, name[0], hex(v->old_spi[0], digits));
	put(&b, name[1], hex(v->old_spi[1], digits));
	put(&b, name[2], hex(v->new_spi[0], digits));
	put(&b, name[3], hex(v->new_spi[1], digits));
	put(&b, "old-packets-in", measured ? number(v->old_in) : json_null());
	put(&b, "old-packets-out", measured ? number(v->old_out) : json_null());
	put(&b, "new-packets-in", measured ? number(v->new_in) : json_null());
	put(&b, "new-packets-out", measured ? number(v->new_out) : json_null());
	put(&b, "longest-gap-ms", measured && v->gap_ms ? number(v->gap_ms) : json_null());
	put(&b, "drained-ms", measured ? number(v->drained_ms) : json_null());
	return obj_end(&b);
}

static json_t *rekeys(const struct view_tunnel *v)
{
	json_t *list = json_array();
	bool bad = !list;

	for (unsigned i = 0; i < v->n_rekey; i++)
		add(list, rekey(&v->rekey[i]), &bad);
	return array_end(list, bad);
}

static json_t *drops(const struct view_tunnel *v)
{
	json_t *list = json_array();
	bool bad = !list;

	for (unsigned i = 0; i < v->n_drop; i++) {
		struct obj b = obj_new();

		put(&b, "name", view_text(v->drop[i].name));
		put(&b, "count", number(v->drop[i].count));
		add(list, obj_end(&b), &bad);
	}
	return array_end(list, bad);
}

static json_t *certificate(const struct view_certificate *v)
{
	struct obj b;

	if (!v->subject[0])
		return json_null();
	b = obj_new();
	put(&b, "subject", view_text(v->subject));
	put(&b, "issuer", view_text(v->issuer));
	put(&b, "serial", view_text(v->serial));
	put(&b, "sha256", view_text(v->sha256));
	put(&b, "key", view_text(v->key));
	put(&b, "not-after", view_instant(v->not_after));
	return obj_end(&b);
}

static json_t *inside(const struct view_tunnel *v)
{
	json_t *list = json_array();
	bool bad = !list;

	for (unsigned i = 0; i < v->n_inside; i++)
		add(list, json_string(prefix_str(&v->inside[i])), &bad);
	return array_end(list, bad);
}

json_t *view_tunnel_json(const struct view_tunnel *v)
{
	struct obj b = obj_new();

	put(&b, "site", view_text(v->site));
	put(&b, "name", view_text(v->name));
	put(&b, "step", view_text(v->step));
	put(&b, "admin", json_string(v->admin_up ? "up" : "down"));
	put(&b, "since", view_instant(v->since));
	put(&b, "error", why(&v->error));
	put(&b, "next", why(&v->next));
	put(&b, "local", address(&v->local.addr));
	put(&b, "local-port", port(&v->local));
	put(&b, "remote", address(&v->remote.addr));
	put(&b, "remote-port", port(&v->remote));
	put(&b, "interface", view_text_or_null(v->interface));
	put(&b, "data-plane", view_text(v->data_plane));
	put(&b, "data-plane-note", why(&v->data_plane_note));
	put(&b, "weak-algorithm", weak_algorithms(&v->weak));
	put(&b, "refused-attempts", number(v->refused));
	put(&b, "refused-last", why(&v->refused_last));
	put(&b, "nat", view_text(v->nat));
	put(&b, "encapsulated", json_boolean(v->encapsulated));
	put(&b, "mobike", view_text_or_null(v->mobike));
	put(&b, "ppk", view_text_or_null(v->ppk));
	put(&b, "moves", number(v->moves));
	put(&b, "moved", v->moved ? view_instant(v->moved) : json_null());
	put(&b, "mtu", number(v->mtu));
	put(&b, "mtu-outer", v->mtu_outer ? number(v->mtu_outer) : json_null());
	put(&b, "mtu-possible", v->mtu_possible ? number(v->mtu_possible) : json_null());
	put(&b, "mtu-probe", view_text_or_null(v->mtu_probe));
	put(&b, "mtu-probed", v->mtu_probed ? number(v->mtu_probed) : json_null());
	put(&b, "mtu-tried", v->mtu_tried ? number(v->mtu_tried) : json_null());
	put(&b, "mss", number(v->mss));
	put(&b, "mss-clamped", json_boolean(v->mss_clamped));
	put(&b, "mss-error", why(&v->mss_error));
	put(&b, "local-id", view_text_or_null(v->local_id));
	put(&b, "remote-id", view_text_or_null(v->remote_id));
	put(&b, "certificate", certificate(&v->certificate));
	put(&b, "inside-address", inside(v));
	put(&b, "ts-narrowed", json_boolean(v->ts_narrowed));
	put(&b, "ts-local", view_text_or_null(v->ts_local));
	put(&b, "ts-remote", view_text_or_null(v->ts_remote));
	put(&b, "ike", ike(v));
	put(&b, "child", children(v));
	put(&b, "child-rekeys", number(v->child_rekeys));
	put(&b, "rekey-record", rekeys(v));
	put(&b, "drop", drops(v));
	return obj_end(&b);
}
