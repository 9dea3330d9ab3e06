# SPDX-License-Identifier: Apache-2.0
"""causewayd's management API without the program causeway, for places where starting a program is slow."""
import http.client
import json
import socket

from lab.lab import LabError


class _Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def text(cw, path):
    """The answer to a GET as it came, whatever it says."""
    c = _Unix(cw.socket)
    try:
        c.request("GET", path)
        return c.getresponse().read().decode("utf-8", "replace")
    finally:
        c.close()


def _ask(cw, method, path, body=None):
    c = _Unix(cw.socket)
    try:
        c.request(method, path, body and json.dumps(body), {"Content-Type": "application/yang-data+json"} if body else {})
        answer = c.getresponse()
        text = answer.read().decode()
    finally:
        c.close()
    if answer.status >= 300:
        raise LabError(f"{method} {path}: {answer.status} {text}")
    return json.loads(text) if text else None


def tunnel(cw, name="azure-hq/t1"):
    """The row of one tunnel."""
    found = _ask(cw, "GET", f"/restconf/data/causeway:state/tunnels={name.replace('/', '%2F')}")
    return found["causeway:tunnels"]["tunnel"][0]


def peer(cw, name="azure-hq/t1"):
    return _ask(cw, "GET", f"/restconf/data/causeway:state/peers={name.replace('/', '%2F')}")["causeway:peers"]["peer"][0]


def rekey(cw, name="azure-hq/t1", **more):
    _ask(cw, "POST", "/restconf/operations/causeway:tunnel-rekey", {"causeway:input": {"tunnel": name, **more}})


def rekey_ike(cw, name="azure-hq/t1"):
    _ask(cw, "POST", "/restconf/operations/causeway:tunnel-rekey-ike", {"causeway:input": {"tunnel": name}})


def up(cw, name="azure-hq/t1"):
    _ask(cw, "POST", "/restconf/operations/causeway:tunnel-up", {"causeway:input": {"tunnel": name}})


def down(cw, name="azure-hq/t1"):
    _ask(cw, "POST", "/restconf/operations/causeway:tunnel-down", {"causeway:input": {"tunnel": name}})


def spis(row):
    return sorted((int(c["spi-in"], 16), int(c["spi-out"], 16)) for c in row["child"])


def instead(cw):
    """The same Causeway, which asks by the API what it would ask by the command line."""
    def step(name="azure-hq/t1"):
        try:
            return tunnel(cw, name).get("step")
        except OSError:
            return None

    def answers():
        try:
            return bool(_ask(cw, "GET", "/restconf/data/causeway:state/status"))
        except OSError:
            return False
    cw.step, cw.answers, cw.tunnel = step, answers, lambda name="azure-hq/t1": tunnel(cw, name)
    return cw
