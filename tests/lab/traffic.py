# SPDX-License-Identifier: Apache-2.0
"""Traffic between namespaces: ping, a TCP transfer compared by checksum, and numbered UDP that counts what is lost.

The module is also the program that runs inside the namespaces: python3 traffic.py tcp-serve|tcp-send|udp-echo|udp-count.
"""
import hashlib
import json
import os
import socket
import struct
import sys
import time

_SELF = os.path.abspath(__file__)
_CHUNK = 1 << 18
_NUMBER = struct.Struct("!QQ")


# ---- for tests

def ping(ns, target, source=None, count=3, interval=0.2, size=56, timeout=15):
    """True when every ping came back."""
    argv = ["ping", "-n", "-c", str(count), "-i", str(interval), "-W", "3", "-s", str(size)]
    if source:
        argv += ["-I", source]
    done = ns.run(*argv, target, check=False, timeout=timeout + count * interval)
    return done.returncode == 0 and f" {count} received" in done.stdout


def oneway(ns, target):
    """A datagram each tenth of a second to where nobody answers, until it is killed."""
    return ns.spawn("oneway", "bash", "-c", f"while :; do echo x >/dev/udp/{target}/9; sleep 0.1; done")


def tcp_transfer(receiver, address, sender, size, seed, port=5201, timeout=300):
    """Sends `size` pseudo-random bytes; returns (sum of the sender, sum of the receiver, seconds)."""
    from lab.lab import LabError, wait_for
    server = receiver.spawn(f"tcp-serve-{receiver.short}-{port}", sys.executable, _SELF, "tcp-serve", address, str(port))
    wait_for("the TCP receiver", lambda: "listening" in server.output(), 60, alive=[server])
    begin = time.monotonic()
    client = sender.run(sys.executable, _SELF, "tcp-send", address, str(port), str(size), str(seed), timeout=timeout)
    if server.wait(60) != 0:
        raise LabError(f"TCP receiver: {server.output()}")
    return json.loads(client.stdout), json.loads(server.output().splitlines()[-1]), time.monotonic() - begin


class Counter:
    """Numbered UDP packets to an echo server, every `interval` seconds, until stopped; then says what didn't return."""

    def __init__(self, sender, address, echoer, interval=0.004, port=5300, size=200):
        from lab.lab import wait_for
        self.echo = echoer.spawn(f"udp-echo-{echoer.short}-{port}", sys.executable, _SELF, "udp-echo", address, str(port))
        wait_for("the UDP echo", lambda: "listening" in self.echo.output(), 60, alive=[self.echo])
        self.count = sender.spawn(f"udp-count-{sender.short}-{port}", sys.executable, _SELF, "udp-count", address,
                                  str(port), str(interval), str(size))
        wait_for("the first echo", lambda: "flowing" in self.count.output(), 60, alive=[self.count])

    def sent(self):
        numbers = [line.split()[1] for _, line in list(self.count.lines) if line.startswith("sent ")]
        return int(numbers[-1]) if numbers else 0

    def more(self, count=100, timeout=30):
        """Returns when `count` more packets have gone out than at the call."""
        from lab.lab import wait_for
        goal = self.sent() + count
        wait_for(f"{count} more packets", lambda: self.sent() >= goal, timeout, alive=[self.count])

    def stop(self):
        """{"sent", "received", "lost": [first numbers...], "duplicates"}"""
        self.count.stop()
        self.echo.stop()
        return json.loads(self.count.output().splitlines()[-1])


