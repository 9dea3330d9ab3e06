/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials from the bytes of files. What can't work is refused here, once, with the file and the
 * certificate in the reason; whether our certificate is good today is asked each time it is used, since years
 * may lie between.
 */
#include "base/credentials.h"

#include "base/crypto.h"
#include "base/revocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct credentials {
	unsigned refs; /* atomic */
	struct cert *chain[CERT_CHAIN_MAX];
	unsigned n_chain;
	struct sig_key *key;
	struct cert **anchors;
	unsigned n_anchors;
	struct cert_store *store;
	enum credentials_revocation revocation;
	bool legacy, have_crls;
	const struct credentials_world *world;
	uint8_t digest[CRYPTO_MAX_HASH]; /* of all that it was made from */
	uint8_t trust[CRYPTO_MAX_HASH];  /* of what it trusts */
};

struct credentials *credentials_ref(const struct credentials *c)
{
	struct credentials *shared = (struct credentials *)c;

	if (shared)
		__atomic_add_fetch(&shared->refs, 1, __ATOMIC_RELAXED);
	return shared;
}

void credentials_unref(struct credentials *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	cert_unref_all(c->chain, c->n_chain);
	sig_key_unref(c->key);
	cert_unref_all(c->anchors, c->n_anchors);
	free(c->anchors);
	cert_store_free(c->store);
	cleanse(c, sizeof(*c));
	free(c);
}

static int check_strength(const struct sig_key *k, const char *name, bool legacy, struct reason *why)
{
	if (sig_key_kind(k) != SIG_KEY_RSA || sig_key_bits(k) >= 2048 || (legacy && sig_key_bits(k) >= 1024))
		return 0;
	return reason_set(why, "certificate-weak",
	    "%s: its RSA key has %u bits only. Issue a certificate with 2048 bits or more, or with an ECDSA "
	    "key.",
	    name, sig_key_bits(k));
}

/* Which certificate of the chain has our key? */
static int match_key(const struct credentials *c, const struct credentials_source *s, struct reason *why)
{
	struct cert_info info = { 0 };

	for (unsigned i = 0; i < c->n_chain; i++) {
		struct sig_key *k = cert_key(c->chain[i]);
		bool same = k && sig_key_same(k, c->key);

		sig_key_unref(k);
		if (same && !i)
			return 0;
		if (same)
			return reason_set(why, "certificate-key-mismatch",
			    "%s: the key of %s belongs to its certificate %u. Put that one first, then the "
			    "CA that issued "
			    "it, and so on.",
			    s->chain.name, s->key.name, i + 1);
	}
	cert_info(c->chain[0], &info);
	return reason_set(why, "certificate-key-mismatch",
	    "%s does not belong to the certificate \"%s\" in %s. Configure the key with which that "
	    "certificate was "
	    "requested.",
	    s->key.name, info.subject, s->chain.name);
}

/* Each is to be issued by the next: a peer may not sort them for us. */
static int check_order(const struct credentials *c, const char *name, struct reason *why)
{
	for (unsigned i = 0; i + 1 < c->n_chain; i++) {
		struct cert_info a, b;

		if (cert_issued_by(c->chain[i], c->chain[i + 1]))
			continue;
		if (cert_info(c->chain[i], &a) || cert_info(c->chain[i + 1], &b))
			return reason_set(why, "ike-internal", "out of memory");
		return reason_set(why, "certificate-chain-order",
		    "%s: certificate %u (\"%s\") was issued by \"%s\", but \"%s\" follows. Put our "
		    "certificate first, then "
		    "the one of the CA that issued it, and so on.",
		    name, i + 1, a.subject, a.issuer, b.subject);
	}
	return 0;
}

static int load_own(struct credentials *c, const struct credentials_source *s, struct reason *why)
{
	if (!s->chain.data && !s->key.data)
		return 0;
	if (!s->chain.data || !s->key.data)
		return reason_set(why, "certificate-incomplete",
		    "%s: a certificate needs both chain-file and key-file",
		    s->chain.data ? s->chain.name : s->key.name);
	if (cert_read_pem(
	        s->chain.data, s->chain.len, s->chain.name, CERT_CHAIN_MAX, c->chain, &c->n_chain, why))
		return -1;
	c->key = sig_key_private(s->key.data, s->key.len, s->key.name, why);
	if (!c->key || match_key(c, s, why) || check_strength(c->key, s->chain.name, s->legacy, why))
		return -1;
	return check_order(c, s->chain.name, why);
}

