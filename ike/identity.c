/* SPDX-License-Identifier: Apache-2.0 */
/* Identities (RFC 7296 3.5): from the admin's text, to printable text, and whether a peer's fits what is
 * wanted. */
#include "ike/identity.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct ike_identity ike_identity_of_addr(const struct addr *a)
{
	struct ike_identity id = { 0 };

	if (addr_is_none(a))
		return id;
	id.type = a->family == 4 ? IKE_ID_IPV4 : IKE_ID_IPV6;
	id.len = (uint16_t)addr_size(a);
	memcpy(id.data, a->b, id.len);
	return id;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

static int parse_hex(const char *text, struct ike_identity *id)
{
	for (; *text; text += 2) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || id->len == IKE_ID_MAX)
			return -1;
		id->data[id->len++] = (uint8_t)(high << 4 | low);
	}
	return id->len ? 0 : -1;
}

/* The forms that say their type: "keyid:text", "@#6b6579", "C=DE, CN=gw". 1: it is none of them. */
static int parse_typed(const char *text, struct ike_identity *id)
{
	size_t len = strlen(text);

	if (!strncmp(text, "keyid:", 6) && len > 6 && len - 6 <= IKE_ID_MAX) {
		id->type = IKE_ID_KEY_ID;
		id->len = (uint16_t)(len - 6);
		memcpy(id->data, text + 6, id->len);
		return 0;
	}
	if (!strncmp(text, "@#", 2)) {
		id->type = IKE_ID_KEY_ID;
		return parse_hex(text + 2, id);
	}
	if (strchr(text, '=')) {
		id->type = IKE_ID_DER_DN;
		if (cert_dn_parse(text, id->data, sizeof(id->data), &len))
			return -1;
		id->len = (uint16_t)len;
		return 0;
	}
	return 1;
}

int ike_identity_parse(const char *text, struct ike_identity *ret_id)
{
	struct ike_identity id = { 0 };
	struct addr a;
	size_t len;
	int typed;

	if (!addr_parse(text, &a)) {
		*ret_id = ike_identity_of_addr(&a);
		return 0;
	}
	typed = parse_typed(text, &id);
	if (typed <= 0) {
		if (!typed)
			*ret_id = id;
		return typed;
	}
	id.type = IKE_ID_FQDN;
	if (text[0] == '@')
		text++;
	else if (strchr(text, '@'))
		id.type = IKE_ID_RFC822;
	len = strlen(text);
	if (!len || len > 255) /* no name is longer */
		return -1;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] == 0x7f)
			return -1;
	id.len = (uint16_t)len;
	memcpy(id.data, text, len);
	*ret_id = id;
	return 0;
}

static void put_hex(const struct ike_identity *id, char *buf, size_t cap)
{
	size_t at = (size_t)snprintf(buf, cap, "type %u 0x", id->type);

	for (unsigned i = 0; i < id->len && at + 3 < cap; i++)
		at += (size_t)snprintf(buf + at, cap - at, "%02x", id->data[i]);
}

const char *ike_identity_str(const struct ike_identity *id, char *buf, size_t cap)
{
	struct addr a;

	switch ((enum ike_id_type)id->type) {
	case IKE_ID_NONE: snprintf(buf, cap, "any"); return buf;
	case IKE_ID_IPV4:
	case IKE_ID_IPV6:
		a = addr_from_bytes(id->type == IKE_ID_IPV4 ? 4 : 6, id->data);
		snprintf(buf, cap, "%s", addr_str(&a));
		return buf;
	case IKE_ID_FQDN:
	case IKE_ID_RFC822: {
		size_t n = id->len < cap - 1 ? id->len : cap - 1;

		for (size_t i = 0; i < n; i++)
			buf[i] = id->data[i] > ' ' && id->data[i] < 0x7f ? (char)id->data[i] : '?';
		buf[n] = '\0';
		return buf;
	}
	case IKE_ID_DER_DN: return cert_dn_str(id->data, id->len, buf, cap);
	case IKE_ID_KEY_ID: break;
	}
	put_hex(id, buf, cap);
	return buf;
}

bool ike_identity_in_cert(const struct ike_identity *id, const struct cert *c)
{
	switch ((enum ike_id_type)id->type) {
	case IKE_ID_IPV4:
	case IKE_ID_IPV6: return cert_has_name(c, CERT_NAME_IP, id->data, id->len);
	case IKE_ID_FQDN: return cert_has_name(c, CERT_NAME_DNS, id->data, id->len);
	case IKE_ID_RFC822: return cert_has_name(c, CERT_NAME_EMAIL, id->data, id->len);
	case IKE_ID_DER_DN: return cert_has_name(c, CERT_NAME_DN, id->data, id->len);
	case IKE_ID_KEY_ID: return cert_has_name(c, CERT_NAME_KEYID, id->data, id->len);
	case IKE_ID_NONE: break;
	}
	return false;
}

bool ike_identity_eq(const struct ike_identity *a, const struct ike_identity *b)
{
	if (a->type == IKE_ID_DER_DN && b->type == IKE_ID_DER_DN)
		return cert_dn_eq(a->data, a->len, b->data, b->len);
	if (a->type != b->type || a->len != b->len)
		return false;
	/* Names of hosts don't tell case apart. */
	if (a->type == IKE_ID_FQDN)
		return !strncasecmp((const char *)a->data, (const char *)b->data, a->len);
	return !memcmp(a->data, b->data, a->len);
}

#define FNV_BASIS 2166136261u
#define FNV_PRIME 16777619u

uint32_t ike_identity_key(const struct ike_identity *id)
{
	uint32_t key = (FNV_BASIS ^ id->type) * FNV_PRIME;

	if (id->type == IKE_ID_DER_DN)
		return cert_dn_key(id->data, id->len);
	for (unsigned i = 0; i < id->len; i++)
		key = (key ^ (id->type == IKE_ID_FQDN ? (uint8_t)tolower(id->data[i]) : id->data[i])) *
		      FNV_PRIME;
	return key | 1;
}

bool ike_identity_accepts(const struct ike_identity *wanted, const struct ike_identity *seen)
{
	return wanted->type == IKE_ID_NONE || ike_identity_eq(wanted, seen);
}
