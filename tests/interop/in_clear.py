#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Without protect[] and with a default route to the Internet there: nothing that the kernel itself says to the BGP peer
leaves in clear. The gateway sends SYNs, segments of a session that nobody knows and echoes all the time; the answers have no
host route into the tunnel yet (the FIB writer is held), or not any more. The same around kill -9, when a reload removes the
tunnel, and at the end."""
import copy
import re
import socket
import struct
import sys
import time

from lab import api, kernel, path
from lab.azure import Azure
from lab.case import check, equal, run_case
from lab.causeway import STALE_SESSION
from lab.hold import Held
from lab.lab import wait_for

PEER, US = "10.100.255.254", "10.0.0.10"
ROUNDS = 20
SYN, ACK = 0x02, 0x10


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def segment(port, flags):
    """From PEER to our BGP port."""
    head = struct.pack("!HHIIBBHHH", port, 179, 1000, 2000 if flags & ACK else 0, 5 << 4, flags, 4096, 0, 0)
    pseudo = socket.inet_aton(PEER) + socket.inet_aton(US) + struct.pack("!HH", socket.IPPROTO_TCP, len(head))
    return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


def echo(number):
    head = struct.pack("!BBHHH", 8, 0, 0, 4711, number)
    return head[:2] + struct.pack("!H", checksum(head)) + head[4:]


def flood():
    """The program that runs at the gateway: what comes before the tunnel is there is lost."""
    tcp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    for s in (tcp, icmp):
        s.bind((PEER, 0))
    number = 0
    while True:
        number = (number + 1) & 0xffff
        for s, data in ((tcp, segment(20000 + number % 20000, SYN)), (tcp, segment(50000, ACK)), (icmp, echo(number))):
            try:
                s.sendto(data, (US, 0))
            except OSError:
                pass
        time.sleep(0.002)


class Watch:
    """What leaves in clear to the peer, and what of the gateway's arrives through the tunnel."""

    def __init__(self, net, interface):
        self.clear = kernel.PacketMonitor(net.onprem, "wan0", f"dst host {PEER}", name="clear")
        self.ns = net.onprem
        self.follow(interface, "inside")

    def follow(self, interface, name):
        """An interface that was made anew needs a new monitor."""
        self.inside = kernel.PacketMonitor(self.ns, interface, f"src host {PEER} and (tcp dst port 179 or icmp)", name=name)

    def arrived(self, since, count=60):
        wait_for(f"{count} packets through the tunnel", lambda: len(self.inside.seen(since)) >= count, 20)

    def check(self, text):
        equal([line for _, line in list(self.clear.process.lines) if " IP " in line], [], f"packets in clear {text}")


def has_way(net):
    """Is there a host route into a tunnel?"""
    return any(r["dst"] == PEER and r.get("type") != "unreachable" for r in kernel.routes(net.onprem))


def repeats(net):
    """How often the kernel has repeated what a closed session had to say."""
    out = net.onprem.run("ss", "-Htno", "dst", PEER).stdout
    return max((int(n) for n in re.findall(r"timer:\(on,[^,]*,(\d+)\)", out)), default=0)


def main(case):
    with case.lab() as lab:
        net = Azure(lab, hosts=False)
        net.onprem.ip("route", "add", "default", "via", "192.0.2.2")
        net.start_swan()
        before = kernel.snapshot(net.onprem)
        cw = net.causeway().start()
        watch = Watch(net, cw.tunnel()["interface"])
        cw.wait_step("child")
        cw.cli("tunnel", "down", path.TUNNEL, "--wait")
        flooder = net.azure.spawn("flood", sys.executable, __file__, "flood")

        with case.step("the tunnel comes up, its host route does not: the gateway's packets have no answer"):
            since = time.time()
            with Held(cw.process.pid, "fib-writer"):
                cw.cli("tunnel", "up", path.TUNNEL, "--no-wait")
                cw.wait_step("child")
                watch.arrived(since)
                check(not has_way(net), "the host route is there although nobody writes it")
                watch.check("before the host route")
            wait_for("the host route", lambda: has_way(net), 10)
        with case.step(f"down and up {ROUNDS} times"):
            for _ in range(ROUNDS):
                cw.cli("tunnel", "down", path.TUNNEL, "--wait")
                since = time.time()
                cw.cli("tunnel", "up", path.TUNNEL, "--no-wait")
                watch.arrived(since)
            watch.check("while it went down and came up")
        with case.step("the tunnel goes down, its host route is gone: what still arrives has no answer"):
            cw.cli("tunnel", "down", path.TUNNEL, "--wait")
            check(not has_way(net), "host route of a tunnel that is down")
            cw.cli("tunnel", "up", path.TUNNEL, "--no-wait")
            flooder.kill()
        with case.step("kill -9 with a session: its FIN waits for the next start, and leaves by the tunnel"):
            net.start_bird()
            cw.wait_step("in-fib", timeout=60)
            # A route and End-of-RIB: a process that dies with something unread leaves a RST behind, and no FIN.
            wait_for("all that BIRD has to say", lambda: api.peer(cw)["messages"]["in"]["update"] >= 2, 20)
            cw.kill()
            wait_for("the kernel to repeat the FIN", lambda: repeats(net) >= 2, 30)
            watch.check("after kill -9")
            cw.start()
            cw.wait_step("in-fib", timeout=STALE_SESSION)
        net.azure.spawn("flood-2", sys.executable, __file__, "flood")
        with case.step("a reload removes the tunnel: its peer is given up when its SAs have gone"):
            watch.follow(cw.tunnel()["interface"], "inside-2")
            watch.arrived(time.time())
            one = cw.config
            none = copy.deepcopy(one)
            none["causeway:connector"]["site"] = []
            cw.configure(none)
            cw.reload()
            wait_for("the end of all routes to the peer",
                     lambda: not any(r["dst"] == PEER for r in kernel.routes(net.onprem)), 20)
            watch.check("while its tunnel was removed")
            cw.configure(one)
            cw.reload()
            cw.wait_step("in-fib", timeout=STALE_SESSION)
        path.ends_clean(case, net, cw, before)
        with case.step("nothing in clear until the end"):
            watch.check("until the end")


if sys.argv[1:] == ["flood"]:
    flood()
run_case("in_clear", main)