static int load_anchors(struct credentials *c, const struct credentials_source *s, struct reason *why)
{
	if (s->anchors.data) {
		c->anchors = calloc(CERT_ANCHORS_MAX, sizeof(*c->anchors));
		if (!c->anchors)
			return reason_set(why, "ike-internal", "out of memory");
		if (cert_read_pem(s->anchors.data, s->anchors.len, s->anchors.name, CERT_ANCHORS_MAX,
		        c->anchors, &c->n_anchors, why))
			return -1;
	}
	c->store = cert_store_new(c->anchors, c->n_anchors, s->legacy);
	if (!c->store)
		return reason_set(why, "ike-internal", "out of memory");
	for (unsigned i = 0; i < s->n_crl; i++)
		if (cert_store_add_crls(c->store, s->crl[i].data, s->crl[i].len, s->crl[i].name, why))
			return -1;
	c->have_crls = s->n_crl > 0;
	return 0;
}

static struct chunk chunk_of(const struct credentials_file *f)
{
	return (struct chunk){ f->data, f->len };
}

static int take_digests(struct credentials *c, const struct credentials_source *s)
{
	/* The lengths, too: where one file ends and the next begins is part of what they say. */
	uint64_t head[3 + CREDENTIALS_CRL_FILES_MAX] = { s->revocation, s->legacy, s->anchors.len };
	uint64_t own[2] = { s->chain.len, s->key.len };
	struct chunk trust[2 + CREDENTIALS_CRL_FILES_MAX] = { { (const uint8_t *)head, sizeof(head) },
		chunk_of(&s->anchors) };
	struct chunk all[] = { { c->trust, sizeof(c->trust) }, { (const uint8_t *)own, sizeof(own) },
		chunk_of(&s->chain), chunk_of(&s->key) };
	static const uint8_t key[1];

	for (unsigned i = 0; i < s->n_crl; i++) {
		head[3 + i] = s->crl[i].len;
		trust[2 + i] = chunk_of(&s->crl[i]);
	}
	return prf(PRF_HMAC_SHA2_256, key, sizeof(key), trust, 2 + s->n_crl, c->trust) ||
	       prf(PRF_HMAC_SHA2_256, key, sizeof(key), all, 4, c->digest);
}

bool credentials_same(const struct credentials *a, const struct credentials *b)
{
	return a == b || (a && b && bytes_eq_ct(a->digest, b->digest, sizeof(a->digest)));
}

bool credentials_same_trust(const struct credentials *a, const struct credentials *b)
{
	return a && b && bytes_eq_ct(a->trust, b->trust, sizeof(a->trust));
}

struct credentials *credentials_new(const struct credentials_source *s, struct reason *ret_reason)
{
	struct credentials *c = calloc(1, sizeof(*c));

	if (!c) {
		reason_set(ret_reason, "ike-internal", "out of memory");
		return NULL;
	}
	c->refs = 1;
	c->revocation = s->revocation;
	c->legacy = s->legacy;
	c->world = s->world;
	if (take_digests(c, s)) {
		reason_set(ret_reason, "ike-internal", "out of memory");
		credentials_unref(c);
		return NULL;
	}
	if (load_own(c, s, ret_reason) || load_anchors(c, s, ret_reason)) {
		credentials_unref(c);
		return NULL;
	}
	return c;
}

int64_t credentials_now(const struct credentials *c)
{
	return c->world->wall(c->world->ctx);
}

int64_t credentials_earliest(const struct credentials *c)
{
	return c->world->earliest;
}

bool credentials_legacy(const struct credentials *c)
{
	return c->legacy;
}

struct cert *const *credentials_chain(const struct credentials *c, unsigned *ret_n)
{
	*ret_n = c->n_chain;
	return c->chain;
}

const struct sig_key *credentials_key(const struct credentials *c)
{
	return c->key;
}

struct cert *const *credentials_anchors(const struct credentials *c, unsigned *ret_n)
{
	*ret_n = c->n_anchors;
	return c->anchors;
}

unsigned credentials_ca_hashes(const struct credentials *c, uint8_t out[][20])
{
	unsigned n = 0;

	if (c->n_anchors > CREDENTIALS_CA_HASHES_MAX)
		return 0;
	for (unsigned i = 0; i < c->n_anchors; i++)
		if (!cert_spki_sha1(c->anchors[i], out[n]))
			n++;
	return n;
}

int credentials_check_own(const struct credentials *c, int64_t at, struct reason *ret_reason)
{
	struct cert_info info;
	char now[40], then[40];

	if (!c->n_chain || cert_info(c->chain[0], &info))
		return 0;
	cert_time_str(at, now, sizeof(now));
	if (at > info.not_after)
		return reason_set(ret_reason, "certificate-expired",
		    "our own certificate \"%s\" expired on %s (our clock says %s). Renew it and reload the "
		    "configuration.",
		    info.subject, cert_time_str(info.not_after, then, sizeof(then)), now);
	if (at < info.not_before)
		return reason_set(ret_reason, "certificate-not-yet-valid",
		    "our own certificate \"%s\" is not valid before %s (our clock says %s). Is the clock "
		    "right?",
		    info.subject, cert_time_str(info.not_before, then, sizeof(then)), now);
	return 0;
}

