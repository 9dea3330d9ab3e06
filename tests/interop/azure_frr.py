#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job once more, with FRR in BIRD's place."""
from lab import kernel, path
from lab.azure import Azure
from lab.case import run_case


def main(case):
    with case.lab() as lab:
        net = Azure(lab)
        net.start_swan()
        net.start_frr()
        before = kernel.snapshot(net.onprem)
        cw = net.causeway()
        path.comes_up(case, net, cw)
        path.pings(case, net)
        path.transfers(case, net, mib=64)
        path.down_and_up(case, net, cw, rounds=1)
        path.ends_clean(case, net, cw, before)


run_case("azure_frr", main)
