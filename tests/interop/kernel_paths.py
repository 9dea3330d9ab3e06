#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""In the kernel's data plane (run by kernel_lab), what interop.path_mtu and interop.mtu_probe see in ours: two causewayds with a
router between. DSCP, ECN and DF outside; a link that gets narrow, with and without a word about it: interface MTU, MSS and TCP
follow. Plain ESP and ESP in UDP, IPv4 and IPv6 outside. A move by MOBIKE. A tunnel on demand, whose
first packet is not lost.
"""
from lab import api, kernel, traffic
from lab.azure import VNET_HOST
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for
from lab.outer import FAR, NEAR, Path, forbids_fragments, marks, narrow, ping

HOLE = """table inet hole {
  chain c { type filter hook forward priority -300; policy accept;
    ip protocol esp meta length > 1200 counter drop
    ip frag-off & 0x1fff != 0 counter drop
  }
}
"""


def ends(path, cw, far):
    for c in (cw, far):
        c.stop(timeout=40)
    for ns in (path.net.onprem, path.net.azure):
        equal((ns.ip("xfrm", "state"), ns.ip("xfrm", "policy")), ("", ""), f"XFRM of {ns.short} at the end")


def row(path, family, forced):
    cw, far = path.start(family, forced)
    equal(cw.tunnel(NEAR)["encapsulated"], forced, "encapsulation")
    if not forced:
        marks(path, far)
    if family == 4:
        forbids_fragments(path)
    narrow(path, cw, family, size=200_000)
    ends(path, cw, far)


def told(path):
    """Other settings than the default ones: what the outer header must not say."""
    cw, far = path.start(4, False, dscp="zero", ecn=False, df="clear")
    path.rules("")
    check(ping(path.net.lan, 0xb8 | 2, "-M", "do"), "ping")
    for comment in ("some", "ect", "df"):
        check(path.counted(path.router, comment) < 3, f"the outer header says: {comment}")
    ends(path, cw, far)


def swallowed(path):
    """The router drops what is large and says nothing."""
    path.router.run("nft", "-f", path.lab.write("hole.nft", HOLE))
    cw, far = path.start(4, False, **{"probe-address": "10.100.255.254"})
    wait_for("the probe's result", lambda: 600 < (cw.tunnel(NEAR)["mtu-probed"] or 1400) < 1200, 150)
    t = cw.tunnel(NEAR)
    equal(t["mtu"], t["mtu-probed"], "MTU")
    check(traffic.ping(path.net.lan, VNET_HOST, size=t["mtu"] - 28), "the largest packet that passes")
    wait_for("the MSS", lambda: cw.tunnel(NEAR)["mss"] == cw.tunnel(NEAR)["mtu"] - 40 and cw.tunnel(NEAR)["mss-clamped"], 30)
    sent, got, _ = traffic.tcp_transfer(path.net.vnet, VNET_HOST, path.net.lan, 200_000, "hole", timeout=120)
    equal(got, sent, "what arrived")
    check("mtu-black-hole" in cw.process.output(), "the log says nothing")
    path.router.run("nft", "delete", "table", "inet", "hole")
    ends(path, cw, far)


def moves(path):
    """MOBIKE: our address is replaced by another one. The states are made anew under the same SPIs, and go on counting."""
    cw, far = path.start(4, False, mobike=True)
    net, old = path.net, api.spis(cw.tunnel(NEAR))
    del tunnel_of(cw.config)["local-address"]  # the kernel's routes say which
    cw.configure(cw.config)
    cw.reload()
    wait_for("the tunnel of the new configuration", lambda: api.spis(cw.tunnel(NEAR)) not in ([], old), 60)
    wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 60)
    equal((cw.tunnel(NEAR)["mobike"], cw.tunnel(NEAR)["data-plane"]), ("agreed", "kernel"), "mobike and data plane")
    spis = api.spis(cw.tunnel(NEAR))
    counter = traffic.Counter(net.lan, VNET_HOST, net.vnet, interval=0.05)
    counter.more(25)
    net.onprem.run("sh", "-c", "ip addr del 198.51.100.2/24 dev wan0; ip addr add 198.51.100.3/24 dev wan0;"
                               " ip route replace default via 198.51.100.1")
    wait_for("the move", lambda: cw.tunnel(NEAR)["local"] == far.tunnel(FAR)["remote"] == "198.51.100.3", 60)
    counter.more(50)
    seen = counter.stop()
    check(seen["lost-count"] < 400, f"{seen['lost-count']} packets lost")
    equal((api.spis(cw.tunnel(NEAR)), cw.tunnel(NEAR)["moves"]), (spis, 1), "SPIs, moves")
    check("src 198.51.100.3" in net.onprem.ip("xfrm", "state") and "198.51.100.2" not in net.onprem.ip("xfrm", "state"),
          "addresses of the states")
    ends(path, cw, far)
    net.onprem.run("sh", "-c", "ip addr del 198.51.100.3/24 dev wan0; ip addr add 198.51.100.2/24 dev wan0;"
                               " ip route replace default via 198.51.100.1")
    return seen


def resting(path, cw):
    """One state takes what finds no SA, and leads nowhere; a route leads there."""
    ns = path.net.onprem
    wait_for("rest", lambda: (cw.tunnel(NEAR)["next"] or {}).get("id") == "next-packet-out" and
             ns.ip("xfrm", "state").count("src 127.0.0.1 dst 127.0.0.1") == 1 and
             cw.tunnel(NEAR)["interface"] in ns.ip("route", "get", VNET_HOST, check=False), 90)


def on_demand(case, path):
    cw, far = path.start(4, False)
    net, tunnel = path.net, tunnel_of(cw.config)
    with case.step("on demand: idle for 10 s it goes to rest"):
        tunnel.update({"start": "on-demand", "idle-timeout": 10, "data-plane": "kernel"})
        tunnel["static-route"][0]["trigger"] = True
        cw.configure(cw.config)
        cw.reload()
        resting(path, cw)
    with case.step("on demand: one single ping of a host, and it arrives"):
        # Not that it is answered: the far end has its route no sooner than its SA.
        before = path.counted(net.vnet, "ef")
        ping(net.lan, 0xb8, count=1)
        wait_for("the ping on the other side", lambda: path.counted(net.vnet, "ef") == before + 1, 30)
        cw.wait_step("child", NEAR, timeout=30)
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 30)
        check("127.0.0.1" not in net.onprem.ip("xfrm", "state"), "the state that takes packets at rest is still there")
    with case.step("on demand: others delete what is there at rest, states and interface; it is made anew"):
        resting(path, cw)
        net.onprem.ip("xfrm", "state", "deleteall")
        resting(path, cw)
        net.onprem.ip("link", "del", cw.tunnel(NEAR)["interface"])
        resting(path, cw)
    with case.step("on demand: TCP from this machine finds it at rest, and gets through"):
        sent, got, _ = traffic.tcp_transfer(net.vnet, VNET_HOST, net.onprem, 100_000, "demand", timeout=60)
        equal(got, sent, "what arrived")
    with case.step("on demand: the gateway is gone; nobody is told that the host can't be reached"):
        far.stop(timeout=40)
        resting(path, cw)
        done = net.lan.run("ping", "-n", "-c", "1", "-W", "2", VNET_HOST, check=False)
        check("nreachable" not in done.stdout, f"the sender was told: {done.stdout}")
        cw.stop(timeout=40)
        equal((net.onprem.ip("xfrm", "state"), net.onprem.ip("xfrm", "policy")), ("", ""), "XFRM at the end")


def main(case):
    with case.lab() as lab:
        path = Path(lab, kernel=True)
        before = kernel.snapshot(path.net.onprem)
        for family, forced in ((4, False), (4, True), (6, False)):
            with case.step(f"IPv{family}, {'ESP in UDP' if forced else 'plain ESP'}: marks, DF, a narrow link"):
                row(path, family, forced)
        with case.step("DSCP, ECN and DF are not told outside, when so configured"):
            told(path)
        with case.step("a hole that swallows large packets: found, and TCP gets through"):
            swallowed(path)
        with case.step("MOBIKE: our address is replaced by another under traffic: the same SPIs"):
            seen = moves(path)
            case.note(f"{seen['lost-count']} of {seen['sent']} packets lost, {0.05 * seen['lost-count']:.1f} s")
        on_demand(case, path)
        equal(kernel.difference(before, kernel.snapshot(path.net.onprem)), [], "the kernel before and after")


run_case("kernel_paths", main)
