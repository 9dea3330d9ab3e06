#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""symbols.py [--nm NM] ARCHIVE...: what the archives of the pure cores need from outside must be on the allowlist.

The archives are looked at together: what one of them defines, another may use. Symbols that compilers and sanitizers
put in are not ours and don't count. Prints each offence with archive, object and symbol; exit 1 if any.
"""
import argparse
import re
import subprocess
import sys

ALLOWED = set("""
abort calloc free malloc realloc reallocarray qsort bsearch
memchr memcmp memcpy memmove memset explicit_bzero
strcasecmp strchr strcmp strcpy strcspn strdup strlen strncasecmp strncmp strncpy strndup strnlen strpbrk strrchr strspn
strstr strtok_r stpcpy
strtol strtoul strtoll strtoull __isoc23_strtol __isoc23_strtoul __isoc23_strtoll __isoc23_strtoull
bcmp strerror snprintf vsnprintf toupper tolower __ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc __errno_location
inet_ntop inet_pton htonl htons ntohl ntohs
__assert_fail
""".split())
# Calculation only: no RAND_*, no key generation (it would draw randomness of its own), no BIO but on memory, no ENGINE.
OPENSSL = re.compile(r"^(SHA(1|256|384|512)_(Init|Update|Final)|EVP_(CIPHER|Cipher|MD|Digest|MAC|KDF|PKEY|Encrypt|Decrypt)\w*|BN_\w+|EC_(GROUP|POINT|KEY)_\w+|"
                     r"X509_\w+|(d2i|i2d)_\w+|ASN1_\w+|OBJ_\w+|PEM_read_bio_\w+|BIO_(new_mem_buf|free)|ECDSA_SIG_\w+|"
                     r"RSA_PSS_PARAMS_\w+|EVP_sha\d+|OPENSSL_sk_\w+|GENERAL_NAMES?_\w+|OCSP_\w+|CRL_DIST_POINTS_free|AUTHORITY_INFO_ACCESS_free|EXTENDED_KEY_USAGE_free|"
                     r"ERR_peek_last_error|ERR_get_error|OSSL_PARAM_\w+|CRYPTO_memcmp|OPENSSL_(cleanse|free)|CRYPTO_free|HMAC\w*|ERR_clear_error)$")
NOT_OPENSSL = re.compile(r"rand|keygen|generate", re.I)
# Put in by the compiler: fortified calls stand for the plain ones, which the list judges.
GENERATED = re.compile(r"^(__(asan|ubsan|sanitizer|tsan|lsan|sancov|gcov|llvm|msan)_\w+|__stack_chk_fail|"
                       r"_GLOBAL_OFFSET_TABLE_|__start___sancov_\w+|__stop___sancov_\w+|_Unwind_\w+|__tls_get_addr)$")
FORTIFIED = re.compile(r"^__(\w+)_chk$")
# Objects that may have more of OpenSSL than the rest: (archive, object) -> what.
# tls.c: libssl on memory; its randomness is the library's own (base/tls.h says so).
OBJECTS = {
    # HMAC-MD5-96 of the legacy profiles; nobody else hashes with MD5.
    ("libcw_base.a", "crypto_hash.c.o"): re.compile(r"^MD5_(Init|Update|Final)$"),
    ("libcw_base.a", "crypto_legacy.c.o"): re.compile(r"^(MD4_\w+|DES_\w+)$"),
    ("libcw_base.a", "tls.c.o"): re.compile(
        r"^(SSL_\w+|TLS_method|BIO_\w+|PEM_read_bio_\w+|X509_\w+|GENERAL_NAMES_free|OPENSSL_sk_\w+|OBJ_obj2txt|"
        r"ASN1_STRING_to_UTF8|ERR_\w+)$"),
}
# The one place that acts: (archive, object, symbol) -> why
EXCEPTIONS = {
    ("libcw_base.a", "log.c.o", "write"): "the stderr sink",
    ("libcw_base.a", "log.c.o", "getenv"): "is standard error a journal?",
}


def table(nm, archive):
    """(object, kind, symbol) of all global symbols; the archive's path in front is cut off."""
    out = subprocess.run([nm, "-A", "-P", "-g", archive], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        found = re.match(r"^(.*)\[(.*)\]: (\S+) (\S)", line)
        if found:
            yield found[2], found[4], found[3]


def allowed(base, symbol):
    plain = FORTIFIED.sub(r"\1", symbol)
    return plain in ALLOWED or (base and OPENSSL.match(symbol) and not NOT_OPENSSL.search(symbol))


def offences(nm, archives):
    rows = [(a, *row) for a in archives for row in table(nm, a)]
    if not rows:
        return ["no symbols at all: are these archives?"]
    defined = {s for _, _, kind, s in rows if kind not in "Uvw"}
    found = []
    for archive, member, kind, symbol in rows:
        if kind not in "Uvw" or symbol in defined or GENERATED.match(symbol):
            continue
        name = archive.rsplit("/", 1)[-1]
        special = OBJECTS.get((name, member))
        if special and special.match(symbol):
            continue
        if not allowed(name == "libcw_base.a", symbol) and (name, member, symbol) not in EXCEPTIONS:
            found.append(f"{name}({member}): {symbol}: not on the allowlist of the pure cores")
    return sorted(set(found))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--nm", default="nm")
    p.add_argument("archive", nargs="+")
    a = p.parse_args()
    found = offences(a.nm, a.archive)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"symbols: {len(found)} offences in {len(a.archive)} archives")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
