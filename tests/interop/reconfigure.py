#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each leaf changed in a running daemon by SIGHUP, one after the other: the tunnel is back in the kernel within seconds,
what lies beside it is not touched, and what was before is gone. Then renames, moves, and storms of reloads and commands."""
import copy
import re
import time

from lab import kernel, traffic
from lab.azure import OURS, PREFIX, VNET_HOST, Azure
from lab.bird import Bird
from lab.case import check, equal, run_case
from lab.lab import LabError, wait_for
from lab.strongswan import StrongSwan

HQ, BRANCH = "azure-hq/t1", "branch/t1"
OTHER_KEY = "another key of the same gateway"
BRANCH_NET = "10.200.0.0/24"


def tolerant_gateway(net):
    """A gateway that takes what the table changes: any of our addresses and AS numbers, several suites and ends."""
    net.azure.ip("addr", "add", "192.0.2.3/24", "dev", "wan0")
    net.onprem.ip("addr", "add", "192.0.2.8/24", "dev", "wan0")
    net.azure.ip("addr", "add", "10.100.255.253/32", "dev", "lo")
    net.start_swan(local="192.0.2.2,192.0.2.3", remote="%any", local_id="gateway.example",
                   ike="aes256-sha256-modp2048,aes256gcm16-prfsha384-ecp384", esp="aes256-sha256,aes256gcm16",
                   routes=("10.0.0.10/32", "10.0.0.12/32"))
    net.bgp = Bird(net.azure, router_id="10.100.255.254", asn=65515, local="10.100.255.254", announce=[PREFIX],
                   peers=[("10.0.0.10", 65001), ("10.0.0.12", 65001)], via_dev="ipsec0")
    with open(net.bgp.conf, encoding="utf-8") as f:
        text = f.read()
    net.lab.write("bird.conf", text.replace(" as 65001;", " external;"))
    net.bgp.start()


def branch_gateway(net):
    branch = net.lab.namespace("branch")
    net.lab.link(net.onprem, "wan1", "198.51.100.1/24", branch, "wan0", "198.51.100.2/24")
    branch.ip("addr", "add", "10.200.0.1/32", "dev", "lo")
    StrongSwan(branch, "charon2", local="198.51.100.2", remote="198.51.100.1", local_id="198.51.100.2",
               routes=("10.0.0.11/32",)).start()


def with_branch(cw, config):
    config["causeway:connector"]["site"].append(
        {"name": "branch", "profile": "generic-ikev2",
         "tunnel": [{"name": "t1", "local-address": "198.51.100.1", "remote-address": ["198.51.100.2"],
                     "secret-file": cw.secret(name="branch.psk"), "inside-address": ["10.0.0.11/32"],
                     "static-route": [{"prefix": BRANCH_NET}]}]})


def at_rest(ns):
    """The kernel without the numbers of nexthop objects, which only grow."""
    return {re.sub(r"\b2010[0-9]{5}\b", "N", line) for line in kernel.snapshot(ns)}


class Bench:
    """The daemon under change, with what it holds at rest."""

    def __init__(self, net):
        self.net = net
        self.cw = net.causeway()
        self.base = self.cw.config
        with_branch(self.cw, self.base)
        self.cw.configure(self.base)
        self.cw.start()
        self.settled()
        self.rest = at_rest(net.onprem)
        self.monitor = kernel.RouteMonitor(net.onprem)
        self.branch_spis = self.cw.spis(BRANCH)

    def changed(self, change):
        config = copy.deepcopy(self.base)
        root = config["causeway:connector"]
        change(root, root["site"][0]["tunnel"][0])
        return config

    def apply(self, config):
        """SIGHUP, until the log says what became of it."""
        lines = len(self.cw.process.lines)
        self.cw.configure(config)
        self.cw.reload()

        def said():
            new = [text for _, text in list(self.cw.process.lines)[lines:]]
            return next((t for t in new if "config: " in t and ("applied" in t or "unchanged" in t)), None)
        return "applied" in wait_for("an answer to SIGHUP", said, 10, alive=[self.cw.process])

    def steps(self, hq, branch, timeout=20):
        """The branch has no BGP, and without a packet nothing proves its way: `child` is what it reaches alone."""
        if hq:
            self.cw.wait_step("in-fib", hq, timeout=timeout)
        if branch:
            self.cw.wait_step("child", branch, timeout=timeout)

    def settled(self, hq=HQ, branch=BRANCH, timeout=20):
        self.steps(hq, branch, timeout)
        if hq:
            wait_for(f"{PREFIX} in the kernel", lambda: kernel.route(self.net.onprem, PREFIX), 10)
            wait_for(f"{OURS} at the gateway", lambda: self.net.bgp.as_path(OURS), 15)
            wait_for("ping", lambda: traffic.ping(self.net.lan, VNET_HOST, count=1), 10)

    def branch_untouched(self):
        equal(self.cw.spis(BRANCH), self.branch_spis, "SPIs of the other site")
        equal(self.monitor.deleted(BRANCH_NET), None, "the other site's route went")

    def back(self):
        """To the first configuration; the kernel must be as it was with it."""
        check(self.apply(self.base), "the first configuration was refused")
        self.settled()
        left = kernel.difference(self.rest, at_rest(self.net.onprem))
        try:
            wait_for("the kernel", lambda: self.rest == at_rest(self.net.onprem), 10)
        except LabError as e:
            raise LabError(f"the kernel is not as it was at first: {left}") from e


def leaves(bench):
    """(what, change, SPIs stay, gateway's part before or with it, check after)."""
    net, cw = bench.net, bench.cw
    psk = cw.secret(OTHER_KEY, "other.psk")
    same = cw.secret(name="same.psk")

    def gateway_key(text):
        def do():
            net.swan.configure(psk=text)
            net.swan.load()
        return do

    def gateway_end(address):
        """BIRD keeps one session for a neighbour, so it can't wait at both addresses."""
        def do():
            with open(net.bgp.conf, encoding="utf-8") as f:
                text = f.read()
            net.lab.write("bird.conf", re.sub(r"local [0-9.]+ as", f"local {address} as", text))
            net.bgp.birdc("configure")
        return do

    def address(present, absent=None):
        def look():
            held = [a["local"] for link in net.onprem.ip_json("addr") for a in link["addr_info"]]
            check(present in held, f"{present} is not there: {held}")
            check(absent not in held, f"{absent} is still there: {held}")
        return look

    def bgp(**leafs):
        return lambda root, t: t["bgp"].update(leafs)

    def leaf(**leafs):
        return lambda root, t: t.update(leafs)

    def inside(*addresses):
        def change(root, t):
            t["inside-address"] = [f"{a}/32" for a in addresses]
            if "10.0.0.10" not in addresses:
                t["bgp"]["local-address"] = addresses[0]
        return change

    def announced(prefix):
        return lambda: wait_for(f"{prefix} at the gateway", lambda: net.bgp.as_path(prefix), 10)

    def agreed(value):
        return lambda: equal(cw.json("bgp", "peer", HQ)["peer"][0]["hold-time"], value, "hold time")
    return [
        ("secret-file, another key", leaf(**{"secret-file": psk}), False, gateway_key(OTHER_KEY), None),
        ("secret-file, the first key again", lambda root, t: None, False, gateway_key("AzureSharedKey2024!"), None),
        ("secret-file, the same key elsewhere", leaf(**{"secret-file": same}), True, None, None),
        ("remote-address", leaf(**{"remote-address": ["192.0.2.3"]}), False, None, None),
        ("remote-address, a second one", leaf(**{"remote-address": ["192.0.2.2", "192.0.2.3"]}), False, None, None),
        ("local-address", leaf(**{"local-address": "192.0.2.8"}), False, None, None),
        ("ike-proposal", leaf(**{"ike-proposal": ["aes256gcm16-prfsha384-ecp384"]}), False, None,
         lambda: equal(cw.tunnel()["ike"]["proposal"], "aes256gcm16-prfsha384-ecp384", "suite")),
        ("esp-proposal", leaf(**{"esp-proposal": ["aes256gcm16"]}), False, None,
         lambda: equal(cw.tunnel()["child"][0]["proposal"], "aes256gcm16", "suite")),
        ("local-id", leaf(**{"local-id": "hq.example"}), False, None, None),
        ("remote-id", leaf(**{"remote-id": "gateway.example"}), False, None, None),
        ("inside-address, one more", inside("10.0.0.10", "10.0.0.12"), False, None, address("10.0.0.12")),
        ("inside-address, another", inside("10.0.0.12"), False, None, address("10.0.0.12", "10.0.0.10")),
        ("interface", leaf(interface="az0"), False, None, lambda: equal(cw.tunnel()["interface"], "az0", "interface")),
        ("mtu", leaf(mtu=1280), False, None, None),
        ("role", leaf(role="initiate"), False, None, None),
        ("force-encapsulation", leaf(**{"force-encapsulation": False}), False, None, None),
        ("ike-fragmentation", leaf(**{"ike-fragmentation": "no"}), False, None, None),
        ("ike-lifetime", leaf(**{"ike-lifetime": 7200}), True, None, None),
        ("esp-lifetime", leaf(**{"esp-lifetime": 3000}), True, None, None),
        ("esp-lifekbytes", leaf(**{"esp-lifekbytes": 1000000}), True, None, None),
        ("liveness-interval", leaf(**{"liveness-interval": 5}), True, None, None),
        ("bgp hold-time", bgp(**{"hold-time": 30}), True, None, None),
        ("bgp keepalive", bgp(**{"keepalive": 7}), True, None, None),
        ("bgp mode passive", bgp(mode="passive"), True, None, None),
        ("bgp mode active", bgp(mode="active"), True, None, None),
        ("bgp max-prefixes", bgp(**{"max-prefixes": 50}), True, None, None),
        ("bgp peer-address", bgp(**{"peer-address": "10.100.255.253"}), True, gateway_end("10.100.255.253"),
         lambda: check(not kernel.route(net.onprem, "10.100.255.254/32"), "the old peer's host route is still there")),
        ("bgp peer-address, the first one again", lambda root, t: None, True, gateway_end("10.100.255.254"), None),
        ("static-route", leaf(**{"static-route": [{"prefix": "10.101.0.0/16"}]}), True, None,
         lambda: wait_for("the static route", lambda: kernel.route(net.onprem, "10.101.0.0/16"), 5)),
        ("announce, one more", lambda root, t: root["announce"].append("10.7.0.0/16"), True, None,
         announced("10.7.0.0/16")),
        ("router-id", lambda root, t: root.update({"router-id": "10.9.9.9"}), True, None, None),
        ("as", lambda root, t: root.update({"as": 65009}), True, None,
         lambda: wait_for("the new AS", lambda: net.bgp.as_path(OURS) == [65009], 10)),
        ("multipath", lambda root, t: root.update({"multipath": 1}), True, None, None),
    ]


def each_leaf(case, bench):
    for what, change, stay, before, after in leaves(bench):
        with case.row(what, bench.net.lab):
            if before:
                before()
            else:
                bench.back()
            spis = bench.cw.spis()
            check(bench.apply(bench.changed(change)), "refused")
            if stay is False:
                wait_for("new SAs", lambda s=spis: bench.cw.spis() not in (s, []), 10)
            bench.settled()
            if stay:
                equal(bench.cw.spis(), spis, "SPIs")
            if after:
                after()
            bench.branch_untouched()
    with case.row("and all as at first", bench.net.lab):
        bench.back()
        bench.branch_untouched()


def light(case, bench):
    """What touches neither SA nor route: no route leaves the kernel for a moment, since what was sent by it would go
    elsewhere, in clear."""
    def with_static(root, t, **leafs):
        t["static-route"] = [{"prefix": "10.101.0.0/16"}, {"prefix": "10.102.0.0/16", "metric": 7}]
        t.update(leafs)

    def static_too(root, t):
        with_static(root, t)
        t["static-route"] = t["static-route"][:1] + [{"prefix": "10.103.0.0/16"}]
    rows = [{"retry": 9}, {"tries": 3}, {"liveness-interval": 7}, {"liveness-timeout": 9}, {"esp-lifetime": 3100},
            {"ike-lifetime": 7300}, {"probe-address": "10.100.255.254"}, {"mtu-probe": False}, {"promote-alternate": True},
            {"start": "manual"}]
    with case.row("two static routes", bench.net.lab):
        check(bench.apply(bench.changed(with_static)), "refused")
        bench.settled()
    for leafs in rows:
        with case.row(f"{leafs}: no route goes", bench.net.lab):
            spis, since = bench.cw.spis(), time.time()
            check(bench.apply(bench.changed(lambda root, t, x=leafs: with_static(root, t, **x))), "refused")
            bench.settled()
            equal(bench.cw.spis(), spis, "SPIs")
            equal([text for _, gone, text in bench.monitor.changes(since) if gone], [], "routes that went")
    with case.row("another static route: only the old one goes", bench.net.lab):
        since = time.time()
        check(bench.apply(bench.changed(static_too)), "refused")
        wait_for("the new one", lambda: kernel.route(bench.net.onprem, "10.103.0.0/16"), 5)
        wait_for("the old one's end", lambda: bench.monitor.deleted("10.102.0.0/16", since), 5)
        equal([text for _, gone, text in bench.monitor.changes(since) if gone and "10.102.0.0/16" not in text], [],
              "other routes that went")
    with case.row("and all as at first", bench.net.lab):
        bench.back()


def comings_and_goings(case, bench):
    """Rows change more than a leaf, so the SAs of neither are asked to stay."""
    def swap_sites(root, _t):
        root["site"].reverse()

    def rename_tunnel(_root, t):
        t["name"] = "t9"

    def rename_site(root, _t):
        root["site"][0]["name"] = "hq"

    def no_bgp(root, t):
        del t["bgp"]
        t["static-route"] = [{"prefix": PREFIX}]

    def named(first, second):
        def change(root, t):
            t["interface"] = first
            root["site"][1]["tunnel"][0]["interface"] = second
        return change

    def swapped_inside(root, t):
        t["inside-address"] = ["10.0.0.10/32", "10.0.0.11/32"]
        root["site"][1]["tunnel"][0]["inside-address"] = ["10.0.0.13/32"]
    rows = [("the sites in another order", swap_sites, HQ, BRANCH),
            ("the tunnel renamed", rename_tunnel, "azure-hq/t9", BRANCH),
            ("renamed back", lambda root, t: None, HQ, BRANCH),
            ("the site renamed", rename_site, "hq/t1", BRANCH),
            ("interfaces named", named("a0", "b0"), HQ, BRANCH),
            ("one takes an automatic name that the other leaves", named("cw0", "cw1"), HQ, BRANCH),
            ("an inside address moves from one to the other", swapped_inside, HQ, BRANCH),
            ("without BGP, with a static route", no_bgp, HQ, BRANCH),
            ("only the branch", lambda root, t: root["site"].pop(0), None, BRANCH),
            ("nothing", lambda root, t: root.update({"site": []}), None, None),
            ("only the site", lambda root, t: root["site"].pop(1), HQ, None)]
    for what, change, hq, branch in rows:
        with case.row(what, bench.net.lab):
            check(bench.apply(bench.changed(change)), "refused")
            bench.steps(hq, branch)
            if hq:
                wait_for(f"{PREFIX} in the kernel", lambda: kernel.route(bench.net.onprem, PREFIX), 10)
            if hq and change is not no_bgp:  # without BGP the gateway knows no way back
                wait_for("ping", lambda: traffic.ping(bench.net.lan, VNET_HOST, count=1), 15)
    with case.row("two interfaces can't exchange their names in one step: refused, and nothing is touched", bench.net.lab):
        check(bench.apply(bench.changed(named("a0", "b0"))), "refused")
        bench.steps(HQ, BRANCH)
        spis = bench.cw.spis(), bench.cw.spis(BRANCH)
        check(not bench.apply(bench.changed(named("b0", "a0"))), "not refused")
        check("interface-of-another-tunnel" in bench.cw.process.output(), "the reason is another")
        equal((bench.cw.spis(), bench.cw.spis(BRANCH)), spis, "SPIs")
    with case.row("and all as at first", bench.net.lab):
        bench.back()


def storms(case, bench):
    cw = bench.cw
    with case.row("`tunnel down` and `up` fifty times, without waiting", bench.net.lab):
        for _ in range(50):
            cw.cli("tunnel", "down", HQ, "--no-wait")
            cw.cli("tunnel", "up", HQ, "--no-wait")
        bench.settled()
    with case.row("a hundred reloads: good, broken, and the neighbour's, during rekeys", bench.net.lab):
        other = bench.changed(lambda root, t: (t.update({"mtu": 1280}), root.update({"as": 65002})))
        files = [bench.base, '{"causeway:connector": {"as": 0}}', other, "{", bench.base,
                 bench.changed(lambda root, t: root["site"].pop(1))]
        for n in range(100):
            cw.configure(files[n % len(files)])
            cw.reload()
            if n % 5 == 0:
                cw.cli("tunnel", "rekey", HQ, "--no-wait", check=False)
        wait_for("the last of the answers", lambda: bench.apply(bench.base), 20)
        bench.back()
    with case.row("another AS while a tunnel's successor waits for its end", bench.net.lab):
        for leafs in ({}, {"as": 65002}):
            change = lambda root, t, more=leafs: (t.update({"mtu": 1280}), root.update(more))
            check(bench.apply(bench.changed(change)), "refused")
        wait_for("the tunnel, with all that it had", lambda: cw.step() == "in-fib", 60)
        bench.back()
    with case.row("admin down in the file, and up", bench.net.lab):
        check(bench.apply(bench.changed(lambda root, t: t.update({"admin": "down"}))), "refused")
        wait_for("down", lambda: cw.step() == "down", 10)
        equal(kernel.route(bench.net.onprem, PREFIX), None, "route")
        bench.back()


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        tolerant_gateway(net)
        branch_gateway(net)
        before = kernel.snapshot(net.onprem)
        bench = Bench(net)
        light(case, bench)
        each_leaf(case, bench)
        comings_and_goings(case, bench)
        storms(case, bench)
        with case.step("SIGTERM leaves nothing"):
            bench.cw.stop()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


run_case("reconfigure", main)
