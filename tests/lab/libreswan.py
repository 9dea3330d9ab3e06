# SPDX-License-Identifier: Apache-2.0
"""libreswan as the other end, with the kernel's IPsec and an xfrm interface (ipsec1). Only in kernel_lab.

Its package and strongSwan's exclude each other, so it is not installed: cmake/install-packages.sh unpacks it below
build/peers (CW_PEERS), and pluto runs from there with files of its own.
"""
import os

from lab.lab import LabError, run, wait_for

_CONF = """config setup
conn gw
  left={local}
  leftid={local}
  right={remote}
  rightid={remote}
  authby=secret
  ikev2=insist
  ike={ike}
  esp={esp}
  pfs=no
  leftsubnet={local_ts}
  rightsubnet={remote_ts}
  leftupdown=/bin/true
  ipsec-interface=1
  encapsulation={encap}
  rekey=no
  fragmentation=yes
  auto=add
"""


def peers():
    """Where the packages of peers that can't be installed are unpacked."""
    here = os.path.dirname(os.path.abspath(__file__))
    place = os.path.abspath(os.environ.get("CW_PEERS", f"{here}/../../build/peers"))
    if not os.path.isdir(place):
        raise LabError(f"no {place}: tests/run unpacks the peers there (cmake/install-packages.sh)")
    return place


class Libreswan:
    """One pluto in one namespace."""

    DEFAULTS = {"local": "192.0.2.2", "remote": "192.0.2.1", "psk": "AzureSharedKey2024!", "ike": "aes256-sha2_256;modp2048",
                "esp": "aes256-sha2_256", "local_ts": "0.0.0.0/0", "remote_ts": "0.0.0.0/0", "encap": "auto",
                "routes": ("10.0.0.10/32",)}

    def __init__(self, ns, name="pluto", **options):
        self.ns, self.lab, self.name = ns, ns.lab, name
        self.opt = {**self.DEFAULTS, **options}
        self.root = f"{peers()}/libreswan"
        self.libexec = f"{self.root}/usr/libexec/ipsec"
        self.dir = f"{self.lab.dir}/{name}"
        self.env = {**os.environ, "LD_LIBRARY_PATH": f"{self.root}/usr/lib/x86_64-linux-gnu", "IPSEC_EXECDIR": self.libexec,
                    "PATH": f"{self.root}/usr/sbin:{self.root}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.process = None

    def start(self):
        if "CW_KERNEL_LAB" not in os.environ:
            raise LabError("libreswan runs in kernel_lab only")
        if not os.path.exists("/usr/libexec/ipsec"):  # pluto calls addconn by this path; in the guest's own copy
            os.symlink(self.libexec, "/usr/libexec/ipsec")
        conf = self.lab.write(f"{self.name}/ipsec.conf", _CONF.format(**self.opt))
        secrets = self.lab.write(f"{self.name}/ipsec.secrets",
                                 f'{self.opt["local"]} {self.opt["remote"]} : PSK "{self.opt["psk"]}"\n', 0o600)
        os.makedirs(f"{self.dir}/nss", exist_ok=True)
        os.makedirs(f"{self.dir}/run", exist_ok=True)
        run(["certutil", "-N", "-d", f"sql:{self.dir}/nss", "--empty-password"], env=self.env, timeout=120)
        self.process = self.ns.spawn(
            self.name, f"{self.libexec}/pluto", "--config", conf, "--nofork", "--stderrlog", "--secretsfile", secrets,
            "--nssdir", f"{self.dir}/nss", "--rundir", f"{self.dir}/run", "--no-dnssec", env=self.env)
        wait_for("pluto's control socket", lambda: os.path.exists(f"{self.dir}/run/pluto.ctl"), 180, 0.3,
                 alive=[self.process])
        wait_for("pluto to have its connection and its secrets",
                 lambda: "added IKEv2 connection" in self.process.output() and "loading secrets" in self.process.output(),
                 180, 0.5, alive=[self.process])
        return self

    def route(self):
        """Its interface comes with the first SA."""
        wait_for("ipsec1", lambda: "ipsec1" in self.ns.ip("-br", "link"), 30, 0.2, alive=[self.process])
        self.ns.ip("link", "set", "ipsec1", "up")
        for prefix in self.opt["routes"]:
            self.ns.ip("route", "replace", prefix, "dev", "ipsec1")

    def whack(self, *args, check=True):
        return self.ns.run(f"{self.libexec}/whack", "--ctlsocket", f"{self.dir}/run/pluto.ctl", *args, env=self.env,
                           check=check, timeout=120)

    def initiate(self):
        self.whack("--name", "gw", "--initiate", "--asynchronous")

    def rekey_child(self):
        self.whack("--name", "gw", "--rekey-ipsec")

    def rekey_ike(self):
        self.whack("--name", "gw", "--rekey-ike")

    def stop(self):
        return self.process.stop()
