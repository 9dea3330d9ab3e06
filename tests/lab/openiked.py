# SPDX-License-Identifier: Apache-2.0
"""OpenIKED as the other end, with the kernel's IPsec by PF_KEY: policies, without an interface. Only in kernel_lab.

Of ESP suites its Linux build can install AES-CBC with HMAC-SHA1, -SHA2-384 or -SHA2-512: no HMAC-SHA2-256 (PF_KEY would cut it
to 96 bits) and no AEAD.

It is unpacked below build/peers, as libreswan is; the user it drops its rights to exists for the lab's guest alone.
"""
import os
import pwd

from lab.lab import LabError, run, wait_for
from lab.libreswan import peers

_CONF = """ikev2 "gw" {mode} esp \\
  from {local_net} to {remote_net} \\
  local {local} peer {remote} \\
  ikesa enc {ike_enc} prf {prf} auth {ike_auth} group {group} \\
  childsa enc {esp_enc} {esp_auth} \\
  srcid {local} \\
  psk "{psk}"
"""


class OpenIked:
    """One iked in one namespace."""

    DEFAULTS = {"local": "192.0.2.2", "remote": "192.0.2.1", "psk": "AzureSharedKey2024!", "local_net": "10.100.0.0/16",
                "remote_net": "10.0.0.0/16", "ike_enc": "aes-256", "ike_auth": "hmac-sha2-256", "prf": "hmac-sha2-256",
                "group": "modp2048", "esp_enc": "aes-256", "esp_auth": "auth hmac-sha2-384", "mode": "passive"}

    def __init__(self, ns, name="iked", **options):
        if "CW_KERNEL_LAB" not in os.environ:
            raise LabError("OpenIKED runs in kernel_lab only")
        self.ns, self.lab, self.name = ns, ns.lab, name
        self.opt = {**self.DEFAULTS, **options}
        self.sbin = f"{peers()}/openiked/usr/sbin"
        self.dir = f"{self.lab.dir}/{name}"
        self.process = None

    @staticmethod
    def _user():
        """In the guest's own copy of the file, gone with it."""
        try:
            pwd.getpwnam("_iked")
        except KeyError:
            with open("/etc/passwd", "a", encoding="utf-8") as f:
                f.write("_iked:x:64998:64998::/var/empty-iked:/usr/sbin/nologin\n")
            with open("/etc/group", "a", encoding="utf-8") as f:
                f.write("_iked:x:64998:\n")
        for place in ("/var/empty-iked", "/var/empty", *(f"/etc/iked/{d}" for d in ("ca", "certs", "crls", "private", "pubkeys"))):
            os.makedirs(place, 0o755, exist_ok=True)
        if not os.path.exists("/etc/iked/private/local.key"):  # it wants one, though a shared secret is all we use
            run(["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "/etc/iked/private/local.key"])
            run(["openssl", "ec", "-in", "/etc/iked/private/local.key", "-pubout", "-out", "/etc/iked/local.pub"])

    def start(self):
        self._user()
        conf = self.lab.write(f"{self.name}/iked.conf", _CONF.format(**self.opt), 0o600)
        self.process = self.ns.spawn(self.name, f"{self.sbin}/iked", "-d", "-vv", "-f", conf, "-s", f"{self.dir}/iked.sock")
        # An SA made before it has read its configuration would be dropped for it.
        wait_for("iked to have its policy", lambda: "compilation done" in self.process.output(), 180, 0.5, alive=[self.process])
        return self

    def stop(self):
        return self.process.stop()
