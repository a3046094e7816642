#!/bin/sh
# The inside of deb.sh: runs in the chroot, where argond_1.deb has been installed with what
# it depends on, and systemd does not run.
set -eu

url=http://127.0.0.1:8080
work=/debs
pidfile=/run/argond/argond.pid

step() {
	echo "ok    $1"
}

fail() {
	echo "FAIL  $1"
	cat /var/log/argond/*.log "$work"/*.out 2>/dev/null || true
	exit 1
}

# What an administrator would find, but for what belongs to apt, dpkg and this test.
listing() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path "$work" -o -path /tmp \
		-o -path /var/lib/dpkg -o -path /var/cache -o -path /var/lib/apt \
		-o -path /var/log/apt -o -path /var/lib/systemd \) -prune -o -print |
		grep -v '^/var/log/\(dpkg\|alternatives\).log$' | grep -v '^/etc/[.a-z]*-$' |
		grep -v '^/etc/\.pwd\.lock$' | sort
}

hash() {
	curl -s "$url/hash/hunter2"
}

started() {
	argond -d -o log=/var/log/argond/argond.log -o seed_routes=on
}

package() {
	DEBIAN_FRONTEND=noninteractive apt-get "$@" >"$work/apt.out" 2>&1 || fail "apt-get $*"
}

# Requests on connections that are kept, as long as $work/load is there; a line for each.
load() {
	while [ -e "$work/load" ]; do
		curl -s -o /dev/null -w '%{http_code}\n' "$url/$1[1-40]" || echo "curl $?"
	done >"$work/load.$2"
}

# --- from nothing to nothing, for the listing to compare with
package purge -y argond
listing >"$work/before"
package install -y "$work/argond_1.deb"
[ "$(dpkg-query -W -f '${Status}' argond)" = 'install ok installed' ] || fail 'not installed'
argond -t || fail 'the installed config is refused'
step 'installs'

started
first=$(cat $pidfile)
hash | grep -q '^Hashed password: .argon2id.v=19.m=19456,t=2,p=1.' || fail 'does not hash'
[ "$(stat -c %U /var/lib/argond)" = argond ] || fail 'state is not the daemon'"'"'s'
[ "$(curl -s "$url/user/1")" = 'User data for ID 1' ] || fail 'does not look up'
step 'starts, hashes, looks up'

argond -s reload || fail 'reload'
[ "$(cat $pidfile)" = "$first" ] || fail 'a reload has changed the master'
cp /etc/argond/argond.conf "$work/conf"
echo 'nonsense = 1' >>/etc/argond/argond.conf
! argond -s reload 2>"$work/reload.out" || fail 'a broken config was taken'
cp "$work/conf" /etc/argond/argond.conf
hash | grep -q argon2id || fail 'a refused reload has stopped it'
step 'reloads, and refuses a broken config'

# --- a higher version, under load
touch "$work/load"
for i in 1 2 3 4; do
	load "hash/pw" "$i" &
	load "livez?" "$((i + 4))" &
done
while [ "$(cat "$work"/load.* | wc -l)" -lt 200 ]; do sleep 0.1; done
package install -y "$work/argond_2.deb"
version=$(dpkg-query -W -f '${Version}' argond)
second=$(cat $pidfile)
done_before=$(cat "$work"/load.* | wc -l)
while [ "$(cat "$work"/load.* | wc -l)" -lt $((done_before + 200)) ]; do sleep 0.1; done
rm "$work/load"
for job in 1 2 3 4 5 6 7 8; do
	while [ -e "/proc/$(jobs -p | sed -n "${job}p" | grep . || echo none)/exe" ]; do sleep 0.1; done
done
[ "$second" != "$first" ] || fail 'the master is the old one'
[ "$(readlink "/proc/$second/exe")" = /usr/sbin/argond ] || fail 'the master runs an old file'
total=$(cat "$work"/load.* | wc -l)
failed=$(cat "$work"/load.* | grep -vc '^200$' || true)
[ "$failed" = 0 ] || { sort "$work"/load.* | uniq -c; fail "$failed of $total requests"; }
step "upgrades itself to $version under load: $total requests, $failed failed"

# --- a version that cannot take over leaves the one before serving
cp /etc/argond/argond.conf "$work/conf"
echo 'nonsense = 1' >>/etc/argond/argond.conf
package install -y --reinstall "$work/argond_2.deb"
cp "$work/conf" /etc/argond/argond.conf
[ "$(cat $pidfile)" = "$second" ] || fail 'another master in charge'
hash | grep -q argon2id || fail 'does not serve any more'
package install -y --reinstall "$work/argond_2.deb"
third=$(cat $pidfile)
[ "$third" != "$second" ] || fail 'the master is the old one'
step 'an upgrade that fails leaves the one before serving'

# --- going
package remove -y argond
! curl -s -o /dev/null "$url/livez" || fail 'serves after it was removed'
! pgrep -x -r D,R,S,T argond || fail 'processes are left'
listing >"$work/removed"
comm -13 "$work/before" "$work/removed" | sed 's/^/      left: /'
left=$(comm -13 "$work/before" "$work/removed" | grep -Ev \
	'^/etc/argond(/argond.conf)?$|^/etc/logrotate.d(/argond)?$|^/var/(lib|log)/argond|^/etc/systemd/.*wants/argond.service$' || true)
[ -z "$left" ] || fail 'more than its config and data is left'
step 'removed but for its config and data'

package install -y "$work/argond_2.deb"
started
hash | grep -q argon2id || fail 'does not start again'
package purge -y argond
listing >"$work/purged"
comm -13 "$work/before" "$work/purged" | sed 's/^/      left: /'
[ -z "$(comm -13 "$work/before" "$work/purged")" ] || fail 'something is left'
! getent passwd argond || fail 'the user is left'
! pgrep -x -r D,R,S,T argond || fail 'processes are left'
step 'purged: nothing is left'
