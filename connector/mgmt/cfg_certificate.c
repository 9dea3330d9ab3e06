/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tunnel's `certificate`: its files are read here, once a load, and become credentials
 * (base/credentials.h), which say what is wrong with them. The key's file must be its owner's alone, as a
 * pre-shared key's; certificates, anchors and CRLs are no secrets. A certificate that has expired or soon
 * will is a note, not a refusal: one tunnel's negligence must not keep all others from starting.
 */
#include "connector/mgmt/cfg_internal.h"

#include "ike/ike.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PEM_MAX   (1 << 20)
#define WARN_DAYS 30
#define DAY       86400

static int64_t wall(void *ctx)
{
	(void)ctx;
	return (int64_t)time(NULL);
}

const struct credentials_world cfg_default_world = { .wall = wall };

void cfg_context_set_world(struct cfg_context *c, const struct credentials_world *world)
{
	c->world = world;
}

/* The whole file, to be cleansed and freed by its owner. */
static int read_whole(const struct cfg_load *l, const char *path, const char *file, bool is_key, size_t max,
    struct secret *ret_data)
{
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc = -1;
	size_t n = 0;

	if (fd < 0)
		return cfg_fail(l,
		    errno == ENOENT ? "certificate-file-missing" : "certificate-file-not-readable", path,
		    file, "%s; the daemon's user must be able to read it", strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		cfg_fail(l, "certificate-file-not-readable", path, file,
		    "this is no regular file; name a PEM file");
	else if (is_key && (st.st_mode & 077))
		cfg_fail(l, "certificate-key-permissions", path, file,
		    "others may read or change this private key (mode %04o); only its owner may: chmod 600 "
		    "%s",
		    (unsigned)st.st_mode & 07777, file);
	else if (!st.st_size || (size_t)st.st_size > max)
		cfg_fail(l, "certificate-file-not-readable", path, file,
		    st.st_size ? "larger than %zu bytes; is this the right file?" : "the file is empty%.0zu",
		    max);
	else if (secret_set(ret_data, NULL, (size_t)st.st_size))
		cfg_fail(l, "out-of-memory", path, NULL, "out of memory");
	else
		rc = 0;
	while (!rc && n < ret_data->len) {
		ssize_t got = read(fd, ret_data->data + n, ret_data->len - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			rc = cfg_fail(l, "certificate-file-not-readable", path, file, "%s",
			    got ? strerror(errno) : "it changed while it was read; try again");
		else
			n += (size_t)got;
	}
	close(fd);
	return rc;
}

/* The file that this node names. */
static int read_node(const struct cfg_load *l, const struct lyd_node *n, bool is_key, size_t max,
    char *ret_file, size_t cap, struct secret *ret_data)
{
	char path[CFG_PATH_MAX];

	if (!lyd_path(n, LYD_PATH_STD, path, sizeof(path)))
		return cfg_fail_at(l, "out-of-memory", n, "out of memory");
	if (cfg_resolve_file(l, path, lyd_get_value(n), ret_file, cap))
		return -1;
	return read_whole(l, path, ret_file, is_key, max, ret_data);
}

struct files {
	char chain[4096], key[4096], anchors[4096], crl[CREDENTIALS_CRL_FILES_MAX][4096];
	struct secret chain_data, key_data, anchors_data, crl_data[CREDENTIALS_CRL_FILES_MAX];
	unsigned n_crl;
};

static void files_free(struct files *f)
{
	if (!f)
		return;
	secret_clear(&f->chain_data);
	secret_clear(&f->key_data);
	secret_clear(&f->anchors_data);
	for (unsigned i = 0; i < f->n_crl; i++)
		secret_clear(&f->crl_data[i]);
	free(f);
}

static int read_files(const struct cfg_load *l, const struct lyd_node *node, struct files *f)
{
	const struct lyd_node *chain = cfg_child(node, "chain-file"), *key = cfg_child(node, "key-file"),
	                      *anchors = cfg_child(node, "trust-anchor-file");

	if (chain && read_node(l, chain, false, PEM_MAX, f->chain, sizeof(f->chain), &f->chain_data))
		return -1;
	if (key && read_node(l, key, true, PEM_MAX, f->key, sizeof(f->key), &f->key_data))
		return -1;
	if (anchors &&
	    read_node(l, anchors, false, PEM_MAX, f->anchors, sizeof(f->anchors), &f->anchors_data))
		return -1;
	for (const struct lyd_node *n = cfg_child(node, "crl-file"); n; n = cfg_next(node, "crl-file", n)) {
		unsigned i = f->n_crl++; /* the model allows no more than there is room for */

		if (read_node(l, n, false, CERT_CRL_MAX, f->crl[i], sizeof(f->crl[i]), &f->crl_data[i]))
			return -1;
	}
	return 0;
}

static struct credentials_file file_of(const char *name, const struct secret *data)
{
	return (struct credentials_file){ name, data->data, data->len };
}

static struct credentials *make(const struct cfg_load *l, const struct lyd_node *node, const struct files *f,
    bool legacy, struct reason *ret_reason)
{
	const char *revocation = cfg_value(node, "revocation");
	struct credentials_source s = { .chain = file_of(f->chain, &f->chain_data),
		.key = file_of(f->key, &f->key_data),
		.anchors = file_of(f->anchors, &f->anchors_data),
		.n_crl = f->n_crl,
		.legacy = legacy,
		.world = l->c->world };

	for (unsigned i = 0; i < f->n_crl; i++)
		s.crl[i] = file_of(f->crl[i], &f->crl_data[i]);
	s.revocation = revocation && !strcmp(revocation, "strict") ? CREDENTIALS_STRICT
	               : revocation && !strcmp(revocation, "off")  ? CREDENTIALS_OFF
	                                                           : CREDENTIALS_RELAXED;
	return credentials_new(&s, ret_reason);
}

static int note_validity(const struct cfg_load *l, const struct lyd_node *node, const struct credentials *c)
{
	int64_t now = credentials_now(c);
	char path[CFG_PATH_MAX], date[40];
	struct cert *const *chain;
	struct cert_info info;
	struct reason why = { 0 };
	unsigned n;

	chain = credentials_chain(c, &n);
	if (!n || cert_info(chain[0], &info))
		return 0;
	if (!lyd_path(node, LYD_PATH_STD, path, sizeof(path)))
		return cfg_fail_at(l, "out-of-memory", node, "out of memory");
	if (credentials_check_own(c, now, &why))
		return cfg_note(l, why.id, path, "%s", why.text);
	if (info.not_after - now >= WARN_DAYS * DAY)
		return 0;
	return cfg_note(l, "certificate-expires-soon", path,
	    "our certificate \"%s\" expires on %s. Renew it, put it into the same file, and reload (SIGHUP).",
	    info.subject, cert_time_str(info.not_after, date, sizeof(date)));
}

/* local-id must be a name of our certificate, or every peer refuses it. */
static int check_name(const struct cfg_load *l, const struct lyd_node *tunnel, const struct cfg_tunnel *t)
{
	struct ike_identity id;
	struct cert *const *chain;
	struct cert_info info;
	unsigned n;

	chain = credentials_chain(t->credentials, &n);
	if (t->local_auth != CFG_AUTH_CERT || !t->local_id[0] || !n || ike_identity_parse(t->local_id, &id) ||
	    ike_identity_in_cert(&id, chain[0]) || cert_info(chain[0], &info))
		return 0;
	return cfg_fail_at(l, "certificate-wrong-name", cfg_child(tunnel, "local-id"),
	    "this is not a name of our certificate \"%s\", neither its subject nor a subjectAltName; leave "
	    "it out (the "
	    "subject is taken then), or write a name of the certificate",
	    info.subject);
}

/* What the methods of both sides need must be configured. */
static int check_leaves(const struct cfg_load *l, const struct lyd_node *tunnel, const struct lyd_node *node,
    const struct cfg_tunnel *t)
{
	/* In EAP-TLS both sides show a certificate. */
	bool tls = t->local_auth == CFG_AUTH_EAP_TLS || t->remote_auth == CFG_AUTH_EAP_TLS;
	bool own = tls || t->local_auth == CFG_AUTH_CERT, peers = tls || t->remote_auth == CFG_AUTH_CERT;

	if (!own && !peers)
		return 0;
	if (!node)
		return cfg_fail_at(l, "config-missing-leaf", tunnel,
		    "local-auth or remote-auth is \"%s\", but there is no \"certificate\"; add it",
		    tls ? "eap-tls" : "certificate");
	if (own && !(cfg_child(node, "chain-file") && cfg_child(node, "key-file")))
		return cfg_fail_at(l, "config-missing-leaf", node,
		    "we prove ourselves by certificate: \"chain-file\" and \"key-file\" are needed");
	if (peers && !cfg_child(node, "trust-anchor-file"))
		return cfg_fail_at(l, "config-missing-leaf", node,
		    "the peer proves itself by certificate: \"trust-anchor-file\" is needed");
	return 0;
}

/* Whom the anchors vouch for is whom the tunnel is for: with a CA that issues to others, too, that is anyone.
 */
static int note_any_peer(const struct cfg_load *l, const struct lyd_node *node, const struct cfg_tunnel *t)
{
	char path[CFG_PATH_MAX];

	if (t->remote_auth != CFG_AUTH_CERT || t->remote_id[0])
		return 0;
	if (!lyd_path(node, LYD_PATH_STD, path, sizeof(path)))
		return cfg_fail_at(l, "out-of-memory", node, "out of memory");
	return cfg_note(l, "certificate-any-peer", path,
	    "there is no remote-id: every certificate that trust-anchor-file vouches for may be this peer. "
	    "Set "
	    "remote-id to the name in the peer's certificate, unless its issuer has no other customers");
}

int cfg_take_certificate(const struct cfg_load *l, const struct lyd_node *tunnel, struct cfg_tunnel *t)
{
	const struct lyd_node *node = cfg_child(tunnel, "certificate");
	struct reason why = { 0 };
	struct files *f;
	int rc = 0;

	if (check_leaves(l, tunnel, node, t))
		return -1;
	if (!node)
		return 0;
	if (note_any_peer(l, node, t))
		return -1;
	if (!l->with_secrets)
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f)
		return cfg_fail_at(l, "out-of-memory", node, "out of memory");
	rc = read_files(l, node, f);
	if (!rc) {
		t->credentials = make(l, node, f, cfg_weak_has(t, "sha1"), &why);
		if (!t->credentials)
			rc = cfg_fail_at(l, why.id, node, "%s", why.text);
	}
	files_free(f);
	if (rc)
		return -1;
	return note_validity(l, node, t->credentials) || check_name(l, tunnel, t) ? -1 : 0;
}
