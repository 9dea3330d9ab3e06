#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts, reloads and ends: what SIGHUP leaves alone, what SIGTERM leaves behind (nothing), what the next start finds
after kill -9 (all cleaned up or adopted), and that nothing foreign is ever touched."""
import copy
import os
import signal

from lab import kernel, traffic
from lab.azure import OURS, PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import STALE_SESSION, Causeway, smallest, tunnel_of
from lab.lab import wait_for
from lab.strongswan import StrongSwan


def second_gateway(net):
    """Another gateway on a link of its own: strongSwan only, held by a static route."""
    branch = net.lab.namespace("branch")
    net.lab.link(net.onprem, "wan1", "198.51.100.1/24", branch, "wan0", "198.51.100.2/24")
    branch.ip("addr", "add", "10.200.0.1/32", "dev", "lo")
    return StrongSwan(branch, "charon2", local="198.51.100.2", remote="198.51.100.1", local_id="198.51.100.2",
                      routes=("10.0.0.11/32",)).start()


def second_site(secret):
    return {"name": "branch", "profile": "generic-ikev2",
            "tunnel": [{"name": "t1", "local-address": "198.51.100.1", "remote-address": ["198.51.100.2"],
                        "secret-file": secret, "inside-address": ["10.0.0.11/32"],
                        "static-route": [{"prefix": "10.200.0.0/24"}]}]}


def foreign(net):
    """What others own, among it what looks like ours: the same prefixes elsewhere, nexthop objects, rules."""
    net.onprem.ip("nexthop", "add", "id", "4242", "via", "192.0.2.2", "dev", "wan0")
    net.onprem.ip("route", "add", "203.0.113.0/24", "nhid", "4242", "proto", "static")
    net.onprem.ip("route", "add", PREFIX, "via", "192.0.2.2", "metric", "900", "proto", "static")
    net.onprem.ip("rule", "add", "pref", "3000", "to", "203.0.113.7", "lookup", "77")
    net.onprem.ip("route", "add", "203.0.113.7", "dev", "wan0", "table", "77")
    net.onprem.ip("link", "add", "dmz0", "type", "veth", "peer", "name", "dmz1")
    net.onprem.ip("link", "set", "dmz0", "up")


def two_sites(case, net):
    second_gateway(net)
    cw = net.causeway().start()
    one = copy.deepcopy(cw.config)
    cw.wait_step("in-fib")
    spis, monitor = cw.spis(), kernel.RouteMonitor(net.onprem)
    alone = kernel.snapshot(net.onprem)
    counter = traffic.Counter(net.lan, VNET_HOST, net.vnet)
    with case.step("SIGHUP adds a site: it comes up, the other is untouched"):
        two = copy.deepcopy(one)
        two["causeway:connector"]["site"].append(second_site(cw.secret(name="branch.psk")))
        cw.configure(two)
        cw.reload()
        wait_for("the new site", lambda: cw.status("branch/t1"), 10)
        cw.wait_step("child", "branch/t1")
        wait_for("its static route", lambda: kernel.route(net.onprem, "10.200.0.0/24"), 10)
        wait_for("ping", lambda: traffic.ping(net.onprem, "10.200.0.1", "10.0.0.11", count=1), 10)
        equal(cw.spis(), spis, "SPIs of the first site")
        equal(monitor.deleted(PREFIX), None, "the first site's route went")
    with case.step("SIGHUP changes a timer of one: no SA is touched"):
        light = copy.deepcopy(two)
        tunnel_of(light)["liveness-interval"] = 7
        cw.configure(light)
        other = cw.spis("branch/t1")
        cw.reload()
        wait_for("the new value", lambda: tunnel_of(cw.json("config", "show")).get("liveness-interval") == 7, 10)
        equal((cw.spis(), cw.spis("branch/t1")), (spis, other), "SPIs")
    with case.step("SIGHUP removes it: all its things go, the other is untouched"):
        cw.configure(one)
        cw.reload()
        wait_for("its end", lambda: not cw.status("branch/t1"), 10)
        wait_for("the kernel as before", lambda: kernel.snapshot(net.onprem) == alone, 10)
        equal(cw.spis(), spis, "SPIs of the first site")
        equal(monitor.deleted(PREFIX), None, "the first site's route went")
    with case.step("no packet of the first site was lost over all this"):
        equal(counter.stop()["lost-count"], 0, "lost")
    cw.stop()


def killed(case, net, before):
    cw = net.causeway("killed").start()
    cw.wait_step("in-fib")
    with case.step("kill -9: the next start cleans up or adopts, and comes up"):
        cw.kill()
        case.note(f"left behind: {kernel.difference(before, kernel.snapshot(net.onprem))}")
        cw.start()
        cw.wait_step("in-fib", timeout=STALE_SESSION)
        r = kernel.route(net.onprem, PREFIX)
        check(r, "no route")
        equal(kernel.devices(net.onprem, r), [cw.tunnel()["interface"]], "interface")
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
        equal(len([x for x in kernel.routes(net.onprem) if x["dst"] == PREFIX]), 1, f"routes to {PREFIX}")
        cw.stop()
        equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")
    with case.step("kill -9, then a start with an empty connector: all that was ours goes"):
        cw.start()
        cw.wait_step("in-fib", timeout=30)
        cw.kill()
        cw.configure({"causeway:connector": {}})
        cw.start()
        wait_for("the kernel as it was", lambda: not kernel.difference(before, kernel.snapshot(net.onprem)), 10)
        equal(cw.json("status")["site"], [], "sites")
        cw.stop()


def ends_early(case, net, before):
    """SIGTERM at awkward times: while it connects, with a gateway that is silent, right after the start."""
    with case.step("SIGTERM while the gateway is silent, and right after the start"):
        cw = Causeway(net.onprem, "early")
        config = smallest(cw.secret())
        tunnel_of(config)["remote-address"] = ["192.0.2.77"]
        cw.configure(config)
        cw.start()
        wait_for("connecting", lambda: cw.step() == "connecting", 10)
        cw.stop()
        equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")
        cw.start()
        cw.stop()
        equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


def user_plane_restart(case, net, before):
    """ESP ends with the process: nothing is kept, and nobody is told that it was."""
    with case.step("SIGUSR2 in the user-space plane: a stop like any other, with its reason; the next start says neither R nor F"):
        def full(config):
            tunnel_of(config)["bgp"]["graceful-restart"] = {"mode": "full"}
        cw = net.causeway("usr2", full).start()
        cw.wait_step("in-fib")
        cw.process.signal(signal.SIGUSR2)
        equal(cw.process.wait(20), 0, "exit status")
        cw.check_reports()
        check("restart-user-plane" in cw.process.output(), cw.process.output())
        equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")
        wait_for("the gateway to withdraw our network", lambda: net.bgp.as_path(OURS) is None, 10)
        equal(os.listdir(f"{cw.dir}/state").count("restart"), 0, "records")
        cw.start()
        cw.wait_step("in-fib")
        ours = cw.json("bgp", "peer", "azure-hq/t1")["peer"][0]["graceful-restart"]["ours"]
        equal((ours["restarted"], ours["family"], ours["forwarding"]), (False, ["ipv4-unicast"], []), "R, families and F")
        cw.stop()


def nexthop_compat(case, net):
    """A setting of the kernel's that the daemon may change while it runs."""
    def mode():
        return net.onprem.run("sysctl", "-n", "net.ipv4.nexthop_compat_mode").stdout.strip()
    with case.step("nexthop-compat: 0 while it is `off`, as it was before after that"):
        off, system = [{"causeway:connector": leaf} for leaf in ({"nexthop-compat": "off"}, {})]
        equal(mode(), "1", "at first")
        cw = Causeway(net.onprem, "compat", off).start()
        wait_for("0", lambda: mode() == "0", 10)
        cw.configure(system)
        cw.reload()
        wait_for("1 without the leaf", lambda: mode() == "1", 10)
        cw.configure(off)
        cw.reload()
        wait_for("0 again", lambda: mode() == "0", 10)
        cw.stop()
        equal(mode(), "1", "after the end")
    with case.step("nexthop-compat: the admin's own 0 stays"):
        net.onprem.sysctl("net.ipv4.nexthop_compat_mode", 0)
        cw.start()
        cw.stop()
        equal(mode(), "0", "after the end")
        net.onprem.sysctl("net.ipv4.nexthop_compat_mode", 1)


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird()
        foreign(net)
        two_sites(case, net)
        before = kernel.snapshot(net.onprem)
        killed(case, net, before)
        ends_early(case, net, before)
        user_plane_restart(case, net, before)
        nexthop_compat(case, net)
        with case.step("what others own is as it was"):
            for line in ("nexthop id 4242", "-4 route 203.0.113.0/24 nhid 4242", f"-4 route {PREFIX} via 192.0.2.2",
                         "-4 rule 3000:", "-4 route 203.0.113.7 dev wan0", "link dmz0"):
                check(any(x.startswith(line) for x in kernel.snapshot(net.onprem)), f"{line} is gone")


run_case("lifecycle", main)
