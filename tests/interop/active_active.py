#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An active-active gateway: two tunnels of one site to two gateways, one inside address and one BGP address of ours for
both. The cloud's prefix is one kernel route with two ways; it survives either gateway without ever leaving the kernel.

    lan -- onprem 192.0.2.1    ==== 192.0.2.2 gw1 10.100.1.1 --+
                  198.51.100.1 ==== 198.51.100.2 gw2 10.100.1.2 --+-- bridge -- 10.100.1.4 vnet
"""
import copy

from lab import kernel, traffic
from lab.azure import LAN_HOST, OURS, PREFIX, VNET_HOST
from lab.bird import Bird
from lab.case import check, equal, run_case
from lab.causeway import Causeway, smallest, tunnel_of
from lab.lab import wait_for
from lab.strongswan import StrongSwan

T1, T2 = "azure-hq/t1", "azure-hq/t2"


class Gateway:
    """One instance of the cloud's gateway: a namespace of its own with strongSwan and BIRD."""

    def __init__(self, net, number, ours, outer, bgp_address):
        self.number, self.ours, self.outer, self.bgp_address = number, ours, outer, bgp_address
        self.inner = f"10.100.1.{number}"
        self.ns = net.lab.namespace(f"gw{number}")
        net.lab.link(net.onprem, f"wan{number - 1}", f"{ours}/24", self.ns, "wan0", f"{outer}/24")
        net.lab.link(net.vnet, f"port{number}", None, self.ns, "vnet0", f"{self.inner}/24")
        net.vnet.ip("link", "set", f"port{number}", "master", "br0")
        self.ns.forward()
        self.ns.ip("addr", "add", f"{bgp_address}/32", "dev", "lo")
        self.swan = self.bird = None

    def start(self):
        self.swan = StrongSwan(self.ns, f"charon{self.number}", local=self.outer, remote=self.ours,
                               local_id=self.outer).start()
        self.bird = Bird(self.ns, f"bird{self.number}", router_id=self.bgp_address, asn=65515, local=self.bgp_address,
                         peers=[("10.0.0.10", 65001)], announce=[PREFIX], via_dev="ipsec0").start()

    def kill(self):
        self.bird.kill()
        self.swan.kill()


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.onprem, self.lan, self.vnet = (lab.namespace(n) for n in ("onprem", "lan", "vnet"))
        self.onprem.forward()
        lab.link(self.onprem, "lan0", "10.0.1.1/24", self.lan, "eth0", f"{LAN_HOST}/24")
        self.lan.ip("route", "add", "default", "via", "10.0.1.1")
        self.vnet.ip("link", "add", "br0", "type", "bridge")
        self.vnet.ip("addr", "add", f"{VNET_HOST}/24", "dev", "br0")
        self.vnet.ip("link", "set", "br0", "up")
        self.gateways = [Gateway(self, 1, "192.0.2.1", "192.0.2.2", "10.100.255.254"),
                         Gateway(self, 2, "198.51.100.1", "198.51.100.2", "10.100.255.253")]
        for g in self.gateways:
            g.start()
        self.back_by(*self.gateways)

    def back_by(self, *gateways):
        """The way back is the cloud's affair: its virtual network sends by gateways that live."""
        self.vnet.ip("route", "replace", "default",
                     *(x for g in gateways for x in ("nexthop", "via", g.inner)))

    def causeway(self):
        cw = Causeway(self.onprem)
        config = smallest(cw.secret())
        one, two = self.gateways
        first = tunnel_of(config)
        first["liveness-interval"] = 2
        first["liveness-timeout"] = 4
        second = copy.deepcopy(first)
        second.update({"name": "t2", "local-address": two.ours, "remote-address": [two.outer]})
        second["bgp"]["peer-address"] = two.bgp_address
        config["causeway:connector"]["site"][0]["tunnel"].append(second)
        cw.configure(config)
        return cw

    def ways(self, cw):
        """Interfaces of the one kernel route, sorted; None while there is no route."""
        found = [r for r in kernel.routes(self.onprem) if r["dst"] == PREFIX]
        check(len(found) <= 1, f"several routes to {PREFIX}: {found}")
        return sorted(kernel.devices(self.onprem, found[0])) if found else None

    def answers(self, count=3):
        """Pings from the LAN, over several flows: more than one source address, so that both ways may be chosen."""
        return all(traffic.ping(self.lan, VNET_HOST, source, count=count, interval=0.05) for source in self.sources())

    def sources(self):
        return [LAN_HOST] + [f"10.0.1.{n}" for n in range(21, 25)]


def both_ways(case, net, cw):
    with case.step("in-fib by both tunnels; one route with two ways"):
        for name in (T1, T2):
            cw.wait_step("in-fib", name, timeout=30)
        wait_for("two ways", lambda: net.ways(cw) == ["cw0", "cw1"], 10)
        row = {r["prefix"]: r for r in cw.json("fib", "show")["route"]}[PREFIX]
        equal(sorted(n["interface"] for n in row["nexthop"]), ["cw0", "cw1"], "fib show")
        for g in net.gateways:
            wait_for(f"{OURS} at gateway {g.number}", lambda g=g: g.bird.as_path(OURS) == [65001], 10)
    with case.step("pings, also of flows that hash onto the other way"):
        wait_for("ping", lambda: net.answers(count=1), 10)
        check(net.answers(), "ping")


def one_dies(case, net, cw, dead, alive, down):
    """down: how the way is lost, and got back."""
    name = f"azure-hq/t{alive.number}"
    device = cw.tunnel(name)["interface"]
    spis, monitor = cw.spis(name), kernel.RouteMonitor(net.onprem)
    lost, back, text = down
    with case.step(f"{text} of gateway {dead.number}: the route stays by the other"):
        net.back_by(alive)
        lost()
        wait_for("one way", lambda: net.ways(cw) == [device], 30)
        equal(cw.step(name), "in-fib", "step of the other tunnel")
        wait_for("ping", lambda: net.answers(count=1), 5)
        check(net.answers(), "ping by the one way")
    with case.step("and it comes back to two ways"):
        back()
        cw.wait_step("in-fib", f"azure-hq/t{dead.number}", timeout=60)
        wait_for("two ways", lambda: net.ways(cw) == ["cw0", "cw1"], 10)
        net.back_by(*net.gateways)
        wait_for("ping", lambda: net.answers(count=1), 10)
        equal(cw.spis(name), spis, "SPIs of the tunnel that lived")
        equal(monitor.deleted(PREFIX), None, "the route left the kernel")
    monitor.process.stop()


def main(case):
    with case.lab() as lab:
        net = Net(lab)
        for address in net.sources()[1:]:
            net.lan.ip("addr", "add", f"{address}/24", "dev", "eth0")
        before = kernel.snapshot(net.onprem)
        cw = net.causeway().start()
        both_ways(case, net, cw)
        one, two = net.gateways
        one_dies(case, net, cw, one, two, (one.kill, one.start, "the death"))
        one_dies(case, net, cw, two, one, (lambda: cw.cli("tunnel", "down", T2, "--wait"),
                                           lambda: cw.cli("tunnel", "up", T2, "--timeout", "30"), "`tunnel down`"))
        with case.step("the shared inside address stays on the machine while one tunnel lives"):
            cw.cli("tunnel", "down", T1, "--wait")
            held = [a["local"] for link in net.onprem.ip_json("addr") for a in link["addr_info"]]
            check("10.0.0.10" in held, f"addresses: {held}")
            check(net.ways(cw) == ["cw1"], f"ways: {net.ways(cw)}")
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


run_case("active_active", main)
