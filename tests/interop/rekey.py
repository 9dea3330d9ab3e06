#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A child rekey started by each side, under traffic both ways, without a lost packet; and the hard ones: with PFS, both
sides at once, and the IKE SA under it replaced by each side. Each leaves its record. And the rehearsal: a rekey seconds after
the start, so that a PFS mismatch is known then."""
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


def ike_by_us(_net, cw):
    cw.cli("tunnel", "rekey", "azure-hq/t1", "--ike", "--wait")


def records(cw, kind):
    return [r for r in cw.tunnel()["rekey-record"] if r["kind"] == kind]


def recorded(case, cw):
    with case.step("each rekey has left its record, in JSON and in the text"):
        wait_for("the last old SA gone", lambda: all(r["drained-ms"] is not None for r in records(cw, "child")), 30)
        child, ike_ones = records(cw, "child"), records(cw, "ike")
        case.note(f"newest: {child[0]}, {ike_ones[0]}")
        equal({(r["by"], r["reason"]) for r in child + ike_ones}, {("us", "command"), ("peer", "peer")}, "who and why")
        for r in child:
            equal(r["old-packets-out"], 0, "packets sent on the old SA after the new one was in use")
            # One that was replaced itself, at once, has nothing on the new SA; what came is on the next.
            check(r["old-packets-in"] + r["new-packets-in"] > 0, f"no packets: {r}")
            check((r["longest-gap-ms"] is None) == (r["new-packets-in"] == 0), f"a gap without packets: {r}")
            check((r["longest-gap-ms"] or 0) < 3000, f"the pauses of the test are shorter: {r}")
            check(2000 <= r["drained-ms"] < 25000, f"drained for {r['drained-ms']} ms")
        shown = cw.cli("tunnel", "show", "azure-hq/t1").stdout
        check("child by us (command" in shown and "ike by peer (peer" in shown, f"`tunnel show` says:\n{shown}")


def rehearsal(case):
    """strongSwan demands another PFS group than ours: known seconds after the start, and the tunnel stays."""
    with case.lab("rekey-rehearsal") as lab:
        net = Azure(lab)
        net.start_swan(esp="aes256-sha256-ecp384")
        net.start_bird()

        def change(config):
            tunnel_of(config)["esp-proposal"] = ["aes256-sha256-modp2048"]
            tunnel_of(config)["rehearsal"] = 3
        cw = net.causeway(change=change).start()
        cw.wait_step("in-fib")
        child = cw.spis()
        with case.step("a PFS mismatch is in `status` seconds after the start, while traffic passes"):
            up = traffic.Counter(net.lan, VNET_HOST, net.vnet, port=5300)
            wait_for("the reason", lambda: (cw.error() or {}).get("id") == "ike-rehearsal-refused", 12)
            case.note(cw.error()["text"])
            wait_for("the group that strongSwan demands", lambda: "demands group ecp384" in cw.error()["text"], 12)
            check("PFS" in cw.error()["text"], "the reason does not speak of PFS")
            up.more(100)
            result = up.stop()
            equal(result["lost-count"], 0, "packets lost")
            equal((cw.step(), cw.spis()), ("in-fib", child), "step and child")
        cw.stop()
    with case.lab("rekey-rehearsed") as lab:
        net = Azure(lab)
        net.start_swan(esp="aes256-sha256-ecp384")
        net.start_bird()

        def change(config):
            tunnel_of(config)["esp-proposal"] = ["aes256-sha256"]
            tunnel_of(config)["rehearsal"] = 3
        cw = net.causeway(change=change).start()
        cw.wait_step("in-fib")
        with case.step("where we have none, the group that strongSwan demands is met by a second try"):
            wait_for("the rehearsal's record", lambda: records(cw, "child"), 12)
            equal(records(cw, "child")[0]["reason"], "rehearsal", "reason")
            check("ecp384" in cw.tunnel()["child"][0]["proposal"], f"the new child: {cw.tunnel()['child']}")
            equal(cw.error(), None, "error")
        cw.stop()


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
        ike_under_traffic(case, net, cw, "us", ike_by_us, 3)
        under_traffic(case, net, cw, "us on the new IKE SA", by_us, 1)
        recorded(case, cw)
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
    rehearsal(case)


run_case("rekey", main)
