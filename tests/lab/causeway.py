# SPDX-License-Identifier: Apache-2.0
"""One causewayd in a namespace, and its command line. Its end is checked: exit status 0 and no sanitizer report."""
import copy
import glob
import json
import os
import signal
import time

from lab.lab import LabError, run, wait_for

STEPS = ["down", "connecting", "authenticating", "child", "passing", "bgp-open", "bgp-established", "in-fib"]
SECRET = "AzureSharedKey2024!"


def binaries():
    """Where causewayd and causeway are: CAUSEWAY_BIN, which ctest sets, or the usual build directories."""
    here = os.path.dirname(os.path.abspath(__file__))
    for place in (os.environ.get("CAUSEWAY_BIN"), f"{here}/../../build/debug/bin", f"{here}/../../build/bin"):
        if place and os.access(f"{place}/causewayd", os.X_OK):
            return os.path.abspath(place)
    raise LabError("no causewayd: build first, or say where it is with CAUSEWAY_BIN")


def release_binaries():
    """The same without sanitizers, for what is measured: CAUSEWAY_BIN_RELEASE, or the preset `release`."""
    here = os.path.dirname(os.path.abspath(__file__))
    for place in (os.environ.get("CAUSEWAY_BIN_RELEASE"), f"{here}/../../build/release/bin"):
        if place and os.access(f"{place}/causewayd", os.X_OK):
            return os.path.abspath(place)
    raise LabError("no causewayd of a release build: cmake --preset release && cmake --build --preset release, "
                   "or say where it is with CAUSEWAY_BIN_RELEASE")


def smallest(secret_file):
    """The smallest configuration of the contract (design, section 6), word by word."""
    return {"causeway:connector": {
        "as": 65001, "router-id": "10.0.0.10", "announce": ["10.0.0.0/16"],
        "site": [{"name": "azure-hq", "profile": "azure-vpngw",
                  "tunnel": [{"name": "t1",
                              "local-address": "192.0.2.1", "remote-address": ["192.0.2.2"],
                              "secret-file": secret_file,
                              "inside-address": ["10.0.0.10/32"],
                              "bgp": {"local-address": "10.0.0.10", "peer-address": "10.100.255.254",
                                      "peer-as": 65515}}]}]}}


def quiet(config):
    """Without the rehearsal, which rekeys a few seconds after the start: tests that count rekeys begin their own. A
    tunnel that says when it is to be keeps it."""
    config = copy.deepcopy(config)
    for site in config.get("causeway:connector", {}).get("site", []):
        for tunnel in site.get("tunnel", []) if isinstance(site, dict) else []:
            if isinstance(tunnel, dict):
                tunnel.setdefault("rehearsal", 0)
    return config


def tunnel_of(config, site=0, tunnel=0):
    return config["causeway:connector"]["site"][site]["tunnel"][tunnel]


# After kill -9 the gateway may hold the old BGP session until its own keepalive (every 60 s) meets no socket, and
# refuses a new one that long. Usually the old socket's FIN leaves by the new interface at once.
STALE_SESSION = 90


