#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Post-quantum pre-shared keys (RFC 8784) against strongSwan, in both roles: used where both have one, done without
where that is allowed, and refused with a reason where it is not. Each tunnel that comes up carries a ping and is
rekeyed, IKE SA and child, since the key is in what those derive."""
from lab import kernel, traffic
from lab.azure import Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for

FAR = "10.100.255.254"
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
    cw.wait_step("child")
    wait_for("the static route", lambda: kernel.route(net.onprem, f"{FAR}/32"), 10)
    wait_for("ping", lambda: traffic.ping(net.onprem, FAR, "10.0.0.10", count=1), 10)
    check(("PPK" in net.swan.sas()) == used, f"PPK used, as strongSwan says:\n{net.swan.sas()}")
    check((cw.process.output().count("ike-ppk-unused") > 0) == (not used and "ppk" in tunnel_of(cw.config)),
          "the log's word that it is not used")
    old = cw.spis()
    cw.cli("tunnel", "rekey", "azure-hq/t1", "--wait", "--timeout", "15")
    wait_for("the new child", lambda: cw.spis() != old and len(cw.spis()) == 1, 10)
    net.swan.swanctl("--rekey", "--ike", "gw")
    wait_for("the new IKE SA", lambda: "rekeyed" in net.swan.log() or net.swan.ike_count() == 1, 10)
    wait_for("ping after the rekeys", lambda: traffic.ping(net.onprem, FAR, "10.0.0.10", count=1), 10)


def row(net, ours, theirs, starter, used, failure):
    cw = None

    def change(config):
        tunnel = tunnel_of(config)
        del tunnel["bgp"]
        config["causeway:connector"].pop("announce")
        tunnel["static-route"] = [{"prefix": f"{FAR}/32"}]
        tunnel["role"] = "initiate" if starter == "us" else "respond"
        if ours:
            name, key, required = ours
            file = net.lab.write(f"cw-{net.count}/ppk", key + "\n", 0o600)
            tunnel["ppk"] = {"id": name, "secret-file": file, "required": required}
    configure_swan(net, theirs)
    cw = net.causeway(f"cw-{net.count}", change)
    net.count += 1
    cw.start()
    try:
        if starter == "them":
            net.swan.swanctl("--initiate", "--child", "any", "--timeout", "5", check=False)
        if failure:
            wait_for("the reason in status", lambda: (cw.error() or {}).get("id") == failure[0], 20)
            check(failure[1] in cw.error()["text"], f"the reason says: {cw.error()['text']}")
            equal(net.swan.ike_count(), 0, "IKE SAs of strongSwan")
        else:
            pings(net, cw, used)
    finally:
        cw.stop()
        net.swan.swanctl("--terminate", "--ike", "gw", "--force", check=False)
        wait_for("strongSwan to be rid of the SA", lambda: net.swan.ike_count() == 0, 15)


def main(case):
    with case.lab() as lab:
        net = Azure(lab, hosts=False)
        net.count = 0
        net.start_swan()
        for name, ours, theirs, starter, used, failure in ROWS:
            with case.row(f"{name}, started by {starter}", lab):
                row(net, ours, theirs, starter, used, failure)


run_case("ppk", main)
