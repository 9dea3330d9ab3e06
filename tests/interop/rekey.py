#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A child rekey started by each side, under traffic both ways, without a lost packet; and the hard ones: with PFS, both
sides at once, and the IKE SA under it replaced by the gateway."""
from lab import traffic
from lab.azure import LAN_HOST, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for


def settled(net, cw, old):
    """One child on each side, a new one, and both ends agree about it."""
    def there():
        ours, theirs = cw.spis(), net.swan.child_spis()
        return len(ours) == 1 and len(theirs) == 1 and ours != old and \
            (int(ours[0][0], 16), int(ours[0][1], 16)) == (theirs[0][1], theirs[0][0])
    wait_for("one new child on both sides", there, 20)


def by_us(_net, cw):
    cw.cli("tunnel", "rekey", "azure-hq/t1", "--wait")


def by_swan(net, _cw):
    net.swan.swanctl("--rekey", "--child", "any")


def by_both(net, cw):
    cw.cli("tunnel", "rekey", "azure-hq/t1", "--no-wait")
    net.swan.swanctl("--rekey", "--child", "any")


def ike(cw):
    return cw.tunnel()["ike"]


def ike_settled(net, cw, old):
    """One new IKE SA on each side, with the same child as before."""
    wait_for("one new IKE SA on both sides",
             lambda: ike(cw) and ike(cw)["spi-i"] != old and net.swan.ike_count() == 1 and
             ike(cw)["spi-i"] in net.swan.sas(), 20)


def ike_by_swan(net, _cw):
    net.swan.swanctl("--rekey", "--ike", "gw")


def ike_under_traffic(case, net, cw, text, start, rounds):
    with case.step(f"rekey of the IKE SA by {text}, {rounds} times, no packet lost, the child stays"):
        up = traffic.Counter(net.lan, VNET_HOST, net.vnet, port=5300)
        down = traffic.Counter(net.vnet, LAN_HOST, net.lan, port=5301)
        child = cw.spis()
        for _ in range(rounds):
            old = ike(cw)["spi-i"]
            start(net, cw)
            ike_settled(net, cw, old)
            up.more(50)
        for name, counter in (("from the LAN", up), ("from the cloud", down)):
            result = counter.stop()
            equal((result["lost-count"], result["duplicates"]), (0, 0), f"packets lost and doubled {name}")
        equal((cw.step(), cw.spis()), ("in-fib", child), "step and child")


def under_traffic(case, net, cw, text, start, rounds):
    with case.step(f"rekey by {text}, {rounds} times, no packet lost"):
        up = traffic.Counter(net.lan, VNET_HOST, net.vnet, port=5300)
        down = traffic.Counter(net.vnet, LAN_HOST, net.lan, port=5301)
        for _ in range(rounds):
            old = cw.spis()
            start(net, cw)
            settled(net, cw, old)
            up.more(100)
        for name, counter in (("from the LAN", up), ("from the cloud", down)):
            result = counter.stop()
            case.note(f"{name}: {result}")
            equal(result["lost-count"], 0, f"packets lost {name}")
            equal(result["duplicates"], 0, f"packets doubled {name}")
        equal(cw.step(), "in-fib", "step after the rekeys")


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan(esp="aes256-sha256,aes256-sha256-modp2048")
        net.start_bird()
        cw = net.causeway().start()
        cw.wait_step("in-fib")
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
        established = cw.peer("azure-hq/t1")["uptime"]
        under_traffic(case, net, cw, "us", by_us, 3)
        under_traffic(case, net, cw, "strongSwan", by_swan, 3)
        under_traffic(case, net, cw, "both at once", by_both, 2)
        ike_under_traffic(case, net, cw, "strongSwan", ike_by_swan, 3)
        under_traffic(case, net, cw, "us on the new IKE SA", by_us, 1)
        with case.step("the BGP session saw none of it"):
            check(cw.peer("azure-hq/t1")["uptime"] >= established, "the BGP session started anew")
            check(cw.tunnel()["child-rekeys"] >= 6, "`tunnel list` does not count the rekeys")
        cw.stop()
    with case.lab("rekey-pfs") as lab:
        net = Azure(lab)
        net.start_swan(esp="aes256gcm128-modp2048")
        net.start_bird()

        def pfs(config):
            tunnel_of(config)["esp-proposal"] = ["aes256gcm16-modp2048"]
        cw = net.causeway(change=pfs).start()
        cw.wait_step("in-fib")
        wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
        under_traffic(case, net, cw, "us, with a new key exchange", by_us, 2)
        under_traffic(case, net, cw, "strongSwan, with a new key exchange", by_swan, 2)
        cw.stop()


run_case("rekey", main)
