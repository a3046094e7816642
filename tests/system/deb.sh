#!/bin/sh
# The Debian package in a Debian of its own: install, start, hash, reload, upgrade under
# load, refuse a bad upgrade, remove, purge, and see what is left. Run where the sources
# are, by root.
#   DEB_BASE=folder   a fresh debootstrap of bookworm, which is copied; else one is made
#                     (once) in build/deb-base
set -eu

skip() {
	echo "skipped: $1"
	exit 0
}

[ "$(id -u)" = 0 ] || skip 'root is needed for a chroot'
command -v debootstrap >/dev/null || skip 'debootstrap is not installed'
unshare -mnpf true 2>/dev/null || skip 'no namespaces can be made here'
command -v ip >/dev/null || skip 'ip (iproute2) is not installed'

root=build/deb-root
base=${DEB_BASE:-build/deb-base}
mkdir -p build
if [ ! -e "$base/etc/debian_version" ]; then
	debootstrap --variant=minbase bookworm "$base" >build/debootstrap.log 2>&1 ||
		{
			tail build/debootstrap.log
			exit 1
		}
fi
rm -rf "$root"
cp -a "$base" "$root"
trap 'rm -rf "$root"' EXIT
mkdir "$root/debs"
for revision in 1 2; do
	make --no-print-directory deb DEB_REVISION="$revision" >build/deb.log 2>&1 ||
		{
			tail build/deb.log
			exit 1
		}
	cp build/deb/argond_*.deb "$root/debs/argond_$revision.deb"
done
! command -v lintian >/dev/null ||
	lintian --allow-root --profile debian --fail-on error,warning build/deb/*.changes
cp tests/system/deb_inside.sh "$root/debs/inside.sh"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# what it needs from the network, with the same apt that an administrator would use
chroot "$root" sh -c 'export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq && apt-get install -y -qq --no-install-recommends \
	/debs/argond_1.deb curl procps' >build/deb-apt.log 2>&1 ||
	{
		tail build/deb-apt.log
		exit 1
	}
# its own processes and ports: nothing that it does is seen outside
# shellcheck disable=SC2016
unshare -mnpf --kill-child sh -c 'ip link set lo up && mount -t proc proc "$1/proc" &&
	chroot "$1" sh /debs/inside.sh; status=$?; umount "$1/proc"; exit $status' - "$root"
