/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials: what we prove ourselves with (a certificate chain and its key) and whom we trust (anchors,
 * CRLs, the policy on revocation). Made once from the bytes of files, immutable then, shared by reference
 * between configurations and jobs on any thread; a changed file makes a new one.
 *
 * What a certificate's judgement needs of the world, the time of day and documents from the network, comes
 * through struct credentials_world, so that the cores that carry credentials stay pure, and tests turn the
 * clock.
 */
#ifndef CW_BASE_CREDENTIALS_H
#define CW_BASE_CREDENTIALS_H

#include "base/cert.h"
#include "base/mtime.h"

#define CREDENTIALS_CRL_FILES_MAX 8
#define CREDENTIALS_FETCH_SECONDS 10 /* for all documents of one judgement together */
#define CREDENTIALS_FETCHES_MAX   16 /* documents that one judgement asks for, kept ones too */
#define CREDENTIALS_CA_HASHES_MAX 64 /* anchors that a CERTREQ names; of more, it names none: any will do */

struct credentials;

enum credentials_revocation {
	CREDENTIALS_RELAXED, /* revoked refuses; unknown passes with a warning */
	CREDENTIALS_STRICT,  /* what isn't known to be good is refused */
	CREDENTIALS_OFF      /* nobody asks */
};

/* One document: a GET of url, or with a type a POST of body. */
struct credentials_query {
	const char *url; /* http:// */
	const char *type;
	const uint8_t *body;
	size_t body_len;
	mtime until; /* by `steady`: what isn't here by then is not waited for. Nothing to `keep` */
};
/* Called from jobs, on any thread; outlives every credentials made with it. */
struct credentials_world {
	int64_t (*wall)(void *ctx); /* seconds since 1970 */
	int64_t earliest;           /* it can't be before: files of ours were written then. 0: not known */
	/*
	 * Fetches; bounded in time (by the query, too) and size by who implements it. 0 and *ret_data
	 * (malloc), or -1. What `keep` was told may be given again until then. All NULL: there is no network.
	 */
	mtime (*steady)(void *ctx); /* a monotonic clock */
	int (*fetch)(void *ctx, const struct credentials_query *q, uint8_t **ret_data, size_t *ret_len);
	void (*keep)(
	    void *ctx, const struct credentials_query *q, const uint8_t *data, size_t len, int64_t until);
	void *ctx;
};

struct credentials_file {
	const char *name; /* for reasons */
	const void *data; /* NULL: not configured */
	size_t len;
};
struct credentials_source {
	struct credentials_file chain, key; /* PEM; the leaf first. Both or none */
	struct credentials_file anchors;    /* PEM */
	struct credentials_file crl[CREDENTIALS_CRL_FILES_MAX];
	unsigned n_crl;
	enum credentials_revocation revocation;
	bool legacy; /* SHA-1 signatures, RSA below 2048 bits and IKE's first RSA method pass */
	const struct credentials_world *world;
};

/*
 * NULL with a reason that names the file: unreadable, behind a passphrase, the key isn't the first
 * certificate's (it says if it is another's), a chain whose certificates don't follow each other, weak keys.
 */
struct credentials *credentials_new(const struct credentials_source *source, struct reason *ret_reason);
struct credentials *credentials_ref(const struct credentials *c);
void credentials_unref(struct credentials *c);

/* Made from the same bytes with the same policy? NULL is legal. */
bool credentials_same(const struct credentials *a, const struct credentials *b);
/* Do both trust the same: anchors, CRLs, and the policies on revocation and strength? NULL trusts nobody. */
bool credentials_same_trust(const struct credentials *a, const struct credentials *b);

int64_t credentials_now(const struct credentials *c);
/* A time that it can't be before, as the world knows it; 0: none. */
int64_t credentials_earliest(const struct credentials *c);
bool credentials_legacy(const struct credentials *c);
/* Our certificates, the leaf first; lives as long as c. n 0: there are none. */
struct cert *const *credentials_chain(const struct credentials *c, unsigned *ret_n);
/* Our key; NULL when there is no chain. Lives as long as c. */
const struct sig_key *credentials_key(const struct credentials *c);
/* The anchors; lives as long as c. */
struct cert *const *credentials_anchors(const struct credentials *c, unsigned *ret_n);
/* SHA-1 of each anchor's public key, for CERTREQ; out has room for CREDENTIALS_CA_HASHES_MAX. The number. */
unsigned credentials_ca_hashes(const struct credentials *c, uint8_t out[][20]);
/* Is our own certificate good at that time? -1: certificate-expired or certificate-not-yet-valid. */
int credentials_check_own(const struct credentials *c, int64_t at, struct reason *ret_reason);

/* Does the peer's chain lead to an anchor now? As cert_store_verify, without revocation. */
int credentials_verify(const struct credentials *c, struct cert *const list[], unsigned n,
    struct cert_verdict *ret_verdict, struct reason *ret_reason);
#define CREDENTIALS_VALID_MAX (50 * 365 * INT64_C(86400)) /* seconds: as good as for ever */
/* How long all of a verified chain will be valid from now on: 1 second to CREDENTIALS_VALID_MAX. */
int64_t credentials_valid_for(const struct credentials *c, const struct cert_verdict *v);
/* Would it, were it not for dates? To tell of it: nothing may be trusted for that. */
bool credentials_trusts_but_for_dates(const struct credentials *c, struct cert *const list[], unsigned n);
/* Has any of a verified chain been revoked, as far as our own CRLs tell? -1 with a reason: it has. Asks
 * nobody. */
int credentials_check_crls(
    const struct credentials *c, const struct cert_verdict *v, struct reason *ret_reason);
/*
 * Has any of a verified chain been revoked? By our CRLs and what the world can fetch; slow
 * (CREDENTIALS_FETCH_SECONDS): only for who has proved that the chain is its own, or anybody with a
 * stranger's certificate could make us ask. -1 with a reason: revoked, or unknown under a strict policy. 0
 * with *ret_warning set: unknown under a relaxed one.
 */
int credentials_verify_revocation(const struct credentials *c, const struct cert_verdict *v,
    struct reason *ret_reason, struct reason *ret_warning);

#endif
