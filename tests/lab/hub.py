# SPDX-License-Identifier: Apache-2.0
"""Speakers of others between us and more of them: the router of lab/router.py with further sessions, which are opened by the other
side. It passes on what it is taught, as the best path, as all paths (RFC 7911), or as a route reflector's (RFC 4456)."""
from dataclasses import dataclass

from lab.bird import BirdRouter
from lab.frr import FrrRouter
from lab.gobgp import GobgpRouter
from lab.openbgpd import OpenbgpdRouter


@dataclass(frozen=True)
class Other:
    """A further session of the hub's; local: the hub's own address."""
    address: str
    local: str
    asn: int


def _bird(ns, name, s, others, paths, reflects):
    client = "rr client;" if reflects else ""
    more = "".join(f"""protocol bgp other{n} {{
  local {o.local} as {s.asn};
  neighbor {o.address} as {o.asn};
  {'multihop' if reflects else 'direct'};
  passive yes;
  {client}
  {s.family} {{ import all; export all; }};
}}
""" for n, o in enumerate(others))
    return BirdRouter(ns, name, s, options=client, channel="add paths tx;" if paths else "", more=more, relays=True, hops="multihop" if reflects else "direct")


def _frr(ns, name, s, others, paths, reflects):
    lines = [f"neighbor {o.address} {line}" for o in others for line in (f"remote-as {o.asn}", "passive")]
    family = [f"neighbor {o.address} activate" for o in others]
    if reflects:
        family += [f"neighbor {a} route-reflector-client" for a in (s.peer, *(o.address for o in others))]
    if paths:
        family.append(f"neighbor {s.peer} addpath-tx-all-paths")
    return FrrRouter(ns, name, s, lines=lines, family_lines=family)


def _gobgp(ns, name, s, others, paths, reflects):
    family = f' [[neighbors.afi-safis]]\n [neighbors.afi-safis.config]\n afi-safi-name = "{s.family}-unicast"\n'
    client = f' [neighbors.route-reflector.config]\n route-reflector-client = true\n route-reflector-cluster-id = "{s.router_id}"\n'
    client = client if reflects else ""
    more = "".join(f'[[neighbors]]\n [neighbors.config]\n neighbor-address = "{o.address}"\n peer-as = {o.asn}\n'
                   f' [neighbors.transport.config]\n local-address = "{o.local}"\n passive-mode = true\n{client}{family}' for o in others)
    options = " [neighbors.afi-safis.add-paths.config]\n send-max = 8\n" if paths else ""
    router = GobgpRouter(ns, name, s, options=options + client, more=more)
    listen = ", ".join(f'"{a}"' for a in sorted({s.local, *(o.local for o in others)}))
    router.text = router.text.replace(f'local-address-list = ["{s.local}"]', f"local-address-list = [{listen}]")
    return router


def _openbgpd(ns, name, s, others, paths, reflects):
    own = " announce IPv6 unicast\n announce IPv4 none\n" if s.six else ""
    client = " route-reflector\n" if reflects else ""
    more = "".join(f"listen on {a}\n" for a in sorted({o.local for o in others} - {s.local}))
    more += "".join(f"neighbor {o.address} {{\n remote-as {o.asn}\n local-address {o.local}\n passive\n{own}{client}}}\n" for o in others)
    return OpenbgpdRouter(ns, name, s, options=client + (" announce add-path send all" if paths else ""), more=more)


_HUBS = {BirdRouter: _bird, FrrRouter: _frr, GobgpRouter: _gobgp, OpenbgpdRouter: _openbgpd}


def hub(kind, ns, name, session, others, paths=False, reflects=False):
    """A Router of that kind, not yet started; `others` connect to it. paths: it tells us all paths; reflects: we and the others are
    its clients, of the cluster that its router id names."""
    return _HUBS[kind](ns, name, session, others, paths, reflects)
