#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seed corpus of eap_fuzz: for each side and method packets that fit, and some that don't."""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent / "corpus" / "eap"
REQUEST, RESPONSE, SUCCESS, FAILURE = 1, 2, 3, 4
SERVER, TLS, FIX = 1, 2, 4


def packet(code, ident, kind=None, data=b""):
    body = (bytes([kind]) if kind is not None else b"") + data
    return struct.pack("!BBH", code, ident, 4 + len(body)) + body


def ms(opcode, data, ident=1):
    return struct.pack("!BBH", opcode, ident, 4 + len(data)) + data


def script(flags, *packets):
    return bytes([flags]) + b"".join(struct.pack("!H", len(p)) + p for p in packets)


IDENTITY = packet(REQUEST, 1, 1)
CHALLENGE = packet(REQUEST, 2, 26, ms(1, b"\x10" + bytes(range(16)) + b"server"))
SEEDS = {
    "client-success": script(0, IDENTITY, CHALLENGE,
                             packet(REQUEST, 3, 26, ms(3, b"S=" + b"0123456789ABCDEF0123456789abcdef01234567" + b" M=OK")),
                             packet(SUCCESS, 3)),
    "client-failure": script(0, IDENTITY, CHALLENGE,
                             packet(REQUEST, 3, 26, ms(4, b"E=691 R=1 C=" + b"00" * 16 + b" V=3 M=bad")), packet(FAILURE, 3)),
    "client-expired": script(0, CHALLENGE, packet(REQUEST, 3, 26, ms(4, b"E=648 R=0 V=3")), packet(FAILURE, 3)),
    "client-nak": script(0, IDENTITY, packet(REQUEST, 2, 13, b"\x20"), packet(REQUEST, 3, 2, b"hello"), CHALLENGE),
    "client-early": script(0, IDENTITY, packet(SUCCESS, 1)),
    "server-mschapv2": script(SERVER | FIX, packet(RESPONSE, 0, 1, b"branch1"),
                              packet(RESPONSE, 0, 26, ms(2, b"\x31" + bytes(49) + b"CORP\\branch1", 0)),
                              packet(RESPONSE, 0, 26, b"\x03"), packet(RESPONSE, 0, 26, b"\x04")),
    "server-nak": script(SERVER | FIX, packet(RESPONSE, 0, 1, b"branch1"), packet(RESPONSE, 0, 3, b"\x19")),
    "client-tls": script(TLS, IDENTITY, packet(REQUEST, 2, 13, b"\x20"), packet(REQUEST, 3, 13, b"\0"),
                         packet(REQUEST, 4, 13, b"\0\x15\x03\x03\x00\x02\x02\x28")),
    "server-tls": script(SERVER | TLS | FIX, packet(RESPONSE, 0, 1, b"branch1"),
                         packet(RESPONSE, 0, 13, b"\xc0\x00\x00\x00\x20\x16\x03\x01\x00\x1b\x01"),
                         packet(RESPONSE, 0, 13, b"\x40\x00\x00\x17\x03\x03"), packet(RESPONSE, 0, 13, b"\0" + bytes(18))),
}

HERE.mkdir(parents=True, exist_ok=True)
for name, data in SEEDS.items():
    (HERE / name).write_bytes(data)
