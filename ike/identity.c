/* SPDX-License-Identifier: Apache-2.0 */
/* Identities (RFC 7296 3.5): from the admin's text, to printable text, and whether a peer's fits what is
 * wanted. */
#include "ike/identity.h"

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

int ike_identity_parse(const char *text, struct ike_identity *ret_id)
{
	struct ike_identity id = { 0 };
	struct addr a;
	size_t len;

	if (!addr_parse(text, &a)) {
		*ret_id = ike_identity_of_addr(&a);
		return 0;
	}
	id.type = IKE_ID_FQDN;
	if (text[0] == '@')
		text++;
	else if (strchr(text, '@'))
		id.type = IKE_ID_RFC822;
	len = strlen(text);
	if (!len || len >= IKE_ID_MAX)
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
	case IKE_ID_DER_DN:
	case IKE_ID_KEY_ID: break;
	}
	put_hex(id, buf, cap);
	return buf;
}

bool ike_identity_eq(const struct ike_identity *a, const struct ike_identity *b)
{
	if (a->type != b->type || a->len != b->len)
		return false;
	/* Names of hosts don't tell case apart. */
	if (a->type == IKE_ID_FQDN)
		return !strncasecmp((const char *)a->data, (const char *)b->data, a->len);
	return !memcmp(a->data, b->data, a->len);
}

bool ike_identity_accepts(const struct ike_identity *wanted, const struct ike_identity *seen)
{
	return wanted->type == IKE_ID_NONE || ike_identity_eq(wanted, seen);
}
