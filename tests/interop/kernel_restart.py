#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""In the kernel's data plane (run by kernel_lab): a restart that packets don't notice (SIGUSR2), against strongSwan with the
kernel's IPsec and BIRD. Numbered packets both ways through it all: none is lost while nobody is there, and in the handover
only what the peer sends by the new SA before its answer has been verified here; no route leaves either kernel; old SAs carry
until the new ones do, and are gone in the end. Then twice in a row, both sides at once, a stop in the middle, a configuration
that has changed, and a start that comes too late.
"""
import os
import signal
import time

from lab import api, kernel, traffic
from lab.azure import OURS, PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.kernel_swan import KernelSwan
from lab.lab import wait_for

RESTART_TIME = 300


def full(config):
    t = tunnel_of(config)
    t["bgp"]["graceful-restart"] = {"mode": "full", "restart-time": RESTART_TIME}


def states(ns):
    """SPIs of our states in the kernel."""
    lines = ns.ip("xfrm", "state").splitlines()
    return {line.split()[3] for line in lines if line.strip().startswith("proto esp")}


def xfrm_errors(ns):
    """The kernel's reasons for packets that it dropped, and how many."""
    rows = [line.split() for line in ns.run("cat", "/proc/net/xfrm_stat").stdout.splitlines()]
    return {name: int(n) for name, n in rows if int(n)}


def leave(cw):
    cw.process.signal(signal.SIGUSR2)
    equal(cw.process.wait(40), 0, "exit status")
    check("restart: leaving" in cw.process.output(), cw.process.output())


def comes_back(cw, timeout=120):
    cw.spawn()
    wait_for("an answer", cw.answers, 90, 0.3, alive=[cw.process])
    cw.wait_step("in-fib", timeout=timeout)


def over(cw, timeout=150):
    wait_for("the end of the restart", lambda: "the restart is over" in cw.process.output(), timeout, 0.3, alive=[cw.process])


def gone(monitor, ns, *prefixes):
    return [text for _, deleted, text in monitor.changes() if deleted and any(text.startswith(p) for p in prefixes)]


class Watch:
    """Both kernels' routes, and packets both ways between the hosts, until it ends with nothing lost but in the handover."""

    def __init__(self, net):
        self.net = net
        self.errors = {ns.short: xfrm_errors(ns) for ns in (net.onprem, net.azure)}
        self.monitors = [(ns, kernel.RouteMonitor(ns)) for ns in (net.onprem, net.azure)]
        self.counter = traffic.Counter(net.lan, VNET_HOST, net.vnet, interval=0.02)
        self.counter.more(50)

    def none_lost(self, case):
        """So far; a new count begins."""
        seen = self.counter.stop()
        case.note(f"{seen['sent']} packets there and back while nobody is there, {seen['lost-count']} lost")
        equal((seen["lost-count"], seen["duplicates"]), (0, 0), f"packets lost and doubled: {seen}")
        self.counter = traffic.Counter(self.net.lan, VNET_HOST, self.net.vnet, interval=0.02)

    def ends(self, case):
        self.counter.more(50, timeout=60)
        seen = self.counter.stop()
        case.note(f"{seen['sent']} packets there and back, {seen['lost-count']} lost")
        new = {ns.short: {name: n - self.errors[ns.short].get(name, 0) for name, n in xfrm_errors(ns).items()
                          if n != self.errors[ns.short].get(name, 0)} for ns, _ in self.monitors}
        case.note(f"dropped in the kernels: {new}")
        # Each that is lost came by an SA that did not stand here yet: however many these are, no other reason explains one.
        early = new[self.net.onprem.short].get("XfrmInNoStates", 0)
        equal([name for errors in new.values() for name in errors if name != "XfrmInNoStates"], [], f"other reasons: {new}")
        check(seen["lost-count"] <= early, f"lost for another reason than an SA that did not stand yet ({early}): {seen}")
        equal(seen["duplicates"], 0, f"packets doubled: {seen}")
        for ns, m in self.monitors:
            equal(gone(m, ns, PREFIX, OURS, "10.100.255.254"), [], f"routes that left {ns.short}")
            m.process.stop()


