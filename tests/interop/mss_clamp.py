#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TCP through a tunnel is held to what the tunnel carries, TCP elsewhere is not; the table that does it is ours alone,
comes back when somebody flushes it, and leaves with us. Without nft the tunnel works, and says what is missing. When the
way to the gateway takes shorter packets than the profile thought, MTU and MSS follow."""
import os
import re
import shutil

from lab import kernel, traffic
from lab.azure import LAN_HOST, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import STALE_SESSION, Causeway, smallest
from lab.lab import wait_for

OPENINGS = "tcp[tcpflags] & tcp-syn != 0 or (ip6 and ip6[6] = 6)"
DMZ_HOST = "172.20.0.2"


class Openings:
    """The MSS of each SYN and SYN-ACK on a device."""

    def __init__(self, ns, device):
        self.monitor = kernel.PacketMonitor(ns, device, OPENINGS, name=f"openings-{device}")

    def mss(self, source, after=0):
        """Of the openings from this address, the first `after` left out."""
        found = []
        for line in self.monitor.process.output().splitlines():
            seen = re.search(rf" {re.escape(source)}\.\d+ > .*mss (\d+)", line)
            if seen:
                found.append(int(seen.group(1)))
        return found[after:]


def transfer(receiver, address, sender, size=300_000):
    ours, theirs, _ = traffic.tcp_transfer(receiver, address, sender, size, seed=1)
    equal(ours, theirs, "sums of a TCP transfer")


def expect_mss(openings, source, value, what, after=0):
    wait_for(f"an opening from {source}", lambda: openings.mss(source, after), 10)
    equal(set(openings.mss(source, after)), {value}, what)


def foreign(net):
    """Others' tables, among them one of our name in another family."""
    rules = net.lab.write("foreign.nft", """table ip causeway {
        chain forward { type filter hook forward priority 0; policy accept; counter; }
    }
    table inet firewall {
        set admins { type ipv4_addr; elements = { 10.0.1.20 }; }
        chain forward { type filter hook forward priority 0; policy accept; ip saddr @admins counter accept; }
    }
    """)
    net.onprem.run("nft", "-f", rules)


def filters(net):
    return {x for x in kernel.snapshot(net.onprem) if x.startswith("nft ")}


def ours(net):
    return sorted(x for x in filters(net) if '"inet"' in x and '"causeway"' in x)


def table_gone(net):
    return net.onprem.run("nft", "list", "table", "inet", "causeway", check=False).returncode != 0


def held(case, net):
    """The first run: both directions, local, IPv6, elsewhere; then kill -9."""
    before, rules = kernel.snapshot(net.onprem), filters(net)
    cw = net.causeway("held").start()
    cw.wait_step("in-fib")
    row = cw.tunnel()
    device = row["interface"]
    far, near = Openings(net.vnet, "eth0"), Openings(net.lan, "eth0")
    with case.step("from the LAN to the cloud and back: SYN and SYN-ACK carry 1350"):
        equal((row["mtu"], row["mss"], row["mss-clamped"], row["mss-error"]), (1400, 1350, True, None), "tunnel")
        transfer(net.vnet, VNET_HOST, net.lan)
        expect_mss(far, LAN_HOST, 1350, "SYN at the cloud host")
        expect_mss(near, VNET_HOST, 1350, "SYN-ACK at the LAN host")
        seen = len(near.mss(VNET_HOST)), len(far.mss(LAN_HOST))
        transfer(net.lan, LAN_HOST, net.vnet)
        expect_mss(near, VNET_HOST, 1350, "SYN at the LAN host", seen[0])
        expect_mss(far, LAN_HOST, 1350, "SYN-ACK at the cloud host", seen[1])
    with case.step("from this machine: 1350 as well"):
        transfer(net.vnet, VNET_HOST, net.onprem)
        expect_mss(far, "10.0.0.10", 1350, "SYN at the cloud host")
    with case.step("a smaller one is not raised"):
        seen = len(far.mss(LAN_HOST))
        net.lan.ip("route", "change", "default", "via", "10.0.1.1", "advmss", "1000")
        transfer(net.vnet, VNET_HOST, net.lan)
        net.lan.ip("route", "change", "default", "via", "10.0.1.1")
        expect_mss(far, LAN_HOST, 1000, "SYN at the cloud host", seen)
    with case.step("IPv6: 1340, its headers being longer"):
        net.onprem.ip("-6", "route", "add", "2001:db8:c::/64", "dev", device)
        tunnel = Openings(net.onprem, device)
        net.lan.run("timeout", "1", "bash", "-c", ": </dev/tcp/2001:db8:c::4/80", check=False)
        expect_mss(tunnel, "2001:db8:1::20", 1340, "SYN in the tunnel")
        net.onprem.ip("-6", "route", "del", "2001:db8:c::/64", "dev", device)
    with case.step("between LAN and DMZ, past the tunnel: 1460 as ever"):
        dmz = Openings(net.lab.namespaces["dmz"], "eth0")
        transfer(net.lab.namespaces["dmz"], DMZ_HOST, net.lan)
        expect_mss(dmz, LAN_HOST, 1460, "SYN in the DMZ")
    with case.step("a flushed table comes back; others' tables are as they were"):
        table = ours(net)
        check(table, "no table of ours")
        net.onprem.run("nft", "delete", "table", "inet", "causeway")
        wait_for("the table", lambda: ours(net) == table, 15)
        equal(sorted(filters(net) - rules), table, "what we added")
        equal(rules - filters(net), set(), "what others lost")
    with case.step("kill -9: the next start replaces what was left"):
        cw.kill()
        check(not table_gone(net), "the table went without anybody")
        cw.start()
        cw.wait_step("in-fib", timeout=STALE_SESSION)
        equal(ours(net), table, "the table")
        transfer(net.vnet, VNET_HOST, net.lan)
    with case.step("without tunnels there is no table; SIGTERM leaves nothing"):
        one = cw.config
        cw.configure({"causeway:connector": {}})
        cw.reload()
        wait_for("the table's end", lambda: table_gone(net), 15)
        cw.configure(one)
        cw.reload()
        cw.wait_step("in-fib", timeout=30)
        equal(ours(net), table, "the table")
        cw.stop()
        equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


