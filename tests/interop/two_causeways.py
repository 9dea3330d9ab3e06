#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two causewayd start at the same time, both with role both: one IKE SA and one child pair, BGP, ping, and it stays so."""
from lab import kernel, path, traffic
from lab.azure import PREFIX, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import Causeway, tunnel_of
from lab.lab import wait_for

FAR = "hq/t1"


def gateway(net, role="both"):
    """The far causewayd: what a cloud's gateway would be."""
    far = Causeway(net.azure, "gateway")
    far.configure({"causeway:connector": {
        "as": 65515, "router-id": "10.100.255.254", "announce": [PREFIX],
        "site": [{"name": "hq", "profile": "generic-ikev2",
                  "tunnel": [{"name": "t1", "role": role,
                              "local-address": "192.0.2.2", "remote-address": ["192.0.2.1"],
                              "secret-file": far.secret(),
                              "inside-address": ["10.100.255.254/32"],
                              "bgp": {"local-address": "10.100.255.254", "peer-address": "10.0.0.10",
                                      "peer-as": 65001}}]}]}})
    return far


def with_esn(cw, far):
    """Both sides agree on a suite with extended sequence numbers, which no other peer of the lab knows."""
    for c in (cw, far):
        config = c.config
        tunnel_of(config)["esp-proposal"] = ["aes256gcm16-esn"]
        c.configure(config)


def mirrored(cw, far):
    """One child each, and each one's way in is the other's way out."""
    ours, theirs = cw.spis(), far.spis(FAR)
    return len(ours) == 1 and len(theirs) == 1 and ours[0] == (theirs[0][1], theirs[0][0]) and ours


def main(case):
    for n in range(1, 4):
        with case.lab(f"two-{n}") as lab:
            net = Azure(lab)
            net.azure.ip("addr", "del", "10.100.255.254/32", "dev", "lo")
            before = kernel.snapshot(net.onprem), kernel.snapshot(net.azure)
            cw, far = net.causeway(), gateway(net)
            if n == 2:
                with_esn(cw, far)
            with case.step(f"both start at once (round {n}): in-fib on both sides, one pair"):
                cw.spawn()
                far.spawn()
                for c in (cw, far):
                    wait_for("an answer", c.answers, 15, alive=[c.process])
                cw.wait_step("in-fib")
                far.wait_step("in-fib", FAR)
                wait_for("exactly one child on each side, of the same SPIs", lambda: mirrored(cw, far), 15)
            with case.step("ping both ways, and the pair stays the same"):
                wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
                spis = cw.spis()
                ike = cw.tunnel()["ike"]["spi-i"]
                check(traffic.ping(net.vnet, "10.0.1.20", count=15), "ping back")
                equal(mirrored(cw, far), spis, "SPIs after three seconds of pings")
                equal(cw.tunnel()["ike"]["spi-i"], ike, "IKE SPI after three seconds of pings")
                equal(far.tunnel(FAR)["ike"]["spi-i"], ike, "IKE SPI of the other side")
                for c, name in ((cw, "azure-hq/t1"), (far, FAR)):
                    equal(c.peer(name)["state"], "Established", f"BGP of {c.name}")
            if n == 2:
                check("esn" in cw.tunnel()["child"][0]["proposal"], f"child without ESN: {cw.tunnel()['child']}")
            if n == 1:
                path.transfers(case, net, mib=64)
                with case.step("rekey from either side at the same time"):
                    cw.cli("tunnel", "rekey", "azure-hq/t1", "--no-wait")
                    far.cli("tunnel", "rekey", FAR, "--no-wait")
                    wait_for("one new pair", lambda: mirrored(cw, far) not in (False, spis), 20)
                    check(traffic.ping(net.lan, VNET_HOST, count=3), "ping after the rekeys")
            with case.step("one ends: the other withdraws at once; then all is clean"):
                far.stop()
                wait_for("withdrawal", lambda: kernel.route(net.onprem, PREFIX) is None, 10)
                cw.stop()
                for ns, was in zip((net.onprem, net.azure), before):
                    equal(kernel.difference(was, kernel.snapshot(ns)), [], f"the kernel of {ns.short}")


run_case("two_causeways", main)
