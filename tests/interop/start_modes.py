#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""When a tunnel comes up and goes down by itself: on demand (the first packet is not lost, idle means at rest, the peer
may come first), manual, `tries`; and which static routes exist before the connection."""
from lab import kernel, traffic
from lab.azure import VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for

TRIGGER, LATER = "10.100.0.0/16", "10.102.0.0/16"
TUNNEL = "azure-hq/t1"


def configuration(cw, plain, **leaves):
    """Static routes instead of BGP, one of them a trigger where the tunnel is on demand."""
    tunnel = tunnel_of(plain)
    tunnel.pop("bgp", None)
    on_demand = leaves.get("start") == "on-demand"
    tunnel["static-route"] = [{"prefix": TRIGGER, "metric": 50, **({"trigger": True} if on_demand else {})},
                              {"prefix": LATER, "metric": 70}]
    tunnel["inside-address"] = ["10.0.0.10/32"]
    for leaf in ("start", "idle-timeout", "tries", "retry", "admin", "role"):
        tunnel.pop(leaf, None)
    tunnel.update({k.replace("_", "-"): v for k, v in leaves.items()})
    cw.configure(plain)


def metric(net, prefix):
    r = kernel.route(net.onprem, prefix)
    return r and r.get("metric", 0)


def resting(cw):
    return (cw.status().get("next") or {}).get("id") == "next-packet-out"


def up(net, cw):
    """By command. Without BGP a packet must prove that the tunnel passes."""
    cw.cli("tunnel", "up", TUNNEL, "--no-wait")
    cw.wait_step("child", timeout=15)
    wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 5)
    cw.wait_step("in-fib", timeout=5)


def site_state(cw):
    return cw.json("status")["site"][0]["state"]


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        before = kernel.snapshot(net.onprem)
        net.start_swan(routes=("10.0.0.0/16",))
        cw = net.causeway()
        plain = cw.config
        ike = kernel.PacketMonitor(net.onprem, "wan0", "udp port 500 or udp port 4500", name="ike")

        with case.step("on demand, at rest: its trigger route is there, the other is not, and IKE is silent"):
            configuration(cw, plain, start="on-demand", idle_timeout=10)
            cw.start()
            wait_for("the trigger route", lambda: metric(net, TRIGGER) == 50, 10)
            check(resting(cw), f"next is {cw.status().get('next')}")
            equal(cw.step(), "down", "step")
            equal(site_state(cw), "ok", "state of the site")
            equal(kernel.route(net.onprem, LATER), None, "a route that is no trigger")
            equal(ike.seen(), [], "packets of IKE")
        with case.step("one single ping, and it is answered"):
            check(traffic.ping(net.lan, VNET_HOST, count=1), "the first ping was lost")
            cw.wait_step("in-fib", timeout=10)
            equal(metric(net, LATER), 70, "metric of the other route")
        with case.step("in use it stays up; idle for 10 s it goes to rest, and strongSwan hears of it"):
            for _ in range(6):
                check(traffic.ping(net.lan, VNET_HOST, count=10), "ping")
            equal(cw.step(), "in-fib", "step while in use")
            wait_for("rest", lambda: resting(cw), 30)
            equal(metric(net, TRIGGER), 50, "metric of the trigger")
            wait_for("the other route's end", lambda: kernel.route(net.onprem, LATER) is None, 5)
            wait_for("no SA at the peer", lambda: "ESTABLISHED" not in net.swan.sas(), 5)
        with case.step("the next packet brings it up again"):
            check(traffic.ping(net.lan, VNET_HOST, count=1), "the first ping after rest was lost")
            cw.wait_step("in-fib", timeout=10)
        with case.step("the peer ends it: at rest at once, and up with the next packet"):
            net.swan.swanctl("--terminate", "--ike", "gw")
            wait_for("rest", lambda: resting(cw), 10)
            check(traffic.ping(net.lan, VNET_HOST, count=1), "the first ping was lost")
        with case.step("the peer may come first"):
            net.swan.swanctl("--terminate", "--ike", "gw")
            wait_for("rest", lambda: resting(cw), 10)
            net.swan.swanctl("--initiate", "--child", "any")
            cw.wait_step("child", timeout=10)
            check(traffic.ping(net.vnet, "10.0.1.20", count=1), "ping from the peer's side")
            wait_for("rest", lambda: resting(cw), 30)
        with case.step("nobody there: three tries, said, and at rest until the next packet"):
            net.swan.kill()
            configuration(cw, plain, start="on-demand", idle_timeout=10, tries=1)
            cw.reload()
            check(not traffic.ping(net.lan, VNET_HOST, count=1), "who answered?")
            wait_for("connecting", lambda: cw.step() == "connecting", 10)
            wait_for("rest", lambda: resting(cw), 60)
            check("Gave up" in (cw.error() or {}).get("text", ""), f"error is {cw.error()}")
            net.start_swan(routes=("10.0.0.0/16",))
            check(traffic.ping(net.lan, VNET_HOST, count=1), "the first ping was lost")
        with case.step("`tunnel down`: no packet brings it up; `tunnel up` does"):
            cw.cli("tunnel", "down", TUNNEL, "--wait")
            wait_for("the trigger's end", lambda: kernel.route(net.onprem, TRIGGER) is None, 5)
            check(not traffic.ping(net.lan, VNET_HOST, count=1), "ping through a tunnel that is down")
            equal(cw.step(), "down", "step")
            up(net, cw)
        with case.step("reloaded as always: it stays up, idle or not; as manual: it stays, too"):
            spis = cw.spis()
            configuration(cw, plain, start="always")
            cw.reload()
            wait_for("the new configuration", lambda: "on-demand" not in cw.cli("config", "show").stdout, 5)
            configuration(cw, plain, start="manual", idle_timeout=10)
            cw.reload()
            wait_for("the new configuration", lambda: "manual" in cw.cli("config", "show").stdout, 5)
            equal((cw.step(), cw.spis()), ("in-fib", spis), "tunnel")
        with case.step("manual and idle: down, and no packet brings it up"):
            wait_for("down", lambda: cw.step() == "down", 30)
            equal(cw.status()["next"]["id"], "next-admin-down", "next")
            equal(kernel.route(net.onprem, TRIGGER), None, "its route")
            up(net, cw)
        with case.step("manual doesn't outlive a start"):
            cw.stop()
            cw.start()
            equal((cw.step(), cw.status()["next"]["id"]), ("down", "next-admin-down"), "after the start")
            up(net, cw)
            check(traffic.ping(net.lan, VNET_HOST), "ping")
        with case.step("from manual and down to always: up"):
            cw.cli("tunnel", "down", TUNNEL, "--wait")
            configuration(cw, plain, start="always")
            cw.reload()
            cw.wait_step("child", timeout=15)
        with case.step("always, `tries` 2, nobody there: it gives up and says so; `tunnel up` tries again"):
            net.swan.kill()
            configuration(cw, plain, start="always", tries=1, retry=1)
            cw.reload()
            cw.cli("tunnel", "down", TUNNEL, "--wait")
            cw.cli("tunnel", "up", TUNNEL, "--no-wait")
            wait_for("the end of the tries", lambda: "Gave up" in (cw.error() or {}).get("text", ""), 60)
            case.note(f"error: {cw.error()}")
            net.start_swan(routes=("10.0.0.0/16",))
            equal(cw.step(), "down", "step")
            up(net, cw)
        with case.step("kill -9 at rest: the next start is at rest, with its trigger"):
            configuration(cw, plain, start="on-demand", idle_timeout=10)
            cw.kill()
            cw.start()
            wait_for("the trigger route", lambda: metric(net, TRIGGER) == 50, 10)
            check(traffic.ping(net.lan, VNET_HOST, count=1), "the first ping was lost")
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            net.swan.stop() if hasattr(net.swan, "stop") else net.swan.kill()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


run_case("start_modes", main)
