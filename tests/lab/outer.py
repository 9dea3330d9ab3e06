# SPDX-License-Identifier: Apache-2.0
"""Two causewayds and a router between them, which counts what the outer headers say, marks them, and gets narrow; and the
checks of all that, the same in both data planes.

    lan -- onprem 198.51.100.2 -- .1 router .1 -- 203.0.113.2 azure -- vnet
"""
import ipaddress
import re

from lab import api, traffic
from lab.azure import LAN_HOST, VNET_HOST, Azure
from lab.case import check, equal
from lab.causeway import Causeway
from lab.lab import LabError, wait_for

NEAR, FAR = "hq/t1", "cloud/t1"
OUTER = {4: ("198.51.100.2", "198.51.100.1", "203.0.113.2", "203.0.113.1", "24"),
         6: ("2001:db8:1::2", "2001:db8:1::1", "2001:db8:2::2", "2001:db8:2::1", "64")}
RULES = """table inet marks {
  chain sealed {
    ip dscp ef counter comment "ef"
    ip6 dscp ef counter comment "ef"
    ip dscp != 0 counter comment "some"
    ip6 dscp != 0 counter comment "some"
    ip ecn ect0 counter comment "ect"
    ip6 ecn ect0 counter comment "ect"
    ip frag-off & 0x4000 != 0 counter comment "df"
    ip frag-off & 0x2000 != 0 counter comment "fragment"
    %s
  }
  chain count { type filter hook forward priority 0; policy accept;
    iifname "left" udp dport 4500 jump sealed
    iifname "left" ip protocol esp jump sealed
    iifname "left" ip6 nexthdr esp jump sealed
  }
}
"""
MARK = "meta nfproto ipv4 ip ecn set ce\n    meta nfproto ipv6 ip6 ecn set ce"
INSIDE = """table inet seen {
  chain in { type filter hook input priority 0; policy accept;
    ip protocol icmp ip ecn ce counter comment "ce"
    ip protocol icmp ip dscp ef counter comment "ef"
  }
}
"""


class Path:
    """The lab, its router, and what the router counts."""

    def __init__(self, lab, kernel=False):
        """kernel: the tunnels are in the kernel's data plane (in kernel_lab, with programs of the release build)."""
        self.lab, self.net, self.count, self.kernel = lab, Azure(lab), 0, kernel
        self.patience = 6 if kernel else 1
        net = self.net
        net.onprem.ip("link", "del", "wan0")
        net.azure.ip("addr", "del", "10.100.255.254/32", "dev", "lo")
        self.router = lab.namespace("router")
        near, left, far, right, length = OUTER[4]
        lab.link(net.onprem, "wan0", f"{near}/{length}", self.router, "left", f"{left}/{length}")
        lab.link(self.router, "right", f"{right}/{length}", net.azure, "wan0", f"{far}/{length}")
        near, left, far, right, length = OUTER[6]
        for ns, dev, own in ((net.onprem, "wan0", near), (self.router, "left", left), (self.router, "right", right),
                             (net.azure, "wan0", far)):
            ns.ip("addr", "add", f"{own}/{length}", "dev", dev, "nodad")
        for family, option in ((4, "-4"), (6, "-6")):
            _, left, _, right, _ = OUTER[family]
            net.onprem.ip(option, "route", "add", "default", "via", left)
            net.azure.ip(option, "route", "add", "default", "via", right)
        self.router.forward()
        self.router.sysctl("net.ipv6.conf.all.forwarding", 1)
        net.vnet.run("nft", "-f", lab.write("inside.nft", INSIDE))
        self.rules("")

    def rules(self, more):
        self.router.run("nft", "flush", "ruleset")
        self.router.run("nft", "-f", self.lab.write("marks.nft", RULES % more))

    @staticmethod
    def counted(ns, comment):
        total = 0
        for line in ns.run("nft", "list", "ruleset").stdout.splitlines():
            if f'comment "{comment}"' in line:
                total += int(line.split("packets ")[1].split()[0])
        return total

    def width(self, mtu):
        """What the router forwards, either way; the ends' own interfaces stay as they are. They forget what they learned."""
        for option, (_, left, _, right, length) in (("-4", OUTER[4]), ("-6", OUTER[6])):
            for dev, own in (("left", left), ("right", right)):
                prefix = str(ipaddress.ip_interface(f"{own}/{length}").network)
                self.router.ip(option, "route", "replace", prefix, "dev", dev, "mtu", mtu)
                if option == "-6":
                    self.router.ip("-6", "route", "del", prefix, "dev", dev, "proto", "kernel", check=False)
            for ns in (self.net.onprem, self.net.azure, self.net.lan, self.net.vnet):
                ns.ip(option, "route", "flush", "cache")

    def start(self, family, forced, **more):
        self.count += 1
        near, _, far, _, _ = OUTER[family]
        ends = []
        for ns, name, site, own, other, inside, there, role in (
                (self.net.onprem, "near", "hq", near, far, "10.0.0.10/32", "10.100.0.0/16", "initiate"),
                (self.net.azure, "far", "cloud", far, near, "10.100.255.254/32", "10.0.0.0/16", "respond")):
            c = Causeway(ns, f"{name}-{self.count}", release=self.kernel)
            if self.kernel:
                api.instead(c)
            c.configure({"causeway:connector": {"site": [{"name": site, "profile": "generic-ikev2", "tunnel": [{
                "name": "t1", "role": role, "local-address": own, "remote-address": [other], "mtu": 1410,
                "secret-file": c.secret(), "inside-address": [inside], "force-encapsulation": forced,
                "static-route": [{"prefix": there}], **more}]}]}})
            ends.append(c.start(15 * self.patience))
        try:
            ends[0].wait_step("child", NEAR, 20 * self.patience)
            ends[1].wait_step("child", FAR, 20 * self.patience)
            equal(ends[0].tunnel(NEAR)["data-plane"], "kernel" if self.kernel else "user", "data plane")
            wait_for("ping", lambda: traffic.ping(self.net.lan, VNET_HOST, count=1), 10 * self.patience)
        except LabError:
            for c in ends:
                c.kill()
            raise
        return ends


