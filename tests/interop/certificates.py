#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates against strongSwan, in both roles: every kind of key, a key one way and a certificate the other, chains,
identities, and what must be refused with its reason in our status. Each tunnel that comes up carries a ping."""
import os
import shutil

from lab.azure import Azure
from lab.case import check, run_case
from lab.pki import Authority, bundle, subject
from lab.row import carries, next_name, refuses, started, without_bgp

PLUGINS = "pkcs1 pkcs8 pkcs7 mgf1"
SERVER, OCSP_PORT, HTTP_PORT = "192.0.2.2", 8888, 8080


class Row:
    """One row: who has which certificate, and how it ends."""

    def __init__(self, name, ours="ours-p256", theirs="theirs-p256", failure=None, **more):
        self.name, self.ours, self.theirs, self.failure = name, ours, theirs, failure
        self.our_auth = more.pop("our_auth", "certificate")
        self.their_auth = more.pop("their_auth", "pubkey")
        self.local_id, self.remote_id = more.pop("local_id", None), more.pop("remote_id", None)
        self.swan_id = more.pop("swan_id", None)
        self.certificate = more.pop("certificate", {})   # further leaves
        self.starters = more.pop("starters", ("us", "them"))
        check(not more, f"{name}: {more}")


def rows(p):
    yield Row("RSA, PKCS#1 from strongSwan", "ours-rsa", "theirs-rsa")
    yield Row("RSA, PSS from strongSwan", "ours-rsa", "theirs-rsa", their_auth="rsa/pss-sha256")
    yield Row("ECDSA P-256")
    yield Row("ECDSA P-384", "ours-p384", "theirs-p384")
    yield Row("ECDSA P-521", "ours-p521", "theirs-p521")
    yield Row("Ed25519", "ours-ed25519", "theirs-ed25519")
    yield Row("Ed25519 and RSA", "ours-ed25519", "theirs-rsa")
    yield Row("key there, certificate back", our_auth="psk", remote_id="theirs.example.net", swan_id="theirs.example.net")
    yield Row("certificate there, key back", their_auth="psk", swan_id="192.0.2.2")
    yield Row("an intermediate is sent", "ours-below", "theirs-below")
    yield Row("names", local_id="ours.example.net", swan_id="theirs.example.net", remote_id="theirs.example.net")
    yield Row("addresses", local_id="192.0.2.1", swan_id="192.0.2.2", remote_id="192.0.2.2")
    yield Row("subjects", remote_id=subject("theirs-p256"), local_id=subject("ours-p256"))
    yield Row("a CRL, strict", certificate={"crl-file": [p["crl"]], "revocation": "strict"})
    yield Row("revoked by CRL", theirs="theirs-revoked", certificate={"crl-file": [p["crl"]]},
              failure=("certificate-revoked", "theirs-revoked"))
    yield Row("not known whether revoked, strict", certificate={"revocation": "strict"},
              failure=("certificate-revocation-unknown", "crl-file"))
    for policy in ("strict", "relaxed"):
        yield Row(f"OCSP says good, {policy}", theirs="theirs-ocsp", certificate={"revocation": policy})
    yield Row("OCSP says revoked", theirs="theirs-ocsp-revoked", failure=("certificate-revoked", "OCSP"))
    yield Row("a fetched CRL says good, strict", theirs="theirs-dp", certificate={"revocation": "strict"})
    yield Row("a fetched CRL says revoked", theirs="theirs-dp-revoked", failure=("certificate-revoked", "theirs-dp-revoked"))
    yield Row("theirs has expired", theirs="theirs-expired", failure=("certificate-expired", "theirs-expired"))
    yield Row("theirs is of another CA", theirs="theirs-other", failure=("certificate-untrusted", "Other"))
    yield Row("theirs is for mail", theirs="theirs-mail", failure=("certificate-usage", "extended key usage"))
    yield Row("another name was expected", remote_id="other.example.net", failure=("ike-wrong-identity", "theirs-p256"),
              starters=("them",))  # asked for a name that isn't its own, strongSwan refuses first
    yield Row("strongSwan doesn't trust ours", ours="ours-other", failure=("ike-auth-failed", "our certificate"),
              starters=("us",))


def make_pki(lab):
    root, other = Authority(lab, "Root"), Authority(lab, "Other")
    below = Authority(lab, "Issuing", root)
    p = {"root": root.pem, "other": other.pem}
    for side, address in (("ours", "192.0.2.1"), ("theirs", "192.0.2.2")):
        san = f"DNS:{side}.example.net,IP:{address}"
        for key in ("rsa", "p256", "p384", "p521", "ed25519"):
            p[f"{side}-{key}"] = root.issue(f"{side}-{key}", key, san)
        p[f"{side}-below"] = below.issue(f"{side}-below", "p256", san)
        p[f"{side}-other"] = other.issue(f"{side}-other", "p256", san)
    p["theirs-expired"] = root.issue("theirs-expired", days=(-20, -2))
    p["theirs-mail"] = root.issue("theirs-mail", more="extendedKeyUsage=emailProtection\n")
    p["theirs-revoked"] = root.issue("theirs-revoked")
    root.revoke(p["theirs-revoked"])
    ocsp = f"authorityInfoAccess=OCSP;URI:http://{SERVER}:{OCSP_PORT}/\n"
    point = f"crlDistributionPoints=URI:http://{SERVER}:{HTTP_PORT}/crl.pem\n"
    p["theirs-ocsp"] = root.issue("theirs-ocsp", more=ocsp)
    p["theirs-dp"] = root.issue("theirs-dp", more=point)
    for name, more in (("theirs-ocsp-revoked", ocsp), ("theirs-dp-revoked", point)):
        p[name] = root.issue(name, more=more)
        root.revoke(p[name])
    p["crl"] = root.crl()
    p["authority"] = root
    p["issuing"] = below.pem
    return p


def configure_swan(net, p, row):
    """Its files: its own certificate and key, the CAs it knows."""
    base = f"{net.swan.dir}/swanctl"
    for folder in ("x509", "x509ca", "private"):
        shutil.rmtree(f"{base}/{folder}", ignore_errors=True)
        os.makedirs(f"{base}/{folder}")
    theirs = p[row.theirs]
    shutil.copy(theirs.pem, f"{base}/x509/gw.pem")
    shutil.copy(theirs.key, f"{base}/private/gw.key")
    shutil.copy(p["root"], f"{base}/x509ca/root.pem")
    if row.theirs == "theirs-below":
        shutil.copy(p["issuing"], f"{base}/x509ca/issuing.pem")
    identity = row.swan_id or (subject(row.theirs) if row.their_auth != "psk" else "192.0.2.2")
    certs = "\n    certs = gw.pem" if row.their_auth != "psk" else ""
    net.swan.configure(local_auth=row.their_auth + certs, remote_auth="psk" if row.our_auth == "psk" else "pubkey",
                       local_id=f'"{identity}"', connection="send_cert = always")
    net.swan.swanctl("--load-creds", "--clear")
    net.swan.load()


def change_for(net, p, row, name, starter):
    def change(config):
        t = without_bgp(config, starter)
        if row.our_auth == row.their_auth == "psk" or "psk" not in (row.our_auth, row.their_auth):
            t.pop("secret-file")
        if row.our_auth == "psk":
            t["local-auth"] = "psk"
        if row.their_auth == "psk":
            t["remote-auth"] = "psk"
        t["certificate"] = {"trust-anchor-file": p["root"], **row.certificate}
        if row.our_auth == "certificate":
            ours = p[row.ours]
            t["certificate"]["chain-file"] = bundle(
                net.lab, f"{name}/chain.pem", ours.pem, *([p["issuing"]] if row.ours == "ours-below" else []))
            t["certificate"]["key-file"] = ours.key
        for leaf, value in (("local-id", row.local_id), ("remote-id", row.remote_id)):
            if value:
                t[leaf] = value
    return change


def tunnel(net, p, row, starter):
    name = next_name(net)
    with started(net, name, change_for(net, p, row, name, starter), starter) as cw:
        if row.failure:
            refuses(cw, row.failure)
        else:
            carries(net, cw)


def main(case):
    with case.lab() as lab:
        net = Azure(lab, hosts=False)
        p = make_pki(lab)
        net.start_swan(plugins=PLUGINS)
        net.swan.ns.spawn("http", "python3", "-m", "http.server", str(HTTP_PORT), "--bind", SERVER, "--directory",
                          os.path.dirname(p["crl"]))
        p["authority"].ocsp_responder(net.swan.ns, OCSP_PORT)
        for row in rows(p):
            for starter in row.starters:
                with case.row(f"{row.name}; starts: {starter}", lab):
                    configure_swan(net, p, row)
                    tunnel(net, p, row, starter)


run_case("certificates", main)
