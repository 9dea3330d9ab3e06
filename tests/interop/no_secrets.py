#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No key in anything that is written: the log at its most talkative, each command's output as text and as JSON, the
management API's answers, the state directory. The keys: those we configured, and all that were derived, as strongSwan tells
them at level 4 of its log. In runs that come up and are rekeyed, and in runs that fail over a key, which is when a reason is
tempted to quote one."""
import os
import secrets
import shutil

from lab import api, keys
from lab.azure import Azure
from lab.case import check, run_case
from lab.lab import wait_for
from lab.pki import Authority
from lab.row import carries, carries_after_rekey, next_name, refuses, without_bgp

TUNNEL = "azure-hq/t1"
COMMANDS = (["status"], ["tunnel", "list"], ["tunnel", "show", TUNNEL], ["explain"], ["explain", TUNNEL], ["config", "show"],
            ["bgp", "summary"], ["bgp", "peer"], ["bgp", "routes"], ["fib", "show"])
PATHS = ("/metrics", "/restconf/data/causeway:connector", f"/restconf/data/causeway:state/tunnels={TUNNEL.replace('/', '%2F')}")
WANTED = ("Sk_d", "Sk_ai", "Sk_ar", "Sk_ei", "Sk_er", "Sk_pi", "Sk_pr", "encryption initiator key", "integrity responder key")


class Own:
    """What each run has of its own."""

    def __init__(self, net, name):
        self.name = name
        self.psk, self.password, self.ppk = (secrets.token_urlsafe(33) for _ in range(3))
        self.file = {}
        for kind in ("psk", "password", "ppk"):
            self.file[kind] = net.lab.write(f"{name}-{kind}", getattr(self, kind) + "\n", 0o600)

    def all(self):
        return {kind: getattr(self, kind).encode() for kind in ("psk", "password", "ppk")}


def heap_of(cw):
    """All that the daemon and its command line say, and what it keeps."""
    data = []
    for command in COMMANDS:
        for form in ([], ["--json"]):
            done = cw.cli(*command, *form, check=False)
            data.append((done.stdout + done.stderr).encode())
    data += [api.text(cw, path).encode() for path in PATHS]
    for folder, _, files in os.walk(f"{cw.dir}/state"):
        for file in files:
            with open(os.path.join(folder, file), "rb") as f:
                data.append(f.read())
    with open(cw.process.log_path, "rb") as f:
        data.append(f.read())
    return data


def search(net, own, derived, data, pki):
    heap = keys.Heap(b"\n".join(data))
    check(b"child SA" in heap.raw or b"ike-" in heap.raw, "the log was looked at")
    known = {**own.all(), **derived, "private key": keys.private_part(pki["ours"].key)}
    for name, secret in known.items():
        form = heap.has(secret)
        check(form is None, f"{name} was written, {form}")
    check(len(known["private key"]) >= 32, "the private key was read")
    net.lab.write(f"{own.name}-searched", f"{len(known)} keys in {len(heap.raw)} octets\n")


def change_for(net, pki, own, kind):
    def change(config):
        t = without_bgp(config)
        t["secret-file"] = own.file["psk"]
        if kind == "ppk":
            t["ppk"] = {"id": "ppk-1", "secret-file": own.file["ppk"], "required": True}
        if kind == "eap":
            t["local-auth"], t["remote-auth"] = "eap-mschapv2", "psk"
            t["eap"] = {"user": "branch1", "secret-file": own.file["password"]}
        if kind in ("certificate", "eap-tls"):
            t["local-auth"], t["remote-auth"] = kind, "psk"
            t["certificate"] = {"chain-file": pki["ours"].pem, "key-file": pki["ours"].key, "trust-anchor-file": pki["root"]}
            t["eap"] = {"user": "ours.example.net"} if kind == "eap-tls" else None
            if not t["eap"]:
                t.pop("eap")
    return change


def configure_swan(net, pki, own, kind, wrong):
    base = f"{net.swan.dir}/swanctl"
    for folder, file in (("x509", pki["theirs"].pem), ("private", pki["theirs"].key), ("x509ca", pki["root"])):
        os.makedirs(f"{base}/{folder}", exist_ok=True)
        shutil.copy(file, f"{base}/{folder}/gw.pem")
    other = secrets.token_urlsafe(33)
    password, ppk = (other if wrong else own.password), (other if wrong else own.ppk)
    remote = {"eap": "eap-mschapv2\n    eap_id = %any", "eap-tls": "eap-tls\n    eap_id = %any", "certificate": "pubkey"}
    net.swan.configure(
        psk=other if wrong and kind == "psk" else own.psk, remote_auth=remote.get(kind, "psk"),
        local_auth="psk\n    certs = gw.pem",
        connection="send_cert = always" + ("\n  ppk_id = ppk-1\n  ppk_required = yes" if kind == "ppk" else ""),
        secrets=f'eap-x {{ id = branch1\n secret = "{password}" }}\n ppk-x {{ id = ppk-1\n secret = "{ppk}" }}')
    net.swan.swanctl("--load-creds", "--clear")
    net.swan.load()


def run_row(net, pki, kind, failure):
    name = next_name(net)
    own = Own(net, name)
    configure_swan(net, pki, own, kind, failure)
    before = len(net.swan.log())
    cw = net.causeway(name, change_for(net, pki, own, kind))
    cw.more = ["-v"]
    cw.start()
    try:
        if failure:
            refuses(cw, failure)
        else:
            carries(net, cw)
            carries_after_rekey(net, cw)
            cw.cli("tunnel", "rekey", TUNNEL, "--ike", "--wait", "--timeout", "20")
        derived = keys.charons(net.swan.log()[before:])
        for title in WANTED if not failure else ("Sk_d", "Sk_ei"):
            check(any(title in k for k in derived), f"strongSwan tells {title}: it tells {sorted(derived)}")
        data = heap_of(cw)
    finally:
        cw.stop()
        net.swan.swanctl("--terminate", "--ike", "gw", "--force", check=False)
        wait_for("strongSwan to be rid of the SA", lambda: net.swan.ike_count() == 0, 15)
    with open(cw.process.log_path, "rb") as f:
        search(net, own, derived, data + [f.read()], pki)


def finder():
    """The search itself finds what it should."""
    secret = secrets.token_bytes(32)
    part = secret[5:21]
    for text in (part, part.hex().encode(), part.hex(":").upper().encode(), " ".join(f"0x{b:02x}" for b in part).encode(),
                 keys.base64.b64encode(b"x" + part), keys.base64.urlsafe_b64encode(b"xy" + part)):
        check(keys.Heap(b"log: key=" + text + b" end").has(secret), f"found: {text}")
    check(not keys.Heap(b"log: " + secrets.token_bytes(100000)).has(secret), "nothing where nothing is")


def main(case):
    rows = [("psk", None), ("ppk", None), ("certificate", None), ("eap", None), ("eap-tls", None),
            ("psk", ("ike-auth-failed", "")), ("ppk", ("ike-auth-failed", "")), ("eap", ("ike-eap-password-wrong", ""))]
    with case.lab() as lab:
        with case.row("the search finds planted keys", lab):
            finder()
        net = Azure(lab, hosts=False)
        root = Authority(lab, "Root")
        pki = {"root": root.pem, "ours": root.issue("ours", "p256", "DNS:ours.example.net"),
               "theirs": root.issue("theirs", "p256", "DNS:theirs.example.net,IP:192.0.2.2")}
        net.start_swan(plugins="eap-identity eap-mschapv2 eap-tls pkcs1 pkcs8", log_ike=4, log_chd=4)
        for kind, failure in rows:
            with case.row(f"{kind}{', a wrong one' if failure else ', up and rekeyed'}", lab):
                run_row(net, pki, kind, failure)


run_case("no_secrets", main)
