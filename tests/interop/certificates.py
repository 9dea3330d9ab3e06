#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates against strongSwan, in both roles: every kind of key, a key one way and a certificate the other, chains,
identities, a PPK beside them, and what must be refused with its reason in our status. Each tunnel that comes up carries a
ping. Then a strongSwan of before RFC 7427, for the ECDSA methods of RFC 4754, and a certificate that is renewed under a tunnel."""
import os
import re
import shutil
import signal
import time

from lab.azure import Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for
from lab.pki import Authority, bundle, subject
from lab.row import FAR, NEAR, carries, next_name, refuses, started, without_bgp

PLUGINS = "pkcs1 pkcs8 pkcs7 mgf1"
SOON = 25  # seconds: how long the shortest certificate lasts
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
        self.ppk = more.pop("ppk", None)                 # ours and strongSwan's: (required, required)
        self.profile, self.weak = more.pop("profile", "azure-vpngw"), more.pop("weak", False)
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
    yield Row("a PPK, required by both", ppk=("yes", "yes"))
    yield Row("a PPK, RSA and Ed25519", "ours-ed25519", "theirs-rsa", ppk=("no", "no"))
    for kind, word in (("sha1", "SHA-1"), ("1024", "2048 bits")):
        yield Row(f"theirs is weak ({kind})", theirs=f"theirs-{kind}", failure=("certificate-weak", word), starters=("us",))
        yield Row(f"theirs is weak ({kind}), a legacy profile only", theirs=f"theirs-{kind}", profile="azure-vpngw-legacy",
                  failure=("certificate-weak", word), starters=("us",))
        yield Row(f"theirs is weak ({kind}), allow-weak", theirs=f"theirs-{kind}", profile="azure-vpngw-legacy", weak=True)
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
    p["theirs-sha1"] = root.issue("theirs-sha1", md="sha1")
    p["theirs-1024"] = root.issue("theirs-1024", "rsa1024")
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


PPK = "0123456789abcdef0123456789abcdef"


def ppk_of(row):
    """strongSwan's side of it."""
    if not row.ppk:
        return {"connection": "send_cert = always", "secrets": ""}
    return {"connection": f"send_cert = always\n  ppk_id = ppk-1\n  ppk_required = {row.ppk[1]}",
            "secrets": f'ppk-x {{ id = ppk-1\n secret = "{PPK}" }}'}


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
                       local_id=f'"{identity}"', **ppk_of(row))
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
        config["causeway:connector"]["site"][0]["profile"] = row.profile
        if row.profile.endswith("-legacy"):  # the certificate is what is weak here
            t.update({"ike-proposal": ["aes256-sha256-modp2048"], "esp-proposal": ["aes256-sha256"], "allow-weak": row.weak})
        if row.ppk:
            file = net.lab.write(f"{name}/ppk", PPK + "\n", 0o600)
            t["ppk"] = {"id": "ppk-1", "secret-file": file, "required": row.ppk[0] == "yes"}
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
            equal(cw.tunnel()["ppk"], "used" if row.ppk else "off", "`ppk` in `tunnel list`")
            if row.ppk:
                check("in the keys" in cw.cli("tunnel", "show", "azure-hq/t1").stdout, "`tunnel show` tells of the PPK")
                check("PPK" in net.swan.sas(), f"PPK used, as strongSwan says:\n{net.swan.sas()}")


def classic(case, net, p):
    """RFC 4754: the curve says which hash, and who doesn't know RFC 7427 announces none."""
    for kind, method in (("p256", "ECDSA-256"), ("p384", "ECDSA-384"), ("p521", "ECDSA-521")):
        row = Row(method, f"ours-{kind}", f"theirs-{kind}")
        for starter in row.starters:
            with case.row(f"{method} as in RFC 4754; starts: {starter}", net.lab):
                before = len(net.swan.log())
                configure_swan(net, p, row)
                tunnel(net, p, row, starter)
                log = net.swan.log()[before:]
                for whose in ("ours", "theirs"):
                    check(f"CN={whose}-{kind}' (myself) with {method} signature" in log or
                          f"CN={whose}-{kind}' with {method} signature" in log, f"{whose} by {method}:\n{log[-3000:]}")


