#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""In the kernel's data plane (run by kernel_lab): child rekeys begun by us and by strongSwan, which has the kernel's IPsec,
too, under 1,000 packets a second, half of them each way. No packet lost or doubled, BGP untouched.

    kernel_rekey.py [RATE [REKEYS [SHARE]]]      other figures, by hand; SHARE of the rate must be reached

Each packet is numbered (lab/udp_load.c). Nothing here starts a program per rekey: that is slow on an emulated CPU.
"""
import sys
import time

from lab import api, traffic
from lab.azure import LAN_HOST, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.kernel_swan import KernelSwan
from lab.lab import wait_for

RATE = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
REKEYS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
SHARE = float(sys.argv[3]) if len(sys.argv) > 3 else 0.8


class Pair:
    """Our causewayd and strongSwan, with the means to rekey from either side."""

    def __init__(self, net, cw):
        self.net, self.cw = net, cw

    def children(self, count, start):
        """Each waits for the one before, by our log; that costs nothing while packets flow. At the end there is one child."""
        for _ in range(count):
            at = len(self.cw.process.lines)
            start()
            wait_for("a child rekey", lambda a=at: any("child SA rekeyed" in line for _, line in
                                                       self.cw.process.lines[a:]), 30, 0.1)
        wait_for("one child at the end", lambda: len(api.spis(api.tunnel(self.cw))) == 1, 30, 0.5)

    def child_by_us(self):
        api.rekey(self.cw)

    def child_by_swan(self):
        self.net.swan.vici("rekey", child="any")


def under_load(case, net, what, do):
    load = traffic.Load(net.lan, LAN_HOST, net.vnet, VNET_HOST, RATE // 2, size=64)
    began = time.monotonic()
    do()
    seconds = time.monotonic() - began
    found = load.stop()
    for name, mine, other in zip(("to the LAN", "to the cloud"), found, found[::-1]):
        # What the sender's own socket would not take, because the CPU was late, has not been on its way.
        went = other["sent"] - other["refused"]
        lost = went - mine["received"]
        case.note(f"{what}, {name}: {went / seconds:.0f} packets/s for {seconds:.0f} s, {mine['received']} received, {lost} lost, "
                  f"{mine['duplicates']} doubled, longest gap {mine['gap-ms']} ms; {other['refused']} not sent")
        equal((lost, mine["duplicates"]), (0, 0), f"lost and doubled {name}")
        check(went / seconds >= RATE // 2 * SHARE, f"only {went / seconds:.0f} packets a second were sent {name}")


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.swan = KernelSwan(net.azure, encap="no", esp="aes256gcm128").start()
        net.start_bird()

        def suite(config):
            tunnel_of(config)["esp-proposal"] = ["aes256gcm16"]
        cw = api.instead(net.causeway(change=suite, release=True)).start(timeout=60)
        cw.wait_step("in-fib", timeout=90)
        equal(api.tunnel(cw)["data-plane"], "kernel", "data plane")
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 20)
        before = cw.peer("azure-hq/t1")
        pair = Pair(net, cw)
        for who, start in (("us", pair.child_by_us), ("strongSwan", pair.child_by_swan)):
            with case.step(f"{REKEYS} child rekeys by {who} at {RATE} packets/s: none lost"):
                under_load(case, net, f"{REKEYS} child rekeys by {who}", lambda s=start: pair.children(REKEYS, s))
        after = cw.peer("azure-hq/t1")
        check(after["state"] == "Established" and after["uptime"] >= before["uptime"], f"BGP: {before}, then {after}")
        cw.stop()


run_case("kernel_rekey", main)
