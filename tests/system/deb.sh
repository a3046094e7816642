#!/bin/sh
# The Debian package in a Debian of its own: install, start, hash, reload, upgrade under
# load, refuse a bad upgrade, remove, purge, and see what is left. Run where the sources
# are, by root. The package is built here, so that Debian is of the same release.
set -eu
# shellcheck source=tests/system/chroot.sh
. "${0%/*}/chroot.sh"

root=build/deb-root
chroot_need
# shellcheck disable=SC1091 # of the system
chroot_base "$(. /etc/os-release && echo "${VERSION_CODENAME:-testing}")"
trap 'rm -rf "$root"' EXIT
chroot_copy "$base" "$root"
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
# what it needs from the network, with the same apt that an administrator would use
chroot_run "$root" 'export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq && apt-get install -y -qq --no-install-recommends \
	/debs/argond_1.deb curl procps' >build/deb-apt.log 2>&1 ||
	{
		tail build/deb-apt.log
		exit 1
	}
chroot_run "$root" 'sh /debs/inside.sh'
