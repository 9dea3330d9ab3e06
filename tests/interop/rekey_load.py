#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rekeys under load: 10,000 packets a second each way between two causewayd for 200 child rekeys begun by each end, and as
many as strongSwan's user-space ESP bears, with the same rekeys begun by each end. None lost, none doubled, BGP untouched.

    rekey_load.py [RATE [REKEYS [swan]]]      other figures, by hand; swan: only with strongSwan

The programs are those of a release build: sanitizers are no measure. Each packet is numbered (lab/udp_load.c).
"""
import sys
import time

from lab import traffic
from lab.azure import LAN_HOST, PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import Causeway, tunnel_of
from lab.lab import wait_for

RATE = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
REKEYS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
SWAN_RATE = 4000  # its user-space ESP bears 10,000 on two idle processors, but its socket overflows on busy ones
IKE_REKEYS = max(1, REKEYS // 10)
OURS, FAR = "azure-hq/t1", "hq/t1"
PEERS_SOCKET = "azure RcvbufErrors"


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


def children(cw, name):
    return cw.spis(name)


def rekeys(cw, name, count, start, settled=lambda: True):
    """Each waits for the one before: a new child, and only one."""
    began = time.monotonic()
    for _ in range(count):
        old = children(cw, name)
        start()
        wait_for("a new child, alone", lambda o=old: len(children(cw, name)) == 1 and children(cw, name) != o and settled(),
                 20, 0.02)
    return time.monotonic() - began


def ike_rekeys(cw, name, count, start, settled=lambda: True):
    for _ in range(count):
        old = cw.tunnel(name)["ike"]["spi-i"]
        start()
        wait_for("a new IKE SA", lambda o=old: (cw.tunnel(name)["ike"] or {"spi-i": o})["spi-i"] != o and settled(), 20, 0.02)


def losses(net, daemons):
    """Every counter between one host and the other that may say where a packet went."""
    found = {}
    for ns in (net.lan, net.onprem, net.azure, net.vnet):
        rows = ns.run("cat", "/proc/net/snmp").stdout.splitlines()
        names, values = [row.split() for row in rows if row.startswith("Udp:")]
        found.update({f"{ns.short} {n}": int(v) for n, v in zip(names, values) if n in ("RcvbufErrors", "SndbufErrors")})
        for link in ns.ip_json("-s", "link"):
            for way, what in (("rx", "dropped"), ("tx", "dropped"), ("rx", "errors"), ("tx", "errors")):
                found[f"{ns.short} {link['ifname']} {way} {what}"] = link["stats64"][way][what]
    for cw, name in daemons:
        site, tunnel = name.split("/")
        shown = cw.json("tunnel", "show", name)
        shown = shown.get("tunnel", [shown])[0]
        found.update({f"{site}/{tunnel} {d['name']}": d["count"] for d in shown.get("drops") or []})
    return {k: v for k, v in found.items() if v}


def long_queues(net):
    """A machine that gives a worker no time for a tenth of a second must not be taken for a rekey that loses packets."""
    for ns in (net.onprem, net.azure):
        for link in ns.ip_json("link"):
            if link["ifname"].startswith(("cw", "ipsec")):
                ns.ip("link", "set", link["ifname"], "txqueuelen", "20000")


def under_load(case, net, what, rate, do, daemons=(), peers_socket=False):
    """do() while `rate` packets a second go each way. peers_socket: what strongSwan's own socket drops is excused."""
    before = losses(net, daemons)
    load = traffic.Load(net.lan, LAN_HOST, net.vnet, VNET_HOST, rate)
    began = time.monotonic()
    do()
    seconds = time.monotonic() - began
    found = load.stop()
    after = losses(net, daemons)
    grown = {k: v - before.get(k, 0) for k, v in after.items() if v > before.get(k, 0)}
    if grown:
        case.note(f"counters that grew: {grown}")
    excused = (0, grown.get(PEERS_SOCKET, 0) if peers_socket else 0)
    for name, end, excuse in zip(("to the LAN", "to the cloud"), found, excused):
        case.note(f"{what}, {name}: {end['rate']} packets/s for {seconds:.0f} s, {end['received']} received, "
                  f"{end['lost']} lost {end['missing']}, {end['duplicates']} doubled, {end['late']} late, "
                  f"longest gap {end['gap-ms']} ms at {end['gap-at-s']} s")
        equal((max(0, end["lost"] - excuse), end["duplicates"], end["refused"]), (0, 0, 0),
              f"lost, doubled and refused {name}")
        check(end["rate"] >= rate * 0.97, f"only {end['rate']} packets a second were sent {name}")


def session(cw, name):
    p = cw.peer(name)
    return p["state"], p["uptime"]


def untouched(cw, name, before):
    state, uptime = session(cw, name)
    check(state == "Established" and uptime >= before[1], f"BGP: {before} before, {state, uptime} now")


def two_causeways(case):
    with case.lab("rekey-load") as lab:
        net = Azure(lab)
        far = far_end(net)

        def suite(config):
            tunnel_of(config)["esp-proposal"] = ["aes256-sha256"]
        cw = net.causeway(change=suite, release=True)
        far.start()
        cw.start()
        cw.wait_step("in-fib")
        far.wait_step("in-fib", FAR)
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
        long_queues(net)
        before = session(cw, OURS)
        for role, daemon, name in (("initiator's", cw, OURS), ("responder's", far, FAR)):
            with case.step(f"{REKEYS} child rekeys, the {role}, at {RATE} packets/s each way: none lost"):
                under_load(case, net, f"{REKEYS} child rekeys", RATE, lambda d=daemon, n=name: rekeys(
                    d, n, REKEYS, lambda: d.cli("tunnel", "rekey", n, "--no-wait")), ((cw, OURS), (far, FAR)))
        untouched(cw, OURS, before)
        cw.stop()
        far.stop()


def strongswan(case, rate):
    with case.lab("rekey-load-swan") as lab:
        net = Azure(lab)
        swan = net.start_swan(rekey_esp=27000)
        net.start_bird()
        cw = net.causeway(release=True).start()
        cw.wait_step("in-fib")
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
        long_queues(net)
        before = session(cw, OURS)

        def alone():
            ours, theirs = cw.spis(), swan.child_spis()
            return len(theirs) == 1 and (int(ours[0][0], 16), int(ours[0][1], 16)) == (theirs[0][1], theirs[0][0])
        for who, start in (("us", lambda: cw.cli("tunnel", "rekey", OURS, "--no-wait")),
                           ("strongSwan", lambda: swan.swanctl("--rekey", "--child", "any"))):
            with case.step(f"{REKEYS} child rekeys by {who}, at {rate} packets/s each way: none lost"):
                under_load(case, net, f"{REKEYS} child rekeys by {who}", rate,
                           lambda s=start: rekeys(cw, OURS, REKEYS, s, alone), ((cw, OURS),), True)
        with case.step(f"{IKE_REKEYS} IKE rekeys by strongSwan, at {rate} packets/s each way: none lost"):
            under_load(case, net, f"{IKE_REKEYS} IKE rekeys by strongSwan", rate, lambda: ike_rekeys(
                cw, OURS, IKE_REKEYS, lambda: swan.swanctl("--rekey", "--ike", "gw"), lambda: swan.ike_count() == 1),
                       ((cw, OURS),), True)
        untouched(cw, OURS, before)
        cw.stop()


def main(case):
    if "swan" not in sys.argv:
        two_causeways(case)
    strongswan(case, min(RATE, SWAN_RATE))


run_case("rekey_load", main)
