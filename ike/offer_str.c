/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer's offer as text, with the names that people configure, and the nearest pair of an offer of theirs
 * and a proposal of ours: in how few kinds of transform do they differ, and in which? Names are IANA's
 * numbers (IKEv2 transform types 1 to 5) in strongSwan's notation, those that we never use included: what a
 * peer has is to be named.
 */
#include "ike/offer_str.h"

#include "ike/wire.h"

#include <stdio.h>
#include <string.h>

struct name {
	uint8_t type;
	uint16_t id;
	const char *text; /* of encryption without its key length */
};
static const struct name names[] = {
	{ IKE_T_ENCR, 2, "des" },
	{ IKE_T_ENCR, 3, "3des" },
	{ IKE_T_ENCR, 11, "null" },
	{ IKE_T_ENCR, 12, "aes" },
	{ IKE_T_ENCR, 13, "aes-ctr" },
	{ IKE_T_ENCR, 14, "aes-ccm8" },
	{ IKE_T_ENCR, 15, "aes-ccm12" },
	{ IKE_T_ENCR, 16, "aes-ccm16" },
	{ IKE_T_ENCR, 18, "aes-gcm8" },
	{ IKE_T_ENCR, 19, "aes-gcm12" },
	{ IKE_T_ENCR, 20, "aes-gcm16" },
	{ IKE_T_ENCR, 21, "aes-gmac" },
	{ IKE_T_ENCR, 23, "camellia" },
	{ IKE_T_ENCR, 28, "chacha20poly1305" },
	{ IKE_T_PRF, 1, "prfmd5" },
	{ IKE_T_PRF, 2, "prfsha1" },
	{ IKE_T_PRF, 4, "prfaesxcbc" },
	{ IKE_T_PRF, 5, "prfsha256" },
	{ IKE_T_PRF, 6, "prfsha384" },
	{ IKE_T_PRF, 7, "prfsha512" },
	{ IKE_T_PRF, 8, "prfaescmac" },
	{ IKE_T_INTEG, 0, "no-integrity" },
	{ IKE_T_INTEG, 1, "md5" },
	{ IKE_T_INTEG, 2, "sha1" },
	{ IKE_T_INTEG, 5, "aesxcbc" },
	{ IKE_T_INTEG, 8, "aescmac" },
	{ IKE_T_INTEG, 12, "sha256" },
	{ IKE_T_INTEG, 13, "sha384" },
	{ IKE_T_INTEG, 14, "sha512" },
	{ IKE_T_KE, 0, "no-pfs" },
	{ IKE_T_KE, 1, "modp768" },
	{ IKE_T_KE, 2, "modp1024" },
	{ IKE_T_KE, 5, "modp1536" },
	{ IKE_T_KE, 14, "modp2048" },
	{ IKE_T_KE, 15, "modp3072" },
	{ IKE_T_KE, 16, "modp4096" },
	{ IKE_T_KE, 17, "modp6144" },
	{ IKE_T_KE, 18, "modp8192" },
	{ IKE_T_KE, 19, "ecp256" },
	{ IKE_T_KE, 20, "ecp384" },
	{ IKE_T_KE, 21, "ecp521" },
	{ IKE_T_KE, 22, "modp1024s160" },
	{ IKE_T_KE, 23, "modp2048s224" },
	{ IKE_T_KE, 24, "modp2048s256" },
	{ IKE_T_KE, 25, "ecp192" },
	{ IKE_T_KE, 26, "ecp224" },
	{ IKE_T_KE, 28, "ecp256bp" },
	{ IKE_T_KE, 29, "ecp384bp" },
	{ IKE_T_KE, 30, "ecp512bp" },
	{ IKE_T_KE, 31, "curve25519" },
	{ IKE_T_KE, 32, "curve448" },
	{ IKE_T_ESN, 0, "noesn" },
	{ IKE_T_ESN, 1, "esn" },
};
const char *ike_offer_ke_name(unsigned group)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == IKE_T_KE && names[i].id == group)
			return names[i].text;
	return NULL;
}

static const char *const kinds[] = { [IKE_T_ENCR] = "encryption",
	[IKE_T_PRF] = "PRF",
	[IKE_T_INTEG] = "integrity",
	[IKE_T_KE] = "key exchange group",
	[IKE_T_ESN] = "sequence numbers" };

static void put(char *buf, size_t cap, const char *between, const char *text)
{
	size_t at = strlen(buf);

	snprintf(buf + at, cap - at, "%s%s", at ? between : "", text);
}

/* "aes256-gcm16" for aes-gcm16 with 256 bits would mislead: the key length stands behind "aes". */
static const char *name_of(const struct ike_transform *t, char *buf, size_t cap)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *text = names[i].text;

		if (names[i].type != t->type || names[i].id != t->id)
			continue;
		if (!t->key_bits)
			snprintf(buf, cap, "%s", text);
		else if (!strncmp(text, "aes", 3))
			snprintf(buf, cap, "aes%u%s", t->key_bits, text[3] ? text + 4 : "");
		else
			snprintf(buf, cap, "%s%u", text, t->key_bits);
		return buf;
	}
	snprintf(buf, cap, "%s %u",
	    t->type < sizeof(kinds) / sizeof(kinds[0]) && kinds[t->type] ? kinds[t->type] : "kind ?", t->id);
	return buf;
}

