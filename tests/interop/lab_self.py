#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab proves itself, without causewayd: strongSwan against strongSwan with BIRD, and with FRR, as the gateway.

What fails here is the lab's, not Causeway's. The counter of lost packets must see a loss when there is one.
"""
from lab import kernel, traffic
from lab.azure import PREFIX, VNET_HOST, Azure
from lab.bird import Bird
from lab.case import check, equal, run_case
from lab.lab import wait_for
from lab.strongswan import StrongSwan


def other_side(net):
    """strongSwan and BIRD in causewayd's place."""
    net.onprem.ip("addr", "add", "10.0.0.10/32", "dev", "lo")
    left = StrongSwan(net.onprem, name="left", local="192.0.2.1", remote="192.0.2.2", local_id="192.0.2.1",
                      start="start", routes=("10.100.255.254/32",)).start()
    Bird(net.onprem, name="left-bird", router_id="10.0.0.10", asn=65001, local="10.0.0.10",
         peers=[("10.100.255.254", 65515)], announce=["10.0.0.0/16"], via_dev="ipsec0").start()
    return left


def gateway(case, start):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        getattr(net, start)()
        left = other_side(net)
        with case.step(f"{start}: tunnel and BGP"):
            wait_for("the child", left.child_spis, 10)
            wait_for("BGP", net.bgp.established, 20)
            wait_for("10.0.0.0/16 from AS 65001", lambda: net.bgp.as_path("10.0.0.0/16") == [65001], 10)
            wait_for("the route in the kernel", lambda: kernel.route(net.onprem, PREFIX, "bird"), 10)
        with case.step(f"{start}: rekey without loss, and a loss is seen"):
            wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
            counter = traffic.Counter(net.lan, VNET_HOST, net.vnet)
            before = net.swan.child_spis()
            net.swan.swanctl("--rekey", "--child", "any")
            wait_for("the new child", lambda: net.swan.child_spis() != before and len(net.swan.child_spis()) == 1, 10)
            counter.more(100)
            equal(counter.stop()["lost-count"], 0, "packets lost in the rekey")
            counter = traffic.Counter(net.lan, VNET_HOST, net.vnet, port=5301)
            net.onprem.ip("route", "add", "blackhole", f"{VNET_HOST}/32")
            counter.more(50)
            net.onprem.ip("route", "del", "blackhole", f"{VNET_HOST}/32")
            check(counter.stop()["lost-count"] > 0, "a black hole swallowed no packet: the counter counts nothing")


def main(case):
    gateway(case, "start_bird")
    gateway(case, "start_frr")


run_case("lab", main)
