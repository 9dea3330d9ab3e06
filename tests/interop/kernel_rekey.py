#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""In the kernel's data plane (run by kernel_lab): child and IKE rekeys begun by us and by strongSwan, which has the kernel's
IPsec, too, under 1,000 packets a second each way. No packet lost or doubled, BGP untouched.

    kernel_rekey.py [RATE [REKEYS [SHARE]]]      other figures, by hand; SHARE of the rate must be reached

Each packet is numbered (lab/udp_load.c); lab/load.py judges. Nothing here starts a program per rekey: that is slow on an
emulated CPU. With kernel_lab --steady, what that CPU bears doesn't depend on the host's other work.
"""
import os
import sys

from lab import api, traffic
from lab.azure import VNET_HOST, Azure
from lab.case import equal, run_case
from lab.causeway import tunnel_of
from lab.kernel_swan import KernelSwan
from lab.lab import wait_for
from lab.load import Load, Session
from lab.rekeys import Ours, Pair, Theirs

RATE = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
REKEYS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
SHARE = float(sys.argv[3]) if len(sys.argv) > 3 else 0.9
IKE_REKEYS = max(1, REKEYS // 10)
IKE = "aes256-sha256-curve25519"  # cheap: it is not the key exchange that is tested here


def main(case):
    if "CW_KERNEL_LAB" in os.environ:  # what waits for the only CPU of this kernel, which is ours alone
        with open("/proc/sys/net/core/netdev_max_backlog", "w", encoding="utf-8") as f:
            f.write("10000")
    with case.lab() as lab:
        net = Azure(lab)
        net.swan = KernelSwan(net.azure, encap="no", esp="aes256gcm128", ike=IKE).start()
        bird = net.start_bird()

        def suite(config):
            tunnel_of(config).update({"esp-proposal": ["aes256gcm16"], "ike-proposal": [IKE]})
        cw = api.instead(net.causeway(change=suite, release=True)).start(timeout=60)
        cw.wait_step("in-fib", timeout=90)
        equal(api.tunnel(cw)["data-plane"], "kernel", "data plane")
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 20)
        session = Session(cw, bird=bird)
        us, them = Ours(cw), Theirs(net.swan, cw)
        pair = Pair(us, them, pace=0, interval=0.03, each=False)
        load = Load(case, net, {"causewayd": (cw, "azure-hq/t1")}, size=64, share=SHARE)
        for who, end in (("us", us), ("strongSwan", them)):
            for count, what, do in ((REKEYS, "child", pair.children), (IKE_REKEYS, "IKE", pair.ikes)):
                text = f"{count} {what} rekeys by {who}"
                with case.step(f"{text}, at {RATE} packets/s each way: none lost"):
                    load.run(text, RATE, lambda e=end, n=count, d=do: d(e, n))
        session.untouched()
        cw.stop()


run_case("kernel_rekey", main)
