/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proposals as text, in the notation that strongSwan made usual: words joined by hyphens, each an algorithm,
 * the kind told by the word. Two tables hold the vocabulary; parsing looks words up, printing takes the first
 * that fits.
 */
#include "ike/proposal.h"

#include "ike/keymat.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 24

enum kind { KIND_ENCR, KIND_INTEG, KIND_PRF, KIND_KE, KIND_ESN };
struct word {
	const char *text; /* the first word of an algorithm is the canonical one */
	enum kind kind;
	int id;
	uint16_t key_bits;
};

static const struct word words[] = {
	{ "aes128", KIND_ENCR, ENCR_AES_CBC, 128 },
	{ "aes192", KIND_ENCR, ENCR_AES_CBC, 192 },
	{ "aes256", KIND_ENCR, ENCR_AES_CBC, 256 },
	{ "aes128gcm16", KIND_ENCR, ENCR_AES_GCM_16, 128 },
	{ "aes192gcm16", KIND_ENCR, ENCR_AES_GCM_16, 192 },
	{ "aes256gcm16", KIND_ENCR, ENCR_AES_GCM_16, 256 },
	{ "3des", KIND_ENCR, ENCR_3DES, 0 },
	{ "aes", KIND_ENCR, ENCR_AES_CBC, 128 },
	{ "aes128cbc", KIND_ENCR, ENCR_AES_CBC, 128 },
	{ "aes256cbc", KIND_ENCR, ENCR_AES_CBC, 256 },
	{ "aes128gcm", KIND_ENCR, ENCR_AES_GCM_16, 128 },
	{ "aes192gcm", KIND_ENCR, ENCR_AES_GCM_16, 192 },
	{ "aes256gcm", KIND_ENCR, ENCR_AES_GCM_16, 256 },
	{ "aes128gcm128", KIND_ENCR, ENCR_AES_GCM_16, 128 },
	{ "aes256gcm128", KIND_ENCR, ENCR_AES_GCM_16, 256 },
	{ "sha1", KIND_INTEG, INTEG_HMAC_SHA1_96, 0 },
	{ "sha256", KIND_INTEG, INTEG_HMAC_SHA2_256_128, 0 },
	{ "sha384", KIND_INTEG, INTEG_HMAC_SHA2_384_192, 0 },
	{ "sha512", KIND_INTEG, INTEG_HMAC_SHA2_512_256, 0 },
	{ "md5", KIND_INTEG, INTEG_HMAC_MD5_96, 0 },
	{ "sha", KIND_INTEG, INTEG_HMAC_SHA1_96, 0 },
	{ "sha2_256", KIND_INTEG, INTEG_HMAC_SHA2_256_128, 0 },
	{ "sha2_384", KIND_INTEG, INTEG_HMAC_SHA2_384_192, 0 },
	{ "sha2_512", KIND_INTEG, INTEG_HMAC_SHA2_512_256, 0 },
	{ "prfmd5", KIND_PRF, PRF_HMAC_MD5, 0 },
	{ "prfsha1", KIND_PRF, PRF_HMAC_SHA1, 0 },
	{ "prfsha256", KIND_PRF, PRF_HMAC_SHA2_256, 0 },
	{ "prfsha384", KIND_PRF, PRF_HMAC_SHA2_384, 0 },
	{ "prfsha512", KIND_PRF, PRF_HMAC_SHA2_512, 0 },
	{ "modp768", KIND_KE, KE_MODP_768, 0 },
	{ "modp1024", KIND_KE, KE_MODP_1024, 0 },
	{ "modp2048", KIND_KE, KE_MODP_2048, 0 },
	{ "modp3072", KIND_KE, KE_MODP_3072, 0 },
	{ "modp4096", KIND_KE, KE_MODP_4096, 0 },
	{ "ecp256", KIND_KE, KE_ECP_256, 0 },
	{ "ecp384", KIND_KE, KE_ECP_384, 0 },
	{ "ecp521", KIND_KE, KE_ECP_521, 0 },
	{ "curve25519", KIND_KE, KE_CURVE25519, 0 },
	{ "x25519", KIND_KE, KE_CURVE25519, 0 },
	{ "noesn", KIND_ESN, 1, 0 },
	{ "esn", KIND_ESN, 2, 0 },
};
#define N_WORDS (sizeof(words) / sizeof(words[0]))

