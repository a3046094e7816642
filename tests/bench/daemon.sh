# shellcheck shell=sh
# What benches of a running daemon have in common; they read it in. Sets `build`, `argond`,
# `workers` (from BUILD, ARGOND, WORKERS) and `dir`, a folder that goes at the end, as does the
# daemon, and whoever else has its pid in `other_pid`. With BENCH_QUICK=1 everything is measured
# once and briefly, which shows that it works; its figures mean nothing.
bench=${0##*/}
build=${BUILD:-build}
argond=${ARGOND:-$build/argond}
workers=${WORKERS:-$(nproc)}
dir=$(mktemp -d "/tmp/argond-bench-XXXXXX")
pid='' port='' other_pid=''
if [ -n "${BENCH_QUICK:-}" ]; then
	: "${ROUNDS:=1}" "${SECONDS_EACH:=1}" "${FACTORS:=2}" "${IDLE:=200}" "${SLOW:=50}"
fi

cleanup()
{
	[ -n "$other_pid" ] && kill "$other_pid" 2>/dev/null && wait "$other_pid"
	[ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid"
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

fail()
{
	echo "${bench%.sh}: $*" >&2
	[ -f "$dir/log" ] && tail -n 20 "$dir/log" >&2
	exit 1
}

# $1: command that holds in the end. Twenty looks a second for half a minute.
await()
{
	n=0
	until eval "$1"; do
		n=$((n + 1))
		[ $n -lt 600 ] || fail "waited in vain for: $1"
		sleep 0.05
	done
}

# Starts it with as many frontends and hashers as there are workers, and the words given. Sets
# `pid` and `port`.
launch_argond()
{
	"$argond" -o listen=127.0.0.1:0 -o "store=sqlite:$dir/argond.db" \
		-o frontend.processes="$workers" \
		-o pool.elastic.min_processes="$workers" \
		-o pool.elastic.max_processes="$workers" "$@" 2>"$dir/log" &
	pid=$!
	await 'grep -q "master: ready" "$dir/log" || ! kill -0 $pid'
	port=$(sed -n 's/.*listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$dir/log")
	[ -n "$port" ] || fail "argond does not start"
}

stop_argond()
{
	kill "$pid"
	wait "$pid" || fail "argond ended with status $?"
	pid=''
}
