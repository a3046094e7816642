# shellcheck shell=sh
# Fresh Debians in folders, for the tests that read this in. A base is made once by
# debootstrap and copied for each test; what runs in a copy has mounts, processes and a
# network of its own, except that apt-get there uses the host's network.
#   CHROOT_BASES=folder   where the bases are, a folder for each suite (build/chroot)

chroot_skip() {
	echo "skipped: $1"
	exit 0
}

# Ends the test, as skipped, where no chroot can be made. Installs what that takes.
chroot_need() {
	[ "$(id -u)" = 0 ] || chroot_skip 'root is needed for a chroot'
	unshare -mnpf true 2>/dev/null || chroot_skip 'no namespaces can be made here'
	sh tests/packages.sh chroot debootstrap iproute2 ||
		chroot_skip 'debootstrap and iproute2 are needed for a chroot'
}

# $1: suite. Sets `base`, which is made if it is not there yet.
chroot_base() {
	base=${CHROOT_BASES:-build/chroot}/$1
	[ ! -e "$base/etc/debian_version" ] || return 0
	rm -rf "$base.new"
	mkdir -p "$base.new" build/log
	debootstrap --variant=minbase --include=git,make "$1" "$base.new" \
		>"build/log/debootstrap-$1.log" 2>&1 || {
		tail "build/log/debootstrap-$1.log"
		return 1
	}
	rm -f "$base.new"/var/cache/apt/archives/*.deb
	mv "$base.new" "$base"
}

# $1: base, $2: where the copy goes. The lists of a base that is kept for long expire.
chroot_copy() {
	rm -rf "$2"
	mkdir -p "$2"
	cp -a "$1/." "$2"
	cp -L /etc/resolv.conf "$2/etc/resolv.conf"
	echo 'Acquire::Check-Valid-Until "false";' >"$2/etc/apt/apt.conf.d/99chroot"
	cat >"$2/usr/local/sbin/apt-get" <<-'END'
		#!/bin/sh
		exec nsenter --net=/run/host-net /usr/bin/apt-get "$@"
	END
	chmod 755 "$2/usr/local/sbin/apt-get"
	: >"$2/run/host-net"
}

# $1: root, $2: a command for sh. With /proc, /tmp and the devices that a container has.
chroot_run() {
	# shellcheck disable=SC2016 # the inner shells expand it
	unshare -m sh -ec 'mount --bind /proc/self/ns/net "$1/run/host-net"
		exec unshare -npf --kill-child sh -ec "$3" - "$1" "$2"' - "$1" "$2" '
		ip link set lo up
		mount --rbind "$1" "$1" # some mounts want a / that is one
		mount -t proc proc "$1/proc"
		mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
		mount -t tmpfs -o mode=755 tmpfs "$1/dev"
		mkdir "$1/dev/shm" "$1/dev/pts"
		mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
		ln -s pts/ptmx "$1/dev/ptmx"
		ln -s /proc/self/fd "$1/dev/fd"
		for device in null zero full random urandom tty; do
			[ -e "/dev/$device" ] || continue
			: >"$1/dev/$device"
			mount --bind "/dev/$device" "$1/dev/$device"
		done
		exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root chroot "$1" sh -c "$2"'
}
