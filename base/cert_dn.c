/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distinguished names: from an administrator's text to DER, to text, and compared. The text keeps the
 * certificate's order, most significant first, as strongSwan writes it; values are UTF-8.
 */
#include "base/cert_internal.h"

#include "base/cursor.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DN_PARTS_MAX 32
#define DN_VALUE_MAX 256

/* What people write that the library doesn't know by that name. */
static int nid_of_key(const char *key)
{
	static const struct {
		const char *key;
		int nid;
	} aliases[] = { { "E", NID_pkcs9_emailAddress }, { "EMAIL", NID_pkcs9_emailAddress },
		{ "S", NID_stateOrProvinceName }, { "SN", NID_serialNumber }, { "G", NID_givenName },
		{ "I", NID_initials }, { "T", NID_title }, { "D", NID_description } };
	int nid;

	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (!strcasecmp(aliases[i].key, key))
			return aliases[i].nid;
	nid = OBJ_txt2nid(key);
	if (nid == NID_undef) {
		char upper[16];
		size_t n = strlen(key);

		if (n < sizeof(upper)) {
			for (size_t i = 0; i <= n; i++)
				upper[i] =
				    (char)(key[i] >= 'a' && key[i] <= 'z' ? key[i] - 'a' + 'A' : key[i]);
			nid = OBJ_txt2nid(upper);
		}
	}
	ERR_clear_error();
	return nid;
}

/* Takes one "KEY=value" up to the separator; returns what follows it, or NULL when it is malformed. */
static const char *take_part(const char *p, char separator, X509_NAME *name)
{
	char key[32], value[DN_VALUE_MAX];
	size_t n = 0;

	while (*p == ' ')
		p++;
	while (*p && *p != '=' && *p != ' ' && n + 1 < sizeof(key))
		key[n++] = *p++;
	key[n] = '\0';
	while (*p == ' ')
		p++;
	if (*p++ != '=' || !n || nid_of_key(key) == NID_undef)
		return NULL;
	while (*p == ' ')
		p++;
	for (n = 0; *p && *p != separator; p++) {
		if (*p == '\\' && p[1])
			p++;
		if (n + 1 == sizeof(value))
			return NULL;
		value[n++] = *p;
	}
	while (n && value[n - 1] == ' ')
		n--;
	if (!n || X509_NAME_add_entry_by_NID(
	              name, nid_of_key(key), MBSTRING_UTF8, (const uint8_t *)value, (int)n, -1, 0) != 1)
		return NULL;
	return *p ? p + 1 : p;
}

int cert_dn_parse(const char *text, uint8_t *out, size_t cap, size_t *ret_len)
{
	X509_NAME *name = X509_NAME_new();
	char separator = text[0] == '/' ? '/' : ',';
	const char *p = text + (text[0] == '/');
	int len = -1;

	for (unsigned i = 0; name && p && *p && i < DN_PARTS_MAX; i++)
		p = take_part(p, separator, name);
	if (name && p && !*p && X509_NAME_entry_count(name)) {
		len = i2d_X509_NAME(name, NULL);
		if (len > 0 && (size_t)len <= cap)
			*ret_len = (size_t)i2d_X509_NAME(name, &out);
		else
			len = -1;
	}
	X509_NAME_free(name);
	ERR_clear_error();
	return len > 0 ? 0 : -1;
}

const char *cert_x509_name_str(const X509_NAME *name, char *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap ? cap - 1 : 0);

	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(e));
		char oid[64];
		unsigned char *utf8 = NULL;
		int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(e));
		const char *key = nid == NID_pkcs9_emailAddress ? "E"
		                  : nid == NID_undef            ? oid
		                                                : OBJ_nid2sn(nid);

		if (nid == NID_undef)
			OBJ_obj2txt(oid, sizeof(oid), X509_NAME_ENTRY_get_object(e), 1);
		if (wr_len(&w))
			wr_bytes(&w, ", ", 2);
		wr_bytes(&w, key, strlen(key));
		wr_u8(&w, '=');
		for (int j = 0; j < n; j++) {
			if (utf8[j] == ',' || utf8[j] == '\\')
				wr_u8(&w, '\\');
			/* Terminals obey control characters, those of two octets (U+0080 to U+009F) too. */
			if (utf8[j] < ' ' || utf8[j] == 0x7f)
				wr_u8(&w, '?');
			else if (utf8[j] == 0xc2 && j + 1 < n && utf8[j + 1] < 0xa0)
				utf8[j + 1] = '?';
			else
				wr_u8(&w, utf8[j]);
		}
		OPENSSL_free(utf8);
	}
	if (cap)
		buf[wr_len(&w)] = '\0';
	ERR_clear_error();
	return buf;
}

static X509_NAME *name_of(const uint8_t *der, size_t len)
{
	const uint8_t *p = der;
	X509_NAME *name = len && len <= INT32_MAX ? d2i_X509_NAME(NULL, &p, (long)len) : NULL;

	if (name && p != der + len) {
		X509_NAME_free(name);
		name = NULL;
	}
	ERR_clear_error();
	return name;
}

const char *cert_dn_str(const uint8_t *der, size_t len, char *buf, size_t cap)
{
	X509_NAME *name = name_of(der, len);

	if (name)
		cert_x509_name_str(name, buf, cap);
	else
		snprintf(buf, cap, "?");
	X509_NAME_free(name);
	return buf;
}

bool cert_dn_eq(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	X509_NAME *na = name_of(a, a_len), *nb = name_of(b, b_len);
	bool same = na && nb && !X509_NAME_cmp(na, nb);

	X509_NAME_free(na);
	X509_NAME_free(nb);
	return same;
}

uint32_t cert_dn_key(const uint8_t *der, size_t len)
{
	X509_NAME *name = name_of(der, len);
	int ok = 0;
	uint32_t key = name ? (uint32_t)X509_NAME_hash_ex(name, NULL, NULL, &ok) : 0;

	X509_NAME_free(name);
	ERR_clear_error();
	return ok ? key | 1 : 0;
}