class Load:
    """Numbered packets both ways between two hosts, `rate` a second each way (udp_load.c), until stopped."""

    def __init__(self, a, a_address, b, b_address, rate, size=200, port=5400):
        from lab.causeway import release_binaries
        from lab.lab import wait_for
        program = f"{release_binaries()}/lab_udp_load"
        self.rate = rate
        self.ends = [a.spawn(f"load-{a.short}-{port}", program, a_address, str(port), b_address, str(port), str(rate), str(size)),
                     b.spawn(f"load-{b.short}-{port}", program, b_address, str(port), a_address, str(port), str(rate), str(size))]
        for end in self.ends:
            wait_for("packets to flow", lambda e=end: self._counts(e)[1] > rate // 4, 20, alive=[end])

    @staticmethod
    def _counts(end):
        """(sent, received) as it said last."""
        lines = [line.split() for _, line in list(end.lines)[-3:] if line.startswith("sent ")]
        return (int(lines[-1][1]), int(lines[-1][3])) if lines else (0, 0)

    def counts(self):
        return [self._counts(end) for end in self.ends]

    def stop(self):
        """Two dictionaries, a's receiver first: those of udp_load.c, with `lost` and the achieved `rate`."""
        import signal
        from lab.lab import wait_for
        for end in self.ends:
            end.signal(signal.SIGTERM)
        wait_for("both ends of the load to count", lambda: all("{" in end.output()[-2000:] for end in self.ends), 30)
        found = [json.loads(end.output().splitlines()[-1]) for end in self.ends]
        for mine, other in (found, found[::-1]):
            mine["lost"] = other["sent"] - mine["received"]
            mine["rate"] = round(other["sent"] / other["seconds"])
        return found


# ---- inside the namespace

def _stream(seed, size):
    """Pseudo-random bytes, quickly: one random block, each time with another number mixed into its head."""
    block = bytearray(hashlib.shake_256(seed.encode()).digest(_CHUNK))
    done = 0
    while done < size:
        block[:8] = struct.pack("!Q", done)
        n = min(_CHUNK, size - done)
        yield memoryview(block)[:n]
        done += n


def _tcp_serve(address, port):
    with socket.create_server((address, int(port))) as s:
        print("listening", flush=True)
        c, _ = s.accept()
        digest, size = hashlib.sha256(), 0
        with c:
            while True:
                data = c.recv(_CHUNK)
                if not data:
                    break
                digest.update(data)
                size += len(data)
            print(json.dumps({"bytes": size, "sha256": digest.hexdigest()}), flush=True)


def _tcp_send(address, port, size, seed):
    digest = hashlib.sha256()
    with socket.create_connection((address, int(port)), timeout=60) as s:
        for part in _stream(seed, int(size)):
            s.sendall(part)
            digest.update(part)
        s.shutdown(socket.SHUT_WR)
        s.recv(1)
    print(json.dumps({"bytes": int(size), "sha256": digest.hexdigest()}))


def _udp_echo(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        s.bind((address, int(port)))
        print("listening", flush=True)
        while True:
            data, peer = s.recvfrom(65536)
            s.sendto(data, peer)


def _udp_count(address, port, interval, size):
    import select
    import signal
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    s.connect((address, int(port)))
    step, seen, duplicates, sent, said = float(interval), set(), 0, 0, False
    pad = bytes(max(0, int(size) - _NUMBER.size))
    due = time.monotonic()
    last = None  # after the stop: until all are back, or 3 s of nothing

    while True:
        now = time.monotonic()
        if not stop and now >= due:
            try:
                s.send(_NUMBER.pack(sent, 0) + pad)
                sent += 1
                if sent % 25 == 0:
                    print(f"sent {sent}", flush=True)
            except OSError as e:  # an answer of the network to an earlier packet; it counts as that one's loss
                print(f"send: {e}", flush=True)
            due = max(due + step, now - 0.5)
        if stop:
            last = last or now
            if len(seen) == sent or now - last > 3:
                break
        if select.select([s], [], [], max(0, min(due - now, 0.05)) if not stop else 0.05)[0]:
            try:
                number = _NUMBER.unpack(s.recv(65536)[:_NUMBER.size])[0]
            except OSError as e:
                print(f"receive: {e}", flush=True)
                continue
            duplicates += number in seen
            seen.add(number)
            last = None if last is None else time.monotonic()
            if not said:
                said = True
                print("flowing", flush=True)
    lost = sorted(set(range(sent)) - seen)
    print(json.dumps({"sent": sent, "received": len(seen), "lost": lost[:20], "lost-count": len(lost),
                      "duplicates": duplicates}), flush=True)


if __name__ == "__main__":
    {"tcp-serve": _tcp_serve, "tcp-send": _tcp_send, "udp-echo": _udp_echo, "udp-count": _udp_count}[sys.argv[1]](
        *sys.argv[2:])
