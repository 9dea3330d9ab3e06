#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""BFD beside BGP with BIRD and with FRR's bfdd: over one hop and over two, IPv4 and IPv6, four sessions at once. Up; intervals
changed while they run; the peer's packets gone, which BGP's own timers would notice after a minute and a half; the peer's BFD gone
alone, which must not keep BGP from coming back; AdminDown, which is no fault. And in a
tunnel."""
import copy
import os
import time

from lab.azure import Azure
from lab.bfd_peers import BirdBfd, FrrBfd
from lab.case import check, equal, run_case
from lab.causeway import Causeway, tunnel_of
from lab.lab import wait_for

# Sessions: name, our address, theirs, over several hops?
SESSIONS = [("near4", "10.1.1.1", "10.1.1.2", False), ("near6", "fd00:1::1", "fd00:1::2", False),
            ("far4", "10.1.1.1", "10.1.2.2", True), ("far6", "fd00:1::1", "fd00:2::2", True)]
NAMES = [s[0] for s in SESSIONS]
HOLD = 90  # seconds; what is noticed much earlier was noticed by BFD


def config(bfd=None):
    more = {"min-tx": 300, "min-rx": 300, "multiplier": 3, **(bfd or {})}
    return {"causeway:connector": {
        "as": 65001, "router-id": "10.1.1.1", "announce": ["10.0.0.0/16"],
        "peer": [{"name": name, "local-address": ours, "peer-address": theirs, "peer-as": 65101 + multihop, "hold-time": HOLD,
                  "bfd": {"enabled": True, "multihop": multihop, **more}} for name, ours, theirs, multihop in SESSIONS]}}


class Net:
    """onprem -- near -- far: one hop to the first, two to the second."""

    def __init__(self, lab):
        self.onprem, self.near, self.far = (lab.namespace(n) for n in ("onprem", "near", "far"))
        lab.link(self.onprem, "r1", "10.1.1.1/24", self.near, "up0", "10.1.1.2/24")
        lab.link(self.near, "down0", "10.1.2.1/24", self.far, "up0", "10.1.2.2/24")
        self.near.forward()
        for ns, dev, address in ((self.onprem, "r1", "fd00:1::1/64"), (self.near, "up0", "fd00:1::2/64"),
                                 (self.near, "down0", "fd00:2::1/64"), (self.far, "up0", "fd00:2::2/64")):
            ns.ip("addr", "add", address, "dev", dev, "nodad")
        self.onprem.ip("route", "add", "10.1.2.0/24", "via", "10.1.1.2")
        self.onprem.ip("-6", "route", "add", "fd00:2::/64", "via", "fd00:1::2")
        self.far.ip("route", "add", "default", "via", "10.1.2.1")
        self.far.ip("-6", "route", "add", "default", "via", "fd00:2::1")

    def routers(self, kind):
        near = kind(self.near, "router-near", router_id="10.1.1.2", asn=65101, remote_as=65001, multihop=False,
                    ends=[(s[2], s[1]) for s in SESSIONS if not s[3]]).start()
        far = kind(self.far, "router-far", router_id="10.1.2.2", asn=65102, remote_as=65001, multihop=True,
                   ends=[(s[2], s[1]) for s in SESSIONS if s[3]]).start()
        return near, far

    def block(self, what):
        """Drops what the routers send to us, at their own doors."""
        for ns in (self.near, self.far):
            ns.run("nft", f"add table inet bfdtest; add chain inet bfdtest out {{ type filter hook output priority 0; }}; "
                          f"add rule inet bfdtest out {what} drop")

    def unblock(self):
        for ns in (self.near, self.far):
            ns.run("nft", "delete table inet bfdtest")


def peers(cw):
    return {name: cw.json("bgp", "peer", name)["peer"][0] for name in NAMES}


def all_up(cw):
    return all(p["state"] == "Established" and p["bfd"]["state"] == "Up" for p in peers(cw).values())


def counts(cw):
    return {name: (p["established-count"], p["bfd"]["downs"]) for name, p in peers(cw).items()}


def settle(cw):
    """Up, and no session has fallen for three seconds: FRR's bgpd takes its BFD sessions down once more while it starts."""
    seen = [None, time.monotonic()]

    def quiet():
        now = counts(cw) if all_up(cw) else None
        if now != seen[0]:
            seen[:] = [now, time.monotonic()]
        return now and time.monotonic() - seen[1] > 3
    wait_for("BGP and BFD up, and quiet", quiet, 60, alive=[cw.process])


