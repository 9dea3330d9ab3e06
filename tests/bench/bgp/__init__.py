# SPDX-License-Identifier: Apache-2.0
"""The routing benchmark: the same table through each BGP speaker, side by side (tests/bench/bgp.py).

picture.py   the namespaces, and the programs in them that feed, listen and watch the FIB
speakers.py  the daemons under test, configured to do the same
work.py      what is done and measured: fill, churn, single, withdraw, failover, ecmp
late.py      how late others are answered meanwhile: IKE, KEEPALIVEs
report.py    the table for people, and for docs/performance.md
In C (CMakeLists.txt): talker.c a BGP speaker that feeds and counts, fib_watch.c, nl_floor.c, probe.c, ike_probe.c,
and what they share.
"""