def ping(ns, tos, *more, count=3):
    return ns.run("ping", "-n", "-c", str(count), "-i", "0.2", "-W", "5", "-Q", str(tos), *more, VNET_HOST,
                  check=False).returncode == 0


def drops(cw, tunnel, name):
    return sum(d["count"] for d in cw.tunnel(tunnel)["drop"] if d["name"] == name)


def marks(path, far):
    """0xb8: EF; its low bits 2: ECT(0)."""
    lan, vnet = path.net.lan, path.net.vnet
    path.rules("")
    check(ping(lan, 0xb8 | 2), "ping with DSCP EF")
    check(path.counted(path.router, "ef") >= 3, "DSCP is not in the outer header")
    check(path.counted(path.router, "ect") >= 3, "ECT(0) is not in the outer header")
    check(path.counted(vnet, "ef") >= 3, "DSCP did not arrive")
    path.rules(MARK)
    before = path.counted(vnet, "ce")
    check(ping(lan, 2), "ping with ECT(0), marked on the way")
    check(path.counted(vnet, "ce") - before >= 3, "the congestion mark did not arrive inside")
    if path.kernel: # it has another opinion than RFC 6040 4.2, and lets them in as they are
        check(ping(lan, 0, count=2), "a packet that knows no ECN, and was marked")
    else:
        check(not ping(lan, 0, count=2), "a packet that knows no ECN was marked, and arrived")
        check(drops(far, FAR, "ecn") >= 2, f"drops: {far.tunnel(FAR)['drop']}")
    path.rules("")


def forbids_fragments(path):
    """DF of the outer IPv4 header is that of the inner one."""
    check(ping(path.net.lan, 0, "-M", "do"), "ping with DF")
    check(path.counted(path.router, "df") >= 3, "DF is not in the outer header")
    seen = path.counted(path.router, "df")
    check(ping(path.net.lan, 0, "-M", "dont"), "ping without DF")
    equal(path.counted(path.router, "df"), seen, "packets with DF, though the inner ones have none")


def narrow(path, cw, family, size=3_000_000):
    """A link behind the router takes 1300 from now on: TCP that is under way must get through all the same."""
    net = path.net
    path.width(1300)
    try:
        for receiver, address, sender in ((net.vnet, VNET_HOST, net.lan), (net.lan, LAN_HOST, net.vnet)):
            sent, got, _ = traffic.tcp_transfer(receiver, address, sender, size, "narrow", timeout=60 * path.patience)
            equal(got, sent, "what arrived")
        wait_for("the MTU outside", lambda: cw.tunnel(NEAR)["mtu-outer"] == 1300, 10 * path.patience)
        row = cw.tunnel(NEAR)
        check(row["mtu"] == row["mtu-possible"] < 1300 - (20 if family == 4 else 40) - 8, f"MTU {row['mtu']}")
        wait_for("the MSS", lambda: cw.tunnel(NEAR)["mss-clamped"], 10 * path.patience)
        equal(cw.tunnel(NEAR)["mss"], row["mtu"] - 40, "MSS")
        check("path-mtu" in cw.process.output(), "the log says nothing")
        check(traffic.ping(net.lan, VNET_HOST, size=row["mtu"] - 28), "the largest packet that fits")
        wait_for("packets in fragments (the far end has to learn, too)",
                 lambda: traffic.ping(net.lan, VNET_HOST, size=4000), 15 * path.patience)
        done = net.lan.run("ping", "-M", "do", "-c", "2", "-s", str(row["mtu"] - 27), "-W", "5", VNET_HOST, check=False)
        check(re.search(rf"mtu ?= ?{row['mtu']}\b", done.stdout + done.stderr), f"the inner sender was not told: {done.stdout}")
    finally:
        path.width(1500)