/* "dh14" and "group14" name key exchange methods by their IANA number. */
static const struct word *find_group(const char *w)
{
	const char *digits = NULL;
	int id = 0;

	if (!strncasecmp(w, "dh", 2))
		digits = w + 2;
	else if (!strncasecmp(w, "group", 5))
		digits = w + 5;
	if (!digits || !*digits || strlen(digits) > 3)
		return NULL;
	for (; *digits; digits++) {
		if (*digits < '0' || *digits > '9')
			return NULL;
		id = id * 10 + (*digits - '0');
	}
	for (size_t i = 0; i < N_WORDS; i++)
		if (words[i].kind == KIND_KE && words[i].id == id)
			return &words[i];
	return NULL;
}

static const struct word *find_word(const char *w)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (!strcasecmp(words[i].text, w))
			return &words[i];
	return find_group(w);
}

static const char *canonical(enum kind kind, int id, uint16_t key_bits)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (words[i].kind == kind && words[i].id == id && words[i].key_bits == key_bits)
			return words[i].text;
	return "?";
}

static enum prf_id prf_of_integ(enum integ_id id)
{
	switch (id) {
	case INTEG_HMAC_MD5_96: return PRF_HMAC_MD5;
	case INTEG_HMAC_SHA1_96: return PRF_HMAC_SHA1;
	case INTEG_HMAC_SHA2_256_128: return PRF_HMAC_SHA2_256;
	case INTEG_HMAC_SHA2_384_192: return PRF_HMAC_SHA2_384;
	case INTEG_HMAC_SHA2_512_256: return PRF_HMAC_SHA2_512;
	case INTEG_NONE: break;
	}
	return PRF_NONE;
}

static int add_word(struct ike_proposal *p, const struct word *w)
{
	switch (w->kind) {
	case KIND_ENCR:
		if (p->n_encr == IKE_TRANSFORMS_MAX)
			return -1;
		p->encr[p->n_encr].id = (enum encr_id)w->id;
		p->encr[p->n_encr++].key_bits = w->key_bits;
		return 0;
	case KIND_INTEG:
		if (p->n_integ == IKE_TRANSFORMS_MAX)
			return -1;
		p->integ[p->n_integ++] = (enum integ_id)w->id;
		return 0;
	case KIND_PRF:
		if (p->n_prf == IKE_TRANSFORMS_MAX)
			return -1;
		p->prf[p->n_prf++] = (enum prf_id)w->id;
		return 0;
	case KIND_KE:
		if (p->n_ke == IKE_TRANSFORMS_MAX)
			return -1;
		p->ke[p->n_ke++] = (enum ke_id)w->id;
		return 0;
	case KIND_ESN: p->esn |= (uint8_t)w->id; return 0;
	}
	return -1;
}

static bool is_aead(const struct ike_proposal *p, unsigned i)
{
	return p->encr[i].id == ENCR_AES_GCM_16;
}

