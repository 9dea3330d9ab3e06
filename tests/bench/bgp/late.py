# SPDX-License-Identifier: Apache-2.0
"""How late is anybody else answered while a table moves? Beside bench_probe, which asks the management API: an IKE peer that asks
every 5 ms (bench_ike_probe), and a BGP peer with a hold time of 3 s, which hears a KEEPALIVE each second.

Of Causeway only, with `--late`: it has one more peer then, and a tunnel that nobody uses."""
import copy

from bench.bgp.picture import FAR, ROUTER, VIA_A

IKE_PEER, BGP_PEER, BGP_AS = "172.16.3.77", "172.16.3.78", 65300
HOLD = 3


def configured(connector, secret_file):
    """The `connector` with the two peers in it."""
    connector = copy.deepcopy(connector)
    connector["peer"].append({"name": "late", "local-address": ROUTER["sink"], "peer-address": BGP_PEER, "peer-as": BGP_AS,
                              "mode": "passive", "hold-time": HOLD})
    connector["site"] = [{"name": "late", "profile": "generic-ikev2", "tunnel": [
        {"name": "t1", "role": "respond", "data-plane": "user", "local-address": ROUTER["sink"], "remote-address": [IKE_PEER],
         "secret-file": secret_file, "ike-proposal": ["aes256-sha256-modp2048"], "inside-address": ["10.255.255.1/32"]}]}]
    return connector


class Late:
    """The two peers in the sink's namespace, and what they saw in each step."""

    def __init__(self, picture):
        sink = picture.ns["sink"]
        mac = sink.ip_json("link", "show", "up0")[0]["address"]
        for address in (IKE_PEER, BGP_PEER):
            sink.ip("addr", "add", f"{address}/24", "dev", "up0")
            picture.router.ip("neigh", "replace", address, "lladdr", mac, "dev", "to-sink", "nud", "permanent")
        self.ike = picture.tool(sink, "bench_ike_probe", IKE_PEER, ROUTER["sink"])
        self.bgp = picture.tool(sink, "bench_talker", BGP_PEER, ROUTER["sink"], BGP_AS, picture.sets, HOLD)
        self.bgp.hear("established", 60)

    def begin(self):
        self.ike.ask("worst", "worst")
        self.bgp.say("reset")

    def figures(self, what, sessions):
        """[(figure, value, unit)] since `begin`."""
        worst, _, lost, sleep = self.ike.ask("worst", "worst")
        seen = [(f"{what}-ike", worst / 1e6, "ms"), (f"{what}-ike-lost", lost, "questions"), (f"{what}-sleep", sleep / 1e6, "ms")]
        return seen + ([(f"{what}-keepalive", self.bgp.ask("stats", "stats")[-1], "ms")] if sessions else [])


ROWS = [(f"{key}-{what}", f"{text}, {shown}", None)
        for key, text in (("fill", "all"), ("churn", "10 % changed"), ("withdraw", "all withdrawn"), ("failover", "failover"),
                          ("ecmp-loss", "one of two equal ways lost"), ("policy", "another import policy"),
                          ("refresh", "all told again"), ("rebuild", "another multipath"))
        for what, shown in (("ike", "longest answer of IKE (ms)"), ("sleep", "longest delay of a sleep on this machine (ms)"),
                            ("keepalive", "longest pause between KEEPALIVEs, 1000 asked for (ms)"))]


def policy(measured):
    """Every route is judged anew, and decided: local-pref by policy, which tells no second peer anything new."""
    before = copy.deepcopy(measured.speaker.daemon.config)
    config = copy.deepcopy(before)
    connector = config["causeway:connector"]
    connector["policy"] = [{"name": "p", "rule": [{"name": "1", "action": "accept", "set": {"local-pref": 200}}]}]
    connector["peer"][0]["import-policy"] = ["p"]
    measured.act("policy", lambda: measured.speaker.configure(config))
    measured.speaker.configure(before)
    measured.settle()


def refresh(measured):
    measured.act("refresh", lambda: measured.speaker.daemon.cli("bgp", "refresh", "sink", "--out"))


def rebuild(measured):
    """From a full table every session ends and starts anew; nobody announces again."""
    measured.step("", measured.announce(measured.a, FAR["a"], measured.next_generation()), fib=measured.whole(VIA_A), quiet=True)
    def changed():
        config = copy.deepcopy(measured.speaker.daemon.config)
        config["causeway:connector"]["multipath"] = 8
        return config
    measured.act("rebuild", lambda: measured.speaker.configure(changed()), sessions=False)
