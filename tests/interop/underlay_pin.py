#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No learned route can swallow the tunnel's own packets: the gateway, two routers away, announces networks that cover
its own public address (a /24, the two halves of the Internet), or that very address, and the default route."""
from lab import kernel, traffic
from lab.azure import OURS, PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for

GATEWAY = "203.0.113.2"
COVERING = ["203.0.113.0/24", "203.0.112.0/22", "0.0.0.0/1", "128.0.0.0/1", f"{GATEWAY}/32"]


def goes_by(net, device):
    """While no way has a carrier, the pin holds the gateway's packets back and `ip` fails: they go by no device."""
    return f"dev {device}" in net.onprem.ip("route", "get", GATEWAY, check=False)


def main(case):
    with case.lab() as lab:
        # onprem 192.0.2.1 -- 192.0.2.9 isp 203.0.113.1 -- 203.0.113.2 azure
        net = Azure(lab)
        isp = lab.namespace("isp")
        net.onprem.ip("link", "del", "wan0")
        lab.link(net.onprem, "wan0", "192.0.2.1/24", isp, "left", "192.0.2.9/24")
        lab.link(isp, "right", "203.0.113.1/24", net.azure, "wan0", f"{GATEWAY}/24")
        isp.forward()
        net.onprem.ip("route", "add", "default", "via", "192.0.2.9")
        net.azure.ip("route", "add", "192.0.2.0/24", "via", "203.0.113.1")
        net.start_swan(local=GATEWAY, local_id=GATEWAY)
        net.start_bird()
        before = kernel.snapshot(net.onprem)

        def far(config):
            tunnel_of(config)["remote-address"] = [GATEWAY]
            tunnel_of(config)["liveness-interval"] = 2
        cw = net.causeway(change=far).start()
        cw.wait_step("in-fib")
        spis = cw.spis()

        with case.step("the gateway announces what covers its own address: the tunnel stays"):
            counter = traffic.Counter(net.lan, VNET_HOST, net.vnet)
            net.bgp.announce([PREFIX, *COVERING, "0.0.0.0/0"])
            for prefix in ("0.0.0.0/1", "128.0.0.0/1", "203.0.112.0/22"):
                wait_for(f"{prefix} in the kernel", lambda p=prefix: kernel.route(net.onprem, p), 15)
                equal(kernel.devices(net.onprem, kernel.route(net.onprem, prefix)), [cw.tunnel()["interface"]], prefix)
            counter.more(500)
            equal(counter.stop()["lost-count"], 0, "packets lost")
            equal((cw.step(), cw.spis()), ("in-fib", spis), "tunnel")
            via = net.onprem.ip("route", "get", GATEWAY)
            check("dev wan0" in via and "via 192.0.2.9" in via, f"the gateway's address is routed {via}")
        with case.step("the default route was refused, with a reason"):
            check(kernel.route(net.onprem, "default") is None, "a default route of ours in the kernel")
            rejected = {r["prefix"]: r for r in cw.json("bgp", "routes", "--rejected")["route"]}
            check("0.0.0.0/0" in rejected and rejected["0.0.0.0/0"]["reason"], f"rejected: {rejected}")
        with case.step("it pairs again while those routes are learned"):
            net.swan.swanctl("--terminate", "--ike", "gw")
            wait_for("new SAs", lambda: cw.spis() not in ([], spis), 30)
            cw.wait_step("in-fib", timeout=30)
        with case.step("the ISP's router changes: the pin follows the underlay"):
            lab.link(net.onprem, "wan1", "198.51.100.1/24", isp, "left1", "198.51.100.9/24")
            net.onprem.ip("route", "replace", "default", "via", "198.51.100.9")
            wait_for("the pin by the new way", lambda: goes_by(net, "wan1"), 15)
            wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 15)
            net.onprem.ip("route", "replace", "default", "via", "192.0.2.9")
            wait_for("the pin by the old way", lambda: goes_by(net, "wan0"), 15)
            net.onprem.ip("link", "del", "wan1")
        with case.step("withdrawn again: the kernel follows"):
            net.bgp.announce([PREFIX])
            wait_for("their end", lambda: not any(kernel.route(net.onprem, p) for p in COVERING[:4]), 15)
            wait_for(f"{OURS} at the gateway", lambda: net.bgp.as_path(OURS) == [65001], 10)
            check(traffic.ping(net.lan, VNET_HOST), "ping")
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


run_case("underlay_pin", main)
