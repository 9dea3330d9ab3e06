#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same table through Causeway and other BGP speakers, one after the other on this machine, and through a program that does
nothing but write routes (the floor).

    bgp.py [--sizes 4000,100000,1000000] [--only Causeway,BIRD,...] [--work fill,churn,...] [--markdown FILE]

See tests/bench/bgp/. Programs are those of the release build (CAUSEWAY_BIN_RELEASE).
"""
import argparse
import json

from bench.bgp import report
from bench.bgp.picture import Picture
from bench.bgp.speakers import SPEAKERS
from bench.bgp.work import WORK, measure
from lab.case import run_case


def arguments():
    names = [s.name for s in SPEAKERS]
    p = argparse.ArgumentParser(description="BGP speakers side by side")
    p.add_argument("--sizes", default="4000,100000", help="prefixes, separated by commas")
    p.add_argument("--only", default=",".join(["floor", *names]), help=f"of floor,{','.join(names)}")
    p.add_argument("--work", default=",".join(WORK), help=f"of {','.join(WORK)}")
    p.add_argument("--sets", type=int, default=0, help="attribute sets; 0: a fiftieth of the prefixes, 200 to 2000")
    p.add_argument("--compat", type=int, default=1, choices=(0, 1),
                   help="net.ipv4.nexthop_compat_mode of the router's namespace; Causeway is told by its configuration")
    p.add_argument("--late", action="store_true", help="how late IKE and KEEPALIVEs are meanwhile, too (Causeway only)")
    p.add_argument("--patience", type=int, default=300, help="seconds that one step may take")
    p.add_argument("--markdown", help="write the tables there, too")
    o = p.parse_args()
    o.sizes, o.only, o.work = [int(s) for s in o.sizes.split(",")], o.only.split(","), o.work.split(",")
    if set(o.work) - set(WORK) or set(o.only) - {"floor", *names}:
        p.error("no such work or speaker")
    return o


def floor(case, size, options):
    with case.lab("bench-floor") as lab:
        picture = Picture(lab, options.sets or max(200, min(2000, size // 50)))
        picture.router.sysctl("net.ipv4.nexthop_compat_mode", options.compat)
        figures = json.loads(picture.floor(size))
        case.note(f"floor     {size:8} {figures}")
        return figures


def main(case):
    options = arguments()
    tables = {}
    for size in options.sizes:
        columns = tables[size] = {}
        if "floor" in options.only:
            with case.step(f"{size} prefixes: floor"):
                columns["floor"] = floor(case, size, options)
        for kind in SPEAKERS:
            if kind.name in options.only and size <= kind.largest:
                with case.step(f"{size} prefixes: {kind.name}"):
                    columns[kind.name] = measure(case, kind, size, options)
    text = report.markdown(tables)
    print(text)
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as f:
            f.write(text)


run_case("bgp", main)