def narrow(case, net):
    """An outer path of 1400: 1400 less IPv4, UDP, ESP header, IV, ICV, to whole blocks, less the trailer."""
    fits = (1400 - 20 - 8 - 8 - 16 - 16) // 16 * 16 - 2
    for ns in (net.onprem, net.azure):
        ns.ip("link", "set", "wan0", "mtu", "1400")
    before = kernel.snapshot(net.onprem)
    cw = net.causeway("narrow").start()
    with case.step(f"the way to the gateway takes 1400: MTU {fits}, MSS to fit, a warning"):
        cw.wait_step("in-fib")
        row = cw.tunnel()
        check(row["child"][0]["proposal"].startswith("aes256-sha256"), f"another suite: {row['child']}")
        wait_for("MSS to fit", lambda: cw.tunnel()["mss-clamped"], 10)
        equal((row["mtu"], row["mtu-possible"], row["mss"]), (fits, fits, fits - 40), "tunnel")
        check("mtu-too-large" in cw.process.output(), "no warning in the log")
        equal(net.onprem.ip_json("link", "show", row["interface"])[0]["mtu"], fits, "interface")
        far = Openings(net.vnet, "eth0")
        transfer(net.vnet, VNET_HOST, net.lan)
        expect_mss(far, LAN_HOST, fits - 40, "SYN at the cloud host")
        check(traffic.ping(net.onprem, VNET_HOST, "10.0.0.10", size=fits - 28), "the largest packet that fits")
    with case.step("it takes 1500 again: from the next rekey the profile's MTU holds"):
        for ns in (net.onprem, net.azure):
            ns.ip("link", "set", "wan0", "mtu", "1500")
        cw.cli("tunnel", "rekey", "azure-hq/t1")
        wait_for("the profile's MTU", lambda: cw.tunnel()["mtu"] == 1400, 20)
        wait_for("the profile's MSS", lambda: any("1350" in x for x in ours(net)), 10)
        cw.stop()
        equal([x for x in kernel.difference(before, kernel.snapshot(net.onprem)) if "wan0 mtu" not in x], [],
              "the kernel")


class WithoutNft(Causeway):
    """A causewayd with nothing in its PATH but what starts it."""

    def _environment(self):
        tools = self.lab.path("tools")
        os.makedirs(tools, exist_ok=True)
        if not os.path.exists(f"{tools}/ip"):
            os.symlink(shutil.which("ip"), f"{tools}/ip")
        return {**super()._environment(), "PATH": tools}


def missing(case, net):
    before = kernel.snapshot(net.onprem)
    cw = WithoutNft(net.onprem, "without")
    cw.configure(smallest(cw.secret()))
    with case.step("without nft: the tunnel comes up, and says what is missing"):
        cw.start()
        cw.wait_step("in-fib")
        row = cw.tunnel()
        equal((row["mss-clamped"], row["mss-error"]["id"]), (False, "nft-missing"), "tunnel")
        check("nftables" in row["mss-error"]["text"], row["mss-error"]["text"])
        equal(cw.process.output().count("nft-missing"), 1, "warnings")
        check("nft-missing" in cw.cli("tunnel", "show", "azure-hq/t1").stdout, "`tunnel show` does not say it")
        transfer(net.vnet, VNET_HOST, net.lan)
        cw.stop()
        equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        dmz = lab.namespace("dmz")
        lab.link(net.onprem, "dmz0", "172.20.0.1/24", dmz, "eth0", f"{DMZ_HOST}/24")
        dmz.ip("route", "add", "default", "via", "172.20.0.1")
        net.onprem.ip("addr", "add", "2001:db8:1::1/64", "dev", "lan0", "nodad")
        net.lan.ip("addr", "add", "2001:db8:1::20/64", "dev", "eth0", "nodad")
        net.lan.ip("-6", "route", "add", "default", "via", "2001:db8:1::1")
        net.start_swan()
        net.start_bird()
        foreign(net)
        held(case, net)
        narrow(case, net)
        missing(case, net)


run_case("mss_clamp", main)
