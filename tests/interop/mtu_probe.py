#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Paths that swallow large packets without a word: the tunnel is up, pings pass, TCP would hang. The probe through the tunnel
finds what passes, MTU and MSS follow, and TCP gets through; for holes in
either direction, from the start and under way. A path that carries everything is left alone, and so is a peer that is silent."""
from lab import kernel, traffic
from lab.azure import LAN_HOST, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for

HOLE = """table inet hole {
  chain c { type filter hook %s priority -300; policy accept;
    %s "wan0" udp dport 4500 meta length > %d counter drop
    %s "wan0" ip frag-off & 0x1fff != 0 counter drop
  }
}
"""


def dig(net, outwards, size):
    hook, name = ("output", "oifname") if outwards else ("prerouting", "iifname")
    net.onprem.run("nft", "-f", net.lab.write("hole.nft", HOLE % (hook, name, size, name)))


def fill(net):
    net.onprem.run("nft", "delete", "table", "inet", "hole")


def silent_hole(case, net, outwards, size):
    """Outer packets of more than `size` vanish: TCP gets through within seconds all the same."""
    way = "outwards" if outwards else "inwards"
    dig(net, outwards, size)
    cw = net.causeway(f"hole-{way}").start()
    cw.wait_step("in-fib", timeout=60)
    with case.step(f"outer packets of more than {size} vanish {way}: found, and TCP gets through"):
        wait_for("the probe's result", lambda: cw.tunnel()["mtu-probe"] == "known", 60)
        row = cw.tunnel()
        # AES-CBC and HMAC-SHA2-256 in UDP: IPv4, UDP, ESP header, IV, ICV; whole blocks; trailer
        fits = (size - 20 - 8 - 8 - 16 - 16) // 16 * 16 - 2
        check(fits - 8 < row["mtu-probed"] <= fits, f"found {row['mtu-probed']}, {fits} fit")
        equal(row["mtu"], row["mtu-probed"], "MTU")
        equal(net.onprem.ip_json("link", "show", row["interface"])[0]["mtu"], row["mtu"], "interface")
        wait_for("the MSS", lambda: cw.tunnel()["mss"] == row["mtu"] - 40 and cw.tunnel()["mss-clamped"], 10)
        check("mtu-black-hole" in cw.process.output(), "the log says nothing")
        check("vanish" in cw.cli("tunnel", "show", "azure-hq/t1").stdout, "`tunnel show` does not say it")
        for receiver, address, sender in ((net.vnet, VNET_HOST, net.lan), (net.lan, LAN_HOST, net.vnet)):
            sent, got, _ = traffic.tcp_transfer(receiver, address, sender, 3_000_000, "hole", timeout=60)
            equal(got, sent, "what arrived")
    cw.stop()
    fill(net)


def wide(case, net):
    cw = net.causeway("wide").start()
    cw.wait_step("in-fib", timeout=60)
    with case.step("a path that carries everything: nothing changes; then it swallows, and is found out"):
        wait_for("the probe's result", lambda: cw.tunnel()["mtu-probe"] == "known", 30)
        row = cw.tunnel()
        equal((row["mtu"], row["mtu-probed"]), (1400, 1400), "MTU")
        check("vanish" not in cw.cli("tunnel", "show", "azure-hq/t1").stdout, "`tunnel show` speaks of a hole")
        dig(net, True, 1200)
        wait_for("the hole", lambda: (cw.tunnel()["mtu-probed"] or 1400) < 1200, 100)
        sent, got, _ = traffic.tcp_transfer(net.vnet, VNET_HOST, net.lan, 1_000_000, "late", timeout=60)
        equal(got, sent, "what arrived")
    cw.stop()
    fill(net)


def left_alone(case, net):
    with case.step("a peer that answers no ping, and a tunnel that is told not to ask, are left as computed"):
        silence = net.lab.write("silence.nft", """table inet silence {
  chain c { type filter hook input priority 0; policy accept; ip daddr 10.100.255.254 icmp type echo-request drop; }
}
""")
        net.azure.run("nft", "-f", silence)
        cw = net.causeway("silent").start()
        cw.wait_step("in-fib", timeout=60)
        wait_for("the probe to give up", lambda: cw.tunnel()["mtu-probe"] == "no-answer", 30)
        equal((cw.tunnel()["mtu"], cw.tunnel()["mtu-probed"]), (1400, None), "MTU")
        tunnel_of(cw.config)["mtu-probe"] = False
        cw.configure(cw.config)
        cw.reload()
        wait_for("the probe to end", lambda: cw.tunnel()["mtu-probe"] == "off", 10)
        cw.stop()
        net.azure.run("nft", "delete", "table", "inet", "silence")


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird()
        before = kernel.snapshot(net.onprem)
        silent_hole(case, net, True, 1300)
        silent_hole(case, net, False, 1100)
        left_alone(case, net)
        wide(case, net)
        equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


run_case("mtu_probe", main)
