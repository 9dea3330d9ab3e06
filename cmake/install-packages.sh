# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by connector/quickstart and tests/run: installs Debian packages that are missing, without starting or
# enabling any service that comes with them (strongSwan, BIRD and FRR would otherwise run on the whole machine).

# shellcheck disable=SC2034 # all lists: used by those who source this
CW_BUILD_PACKAGES=(gcc libc6-dev cmake ninja-build pkg-config libssl-dev libevent-dev libyang2-dev libjansson-dev
	libmnl-dev libcurl4-openssl-dev libsystemd-dev)
# shellcheck disable=SC2034
CW_RUN_PACKAGES=(iproute2 iputils-ping nftables procps util-linux mount)
# shellcheck disable=SC2034
CW_TEST_PACKAGES=(python3 openssl libcmocka-dev clang libclang-rt-14-dev clang-format shellcheck tcpdump strongswan-swanctl
	charon-systemd libcharon-extra-plugins libcharon-extauth-plugins libstrongswan-standard-plugins libstrongswan-extra-plugins bird2 frr
	gobgpd openbgpd exabgp tshark)
# What tests/lab/kernel_lab boots: a kernel with IPsec in an emulated machine. (Its package
# makes an initrd, too, which nothing here uses; no boot loader is touched.)
# shellcheck disable=SC2034
CW_LAB_PACKAGES=(linux-image-cloud-amd64 qemu-system-x86 qemu-system-common busybox-static cpio kmod)
# Peers whose packages can't be installed beside strongSwan's: unpacked by cw_unpack, each with what it needs and isn't there.
# shellcheck disable=SC2034
CW_PEER_libreswan=(libreswan libnss3-tools libnss3 libnspr4 libcurl3-nss libldap-2.5-0 libldns3 libunbound8
	libevent-core-2.1-7 libevent-pthreads-2.1-7 libprotobuf-c1 libhiredis0.14 libcap-ng0 libaudit1)
# shellcheck disable=SC2034
CW_PEER_openiked=(openiked)
CW_SERVICES=(strongswan.service strongswan-starter.service bird.service frr.service gobgpd.service openbgpd.service
	bgplgd.service exabgp.service nftables.service)

cw_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Debian asks this file before it starts a service; what was there before comes back.
cw_policy=/usr/sbin/policy-rc.d
cw_forbid_services() {
	cw_policy_saved=
	if [ -e $cw_policy ]; then
		cw_policy_saved=$(mktemp)
		cp -p $cw_policy "$cw_policy_saved"
	fi
	printf '#!/bin/sh\nexit 101\n' >$cw_policy
	chmod 755 $cw_policy
}
cw_allow_services() {
	if [ -n "$cw_policy_saved" ]; then
		cp -p "$cw_policy_saved" $cw_policy
		rm -f "$cw_policy_saved"
	else
		rm -f $cw_policy
	fi
}

# cw_apt_install PACKAGE...: nothing at all, not even apt-get update, when all of them are there.
cw_apt_install() {
	local p s missing=() quiet_services=() ok=0
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		echo "this is no Debian: install what these packages hold yourself: $*" >&2
		return 1
	fi
	for p in "$@"; do cw_installed "$p" || missing+=("$p"); done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ]; then
		echo "not installed, and only root may install: ${missing[*]}" >&2
		return 1
	fi
	echo "installing ${missing[*]}"
	if command -v systemctl >/dev/null; then
		for s in "${CW_SERVICES[@]}"; do
			[ -e "/lib/systemd/system/$s" ] || quiet_services+=("$s")
		done
	fi
	(
		cw_forbid_services
		trap cw_allow_services EXIT
		export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
		apt-get -qq update && apt-get -qq -y install --no-install-recommends "${missing[@]}"
	) >/tmp/causeway-apt.$$ 2>&1 || ok=$?
	if [ $ok != 0 ]; then
		tail -n 20 /tmp/causeway-apt.$$ >&2
		echo "apt-get failed with $ok (the whole text is in /tmp/causeway-apt.$$)" >&2
		return 1
	fi
	rm -f /tmp/causeway-apt.$$
	for s in "${quiet_services[@]}"; do # they came just now: not at the next boot either
		if [ -e "/lib/systemd/system/$s" ]; then systemctl disable --quiet "$s" 2>/dev/null || true; fi
	done
}

# cw_unpack DIRECTORY NAME PACKAGE...: unpacks packages below DIRECTORY/NAME, without installing them. The downloads stay in
# DIRECTORY/cache; when all is there, nothing is asked of the network.
cw_unpack() {
	local dir=$1 name=$2 p ok=1
	shift 2
	[ "$(cat "$dir/$name/.unpacked" 2>/dev/null)" = "$*" ] && return 0
	echo "unpacking $name into $dir/$name"
	mkdir -p "$dir/cache" && rm -rf "${dir:?}/$name" && mkdir "$dir/$name" || return 1
	for p in "$@"; do
		compgen -G "$dir/cache/${p}_*.deb" >/dev/null || ok=0
	done
	if [ $ok = 0 ]; then
		(cd "$dir/cache" && apt-get -qq -o APT::Sandbox::User=root download "$@") ||
			{ apt-get -qq update && (cd "$dir/cache" && apt-get -qq -o APT::Sandbox::User=root download "$@"); } || return 1
	fi
	for p in "$@"; do
		dpkg -x "$(compgen -G "$dir/cache/${p}_*.deb" | tail -n 1)" "$dir/$name" || return 1
	done
	echo "$*" >"$dir/$name/.unpacked"
}

# cw_as_owner COMMAND...: under sudo, build as the user who called it, so that the tree stays theirs.
cw_as_owner() {
	if [ "$(id -u)" = 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ] &&
		[ "$(stat -c %U .)" = "$SUDO_USER" ]; then
		runuser -u "$SUDO_USER" -- "$@"
	else
		"$@"
	fi
}

cw_require() { # cw_require COMMAND...: a missing tool fails, it never skips
	local c bad=0
	for c in "$@"; do
		command -v "$c" >/dev/null || { echo "missing: $c" >&2; bad=1; }
	done
	return $bad
}
