/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine refuses: sockets, interfaces, addresses, rights, programs that are missing.
 */
#include "connector/mgmt/catalogue_internal.h"

const struct catalogue_entry catalogue_host[] = {
	{
	    .id = "socket-in-use",
	    .means = "A port or socket that is needed is taken.",
	    .cause = { "another IKE daemon (charon, pluto, iked) or another causewayd runs in this network "
	               "namespace" },
	    .here = "stop the other one, or use another -s SOCKET",
	    .look = "`ss -lunp`, `systemctl list-units 'strongswan*' 'ipsec*'`",
	},
	{
	    .id = "record-not-opened",
	    .means = "A file to record BGP to can't be made: nothing is recorded now.",
	    .cause = { "a directory that is not there",
	        "a directory that the daemon may not write to, also by "
	        "its unit (ProtectSystem, ReadWritePaths)",
	        "a full disk" },
	    .here = "the directory of `mrt` `file`, its owner and the unit's ReadWritePaths; it is tried "
	            "again by "
	            "itself",
	    .look = "`causeway bgp summary --json`: mrt",
	},
	{
	    .id = "record-not-written",
	    .means = "A file that BGP is recorded to can't be written: what comes is dropped and counted.",
	    .cause = { "a full disk, or a quota", "a disk that fails" },
	    .here = "make room, or lower `keep` and `rotate-mbytes` of `mrt`; it goes on by itself",
	    .look = "`df`, `causeway bgp summary --json`: mrt",
	},
	{
	    .id = "record-queue-full",
	    .means = "More came from BGP peers than the disk took: some records of it are not written.",
	    .cause = { "a whole table at once on a slow disk", "a disk that hangs" },
	    .here = "a faster disk for `mrt` `file`, or `messages` `updates`",
	    .look = "`causeway bgp summary --json`: mrt, dropped",
	},
	{
	    .id = "socket-not-permitted",
	    .means = "A port can't be opened for lack of rights.",
	    .cause = { "not root, and without CAP_NET_BIND_SERVICE" },
	    .here = "the unit's AmbientCapabilities",
	},
	{
	    .id = "socket-failed",
	    .means = "A UDP or raw socket can't be opened.",
	    .cause = { "the reason the kernel gave" },
	    .here = "what the kernel named",
	},
	{
	    .id = "nexthop-compat-refused",
	    .means =
	        "The kernel's setting net.ipv4.nexthop_compat_mode can't be set to 0, as `nexthop-compat` "
	        "wants it.",
	    .cause = { "a container or a unit whose /proc/sys can't be written", "a kernel before 5.8" },
	    .here =
	        "set it from outside with sysctl, or leave the leaf out: only the speed of a failover under "
	        "very many routes depends on it",
	    .look = "`sysctl net.ipv4.nexthop_compat_mode`",
	},
	{
	    .id = "nexthop-compat-left",
	    .means = "net.ipv4.nexthop_compat_mode could not be put back to 1 and stays 0.",
	    .cause = { "/proc/sys can't be written any more" },
	    .here = "`sysctl net.ipv4.nexthop_compat_mode=1`",
	},
	{
	    .id = "socket-path-too-long",
	    .means = "The path of the management socket is too long.",
	    .cause = { "the system allows 107 bytes" },
	    .here = "-s SOCKET with a shorter path",
	},
	{
	    .id = "socket-not-opened",
	    .means = "The management socket can't be made.",
	    .cause = { "its folder is missing or not writable" },
	    .here = "-s SOCKET, or the folder's permissions",
	},
	{
	    .id = "socket-dir",
	    .means = "The management socket's folder can't be made.",
	    .cause = { "its parent is not writable" },
	    .here = "-s SOCKET, or RuntimeDirectory= of the unit",
	},
	{
	    .id = "state-dir",
	    .means = "The state directory can't be made.",
	    .cause = { "its parent is not writable" },
	    .here = "-d STATE_DIR, or StateDirectory= of the unit",
	},
	{
	    .id = "plane-failed",
	    .means = "The data plane can't start.",
	    .cause = { "memory or descriptors are out" },
	    .here = "LimitNOFILE= of the unit",
	},
	{
	    .id = "esp-unsupported",
	    .means = "An SA's algorithms can't be used together here.",
	    .cause = { "the crypto library lacks one of them" },
	    .here = "esp-proposal",
	},
	{
	    .id = "spi-in-use",
	    .means = "An SPI is taken by another SA.",
	    .cause = { "a fault of causewayd" },
	    .here = "nothing; report it",
	},
	{
	    .id = "sa-without-tunnel",
	    .means = "An SA has no tunnel interface.",
	    .cause = { "the interface was deleted meanwhile" },
	    .here = "nothing: it is made anew",
	},
	{
	    .id = "interface-exists",
	    .means = "The tunnel's interface exists and isn't ours.",
	    .cause = { "another program made one of the same name" },
	    .here = "interface, or `ip link del NAME`",
	},
	{
	    .id = "interface-not-permitted",
	    .means = "The tunnel's interface can't be made for lack of rights.",
	    .cause = { "without CAP_NET_ADMIN" },
	    .here = "the unit's AmbientCapabilities",
	},
	{
	    .id = "interface-no-tun",
	    .means = "/dev/net/tun is missing.",
	    .cause = { "the kernel's module tun is not loaded, or a container hides the device" },
	    .here = "`modprobe tun`, or give the container /dev/net/tun",
	},
	{
	    .id = "interface-failed",
	    .means = "The tunnel's interface can't be made.",
	    .cause = { "the reason the kernel gave" },
	    .here = "what the kernel named",
	},
	{
	    .id = "interface-mtu",
	    .means = "The interface's MTU can't be set.",
	    .cause = { "the reason the kernel gave" },
	    .here = "what the kernel named",
	},
	{
	    .id = "interface-address",
	    .means = "An address can't be put on the interface.",
	    .cause = { "the reason the kernel gave" },
	    .here = "inside-address",
	},
	{
	    .id = "interface-deleted",
	    .means = "Somebody deleted our interface; it was made anew.",
	    .cause = { "another program or an administrator" },
	    .here = "nothing",
	    .look = "`ip monitor link`",
	},
	{
	    .id = "interface-of-another-tunnel",
	    .means = "The interface belongs to another tunnel until this change is done.",
	    .cause = { "two tunnels swap names in one change" },
	    .here = "interface, in two changes",
	},
	{
	    .id = "inside-address-in-use",
	    .means = "The inside address is on another interface already.",
	    .cause = { "it was put there by hand or by another program" },
	    .here = "remove it there, or leave inside-address out",
	},
	{
	    .id = "domain-unreachable",
	    .means = "A network namespace can't be entered.",
	    .cause = { "it was deleted, or rights are missing" },
	    .here = "the namespace",
	},
	{
	    .id = "netlink-open",
	    .means = "The kernel's netlink can't be opened or watched.",
	    .cause = { "rights are missing" },
	    .here = "run with CAP_NET_ADMIN",
	},
	{
	    .id = "nft-missing",
	    .means = "The program nft is missing, so TCP's segment size is not clamped.",
	    .cause = { "nftables is not installed" },
	    .here = "install nftables",
	},
	{
	    .id = "nft-failed",
	    .means = "nft refused or did not end.",
	    .cause = { "the kernel lacks nftables", "another program holds its lock" },
	    .here = "what nft said, in the text",
	    .look = "`nft list ruleset`",
	},
	{
	    .id = "thread",
	    .means = "A thread can't be started.",
	    .cause = { "memory or the limit of tasks is out" },
	    .here = "TasksMax= of the unit",
	},
	{
	    .id = "no-memory",
	    .means = "Memory was out.",
	    .cause = { "the machine or the unit has too little" },
	    .here = "MemoryMax= of the unit, or the machine",
	    .look = "`dmesg`",
	},
	{
	    .id = "out-of-memory",
	    .means = "Memory was out.",
	    .cause = { "the machine or the unit has too little" },
	    .here = "MemoryMax= of the unit, or the machine",
	    .look = "`dmesg`",
	},
	{
	    .id = "data-plane-mixed",
	    .means = "Tunnels ask for different data planes.",
	    .cause = { "one says kernel, another user; all share one" },
	    .here = "data-plane of one of them",
	},
	{
	    .id = "data-plane-auto",
	    .means = "Which data plane was chosen, and why.",
	    .cause = { "data-plane is auto" },
	    .here = "data-plane, to choose yourself",
	},
	{
	    .id = "data-plane-configured",
	    .means = "The data plane is as configured.",
	    .cause = { "data-plane says so" },
	    .here = "nothing",
	},
	{
	    .id = "data-plane-no-kernel",
	    .means = "The kernel's own ESP can't be used.",
	    .cause = { "its modules are missing (xfrm_user, xfrm_interface, esp4, esp6)",
	        "rights are missing", "an old kernel" },
	    .here = "load the modules, or data-plane: user",
	    .look = "`modprobe xfrm_interface esp4`, the reason in the text",
	},
	{
	    .id = "esp-no-local-address",
	    .means = "An SA's own outer address is not known.",
	    .cause = { "no route to the peer" },
	    .here = "local-address, or the route to the peer",
	    .look = "`ip route get PEER`",
	},
	{
	    .id = "selectors-too-many",
	    .means = "The traffic selectors need more kernel policies than there may be.",
	    .cause = { "ranges that are no prefixes" },
	    .here = "nothing",
	    .there = "selectors any to any, or prefixes",
	},
	{
	    .id = "sa-deleted",
	    .means = "Another program deleted our SA from the kernel.",
	    .cause = { "`ip xfrm state flush`, or another IKE daemon" },
	    .here = "stop that program; the tunnel pairs again by itself",
	    .look = "`ip xfrm monitor`",
	},
	{
	    .id = "xfrm-missing",
	    .means = "The kernel has no XFRM.",
	    .cause = { "it was built without, or the module xfrm_user is missing" },
	    .here = "`modprobe xfrm_user`, or data-plane: user",
	},
	{
	    .id = "xfrm-open",
	    .means = "The kernel's XFRM can't be opened.",
	    .cause = { "rights are missing" },
	    .here = "run with CAP_NET_ADMIN",
	},
	{
	    .id = "xfrm-policy",
	    .means = "The kernel refuses a policy.",
	    .cause = { "the reason the kernel gave" },
	    .here = "what the kernel named",
	    .look = "`ip xfrm policy`",
	},
	{
	    .id = "xfrm-state",
	    .means = "The kernel refuses an SA.",
	    .cause = { "it lacks an algorithm", "the reason the kernel gave" },
	    .here = "esp-proposal, or the kernel's crypto modules",
	    .look = "`cat /proc/crypto`, `ip xfrm state`",
	},
	{
	    .id = "data-plane-no-trigger",
	    .means = "Packets can't bring an on-demand tunnel up: they can't be seen or kept.",
	    .cause = { "causewayd lacks CAP_NET_RAW (in the kernel's data plane)", "memory is short" },
	    .here = "the service's capabilities, or start: always; by hand, causeway tunnel up",
	},
	{
	    .id = "restart-user-plane",
	    .means = "SIGUSR2 can't keep tunnels whose ESP runs in the daemon's own process; it was a stop "
	             "like any "
	             "other.",
	    .cause = { "data-plane is user, or auto on a kernel without xfrm interfaces" },
	    .here = "data-plane: kernel, where the kernel can",
	    .look = "`causeway tunnel show`: data-plane-note; docs/restart.md",
	},
	{
	    .id = "restart-record-unwritten",
	    .means = "SIGUSR2 could not write down what to keep, so the daemon goes on.",
	    .cause = { "the state directory is full or read-only" },
	    .here = "the state directory (-d)",
	},
	{
	    .id = "restart-record-refused",
	    .means = "The record of the run before is not believed; the start is an ordinary one.",
	    .cause = { "it is of another boot or another network namespace",
	        "somebody else could write it, or has", "another version of the program wrote it" },
	    .here = "nothing; the state directory belongs to the daemon alone",
	    .look = "docs/restart.md",
	},
	{
	    .id = "restart-record-late",
	    .means = "The daemon came back after its restart time; what the run before left is removed.",
	    .cause = { "the upgrade took longer than graceful-restart/restart-time" },
	    .here = "graceful-restart/restart-time",
	    .look = "docs/restart.md",
	},
	{
	    .id = "restart-tunnel-late",
	    .means =
	        "After a restart a tunnel did not pair again in time; the SAs of the run before are removed.",
	    .cause = { "the gateway does not answer", "role is respond, and the gateway did not begin" },
	    .here = "graceful-restart/restart-time, role",
	    .look = "`causeway status`, the tunnel's error",
	},
	{
	    .id = "restart-peer-not-full",
	    .means = "A BGP peer withdraws our routes while we restart: it was not asked to keep them.",
	    .cause = { "graceful-restart/mode is helper, the default" },
	    .here = "graceful-restart/mode: full",
	    .look = "`causeway bgp peer NAME`: graceful-restart",
	},
	{
	    .id = "name-not-resolved",
	    .means = "A gateway's name gives no address.",
	    .cause = { "a misspelt name",
	        "the name server can't be reached: is the way to it through this very tunnel?" },
	    .here = "remote-address, or the name server of this machine",
	    .look = "`getent ahosts NAME`, `resolvectl status`",
	},
	{ .id = NULL },
};
