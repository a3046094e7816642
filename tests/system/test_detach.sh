#!/bin/sh
# A daemon that has left the terminal (-d): ready when the command returns, reloads,
# upgrades itself twice, and leaves nothing behind. Run after the build.
set -eu

argond=${ARGOND:-build/argond}
dir=$(mktemp -d /tmp/argond-detach-XXXXXX)
pidfile=$dir/argond.pid

leave() {
	[ ! -e "$pidfile" ] || kill -KILL "$(cat "$pidfile")" 2>/dev/null || true
	rm -rf "$dir"
}
trap leave EXIT

ok() {
	echo "[       OK ] $1"
}

fail() {
	echo "FAILED: $1" >&2
	cat "$dir/log" >&2
	exit 1
}

argond() {
	"$argond" -c "$dir/argond.conf" "$@"
}

# Waits for the end of a process, however slow the machine is.
wait_gone() {
	for _ in $(seq 600); do
		[ -e "/proc/$1" ] || return 0
		sleep 0.1
	done
	fail "process $1 does not leave"
}

cat >"$dir/argond.conf" <<END
listen = {"127.0.0.1:0", "unix:$dir/http.sock"}
pidfile = "$pidfile"
log = "$dir/log"
store = "sqlite:$dir/argond.db"
frontend { processes = 1 }
pool elastic { max_processes = 1 }
pool fixed {
	min_processes = 1
	max_processes = 1
}
END

argond -d </dev/null || fail 'does not start'
first=$(cat "$pidfile")
[ "$(stat -c %t,%T "/proc/$first/fd/0" -L)" = 1,3 ] || fail 'standard input is not /dev/null'
ok 'ready when the command returns'

! argond -d 2>"$dir/err" || fail 'a second one starts'
[ "$(cat "$pidfile")" = "$first" ] || fail 'the second one has the pidfile'
[ "$(cat "$dir/err")" = "argond: not started; the reason is in the log, $dir/log" ] ||
	fail "the second one says: $(cat "$dir/err")"
! argond -d -o log=stderr 2>"$dir/err" || fail 'a second one starts'
! grep -q 'in the log' "$dir/err" || fail 'the reason is here, not elsewhere'
grep -q 'running already' "$dir/err" || fail "no reason: $(cat "$dir/err")"
! argond -d -o log=/nowhere/log 2>"$dir/err" || fail 'starts without its log'
[ "$(wc -l <"$dir/err")" = 1 ] || fail "not one line: $(cat "$dir/err")"
rm "$dir/err"
ok 'a second one is refused, and where the reason is'

argond -s reload || fail 'reload'
[ "$(cat "$pidfile")" = "$first" ] || fail 'a reload has changed the master'
ok 'reloads'

argond -s upgrade || fail 'upgrade'
second=$(cat "$pidfile")
[ "$second" != "$first" ] || fail 'the old one is still in charge'
wait_gone "$first"
argond -s reload || fail 'the new one does not reload'
argond -s upgrade || fail 'the upgraded one does not upgrade'
third=$(cat "$pidfile")
[ "$third" != "$second" ] || fail 'the old one is still in charge'
wait_gone "$second"
ok 'upgrades itself, and again'

argond -s quit || fail 'quit'
wait_gone "$third"
rm -f "$dir"/argond.db*
[ "$(cd "$dir" && echo *)" = 'argond.conf log' ] || fail "left: $(ls "$dir")"
! grep -q 'BUG:' "$dir/log" || fail 'the log complains'
ok 'leaves nothing behind'

: >"$dir/log"
(
	ulimit -S -f 0
	argond -d </dev/null
) || fail 'does not start with a low soft limit of file size'
last=$(cat "$pidfile")
argond -s quit || fail 'quit'
wait_gone "$last"
head -n 1 "$dir/log" | grep -q 'master: argond ' || fail 'the first lines are lost'
! grep -q 'could not be written' "$dir/log" || fail 'lines are lost'
ok 'no line is lost to a soft limit of the caller'
