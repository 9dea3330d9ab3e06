#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""IKE messages in fragments (RFC 7383) with strongSwan, in both roles: cut small by both ends, taken but not made, refused by
one end; and a path on which packets of more than 600 bytes silently vanish, where only smaller fragments get through."""
from lab import traffic
from lab.azure import Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for

FAR = "10.100.255.254"
# Many proposals make IKE_AUTH large: about 900 bytes from us.
MANY = [f"aes{bits}-{hash_}-{group}" for bits in (128, 256) for hash_ in ("sha256", "sha384")
        for group in ("modp2048", "modp3072", "ecp256", "ecp384")]
# Identities of 120 characters: no IKE_AUTH, of either role, fits in a packet of 256 bytes.
US, THEM = "us." + "x" * 108 + ".example", "gateway." + "x" * 103 + ".example"
HOLE = """table inet hole {
  chain in { type filter hook input priority -300; policy accept;
    iifname "wan0" udp dport { 500, 4500 } ip length > 600 counter drop
  }
  chain out { type filter hook output priority -300; policy accept;
    oifname "wan0" udp dport { 500, 4500 } ip length > 600 counter drop
  }
}
"""

# ours, our size, strongSwan's, who starts, does strongSwan see fragments of ours, does it send some
ROWS = [
    ("yes", 256, "yes", "us", True, True),
    ("yes", 256, "yes", "them", True, True),
    ("force", 1280, "yes", "us", True, True),
    ("accept", 256, "yes", "us", False, True),
    ("yes", 256, "accept", "them", True, False),
    ("no", 256, "yes", "us", False, False),
    ("yes", 256, "no", "them", False, False),
]


def start(net, mode, size, starter, name):
    def change(config):
        tunnel = tunnel_of(config)
        del tunnel["bgp"]
        tunnel.update({"ike-fragmentation": mode, "ike-fragment-size": size, "ike-proposal": ["aes256-sha256-ecp256"], "local-id": US, "esp-proposal": ["aes256-sha256"] + MANY[:15],
                       "static-route": [{"prefix": f"{FAR}/32"}], "role": "initiate" if starter == "us" else "respond"})
        config["causeway:connector"].pop("announce")
    cw = net.causeway(name, change)
    cw.start()
    return cw


def passes(net, cw, timeout=20):
    cw.wait_step("child", timeout=timeout)
    wait_for("ping", lambda: traffic.ping(net.onprem, FAR, "10.0.0.10", count=1), 10)
    cw.wait_step("passing")


def row(net, ours, size, theirs, starter, seen, sent):
    net.count += 1
    before = net.swan.log()
    net.swan.configure(fragmentation=theirs, ike="aes256-sha256-ecp256")
    net.swan.load()
    cw = start(net, ours, size, starter, f"cw-{net.count}")
    try:
        if starter == "them":
            net.swan.swanctl("--initiate", "--child", "any")
        passes(net, cw)
        log = net.swan.log()[len(before):]
        equal("received fragment #" in log, seen, "fragments that strongSwan took")
        equal("splitting IKE message" in log, sent, "messages that strongSwan cut up")
        cw.cli("tunnel", "rekey", "azure-hq/t1", "--wait", "--timeout", "15")
        wait_for("ping after a rekey", lambda: traffic.ping(net.onprem, FAR, "10.0.0.10", count=3), 10)
    finally:
        cw.stop()
        wait_for("strongSwan to be rid of the SA", lambda: net.swan.ike_count() == 0, 15)


def table(case):
    with case.lab("ike_fragments") as lab:
        net = Azure(lab, hosts=False)
        net.count = 0
        net.start_swan(charon="fragment_size = 256", esp="aes256-sha256", local_id=THEM)
        for ours, size, theirs, starter, seen, sent in ROWS:
            with case.row(f"we {ours}, strongSwan {theirs}, started by {starter}", lab):
                row(net, ours, size, theirs, starter, seen, sent)


def black_hole(case):
    """strongSwan does not lower its size by itself: it is told; ours finds its way from the default of 1280."""
    with case.lab("ike_fragments-hole") as lab:
        net = Azure(lab, hosts=False)
        net.start_swan(charon="fragment_size = 500", ike="aes256-sha256-ecp256", esp="aes256-sha256", fragmentation="yes")
        net.onprem.run("nft", "-f", lab.write("hole.nft", HOLE))
        for mode, seconds in (("yes", 20), ("force", 10)):
            with case.row(f"packets of more than 600 bytes vanish, ike-fragmentation {mode}", lab):
                before = net.swan.log()
                cw = start(net, mode, 1280, "us", f"cw-{mode}")
                passes(net, cw, seconds)
                check("received fragment #" in net.swan.log()[len(before):], "strongSwan took no fragments")
                cw.stop()
                wait_for("strongSwan to be rid of the SA", lambda: net.swan.ike_count() == 0, 15)
        counters = net.onprem.run("nft", "list", "table", "inet", "hole").stdout
        check("packets 0 " in counters.split("chain out")[0], "strongSwan sent large packets")
        check("packets 0 " not in counters.split("chain out")[1], "nothing of ours was ever too large: the test is blunt")


def main(case):
    table(case)
    black_hole(case)


run_case("ike_fragments", main)
