#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seed corpora of bgp_message_fuzz and bgp_stream_fuzz: a sound message of each kind and a few that are not.

Run it after a change of an input's layout; what fuzzing finds is added beside by hand.
"""
import os

HERE = os.path.dirname(os.path.abspath(__file__))
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, REFRESH = 1, 2, 3, 4, 5
ORIGIN, PATH, NEXTHOP = "40010100", "40020602010000ffeb", "4003040a64ff01"
MP = "800e1c00020110" + "20010db8000b00000000000000000001" + "0030" + "20010db8000b"


def update(withdrawn="", attrs="", nlri=""):
    parts = [bytes.fromhex(x) for x in (withdrawn, attrs, nlri)]
    return len(parts[0]).to_bytes(2, "big") + parts[0] + len(parts[1]).to_bytes(2, "big") + parts[1] + parts[2]


BODIES = {
    "open": (OPEN, bytes.fromhex("04ffeb005a0a64ff01" "1a" "0218" "010400010001" "010400020001" "0200" "40020000" "41040000ffeb")),
    "open-plain": (OPEN, bytes.fromhex("04ffeb005a0a64ff0100")),
    "open-extended": (OPEN, bytes.fromhex("04ffeb005a0a64ff01ffff0009020006410400" "00ffeb")),
    "update": (UPDATE, update("", ORIGIN + PATH + NEXTHOP, "100ac8")),
    "update-v6": (UPDATE, update("", ORIGIN + PATH + MP)),
    "update-rich": (UPDATE, update("", ORIGIN + PATH + NEXTHOP + "80040400000007" + "400600" + "c007080001117000000005"
                                   + "c00808ffeb0001ffffff01" + "c01008000200010000000" "1" + "c0200c000000010000000200000003"
                                   + "e0630301" "0203", "100ac818c0000200")),
    "update-bad-origin": (UPDATE, update("", "40010107" + PATH + NEXTHOP, "100ac8")),
    "update-as4": (UPDATE, update("", ORIGIN + "4002080203ffeb5ba05ba0" + NEXTHOP + "c0110a02020001117000013880", "100ac8")),
    "update-bad-mp": (UPDATE, update("", ORIGIN + PATH + NEXTHOP + "800e0b0002010501020304050000", "100ac8")),
    "withdraw": (UPDATE, update("100ac8")),
    "withdraw-v6": (UPDATE, update("", "800f0a0002013020010db8000b")),
    "end-of-rib": (UPDATE, update()),
    "notification": (NOTIFICATION, bytes.fromhex("060203627965")),
    "refresh": (REFRESH, bytes.fromhex("00010001")),
    "keepalive": (KEEPALIVE, b""),
}


def write(corpus, name, data):
    folder = os.path.join(HERE, "corpus", corpus)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def framed(*names):
    return b"".join(bytes([BODIES[n][0]]) + len(BODIES[n][1]).to_bytes(2, "big") + BODIES[n][1] for n in names)


def raw(*names):
    return b"".join(b"\xff" * 16 + (19 + len(BODIES[n][1])).to_bytes(2, "big") + bytes([BODIES[n][0]]) + BODIES[n][1]
                    for n in names)


def main():
    for name, (kind, body) in BODIES.items():
        write("bgp_message", name, bytes([13, kind]) + body)
    write("bgp_message", "update-as4-old", bytes([12, UPDATE]) + BODIES["update-as4"][1])
    write("bgp_message", "update-internal", bytes([15, UPDATE]) + BODIES["update-rich"][1])
    write("bgp_message", "header", bytes([0, 0]) + raw("keepalive"))
    write("bgp_stream", "routes", bytes([1, 0]) + framed("update", "update-v6", "update-rich", "end-of-rib", "withdraw",
                                                       "withdraw-v6", "refresh", "keepalive"))
    write("bgp_stream", "faults", bytes([1, 0]) + framed("update", "update-bad-origin", "update-bad-mp", "update-v6", "update"))
    write("bgp_stream", "old-speaker", bytes([0, 0]) + framed("update-as4", "withdraw", "update-as4"))
    write("bgp_stream", "internal", bytes([3, 0]) + framed("update-rich", "update", "update-v6"))
    write("bgp_stream", "raw-cut", bytes([9, 7]) + raw("update", "keepalive", "update-rich", "withdraw", "notification"))
    write("bgp_stream", "opening", bytes([25, 3]) + raw("open", "keepalive", "update", "end-of-rib"))
    write("bgp_stream", "open-twice", bytes([1, 0]) + framed("update", "open"))
    write("bgp_stream", "drained", bytes([9, 255]) + raw("update", "update-v6", "update-rich", "withdraw", "withdraw-v6"))


if __name__ == "__main__":
    main()
