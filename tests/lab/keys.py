# SPDX-License-Identifier: Apache-2.0
"""Keys, and where they are found although they should not be: raw, as hex in any spelling, as base64; whole or a part."""
import base64
import re

from lab.lab import run

RAW = 8      # octets of a key in a row: that much is no accident, and that little is too much
BASE64 = 9   # the same as base64: whole groups, of any alignment

_DUMP = re.compile(r"\[\w+\] +(?P<title>\S.*) => (?P<len>\d+) bytes @ ")
_LINE = re.compile(r"\[\w+\] +\d+: (?P<hex>(?:[0-9A-F]{2} )+)")
# Titles of keys; others are of messages, nonces and proofs.
_KEY = re.compile(r"shared Diffie|SKEYSEED|Sk_\w+ secret|secret|(?:encryption|integrity) \w+ key|.*MSK", re.IGNORECASE)


def charons(log):
    """{title and place: octets} of the keys that strongSwan has written at its most talkative (level 4)."""
    found, title, octets, wanted = {}, None, b"", 0
    for line in log.splitlines():
        dump = _DUMP.search(line)
        if dump:
            title, octets, wanted = dump["title"], b"", int(dump["len"])
            continue
        part = _LINE.search(line)
        if not part or title is None:
            title = None
            continue
        octets += bytes.fromhex(part["hex"])
        if len(octets) >= wanted:
            if _KEY.match(title) and wanted >= RAW and any(octets):
                found[f"{title} #{len(found)}"] = octets[:wanted]
            title = None
    return found


def private_part(key_file):
    """The secret number of an elliptic-curve key, or an RSA key's exponent and primes as one."""
    text = run(["openssl", "pkey", "-in", key_file, "-noout", "-text"]).stdout
    parts = re.findall(r"(?:^priv|^privateExponent|^prime1|^prime2):\n((?: +[0-9a-f:]+\n)+)", text, re.MULTILINE)
    return bytes.fromhex("".join(re.sub(r"[^0-9a-f]", "", p) for p in parts))


class Heap:
    """All that was written, in the forms that are searched."""

    def __init__(self, data):
        self.raw = data
        text = data.decode("latin-1")
        self.hex = re.sub(r"0[xX]|[^0-9a-f]", "", text.lower())
        self.base64 = re.sub(r"\s", "", text).replace("-", "+").replace("_", "/").replace("\\/", "/")

    def has(self, secret):
        """In which form, or None."""
        for i in range(len(secret) - RAW + 1):
            part = secret[i:i + RAW]
            if part in self.raw:
                return "raw"
            if part.hex() in self.hex:
                return "hex"
        for i in range(len(secret) - BASE64 + 1):
            if base64.b64encode(secret[i:i + BASE64]).decode() in self.base64:
                return "base64"
        return None
