#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""In the kernel's data plane (run by kernel_lab): two causewayd, also through a NAT that changes its mappings; libreswan
with an xfrm interface and OpenIKED with policies, started by us and by it. Traffic both ways, and rekeys.
"""
from lab import api, kernel, traffic
from lab.azure import PREFIX, Azure
from lab.case import check, equal, run_case
from lab.causeway import Causeway, tunnel_of
from lab.lab import wait_for
from lab.libreswan import Libreswan
from lab.nat import NEXT_PUBLIC, PUBLIC, Nat
from lab.openiked import OpenIked

FAR, OURS = "10.100.255.254", "10.0.0.10"


def static(role="both", **more):
    """A tunnel without BGP: a static route leads to the far network."""
    def change(config):
        tunnel = tunnel_of(config)
        del tunnel["bgp"]
        tunnel["role"] = role
        tunnel["static-route"] = [{"prefix": PREFIX}]
        tunnel.update(more)
        config["causeway:connector"].pop("announce")
    return change


def passes(net, cw, text):
    wait_for(f"a ping {text}", lambda: traffic.ping(net.onprem, FAR, OURS, count=1), 60)
    check(traffic.ping(net.onprem, FAR, OURS, count=3, size=1200), f"pings of 1200 octets {text}")
    check(traffic.ping(net.azure, OURS, FAR, count=3), f"pings back {text}")
    cw.wait_step("passing", timeout=30)


def rekeys(net, cw, start=None, by="us"):
    old = api.spis(api.tunnel(cw))
    (start or (lambda: api.rekey(cw)))()
    wait_for(f"a new child, alone, by {by}",
             lambda: len(api.spis(api.tunnel(cw))) == 1 and api.spis(api.tunnel(cw)) != old, 60)
    passes(net, cw, f"after the rekey by {by}")


def leaves_nothing(ns):
    equal((ns.ip("xfrm", "state"), ns.ip("xfrm", "policy")), ("", ""), f"XFRM of {ns.short} at the end")


def gateway(net, more):
    """The far causewayd."""
    far = Causeway(net.azure, "gateway", release=True)
    far.configure({"causeway:connector": {
        "as": 65515, "router-id": FAR, "announce": [PREFIX],
        "site": [{"name": "hq", "profile": "generic-ikev2",
                  "tunnel": [{"name": "t1", "local-address": "192.0.2.2", "remote-address": ["192.0.2.1"],
                              "secret-file": far.secret(), "inside-address": [f"{FAR}/32"],
                              "bgp": {"local-address": FAR, "peer-address": OURS, "peer-as": 65001}, **more}]}]}})
    return far


def two_causeways(case):
    """The suite has extended sequence numbers, in the kernel's own window of 2048."""
    with case.lab("kernel-two") as lab:
        net = Azure(lab, hosts=False)
        net.azure.ip("addr", "del", f"{FAR}/32", "dev", "lo")
        far = api.instead(gateway(net, {"esp-proposal": ["aes256gcm16-esn"]}))

        def suite(config):
            tunnel_of(config)["esp-proposal"] = ["aes256gcm16-esn"]
        cw = api.instead(net.causeway(change=suite, release=True))
        with case.step("two causewayd, started at once: in-fib on both sides, ESN"):
            cw.spawn()
            far.spawn()
            for c in (cw, far):
                wait_for("an answer", c.answers, 90, 0.3, alive=[c.process])
            cw.wait_step("in-fib", timeout=90)
            far.wait_step("in-fib", "hq/t1", timeout=90)
            check("esn" in api.tunnel(cw)["child"][0]["proposal"], "a child without ESN")
            passes(net, cw, "between two causewayd")
            check("flag af-unspec esn" in net.onprem.ip("xfrm", "state"), "a state without ESN")
        with case.step("child rekeys from both sides"):
            rekeys(net, cw)
            api.rekey(far, "hq/t1")
            passes(net, cw, "after the far rekey")
        with case.step("both end, and leave nothing"):
            far.stop(timeout=40)
            cw.stop(timeout=40)
            leaves_nothing(net.onprem)
            leaves_nothing(net.azure)


