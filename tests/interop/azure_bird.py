#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job against strongSwan and BIRD, from the smallest configuration of the contract."""
from lab import kernel, path
from lab.azure import OURS, PREFIX, Azure
from lab.case import check, equal, run_case


def keys(row, names, what):
    missing = [n for n in names.split() if n not in row]
    check(not missing, f"{what} has no {missing}: {row}")


def contract(cw):
    """The JSON that scripts rely on (design, section 6): at least these names, with these types."""
    status = cw.json("status")
    equal(status["schema"], "causeway/status/1", "schema")
    keys(status, "uptime fib site", "status")
    equal(status["fib"]["in-sync"], True, "fib in-sync")
    check(status["fib"]["routes"] >= 1, "fib routes")
    site = status["site"][0]
    equal((site["name"], site["profile"], site["state"]), ("azure-hq", "azure-vpngw", "ok"), "site")
    keys(site["tunnel"][0], "name admin step since error", "status tunnel")
    equal(site["tunnel"][0]["error"], None, "error")

    tunnel = cw.tunnel()
    keys(tunnel, "site name step local remote interface data-plane nat ike child child-rekeys", "tunnel list")
    equal((tunnel["local"], tunnel["remote"]), ("192.0.2.1", "192.0.2.2"), "addresses")
    keys(tunnel["ike"], "spi-i spi-r proposal age rekeys", "ike")
    equal(len(tunnel["child"]), 1, "children")
    keys(tunnel["child"][0], "spi-in spi-out proposal age bytes-in bytes-out packets-in packets-out", "child")
    check(tunnel["child"][0]["packets-in"] > 0 and tunnel["child"][0]["bytes-out"] > 0, "counters stand still")

    bgp = cw.json("bgp", "summary")
    equal((bgp["as"], bgp["router-id"]), (65001, "10.0.0.10"), "bgp")
    keys(bgp["peer"][0], "name address as state uptime received accepted advertised", "bgp peer")
    peer = bgp["peer"][0]
    equal((peer["name"], peer["address"], peer["as"], peer["state"], peer["accepted"], peer["advertised"]),
          ("azure-hq/t1", "10.100.255.254", 65515, "Established", 1, 1), "bgp peer")

    rows = {r["prefix"]: r for r in cw.json("bgp", "routes")["route"]}
    row = rows[PREFIX]
    keys(row, "prefix nexthop peer as-path origin local-pref med communities best in-fib reason", "bgp route")
    equal((row["as-path"], row["best"], row["in-fib"], row["peer"]), ([65515], True, True, "azure-hq/t1"), PREFIX)
    sent = [r["prefix"] for r in cw.json("bgp", "routes", "--advertised", "--peer", "azure-hq/t1")["route"]]
    equal(sent, [OURS], "advertised")

    fib = {r["prefix"]: r for r in cw.json("fib", "show")["route"]}
    equal(fib[PREFIX]["in-kernel"], True, "fib show in-kernel")
    equal(fib[PREFIX]["nexthop"][0]["interface"], tunnel["interface"], "fib show interface")
    keys(fib[PREFIX]["nexthop"][0], "interface via weight", "fib nexthop")

    names = {p["name"] for p in cw.json("profile", "list")["profile"]}
    check({"azure-vpngw", "generic-ikev2"} <= names, f"profiles: {names}")


def exit_codes(cw):
    for args, expected in ((["status"], 0), (["status", "--check"], 0), (["no-such-command"], 2),
                           (["tunnel", "show", "azure-hq/none"], 4), (["tunnel", "up", "nowhere/t9"], 4),
                           (["profile", "show", "azure-vpngw"], 0)):
        done = cw.cli(*args, check=False)
        equal(done.returncode, expected, f"exit status of causeway {' '.join(args)}\n{done.stdout}{done.stderr}")
        check(expected == 0 or done.stderr.strip(), f"causeway {' '.join(args)} fails silently")
        check(expected == 0 or not done.stdout.strip(), f"causeway {' '.join(args)}: the error is on stdout")


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_bird()
        before = kernel.snapshot(net.onprem)
        cw = net.causeway()
        path.comes_up(case, net, cw)
        path.pings(case, net)
        with case.step("the command line's JSON is the contract's"):
            contract(cw)
        with case.step("exit codes"):
            exit_codes(cw)
        path.transfers(case, net)
        path.down_and_up(case, net, cw)
        path.ends_clean(case, net, cw, before)
        with case.step("no daemon: exit 3"):
            equal(cw.cli("status", check=False).returncode, 3, "exit status")


run_case("azure_bird", main)
