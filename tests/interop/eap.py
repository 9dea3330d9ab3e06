#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""EAP-MSCHAPv2 against strongSwan, in both roles: we sign on as a user, or strongSwan does. Each tunnel that comes up
carries a ping; each way to fail is said in our status."""
from lab import kernel, traffic
from lab.azure import Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for

FAR = "10.100.255.254"
PASSWORD = "S3cret! pass word"
PLUGINS = "eap-identity eap-mschapv2"

# name, our eap container, strongSwan's eap_id and password, who signs on, what our status says when it fails
ROWS = [
    ("a user", {"user": "branch1"}, ("branch1", PASSWORD), "us", None),
    ("a user", {"peer-user": "branch1"}, ("branch1", PASSWORD), "them", None),
    ("a domain", {"user": "CORP\\branch1"}, ("CORP\\\\branch1", PASSWORD), "us", None),
    ("a domain, not configured here", {"peer-user": "Branch1"}, ("CORP\\\\branch1", PASSWORD), "them", None),
    ("another identity", {"user": "branch1", "identity": "anonymous@example.net"}, ("branch1", PASSWORD), "us", None),
    ("a mail name", {"peer-user": "branch1@example.net"}, ("branch1@example.net", PASSWORD), "them", None),
    ("a wrong password", {"user": "branch1"}, ("branch1", "other"), "us", ("ike-eap-password-wrong", "691")),
    ("a wrong password", {"peer-user": "branch1"}, ("branch1", "other"), "them",
     ("ike-eap-password-wrong", "peer-secret-file")),
    ("an unknown user", {"user": "nobody"}, ("branch1", PASSWORD), "us", ("ike-eap-", "nobody")),
    ("an unknown user", {"peer-user": "branch1"}, ("nobody", PASSWORD), "them", ("ike-eap-unknown-user", "nobody")),
]


def configure_swan(net, name, password, signs_on, method="eap-mschapv2"):
    if signs_on == "us":
        auth = {"local_auth": "psk", "remote_auth": f"{method}\n    eap_id = %any"}
    else:
        auth = {"local_auth": f'{method}\n    eap_id = "{name}"', "remote_auth": "psk"}
    # strongSwan as server looks for the name without its domain
    known = name.split("\\")[-1]
    ids = "\n".join(f'id{i} = "{n}"' for i, n in enumerate(sorted({name, known})))
    net.swan.configure(secrets=f'eap-x {{ {ids}\n secret = "{password}" }}', **auth)
    net.swan.swanctl("--load-creds", "--clear")
    net.swan.load()


def tunnel(net, change, starter, failure):
    cw = net.causeway(f"cw-{net.count}", change)
    net.count += 1
    cw.start()
    try:
        if starter == "them":
            net.swan.swanctl("--initiate", "--child", "any", "--timeout", "5", check=False)
        if failure:
            wait_for("the reason in status", lambda: (cw.error() or {}).get("id", "").startswith(failure[0]), 20)
            check(failure[1] in cw.error()["text"], f"the reason says: {cw.error()['text']}")
            equal(net.swan.ike_count(), 0, "IKE SAs of strongSwan")
            return
        cw.wait_step("child")
        wait_for("the static route", lambda: kernel.route(net.onprem, f"{FAR}/32"), 10)
        wait_for("ping", lambda: traffic.ping(net.onprem, FAR, "10.0.0.10", count=1), 10)
        cw.wait_step("passing")
        equal(len(net.swan.child_spis()), 1, "children of strongSwan")
    finally:
        cw.stop()
        net.swan.swanctl("--terminate", "--ike", "gw", "--force", check=False)
        wait_for("strongSwan to be rid of the SA", lambda: net.swan.ike_count() == 0, 15)


def change_for(net, eap, signs_on, method="eap-mschapv2"):
    def change(config):
        t = tunnel_of(config)
        del t["bgp"]
        config["causeway:connector"].pop("announce")
        t["static-route"] = [{"prefix": f"{FAR}/32"}]
        file = net.lab.write(f"cw-{net.count}/password", PASSWORD + "\n", 0o600)
        t["local-auth" if signs_on == "us" else "remote-auth"] = method
        t["eap"] = {**eap, "secret-file" if signs_on == "us" else "peer-secret-file": file}
    return change


def main(case):
    with case.lab() as lab:
        net = Azure(lab, hosts=False)
        net.count = 0
        net.start_swan(plugins=PLUGINS)
        for name, eap, (user, password), signs_on, failure in ROWS:
            with case.row(f"EAP-MSCHAPv2: {name}; signs on: {signs_on}", lab):
                configure_swan(net, user, password, signs_on)
                tunnel(net, change_for(net, eap, signs_on), signs_on, failure)


run_case("eap", main)
