#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A wire that loses every fifth packet, both ways: the tunnel comes up, rekeys of both kinds by both sides come to an end,
and when the wire is whole again one child and one IKE SA are left and nothing is lost any more."""
import re

from lab import traffic
from lab.azure import VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.lab import wait_for

LOSS = 20  # percent, each way
PATIENCE = 80  # seconds: of an exchange of six tries in 30 s, one of some hundred loses all

RULES = f"""table inet lossy {{
  chain in {{ type filter hook input priority -300; policy accept;
    iifname "wan0" udp dport {{ 500, 4500 }} numgen random mod 100 < {LOSS} counter drop
  }}
  chain out {{ type filter hook output priority -300; policy accept;
    oifname "wan0" udp dport {{ 500, 4500 }} numgen random mod 100 < {LOSS} counter drop
  }}
}}
"""


def dropped(net):
    return sum(int(n) for n in re.findall(r"packets (\d+)", net.azure.run("nft", "list", "table", "inet", "lossy").stdout))


def lossy(net, on):
    if on:
        net.azure.run("nft", "-f", net.lab.write("lossy.nft", RULES))
    else:
        net.azure.run("nft", "delete", "table", "inet", "lossy")


def children(net, cw):
    ours, theirs = cw.spis(), net.swan.child_spis()
    return len(ours) == 1 and len(theirs) == 1 and \
        (int(ours[0][0], 16), int(ours[0][1], 16)) == (theirs[0][1], theirs[0][0])


def one_of_each(net, cw):
    ike = cw.tunnel()["ike"]
    return children(net, cw) and ike is not None and net.swan.ike_count() == 1 and ike["spi-i"] in net.swan.sas()


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        lossy(net, True)
        net.start_swan(tries=8, charon="retransmit_base = 1.2")
        net.start_bird()
        cw = net.causeway().start()
        with case.step(f"{LOSS} % lost each way: the tunnel comes up"):
            cw.wait_step("child", timeout=40)
            cw.wait_step("bgp-established", timeout=40)
        with case.step("rekeys by both sides end"):
            for round_ in range(6):
                spis, ike = cw.spis(), cw.tunnel()["ike"]["spi-i"]
                if round_ % 2:
                    net.swan.swanctl("--rekey", "--child", "any", check=False)
                else:
                    cw.cli("tunnel", "rekey", "azure-hq/t1", "--no-wait")
                wait_for("a new child", lambda old=spis: cw.spis() and cw.spis() != old, PATIENCE)
                wait_for("one child at both ends", lambda: children(net, cw), PATIENCE)
                net.swan.swanctl("--rekey", "--ike", "gw", check=False)
                wait_for("a new IKE SA", lambda old=ike: cw.tunnel()["ike"] and cw.tunnel()["ike"]["spi-i"] != old, PATIENCE)
                check(cw.step() != "down", "the tunnel went down")
        with case.step("the wire is whole: one of each, nothing lost"):
            case.note(f"{dropped(net)} packets were dropped")
            check(dropped(net) > 5, "the wire lost nothing")
            lossy(net, False)
            wait_for("one child and one IKE SA at both ends", lambda: one_of_each(net, cw), 40)
            cw.wait_step("in-fib", timeout=40)
            wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
            counter = traffic.Counter(net.lan, VNET_HOST, net.vnet)
            counter.more(200)
            equal(counter.stop()["lost-count"], 0, "packets lost")
        cw.stop()


run_case("lossy", main)
