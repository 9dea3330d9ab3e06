# SPDX-License-Identifier: Apache-2.0
"""What a hostile network sends: garbage, mutated and repeated IKE, garbage ESP, connections to BGP's port that say nothing.

The module is also the program that runs inside a namespace: python3 flood.py record|udp|tcp|inits ARGS.
"""
import json
import os
import random
import select
import socket
import struct
import sys
import time

_SELF = os.path.abspath(__file__)
_ETH_IP, _IP_UDP = 14, 17


# ---- for tests

class Recorder:
    """Copies of the UDP payloads to 500 and 4500 that pass an interface, either way; hex in the end."""

    def __init__(self, ns, device):
        from lab.lab import wait_for
        self.process = ns.spawn(f"record-{ns.short}", sys.executable, _SELF, "record", device)
        wait_for("the recorder", lambda: "listening" in self.process.output(), 10, alive=[self.process])

    def stop(self):
        self.process.stop()
        return json.loads(self.process.output().splitlines()[-1])


def udp(ns, target, sources, count, seed, samples):
    """Sends `count` datagrams: garbage, and samples whole, cut, mutated. The number sent."""
    path = ns.lab.write("flood-samples.json", json.dumps(samples))
    done = ns.run(sys.executable, _SELF, "udp", target, ",".join(sources), str(count), str(seed), path, timeout=60)
    return int(done.stdout.split()[-1])


def tcp(ns, target, source, count, seed):
    """Opens `count` connections to BGP's port: silent, garbage, half an OPEN, reset at once."""
    done = ns.run(sys.executable, _SELF, "tcp", target, source, str(count), str(seed), check=False, timeout=60)
    return done.stdout


class Inits:
    """IKE_SA_INITs (copies of `sample` with SPIs of their own) from sources all over `network`, by a raw socket on `device`:
    `count` at `rate` a second. The sources are nobody's: who floods does not wait for answers."""

    def __init__(self, ns, device, to_ns, to_device, target, sample, count, rate, network="10.66.0.0"):
        mac = {n: next(l["address"] for l in n_ns.ip_json("link") if l["ifname"] == d)
               for n, n_ns, d in (("from", ns, device), ("to", to_ns, to_device))}
        self.process = ns.spawn(f"inits-{ns.short}", sys.executable, _SELF, "inits", device, mac["from"], mac["to"], target,
                                network, str(count), str(rate), sample)

    def sent(self):
        """So far."""
        said = [line.split() for _, line in list(self.process.lines)[-2:] if line.startswith("sent ")]
        return int(said[-1][1]) if said else 0

    def wait(self, timeout=60):
        """(sent, seconds)"""
        self.process.wait(timeout)
        words = self.process.output().splitlines()[-1].split()
        return int(words[1]), float(words[3])


# ---- inside the namespace

def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def _inits(device, from_mac, to_mac, target, network, count, rate, sample):
    rng, body = random.Random(7), bytes.fromhex(sample)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((device, 0))
    ethernet = bytes.fromhex(to_mac.replace(":", "")) + bytes.fromhex(from_mac.replace(":", "")) + b"\x08\x00"
    net, dst = socket.inet_aton(network)[:2], socket.inet_aton(target)
    udp = struct.pack("!HHHH", 500, 500, 8 + len(body), 0)  # without a checksum, as IPv4 allows
    base = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(body), 0, 0, 64, 17, 0)
    tail, count, rate = body[8:], int(count), int(rate)
    began, sent = time.monotonic(), 0
    while sent < count:
        due = min(count, int((time.monotonic() - began) * rate) + 1)
        while sent < due:
            src = net + rng.randbytes(2)
            check = _checksum(base + src + dst)
            s.send(ethernet + base[:10] + struct.pack("!H", check) + src + dst + udp + rng.randbytes(8) + tail)
            sent += 1
            if sent % 200 == 0:
                print(f"sent {sent}", flush=True)
        select.select([], [], [], 0.001)
    print(f"sent {sent} in {time.monotonic() - began:.2f} s", flush=True)


def _record(device):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    s.bind((device, 0))
    print("listening", flush=True)
    found = []
    import signal
    signal.signal(signal.SIGTERM, lambda *_: (print(json.dumps(found), flush=True), os._exit(0)))
    while True:
        p = s.recv(65535)
        ip = _ETH_IP
        header = (p[ip] & 15) * 4
        if p[ip + 9] != _IP_UDP or len(found) >= 400:
            continue
        sport, dport = struct.unpack_from("!HH", p, ip + header)
        if dport in (500, 4500):
            found.append([dport, p[ip + header + 8:].hex()])


def _mutant(rng, data):
    data = bytearray(data)
    kind = rng.randrange(5)
    if kind == 0:
        return bytes(data)
    if kind == 1:
        return bytes(data[:rng.randrange(len(data) + 1)])
    if kind == 2:
        for _ in range(rng.randrange(1, 9)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data)
    if kind == 3:  # new SPIs, so that it looks like a stranger's
        at = 4 if data[:4] == b"\0\0\0\0" and len(data) > 32 else 0
        data[at:at + 8] = rng.randbytes(8)
        return bytes(data)
    cut = rng.randrange(len(data))
    return bytes(data[:cut]) + rng.randbytes(rng.randrange(1, 64)) + bytes(data[cut:])


def _udp(target, sources, count, seed, path):
    rng = random.Random(int(seed))
    with open(path, encoding="utf-8") as f:
        samples = [(port, bytes.fromhex(text)) for port, text in json.load(f) if text]
    sockets = []
    for n in range(64):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((sources.split(",")[n % len(sources.split(","))], 0))
        s.setblocking(False)
        sockets.append(s)
    sent = 0
    for n in range(int(count)):
        if samples and rng.random() < 0.7:
            port, data = rng.choice(samples)
            data = _mutant(rng, data)
        else:
            port, data = rng.choice((500, 4500)), rng.randbytes(rng.choice((0, 1, 3, 4, 8, 27, 28, 29, 100, 1400)))
        try:
            rng.choice(sockets).sendto(data, (target, port))
            sent += 1
        except BlockingIOError:
            time.sleep(0.001)
    print(sent)


def _tcp(target, source, count, seed):
    rng = random.Random(int(seed))
    held, opened = [], 0
    openmsg = b"\xff" * 16 + struct.pack("!HBBHHI", 29, 1, 4, 65515, 90, 0x0a64fffe) + b"\0"
    for _ in range(int(count)):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.settimeout(2)
        try:
            s.bind((source, 0))
            s.connect((target, 179))
        except OSError:
            s.close()
            continue
        opened += 1
        kind = rng.randrange(5)
        try:
            if kind == 1:
                s.sendall(rng.randbytes(rng.randrange(1, 5000)))
            elif kind == 2:
                s.sendall(openmsg[:rng.randrange(1, len(openmsg))])
            elif kind == 3:
                s.sendall(openmsg + b"\xff" * 16 + struct.pack("!HB", 65535, 2))
            elif kind == 4:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.close()
                continue
        except OSError:
            pass
        held.append(s)
        if len(held) > 100:
            held.pop(0).close()
    select.select([], [], [], 0.2)
    print(opened)


if __name__ == "__main__":
    {"record": _record, "udp": _udp, "tcp": _tcp, "inits": _inits}[sys.argv[1]](*sys.argv[2:])
