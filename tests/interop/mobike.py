#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""MOBIKE (RFC 4555) with strongSwan, in both roles: our uplink changes under traffic, and then strongSwan's. The tunnel keeps its
SAs and the BGP session inside notices nothing; what is lost is counted, and nothing leaves in clear. With a peer that has MOBIKE
switched off a new tunnel is made.

strongSwan's ESP in user space (kernel-libipsec) can't change addresses of an SA and rekeys the child instead, on the same IKE
SA: so it is that one which must stay. Between two causewayds the child stays, too, over IPv4 and IPv6.

    lan -- onprem 192.0.2.1    -- 192.0.2.9    isp 203.0.113.1  -- 203.0.113.2  azure -- vnet
                  198.51.100.1 -- 198.51.100.9     203.0.113.17 -- 203.0.113.18
"""
import time

from lab import kernel, path, traffic
from lab.azure import LAN_HOST, PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import Causeway, tunnel_of
from lab.lab import wait_for

GATEWAY, SECOND = "203.0.113.2", "203.0.113.18"
GATEWAY6 = "2001:db8:3::2"
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


def lives_on(case, net, cw, change, ours, theirs, lost_max=LOST_MAX):
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
    check(seen["lost-count"] <= lost_max, f"{seen['lost-count']} packets lost")
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


def bare_for_a_moment(net, cw):
    """While the uplink has no address, the kernel takes the LAN's, which nobody outside can answer to."""
    seen = cw.process.output().count("is reached by interface")
    began = time.monotonic()
    net.onprem.ip("addr", "del", "192.0.2.78/24", "dev", "wan0")
    net.onprem.ip("route", "replace", "default", "via", "192.0.2.9", "dev", "wan0", "onlink")
    wait_for("the daemon to see the bare uplink",
             lambda: cw.process.output().count("is reached by interface") > seen, 20, 0.01)
    net.onprem.ip("addr", "add", "192.0.2.79/24", "dev", "wan0")
    net.onprem.ip("route", "replace", "default", "via", "192.0.2.9")
    bare = time.monotonic() - began
    wait_for("the new address in use", lambda: cw.tunnel()["local"] == "192.0.2.79", 20)
    if bare < 1.5:  # a tunnel follows to such an address when it stays for 2 s
        check("from 10.0.1.1" not in cw.process.output(), "moved to the LAN's address")


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
        with case.step("the address goes before another comes: we don't move to the LAN's meanwhile"):
            lives_on(case, net, cw, lambda: bare_for_a_moment(net, cw), "192.0.2.79", GATEWAY)
        with case.step("rekeys of both SAs, by either end, find the other where it is"):
            for ike in ((), ("--ike",)):
                spis = cw.spis()
                cw.cli("tunnel", "rekey", TUNNEL, *ike)
                wait_for("the rekey", lambda s=spis, i=ike: i or (len(cw.spis()) == 1 and cw.spis() != s), 15)
                check(traffic.ping(net.lan, VNET_HOST), "ping")
            net.swan.swanctl("--rekey", "--child", "any")
            check(traffic.ping(net.lan, VNET_HOST), "ping")
        net.onprem.ip("addr", "del", "192.0.2.79/24", "dev", "wan0")
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


class Net6(Net):
    """The same by IPv6."""

    def __init__(self, lab):
        super().__init__(lab)
        for ns, dev, address in ((self.onprem, "wan0", "2001:db8:1::1/64"), (self.isp, "left0", "2001:db8:1::9/64"),
                                 (self.onprem, "wan1", "2001:db8:2::1/64"), (self.isp, "left1", "2001:db8:2::9/64"),
                                 (self.isp, "right0", "2001:db8:3::1/64"), (self.azure, "wan0", f"{GATEWAY6}/64")):
            ns.ip("addr", "add", address, "dev", dev, "nodad")
        self.onprem.ip("-6", "route", "add", "default", "via", "2001:db8:1::9")
        self.azure.ip("-6", "route", "add", "default", "via", "2001:db8:3::1")


