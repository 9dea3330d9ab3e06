#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A NAT router on the way: in front of us, and in front of the peer. Its mappings are kept open by keepalives while nothing
else is sent, and when it gives another address or port, or starts anew, the tunnel finds its way again by itself; how long
that takes, and what it costs, is counted in packets begun from either side.

    lan -- inner 192.168.7.2 -- 192.168.7.1 nat 192.0.2.1 ==== 192.0.2.2 outer -- ...
"""
import time

from lab import kernel, path, traffic
from lab.azure import LAN_HOST, OURS, PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import Causeway, smallest, tunnel_of
from lab.lab import wait_for
from lab.nat import NEXT_PUBLIC, PUBLIC, Nat

FAR = "hq/t1"
LIVENESS = 2
# A packet each 10 ms. Begun from behind the NAT, the first one that passes makes the mapping anew, and is followed. Begun from the
# other side, they go nowhere until IKE behind the NAT has asked for a sign of life, after a silence of liveness-interval; that is
# noticed by the second, and a lost probe is repeated.
INTERVAL, LOST_MAX = 0.01, 1500
KEEPALIVE = "udp port 4500 and udp[4:2] = 9 and udp[8] = 0xff"


def behind_nat(case):
    with case.lab("nat-local") as lab:
        net = Azure(lab)
        nat = Nat(net, net.onprem, net.azure, "192.0.2.2")
        net.start_swan(remote="%any")
        net.start_bird()
        before = kernel.snapshot(net.onprem)

        def change(config):
            tunnel = tunnel_of(config)
            del tunnel["local-address"]
            tunnel["liveness-interval"] = 2
        cw = net.causeway(change=change)
        path.comes_up(case, net, cw)
        with case.step("a NAT is seen; traffic both ways"):
            equal(cw.tunnel()["nat"], "both", "nat (kernel-libipsec pretends to be behind one)")
            check(traffic.ping(net.lan, VNET_HOST), "ping to the cloud")
            check(traffic.ping(net.vnet, LAN_HOST), "ping from the cloud")
        spis = cw.spis()
        with case.step("keepalives hold the mapping while nothing else is sent"):
            quiet = cw.config
            tunnel_of(quiet)["liveness-interval"] = 3600
            cw.configure(quiet)
            cw.reload()
            sniff = kernel.PacketMonitor(net.azure, "wan0", KEEPALIVE)
            wait_for("a NAT keepalive", lambda: sniff.seen(source=PUBLIC), 45)
            equal(cw.spis(), spis, "SPIs")
            tunnel_of(quiet)["liveness-interval"] = 2
            cw.configure(quiet)
            cw.reload()
        for text, old, new in (("another port", PUBLIC, PUBLIC), ("another address", PUBLIC, NEXT_PUBLIC)):
            with case.step(f"the NAT gives us {text}: it recovers by itself"):
                nat.ports("30000-30999" if new == PUBLIC else "40000-40999")
                nat.forget(old, new)
                wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 30)
                cw.wait_step("in-fib", timeout=30)
                check(traffic.ping(net.vnet, LAN_HOST), "ping from the cloud")
                case.note("with the same SAs" if cw.spis() == spis else "with new SAs")
        path.ends_clean(case, net, cw, before)


def peer_behind_nat(case):
    with case.lab("nat-remote") as lab:
        net = Azure(lab)
        net.onprem.ip("link", "del", "wan0")
        lab.link(net.onprem, "wan0", None, net.azure, "wan0", None)
        nat = Nat(net, net.azure, net.onprem, "192.0.2.9")
        net.start_bird()

        def change(config):
            tunnel = tunnel_of(config)
            tunnel.update({"role": "respond", "local-address": "192.0.2.9", "remote-address": [PUBLIC],
                           "liveness-interval": 3})
        before = kernel.snapshot(net.onprem)
        cw = net.causeway(change=change).start()
        with case.step("the peer behind a NAT initiates: in-fib, nat says remote"):
            net.start_swan(local="192.168.7.2", local_id="gateway.example", remote="192.0.2.9", start="start",
                           dpd_action="restart")
            cw.wait_step("in-fib", timeout=30)
            check(cw.tunnel()["nat"] == "remote", f"nat {cw.tunnel()['nat']}")
            wait_for(f"{OURS} at the gateway", lambda: net.bgp.as_path(OURS) == [65001], 10)
        path.pings(case, net)
        spis = cw.spis()
        with case.step("the NAT gives the peer another port: we follow its packets, by the same SAs"):
            nat.ports("30000-30999")
            nat.forget()
            wait_for("ping from the peer", lambda: traffic.ping(net.vnet, LAN_HOST, count=1), 15)
            check(traffic.ping(net.lan, VNET_HOST), "ping to the peer")
            equal((cw.step(), cw.spis()), ("in-fib", spis), "tunnel")
            check(30000 <= cw.tunnel()["remote-port"] <= 30999, f"remote port {cw.tunnel()['remote-port']}")
        with case.step("and IKE goes the same way: a rekey that we start"):
            cw.cli("tunnel", "rekey", "azure-hq/t1", "--no-wait")
            wait_for("another pair", lambda: len(cw.spis()) == 1 and cw.spis() != spis, 10)
            check(traffic.ping(net.lan, VNET_HOST), "ping")
            check(kernel.route(net.onprem, PREFIX), "the route went")
        path.ends_clean(case, net, cw, before)


def under_traffic(case, net, nat, cw, far):
    """The mapping changes in the middle of traffic: the same SAs, and what was lost."""
    spis = cw.spis()
    first = 50000
    for what, change in (("gives us another port", lambda span: (nat.ports(span), nat.forget())), ("starts anew", nat.reboot)):
        for whence, sender, address, echoer in (("behind it", net.lan, VNET_HOST, net.vnet),
                                                ("the gateway's side", net.vnet, LAN_HOST, net.lan)):
            with case.step(f"the NAT {what} under traffic begun from {whence}: the same SAs"):
                counter = traffic.Counter(sender, address, echoer, interval=INTERVAL)
                counter.more(50)
                began = time.monotonic()
                change(f"{first}-{first + 999}")
                wait_for("the gateway to follow", lambda f=first: f <= far.tunnel(FAR)["remote-port"] < f + 1000, 60)
                took = time.monotonic() - began
                counter.more(100)
                seen = counter.stop()
                case.note(f"followed after {took:.1f} s; {seen['lost-count']} of {seen['sent']} packets lost, "
                          f"{INTERVAL * seen['lost-count']:.2f} s")
                check(seen["lost-count"] <= LOST_MAX, f"{seen['lost-count']} packets lost")
                equal((cw.step(), far.step(FAR), cw.spis()), ("in-fib", "in-fib", spis), "tunnel")
            first += 1000


def between_causeways(case):
    """What each side says of the NAT, when neither pretends; and both find their way again."""
    with case.lab("nat-two") as lab:
        net = Azure(lab)
        nat = Nat(net, net.onprem, net.azure, "192.0.2.2")
        net.azure.ip("addr", "del", "10.100.255.254/32", "dev", "lo")

        def change(config):
            tunnel_of(config).update({"local-address": "192.168.7.2", "role": "initiate", "liveness-interval": LIVENESS,
                                      "force-encapsulation": False})
        cw, far = net.causeway(change=change), Causeway(net.azure, "gateway")
        config = smallest(far.secret())
        config["causeway:connector"].update({"as": 65515, "router-id": "10.100.255.254", "announce": [PREFIX]})
        config["causeway:connector"]["site"][0].update({"name": "hq", "profile": "generic-ikev2"})
        tunnel_of(config).update({
            "role": "respond", "local-address": "192.0.2.2", "remote-address": [PUBLIC], "force-encapsulation": False,
            "inside-address": ["10.100.255.254/32"],
            "bgp": {"local-address": "10.100.255.254", "peer-address": "10.0.0.10", "peer-as": 65001}})
        far.configure(config)
        far.start()
        cw.start()
        with case.step("we say local, the gateway says remote"):
            cw.wait_step("in-fib")
            far.wait_step("in-fib", FAR)
            equal((cw.tunnel()["nat"], far.tunnel(FAR)["nat"]), ("local", "remote"), "nat")
        spis = cw.spis()
        with case.step("another port: the gateway follows our packets, by the same SAs"):
            nat.ports("30000-30999")
            nat.forget()
            wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 15)
            check(traffic.ping(net.vnet, LAN_HOST), "ping back")
            equal((cw.step(), cw.spis()), ("in-fib", spis), "tunnel")
        under_traffic(case, net, nat, cw, far)
        with case.step("and a rekey that the gateway starts finds us there"):
            far.cli("tunnel", "rekey", FAR, "--no-wait")
            wait_for("another pair", lambda: len(cw.spis()) == 1 and cw.spis() != spis, 10)
            check(traffic.ping(net.vnet, LAN_HOST), "ping back")
            equal((cw.step(), far.step(FAR)), ("in-fib", "in-fib"), "steps")
        cw.stop()
        far.stop()


def main(case):
    behind_nat(case)
    peer_behind_nat(case)
    between_causeways(case)


run_case("nat", main)
