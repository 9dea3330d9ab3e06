#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The outer header on a path with a router in the middle, between two causewayds, by IPv4 and IPv6, ESP in UDP and plain: DSCP
and ECN are copied to it, a router's congestion mark arrives inside, DF is as configured, and when a link further away gets
narrow, interface MTU, MSS and TCP follow (lab/outer.py).
"""
from lab import kernel
from lab.case import check, equal, run_case
from lab.outer import NEAR, Path, forbids_fragments, marks, narrow, ping


def row(path, family, forced):
    cw, far = path.start(family, forced)
    try:
        equal(cw.tunnel(NEAR)["encapsulated"], forced, "encapsulation")
        marks(path, far)
        if family == 4:
            forbids_fragments(path)
        narrow(path, cw, family)
    finally:
        cw.stop()
        far.stop()


def told(path, more, tos, counted, what):
    """Other settings than the default ones: what the outer header must not, or must, say."""
    cw, far = path.start(4, True, **more)
    try:
        path.rules("")
        check(ping(path.net.lan, tos, "-M", "dont"), "ping")
        for comment, some in counted.items():
            # three pings; a stray packet of an earlier row's TCP is none of them
            equal(path.counted(path.router, comment) >= 3, some, f"{what}: {comment}")
    finally:
        cw.stop()
        far.stop()


def main(case):
    with case.lab() as lab:
        path = Path(lab)
        before = kernel.snapshot(path.net.onprem)
        for family in (4, 6):
            for forced in (True, False):
                with case.row(f"IPv{family}, {'ESP in UDP' if forced else 'plain ESP'}", lab):
                    row(path, family, forced)
        for more, tos, counted in (({"dscp": "zero"}, 0xb8 | 2, {"some": False, "ect": True, "df": False}),
                                   ({"ecn": False}, 0xb8 | 2, {"ef": True, "ect": False}),
                                   ({"df": "set"}, 0, {"df": True}), ({"df": "clear"}, 0, {"df": False})):
            with case.row(f"{more}", lab):
                told(path, more, tos, counted, more)
        equal(kernel.difference(before, kernel.snapshot(path.net.onprem)), [], "the kernel")


run_case("path_mtu", main)