def far_end(net, gateway):
    far = Causeway(net.azure, "gateway")
    far.configure({"causeway:connector": {
        "as": 65515, "router-id": "10.100.255.254", "announce": [PREFIX],
        "site": [{"name": "hq", "profile": "generic-ikev2",
                  "tunnel": [{"name": "t1", "role": "respond", "mobike": True, "local-address": gateway,
                              "remote-address": ["2001:db8:1::1" if ":" in gateway else "192.0.2.1"],
                              "remote-id": "hq.example", "secret-file": far.secret(),
                              "inside-address": ["10.100.255.254/32"],
                              "bgp": {"local-address": "10.100.255.254", "peer-address": "10.0.0.10", "peer-as": 65001}}]}]}})
    return far.start()


def between_causeways(case, family):
    """Neither child nor IKE SA is another one, and what is lost is what was on its way while the change was noticed."""
    with case.lab(f"mobike-two-{family}") as lab:
        net = Net(lab) if family == 4 else Net6(lab)
        net.azure.ip("addr", "del", "10.100.255.254/32", "dev", "lo")
        gateway = GATEWAY if family == 4 else GATEWAY6
        first, second, uplinks = (("192.0.2.1", "198.51.100.1", ("192.0.2.9", "198.51.100.9")) if family == 4 else
                                  ("2001:db8:1::1", "2001:db8:2::1", ("2001:db8:1::9", "2001:db8:2::9")))
        length = 24 if family == 4 else 64
        option = f"-{family}"

        def change(config):
            tunnel = tunnel_of(config)
            tunnel.update({"role": "initiate", "mobike": True, "remote-address": [gateway], "liveness-interval": 5,
                           "local-id": "hq.example", "force-encapsulation": False})
            del tunnel["local-address"]
        far, cw = far_end(net, gateway), net.causeway(change=change).start()
        cw.wait_step("in-fib", timeout=30)
        far.wait_step("in-fib", "hq/t1", timeout=30)
        equal((cw.tunnel()["mobike"], cw.tunnel()["moves"], far.tunnel("hq/t1")["mobike"]), ("agreed", 0, "agreed"), "mobike")
        spis = cw.spis()

        def goes():
            net.onprem.ip(option, "route", "replace", "default", "via", uplinks[1])
            net.onprem.ip("addr", "del", f"{first}/{length}", "dev", "wan0")

        def is_back():
            net.onprem.ip("addr", "add", f"{first}/{length}", "dev", "wan0", *(("nodad",) if family == 6 else ()))
            net.onprem.ip(option, "route", "replace", "default", "via", uplinks[0])
        for n, (text, do, ours, lost_max) in enumerate((("the uplink in use goes", goes, second, LOST_MAX),
                                                        ("it is back, and preferred", is_back, first, LOST_MAX)), 1):
            with case.step(f"between two causewayds, IPv{family}: {text}: the same SAs"):
                lives_on(case, net, cw, do, ours, gateway, lost_max)
                equal((cw.spis(), cw.tunnel()["moves"]), (spis, n), "SPIs, moves")
                wait_for("the gateway to follow", lambda o=ours: far.tunnel("hq/t1")["remote"] == o, 10)
        with case.step(f"IPv{family}: after a rekey of the IKE SA, too"):
            old = cw.tunnel()["ike"]["spi-i"]
            cw.cli("tunnel", "rekey", TUNNEL, "--ike")
            wait_for("another IKE SA", lambda: cw.tunnel()["ike"]["spi-i"] != old, 10)
            lives_on(case, net, cw, goes, second, gateway)
            equal(cw.spis(), spis, "SPIs")
            check("MOBIKE" in cw.cli("tunnel", "show", TUNNEL).stdout, "`tunnel show` says nothing of it")
        cw.stop()
        far.stop()


def main(case):
    between_causeways(case, 4)
    between_causeways(case, 6)
    we_move(case)
    they_move(case)
    without(case)


run_case("mobike", main)