int credentials_verify(const struct credentials *c, struct cert *const list[], unsigned n,
    struct cert_verdict *ret_verdict, struct reason *ret_reason)
{
	return cert_store_verify(c->store, list, n, credentials_now(c), false, ret_verdict, ret_reason);
}

int64_t credentials_valid_for(const struct credentials *c, const struct cert_verdict *v)
{
	int64_t now = credentials_now(c), least = CREDENTIALS_VALID_MAX;

	for (unsigned i = 0; i < v->n; i++)
		if (cert_not_after(v->chain[i]) - now < least)
			least = cert_not_after(v->chain[i]) - now;
	return least > 0 ? least : 1;
}

bool credentials_trusts_but_for_dates(const struct credentials *c, struct cert *const list[], unsigned n)
{
	struct cert_verdict v = { 0 };
	struct reason ignored;

	if (cert_store_verify(c->store, list, n, CERT_ANY_TIME, false, &v, &ignored))
		return false;
	cert_verdict_clear(&v);
	return true;
}

/* Asks who can tell: OCSP first, which is small, then lists. -1: revoked. */
static int ask(const struct credentials *c, struct revocation_patience *p, struct cert_verdict *known,
    struct reason *why)
{
	for (unsigned i = 0; i + 1 < known->n; i++) {
		struct cert *x = known->chain[i], *issuer = known->chain[i + 1];
		int64_t now = credentials_now(c);
		const char *by = "OCSP responder";
		struct cert_info info = { 0 };
		enum revocation r;

		if (!known->revocation_unknown[i])
			continue;
		r = revocation_ocsp(c->world, p, x, issuer, c->legacy, now);
		if (r == REVOCATION_UNKNOWN) {
			by = "CRL";
			r = revocation_crls(c->world, p, x, issuer, c->legacy, now);
		}
		if (r == REVOCATION_GOOD)
			known->revocation_unknown[i] = false;
		if (r != REVOCATION_REVOKED)
			continue;
		cert_info(x, &info);
		return reason_set(why, "certificate-revoked",
		    "the certificate \"%s\" has been revoked by its issuer, says its %s. It needs a new one.",
		    info.subject, by);
	}
	return 0;
}

/* By the policy: refused, or passed with a warning. The first of those that nobody tells of. */
static int unknown(const struct credentials *c, const struct cert_verdict *known,
    const struct revocation_patience *p, struct reason *ret_reason, struct reason *ret_warning)
{
	bool strict = c->revocation == CREDENTIALS_STRICT;
	struct cert_info info = { 0 };
	char told[120] = "and no server that the certificate names has told";
	unsigned i = 0;

	while (i < known->n && !known->revocation_unknown[i])
		i++;
	if (i == known->n)
		return 0;
	cert_info(known->chain[i], &info);
	if (p->spent)
		snprintf(told, sizeof(told),
		    "and the servers that the certificates name have not told in %u seconds and %u documents",
		    CREDENTIALS_FETCH_SECONDS, CREDENTIALS_FETCHES_MAX - p->fetches);
	reason_set(strict ? ret_reason : ret_warning, "certificate-revocation-unknown",
	    "whether the certificate \"%s\" has been revoked is not known: no CRL of \"%s\" that is valid "
	    "now is "
	    "at hand, %s. Give a CRL as crl-file, or set revocation to what you can accept.",
	    info.subject, info.issuer, told);
	return strict ? -1 : 0;
}

int credentials_check_crls(
    const struct credentials *c, const struct cert_verdict *v, struct reason *ret_reason)
{
	struct cert_verdict known = { 0 };

	if (c->revocation == CREDENTIALS_OFF)
		return 0;
	if (cert_store_verify(c->store, v->chain, v->n, credentials_now(c), true, &known, ret_reason))
		return -1;
	cert_verdict_clear(&known);
	return 0;
}

int credentials_verify_revocation(const struct credentials *c, const struct cert_verdict *v,
    struct reason *ret_reason, struct reason *ret_warning)
{
	struct revocation_patience p;
	struct cert_verdict known = { 0 };
	int rc = 0;

	if (c->revocation == CREDENTIALS_OFF)
		return 0;
	if (cert_store_verify(c->store, v->chain, v->n, credentials_now(c), true, &known, ret_reason))
		return -1;
	p = revocation_patience(c->world);
	rc = ask(c, &p, &known, ret_reason);
	if (!rc)
		rc = unknown(c, &known, &p, ret_reason, ret_warning);
	cert_verdict_clear(&known);
	return rc;
}
