#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hostile network, clients that misbehave, an administrator's hands in our kernel objects, and ends at unlucky moments.
Through all of it the tunnel stands or comes back, descriptors do not grow, and no sanitizer speaks."""
import os
import random
import select
import socket

from lab import flood, kernel, traffic
from lab.azure import LAN_HOST, PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import STALE_SESSION, tunnel_of
from lab.lab import run, wait_for

TUNNEL = "azure-hq/t1"
STRANGERS = [f"192.0.2.{n}" for n in range(50, 66)]


def descriptors(cw):
    return len(os.listdir(f"/proc/{cw.process.pid}/fd"))


def stands(net, cw, spis=None):
    if spis:
        equal((cw.step(), cw.spis()), ("in-fib", spis), "tunnel")
    else:
        cw.wait_step("in-fib", timeout=30)
    wait_for("the route", lambda: kernel.route(net.onprem, PREFIX), 10)
    wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 15)
    check(traffic.ping(net.vnet, LAN_HOST), "ping back")
    cw.check_reports()


def network(case, net, cw, samples):
    spis, held = cw.spis(), descriptors(cw)
    for address in STRANGERS:
        net.azure.ip("addr", "add", f"{address}/24", "dev", "wan0")
    with case.row("garbage and mutated IKE from strangers: the tunnel does not notice", net.lab):
        counter = traffic.Counter(net.lan, VNET_HOST, net.vnet, interval=0.02)
        sent = flood.udp(net.azure, "192.0.2.1", STRANGERS, 20000, 1, samples)
        case.note(f"{sent} datagrams")
        counter.more(20)
        case.note(f"{counter.stop()['lost-count']} of the tunnel's own packets lost meanwhile")
        stands(net, cw, spis)
    with case.row("the same from the gateway's own address: replays and forgeries", net.lab):
        flood.udp(net.azure, "192.0.2.1", ["192.0.2.2"], 20000, 2, samples)
        stands(net, cw, spis)
    with case.row("garbage ESP with the live SPI", net.lab):
        head = bytes.fromhex(spis[0][0])
        fakes = [[4500, (head + os.urandom(n)).hex()] for n in (1, 4, 12, 28, 60, 200, 1400)]
        flood.udp(net.azure, "192.0.2.1", ["192.0.2.2", *STRANGERS], 10000, 3, fakes)
        stands(net, cw, spis)
    with case.row("connections to BGP's port, from the peer and from strangers", net.lab):
        net.azure.ip("addr", "add", "10.100.255.77/32", "dev", "lo")
        for source in ("10.100.255.254", "10.100.255.77"):
            flood.tcp(net.azure, "10.0.0.10", source, 150, 4)
        stands(net, cw)
        equal(cw.spis(), spis, "SPIs")
        wait_for("descriptors as before", lambda: descriptors(cw) <= held + 2, 20)


def clients(case, net, cw):
    spis, held = cw.spis(), descriptors(cw)

    def client(data=b"", read=0):
        s = socket.socket(socket.AF_UNIX)
        s.connect(cw.socket)  # blocks while the daemon's queue is full
        s.settimeout(5)
        try:
            s.sendall(data)
            return s, s.recv(read) if read else b""
        except OSError:
            return s, b""
    get = b"GET /restconf/data/causeway:state HTTP/1.1\r\nHost: x\r\n\r\n"
    rows = [("many that connect and say nothing", [b""] * 1500),
            ("half a request", [get[:n] for n in range(1, len(get), 3)]),
            ("garbage", [os.urandom(n) for n in (1, 10, 100, 5000, 100000)] * 5),
            ("endless headers", [b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 60000] * 5),
            ("a line without end", [b"GET /" + b"a" * 1000000] * 5),
            ("a body of a gigabyte announced", [b"POST /restconf/operations/causeway:tunnel-up HTTP/1.1\r\nHost: x\r\n"
                                                b"Content-Length: 1000000000\r\n\r\n" + b"{" * 300000] * 5),
            ("deep JSON", [b"POST /restconf/operations/causeway:tunnel-up HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" +
                           b"[" * 60000] * 3),
            ("ask and leave", [get] * 300)]
    for what, requests in rows:
        with case.row(f"clients: {what}", net.lab):
            open_ones = [client(r)[0] for r in requests]
            cw.json("status", timeout=20)
            for s in open_ones:
                s.close()
            equal((cw.step(), cw.spis()), ("in-fib", spis), "tunnel")
            wait_for("descriptors as before", lambda: descriptors(cw) <= held + 1, 10)
            cw.check_reports()


def crowd(case, net, cw):
    """Clients can't take the descriptors that the tunnels need."""
    limit = 128
    run(["prlimit", f"--nofile={limit}:{limit}", "--pid", str(cw.process.pid)])
    held = descriptors(cw)
    with case.row("more silent clients than descriptors: the tunnel can still pair anew", net.lab):
        clients_now = []
        for _ in range(2 * limit):
            s = socket.socket(socket.AF_UNIX)
            s.setblocking(False)
            clients_now.append(s)
            try:
                s.connect(cw.socket)
            except BlockingIOError:
                break
        wait_for("the daemon to let new ones wait", lambda: "new ones wait" in cw.process.output(), 10)
        check(descriptors(cw) < limit - 16, f"{descriptors(cw)} descriptors of {limit} are taken")
        monitor = kernel.RouteMonitor(net.onprem)
        net.swan.swanctl("--terminate", "--ike", "gw")
        wait_for("the route's end", lambda: monitor.deleted(PREFIX), 10)
        wait_for("the route", lambda: kernel.route(net.onprem, PREFIX), 20)
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 15)
        for s in clients_now:
            s.close()
        stands(net, cw)
        wait_for("descriptors as before", lambda: descriptors(cw) <= held + 2, 10)


