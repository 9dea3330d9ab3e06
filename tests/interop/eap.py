#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""EAP-MSCHAPv2 and EAP-TLS against strongSwan, in both roles: we sign on, or strongSwan does; the responder proves itself
by key or certificate. Each tunnel that comes up carries a ping; each way to fail is said in our status."""
import os
import shutil

from lab.azure import Azure
from lab.case import check, run_case
from lab.pki import Authority
from lab.row import carries, next_name, refused_by_both, started, without_bgp

PASSWORD = "S3cret! pass word"
PLUGINS = "eap-identity eap-mschapv2 eap-tls pkcs1 pkcs8 mgf1"
US, THEM = "ours.example.net", "theirs.example.net"


class Row:
    """One row: who signs on and as whom, how the other proves itself, and how it ends."""

    def __init__(self, name, signs_on, eap, swan=None, failure=None, **more):
        self.name, self.signs_on, self.eap, self.failure = name, signs_on, eap, failure
        self.swan_user, self.swan_password = swan or (None, PASSWORD)
        self.method = more.pop("method", "eap-mschapv2")
        self.responder = more.pop("responder", "psk")       # or certificate
        self.ours, self.theirs = more.pop("ours", "ours"), more.pop("theirs", "theirs")
        self.aaa_id = more.pop("aaa_id", US)                # strongSwan as client: who the EAP-TLS server must be
        self.connection = more.pop("connection", "")
        self.only = more.pop("only", False)                 # strongSwan: the responder proves itself by EAP alone (RFC 5998)
        check(not more, f"{name}: {more}")


def rows():
    user = ("branch1", PASSWORD)
    yield Row("a user", "us", {"user": "branch1"}, user)
    yield Row("a user", "them", {"peer-user": "branch1"}, user)
    yield Row("a domain", "us", {"user": "CORP\\branch1"}, ("CORP\\\\branch1", PASSWORD))
    yield Row("a domain, not configured here", "them", {"peer-user": "Branch1"}, ("CORP\\\\branch1", PASSWORD))
    yield Row("another identity", "us", {"user": "branch1", "identity": "anonymous@example.net"}, user)
    yield Row("a mail name", "them", {"peer-user": "branch1@example.net"}, ("branch1@example.net", PASSWORD))
    yield Row("asks for an address (CP) and gets none", "them", {"peer-user": "branch1"}, user,
              connection="vips = 0.0.0.0")
    yield Row("a user", "us", {"user": "branch1"}, user, responder="certificate")
    yield Row("a user", "them", {"peer-user": "branch1"}, user, responder="certificate")
    yield Row("a wrong password", "us", {"user": "branch1"}, ("branch1", "other"), ("ike-eap-password-wrong", "691"))
    yield Row("a wrong password", "them", {"peer-user": "branch1"}, ("branch1", "other"),
              ("ike-eap-password-wrong", "peer-secret-file"))
    yield Row("an unknown user", "us", {"user": "nobody"}, user, ("ike-eap-", "nobody"))
    yield Row("an unknown user", "them", {"peer-user": "branch1"}, ("nobody", PASSWORD),
              ("ike-eap-unknown-user", "nobody"))
    for responder in ("psk", "certificate"):
        more = {"method": "eap-tls", "responder": responder}
        yield Row("certificates", "us", {"user": US, "server-name": THEM}, **more)
        yield Row("certificates", "them", {"peer-user": THEM}, **more)
    tls = {"method": "eap-tls"}
    yield Row("strongSwan's is of another CA", "us", {"user": US}, theirs="theirs-other",
              failure=("ike-eap-certificate-untrusted", "server"), **tls)
    yield Row("strongSwan's is of another CA", "them", {"peer-user": THEM}, theirs="theirs-other",
              failure=("ike-eap-certificate-untrusted", "client"), **tls)
    yield Row("strongSwan's has expired", "them", {"peer-user": THEM}, theirs="theirs-expired",
              failure=("ike-eap-certificate-expired", "client"), **tls)
    yield Row("ours is of another CA", "us", {"user": US}, ours="ours-other",
              failure=("ike-eap-tls-refused", "our certificate"), **tls)
    yield Row("another server was expected", "us", {"user": US, "server-name": "other.example.net"},
              failure=("ike-eap-server-name", "eap/server-name"), **tls)
    yield Row("another client was expected", "them", {"peer-user": "other.example.net"},
              failure=("ike-eap-unknown-user", "theirs"), **tls)
    yield Row("the responder would prove itself by EAP alone", "us", {"user": US}, failure=("ike-auth-failed", "EAP"), only=True, **tls)
    yield Row("the responder is to prove itself by EAP alone", "them", {"peer-user": THEM}, failure=("ike-refused", "EAP"), only=True, **tls)
    yield Row("one wants TLS, the other a password", "us", {"user": "branch1"},
              ("branch1", PASSWORD), ("ike-eap-method", "MSCHAPv2"), **tls)


def make_pki(lab):
    root, other = Authority(lab, "Root"), Authority(lab, "Other")
    p = {"root": root.pem}
    for side, address in (("ours", "192.0.2.1"), ("theirs", "192.0.2.2")):
        san = f"DNS:{side}.example.net,IP:{address}"
        p[side] = root.issue(side, "p256", san)
        p[f"{side}-other"] = other.issue(f"{side}-other", "p256", san)
    p["theirs-expired"] = root.issue("theirs-expired", "p256", f"DNS:{THEM}", days=(-20, -2))
    return p


def swan_files(net, p, row):
    base = f"{net.swan.dir}/swanctl"
    for folder in ("x509", "x509ca", "private"):
        shutil.rmtree(f"{base}/{folder}", ignore_errors=True)
        os.makedirs(f"{base}/{folder}")
    shutil.copy(p[row.theirs].pem, f"{base}/x509/gw.pem")
    shutil.copy(p[row.theirs].key, f"{base}/private/gw.key")
    shutil.copy(p["root"], f"{base}/x509ca/root.pem")


def configure_swan(net, p, row):
    # "one wants TLS": strongSwan offers the password's method all the same
    method = "eap-mschapv2" if row.swan_user else row.method
    plain = "psk" if row.responder == "psk" else "pubkey"
    certs = "\n    certs = gw.pem"
    if row.signs_on == "us":
        local = plain + (certs if plain == "pubkey" or method == "eap-tls" else "")
        auth = {"local_auth": f"eap-tls{certs}" if row.only else local, "remote_auth": f"{method}\n    eap_id = %any"}
    else:
        name = row.swan_user or THEM
        tls = f"{certs}\n    aaa_id = {row.aaa_id}" if method == "eap-tls" else ""
        auth = {"local_auth": f'{method}\n    eap_id = "{name}"{tls}', "remote_auth": "eap-tls\n    eap_id = %any" if row.only else plain}
    secrets = ""
    if row.swan_user:  # as server, strongSwan looks for the name with and without its domain
        known = sorted({row.swan_user, row.swan_user.split("\\")[-1]})
        ids = "\n".join(f'id{i} = "{n}"' for i, n in enumerate(known))
        secrets = f'eap-x {{ {ids}\n secret = "{row.swan_password}" }}'
    swan_files(net, p, row)
    identity = THEM if row.responder == "certificate" and row.signs_on == "us" else "192.0.2.2"
    net.swan.configure(secrets=secrets, local_id=identity, connection=f"send_cert = always\n  {row.connection}", **auth)
    net.swan.swanctl("--load-creds", "--clear")
    net.swan.load()


def change_for(net, p, row, name):
    def change(config):
        t = without_bgp(config, row.signs_on)
        local, remote = ("local-auth", "remote-auth") if row.signs_on == "us" else ("remote-auth", "local-auth")
        t[local], t[remote] = row.method, row.responder
        t["eap"] = dict(row.eap)
        if row.method == "eap-mschapv2":
            file = net.lab.write(f"{name}/password", PASSWORD + "\n", 0o600)
            t["eap"]["secret-file" if row.signs_on == "us" else "peer-secret-file"] = file
        if row.responder == "certificate":
            t.pop("secret-file")
        if row.responder == "certificate" or row.method == "eap-tls":
            ours = p[row.ours]
            t["certificate"] = {"chain-file": ours.pem, "key-file": ours.key, "trust-anchor-file": p["root"]}
    return change


def tunnel(net, p, row):
    name = next_name(net)
    with started(net, name, change_for(net, p, row, name), row.signs_on) as cw:
        if row.failure:
            refused_by_both(net, cw, row.failure)
        else:
            carries(net, cw)


def main(case):
    with case.lab() as lab:
        net = Azure(lab, hosts=False)
        p = make_pki(lab)
        net.start_swan(plugins=PLUGINS)
        for row in rows():
            with case.row(f"{row.method}, responder by {row.responder}: {row.name}; signs on: {row.signs_on}", lab):
                configure_swan(net, p, row)
                tunnel(net, p, row)


run_case("eap", main)
