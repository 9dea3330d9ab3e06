# SPDX-License-Identifier: Apache-2.0
"""strongSwan as the other end: charon-systemd with ESP in user space (kernel-libipsec), in its own mount namespace.

Like a cloud's gateway it sends into the tunnel only what BGP, or the test, put onto its interface ipsec0. kernel-libipsec
insists on a default route to ipsec0 in table 220, which would hide a missing route; so the main table is asked first, and
ends in `unreachable`.
"""
import re
import time

from lab import vici
from lab.lab import LabError, run, wait_for

_CONF = """charon-systemd {{
  load = random nonce openssl sha1 sha2 aes hmac gcm curve25519 kdf pem x509 revocation constraints pubkey kernel-libipsec kernel-netlink socket-default vici {plugins}
  retransmit_tries = {tries}
  retransmit_timeout = 2.0
  {charon}
  plugins {{
    kernel-netlink {{ fwmark = !0x42 }}
    socket-default {{ fwmark = 0x42 }}
    kernel-libipsec {{ allow_peer_ts = yes }}
    vici {{ socket = unix://{vici} }}
  }}
  filelog {{ f {{
    path = {log}
    time_format = %H:%M:%S
    flush_line = yes
    default = 1
    ike = {log_ike}
    chd = {log_chd}
  }} }}
}}
"""

_CONNECTION = """connections {{ gw {{
  version = 2
  local_addrs = {local}
  remote_addrs = {remote}
  proposals = {ike}
  encap = {encap}
  fragmentation = {fragmentation}
  dpd_delay = {dpd}s
  rekey_time = {rekey_ike}s
  over_time = 60s
  rand_time = 0s
  unique = replace
  {connection}
  local {{
    auth = {local_auth}
    id = {local_id}
  }}
  remote {{
    auth = {remote_auth}
    id = %any
  }}
  children {{ any {{
    local_ts = {local_ts}
    remote_ts = {remote_ts}
    esp_proposals = {esp}
    rekey_time = {rekey_esp}s
    life_time = {life_esp}s
    rand_time = 0s
    dpd_action = {dpd_action}
    start_action = {start}
  }} }}
}} }}
secrets {{
  ike-gw {{ secret = "{psk}" }}
  {secrets}
}}
"""


class StrongSwan:
    """One charon in one namespace."""

    DEFAULTS = {
        "local": "192.0.2.2", "remote": "192.0.2.1", "local_id": "192.0.2.2", "psk": "AzureSharedKey2024!",
        "ike": "aes256-sha256-modp2048", "esp": "aes256-sha256", "encap": "yes", "fragmentation": "yes", "dpd": 45,
        "rekey_ike": 28800, "rekey_esp": 27000, "local_ts": "0.0.0.0/0", "remote_ts": "0.0.0.0/0",
        "start": "none", "dpd_action": "clear", "tries": 3, "charon": "", "routes": ("10.0.0.10/32",),
        # more of the configuration, verbatim: plugins to load, lines of the connection, secrets; what follows `auth =`
        "plugins": "", "connection": "", "secrets": "", "local_auth": "psk", "remote_auth": "psk",
        "log_ike": 2, "log_chd": 2,  # how talkative it is; 4: keys, too
    }

    def __init__(self, ns, name="charon", **options):
        unknown = set(options) - set(self.DEFAULTS)
        if unknown:
            raise LabError(f"strongSwan: unknown options {unknown}")
        self.ns = ns
        self.lab = ns.lab
        self.name = name
        self.opt = {**self.DEFAULTS, **options}
        self.process = None
        self.dir = f"{self.lab.dir}/{name}"
        self.log_path = f"{self.dir}/charon-file.log"

    def start(self):
        vici = f"{self.dir}/charon.vici"
        self.lab.write(f"{self.name}/strongswan.conf",
                       _CONF.format(vici=vici, log=self.log_path, tries=self.opt["tries"],
                                    charon=self.opt["charon"], plugins=self.opt["plugins"],
                                    log_ike=self.opt["log_ike"], log_chd=self.opt["log_chd"]))
        self.configure()
        self.ns.ip("rule", "add", "pref", "100", "lookup", "main", check=False)
        self.ns.ip("route", "replace", "unreachable", "default", "metric", "4294967295")
        self.process = self.ns.spawn(
            self.name, "unshare", "-m", "sh", "-c",
            "mount -t tmpfs tmpfs /run && exec /usr/sbin/charon-systemd",
            env={"STRONGSWAN_CONF": f"{self.dir}/strongswan.conf", "SWANCTL_DIR": f"{self.dir}/swanctl"})
        wait_for("charon's control socket and ipsec0",
                 lambda: self.swanctl("--stats", check=False).returncode == 0 and self._has_tun(),
                 timeout=20, alive=[self.process])
        self.load()
        for prefix in self.opt["routes"]:
            self.ns.ip("route", "replace", prefix, "dev", "ipsec0")
        return self

    def _has_tun(self):
        return any(l["ifname"] == "ipsec0" and "UP" in l["flags"] for l in self.ns.ip_json("link"))

    def configure(self, **options):
        """Writes the connection; load() makes it count."""
        self.opt.update(options)
        self.lab.write(f"{self.name}/swanctl/swanctl.conf",
                       _CONNECTION.format(life_esp=self.opt["rekey_esp"] + 60, **self.opt))

    def load(self):
        out = self.swanctl("--load-all", check=False)
        if out.returncode or "loaded connection 'gw'" not in out.stdout:
            raise LabError(f"strongSwan refused its configuration\n{out.stdout}{out.stderr}")

    def swanctl(self, *args, check=True, timeout=30):
        verb, rest = args[0], args[1:]
        return run(["swanctl", verb, "--uri", f"unix://{self.dir}/charon.vici", *rest], check=check, timeout=timeout,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "STRONGSWAN_CONF": f"{self.dir}/strongswan.conf",
                        "SWANCTL_DIR": f"{self.dir}/swanctl"})

    def vici(self, command, **arguments):
        """A command without swanctl, a program to start."""
        return vici.call(f"{self.dir}/charon.vici", command, **arguments)

    def listed(self):
        """Each IKE SA that charon has, in whatever state, as vici tells it, with its children by their names."""
        return [sa for row in vici.listed(f"{self.dir}/charon.vici", "list-sas", "list-sa") for sa in row.values()]

    def sas(self):
        return self.swanctl("--list-sas", check=False).stdout

    def child_spis(self):
        """(in, out) of each installed child, as numbers, from charon's side."""
        text = self.sas()
        return [(int(i, 16), int(o, 16)) for i, o in
                re.findall(r"INSTALLED.*?\n(?:.*\n)*?\s+in\s+([0-9a-f]{8}).*\n\s+out\s+([0-9a-f]{8})", text)]

    def ike_count(self):
        return len(re.findall(r"^gw: #\d+, ESTABLISHED", self.sas(), re.M))

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def kill(self):
        return self.process.kill()

    def stop(self):
        return self.process.stop()

    def log_line_time(self, needle, after_text="", timeout=10):
        """Waits for a new line in the log; returns monotonic time at which it was seen."""
        start = len(after_text)
        wait_for(f"{self.name} log line {needle!r}", lambda: needle in self.log()[start:], timeout, 0.01)
        return time.monotonic()
