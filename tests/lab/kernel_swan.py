# SPDX-License-Identifier: Apache-2.0
"""strongSwan with the kernel's IPsec: kernel-netlink and an xfrm interface. Only where a kernel has that: in kernel_lab.

The interface is called ipsec0, as the user-space one is, so the pictures of the lab (azure.py) serve both.
"""
from lab.lab import wait_for
from lab.strongswan import StrongSwan

IF_ID = 42

_CONF = """charon-systemd {{
  load = random nonce openssl sha1 sha2 aes hmac gcm curve25519 kdf pem x509 revocation constraints pubkey kernel-netlink socket-default vici
  retransmit_tries = {tries}
  retransmit_timeout = 4.0
  install_routes = no
  {charon}
  plugins {{
    vici {{ socket = unix://{vici} }}
  }}
  filelog {{ f {{
    path = {log}
    time_format = %H:%M:%S
    flush_line = yes
    default = 1
    ike = 2
    chd = 2
  }} }}
}}
"""


class KernelSwan(StrongSwan):
    """One charon in one namespace, with an xfrm interface."""

    def start(self):
        self.lab.write(f"{self.name}/strongswan.conf",
                       _CONF.format(vici=f"{self.dir}/charon.vici", log=self.log_path, tries=self.opt["tries"], charon=self.opt["charon"]))
        self.configure()
        self.ns.ip("link", "add", "ipsec0", "type", "xfrm", "if_id", str(IF_ID), check=False)
        self.ns.ip("link", "set", "ipsec0", "mtu", "1400", "up")
        self.process = self.ns.spawn(
            self.name, "unshare", "-m", "sh", "-c",
            "mount -t tmpfs tmpfs /run && exec /usr/sbin/charon-systemd",
            env={"STRONGSWAN_CONF": f"{self.dir}/strongswan.conf", "SWANCTL_DIR": f"{self.dir}/swanctl"})
        wait_for("charon's control socket", self._answers, 180, 0.3, alive=[self.process])
        self.load()
        for prefix in self.opt["routes"]:
            self.ns.ip("route", "replace", prefix, "dev", "ipsec0")
        return self

    def _answers(self):
        try:
            return self.vici("version")
        except OSError:
            return False

    def vici_sas(self):
        """Numbers of IKE SAs that charon has, from its counters."""
        return int(self.vici("stats")["ikesas"]["total"])

    def swanctl(self, *args, check=True, timeout=180):
        return super().swanctl(*args, check=check, timeout=timeout)

    def configure(self, **options):
        super().configure(**options)
        path = f"{self.dir}/swanctl/swanctl.conf"
        with open(path, encoding="utf-8") as f:
            text = f.read()
        text = text.replace("  unique = replace\n", f"  unique = replace\n  if_id_in = {IF_ID}\n  if_id_out = {IF_ID}\n")
        self.lab.write(f"{self.name}/swanctl/swanctl.conf", text)
