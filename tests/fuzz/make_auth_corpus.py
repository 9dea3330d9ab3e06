#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seed corpus of ike_auth_fuzz: each way to authenticate as it should be, and changed in each place."""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent / "corpus" / "ike_auth"
PATCH, FRONT, BACK, CHAIN, PARTS, PART = range(6)
IDI, IDR, CERT, CERTREQ, AUTH, NOTIFY, DELETE, CP, EAP = 35, 36, 37, 38, 39, 41, 42, 47, 48
PSK, PUBKEY, MSCHAPV2, TLS, THEIRS_CERT, PPK = 0, 1, 2, 3, 4, 8
WAYS = {"psk": PSK, "cert": PUBKEY | THEIRS_CERT, "mixed": PUBKEY, "mschapv2": MSCHAPV2 | THEIRS_CERT, "tls": TLS | THEIRS_CERT,
        "ppk": PSK | PPK, "tls-psk": TLS, "mschapv2-ppk": MSCHAPV2 | PPK}


def record(at, how, arg=0, body=b""):
    return struct.pack("!BBBH", at, how, arg, len(body)) + body


def add(*places):
    return b"".join(struct.pack("!HB", at & 0x7FFF | (0x8000 if at < 0 else 0), value) for at, value in places)


def eap(code, ident, kind, data=b""):
    body = bytes([kind]) + data
    return struct.pack("!BBH", code, ident, 4 + len(body)) + body


CHANGES = {
    "whole": b"",
    "parts": record(0, PARTS) + record(1, PARTS),
    "patch-request": record(0, PATCH, 0, add((20, 1))),
    "patch-answer": record(1, PATCH, 0, add((40, 128))),
    "patch-last": record(0, PATCH, 0, add((0x7FF0, 1))),
    "cert-front": record(0, FRONT, CERT, b"\x04" + b"\x30\x82\x01\x00" + bytes(64)),
    "cert-url": record(0, FRONT, CERT, b"\x0c" + bytes(20) + b"http://example.net/c.der"),
    "certs": b"".join(record(0, BACK, CERT, b"\x04\x30\x00") for _ in range(11)),
    "certreq": record(0, FRONT, CERTREQ, b"\x04" + bytes(range(40))) + record(1, FRONT, CERTREQ, b"\x04" + bytes(7)),
    "auth-twice": record(0, BACK, AUTH, b"\x02\0\0\0" + bytes(32)),
    "auth-signature": record(0, CHAIN, IDI, bytes.fromhex("27000008 01000000 0a000001 00000020 0e000000 0f300d06092a864886f70d01010b0500 00000000".replace(" ", ""))),
    "eap-answer": record(1, BACK, EAP, eap(1, 1, 1)) + record(2, BACK, EAP, eap(2, 1, 26, bytes(20))),
    "eap-success": record(1, BACK, EAP, b"\x03\x01\x00\x04"),
    "eap-alone": record(0, CHAIN, EAP, b"\0\0\0\x09" + eap(2, 0, 1)),
    "notifies": record(1, BACK, NOTIFY, b"\0\0\0\x18") + record(0, BACK, NOTIFY, b"\0\0\x40\x00") + record(1, FRONT, NOTIFY, b"\0\0\x40\x34id"),
    "delete": record(1, BACK, DELETE, b"\x03\x04\0\x01\x01\x02\x03\x04") + record(2, CHAIN, DELETE, b"\0\0\0\x08\x01\0\0\0"),
    "cp": record(0, BACK, CP, b"\x01\0\0\0\0\x01\0\0") + record(1, BACK, CP, b"\x02\0\0\0\0\x01\0\x04\x0a\0\0\x01"),
    "empty": record(0, CHAIN) + record(1, CHAIN),
    "critical": record(0, FRONT, 200, b"x"),
    "part": record(0, PART, 0x12, b"\0\0\0\x08\x01\0\0\0") + record(0, PART, 0x22, bytes(300)) + record(1, PART, 0x1F, b"x"),
    "part-zero": record(0, PART, 0x00) + record(0, PART, 0x01) + record(0, PART, 0x21),
}

HERE.mkdir(parents=True, exist_ok=True)
for way, flags in WAYS.items():
    (HERE / way).write_bytes(bytes([flags, 7]))
for change, data in CHANGES.items():
    if change == "whole":
        continue
    ways = ("cert", "tls") if change.startswith(("cert", "auth", "parts")) else ("mschapv2",) if change.startswith("eap") else ("cert",)
    for way in ways:
        (HERE / f"{way}-{change}").write_bytes(bytes([WAYS[way], 7]) + data)