def up(case, cw, near, far):
    with case.step("four sessions up, at both ends; intervals and detection time as agreed"):
        settle(cw)
        wait_for("BFD up at theirs", lambda: near.bfd_up() == 2 and far.bfd_up() == 2, 20)
        for name, p in peers(cw).items():
            bfd = p["bfd"]
            wait_for(f"{name} at its pace", lambda n=name: peers(cw)[n]["bfd"]["remote-min-tx"] == 250, 20)
            bfd = cw.json("bgp", "peer", name)["peer"][0]["bfd"]
            equal((bfd["tx-interval"], bfd["detection-time"], bfd["remote-multiplier"]), (300, 4 * 300, 4), name)
            equal((bfd["remote-state"], bfd["diagnostic"], bfd["multihop"]), ("Up", "no diagnostic", name.startswith("far")), name)
            equal(bfd["error"], None, name)
            check(bfd["local-discriminator"] and bfd["remote-discriminator"], f"{name}: {bfd}")


def renegotiation(case, cw):
    with case.step("other intervals while they run: a Poll Sequence, and nothing falls"):
        before = counts(cw)
        cw.configure(config({"min-tx": 500, "min-rx": 400, "multiplier": 5}))
        cw.reload()
        wait_for("the new pace", lambda: all(
            (p["bfd"]["tx-interval"], p["bfd"]["detection-time"]) == (500, 1600) for p in peers(cw).values()), 20)
        cw.configure(config())
        cw.reload()
        wait_for("the old one", lambda: all(
            (p["bfd"]["tx-interval"], p["bfd"]["detection-time"]) == (300, 1200) for p in peers(cw).values()), 20)
        equal(counts(cw), before, "sessions and falls")


def silence(case, cw, net, near, far):
    with case.step("nothing comes any more: each BGP session falls long before its hold time, for BFD's reason, and is told so"):
        before = counts(cw)
        net.block("meta l4proto { tcp, udp }")
        for name in NAMES:
            wait_for(f"{name} down", lambda n=name: (peers(cw)[n]["error"] or {}).get("id") == "bgp-bfd-down", HOLD / 3)
        for name, p in peers(cw).items():
            equal(p["bfd"]["downs"], before[name][1] + 1, f"{name}: falls")
            check("detection time of 1200 ms" in p["error"]["text"], f"{name}: {p['error']}")
        for router in (near, far):  # our Cease, subcode 10, went the way that still works
            wait_for("the Cease at theirs", lambda r=router: "BFD" in r.last_cease(), 20)
        net.unblock()
        wait_for("all up again", lambda: all_up(cw), 60)


def without_bfd(case, cw, net):
    with case.step("BFD's packets alone are gone: BGP falls, and comes back without BFD"):
        before = counts(cw)
        net.block("udp dport { 3784, 4784 }")
        wait_for("back, with BFD down", lambda: all(
            p["established-count"] > before[n][0] and p["state"] == "Established" and p["bfd"]["state"] != "Up"
            for n, p in peers(cw).items()), 90)
        net.unblock()
        wait_for("all up again", lambda: all_up(cw), 60)


PACKET = ("import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
          "s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, int(sys.argv[2])); s.bind((sys.argv[1], 0)); "
          "s.sendto(bytes.fromhex('200003180000000100000000000f4240000f424000000000'), ('10.1.1.1', 3784))")


def strangers(case, cw, net):
    with case.step("packets with a TTL of less than 255, or from a stranger, change nothing: each says AdminDown"):
        before = counts(cw)
        net.far.run("python3", "-c", PACKET, "10.1.2.2", "255")
        net.near.run("python3", "-c", PACKET, "10.1.1.2", "254")
        wait_for("it was discarded", lambda: "TTL" in (peers(cw)["near4"]["bfd"]["last-discard"] or ""), 10)
        equal(counts(cw), before, "sessions and falls")


