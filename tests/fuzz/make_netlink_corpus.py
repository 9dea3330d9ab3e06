#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seed corpus of netlink_fuzz: messages of XFRM and of routes, and echo replies."""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent / "corpus" / "netlink"
NETLINK, ECHO4, ECHO6 = b"\0", b"\2", b"\3"
# Type and size of what stands in front of the attributes (linux/xfrm.h).
SA, POLICY, EXPIRE, AE, MAPPING, ACQUIRE = (16, 224), (19, 168), (24, 232), (30, 48), (38, 64), (23, 280)
DELSA, FLUSHSA, DELPOLICY, FLUSHPOLICY = (17, 24), (28, 1), (20, 64), (29, 0)
REPLAY_ESN, ENCAP, IF_ID, TMPL = 23, 4, 31, 5
LINK, ADDRESS, ROUTE, NEXTHOP, ERROR = 16, 20, 24, 104, 2


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind, head, *attributes):
    body = head + bytes(-len(head) % 4) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


def xfrm(what, *attributes):
    return message(what[0], bytes(i % 7 for i in range(what[1])), *attributes)


def u32(value):
    return struct.pack("=I", value)


ESN = attribute(REPLAY_ESN, struct.pack("=6I", 4, 1, 2, 3, 4, 128) + bytes(16))
XFRM_ATTRIBUTES = (ESN, attribute(ENCAP, struct.pack("!4H", 2, 4500, 4500, 0) + bytes(16)), attribute(IF_ID, u32(7)),
                   attribute(TMPL, bytes(range(64))))
ROUTE_HEAD = bytes([2, 24, 0, 0, 254, 186, 0, 1]) + u32(0)
SEEDS = {
    "xfrm-state": NETLINK + xfrm(SA, *XFRM_ATTRIBUTES),
    "xfrm-rule": NETLINK + xfrm(POLICY, *XFRM_ATTRIBUTES[2:]),
    "xfrm-events": NETLINK + b"".join(xfrm(what) for what in (EXPIRE, AE, MAPPING, ACQUIRE, DELSA, DELPOLICY, FLUSHPOLICY, FLUSHSA)),
    "xfrm-replay-short": NETLINK + xfrm(SA, attribute(REPLAY_ESN, struct.pack("=6I", 4096, 1, 2, 3, 4, 128))),
    "xfrm-cut": NETLINK + xfrm(SA)[:100],
    "route": NETLINK + message(ROUTE, ROUTE_HEAD, attribute(1, bytes([10, 0, 0, 0])), attribute(6, u32(50)), attribute(30, u32(9)),
                               attribute(5, bytes([192, 0, 2, 1])), attribute(4, u32(2))),
    "route-multipath": NETLINK + message(ROUTE, ROUTE_HEAD, attribute(1, bytes([10, 0, 0, 0])), attribute(
        9, struct.pack("=HBBI", 16, 0, 0, 2) + attribute(5, bytes([192, 0, 2, 1])))),
    "nexthop": NETLINK + message(NEXTHOP, bytes([2, 0, 186, 0]) + u32(0), attribute(1, u32(9)), attribute(5, u32(2)),
                                 attribute(6, bytes([192, 0, 2, 1]))),
    "nexthop-group": NETLINK + message(NEXTHOP, bytes([2, 0, 186, 0]) + u32(0), attribute(1, u32(10)), attribute(
        2, struct.pack("=IBBHIBBH", 9, 0, 0, 0, 8, 0, 0, 0))),
    "link": NETLINK + message(LINK, struct.pack("=BxHiII", 0, 1, 2, 0x11043, 0), attribute(3, b"eth0\0"), attribute(4, u32(1500)),
                              attribute(18, attribute(1, b"xfrm\0"))),
    "address": NETLINK + message(ADDRESS, bytes([2, 24, 0, 0]) + u32(2), attribute(1, bytes([192, 0, 2, 9])), attribute(2, bytes([192, 0, 2, 9]))),
    "error": NETLINK + message(ERROR, u32(0xFFFFFFFE) + bytes(16)),
    "echo4": ECHO4 + bytes([0x45]) + bytes(11) + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + bytes([0, 0, 0, 0, 0, 9, 0, 7]) + bytes(8),
    "echo4-options": ECHO4 + bytes([0x4F]) + bytes(59) + bytes([0, 0, 0, 0, 0, 9, 0, 7]),
    "echo4-header-cut": ECHO4 + bytes([0x4F]) + bytes(20),
    "echo4-no-header": ECHO4 + bytes([0x40]) + bytes(40),
    "echo4-large": ECHO4 + bytes([0x45]) + bytes(1499),
    "echo6": ECHO6 + bytes([129, 0, 0, 0, 0, 9, 0, 7]) + bytes(8),
    "echo6-cut": ECHO6 + bytes([129, 0, 0]),
}

HERE.mkdir(parents=True, exist_ok=True)
for name, data in SEEDS.items():
    (HERE / name).write_bytes(data)