class Causeway:
    """A causewayd with its own file, socket and state directory."""

    def __init__(self, ns, name="causewayd", config=None, release=False):
        self.ns = ns
        self.lab = ns.lab
        self.name = name
        self.bin = release_binaries() if release else binaries()
        self.dir = self.lab.path(name)
        os.makedirs(f"{self.dir}/state", exist_ok=True)
        self.file = f"{self.dir}/causeway.json"
        self.socket = f"{self.dir}/api.sock"
        self.process = None
        self.runs = 0
        self.started = 0.0
        self.config = None
        self.more = []  # further arguments
        if config is not None:
            self.configure(config)

    def secret(self, text=SECRET, name="azure-hq.psk", mode=0o600):
        return self.lab.write(f"{self.name}/{name}", text + "\n", mode)

    def configure(self, config):
        """Writes the file; `config` is a dictionary or, for broken ones, text."""
        self.config = copy.deepcopy(config)
        text = config if isinstance(config, str) else json.dumps(quiet(config), indent=2)
        self.lab.write(f"{self.name}/causeway.json", text)

    def _environment(self):
        logs = f"{self.dir}/report"
        return {"ASAN_OPTIONS": f"log_path={logs}.asan:detect_leaks=1:exitcode=99:abort_on_error=0:"
                                "strict_string_checks=1:detect_stack_use_after_return=1",
                "UBSAN_OPTIONS": f"log_path={logs}.ubsan:print_stacktrace=1:halt_on_error=1"}

    def argv(self, *more):
        return [f"{self.bin}/causewayd", "-c", self.file, "-s", self.socket, "-d", f"{self.dir}/state", *more]

    def spawn(self):
        """Starts it and returns at once."""
        self.runs += 1
        self.started = time.monotonic()
        suffix = "" if self.runs == 1 else f"-{self.runs}"
        self.process = self.ns.spawn(f"{self.name}{suffix}", *self.argv(*self.more), env=self._environment())
        return self

    def start(self, timeout=15):
        """Starts it and waits until it answers."""
        self.spawn()
        wait_for(f"{self.name} to answer", self.answers, timeout, alive=[self.process])
        return self

    def run_to_end(self, *more, timeout=30):
        """For starts that must fail, and for --check: the finished process."""
        return self.ns.run(*self.argv(*more), check=False, timeout=timeout, env=self._environment())

    def reload(self):
        self.process.signal(signal.SIGHUP)

    def stop(self, timeout=20):
        """SIGTERM; it must end by itself with 0 and without a report."""
        self.process.signal(signal.SIGTERM)
        rc = self.process.wait(timeout)
        self.check_reports()
        if rc != 0:
            raise LabError(f"{self.name} ended with {rc} after SIGTERM\n{self.process.output()[-3000:]}")

    def kill(self):
        self.process.kill()
        self.check_reports()

    def check_reports(self):
        for path in sorted(glob.glob(f"{self.dir}/report.*")):
            with open(path, encoding="utf-8", errors="replace") as f:
                raise LabError(f"sanitizer report of {self.name}:\n{f.read()[:6000]}")
        if self.process and "runtime error:" in self.process.output():
            raise LabError(f"undefined behaviour in {self.name}:\n{self.process.output()[-3000:]}")

    # ---- the command line

    def cli(self, *args, check=True, timeout=60):
        """`causeway ARGS`: the finished process. With check, any status but 0 is an error."""
        env = {**os.environ, **self._environment()}
        done = run([f"{self.bin}/causeway", "-s", self.socket, *args], check=False, timeout=timeout, env=env)
        if check and done.returncode:
            raise LabError(f"causeway {' '.join(args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def json(self, *args, timeout=60):
        return json.loads(self.cli(*args, "--json", timeout=timeout).stdout)

    def answers(self):
        return self.cli("status", check=False).returncode == 0

    def status(self, tunnel="azure-hq/t1"):
        """The row of one tunnel in `status`, or {}."""
        site, name = tunnel.split("/")
        for s in self.json("status")["site"]:
            for t in s["tunnel"] if s["name"] == site else []:
                if t["name"] == name:
                    return t
        return {}

    def step(self, tunnel="azure-hq/t1"):
        return self.status(tunnel).get("step")

    def error(self, tunnel="azure-hq/t1"):
        return self.status(tunnel).get("error")

    def tunnel(self, tunnel="azure-hq/t1"):
        site, name = tunnel.split("/")
        for t in self.json("tunnel", "list")["tunnel"]:
            if (t["site"], t["name"]) == (site, name):
                return t
        raise LabError(f"`tunnel list` of {self.name} has no {tunnel}")

    def spis(self, tunnel="azure-hq/t1"):
        """(spi-in, spi-out) of the children, to compare before with after."""
        return sorted((c["spi-in"], c["spi-out"]) for c in self.tunnel(tunnel)["child"])

    def peer(self, name):
        for p in self.json("bgp", "summary")["peer"]:
            if p["name"] == name:
                return p
        return {}

    def wait_step(self, step="in-fib", tunnel="azure-hq/t1", timeout=20, exactly=False):
        """Waits for this step, or (unless `exactly`) any above it."""
        floor = STEPS.index(step)
        seen = []

        def there():
            now = self.step(tunnel)
            if now and (not seen or seen[-1] != now):
                seen.append(now)
            return now == step or (not exactly and now in STEPS and STEPS.index(now) >= floor)
        try:
            wait_for(f"{tunnel} of {self.name} at {step}", there, timeout, alive=[self.process])
        except LabError as e:
            raise LabError(f"{e}; steps seen {seen}, error {self.error(tunnel)}") from e
        return seen
