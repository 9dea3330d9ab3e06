#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Post-quantum pre-shared keys (RFC 8784) against strongSwan, in both roles: used where both have one, done without
where that is allowed, and refused with a reason where it is not. Each tunnel that comes up carries a ping and is
rekeyed, IKE SA and child, since the key is in what those derive."""
from lab.azure import Azure
from lab.case import check, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for
from lab.row import carries, carries_after_rekey, next_name, ping, refused_by_both, started, without_bgp

KEY = "0123456789abcdef0123456789abcdef"
NONE = None

# name, ours (id, key, required), strongSwan's, who starts, is it used?, what our status says when it fails (id, a word)
ROWS = [
    ("both, optional", ("ppk-1", KEY, False), ("ppk-1", KEY, False), "us", True, None),
    ("both, optional", ("ppk-1", KEY, False), ("ppk-1", KEY, False), "them", True, None),
    ("both, required", ("ppk-1", KEY, True), ("ppk-1", KEY, True), "us", True, None),
    ("both, required", ("ppk-1", KEY, True), ("ppk-1", KEY, True), "them", True, None),
    ("strongSwan has none", ("ppk-1", KEY, False), NONE, "us", False, None),
    ("strongSwan has none", ("ppk-1", KEY, False), NONE, "them", False, None),
    ("we have none", NONE, ("ppk-1", KEY, False), "us", False, None),
    ("we have none", NONE, ("ppk-1", KEY, False), "them", False, None),
    ("we require, strongSwan has none", ("ppk-1", KEY, True), NONE, "us", False, ("ike-ppk-missing", "RFC 8784")),
    ("we require, strongSwan has none", ("ppk-1", KEY, True), NONE, "them", False, ("ike-ppk-missing", "requires")),
    ("another id, required", ("ppk-1", KEY, True), ("ppk-2", KEY, True), "us", False, ("ike-auth-failed", "PPK")),
    ("another id, required", ("ppk-1", KEY, True), ("ppk-2", KEY, True), "them", False, ("ike-ppk-unknown", "ppk-2")),
    ("another key", ("ppk-1", KEY, False), ("ppk-1", "another key", False), "us", False, ("ike-auth-failed", "PPK")),
    ("another key", ("ppk-1", KEY, False), ("ppk-1", "another key", False), "them", False, ("ike-ppk-differs", "ppk-1")),
]


def configure_swan(net, theirs):
    lines = secrets = ""
    if theirs:
        name, key, required = theirs
        lines = f"ppk_id = {name}\n  ppk_required = {'yes' if required else 'no'}"
        secrets = f'ppk-x {{ id = {name}\n secret = "{key}" }}'
    net.swan.configure(connection=lines, secrets=secrets)
    net.swan.swanctl("--load-creds", "--clear")
    net.swan.load()


def pings(net, cw, used):
    carries(net, cw)
    check(("PPK" in net.swan.sas()) == used, f"PPK used, as strongSwan says:\n{net.swan.sas()}")
    check((cw.process.output().count("ike-ppk-unused") > 0) == (not used and "ppk" in tunnel_of(cw.config)),
          "the log's word that it is not used")
    carries_after_rekey(net, cw)
    net.swan.swanctl("--rekey", "--ike", "gw")
    wait_for("the new IKE SA", lambda: "rekeyed" in net.swan.log() or net.swan.ike_count() == 1, 10)
    wait_for("ping after the rekeys", lambda: ping(net, count=1), 10)


def row(net, ours, theirs, starter, used, failure):
    name = next_name(net)

    def change(config):
        tunnel = without_bgp(config, starter)
        if ours:
            ppk, key, required = ours
            file = net.lab.write(f"{name}/ppk", key + "\n", 0o600)
            tunnel["ppk"] = {"id": ppk, "secret-file": file, "required": required}
    configure_swan(net, theirs)
    with started(net, name, change, starter) as cw:
        if failure:
            refused_by_both(net, cw, failure)
        else:
            pings(net, cw, used)


def main(case):
    with case.lab() as lab:
        net = Azure(lab, hosts=False)
        net.start_swan()
        for name, ours, theirs, starter, used, failure in ROWS:
            with case.row(f"{name}, started by {starter}", lab):
                row(net, ours, theirs, starter, used, failure)


run_case("ppk", main)