def behind_nat(case):
    """The kernel tells of another mapping (XFRM_MSG_MAPPING); ports change in place, an address with a new state."""
    with case.lab("kernel-nat") as lab:
        net = Azure(lab, hosts=False)
        nat = Nat(net, net.onprem, net.azure, "192.0.2.2")
        net.azure.ip("addr", "del", f"{FAR}/32", "dev", "lo")
        far = api.instead(gateway(net, {"role": "respond"}))

        def change(config):
            tunnel_of(config).update({"role": "initiate", "local-address": "192.168.7.2", "liveness-interval": 3600})
        cw = api.instead(net.causeway(change=change, release=True))
        with case.step("behind a NAT: ESP in UDP, in-fib"):
            for c in (far, cw):
                c.start(timeout=90)
            cw.wait_step("in-fib", timeout=90)
            far.wait_step("in-fib", "hq/t1", timeout=90)
            passes(net, cw, "through the NAT")
            equal((api.tunnel(cw)["nat"], api.tunnel(far, "hq/t1")["nat"]), ("local", "remote"), "nat")
        spis = api.spis(api.tunnel(cw))
        for what, ports, old, new in (("port", 30000, PUBLIC, PUBLIC), ("address", 40000, PUBLIC, NEXT_PUBLIC)):
            with case.step(f"another {what}: the gateway follows our packets, by the same SAs"):
                nat.ports(f"{ports}-{ports + 999}")
                nat.forget(old, new)
                wait_for("ping", lambda: traffic.ping(net.onprem, FAR, OURS, count=1), 60)
                passes(net, cw, f"after another {what}")
                equal(api.spis(api.tunnel(cw)), spis, "SPIs")
                t = api.tunnel(far, "hq/t1")
                check(t["remote"] == new and ports <= t["remote-port"] < ports + 1000, f"{t['remote']} {t['remote-port']}")
        # From the gateway's side packets go nowhere until IKE behind the NAT asks for a sign of life.
        tunnel_of(cw.config)["liveness-interval"] = 3
        cw.configure(cw.config)
        cw.reload()
        for whence, sender, address, echoer, ports in (("behind it", net.onprem, FAR, net.azure, 50000),
                                                       ("the gateway's side", net.azure, OURS, net.onprem, 51000)):
            with case.step(f"the NAT starts anew under traffic begun from {whence}: the same SAs"):
                counter = traffic.Counter(sender, address, echoer, interval=0.05)
                counter.more(25)
                nat.reboot(f"{ports}-{ports + 999}")
                wait_for("the gateway to follow", lambda p=ports: p <= api.tunnel(far, "hq/t1")["remote-port"] < p + 1000, 60)
                counter.more(50)
                seen = counter.stop()
                case.note(f"{seen['lost-count']} of {seen['sent']} packets lost, {0.05 * seen['lost-count']:.1f} s")
                check(seen["lost-count"] < 400, f"{seen['lost-count']} packets lost")
                equal(api.spis(api.tunnel(cw)), spis, "SPIs")
        cw.stop(timeout=40)
        far.stop(timeout=40)
        leaves_nothing(net.azure)


def libreswan(case):
    with case.lab("kernel-libreswan") as lab:
        net = Azure(lab, hosts=False)
        net.onprem.ip("route", "add", "198.51.100.0/24", "dev", "lo")
        peer = Libreswan(net.azure).start()
        before = kernel.snapshot(net.onprem)
        cw = api.instead(net.causeway(change=static(), release=True))
        with case.step("libreswan: started by us"):
            cw.start(timeout=60)
            cw.wait_step("child", timeout=60)
            peer.route()
            passes(net, cw, "with libreswan")
            equal(api.tunnel(cw)["data-plane"], "kernel", "data plane")
        with case.step("libreswan: child rekeys by us and by it"):
            rekeys(net, cw)
            rekeys(net, cw, peer.rekey_child, "libreswan")
        with case.step("libreswan: we end; nothing is left"):
            cw.stop(timeout=40)
            leaves_nothing(net.onprem)
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel before and after")
        cw = api.instead(net.causeway("responder", static("respond"), release=True))
        with case.step("libreswan: started by the peer"):
            cw.start(timeout=60)
            peer.initiate()
            cw.wait_step("child", timeout=60)
            peer.route()
            passes(net, cw, "with libreswan as initiator")
            rekeys(net, cw, peer.rekey_child, "libreswan")
            rekeys(net, cw)
            cw.stop(timeout=40)
        peer.stop()


def openiked(case):
    """Its policies stand in for routes; the next hop of the far network only has to be there."""
    with case.lab("kernel-openiked") as lab:
        net = Azure(lab, hosts=False)
        net.azure.ip("route", "add", "10.0.0.0/16", "via", "192.0.2.1")
        for who, role, mode in (("us", "initiate", "passive"), ("OpenIKED", "respond", "active")):
            cw = api.instead(net.causeway(f"cw-{role}", static(role, **{
                "esp-proposal": ["aes256-sha384"], "liveness-interval": 2, "liveness-timeout": 60}), release=True))
            with case.step(f"OpenIKED: started by {who}"):
                if role == "respond":
                    cw.start(timeout=60)
                peer = OpenIked(net.azure, f"iked-{mode}", mode=mode).start()
                if role == "initiate":
                    cw.start(timeout=60)
                cw.wait_step("child", timeout=120)
                passes(net, cw, f"with OpenIKED, started by {who}")
            with case.step(f"OpenIKED, started by {who}: rekeys of the child and of the IKE SA"):
                rekeys(net, cw)
                old = api.tunnel(cw)["ike"]["spi-i"]
                api.rekey_ike(cw)
                wait_for("a new IKE SA", lambda o=old: (api.tunnel(cw)["ike"] or {"spi-i": o})["spi-i"] != o, 60)
                passes(net, cw, "after the IKE rekey")
            with case.step(f"OpenIKED, started by {who}: we end, and it knows"):
                cw.stop(timeout=40)
                leaves_nothing(net.onprem)
                if role == "initiate":
                    wait_for("OpenIKED to be rid of its SAs", lambda: not net.azure.ip("xfrm", "state"), 60)
                peer.stop()


def main(case):
    two_causeways(case)
    behind_nat(case)
    libreswan(case)
    openiked(case)


run_case("kernel_peers", main)