def gentle(case, net, cw):
    old = states(net.onprem)
    with case.step("SIGUSR2: it is gone; interface, SAs, policies and routes are not; packets pass"):
        watch = Watch(net)
        leave(cw)
        watch.counter.more(100, timeout=60)
        watch.none_lost(case)
        equal(states(net.onprem), old, "states")
        check(kernel.route(net.onprem, PREFIX), "the route is gone")
        equal(net.bgp.as_path(OURS), [65001], "our network there")
    with case.step("a start that fails (no place for the management socket) uses nothing up: all stays, packets pass"):
        equal(cw.run_to_end("--socket", cw.dir, timeout=90).returncode, 1, "exit status")
        watch.counter.more(50, timeout=60)
        watch.none_lost(case)
        equal(states(net.onprem), old, "states")
        check(os.path.exists(f"{cw.dir}/state/restart"), "the record is gone")
    with case.step("the next start: the same interface, a new child, R and F as BIRD heard it"):
        begin = time.monotonic()
        comes_back(cw)
        case.note(f"in-fib {time.monotonic() - begin:.1f} s after the start (emulated CPU)")
        text = net.bgp.birdc("show", "protocols", "all", "peer").stdout
        ours = text.split("Neighbor capabilities", 1)[1].split("Session:", 1)[0]
        check("Restart recovery" in ours and "AF preserved: ipv4" in ours, ours)
        check("1 of 1 tunnels" in cw.process.output(), cw.process.output())
    with case.step("in the end only the new SAs are left, and nothing was lost but in the handover"):
        over(cw)
        equal(len(states(net.onprem)), 2, "states")
        check(not states(net.onprem) & old, "old states are still there")
        watch.ends(case)


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.swan = KernelSwan(net.azure, encap="no").start()
        net.start_bird()
        before = kernel.snapshot(net.onprem)
        cw = api.instead(net.causeway(change=full, release=True))
        with case.step("a cold start: in-fib"):
            comes_back(cw)
            wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 30)
        gentle(case, net, cw)
        with case.step("twice in a row, the second in the middle of the first: nothing is lost but in the handovers"):
            watch = Watch(net)
            leave(cw)
            cw.spawn()
            wait_for("an answer", cw.answers, 90, 0.3, alive=[cw.process])
            leave(cw)
            comes_back(cw)
            over(cw)
            equal(len(states(net.onprem)), 2, "states")
            watch.ends(case)
        with case.step("both sides restart: BIRD with recovery while we are away; our kernel's route stays"):
            monitor = kernel.RouteMonitor(net.onprem)
            leave(cw)
            net.bgp.kill()
            net.bgp.start("-R")
            comes_back(cw)
            over(cw)
            equal(gone(monitor, net.onprem, PREFIX, "10.100.255.254"), [], "routes that left")
            check(kernel.route(net.onprem, PREFIX), "the route is gone")
            monitor.process.stop()
        with case.step("a configuration that has changed: what it does not want goes at the start"):
            leave(cw)
            config = cw.config
            tunnel_of(config)["interface"] = "cloud0"
            cw.configure(config)
            comes_back(cw)
            check("0 of 1 tunnels" in cw.process.output(), cw.process.output())
            over(cw)
            equal([line.split(":")[1].split("@")[0].strip() for line in net.onprem.ip("-o", "link", "show", "type", "xfrm").splitlines()],
                  ["cloud0"], "interfaces")
            equal(len(states(net.onprem)), 2, "states")
        with case.step("a stop in the middle of a restart leaves nothing"):
            leave(cw)
            cw.spawn()
            wait_for("an answer", cw.answers, 90, 0.3, alive=[cw.process])
            cw.stop(timeout=40)
            equal((states(net.onprem), net.onprem.ip("xfrm", "policy")), (set(), ""), "XFRM")
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel before and after")
        with case.step("nobody comes back: the kernel ends the SAs by itself, after 120 s at the least; a late start cleans up"):
            config = cw.config
            tunnel_of(config)["bgp"]["graceful-restart"]["restart-time"] = 5
            cw.configure(config)
            comes_back(cw)
            leave(cw)
            wait_for("the SAs to end", lambda: not states(net.onprem), 240, 1)
            comes_back(cw)
            check("restart-record-late" in cw.process.output(), cw.process.output())
            cw.stop(timeout=40)
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel before and after")


run_case("kernel_restart", main)