/* The words fit together? Completes the PRF. */
static int complete(const char *text, bool esp, struct ike_proposal *p, struct reason *why)
{
	static const char id[] = "ike-bad-proposal";

	if (!p->n_encr)
		return reason_set(why, id,
		    "proposal \"%s\" names no encryption; begin it with one, such as aes256 or aes256gcm16",
		    text);
	for (unsigned i = 1; i < p->n_encr; i++)
		if (is_aead(p, i) != is_aead(p, 0))
			return reason_set(why, id,
			    "proposal \"%s\" mixes AES-GCM with a CBC cipher; write two proposals instead",
			    text);
	if (esp && p->n_prf)
		return reason_set(
		    why, id, "ESP proposal \"%s\" names a PRF, which only IKE has; leave it out", text);
	if (!esp && p->esn)
		return reason_set(why, id,
		    "IKE proposal \"%s\" names esn or noesn, which only ESP has; leave it out", text);
	if (!esp && !p->n_prf)
		for (unsigned i = 0; i < p->n_integ; i++)
			p->prf[p->n_prf++] = prf_of_integ(p->integ[i]);
	if (is_aead(p, 0)) {
		/* "aes256gcm16-sha384": in IKE the hash means the PRF, as everyone writes it. */
		if (esp && p->n_integ)
			return reason_set(why, id,
			    "ESP proposal \"%s\" has an integrity hash beside AES-GCM, which has its own; "
			    "leave it out",
			    text);
		memset(p->integ, 0, sizeof(p->integ));
		p->n_integ = 0;
	} else if (!p->n_integ) {
		return reason_set(why, id,
		    "proposal \"%s\" has a CBC cipher without integrity; add sha256, sha384 or sha512", text);
	}
	if (!esp && !p->n_prf)
		return reason_set(
		    why, id, "IKE proposal \"%s\" has no PRF; add prfsha256, prfsha384 or prfsha512", text);
	if (!esp && !p->n_ke)
		return reason_set(why, id,
		    "IKE proposal \"%s\" has no key exchange method; add one, such as modp2048, ecp384 or "
		    "curve25519",
		    text);
	return 0;
}

/* DES is known only to say what becomes of it: OpenSSL 3 has it in its legacy provider alone. */
static const char *hint_for(const char *w)
{
	return !strcasecmp(w, "des")
	           ? ". DES falls to a day of searching and is not implemented; write aes256"
	           : "";
}

int ike_proposal_parse(
    const char *text, bool esp, struct ike_proposal *ret_proposal, struct reason *ret_reason)
{
	struct ike_proposal p = { 0 };
	const char *at = text;

	for (;;) {
		char w[WORD_MAX];
		size_t len = strcspn(at, "-");
		const struct word *found = NULL;

		snprintf(w, sizeof(w), "%.*s", (int)(len < sizeof(w) ? len : sizeof(w) - 1), at);
		if (len < sizeof(w))
			found = find_word(w);
		if (!found)
			return reason_set(ret_reason, "ike-bad-proposal",
			    "proposal \"%.100s\": \"%s\" at character %zu is no algorithm known here; known "
			    "are aes128 aes192 "
			    "aes256 aes128gcm16 aes192gcm16 aes256gcm16, sha256 sha384 sha512, "
			    "prfsha256 "
			    "prfsha384 prfsha512, modp2048 modp3072 modp4096 ecp256 ecp384 ecp521 "
			    "curve25519 (or "
			    "dh14, group14 by number); the weak 3des md5 sha1 prfmd5 prfsha1 modp768 "
			    "modp1024 only "
			    "with a legacy profile%s%s",
			    text, w, (size_t)(at - text) + 1, esp ? ", esn noesn" : "", hint_for(w));
		if (add_word(&p, found))
			return reason_set(ret_reason, "ike-bad-proposal",
			    "proposal \"%.100s\": more than %d alternatives of one kind at \"%s\"", text,
			    IKE_TRANSFORMS_MAX, w);
		if (!at[len])
			break;
		at += len + 1;
	}
	if (complete(text, esp, &p, ret_reason))
		return -1;
	*ret_proposal = p;
	return 0;
}

static void put(char *buf, size_t cap, const char *w)
{
	size_t at = strlen(buf);

	snprintf(buf + at, cap - at, "%s%s", at ? "-" : "", w);
}

