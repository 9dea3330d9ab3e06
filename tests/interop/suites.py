#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every suite of this version against strongSwan, one row each: the tunnel comes up with just that, and a ping passes.

No BGP here: a static route holds the far address, so the ladder ends without BGP's steps. Rows that name a group in ESP
also rekey, which is where that group is used. strongSwan's user-space ESP knows no extended sequence numbers; those
two_causeways tests.
"""
from lab.azure import Azure
from lab.case import run_case
from lab.row import carries, carries_after_rekey, next_name, started, without_bgp

# our IKE, our ESP, strongSwan's IKE, strongSwan's ESP (None: written the same), who starts
ROWS = [
    ("aes256-sha256-modp2048", "aes256-sha256", None, None, "us"),
    ("aes128-sha256-modp2048", "aes128-sha256", None, None, "us"),
    ("aes128-sha384-modp3072", "aes128-sha384", None, None, "us"),
    ("aes256-sha512-modp4096", "aes256-sha512", None, None, "us"),
    ("aes256-sha384-modp2048", "aes256-sha384", None, None, "them"),
    ("aes128-sha512-ecp256", "aes128-sha512", None, None, "us"),
    ("aes256-sha256-ecp384", "aes256-sha256", None, None, "us"),
    ("aes256-sha512-ecp521", "aes256-sha512", None, None, "us"),
    ("aes256-sha256-curve25519", "aes256-sha256", None, None, "us"),
    ("aes256gcm16-prfsha384-ecp384", "aes256gcm16", None, None, "us"),
    ("aes128gcm16-prfsha256-curve25519", "aes128gcm16", None, None, "us"),
    ("aes256gcm16-prfsha512-ecp521", "aes256gcm16", None, None, "them"),
    ("aes128gcm16-prfsha256-ecp256", "aes256gcm16", None, None, "them"),
    ("aes256-sha256-modp4096", "aes256-sha256", None, None, "them"),
    # PFS: the group is used by the rekey
    ("aes256-sha256-modp2048", "aes256-sha256-modp2048", None, None, "us"),
    ("aes256-sha256-modp2048", "aes256gcm16-ecp256", None, None, "us"),
    ("aes256-sha256-modp2048", "aes128gcm16-curve25519", None, None, "them"),
    ("aes256-sha256-modp3072", "aes256-sha384-modp3072", None, None, "them"),
    ("aes256-sha256-ecp384", "aes128-sha256-ecp384", None, None, "us"),
    ("aes256-sha256-ecp521", "aes256-sha512-ecp521", None, None, "us"),
]
GROUPS = ("modp", "ecp", "curve25519", "x25519")


def row(net, ike, esp, swan_ike, swan_esp, starter):
    def change(config):
        tunnel = without_bgp(config, starter)
        tunnel["ike-proposal"], tunnel["esp-proposal"] = [ike], [esp]
    net.swan.configure(ike=swan_ike or ike, esp=swan_esp or esp)
    net.swan.load()
    with started(net, next_name(net), change, starter) as cw:
        carries(net, cw)
        if any(g in esp for g in GROUPS):
            carries_after_rekey(net, cw)


def main(case):
    with case.lab() as lab:
        net = Azure(lab, hosts=False)
        net.start_swan()
        for ours_ike, ours_esp, swan_ike, swan_esp, starter in ROWS:
            with case.row(f"{ours_ike} / {ours_esp}, started by {starter}", lab):
                row(net, ours_ike, ours_esp, swan_ike, swan_esp, starter)


run_case("suites", main)