def admin_down(case, cw, router, name):
    with case.step("the peer's BFD is shut by its administrator: no fault, BGP stays"):
        before = counts(cw)
        end = next((theirs, ours) for n, ours, theirs, _ in SESSIONS if n == name)
        router.shut(end)
        wait_for("AdminDown", lambda: peers(cw)[name]["bfd"]["remote-state"] == "AdminDown", 20)
        equal(peers(cw)[name]["state"], "Established", "BGP")
        router.shut(end, False)
        wait_for("BFD up again", lambda: peers(cw)[name]["bfd"]["state"] == "Up", 20)
        equal(counts(cw)[name][0], before[name][0], "BGP sessions")


def off(case, cw, near, far):
    """Our side ends no BGP session for it. BIRD and FRR do, though RFC 5882 3.2 says that AdminDown is no failure."""
    with case.step("BFD off by configuration: the peer is told so"):
        fell = cw.process.output().count("BFD has found the path broken")
        plain = copy.deepcopy(config())
        for p in plain["causeway:connector"]["peer"]:
            p["bfd"]["enabled"] = False
        cw.configure(plain)
        cw.reload()
        wait_for("no BFD any more", lambda: all(p["bfd"] is None for p in peers(cw).values()), 10)
        wait_for("down at theirs", lambda: near.bfd_up() + far.bfd_up() == 0, 20)
        wait_for("BGP", lambda: all(p["state"] == "Established" for p in peers(cw).values()), 40)
        equal(cw.process.output().count("BFD has found the path broken"), fell, "BGP sessions that BFD ended")
        cw.configure(config())
        cw.reload()
        wait_for("all up again", lambda: all_up(cw), 40)


def in_tunnel(case):
    with case.lab("bgp_bfd-tunnel") as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird()
        cw = net.causeway()
        more = copy.deepcopy(cw.config)
        tunnel_of(more)["bgp"]["bfd"] = {"enabled": True, "multihop": True}
        cw.configure(more)
        cw.start()
        cw.wait_step("in-fib")
        with case.step("in a tunnel: BFD's packets go through it, and nowhere else"):
            with open(net.bgp.conf, encoding="utf-8") as f:
                text = f.read()
            text = text.replace("protocol device", "protocol bfd { multihop { interval 300 ms; multiplier 3; }; }\nprotocol device", 1)
            lab.write(os.path.basename(net.bgp.conf), text.replace("  hold time", "  bfd;\n  hold time"))
            net.bgp.birdc("configure")
            wait_for("up", lambda: tunnel_up(cw), 40, alive=[cw.process])
            net.onprem.run("nft", "add table inet bfdtest; add chain inet bfdtest out { type filter hook output priority 0; }; "
                                  'add rule inet bfdtest out udp dport 4784 oifname != "cw*" counter drop')
            before = cw.json("bgp", "peer", "azure-hq/t1")["peer"][0]["bfd"]["packets-out"]
            wait_for("packets", lambda: cw.json("bgp", "peer", "azure-hq/t1")["peer"][0]["bfd"]["packets-out"] > before + 10, 20)
            check("packets 0 bytes 0" in net.onprem.run("nft", "list", "table", "inet", "bfdtest").stdout, "BFD outside of the tunnel")
        with case.step("down with the tunnel, up with it"):
            cw.cli("tunnel", "down", "azure-hq/t1")
            wait_for("no BFD", lambda: cw.json("bgp", "peer", "azure-hq/t1")["peer"][0]["bfd"]["state"] == "AdminDown", 20)
            cw.cli("tunnel", "up", "azure-hq/t1")
            wait_for("up again", lambda: tunnel_up(cw), 60)
        cw.stop()


def tunnel_up(cw):
    p = cw.json("bgp", "peer", "azure-hq/t1")["peer"][0]
    return p["state"] == "Established" and p["bfd"]["state"] == "Up"


def main(case):
    in_tunnel(case)
    for kind in (BirdBfd, FrrBfd):
        with case.lab(f"bgp_bfd-{kind.__name__}") as lab:
            case.note(kind.__name__)
            net = Net(lab)
            near, far = net.routers(kind)
            cw = Causeway(net.onprem, config=config()).start()
            up(case, cw, near, far)
            renegotiation(case, cw)
            strangers(case, cw, net)
            silence(case, cw, net, near, far)
            without_bfd(case, cw, net)
            if kind is FrrBfd:
                admin_down(case, cw, near, "near4")
                admin_down(case, cw, far, "far6")
            off(case, cw, near, far)
            cw.stop()


run_case("bgp_bfd", main)
