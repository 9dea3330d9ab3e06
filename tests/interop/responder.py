#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""strongSwan starts and we answer: role respond; and role both, where either may have started."""
from lab import kernel, path
from lab.azure import OURS, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for


def answers(case, role, psk_wrong_first):
    with case.lab(f"responder-{role}") as lab:
        net = Azure(lab)
        net.start_bird()

        def change(config):
            tunnel_of(config)["role"] = role
        before = kernel.snapshot(net.onprem)
        cw = net.causeway(change=change).start()
        if role == "respond":
            with case.step("respond: nothing is sent unasked"):
                sniff = kernel.PacketMonitor(net.azure, "wan0", "udp port 500 or udp port 4500")
                # the answering daemon has answered queries for a while: 20 of them
                for _ in range(20):
                    check(cw.step() in ("down", "connecting"), f"step {cw.step()}")
                equal(sniff.seen(), [], "IKE packets before the gateway started")
        if psk_wrong_first:
            with case.step("a wrong key is refused, and named"):
                net.start_swan(start="start", psk="not the key", dpd_action="restart")
                wait_for("an error of the tunnel", cw.error, 20)
                case.note(f"error: {cw.error()}")
                check(net.swan.ike_count() == 0, "the gateway has an SA")
                net.swan.stop()
        with case.step(f"role {role}: strongSwan initiates, in-fib"):
            net.start_swan(start="start", dpd_action="restart")
            cw.wait_step("in-fib", timeout=30)
            path.holds_route(net, cw)
            wait_for(f"{OURS} at the gateway", lambda: net.bgp.as_path(OURS) == [65001], 10)
            wait_for("one SA", lambda: len(net.swan.child_spis()) == 1, 15)
            equal(net.swan.ike_count(), 1, "IKE SAs of the gateway")
        path.pings(case, net)
        with case.step("strongSwan terminates and starts anew: routes follow"):
            net.swan.swanctl("--terminate", "--ike", "gw")
            if role == "respond":
                wait_for("withdrawal", lambda: kernel.route(net.onprem, "10.100.0.0/16") is None, 10)
                net.swan.swanctl("--initiate", "--child", "any")
            cw.wait_step("in-fib", timeout=30)
            path.holds_route(net, cw)
        path.ends_clean(case, net, cw, before)


def main(case):
    answers(case, "respond", True)
    answers(case, "both", False)


run_case("responder", main)
