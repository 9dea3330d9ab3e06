# SPDX-License-Identifier: Apache-2.0
"""One row of a table against strongSwan, in the usual picture without BGP: a static route to the gateway's inner address,
who starts, and how it ends: it carries packets, or says why not."""
from contextlib import contextmanager

from lab import kernel, traffic
from lab.case import check, equal
from lab.causeway import tunnel_of
from lab.lab import wait_for

FAR = "10.100.255.254"
NEAR = "10.0.0.10"


def without_bgp(config, starter="us"):
    """Changes the smallest configuration; returns its tunnel, for what else the row wants."""
    tunnel = tunnel_of(config)
    del tunnel["bgp"]
    config["causeway:connector"].pop("announce")
    tunnel["static-route"] = [{"prefix": f"{FAR}/32"}]
    tunnel["role"] = "initiate" if starter == "us" else "respond"
    return tunnel


def next_name(net):
    """A row's own name for its daemon and files."""
    net.rows = getattr(net, "rows", 0) + 1
    return f"cw-{net.rows}"


@contextmanager
def started(net, name, change, starter="us"):
    """causewayd with that change, and the tunnel begun by whom the row says; neither side has it afterwards."""
    cw = net.causeway(name, change)
    cw.start()
    try:
        if starter == "them":
            net.swan.swanctl("--initiate", "--child", "any", "--timeout", "5", check=False)
        yield cw
    except Exception:
        print(f"     in status: {cw.error()}", flush=True)
        raise
    finally:
        cw.stop()
        net.swan.swanctl("--terminate", "--ike", "gw", "--force", check=False)
        wait_for("strongSwan to be rid of the SA", lambda: net.swan.ike_count() == 0, 15)


def ping(net, **options):
    return traffic.ping(net.onprem, FAR, NEAR, **options)


def carries(net, cw):
    """It is up, with one child, and packets pass."""
    cw.wait_step("child")
    wait_for("the static route", lambda: kernel.route(net.onprem, f"{FAR}/32"), 10)
    wait_for("ping", lambda: ping(net, count=1), 10)
    wait_for("three pings of 1000 octets", lambda: ping(net, count=3, size=1000), 30)
    cw.wait_step("passing")
    equal(len(net.swan.child_spis()), 1, "children of strongSwan")


def carries_after_rekey(net, cw):
    old = cw.spis()
    cw.cli("tunnel", "rekey", "azure-hq/t1", "--wait", "--timeout", "15")
    wait_for("the new child", lambda: cw.spis() != old and len(cw.spis()) == 1, 10)
    check(ping(net, count=3), "ping after the rekey")


def refuses(cw, failure):
    """It is not up, for the reason (the start of its id, a part of its text); and explain says what to change on either side."""
    wait_for("the reason in status", lambda: (cw.error() or {}).get("id", "").startswith(failure[0]), 20)
    check(failure[1] in cw.error()["text"], f"the reason says: {cw.error()['text']}")
    d = cw.json("explain", "azure-hq/t1")["tunnel"][0]["diagnosis"]
    check(d["id"].startswith(failure[0]) and d["likely-cause"] and d["change-here"] and d["change-there"], f"explain: {d}")


def refused_by_both(net, cw, failure):
    refuses(cw, failure)
    equal(net.swan.ike_count(), 0, "IKE SAs of strongSwan")
