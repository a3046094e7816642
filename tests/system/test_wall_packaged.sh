#!/bin/sh
# What the installed files have root do in folders that belong to the daemon's user: logrotate
# does it as that user, and the folder of the pidfile is root's where the master is.
# Run where the sources are. Needs root and a user nobody; a part whose program is not there is
# left out.
set -eu

ok() {
	echo "[       OK ] $1"
}

skipped() {
	echo "[  SKIPPED ] $1"
}

fail() {
	echo "FAILED: $1" >&2
	exit 1
}

if [ "$(id -u)" != 0 ] || ! getent passwd nobody >/dev/null; then
	skipped 'needs root and a user nobody'
	exit 0
fi
group=$(id -gn nobody)
dir=$(mktemp -d /tmp/argond-packaged-XXXXXX)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"

# --- logrotate: the snippet with other paths, the user's name, and no daemon to be told
rotate() {
	sed -e "s|/var/log/argond|$dir/log|; s|su argond argond|su nobody $group|" \
		-e "s|create 0640 argond argond|create 0640 nobody $group|" \
		-e "s|/usr/sbin/argond .*|true|" master/argond.logrotate >"$dir/snippet"
	chmod 644 "$dir/snippet"
	logrotate -f -s "$dir/state" "$dir/snippet" >"$dir/said" 2>&1 || true
}

if command -v logrotate >/dev/null; then
	mkdir -m 750 "$dir/log"
	chown "nobody:$group" "$dir/log"
	for name in a b c; do
		echo "$name" >"$dir/log/$name.log"
		chmod 640 "$dir/log/$name.log"
		chown "nobody:$group" "$dir/log/$name.log"
	done
	rotate
	for name in a b c; do
		[ "$(cat "$dir/log/$name.log.1")" = "$name" ] || fail "not rotated: $(cat "$dir/said")"
		[ "$(stat -c '%U %a' "$dir/log/$name.log")" = 'nobody 640' ] || fail 'another log'
	done
	ok 'logs are rotated'

	# what the user may put there leads to nothing of root's
	echo secret >"$dir/victim"
	chmod 600 "$dir/victim"
	rm -f "$dir"/log/*
	ln -s "$dir/victim" "$dir/log/a.log"
	ln "$dir/victim" "$dir/log/b.log"
	echo c >"$dir/log/c.log"
	chown "nobody:$group" "$dir/log/c.log"
	ln -s "$dir/victim" "$dir/log/c.log.1.gz"
	rotate
	[ "$(cat "$dir/victim") $(stat -c '%U %a' "$dir/victim")" = 'secret root 600' ] ||
		fail "a file of root's was touched: $(cat "$dir/said")"
	ok "files of root's are not rotated"

	# its folder is another one by the time: there, a file of the user's would be made
	mv "$dir/log" "$dir/log.old"
	mkdir -m 755 "$dir/roots"
	echo system >"$dir/roots/system.log"
	ln -s "$dir/roots" "$dir/log"
	rotate
	[ "$(ls "$dir/roots")" = system.log ] && [ "$(cat "$dir/roots/system.log")" = system ] ||
		fail "rotated in a folder of root's: $(ls -l "$dir/roots")"
	[ "$(stat -c %U "$dir/roots/system.log")" = root ] || fail "a file of root's was given away"
	ok "nothing is made in a folder of root's"
else
	skipped 'logrotate is not there'
fi

# --- tmpfiles: root's at first, and as it is where somebody has it already
make_folders() {
	systemd-tmpfiles --create --root="$dir/root" "$dir/tmpfiles.conf" >"$dir/said" 2>&1 ||
		fail "systemd-tmpfiles: $(cat "$dir/said")"
}

if command -v systemd-tmpfiles >/dev/null; then
	mkdir -p "$dir/root/etc"
	cp /etc/passwd /etc/group "$dir/root/etc/"
	sed "s/ argond argond / nobody $group /" master/argond.tmpfiles >"$dir/tmpfiles.conf"
	make_folders
	[ "$(stat -c '%U %G %a' "$dir/root/run/argond")" = 'root root 755' ] ||
		fail "the folder of the pidfile is not root's: $(ls -ld "$dir/root/run/argond")"
	chown "nobody:$group" "$dir/root/run/argond" # as RuntimeDirectory= and User= do
	make_folders
	[ "$(stat -c '%U' "$dir/root/run/argond")" = nobody ] ||
		fail 'a folder was taken away from the master that runs'
	ok 'the folder of the pidfile belongs to the user of the master'
else
	skipped 'systemd-tmpfiles is not there'
fi