def renewed(case, net, p):
    """A new certificate by SIGHUP: nothing is torn down, and it is what the next authentication shows."""
    with case.row("renewed under a tunnel, by SIGHUP", net.lab):
        row = Row("renewed")
        files = {kind: net.lab.path(f"own.{kind}") for kind in ("pem", "key")}
        install(p["ours-p256"], files)
        configure_swan(net, p, row)
        name = next_name(net)

        def change(config):
            change_for(net, p, row, name, "us")(config)
            tunnel_of(config)["certificate"].update({"chain-file": files["pem"], "key-file": files["key"]})
        with started(net, name, change) as cw:
            carries(net, cw)
            serial, spis, ike = cw.tunnel()["certificate"]["serial"], cw.spis(), cw.tunnel()["ike"]["spi-i"]
            install(p["ours-ed25519"], files)
            cw.reload()
            wait_for("the new certificate in `tunnel show`", lambda: cw.tunnel()["certificate"]["serial"] != serial, 10)
            check("ours-ed25519" in cw.tunnel()["certificate"]["subject"], "its subject")
            equal((cw.spis(), cw.tunnel()["ike"]["spi-i"]), (spis, ike), "the SAs after the reload")
            check("ours-p256" in net.swan.sas(), "strongSwan still has it as who it was")
            carries(net, cw)
            cw.cli("tunnel", "down", "azure-hq/t1")
            cw.cli("tunnel", "up", "azure-hq/t1", "--no-wait")
            wait_for("strongSwan to see the new one", lambda: "ours-ed25519" in net.swan.sas(), 20)
            carries(net, cw)
            # One that can't be is refused as a whole; the one before stays.
            install(p["ours-p384"], files, key=p["ours-p256"].key)
            cw.reload()
            wait_for("the refusal in the log", lambda: "certificate-key-mismatch" in cw.process.output(), 10)
            check("ours-ed25519" in cw.tunnel()["certificate"]["subject"], "the one before stays")


def outlived(case, net, p):
    """strongSwan's certificate ends under the tunnel, and it has a new one: authenticated anew, no packet lost."""
    with case.row("renewed by strongSwan, and its old one ends under the tunnel", net.lab):
        row = Row("outlived", theirs="theirs-soon")
        began = time.time()
        p["theirs-soon"] = p["authority"].issue("theirs-soon", days=(-1, SOON / 86400))
        configure_swan(net, p, row)
        name = next_name(net)
        with started(net, name, change_for(net, p, row, name, "us")) as cw:
            carries(net, cw)
            ike, before = cw.tunnel()["ike"]["spi-i"], cw.process.output()
            p["theirs-soon"] = p["authority"].issue("theirs-soon")  # the same name, another key
            configure_swan(net, p, row)
            pings = net.onprem.spawn("pings", "ping", "-i", "0.1", "-I", NEAR, FAR)
            wait_for("a new IKE SA", lambda: (cw.tunnel()["ike"] or {}).get("spi-i") != ike, SOON + 30)
            check(time.time() - began >= SOON - 1, "not before the old one has ended")
            wait_for("one IKE SA at strongSwan", lambda: net.swan.ike_count() == 1, 30)
            equal(len(cw.spis()), 1, "children")
            pings.signal(signal.SIGINT)
            pings.wait(10)
            sent, got = re.search(r"(\d+) packets transmitted, (\d+) received", pings.output()).groups()
            # Not one is lost by the change (tests/exchange/ike_reauth_test.c counts); a busy machine loses some by itself.
            check(int(sent) - int(got) <= 20, f"pings meanwhile:\n{pings.output()[-400:]}")
            after = cw.process.output()[len(before):]
            check("ike-auth-ends" in after, "the log tells why")
            check("-> down" not in after and "-> authenticating" not in after, f"it never left its step:\n{after}")
            equal(cw.error(), None, "the error in status")


def install(certificate, files, key=None):
    shutil.copy(certificate.pem, files["pem"])
    shutil.copy(key or certificate.key, files["key"])
    os.chmod(files["key"], 0o600)


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
        renewed(case, net, p)
        outlived(case, net, p)
    with case.lab("before-7427") as lab:
        net = Azure(lab, hosts=False)
        p = make_pki(lab)
        net.start_swan(plugins=PLUGINS, charon="signature_authentication = no")
        classic(case, net, p)


run_case("certificates", main)
