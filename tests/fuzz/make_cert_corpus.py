#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seed corpora of cert_fuzz and revocation_fuzz; needs python3-cryptography.

Certificates, CRLs and OCSP answers go in without their signatures: the targets sign them with the same key
(tests/support/der_seal.h), so the same seeds come out each time.
"""
import datetime
import ipaddress
import pathlib
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

HERE = pathlib.Path(__file__).resolve().parent / "corpus"
KEY = Ed25519PrivateKey.from_private_bytes(b"\x42" * 32)
NOW = datetime.datetime.fromtimestamp(1800000000, datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
CHAIN, ANCHOR, CRL, NAME, PEM, DN = range(6)
CERT, ISSUER, OCSP, LIST, BY = range(5)
SIGNED = 0x80


def name(cn):
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
                      x509.NameAttribute(NameOID.COMMON_NAME, cn)])


def cert(subject, issuer, serial, *extensions, begin=-365, end=365):
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(KEY.public_key())
               .serial_number(serial).not_valid_before(NOW + begin * DAY).not_valid_after(NOW + end * DAY))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, (x509.BasicConstraints, x509.NameConstraints)))
    return builder.sign(KEY, None)


def ca(subject, issuer, serial, *extensions, path=None, **when):
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    return cert(subject, issuer, serial, x509.BasicConstraints(True, path), usage, *extensions, **when)


def records(*items):
    return b"".join(struct.pack("!BH", kind, len(data)) + data for kind, data in items)


def signed(kind, what):
    return kind | SIGNED, what.tbs_certificate_bytes


def crl(issuer, *serials, until=1):
    builder = x509.CertificateRevocationListBuilder().issuer_name(name(issuer)).last_update(NOW - DAY).next_update(NOW + until * DAY)
    for serial in serials:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - DAY).build())
    return builder.sign(KEY, None).tbs_certlist_bytes


def answer(leaf, issuer, status, by=None, until=DAY):
    revoked = status == ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf, issuer=issuer, algorithm=hashes.SHA1(), cert_status=status, this_update=NOW - DAY,
        next_update=NOW + until if until else None, revocation_time=NOW - DAY if revoked else None, revocation_reason=None)
    # By name: all have the same key, and by its hash every responder would be the issuer.
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, by or issuer)
    return builder.sign(KEY, None).tbs_response_bytes


SAN = x509.SubjectAlternativeName([
    x509.DNSName("gw.example.net"), x509.DNSName("*.example.org"), x509.RFC822Name("gw@example.net"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.1")), x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
    x509.DirectoryName(name("alias")), x509.UniformResourceIdentifier("http://example.net/")])
URLS = (x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP,
                                                               x509.UniformResourceIdentifier("http://ocsp.example.net/"))]),
        x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.example.net/r.crl")],
                                                           None, None, None)]))
ROOT = ca("Root", "Root", 1)
INTER = ca("Issuing", "Root", 2, path=0)
BOUND = ca("Bound", "Root", 3, x509.NameConstraints([x509.DNSName("example.net")], [x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))]))
LEAF = cert("gw.example.net", "Issuing", 42, SAN, x509.KeyUsage(True, False, False, False, False, False, False, False, False),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), x509.SubjectKeyIdentifier(b"\x01" * 20), *URLS)
DIRECT = cert("direct", "Root", 43, *URLS)
RESPONDER = cert("Responder", "Root", 44, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]))
PRETENDER = cert("x", "Root", 60)
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
NAMES = tuple((NAME, n) for n in (name("alias").public_bytes(), b"gw.example.net", b"gw@example.net", bytes([192, 0, 2, 1]),
                                  ipaddress.ip_address("2001:db8::1").packed, b"\x01" * 20))
CERTS = {
    "direct": records(signed(ANCHOR, ROOT), signed(CHAIN, DIRECT), *NAMES),
    "chain": records(signed(ANCHOR, ROOT), signed(CHAIN, LEAF), signed(CHAIN, INTER), *NAMES),
    "revoked": records(signed(ANCHOR, ROOT), signed(CHAIN, LEAF), signed(CHAIN, INTER), (CRL | SIGNED, crl("Root", 7)),
                       (CRL | SIGNED, crl("Issuing", 42))),
    "old-list": records(signed(ANCHOR, ROOT), signed(CHAIN, DIRECT), (CRL | SIGNED, crl("Root", until=-1 / 2))),
    "names": records(signed(ANCHOR, ROOT), signed(CHAIN, cert("x", "Bound", 50, SAN)), signed(CHAIN, BOUND)),
    "expired": records(signed(ANCHOR, ROOT), signed(CHAIN, cert("x", "Root", 51, end=-1))),
    "not-yet": records(signed(ANCHOR, ROOT), signed(CHAIN, cert("x", "Root", 52, begin=1))),
    "usage": records(signed(ANCHOR, ROOT), signed(CHAIN, cert("x", "Root", 53, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])))),
    "too-deep": records(signed(ANCHOR, ROOT), signed(CHAIN, cert("x", "Below", 54)), signed(CHAIN, ca("Below", "Issuing", 55)),
                        signed(CHAIN, INTER)),
    "ring": records(signed(ANCHOR, ROOT), signed(CHAIN, cert("x", "A", 56)), signed(CHAIN, ca("A", "B", 57)), signed(CHAIN, ca("B", "A", 58))),
    "pem": records((PEM, ROOT.public_bytes(serialization.Encoding.PEM) * 2)),
    "dn": records((DN, b"C=DE, O=Example, CN=gw"), (DN, b"/C=DE/O=Example/CN=gw"), (DN, b"CN=a\\, b, 2.5.4.5=#0c01"),
                  (NAME, name("a, b").public_bytes())),
    "not-signed": records((ANCHOR, ROOT.public_bytes(serialization.Encoding.DER)), (CHAIN, DIRECT.tbs_certificate_bytes)),
}
PAIR = (signed(CERT, DIRECT), signed(ISSUER, ROOT))
REVOCATIONS = {
    "ocsp-good": records(*PAIR, (OCSP | SIGNED, answer(DIRECT, ROOT, GOOD))),
    "ocsp-revoked": records(*PAIR, (OCSP | SIGNED, answer(DIRECT, ROOT, REVOKED))),
    "ocsp-unknown": records(*PAIR, (OCSP | SIGNED, answer(DIRECT, ROOT, UNKNOWN))),
    "ocsp-appointed": records(*PAIR, signed(BY, RESPONDER), (OCSP | SIGNED, answer(DIRECT, ROOT, GOOD, RESPONDER))),
    "ocsp-pretender": records(*PAIR, signed(BY, PRETENDER), (OCSP | SIGNED, answer(DIRECT, ROOT, GOOD, PRETENDER))),
    "ocsp-old": records(*PAIR, (OCSP | SIGNED, answer(DIRECT, ROOT, GOOD, until=-DAY / 2))),
    "ocsp-no-end": records(*PAIR, (OCSP | SIGNED, answer(DIRECT, ROOT, GOOD, until=None))),
    "ocsp-of-another": records(*PAIR, (OCSP | SIGNED, answer(RESPONDER, ROOT, GOOD))),
    "ocsp-try-later": records(*PAIR, (OCSP, bytes([0x30, 3, 0x0A, 1, 3])), (LIST | SIGNED, crl("Root"))),
    "crl-good": records(*PAIR, (LIST | SIGNED, crl("Root", 7, 8))),
    "crl-revoked": records(*PAIR, (LIST | SIGNED, crl("Root", 43))),
    "crl-old": records(*PAIR, (LIST | SIGNED, crl("Root", until=-1 / 2))),
    "crl-of-another": records(*PAIR, (LIST | SIGNED, crl("Other", 43))),
    "html": records(*PAIR, (OCSP, b"<html>502</html>"), (LIST, b"<html>404</html>")),
}
for folder, seeds in (("cert", CERTS), ("revocation", REVOCATIONS)):
    (HERE / folder).mkdir(parents=True, exist_ok=True)
    for seed, data in seeds.items():
        (HERE / folder / seed).write_bytes(data)
