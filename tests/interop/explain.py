#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One thing is wrong, at strongSwan or on the way: `causeway explain` must name the reason, rule out what is proved not to be
it, and say what to change. A table; each row is a failure of its own."""
import os
import shutil

from lab.azure import Azure
from lab.case import check, equal, run_case
from lab.causeway import tunnel_of
from lab.lab import wait_for
from lab.nat import Nat
from lab.pki import Authority

GW = "azure-hq/t1"


def diagnosis(cw, tunnel=GW):
    rows = cw.json("explain", tunnel)["tunnel"]
    equal(len(rows), 1, "rows")
    return rows[0]["diagnosis"] or {}


def holds(d, want):
    """What of `want` the diagnosis lacks; '' when nothing."""
    if d.get("id") != want["id"]:
        return f"id {d.get('id')}"
    for key, needles in want.items():
        if key in ("id", "not-ruled-out"):
            continue
        text = "\n".join(d[key]) if isinstance(d[key], list) else d[key] or ""
        for needle in needles:
            if needle not in text:
                return f"{key}: no {needle!r} in {text!r}"
    for needle in want.get("not-ruled-out", []):
        if needle in "\n".join(d["ruled-out"]):
            return f"{needle!r} is ruled out"
    return ""


def expect(cw, want, tunnel=GW, timeout=50):
    last = []

    def there():
        last[:] = [holds(diagnosis(cw, tunnel), want)]
        return not last[0]
    try:
        wait_for(f"{tunnel} to say {want['id']}", there, timeout, alive=[cw.process])
    except Exception as e:
        raise AssertionError(f"{e}: {last}: {diagnosis(cw, tunnel)}") from e


# What is wrong: strongSwan's options, our tunnel's leaves, and what must be said.
ROWS = [
    ("the keys differ", {"psk": "AnotherKey2024!"}, {},
     {"id": "ike-auth-failed", "seen": ["AUTHENTICATION_FAILED"], "ruled-out": ["it is reachable", "the IKE proposals", "UDP 4500"],
      "likely-cause": ["keys differ"], "change-here": ["secret-file"], "change-there": ["pre-shared key"],
      "setting": ["sharedKey"], "not-ruled-out": ["proved that it has it"]}),
    ("another identity than remote-id", {}, {"remote-id": "gw.example.net"},
     {"id": "ike-auth-failed", "ruled-out": ["it is reachable"], "likely-cause": ["it is not \"gw.example.net\""],
      "change-here": ["remote-id"]}),
    ("another key exchange group", {"ike": "aes256-sha256-ecp384"}, {"ike-proposal": ["aes256-sha256-modp2048"]},
     {"id": "ike-no-proposal", "seen": ["NO_PROPOSAL_CHOSEN"], "ruled-out": ["it is reachable"],
      "likely-cause": ["only the key exchange group differs", "aes256-sha256-ecp384"],
      "change-here": ["ike-proposal", "aes256-sha256-ecp384"], "change-there": ["aes256-sha256-modp2048"],
      "setting": ["dhGroup"]}),
    ("another encryption", {"ike": "aes128-sha256-modp2048"}, {"ike-proposal": ["aes256-sha256-modp2048"]},
     {"id": "ike-no-proposal", "likely-cause": ["only the encryption differs"], "change-here": ["aes128-sha256-modp2048"]}),
    ("another integrity", {"ike": "aes256-sha512-modp2048"}, {"ike-proposal": ["aes256-sha256-modp2048"]},
     {"id": "ike-no-proposal", "likely-cause": ["only the integrity or PRF differs"],
      "change-here": ["aes256-sha512-modp2048"]}),
    ("another suite altogether", {"ike": "aes128gcm16-prfsha512-curve25519"}, {"ike-proposal": ["aes256-sha256-modp2048"]},
     {"id": "ike-no-proposal", "change-here": ["aes128gcm16-prfsha512-curve25519"]}),
    ("weak algorithms only", {"ike": "aes256-sha1-modp1024"}, {},
     {"id": "ike-no-proposal", "likely-cause": ["weak algorithms only", "aes256-sha1-modp1024"]}),
    ("another ESP encryption", {"esp": "aes128gcm16"}, {"esp-proposal": ["aes256-sha256"]},
     {"id": "ike-child-no-proposal", "seen": ["NO_PROPOSAL_CHOSEN"],
      "ruled-out": ["proved that it has it", "our own key and identity"],
      "likely-cause": ["only the encryption differs", "aes128gcm16", "we offer aes256-sha256"],
      "change-here": ["esp-proposal", "aes128gcm16"], "change-there": ["phase 2", "aes256-sha256"], "setting": ["ipsecEncryption"]}),
    ("another ESP integrity", {"esp": "aes256-sha512"}, {"esp-proposal": ["aes256-sha256"]},
     {"id": "ike-child-no-proposal", "likely-cause": ["only the integrity differs"], "change-here": ["aes256-sha512"]}),
    ("another ESP suite, with PFS", {"esp": "aes192-sha384-ecp384"}, {"esp-proposal": ["aes256-sha256"]},
     {"id": "ike-child-no-proposal", "change-here": ["aes192-sha384-ecp384"]}),
    ("weak ESP algorithms only", {"esp": "3des-sha1"}, {"esp-proposal": ["aes256-sha256"]},
     {"id": "ike-child-no-proposal", "likely-cause": ["weak algorithms only", "3des-sha1"], "change-here": ["nothing, better"]}),
]


def peer(case):
    with case.lab("explain-peer") as lab:
        net = Azure(lab, hosts=False)
        # what is tried leaves half-open SAs at the peer, and the rows follow one another faster than they end
        net.start_swan(charon="cookie_threshold_ip = 40\n  block_threshold = 50")
        for i, (what, swan, leaves, want) in enumerate(ROWS):
            with case.row(what, lab):
                net.swan.configure(**{**net.swan.DEFAULTS, **swan})
                net.swan.load()

                def change(config, leaves=leaves):
                    t = tunnel_of(config)
                    t.update(leaves)
                    t["role"] = "initiate"
                    del t["bgp"]
                cw = net.causeway(f"cw{i}", change=change).start()
                try:
                    expect(cw, want, timeout=20)
                    equal(cw.error()["id"], want["id"], "the id in status")
                    check("likely cause" in cw.cli("explain", GW).stdout, "explain in words")
                    check(GW in cw.cli("explain").stdout, "explain without an argument names it")
                finally:
                    cw.stop()
                wait_for("strongSwan to be rid of the SA", lambda: net.swan.ike_count() == 0, 15)
        with case.row("what was tried could not carry a packet", lab), open(net.swan.log_path, encoding="utf-8") as log:
            made = [line for line in log if "CHILD_SA any{" in line and "established with SPIs" in line]
            check(len(made) >= 4, f"children that strongSwan made of trials: {made}")
            for line in made:
                equal(line.count("[ipv6-nonxt]"), 2, f"selectors of {line}")  # protocol 59


# As responder: strongSwan begins.
BEGUN = [
    ("its offer is foreign", {"ike": "aes192-sha512-prfsha384-modp3072"}, {"ike-proposal": ["aes256-sha256-modp2048"]},
     {"id": "ike-no-proposal", "seen": ["began the exchange", "aes192-sha512-prfsha384-modp3072"],
      "likely-cause": ["the encryption (it offers aes192; we accept aes256)", "modp3072"], "change-here": ["ike-proposal"],
      "change-there": ["aes256-sha256-modp2048"]}),
    ("its ESP offer is foreign", {"esp": "aes128gcm16"}, {"esp-proposal": ["aes256-sha256"]},
     {"id": "ike-child-no-proposal", "seen": ["aes128gcm16"], "ruled-out": ["proved that it has it"],
      "likely-cause": ["we accept aes256"], "change-there": ["aes256-sha256"]}),
    ("the keys differ", {"psk": "AnotherKey2024!"}, {},
     {"id": "ike-auth-failed", "seen": ["began the exchange"], "ruled-out": ["the IKE proposals"],
      "likely-cause": ["the peer's proof does not fit ours"], "change-here": ["secret-file"], "change-there": ["pre-shared key"],
      "not-ruled-out": ["proved that it has it"]}),
    ("it is somebody else", {}, {"remote-id": "gw.example.net"},
     {"id": "ike-wrong-identity", "seen": ["calls itself \"192.0.2.2\""], "ruled-out": ["it is reachable", "the IKE proposals"],
      "likely-cause": ["192.0.2.2", "gw.example.net"], "change-here": ["remote-id"], "change-there": ["local identity"]}),
]


def begun(case):
    with case.lab("explain-begun") as lab:
        net = Azure(lab, hosts=False)
        net.start_swan()
        for i, (what, swan, leaves, want) in enumerate(BEGUN):
            with case.row(what, lab):
                net.swan.configure(**{**net.swan.DEFAULTS, **swan})
                net.swan.load()

                def change(config, leaves=leaves):
                    t = tunnel_of(config)
                    t.update(leaves)
                    t["role"] = "respond"
                    del t["bgp"]
                cw = net.causeway(f"cw{i}", change=change).start()
                try:
                    net.swan.swanctl("--initiate", "--child", "any", "--timeout", "2", check=False)
                    expect(cw, want, timeout=20)
                finally:
                    cw.stop()
                    net.swan.swanctl("--terminate", "--ike", "gw", "--force", check=False)


def certificates(case):
    with case.lab("explain-cert") as lab:
        net = Azure(lab, hosts=False)
        root, other = Authority(lab, "Root"), Authority(lab, "Other")
        ours = root.issue("ours")
        foreign = other.issue("ours-other")
        fits = ["it is reachable", "holds the private key"]
        rows = [
            ("theirs has expired", root.issue("expired", days=(-20, -2)), ours, root,
             {"id": "certificate-expired", "seen": ["the peer's certificate", "CN=expired"], "ruled-out": [*fits, "the CA", "the name"],
              "likely-cause": ["was not renewed"], "change-here": ["timedatectl"], "change-there": ["renew"]}),
            ("theirs is not valid yet", root.issue("early", days=(3, 9)), ours, root,
             {"id": "certificate-not-yet-valid", "ruled-out": [*fits, "the CA"], "likely-cause": ["clock is wrong"],
              "change-here": ["timedatectl"]}),
            ("theirs is of another CA", other.issue("other"), ours, root,
             {"id": "certificate-untrusted", "ruled-out": fits, "not-ruled-out": ["the CA: "], "likely-cause": ["CN=Other"],
              "change-here": ["trust-anchor-file"], "change-there": ["intermediate"]}),
            ("strongSwan does not trust ours", root.issue("good"), foreign, root,
             {"id": "ike-auth-failed", "seen": ["AUTHENTICATION_FAILED", "our certificate"], "not-ruled-out": ["our own"],
              "likely-cause": ["does not trust the CA of our certificate", "CN=Other"], "change-here": ["chain-file"],
              "change-there": ["trusted CAs"]}),
            ("strongSwan begins, and does not trust ours", root.issue("good2"), foreign, root,
             {"id": "ike-auth-failed", "seen": ["began the exchange", "AUTHENTICATION_FAILED", "our certificate"],
              "ruled-out": ["the peer's certificate: it is good"], "likely-cause": ["does not trust the CA of our certificate", "CN=Other"],
              "change-there": ["trusted CAs"]}),
        ]
        net.start_swan(plugins="pkcs1 pkcs8 pkcs7 mgf1")
        for i, (what, theirs, own, anchor, want) in enumerate(rows):
            with case.row(what, lab):
                base = f"{net.swan.dir}/swanctl"
                for folder, file, source in (("x509", "gw.pem", theirs.pem), ("private", "gw.key", theirs.key),
                                             ("x509ca", "root.pem", root.pem)):
                    os.makedirs(f"{base}/{folder}", exist_ok=True)
                    shutil.copy(source, f"{base}/{folder}/{file}")
                net.swan.configure(local_auth="pubkey\n    certs = gw.pem", remote_auth="pubkey",
                                   local_id=f'"C=DE, O=Example, CN={theirs.name}"', connection="send_cert = always")
                net.swan.swanctl("--load-creds", "--clear")
                net.swan.load()

                begun_there = "begins" in what

                def change(config, own=own, anchor=anchor, begun_there=begun_there):
                    t = tunnel_of(config)
                    del t["bgp"]
                    del t["secret-file"]
                    t["role"] = "respond" if begun_there else "initiate"
                    t["certificate"] = {"trust-anchor-file": anchor.pem, "chain-file": own.pem, "key-file": own.key}
                cw = net.causeway(f"cw{i}", change=change).start()
                try:
                    if begun_there:
                        net.swan.swanctl("--initiate", "--child", "any", "--timeout", "2", check=False)
                    expect(cw, want, timeout=20)
                    d = diagnosis(cw)
                    check("pre-shared" not in str(d) and "sharedKey" not in str(d), f"no word of keys: {d}")
                finally:
                    cw.stop()


def method(case):
    with case.lab("explain-method") as lab, case.step("strongSwan proves itself by certificate, we expect a key"):
        net = Azure(lab, hosts=False)
        theirs = Authority(lab, "Root").issue("theirs", "p256", "IP:192.0.2.2")
        net.start_swan(plugins="pkcs1 pkcs8")
        for folder, file, source in (("x509", "gw.pem", theirs.pem), ("private", "gw.key", theirs.key)):
            os.makedirs(f"{net.swan.dir}/swanctl/{folder}", exist_ok=True)
            shutil.copy(source, f"{net.swan.dir}/swanctl/{folder}/{file}")
        net.swan.configure(local_auth="pubkey\n    certs = gw.pem")
        net.swan.load()

        def change(config):
            t = tunnel_of(config)
            t["role"] = "initiate"
            del t["bgp"]
        cw = net.causeway(change=change).start()
        expect(cw, {"id": "ike-auth-method", "ruled-out": ["it is reachable", "the IKE proposals"], "likely-cause": ["we expect psk"],
                    "change-here": ["remote-auth (now psk)"], "change-there": ["psk"]})
        cw.stop()


DROP = """table ip drops {
  chain on_the_way { type filter hook forward priority 0; policy accept; udp dport 4500 drop; }
}
"""


def behind_nat(case):
    with case.lab("explain-nat") as lab, case.step("a NAT is in the way, and lets UDP 4500 not through"):
        net = Azure(lab, hosts=False)
        nat = Nat(net, net.onprem, net.azure, "192.0.2.2")
        nat.ns.run("nft", "-f", lab.write("drop.nft", DROP))
        net.start_swan(remote="%any", encap="no")

        def change(config):
            t = tunnel_of(config)
            del t["local-address"]
            del t["bgp"]
            t["role"] = "initiate"
        # kernel-libipsec pretends to be behind one, too
        cw = net.causeway(change=change).start()
        expect(cw, {"id": "ike-natt-blocked", "seen": ["a NAT is before both sides", "agreed on the IKE proposal"],
                    "ruled-out": ["it is reachable", "the IKE proposals"], "not-ruled-out": ["a NAT", "UDP 4500"],
                    "likely-cause": ["UDP 4500 is blocked"]}, timeout=60)
        cw.stop()


PFS = [
    ("another group", "aes256-sha256-modp2048",
     {"likely-cause": ["PFS groups differ", "the peer asks for modp2048"], "change-here": ["PFS group modp2048"]}),
    ("none there", "aes256-sha256",
     {"likely-cause": ["accepts no group at all"], "change-here": ["without a PFS group"]}),
    ("a weak one there", "aes256-sha256-modp1024",
     {"likely-cause": ["the peer asks for modp1024 (weak"], "change-here": ["set the group there"]}),
]


def rekey(case):
    with case.lab("explain-pfs") as lab:
        net = Azure(lab, hosts=False)
        net.start_swan()
        for i, (what, esp, want) in enumerate(PFS):
            with case.row(f"PFS differs, seen at a rekey: {what}", lab):
                net.swan.configure(esp=esp)
                net.swan.load()

                def change(config):
                    t = tunnel_of(config)
                    t.update({"esp-proposal": ["aes256-sha256-ecp256"], "role": "initiate"})
                    del t["bgp"]
                cw = net.causeway(f"cw{i}", change=change).start()
                try:
                    cw.wait_step("child")
                    before = net.swan.child_spis()
                    cw.cli("tunnel", "rekey", GW, "--no-wait")
                    expect(cw, {"id": "ike-rekey-refused", "setting": ["pfsGroup"], "ruled-out": ["our own key and identity"], **want})
                    equal(net.swan.child_spis(), before, "children of strongSwan: the trials have made none")
                finally:
                    cw.stop()
                    net.swan.swanctl("--terminate", "--ike", "gw", "--force", check=False)
                    wait_for("strongSwan to be rid of the SA", lambda: net.swan.ike_count() == 0, 15)


def selectors(case):
    with case.lab("explain-selectors") as lab:
        net = Azure(lab, hosts=False)
        net.start_swan()

        def change(role):
            def to(config):
                t = tunnel_of(config)
                t["role"] = role
                del t["bgp"]
            return to
        with case.row("strongSwan has no child SA for us", lab):
            path = f"{net.swan.dir}/swanctl/swanctl.conf"
            with open(path, encoding="utf-8") as conf:
                good = conf.read()
            start, end = good.index("  children {"), good.index("  } }\n} }") + len("  } }\n")
            lab.write("charon/swanctl/swanctl.conf", good[:start] + good[end:])
            net.swan.load()
            cw = net.causeway("refused", change=change("initiate")).start()
            expect(cw, {"id": "ike-ts-refused", "seen": ["TS_UNACCEPTABLE"], "ruled-out": ["our own key and identity", "the IKE proposals"],
                        "likely-cause": ["does not accept our selectors", "0.0.0.0/0", "policy-based"], "change-here": ["any to any"],
                        "change-there": ["route-based"], "setting": ["usePolicyBasedTrafficSelectors"]})
            equal(cw.error()["id"], "ike-ts-refused", "the id in status")
            cw.stop()
        for role in ("initiate", "respond"):
            with case.row(f"strongSwan is policy-based, we {role}: what it gives is shown", lab):
                net.swan.configure(local_ts="10.100.0.0/16", remote_ts="10.0.0.0/16")
                net.swan.load()
                cw = net.causeway(f"narrowed-{role}", change=change(role)).start()
                if role == "respond":
                    net.swan.swanctl("--initiate", "--child", "any", "--timeout", "5", check=False)
                cw.wait_step("child")
                t = cw.tunnel()
                equal((t["ts-local"], t["ts-remote"], t["ts-narrowed"]), ("10.0.0.0/16", "10.100.0.0/16", True), "selectors")
                check("narrowed by the peer" in cw.cli("tunnel", "show", GW).stdout, "in words")
                cw.stop()
                net.swan.swanctl("--terminate", "--ike", "gw", "--force", check=False)
                wait_for("strongSwan to be rid of the SA", lambda: net.swan.ike_count() == 0, 15)


def deleted(case):
    with case.lab("explain-deleted") as lab, case.step("the peer deletes the IKE SA at once"):
        net = Azure(lab, hosts=False)

        def change(config):
            t = tunnel_of(config)
            t["role"] = "respond"
            del t["bgp"]
        cw = net.causeway(change=change).start()
        net.start_swan(start="start")
        cw.wait_step("child")
        net.swan.swanctl("--terminate", "--ike", "gw", check=False)
        expect(cw, {"id": "ike-peer-deleted", "likely-cause": ["after it came up"], "change-there": ["log"]})
        check("waiting for the peer" in cw.cli("explain", GW).stdout, "what happens next")
        cw.stop()


WAY = """table inet way {
  chain in { type filter hook input priority -300; policy accept;
    ip daddr 192.0.2.2 udp dport { 500, 4500 } reject with icmp type port-unreachable
    ip daddr 192.0.2.3 udp dport { 500, 4500 } drop
    ip daddr 192.0.2.4 udp dport 4500 drop
  }
  chain windows { type nat hook prerouting priority -100; ip daddr 192.0.2.5 udp dport 500 redirect to :5005; }
}
"""
# As a Windows gateway that refuses: an IKE_SA_INIT answer with notification 12345 (MS-IKEE), the error 13868.
WINDOWS = """import os, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 5005))
while True:
    m, peer = s.recvfrom(65535)
    n = struct.pack(">BBHBBHI", 0, 0, 12, 0, 0, 12345, 13868)
    s.sendto(m[:8] + os.urandom(8) + struct.pack(">BBBBII", 41, 0x20, 34, 0x20, 0, 28 + len(n)) + n, peer)
