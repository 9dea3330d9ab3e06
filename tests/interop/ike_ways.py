#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ways an IKE SA may begin, against strongSwan: a cookie demanded, another key exchange method guessed by either side,
and reauthentication, which replaces the whole IKE SA, before or after the old one has gone."""
from lab import traffic
from lab.azure import LAN_HOST, VNET_HOST, Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for

BLOCK = """table inet block {
  chain in { type filter hook input priority -300; policy accept;
    iifname "wan0" udp dport 4500 drop
  }
}
"""


def passes(net):
    wait_for("ping", lambda: traffic.ping(net.lan, VNET_HOST, count=1), 10)
    wait_for("ping back", lambda: traffic.ping(net.vnet, LAN_HOST, count=1), 10)


def one_of_each(net, cw):
    return len(cw.spis()) == 1 and len(net.swan.child_spis()) == 1 and net.swan.ike_count() == 1


def cookie(case):
    with case.lab("ike_ways-cookie") as lab, case.step("strongSwan demands a cookie"):
        net = Azure(lab)
        net.start_swan(charon="cookie_threshold = 1\n  cookie_threshold_ip = 1")
        net.start_bird()
        net.azure.run("nft", "-f", lab.write("block.nft", BLOCK))
        cw = net.causeway().start()
        # IKE_SA_INIT passes, IKE_AUTH does not: a half-open SA, from which on a cookie is demanded
        wait_for("a half-open SA", lambda: "CONNECTING" in net.swan.sas(), 20)
        cw.kill()  # no repeat of its IKE_AUTH may end the half-open SA
        net.azure.run("nft", "delete", "table", "inet", "block")
        check("N(COOKIE)" not in net.swan.log(), "a cookie too early")
        cw.start()
        cw.wait_step("in-fib", timeout=30)
        check("N(COOKIE)" in net.swan.log(), "no cookie was demanded")
        passes(net)
        cw.stop()


def other_group(case, by_us):
    who = "we guess" if by_us else "strongSwan guesses"
    with case.lab(f"ike_ways-{'ours' if by_us else 'theirs'}") as lab, case.step(f"{who} another method first: INVALID_KE_PAYLOAD"):
        net = Azure(lab)

        def change(config):
            t = tunnel_of(config)
            t["role"] = "initiate" if by_us else "respond"
            t["ike-proposal"] = ["aes256-sha256-ecp384-modp2048" if by_us else "aes256-sha256-modp2048"]
            t["esp-proposal"] = ["aes256-sha256-ecp384-modp2048" if by_us else "aes256-sha256-modp2048"]
        both = "aes256-sha256-ecp384-modp2048"
        net.start_bird()
        cw = net.causeway(change=change).start()
        if by_us:
            net.start_swan(ike="aes256-sha256-modp2048", esp="aes256-sha256-modp2048")
        else:
            net.start_swan(ike=both, esp=both, start="start")
        cw.wait_step("in-fib", timeout=40)
        equal(cw.tunnel()["ike"]["proposal"], "aes256-sha256-modp2048", "suite")
        check("INVAL_KE" in net.swan.log(), "no INVALID_KE_PAYLOAD was seen")
        # and once more when the child is rekeyed with PFS
        old = cw.spis()
        if by_us:
            cw.cli("tunnel", "rekey", "azure-hq/t1", "--wait")
        else:
            net.swan.swanctl("--rekey", "--child", "any")
        wait_for("a new child", lambda: cw.spis() != old and one_of_each(net, cw), 20)
        check("modp2048" in cw.tunnel()["child"][0]["proposal"], f"no PFS: {cw.tunnel()['child']}")
        passes(net)
        cw.stop()


def reauth(case, make_first):
    how = "make before break" if make_first else "break before make"
    with case.lab(f"ike_ways-reauth-{int(make_first)}") as lab, case.step(f"strongSwan reauthenticates, {how}"):
        net = Azure(lab)
        net.start_bird()

        def change(config):
            tunnel_of(config)["role"] = "respond"
        cw = net.causeway(change=change).start()
        net.start_swan(start="start", charon=f"make_before_break = {'yes' if make_first else 'no'}")
        cw.wait_step("in-fib", timeout=30)
        for _ in range(2):
            old = cw.tunnel()["ike"]["spi-i"]
            net.swan.swanctl("--rekey", "--ike", "gw", "--reauth")
            wait_for("one new IKE SA with one child", lambda o=old: cw.tunnel()["ike"] and
                     cw.tunnel()["ike"]["spi-i"] != o and one_of_each(net, cw), 30)
            cw.wait_step("in-fib", timeout=30)
        passes(net)
        cw.stop()


def main(case):
    cookie(case)
    other_group(case, True)
    other_group(case, False)
    reauth(case, True)
    reauth(case, False)


run_case("ike_ways", main)
