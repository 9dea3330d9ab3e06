#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several addresses and names of a gateway: names are looked up, again when that failed or the gateway moved; the second
address when the first is dead; and which is tried first the next time, with and without promote-alternate."""
import os

from lab import kernel, traffic
from lab.azure import VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import Causeway, smallest, tunnel_of
from lab.lab import wait_for

DEAD = "192.0.2.77"


class WithHosts(Causeway):
    """Sees an /etc/hosts of its own, in a mount namespace."""

    def hosts(self, text):
        self.lab.write("hosts", f"127.0.0.1 localhost\n{text}\n")

    def argv(self, *more):
        return ["unshare", "-m", "sh", "-c", f'mount --bind {self.lab.path("hosts")} /etc/hosts && exec "$@"', "sh",
                *super().argv(*more)]


def pinned(net, address):
    return kernel.route(net.onprem, f"{address}/32") is not None


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird()
        cw = WithHosts(net.onprem)
        config = smallest(cw.secret())
        tunnel = tunnel_of(config)
        tunnel.update({"remote-address": ["gw.example.test"], "liveness-interval": 2, "liveness-timeout": 8, "retry": 2})
        cw.configure(config)
        cw.hosts("")
        before = kernel.snapshot(net.onprem)
        case.note(f"this machine's own hosts file is untouched: {os.path.getsize('/etc/hosts')} bytes")

        with case.step("a name without an address: said, and up by itself when it has one"):
            cw.start()
            wait_for("the reason", lambda: (cw.error() or {}).get("id") == "name-not-resolved", 20)
            check("gw.example.test" in cw.error()["text"], f"error is {cw.error()}")
            equal(cw.step(), "down", "step")
            cw.hosts("192.0.2.2 gw.example.test")
            cw.wait_step("in-fib", timeout=30)
            equal(cw.tunnel()["remote"], "192.0.2.2", "remote")
            check(pinned(net, "192.0.2.2"), "the gateway's address is not pinned")
        with case.step("the gateway moves and its name with it: found again, the pin follows"):
            net.swan.kill()
            net.bgp.kill()
            net.azure.ip("addr", "del", "192.0.2.2/24", "dev", "wan0")
            net.azure.ip("addr", "add", "192.0.2.3/24", "dev", "wan0")
            cw.hosts("192.0.2.3 gw.example.test")
            net.start_swan(local="192.0.2.3", local_id="192.0.2.3")
            net.start_bird()
            wait_for("the tunnel to the new address", lambda: cw.tunnel()["remote"] == "192.0.2.3", 90)
            cw.wait_step("in-fib", timeout=90)
            check(pinned(net, "192.0.2.3") and not pinned(net, "192.0.2.2"), "pins")
            check(traffic.ping(net.lan, VNET_HOST), "ping")
        dead = kernel.PacketMonitor(net.onprem, "wan0", f"arp host {DEAD} or host {DEAD}", name="dead")
        with case.step("the first address is dead: the second one is taken"):
            tunnel["remote-address"] = [DEAD, "gw.example.test"]
            cw.configure(config)
            cw.reload()
            wait_for("the dead one tried", lambda: DEAD in dead.process.output(), 20)
            cw.wait_step("in-fib", timeout=90)
            equal(cw.tunnel()["remote"], "192.0.2.3", "remote")
        with case.step("promote-alternate: after a loss it is tried first, the dead one not at all"):
            tunnel["promote-alternate"] = True
            cw.configure(config)
            cw.reload()
            cw.wait_step("in-fib")
            spis = cw.spis()
            cw.cli("tunnel", "down", "azure-hq/t1", "--wait")
            cw.cli("tunnel", "up", "azure-hq/t1", "--no-wait")
            cw.wait_step("in-fib", timeout=90)
            seen = dead.process.output().count(DEAD)
            for _ in range(2):
                cw.cli("tunnel", "down", "azure-hq/t1", "--wait")
                cw.cli("tunnel", "up", "azure-hq/t1", "--no-wait")
                cw.wait_step("in-fib", timeout=15)
            check(cw.spis() != spis, "it did not pair again")
            equal(dead.process.output().count(DEAD), seen, "times that the dead one was tried")
        with case.step("without it the first one is tried first again"):
            del tunnel["promote-alternate"]
            cw.configure(config)
            cw.reload()
            cw.cli("tunnel", "down", "azure-hq/t1", "--wait")
            cw.cli("tunnel", "up", "azure-hq/t1", "--no-wait")
            wait_for("the dead one tried", lambda: dead.process.output().count(DEAD) > seen, 20)
        with case.step("SIGTERM leaves nothing"):
            cw.stop()
            equal(kernel.difference(before, kernel.snapshot(net.onprem)), [], "the kernel")


run_case("remotes", main)