"""
WAYS = {
    "closed": ("192.0.2.2", {"id": "ike-port-closed", "seen": ["nothing listens on UDP 500"], "ruled-out": ["its host answers"],
                             "change-here": ["remote-address"]}),
    "silent": ("192.0.2.3", {"id": "ike-no-answer", "likely-cause": ["nothing at all came back"], "change-here": ["remote-address"],
                             "setting": ["gatewayIpAddress"]}),
    "natt": ("192.0.2.4", {"id": "ike-natt-blocked", "seen": ["IKE_SA_INIT went to", "agreed on the IKE proposal"],
                           "ruled-out": ["it is reachable", "the IKE proposals"], "likely-cause": ["UDP 4500 is blocked"],
                           "not-ruled-out": ["UDP 4500"]}),
    "windows": ("192.0.2.5", {"id": "ike-peer-status", "seen": ["Windows error code 13868, ERROR_IPSEC_IKE_POLICY_MATCH"],
                              "ruled-out": ["it is reachable"], "likely-cause": ["no policy of its fits"],
                              "change-here": ["ike-proposal"]}),
    "absent": ("192.0.2.77", {"id": "ike-unreachable", "seen": ["has no way to 192.0.2.77"]}),
}


def way(case):
    with case.lab("explain-way") as lab, case.step("the way is broken: closed, silent, 4500 blocked, absent; a Windows error code"):
        net = Azure(lab, hosts=False)
        for last in (3, 4, 5):
            net.azure.ip("addr", "add", f"192.0.2.{last}/24", "dev", "wan0")
        net.azure.run("nft", "-f", lab.write("way.nft", WAY))
        net.start_swan(local="192.0.2.4", local_id="192.0.2.4")
        net.azure.spawn("windows", "python3", lab.write("windows.py", WINDOWS))

        sites = {"azure-hq": ("closed", "silent", "natt", "absent"), "azure-b": ("windows",)}  # a site has four tunnels at most

        def change(config):
            first = tunnel_of(config)
            del first["bgp"]
            site = config["causeway:connector"]["site"][0]
            names = list(WAYS)
            config["causeway:connector"]["site"] = [
                {**site, "name": at, "tunnel": [
                    {**first, "name": name, "remote-address": [WAYS[name][0]], "role": "initiate",
                     "inside-address": [f"10.0.0.{10 + names.index(name)}/32"]} for name in of]}
                for at, of in sites.items()]
        cw = net.causeway(change=change).start()
        # before the attempt has ended, what is seen so far is told
        wait_for("the first ICMP error", lambda: "nothing listens" in "\n".join(diagnosis(cw, "azure-hq/closed").get("seen", [])), 20)
        for at, of in sites.items():
            for name in of:
                expect(cw, WAYS[name][1], f"{at}/{name}", timeout=60)
        cw.stop()


def catalogue(case):
    with case.lab("explain-id") as lab, case.step("an id needs no daemon"):
        net = Azure(lab, hosts=False)
        cw = net.causeway()
        entry = cw.json("explain", "ike-no-proposal")["reason"]
        check(any(c["cloud"] == "azure" and "dhGroup" in c["setting"] for c in entry["cloud"]), f"{entry}")
        equal(cw.cli("explain", "ike-no-such-thing", check=False).returncode, 4, "an unknown id")
        equal(cw.cli("explain", GW, check=False).returncode, 3, "a tunnel, without a daemon")
        cw.start()
        equal(cw.cli("explain", "azure-hq/none", check=False).returncode, 4, "an unknown tunnel")
        cw.stop()


def main(case):
    catalogue(case)
    peer(case)
    begun(case)
    certificates(case)
    method(case)
    behind_nat(case)
    rekey(case)
    selectors(case)
    deleted(case)
    way(case)


run_case("explain", main)