/* In the order of the notation, whatever order they came in; what we have no kind for, last. */
static void put_proposal(const struct ike_offer *o, unsigned i, char *buf, size_t cap)
{
	static const uint8_t order[] = { IKE_T_ENCR, IKE_T_INTEG, IKE_T_PRF, IKE_T_KE, IKE_T_ESN, 0 };
	char name[40];

	for (size_t k = 0; k < sizeof(order); k++)
		for (unsigned j = 0; j < o->proposal[i].n; j++) {
			const struct ike_transform *t = &o->transform[o->proposal[i].first + j];

			if (t->type == order[k] || (!order[k] && t->type > IKE_T_ESN))
				put(buf, cap, "-", name_of(t, name, sizeof(name)));
		}
}

const char *ike_offer_str(const struct ike_offer *o, char *buf, size_t cap)
{
	buf[0] = '\0';
	for (unsigned i = 0; i < o->n && i < IKE_OFFER_SHOWN; i++) {
		char one[200] = "";

		put_proposal(o, i, one, sizeof(one));
		put(buf, cap, ", ", one);
	}
	if (o->n > IKE_OFFER_SHOWN)
		put(buf, cap, ", ", "...");
	return buf;
}

/* Ours, as transforms of one kind; how many. */
static unsigned ours_of(
    const struct ike_proposal *p, uint8_t type, struct ike_transform list[IKE_TRANSFORMS_MAX])
{
	unsigned n = 0;

	if (type == IKE_T_ENCR)
		for (; n < p->n_encr; n++)
			list[n] = (struct ike_transform){
				.type = type, .id = (uint16_t)p->encr[n].id, .key_bits = p->encr[n].key_bits
			};
	else if (type == IKE_T_PRF)
		for (; n < p->n_prf; n++)
			list[n] = (struct ike_transform){ .type = type, .id = (uint16_t)p->prf[n] };
	else if (type == IKE_T_INTEG)
		for (; n < p->n_integ; n++)
			list[n] = (struct ike_transform){ .type = type, .id = (uint16_t)p->integ[n] };
	else if (type == IKE_T_KE)
		for (; n < p->n_ke; n++)
			list[n] = (struct ike_transform){ .type = type, .id = (uint16_t)p->ke[n] };
	return n;
}

/* Does this kind of transform keep the two apart? */
static bool apart(const struct ike_proposal *p, const struct ike_offer *o, unsigned i, uint8_t type)
{
	struct ike_transform list[IKE_TRANSFORMS_MAX];
	unsigned n = ours_of(p, type, list);
	bool theirs = false;

	for (unsigned j = 0; j < o->proposal[i].n; j++) {
		const struct ike_transform *t = &o->transform[o->proposal[i].first + j];

		if (t->type != type)
			continue;
		theirs = theirs || t->id;
		for (unsigned k = 0; k < n; k++)
			if (list[k].id == t->id && list[k].key_bits == t->key_bits)
				return false;
	}
	return n || theirs;
}

static void name_both(
    const struct ike_proposal *p, const struct ike_offer *o, unsigned i, uint8_t type, char *buf, size_t cap)
{
	struct ike_transform list[IKE_TRANSFORMS_MAX];
	char theirs[120] = "", ours[120] = "", name[40], line[320];
	unsigned n = ours_of(p, type, list);

	for (unsigned j = 0; j < o->proposal[i].n; j++) {
		const struct ike_transform *t = &o->transform[o->proposal[i].first + j];

		if (t->type == type)
			put(theirs, sizeof(theirs), ", ", name_of(t, name, sizeof(name)));
	}
	for (unsigned k = 0; k < n; k++)
		put(ours, sizeof(ours), ", ", name_of(&list[k], name, sizeof(name)));
	snprintf(line, sizeof(line), "the %s (it offers %s; we accept %s)", kinds[type],
	    theirs[0] ? theirs : "none", ours[0] ? ours : "none");
	put(buf, cap, " and ", line);
}

const char *ike_offer_differs(
    const struct ike_proposals *ours, const struct ike_offer *o, bool with_ke, char *buf, size_t cap)
{
	static const uint8_t types[] = { IKE_T_ENCR, IKE_T_PRF, IKE_T_INTEG, IKE_T_KE };
	unsigned best = IKE_T_KE + 1, best_ours = 0, best_theirs = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < ours->n; i++)
		for (unsigned j = 0; j < o->n; j++) {
			unsigned n = 0;

			for (size_t k = 0; k < sizeof(types); k++)
				n += (types[k] != IKE_T_KE || with_ke) &&
				     apart(&ours->list[i], o, j, types[k]);
			if (n && n < best) {
				best = n;
				best_ours = i;
				best_theirs = j;
			}
		}
	for (size_t k = 0; k < sizeof(types) && best <= IKE_T_KE; k++)
		if ((types[k] != IKE_T_KE || with_ke) &&
		    apart(&ours->list[best_ours], o, best_theirs, types[k]))
			name_both(&ours->list[best_ours], o, best_theirs, types[k], buf, cap);
	return buf;
}
