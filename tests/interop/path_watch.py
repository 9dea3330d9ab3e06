#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ESP that is lost while IKE passes: the data plane's own watch finds it, withdraws the learned route at once, rekeys,
starts anew, and comes back by itself. One-way traffic is no fault, nor is a peer that never answers pings."""
import time

from lab import kernel, traffic
from lab.azure import PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for

INTERVAL, TIMEOUT = 3, 3
# ESP in UDP: not the four zeros of IKE's marker. A keepalive has no fourth byte and matches nothing.
ESP = "udp dport 4500 @th,64,32 != 0"


def nft(ns, text):
    ns.run("nft", text)


class Drop:
    """Drops ESP at the gateway, on its way in, out, or both."""

    def __init__(self, net, hooks):
        self.ns = net.azure
        nft(self.ns, "add table inet lost")
        for hook in hooks:
            nft(self.ns, f"add chain inet lost {hook} {{ type filter hook {hook} priority 0; }}")
            nft(self.ns, f"add rule inet lost {hook} {ESP} drop")

    def end(self):
        nft(self.ns, "delete table inet lost")


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird()
        # Says nothing to what it gets, not even that the port is closed.
        nft(net.vnet, "add table inet mute")
        nft(net.vnet, "add chain inet mute input { type filter hook input priority 0; }")
        nft(net.vnet, "add rule inet mute input udp dport 9 drop")

        def quick(config):
            tunnel_of(config)["liveness-interval"] = INTERVAL
            tunnel_of(config)["liveness-timeout"] = TIMEOUT
        before = kernel.snapshot(net.onprem)
        cw = net.causeway(change=quick).start()
        cw.wait_step("in-fib")
        oneway = traffic.oneway(net.lan, VNET_HOST)
        with case.step("one-way traffic to a peer that answers echoes: nothing happens"):
            spis = cw.spis()
            packets = cw.tunnel()["child"][0]["packets-out"]
            wait_for("12 s of it", lambda: cw.tunnel()["child"][0]["packets-out"] > packets + 100, 40)
            equal((cw.step(), cw.spis(), cw.error()), ("in-fib", spis, None), "tunnel")
        for text, hooks in (("out", ["input"]), ("in", ["output"]), ("both ways", ["input", "output"])):
            with case.step(f"ESP lost {text}, IKE passes: the route is withdrawn, with a reason"):
                begin = time.monotonic()
                drop = Drop(net, hooks)
                wait_for("the withdrawal", lambda: kernel.route(net.onprem, PREFIX) is None, 30)
                case.note(f"withdrawn after {time.monotonic() - begin:.1f} s")
                check(time.monotonic() - begin < 30, "too late: BGP would have noticed only after its hold time of 180 s")
                wait_for("a reason", lambda: (cw.error() or {}).get("id") in ("path-dead", "path-restart"), 5)
                equal(cw.step() in ("child", "passing", "down", "connecting", "authenticating"), True, "step")
            with case.step("it passes again: so does the tunnel, by itself"):
                begin = time.monotonic()
                drop.end()
                cw.wait_step("in-fib", timeout=60)
                case.note(f"in-fib again after {time.monotonic() - begin:.1f} s")
                wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
        with case.step("lost for long: a new start, with a reason in the log"):
            drop = Drop(net, ["input"])
            wait_for("the new start", lambda: "path-restart" in cw.process.output(), 90)
            drop.end()
            cw.wait_step("in-fib", timeout=60)
        with case.step("a peer that never answers pings: rekeyed once, nothing withdrawn"):
            oneway.kill()
            cw.stop()
            nft(net.azure, "add table inet deaf")
            nft(net.azure, "add chain inet deaf input { type filter hook input priority 0; }")
            nft(net.azure, "add rule inet deaf input icmp type echo-request drop")
            cw.start()
            cw.wait_step("in-fib", timeout=90)
            oneway = traffic.oneway(net.lan, VNET_HOST)
            wait_for("the rekey's reason", lambda: "path-silent" in cw.process.output(), 60)
            wait_for("the rekey", lambda: "child SA rekeyed" in cw.process.output().split("path-silent")[1], 10)
            rekeys = cw.tunnel()["child-rekeys"]
            packets = cw.tunnel()["child"][0]["packets-out"]
            wait_for("12 s more of it", lambda: cw.tunnel()["child"][0]["packets-out"] > packets + 100, 40)
            equal((cw.step(), cw.error(), cw.tunnel()["child-rekeys"]), ("in-fib", None, rekeys), "tunnel")
        with case.step("without BGP: an echo at once proves the tunnel, before its first user"):
            nft(net.azure, "delete table inet deaf")
            oneway.kill()
            config = cw.config
            tunnel = tunnel_of(config)
            del tunnel["bgp"]
            tunnel["static-route"] = [{"prefix": PREFIX}]
            tunnel["probe-address"] = "10.100.255.254"
            cw.configure(config)
            cw.reload()
            cw.wait_step("in-fib", timeout=20)
            cw.cli("tunnel", "down", "azure-hq/t1", "--wait")
            cw.cli("tunnel", "up", "azure-hq/t1")
            wait_for("the size that passes, as the probe-address says", lambda: cw.tunnel()["mtu-probe"] == "known", 15)
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


run_case("path_watch", main)
