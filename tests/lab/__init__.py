# SPDX-License-Identifier: Apache-2.0
"""The interop lab: networks of namespaces with other people's daemons in them.

lab.py         a lab: namespaces, links, processes, waiting, and cleaning up whatever happens
causeway.py    one causewayd and its command line
strongswan.py  charon with user-space ESP
bird.py, frr.py, gobgp.py, openbgpd.py, exabgp.py  BGP speakers; router.py  what the tables of tests need of each
azure.py       the usual picture: a LAN, a causewayd, a route-based gateway, a host behind it
nat.py, outer.py  a NAT, and a router that counts, marks and gets narrow, on the way
traffic.py     ping, TCP with checksums, numbered UDP
load.py        something done while numbered packets flow, and the judgement of what became of them
counters.py    every counter of dropped packets on the way        rekeys.py  rekeys one after the other, by either end
kernel.py      what a namespace's kernel holds, to read and to compare
case.py        the frame of a test program: steps, and all logs when one fails

Nothing here sleeps for luck: tests wait for states, with a deadline.
"""
