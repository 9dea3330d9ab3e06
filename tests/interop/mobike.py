#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""MOBIKE (RFC 4555) with strongSwan, in both roles: our uplink changes under traffic, and then strongSwan's. The tunnel keeps its
SAs and the BGP session inside notices nothing; what is lost is counted, and nothing leaves in clear. With a peer that has MOBIKE
switched off a new tunnel is made.

strongSwan's ESP in user space (kernel-libipsec) can't change addresses of an SA and rekeys the child instead, on the same IKE
SA: so it is that one which must stay. That the child stays where the peer can do it, tests/exchange/ike_mobike_test.c shows.

    lan -- onprem 192.0.2.1    -- 192.0.2.9    isp 203.0.113.1  -- 203.0.113.2  azure -- vnet
                  198.51.100.1 -- 198.51.100.9     203.0.113.17 -- 203.0.113.18
"""
import time

from lab import kernel, path, traffic
from lab.azure import LAN_HOST, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for

GATEWAY, SECOND = "203.0.113.2", "203.0.113.18"
TUNNEL = "azure-hq/t1"
INSIDE = "src net 10.0.0.0/8 and dst net 10.0.0.0/8"  # errors about addresses that went are no leak
# A packet each 4 ms. Until the change is noticed (the kernel is asked once a second, or says so) and has crossed the network.
INTERVAL, LOST_MAX = 0.004, 750


class Net(Azure):
    """With an ISP between, to which both sides have two uplinks. The first is in use."""

    def __init__(self, lab):
        super().__init__(lab)
        self.isp = lab.namespace("isp")
        self.onprem.ip("link", "del", "wan0")
        lab.link(self.onprem, "wan0", "192.0.2.1/24", self.isp, "left0", "192.0.2.9/24")
        lab.link(self.onprem, "wan1", "198.51.100.1/24", self.isp, "left1", "198.51.100.9/24")
        lab.link(self.isp, "right0", "203.0.113.1/28", self.azure, "wan0", f"{GATEWAY}/28")
        lab.link(self.isp, "right1", "203.0.113.17/28", self.azure, "wan1", f"{SECOND}/28")
        self.isp.forward()
        self.onprem.ip("route", "add", "default", "via", "192.0.2.9")
        for net in ("192.0.2.0/24", "198.51.100.0/24"):
            self.azure.ip("route", "add", net, "via", "203.0.113.1")
        self.clear = [kernel.PacketMonitor(self.onprem, "wan0", INSIDE, "clear0"),
                      kernel.PacketMonitor(self.onprem, "wan1", INSIDE, "clear1")]

    def nothing_in_clear(self, since):
        equal([t for m in self.clear for t in m.seen(since)], [], "packets of the inside on an uplink")


def lives_on(case, net, cw, change, ours, theirs):
    """`change` under traffic, after which the tunnel is between these two."""
    ike, uptime = cw.tunnel()["ike"], cw.peer(TUNNEL)["uptime"]
    counter = traffic.Counter(net.lan, VNET_HOST, net.vnet, interval=INTERVAL)
    counter.more(100)
    since = time.time()
    change()
    wait_for(f"the tunnel between {ours} and {theirs}",
             lambda: (cw.tunnel()["local"], cw.tunnel()["remote"]) == (ours, theirs), 20)
    counter.more(500)
    seen = counter.stop()
    case.note(f"{seen['lost-count']} of {seen['sent']} packets lost, {INTERVAL * seen['lost-count']:.2f} s")
    check(seen["lost-count"] <= LOST_MAX, f"{seen['lost-count']} packets lost")
    now = cw.tunnel()["ike"]
    equal((cw.step(), now["spi-i"], now["spi-r"]), ("in-fib", ike["spi-i"], ike["spi-r"]), "tunnel")
    check(cw.peer(TUNNEL)["uptime"] >= uptime, "the BGP session started anew")
    wait_for("ping back", lambda: traffic.ping(net.vnet, LAN_HOST, count=1), 10)
    net.nothing_in_clear(since)


def start(net, role, swan_options, **more):
    def change(config):
        tunnel_of(config).update({"role": role, "mobike": True, "remote-address": [GATEWAY], "liveness-interval": 5, **more})
        if role != "respond":
            del tunnel_of(config)["local-address"]
    net.start_swan(**{"local": "%any", "local_id": GATEWAY, "remote": "%any", **swan_options})
    net.start_bird()
    return net.causeway(change=change)


def we_move(case):
    with case.lab("we-move") as lab:
        net = Net(lab)
        cw = start(net, "initiate", {})
        before = kernel.snapshot(net.onprem)
        path.comes_up(case, net, cw, within=20)

        def second_uplink():
            net.onprem.ip("route", "replace", "default", "via", "198.51.100.9")
            net.onprem.ip("addr", "del", "192.0.2.1/24", "dev", "wan0")

        def first_again():
            net.onprem.ip("addr", "add", "192.0.2.77/24", "dev", "wan0")
            net.onprem.ip("route", "replace", "default", "via", "192.0.2.9")

        def another_address():
            net.onprem.ip("addr", "add", "192.0.2.78/24", "dev", "wan0")
            net.onprem.ip("addr", "del", "192.0.2.77/24", "dev", "wan0")
            net.onprem.ip("addr", "replace", "192.0.2.78/24", "dev", "wan0")
            net.onprem.ip("route", "replace", "default", "via", "192.0.2.9")
        for text, change, ours in (("the first uplink goes, the second takes over", second_uplink, "198.51.100.1"),
                                   ("the first uplink is back, with another address", first_again, "192.0.2.77"),
                                   ("the address is replaced by another", another_address, "192.0.2.78")):
            with case.step(f"{text}: the same IKE SA"):
                lives_on(case, net, cw, change, ours, GATEWAY)
        with case.step("rekeys of both SAs, by either end, find the other where it is"):
            for ike in ((), ("--ike",)):
                spis = cw.spis()
                cw.cli("tunnel", "rekey", TUNNEL, *ike)
                wait_for("the rekey", lambda s=spis, i=ike: i or (len(cw.spis()) == 1 and cw.spis() != s), 15)
                check(traffic.ping(net.lan, VNET_HOST), "ping")
            net.swan.swanctl("--rekey", "--child", "any")
            check(traffic.ping(net.lan, VNET_HOST), "ping")
        net.onprem.ip("addr", "del", "192.0.2.78/24", "dev", "wan0")
        net.onprem.ip("addr", "add", "192.0.2.1/24", "dev", "wan0")
        net.onprem.ip("route", "replace", "default", "via", "192.0.2.9")
        wait_for("the first address", lambda: cw.tunnel()["local"] == "192.0.2.1", 20)
        path.ends_clean(case, net, cw, before)


def they_move(case):
    with case.lab("they-move") as lab:
        net = Net(lab)
        cw = start(net, "respond", {"remote": "192.0.2.1", "start": "start", "dpd_action": "restart"})
        before = kernel.snapshot(net.onprem)
        cw.start()
        with case.step("strongSwan initiates: in-fib"):
            cw.wait_step("in-fib", timeout=40)

        def second_uplink():
            net.azure.ip("route", "replace", "192.0.2.0/24", "via", "203.0.113.17")
            net.azure.ip("addr", "del", f"{GATEWAY}/28", "dev", "wan0")

        def first_again():
            net.azure.ip("addr", "add", f"{GATEWAY}/28", "dev", "wan0")
            net.azure.ip("route", "replace", "192.0.2.0/24", "via", "203.0.113.1")
            net.azure.ip("addr", "del", f"{SECOND}/28", "dev", "wan1")
        for text, change, theirs in (("strongSwan's first uplink goes", second_uplink, SECOND),
                                     ("the first is back, the second goes", first_again, GATEWAY)):
            with case.step(f"{text}: we follow, with the same IKE SA"):
                lives_on(case, net, cw, change, "192.0.2.1", theirs)
                via = net.onprem.ip("route", "get", theirs)
                check("dev wan0" in via, f"{theirs} is routed {via}")
        path.ends_clean(case, net, cw, before)


def without(case):
    with case.lab("without") as lab:
        net = Net(lab)
        cw = start(net, "initiate", {"connection": "mobike = no"}, **{"liveness-interval": 2, "liveness-timeout": 4})
        cw.start()
        cw.wait_step("in-fib", timeout=30)
        with case.step("a peer without MOBIKE: a new tunnel from the new address"):
            spis, since = cw.spis(), time.time()
            net.onprem.ip("route", "replace", "default", "via", "198.51.100.9")
            net.onprem.ip("addr", "del", "192.0.2.1/24", "dev", "wan0")
            wait_for("other SAs", lambda: len(cw.spis()) == 1 and cw.spis() != spis, 40)
            cw.wait_step("in-fib", timeout=60)
            equal(cw.tunnel()["local"], "198.51.100.1", "local address")
            net.nothing_in_clear(since)
        cw.stop()


def main(case):
    we_move(case)
    they_move(case)
    without(case)


run_case("mobike", main)