def hands(case, net, cw):
    ns = net.onprem

    def held():
        return [a["local"] for link in ns.ip_json("addr") for a in link["addr_info"]]
    rows = [("our route deleted", lambda: ns.ip("route", "del", PREFIX)),
            ("the peer's host route deleted", lambda: ns.ip("route", "del", "10.100.255.254/32")),
            ("all nexthop objects flushed", lambda: ns.ip("nexthop", "flush", "proto", "201")),
            ("the inside address deleted", lambda: ns.ip("addr", "del", "10.0.0.10/32", "dev", "cw0")),
            ("the tunnel interface down and up", lambda: (ns.ip("link", "set", "cw0", "down"),
                                                          ns.ip("link", "set", "cw0", "up"))),
            ("the tunnel interface left down", lambda: ns.ip("link", "set", "cw0", "down")),
            ("the tunnel interface deleted", lambda: ns.ip("link", "del", "cw0")),
            ("the underlay down and up", lambda: (ns.ip("link", "set", "wan0", "down"),
                                                  ns.ip("link", "set", "wan0", "up")))]
    for what, do in rows:
        with case.row(f"by hand: {what}", net.lab):
            do()
            wait_for("the route, the address and a ping",
                     lambda: kernel.route(ns, PREFIX) and kernel.route(ns, "10.100.255.254/32") and "10.0.0.10" in held()
                     and traffic.ping(net.lan, VNET_HOST, count=1), 30)
            stands(net, cw)


def reconnects(case, net, cw, rounds=60):
    with case.row(f"{rounds} reconnects: descriptors do not grow", net.lab):
        def resident():
            with open(f"/proc/{cw.process.pid}/statm", encoding="ascii") as f:
                return int(f.read().split()[1]) * 4096

        def reconnect(n):
            for _ in range(n):
                cw.cli("tunnel", "down", TUNNEL, "--wait")
                cw.cli("tunnel", "up", TUNNEL, "--timeout", "20")
        reconnect(20)
        fds, before = descriptors(cw), resident()
        reconnect(rounds)
        case.note(f"descriptors {fds} -> {descriptors(cw)}, resident {before >> 20} -> {resident() >> 20} MiB")
        wait_for("descriptors as before", lambda: descriptors(cw) <= fds + 1, 10)
        stands(net, cw)


def ends(case, net, before, rounds=25):
    """SIGTERM, and now and then SIGKILL, at any moment of the way up, of a reload, of a rekey."""
    rng = random.Random(5)
    cw = net.causeway("ends")
    good = cw.config
    with case.row(f"{rounds} ends at random moments: exit 0, nothing left", net.lab):
        for n in range(rounds):
            cw.configure(good)
            cw.spawn()
            wait_for("the socket", lambda: os.path.exists(cw.socket) and cw.answers(), 15, alive=[cw.process])
            moment = rng.random() * 0.25
            kind = n % 4
            if kind == 1:
                tunnel_of(good)["mtu"] = 1280 + n
                cw.configure(good)
                cw.wait_step("in-fib", timeout=STALE_SESSION)
                cw.reload()
            elif kind == 2:
                cw.wait_step("child")
                cw.cli("tunnel", "rekey", TUNNEL, "--no-wait", check=False)
            elif kind == 3:
                cw.kill()
                continue  # the next start cleans up
            select.select([], [], [], moment)
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], f"the kernel after round {n}")
        cw.configure({"causeway:connector": {}})
        cw.start()
        wait_for("the kernel as before", lambda: not kernel.difference(before, kernel.snapshot(net.onprem)), 10)
        cw.stop()


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird()
        before = kernel.snapshot(net.onprem)
        recorder = flood.Recorder(net.onprem, "wan0")

        def change(config):
            tunnel_of(config)["liveness-interval"] = 3
            tunnel_of(config)["liveness-timeout"] = 6
        cw = net.causeway(change=change).start()
        cw.wait_step("in-fib")
        cw.cli("tunnel", "rekey", TUNNEL, "--no-wait")
        wait_for("the rekey", lambda: cw.tunnel()["child-rekeys"] == 1, 10)
        cw.wait_step("in-fib")
        samples = recorder.stop()
        wait_for("one child", lambda: len(cw.spis()) == 1, 10)
        network(case, net, cw, samples)
        clients(case, net, cw)
        crowd(case, net, cw)
        hands(case, net, cw)
        reconnects(case, net, cw)
        with case.row("SIGTERM: exit 0, no leak, nothing left", lab):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")
        ends(case, net, before)


run_case("hostile", main)
