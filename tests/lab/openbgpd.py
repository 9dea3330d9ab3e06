# SPDX-License-Identifier: Apache-2.0
"""OpenBGPD (its portable form, which writes no FIB): run directly in the namespace. Its processes give up root for the user
_openbgpd and change into /run/openbgpd, which exists in a mount namespace of their own only."""
import json

from lab.lab import run, wait_for


class OpenbgpdDaemon:
    """One bgpd with this configuration; its control socket is added."""

    def __init__(self, ns, name, text):
        self.ns, self.lab, self.name = ns, ns.lab, name
        self.socket = self.lab.path(f"{name}.sock")
        self.process = None
        self.configure(text)

    def configure(self, text):
        self.conf = self.lab.write(f"{self.name}.conf", f'socket "{self.socket}"\n{text}', 0o600)

    def start(self):
        self.process = self.ns.spawn(
            self.name, "unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/openbgpd && exec "$@"', "sh",
            "/usr/sbin/bgpd", "-d", "-f", self.conf)
        wait_for("bgpd's socket", lambda: self.ctl("show", check=False).returncode == 0, 15, alive=[self.process])
        return self

    def ctl(self, *args, check=True):
        return run(["bgpctl", "-s", self.socket, *args], check=check)

    def json(self, *args):
        out = self.ctl("-j", *args, check=False).stdout
        try:
            return json.loads(out) if out.strip() else {}
        except json.JSONDecodeError:
            return {}

    def kill(self):
        """Its children end when the parent has gone."""
        return self.process.kill()

    def stop(self):
        return self.process.stop()
