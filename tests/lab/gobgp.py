# SPDX-License-Identifier: Apache-2.0
"""GoBGP: gobgpd run directly, in the namespace, and asked by its command line there (its API is TCP 50051 of the loopback
interface)."""
import json

from lab.lab import wait_for


class GobgpDaemon:
    """One gobgpd with this configuration (TOML)."""

    def __init__(self, ns, name, text):
        self.ns, self.lab, self.name = ns, ns.lab, name
        self.process = None
        self.configure(text)

    def configure(self, text):
        self.conf = self.lab.write(f"{self.name}.toml", text)

    def start(self, *more):
        self.process = self.ns.spawn(self.name, "gobgpd", "-f", self.conf, "-p", "-l", "info", "--api-hosts", "127.0.0.1:50051",
                                     "--pprof-disable", *more)
        wait_for("gobgpd", lambda: self.ctl("global", check=False).returncode == 0, 15, alive=[self.process])
        return self

    def ctl(self, *args, check=True):
        return self.ns.run("gobgp", *args, check=check)

    def json(self, *args):
        out = self.ctl("-j", *args, check=False).stdout
        try:
            return json.loads(out) if out.strip() else {}
        except json.JSONDecodeError:
            return {}

    def kill(self):
        return self.process.kill()

    def stop(self):
        return self.process.stop()
