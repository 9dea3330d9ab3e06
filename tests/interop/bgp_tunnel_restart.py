#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gateway's BGP restarts while its tunnel stands (RFC 4724): its routes stay in the kernel and packets get through the while, what
it doesn't tell again goes at End-of-RIB; and a tunnel that goes down takes at once what was kept."""
from lab import kernel, traffic
from lab.azure import PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.lab import wait_for

SECOND = "10.101.0.0/16"
PATIENCE = 60
PEER = "azure-hq/t1"


def detail(cw):
    return cw.json("bgp", "peer", PEER)["peer"][0]


def in_kernel(net):
    return [kernel.route(net.onprem, p) is not None for p in (PREFIX, SECOND)]


def dies(net, cw):
    net.bgp.kill()
    wait_for("the session's end", lambda: detail(cw)["state"] != "Established", PATIENCE)
    check(detail(cw)["graceful-restart"]["waiting"], f"{detail(cw)['graceful-restart']}")
    equal(in_kernel(net), [True, True], "routes in the kernel")
    check(traffic.ping(net.lan, VNET_HOST, count=3), "ping through the tunnel without BGP")


def comes_back(net, cw, has):
    count = detail(cw)["established-count"]
    net.bgp.start("-R")
    wait_for("a new session", lambda: detail(cw)["established-count"] > count and net.bgp.established(), PATIENCE)
    check(detail(cw)["graceful-restart"]["peer"]["restarted"], "it did not say that it restarted")
    wait_for("nothing to be stale", lambda: detail(cw)["graceful-restart"]["stale-ipv4"] == 0, PATIENCE)
    wait_for(f"the routes to be {has}", lambda: in_kernel(net) == has, PATIENCE)


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird(announce=(PREFIX, SECOND), options="graceful restart on;")
        before = kernel.snapshot(net.onprem)
        cw = net.causeway().start()
        cw.wait_step("in-fib")
        wait_for("both routes", lambda: in_kernel(net) == [True, True], PATIENCE)
        spis = cw.spis()
        monitor = net.onprem.spawn("monitor", "ip", "monitor", "route")
        with case.step("BIRD is killed: its routes stay, and packets get through"):
            dies(net, cw)
        with case.step("it is back: no route left the kernel meanwhile, and the tunnel saw none of it"):
            comes_back(net, cw, [True, True])
            gone = [line for line in monitor.output().splitlines() if line.startswith("Deleted") and (PREFIX in line or SECOND in line)]
            equal(gone, [], "routes deleted")
            monitor.stop()
            equal(cw.spis(), spis, "SPIs")
            check(traffic.ping(net.lan, VNET_HOST, count=3), "ping")
        with case.step("killed again, and back without one: that goes at End-of-RIB"):
            dies(net, cw)
            net.bgp.forget(SECOND)
            comes_back(net, cw, [True, False])
        with case.step("killed, and then the tunnel goes down: what was kept goes with it"):
            net.bgp.kill()
            wait_for("the session's end", lambda: detail(cw)["state"] != "Established", PATIENCE)
            equal(in_kernel(net), [True, False], "routes in the kernel")
            cw.cli("tunnel", "down", PEER, "--wait")
            wait_for("it to go", lambda: in_kernel(net) == [False, False], 10)
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


run_case("bgp_tunnel_restart", main)
