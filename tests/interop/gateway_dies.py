#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gateway killed with -9: its routes leave the kernel when liveness fails, and come back when it does, unasked.
The same for its BGP speaker alone, and for a gateway that is back before anybody noticed."""
import time

from lab import kernel, path, traffic
from lab.azure import OURS, PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for


def no_route(net):
    return kernel.route(net.onprem, PREFIX) is None


def back(case, net, cw, text, timeout=60):
    with case.step(text):
        begin = time.monotonic()
        cw.wait_step("in-fib", timeout=timeout)
        case.note(f"in-fib again after {time.monotonic() - begin:.1f} s")
        path.holds_route(net, cw)
        wait_for(f"{OURS} at the gateway", lambda: net.bgp.as_path(OURS) == [65001], 10)
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird()

        def quick(config):
            tunnel_of(config)["liveness-interval"] = 2
            tunnel_of(config)["liveness-timeout"] = 8
        # A way out in clear, as a real site has: what BGP still has to send must not take it when the tunnel's routes go.
        net.onprem.ip("route", "add", "default", "via", "192.0.2.2")
        clear = kernel.PacketMonitor(net.onprem, "wan0", "tcp port 179", name="clear")
        before = kernel.snapshot(net.onprem)
        cw = net.causeway(change=quick).start()
        cw.wait_step("in-fib")

        with case.step("BIRD killed with -9: route withdrawn, the tunnel stays"):
            spis = cw.spis()
            net.bgp.kill()
            wait_for("the route's withdrawal", lambda: no_route(net), 10)
            equal(cw.spis(), spis, "child SA")
            check(cw.step() in ("passing", "bgp-open"), f"step is {cw.step()}")
        net.start_bird()
        back(case, net, cw, "BIRD is back: so is the route")

        with case.step("gateway killed with -9: routes out of the kernel when liveness fails"):
            begin = time.monotonic()
            net.swan.kill()
            net.bgp.kill()
            wait_for("the route's withdrawal", lambda: no_route(net), 60)
            took = time.monotonic() - begin
            case.note(f"withdrawn after {took:.1f} s")
            check(took < 15, f"{took:.1f} s for a probe after 2 s and 8 s without an answer")
            equal([r["dst"] for r in kernel.routes(net.onprem) if r["dst"] == PREFIX], [], "routes")
            done = cw.cli("status", "--check", check=False)
            equal(done.returncode, 6, "exit status of `status --check`")
            wait_for("an error that says why", cw.error, 20)
            case.note(f"error: {cw.error()}")
        net.start_swan()
        net.start_bird()
        back(case, net, cw, "the gateway is back: so is the route, by itself")

        with case.step("gateway killed and started at once: found dead, and paired again"):
            old = cw.spis()
            net.swan.kill()
            net.bgp.kill()
            net.start_swan()
            net.start_bird()
            wait_for("new SAs", lambda: cw.spis() not in ([], old), 90)
        back(case, net, cw, "and the route is there")
        path.ends_clean(case, net, cw, before)
        with case.step("no packet of BGP left in clear"):
            equal(clear.seen(), [], "TCP port 179 outside of the tunnel")


run_case("gateway_dies", main)