/* Would parsing the integrity hashes give these PRFs? Then they need not be said. */
static bool prf_implied(const struct ike_proposal *p)
{
	if (p->n_prf != p->n_integ)
		return false;
	for (unsigned i = 0; i < p->n_prf; i++)
		if (p->prf[i] != prf_of_integ(p->integ[i]))
			return false;
	return true;
}

const char *ike_proposal_str(const struct ike_proposal *p, bool esp, char *buf, size_t cap)
{
	if (!cap)
		return buf;
	buf[0] = '\0';
	for (unsigned i = 0; i < p->n_encr; i++)
		put(buf, cap, canonical(KIND_ENCR, (int)p->encr[i].id, p->encr[i].key_bits));
	for (unsigned i = 0; i < p->n_integ; i++)
		put(buf, cap, canonical(KIND_INTEG, (int)p->integ[i], 0));
	for (unsigned i = 0; !esp && !prf_implied(p) && i < p->n_prf; i++)
		put(buf, cap, canonical(KIND_PRF, (int)p->prf[i], 0));
	for (unsigned i = 0; i < p->n_ke; i++)
		put(buf, cap, canonical(KIND_KE, (int)p->ke[i], 0));
	if (esp && p->esn & 1)
		put(buf, cap, "noesn");
	if (esp && p->esn & 2)
		put(buf, cap, "esn");
	return buf;
}

static unsigned add_weak(const char *names[IKE_WEAK_MAX], unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return n;
	if (n < IKE_WEAK_MAX)
		names[n++] = name;
	return n;
}

unsigned ike_proposal_weak(const struct ike_proposal *p, bool esp, const char *ret_names[IKE_WEAK_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_encr; i++)
		if (encr_is_weak(p->encr[i].id))
			n = add_weak(
			    ret_names, n, canonical(KIND_ENCR, (int)p->encr[i].id, p->encr[i].key_bits));
	for (unsigned i = 0; i < p->n_integ; i++)
		if (integ_is_weak(p->integ[i]))
			n = add_weak(ret_names, n, canonical(KIND_INTEG, (int)p->integ[i], 0));
	for (unsigned i = 0; !esp && !prf_implied(p) && i < p->n_prf; i++)
		if (prf_is_weak(p->prf[i]))
			n = add_weak(ret_names, n, canonical(KIND_PRF, (int)p->prf[i], 0));
	for (unsigned i = 0; i < p->n_ke; i++)
		if (ke_is_weak(p->ke[i]))
			n = add_weak(ret_names, n, canonical(KIND_KE, (int)p->ke[i], 0));
	return n;
}

static const struct {
	const char *name, *instead;
} weak[IKE_WEAK_MAX] = { { "3des", "aes256" }, { "md5", "sha256" }, { "sha1", "sha256" },
	{ "prfmd5", "prfsha256" }, { "prfsha1", "prfsha256" }, { "modp768", "modp2048 or ecp384" },
	{ "modp1024", "modp2048 or ecp384" } };

const char *ike_weak_instead(const char *name)
{
	for (size_t i = 0; i < IKE_WEAK_MAX; i++)
		if (!strcmp(weak[i].name, name))
			return weak[i].instead;
	return NULL;
}

const char *ike_weak_name(const char *name)
{
	for (size_t i = 0; i < IKE_WEAK_MAX; i++)
		if (!strcmp(weak[i].name, name))
			return weak[i].name;
	return NULL;
}

bool ike_proposal_has_encr(const struct ike_proposal *p, const struct ike_suite *s)
{
	for (unsigned i = 0; i < p->n_encr; i++)
		if (p->encr[i].id == s->encr && p->encr[i].key_bits == s->key_bits)
			return true;
	return false;
}

bool ike_proposal_has_integ(const struct ike_proposal *p, const struct ike_suite *s)
{
	for (unsigned i = 0; i < p->n_integ; i++)
		if (p->integ[i] == s->integ)
			return true;
	return !p->n_integ && s->integ == INTEG_NONE;
}
