# SPDX-License-Identifier: Apache-2.0
"""The main job as checks, the same whoever the gateway is: from the smallest configuration to a withdrawn route."""
import time

from lab import kernel, traffic
from lab.azure import LAN_HOST, OURS, PREFIX, VNET_HOST
from lab.case import check, equal
from lab.lab import wait_for

TUNNEL = "azure-hq/t1"


def comes_up(case, net, cw, within=10.0):
    """in-fib within 10 s of the start, and every party holds what it should."""
    with case.step(f"in-fib within {within:g} s of start"):
        cw.spawn()
        wait_for("causewayd to answer", cw.answers, within, alive=[cw.process])
        seen = cw.wait_step("in-fib", timeout=within)
        took = time.monotonic() - cw.started
        case.note(f"in-fib after {took:.2f} s; steps seen {' '.join(seen)}")
        check(took <= within, f"in-fib took {took:.2f} s, allowed are {within:g}")
    with case.step("the kernel has the route by the tunnel, with protocol 201"):
        holds_route(net, cw)
    with case.step(f"the gateway holds {OURS} from AS 65001"):
        wait_for(f"{OURS} at the gateway", lambda: net.bgp.as_path(OURS) == [65001], 10)
        check(net.bgp.established(), "the gateway's BGP session is not up")


def holds_route(net, cw):
    interface = cw.tunnel()["interface"]
    r = kernel.route(net.onprem, PREFIX)
    check(r, f"no route {PREFIX} with protocol 201 in the kernel")
    equal(kernel.devices(net.onprem, r), [interface], f"interface of {PREFIX}")
    # Loose reverse-path filtering, on our own interface only; no address of the kernel's own making.
    equal(net.onprem.run("cat", f"/proc/sys/net/ipv4/conf/{interface}/rp_filter").stdout.strip(), "2", "rp_filter")
    equal(net.onprem.ip("-6", "addr", "show", "dev", interface).strip(), "", f"IPv6 addresses of {interface}")


def pings(case, net):
    with case.step("ping both ways, host to host"):
        wait_for("the first ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
        check(traffic.ping(net.lan, VNET_HOST, count=5), f"ping {LAN_HOST} -> {VNET_HOST}")
        check(traffic.ping(net.vnet, LAN_HOST, count=5), f"ping {VNET_HOST} -> {LAN_HOST}")
        check(traffic.ping(net.lan, VNET_HOST, count=3, size=1300), "ping with 1300 octets")
        check(traffic.ping(net.lan, VNET_HOST, count=3, size=4000), "ping with 4000 octets, in fragments")


def transfers(case, net, mib=256):
    for text, receiver, address, sender in (("to the cloud", net.vnet, VNET_HOST, net.lan),
                                            ("from the cloud", net.lan, LAN_HOST, net.vnet)):
        with case.step(f"{mib} MiB over TCP {text}, equal checksums"):
            sent, got, seconds = traffic.tcp_transfer(receiver, address, sender, mib << 20, text)
            equal(got, sent, "what arrived")
            case.note(f"{mib * 8.388608 / seconds:.0f} Mbit/s")


def down_and_up(case, net, cw, rounds=2):
    """`tunnel down` withdraws the routes before the SA goes; `tunnel up` brings all back."""
    routes = kernel.RouteMonitor(net.onprem)
    packets = kernel.PacketMonitor(net.onprem, "wan0", kernel.PacketMonitor.INFORMATIONAL)
    for n in range(1, rounds + 1):
        with case.step(f"tunnel down withdraws before the SA goes (round {n})"):
            since = time.time()
            cw.cli("tunnel", "down", TUNNEL, "--wait")
            wait_for("step down", lambda: cw.step() == "down", 10)
            wait_for("the route's withdrawal", lambda: routes.deleted(PREFIX, since), 10)
            wait_for("the IKE delete", lambda: packets.seen(since, "192.0.2.1"), 10)
            wait_for("the gateway to have no SA", lambda: net.swan.ike_count() == 0, 10)
            gone, delete = routes.deleted(PREFIX, since), packets.seen(since, "192.0.2.1")[0]
            case.note(f"route gone {1000 * (delete - gone):.2f} ms before the first INFORMATIONAL")
            check(gone < delete, f"the SA's delete left {1000 * (gone - delete):.2f} ms before the route went")
            equal(kernel.route(net.onprem, PREFIX), None, "route after `tunnel down`")
            wait_for("the gateway to lose the route", lambda: not net.bgp.as_path(OURS), 15)
        with case.step(f"tunnel up brings it back (round {n})"):
            cw.cli("tunnel", "up", TUNNEL, "--timeout", "30")
            equal(cw.step(), "in-fib", "step after `tunnel up`")
            holds_route(net, cw)
            wait_for(f"{OURS} at the gateway", lambda: net.bgp.as_path(OURS) == [65001], 10)
            wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)


def ends_clean(case, net, cw, before):
    with case.step("SIGTERM: exit 0, no report, nothing left in the kernel"):
        cw.stop()
        equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel before and after")
