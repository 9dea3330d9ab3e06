#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seed corpora of ike_message_fuzz, ike_fragment_fuzz and ike_input_fuzz: a sound message of each exchange, and scripts.

Run it after a change of an input's layout; what fuzzing finds is added beside by hand.
"""
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
SA, KE, IDI, IDR, AUTH, NONCE, NOTIFY, DELETE, VENDOR, TSI, TSR, CP = 33, 34, 35, 36, 39, 40, 41, 42, 43, 44, 45, 47
SPI_I, SPI_R = 0x1122334455667788, 0x99AABBCCDDEEFF00
RAW, REQUEST, ANSWER, COMMAND, RUN, FACT = range(6)
CREATE, INFO = 0, 1


def chain(*payloads):
    out = b""
    for i, (_, body) in enumerate(payloads):
        following = payloads[i + 1][0] if i + 1 < len(payloads) else 0
        out += struct.pack(">BBH", following, 0, 4 + len(body)) + body
    return payloads[0][0], out


def transforms(*items):
    out = b""
    for i, (kind, number, bits) in enumerate(items):
        attribute = struct.pack(">HH", 0x800E, bits) if bits else b""
        out += struct.pack(">BBHBBH", 3 if i + 1 < len(items) else 0, 0, 8 + len(attribute), kind, 0, number) + attribute
    return out


def proposals(*items):
    out = b""
    for i, (protocol, spi, suite) in enumerate(items):
        body = bytes([i + 1, protocol, len(spi), len(suite)]) + spi + transforms(*suite)
        out += struct.pack(">BBH", 2 if i + 1 < len(items) else 0, 0, 4 + len(body)) + body
    return out


def notify(number, data=b"", protocol=0, spi=b""):
    return NOTIFY, bytes([protocol, len(spi)]) + struct.pack(">H", number) + spi + data


def selectors(*pairs):
    out = bytes([len(pairs), 0, 0, 0])
    for first, last in pairs:
        out += struct.pack(">BBHHH", 7 if len(first) == 4 else 8, 0, 8 + 2 * len(first), 0, 65535) + first + last
    return out


def message(exchange, flags, msg_id, first, body, spi_r=0):
    return struct.pack(">QQBBBBII", SPI_I, spi_r, first, 0x20, exchange, flags, msg_id, 28 + len(body)) + body


ANY = selectors((bytes(4), b"\xff" * 4))
ANY6 = selectors((bytes(4), b"\xff" * 4), (bytes(16), b"\xff" * 16))
IKE_SUITE = [(1, 12, 256), (2, 5, 0), (3, 12, 0), (4, 14, 0), (4, 19, 0)]
GCM_SUITE = [(1, 20, 256), (2, 6, 0), (4, 20, 0)]
SPI = b"\xa1\xb2\xc3\xd4"
ESP = proposals((3, SPI, [(1, 20, 128), (5, 0, 0)]))
ESP_PFS = proposals((3, SPI, [(1, 20, 128), (4, 31, 0), (5, 0, 0)]))
ESP_GCM = proposals((3, SPI, [(1, 20, 256), (3, 0, 0), (5, 1, 0), (5, 0, 0)]))
IKE_REKEY = proposals((1, bytes(range(1, 9)), [(1, 20, 128), (2, 5, 0), (4, 31, 0)]))
IKE_REKEY_CBC = proposals((1, bytes(range(1, 9)), [(1, 12, 128), (2, 5, 0), (3, 12, 0), (4, 31, 0)]))
NONCES = (NONCE, bytes(range(32)))
KE_X = (KE, struct.pack(">HH", 31, 0) + bytes(range(9, 41)))

INIT = chain((SA, proposals((1, b"", IKE_SUITE), (1, b"", GCM_SUITE))), (KE, struct.pack(">HH", 19, 0) + bytes(64)), NONCES,
             notify(16388, bytes(20)), notify(16389, bytes(20)), notify(16430), (VENDOR, b"some vendor"))
AUTH_REQUEST = chain((IDI, b"\x01\0\0\0\xc0\0\2\1"), (IDR, b"\x02\0\0\0gw.example.net"), (AUTH, b"\x02\0\0\0" + bytes(32)),
                     notify(16384), (CP, b"\1\0\0\0"), (SA, ESP_GCM), (TSI, ANY6), (TSR, ANY))
REKEY = chain(notify(16393, protocol=3, spi=SPI), (SA, ESP), NONCES, (TSI, ANY), (TSR, ANY))
CHILD = chain((SA, ESP), NONCES, (TSI, ANY), (TSR, ANY))
REKEY_ANSWER = chain((SA, ESP), NONCES, (TSI, ANY), (TSR, ANY))
REKEY_ANSWER_PFS = chain((SA, ESP_PFS), NONCES, KE_X, (TSI, ANY), (TSR, ANY))
IKE_CHAIN = chain((SA, IKE_REKEY), NONCES, KE_X)
IKE_CHAIN_CBC = chain((SA, IKE_REKEY_CBC), NONCES, KE_X)
COOKIE2 = notify(16401, bytes(range(16)))
NO_NATS = notify(16402, b"\xc0\0\2\1\xc0\0\2\2\x11\x94\x11\x94")
UPDATE = chain(notify(16400), notify(16388, bytes(20)), notify(16389, bytes(20)), COOKIE2)
UPDATE_NO_NATS = chain(notify(16400), COOKIE2, NO_NATS)
ADDITIONAL = chain(notify(16397, b"\xc6\x33\x64\x07"), notify(16398, bytes(15) + b"\1"), COOKIE2)
MOBIKE_AUTH = chain(notify(16396), notify(16397, b"\xc6\x33\x64\x07"), notify(16399), NO_NATS)
DELETES = chain((DELETE, b"\3\4\0\2" + SPI + SPI), (DELETE, b"\1\0\0\0"))
DELETE_IKE = chain((DELETE, b"\1\0\0\0"))
DELETE_ESP = chain((DELETE, b"\3\4\0\1" + SPI))

MESSAGES = {
    "init": b"\0" + message(34, 8, 0, *INIT),
    "init-cookie": b"\0" + message(34, 0x20, 0, *chain(notify(16390, b"cookie"))),
    "init-invalid-ke": b"\0" + message(34, 0x20, 0, *chain(notify(17, b"\0\x0e"))),
    "sealed": b"\0" + message(37, 8, 2, 46, struct.pack(">BBH", 42, 0, 40) + bytes(36), SPI_R),
    "critical": b"\0" + message(34, 8, 0, 200, b"\0\x80\0\4"),
}
for name, (start, octets) in {"auth": AUTH_REQUEST, "rekey": REKEY, "rekey-pfs": REKEY_ANSWER_PFS, "rekey-ike": IKE_CHAIN,
                              "deletes": DELETES, "mobike-auth": MOBIKE_AUTH, "mobike-update": UPDATE,
                              "mobike-additional": ADDITIONAL}.items():
    MESSAGES["chain-" + name] = bytes([start]) + octets


def rec(kind, arg=0, body=b""):
    return struct.pack(">BBH", kind, arg, len(body)) + body


def sealed(kind, exchange, payloads):
    return rec(kind, exchange | payloads[0] << 2, payloads[1])


REKEY_CHILD, REKEY_IKE, RESTART, DOWN = 0, 2, 4, 6
MOVE, MOVE_PEER = 1, 3  # facts: peer 0's, peer 1's addresses; what follows is one of IPv4
SCRIPTS = {
    "empty": b"\0",
    "raw-init": b"\0" + rec(RAW, 0, message(34, 8, 0, *INIT)) + rec(RUN, 100),
    "raw-live": b"\1" + rec(RAW, 1, message(37, 8, 2, 46, struct.pack(">BBH", 42, 0, 40) + bytes(36), SPI_R)),
    "request-delete-ike": b"\0" + sealed(REQUEST, INFO, DELETE_IKE) + rec(RUN, 80),
    "request-delete-esp": b"\1" + sealed(REQUEST, INFO, DELETE_ESP) + rec(RUN, 80),
    "request-child": b"\0" + sealed(REQUEST, CREATE, CHILD) + rec(RUN, 20),
    "request-rekey": b"\0" + sealed(REQUEST, CREATE, REKEY) + rec(RUN, 20),
    "request-ike": b"\0" + sealed(REQUEST, CREATE, IKE_CHAIN) + rec(RUN, 60) + sealed(REQUEST, INFO, DELETE_IKE),
    "request-ike-cbc": b"\1" + sealed(REQUEST, CREATE, IKE_CHAIN_CBC) + rec(RUN, 60),
    "request-auth-failed": b"\0" + sealed(REQUEST, INFO, chain(notify(24))) + rec(RUN, 200),
    "request-critical": b"\0" + rec(REQUEST, INFO | 50 << 2, b"\0\x80\0\4") + rec(RUN, 20),
    "answer-rekey": b"\0" + rec(COMMAND, REKEY_CHILD) + sealed(ANSWER, CREATE, REKEY_ANSWER) + rec(RUN, 40),
    "answer-rekey-pfs": b"\2" + rec(COMMAND, REKEY_CHILD) + rec(RUN, 1) + sealed(ANSWER, CREATE, REKEY_ANSWER_PFS) + rec(RUN, 40),
    "answer-ike": b"\0" + rec(COMMAND, REKEY_IKE) + rec(RUN, 1) + sealed(ANSWER, CREATE, IKE_CHAIN) + rec(RUN, 100),
    "answer-temporary": b"\0" + rec(COMMAND, REKEY_CHILD) + sealed(ANSWER, CREATE, chain(notify(43))) + rec(RUN, 200),
    "answer-not-found": b"\0" + rec(COMMAND, REKEY_CHILD) + sealed(ANSWER, CREATE, chain(notify(44))) + rec(RUN, 200),
    "answer-invalid-ke": b"\2" + rec(COMMAND, REKEY_CHILD) + rec(RUN, 1) + sealed(ANSWER, CREATE, chain(notify(17, b"\0\x13"))),
    "commands": b"\3" + b"".join(rec(COMMAND, a) + rec(RUN, 3 + a) for a in range(6)) + rec(COMMAND, DOWN) + rec(RUN, 9),
    "raw-fragment": b"\0" + rec(RAW, 1, message(37, 8, 2, 53, struct.pack(">BBHHH", 0, 0, 44, 1, 2) + bytes(36), SPI_R)),
    "request-skf-inside": b"\1" + rec(REQUEST, INFO | 53 << 2, struct.pack(">BBHHH", 42, 0, 16, 1, 1) + bytes(8)) + rec(RUN, 20),
    # the first octet's 4: MOBIKE; 8: peer 1 began
    "mobike-moves": b"\4" + rec(FACT, MOVE, b"\xc0\0\2\x10") + rec(RUN, 30) + rec(FACT, MOVE, b"\xc0\0\2\x11") + rec(RUN, 60),
    "mobike-moves-rekey": b"\5" + rec(COMMAND, REKEY_IKE) + rec(FACT, MOVE, b"\xc0\0\2\x10") + rec(RUN, 60),
    "mobike-peer-told": b"\4" + rec(FACT, MOVE_PEER, b"\xc0\0\2\x20") + rec(RUN, 60),
    "mobike-update": b"\x0c" + sealed(REQUEST, INFO, UPDATE) + rec(RUN, 30),
    "mobike-update-no-nats": b"\x0d" + sealed(REQUEST, INFO, UPDATE_NO_NATS) + rec(RUN, 30),
    "mobike-update-not-theirs": b"\4" + sealed(REQUEST, INFO, UPDATE) + rec(RUN, 30),
    "mobike-additional": b"\4" + sealed(REQUEST, INFO, ADDITIONAL) + rec(RUN, 30),
    "mobike-answer-cookie": b"\4" + rec(FACT, MOVE, b"\xc0\0\2\x10") + sealed(ANSWER, INFO, UPDATE) + rec(RUN, 200),
    "mobike-answer-unacceptable": b"\4" + rec(FACT, MOVE, b"\xc0\0\2\x10") + sealed(ANSWER, INFO, chain(notify(40), COOKIE2)),
    "mobike-answer-nat": b"\5" + rec(FACT, MOVE, b"\xc0\0\2\x10") + sealed(ANSWER, INFO, chain(notify(41), COOKIE2)),
    "facts": b"\0" + rec(FACT, 0, bytes(16)) + rec(RUN, 255),
}


def skf(msg_id, number, total, octets, first=0):
    return rec(0, first, bytes([msg_id, number, total]) + octets)


STRANGE = message(35, 8, 1, 53, struct.pack(">BBHHH", 35, 0, 60, 1, 2) + bytes(52), SPI_R)
FRAGMENTS = {
    "three": b"\0" + skf(0, 1, 3, b"a" * 100, IDI) + skf(0, 3, 3, b"c") + skf(0, 2, 3, b"b" * 100),
    "finer": b"\1" + skf(0, 1, 2, b"a" * 30, IDI) + skf(0, 1, 3, b"a" * 20, IDI) + skf(0, 2, 2, b"b") + skf(0, 2, 3, b"b"),
    "numbers": b"\1" + skf(0, 0, 1, b"a") + skf(0, 2, 1, b"a") + skf(0, 1, 65, b"a") + skf(0, 64, 64, b"a") + skf(0, 1, 1, b""),
    "mixed": b"\0" + skf(0, 1, 2, b"a", IDI) + skf(1, 2, 2, b"b") + rec(1, 0, STRANGE) + skf(0, 2, 2, b"b"),
}


def write(corpus, entries):
    path = os.path.join(HERE, "corpus", corpus)
    os.makedirs(path, exist_ok=True)
    for entry, data in entries.items():
        with open(os.path.join(path, entry), "wb") as f:
            f.write(data)


write("ike_message", MESSAGES)
write("ike_input", SCRIPTS)
write("ike_fragment", FRAGMENTS)
