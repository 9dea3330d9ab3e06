#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gateways that know weak algorithms only: by the legacy twin of the profile and allow-weak, each suite against strongSwan
with a ping before and after a rekey; the warnings; and the refusal where one of the two words is missing.

The first row is Azure's default policy with nothing said but allow-weak: DH group 2 and SHA-1 are found by themselves.
"""
from lab.azure import Azure
from lab.case import check, equal, run_case
from lab.row import carries, carries_after_rekey, next_name, started, without_bgp

# profile, our IKE, our ESP (None: the profile's), strongSwan's IKE, strongSwan's ESP, what is warned of, who starts
ROWS = [
    ("azure-vpngw-legacy", None, None, "aes256-sha1-modp1024", "aes256-sha1", ["3des", "sha1", "modp1024"], "us"),
    ("azure-vpngw-legacy", None, None, "3des-sha1-modp1024", "3des-sha1", ["3des", "sha1", "modp1024"], "them"),
    ("azure-vpngw-legacy", "aes256-sha1-modp1024", "aes256-sha1-modp1024", "aes256-sha1-modp1024", "aes256-sha1-modp1024",
     ["sha1", "modp1024"], "us"),
    ("azure-vpngw-legacy", "3des-sha1-modp1024", "3des-sha1", "3des-sha1-modp1024", "3des-sha1",
     ["3des", "sha1", "modp1024"], "us"),
    ("generic-ikev2-legacy", "3des-md5-modp768", "3des-md5-modp768", "3des-md5-modp768", "3des-md5-modp768",
     ["3des", "md5", "modp768"], "us"),
    ("generic-ikev2-legacy", "aes128-md5-modp1024", "aes128-md5", "aes128-md5-modp1024", "aes128-md5", ["md5", "modp1024"],
     "them"),
]


def changed(profile, ike, esp, starter, allow):
    def change(config):
        config["causeway:connector"]["site"][0]["profile"] = profile
        tunnel = without_bgp(config, starter)
        if ike:
            tunnel["ike-proposal"], tunnel["esp-proposal"] = [ike], [esp]
        if allow:
            tunnel["allow-weak"] = True
    return change


def row(net, profile, ike, esp, swan_ike, swan_esp, weak, starter):
    net.swan.configure(ike=swan_ike, esp=swan_esp)
    net.swan.load()
    with started(net, next_name(net), changed(profile, ike, esp, starter, True), starter) as cw:
        carries(net, cw)
        chosen = cw.tunnel()["ike"]["proposal"]
        equal(chosen, swan_ike, "the IKE suite that was agreed")
        equal(sorted(cw.tunnel()["weak-algorithm"]), sorted(weak), "weak-algorithm")
        check("allow-weak is on" in cw.cli("status").stdout, "`status` warns")
        check("config-weak-allowed" in cw.process.output(), "the log warns")
        carries_after_rekey(net, cw)


def refused(net, profile, ike, esp, allow, words):
    cw = net.causeway(next_name(net), changed(profile, ike, esp, "us", allow))
    done = cw.run_to_end()
    equal(done.returncode, 1, f"exit status\n{done.stderr}")
    for word in ["config-weak-algorithm", *words]:
        check(word in done.stderr, f"{word} in {done.stderr}")


def main(case):
    with case.lab() as lab:
        net = Azure(lab, hosts=False)
        with case.row("azure-vpngw: sha1 is refused", lab):
            refused(net, "azure-vpngw", "aes256-sha1-modp2048", "aes256-sha256", True, ["sha256", "azure-vpngw-legacy"])
        with case.row("azure-vpngw-legacy without allow-weak: refused", lab):
            refused(net, "azure-vpngw-legacy", None, None, False, ["allow-weak"])
        net.start_swan()
        for profile, ours_ike, ours_esp, ike, esp, weak, starter in ROWS:
            with case.row(f"{profile}: {ours_ike or 'its own'}, {ike} / {esp}, started by {starter}", lab):
                row(net, profile, ours_ike, ours_esp, ike, esp, weak, starter)


run_case("legacy", main)
