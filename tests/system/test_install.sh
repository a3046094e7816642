#!/bin/sh
# make install: what is installed where, what stays, what make uninstall takes away.
# Run where the sources are, after the build.
set -eu

build=${ARGOND:-build/argond}
build=${build%/argond}
dir=$(mktemp -d /tmp/argond-install-XXXXXX)
trap 'rm -rf "$dir"' EXIT

ok() {
	echo "[       OK ] $1"
}

fail() {
	echo "FAILED: $1" >&2
	exit 1
}

run_make() {
	make --no-print-directory -s BUILD="$build" DESTDIR="$dir" PREFIX=/usr \
		SYSCONFDIR=/etc UNITDIR=/lib/systemd/system SYSUSERSDIR=/usr/lib/sysusers.d \
		TMPFILESDIR=/usr/lib/tmpfiles.d "$@" >"$dir.log" 2>&1 ||
		{
			cat "$dir.log" >&2
			rm -f "$dir.log"
			fail "make $*"
		}
	rm -f "$dir.log"
}

listing() {
	(cd "$dir" && find . -type f -printf '%m %P\n' | sort -k 2)
}

cat >"$dir.expected" <<'END'
644 etc/argond/argond.conf
644 etc/logrotate.d/argond
644 lib/systemd/system/argond.service
644 lib/systemd/system/argond.socket
644 usr/lib/sysusers.d/argond.conf
644 usr/lib/tmpfiles.d/argond.conf
755 usr/sbin/argond
644 usr/share/man/man5/argond.conf.5
644 usr/share/man/man7/argond-migrate.7
644 usr/share/man/man8/argond.8
END
trap 'rm -rf "$dir" "$dir.expected"' EXIT

run_make install
listing | diff "$dir.expected" - || fail 'not what should be installed'
ok 'the list'

"$dir/usr/sbin/argond" -v >"$dir/version"
grep -q '^argond [0-9]' "$dir/version" || fail 'the binary does not run'
"$dir/usr/sbin/argond" -T -c "$dir/etc/argond/argond.conf" -o "user=$(id -un)" >"$dir/config" ||
	fail 'the config is refused'
grep -q '^seed_routes = off' "$dir/config" || fail 'seed routes are on'
rm "$dir/version" "$dir/config"
ok 'binary and config work'

echo '# mine' >"$dir/etc/argond/argond.conf"
run_make install
[ "$(cat "$dir/etc/argond/argond.conf")" = '# mine' ] || fail 'the config was overwritten'
ok 'a config that is there stays'

run_make uninstall
[ "$(listing)" = '644 etc/argond/argond.conf' ] || fail "left behind: $(listing)"
ok 'uninstall leaves the config only'

run_make install PREFIX=/opt/argond SYSCONFDIR=/opt/argond/etc STATEDIR=/opt/argond/var
for file in lib/systemd/system/argond.service opt/argond/etc/logrotate.d/argond; do
	grep -q '/opt/argond/sbin/argond -c /opt/argond/etc/argond/argond.conf' "$dir/$file" ||
		fail "$file names other paths"
	! grep -Eq '/usr/sbin|[ =]/etc/argond' "$dir/$file" || fail "$file names other paths"
done
grep -q 'd /opt/argond/var ' "$dir/usr/lib/tmpfiles.d/argond.conf" ||
	fail 'another state folder is not made'
ok 'paths follow PREFIX and SYSCONFDIR'
