#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rekeys under load: 10,000 packets a second each way for 200 child rekeys and 20 of the IKE SA begun by each end, between
two causewayd and with strongSwan's user-space ESP. None lost, none doubled, in the end one pair, BGP untouched.

    rekey_load.py [RATE [REKEYS [ours|swan]]]      other figures, by hand; between two of ours, or with strongSwan, alone

The programs are those of a release build: sanitizers are no measure. Each packet is numbered (lab/udp_load.c); what is
judged, and what a busy machine is forgiven, is in lab/load.py.
"""
import sys

from lab import counters, traffic
from lab.azure import PREFIX, VNET_HOST, Azure
from lab.case import check, run_case
from lab.causeway import Causeway, tunnel_of
from lab.lab import wait_for
from lab.load import SWANS_SOCKET, Load, Session
from lab.rekeys import Ours, Pair, Theirs

RATE = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
REKEYS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
IKE_REKEYS = max(1, REKEYS // 10)
OURS, FAR = "azure-hq/t1", "hq/t1"
SOCKET = 4 << 20  # strongSwan's, which has the kernel's 208 KiB (20 ms of these packets): what ours asks for


def far_end(net):
    """The other causewayd, in the place of a cloud's gateway."""
    net.azure.ip("addr", "del", "10.100.255.254/32", "dev", "lo")
    far = Causeway(net.azure, "gateway", release=True)
    far.configure({"causeway:connector": {
        "as": 65515, "router-id": "10.100.255.254", "announce": [PREFIX],
        "site": [{"name": "hq", "profile": "generic-ikev2",
                  "tunnel": [{"name": "t1", "role": "respond",
                              "local-address": "192.0.2.2", "remote-address": ["192.0.2.1"],
                              "secret-file": far.secret(), "inside-address": ["10.100.255.254/32"],
                              "esp-proposal": ["aes256-sha256"],
                              "bgp": {"local-address": "10.100.255.254", "peer-address": "10.0.0.10",
                                      "peer-as": 65001}}]}]}})
    return far


def passing(net, cw):
    cw.wait_step("in-fib")
    wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)


def rekeyed(case, load, pair, ends):
    """The step of the test: by each end both kinds, under load."""
    for who, end in ends:
        for count, what, do in ((REKEYS, "child", pair.children), (IKE_REKEYS, "IKE", pair.ikes)):
            text = f"{count} {what} rekeys by {who}"
            with case.step(f"{text}, at {RATE} packets/s each way: none lost"):
                load.run(text, RATE, lambda e=end, n=count, d=do: d(e, n))


def two_causeways(case):
    with case.lab("rekey-load") as lab:
        net = Azure(lab)
        far = far_end(net)

        def suite(config):
            tunnel_of(config)["esp-proposal"] = ["aes256-sha256"]
        cw = net.causeway(change=suite, release=True)
        far.start()
        cw.start()
        passing(net, cw)
        far.wait_step("in-fib", FAR)
        link = net.onprem.ip_json("link", "show", cw.tunnel(OURS)["interface"])[0]
        check(link["txqlen"] >= 4096, f"the interface's queue is {link['txqlen']} packets: 50 ms of these are 500")
        sessions = [Session(cw, OURS), Session(far, FAR)]
        us, them = Ours(cw, OURS), Ours(far, FAR)
        load = Load(case, net, {"causewayd": (cw, OURS), "gateway": (far, FAR)})
        rekeyed(case, load, Pair(us, them), (("the initiator", us), ("the responder", them)))
        for session in sessions:
            session.untouched()
        for daemon, name in ((cw, OURS), (far, FAR)):
            count = daemon.tunnel(name)["ike"]["rekeys"]
            check(count >= 2 * IKE_REKEYS, f"{name}: {count} IKE rekeys")
        cw.stop()
        far.stop()


def strongswan(case):
    with case.lab("rekey-load-swan") as lab:
        net = Azure(lab)
        swan = net.start_swan(rekey_esp=27000)
        check(counters.widen(swan.process, 4500, SOCKET), "charon has no socket of port 4500")
        net.azure.ip("link", "set", "ipsec0", "txqueuelen", "20000")  # strongSwan's
        bird = net.start_bird()
        cw = net.causeway(release=True).start()
        passing(net, cw)
        session = Session(cw, OURS, bird)
        us, them = Ours(cw), Theirs(swan, cw)
        load = Load(case, net, {"causewayd": (cw, OURS)}, excuse=SWANS_SOCKET)
        rekeyed(case, load, Pair(us, them), (("us", us), ("strongSwan", them)))
        session.untouched()
        cw.stop()


def main(case):
    if "swan" not in sys.argv:
        two_causeways(case)
    if "ours" not in sys.argv:
        strongswan(case)


run_case("rekey_load", main)
