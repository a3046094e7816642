#!/bin/sh
# What a job costs beside its work: the constants of common/units.c, by CPU time. First those
# of the engine (bench_units); then the way of a job from a request to its answer, by the CPU
# time of the frontends and of the hashers, for jobs that are nearly nothing else.
#
# The last line is of usual hashes: between them the caches forget the way.
#
# BUILD, ARGOND, WORKERS as in daemon.sh, SECONDS_EACH how long each measurement takes (5).
. "${0%/*}/daemon.sh"
load=$build/tests/bench/load
seconds=${SECONDS_EACH:-5}

# CPU time in microseconds of the daemon's children with that title.
cpu_us()
{
	for p in $(ps -o pid=,args= --ppid "$pid" | awk -v title="$1" '$0 ~ title { print $1 }'); do
		cut -d ' ' -f 1 "/proc/$p/schedstat"
	done | awk '{ sum += $1 } END { print sum / 1000 }'
}

value()
{
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { if (!found) print 0 }' \
		"$dir/result"
}

# $1: what it is called, the rest: streams. The first is called `job`.
measure()
{
	title=$1
	shift
	frontends=$(cpu_us frontend)
	hashers=$(cpu_us hasher)
	"$load" -q -l -d "${seconds}s" "127.0.0.1:$port" "$@" >"$dir/result" ||
		fail "the load ended with status $?"
	awk -v title="$title" -v jobs="$(value all.count.ok)" \
		-v f="$frontends" -v f2="$(cpu_us frontend)" -v h="$hashers" -v h2="$(cpu_us hasher)" \
		'BEGIN { printf "%-34s %7d jobs, each %6.1f us of frontends, %8.1f us of hashers\n",
			title, jobs, (f2 - f) / (jobs + 1e-9), (h2 - h) / (jobs + 1e-9) }'
}

# $1: costs of Argon2 with their commas escaped
verify()
{
	# shellcheck disable=SC2016 # the hash's dollars
	printf 'path=/v1/verify,body={"password":"hunter2"\\,"hash":"$argon2id$v=19$%s$%s"}' \
		"$1" 'c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ'
}

[ -x "$load" ] || fail "$load is missing: make $load"
"$build/tests/bench/bench_units" ${BENCH_QUICK:+-r 2}
echo "== a job's way, $workers frontends and hashers, $seconds s each"
launch_argond
for conns in 1 8 64; do
	measure "m=8 t=1 p=1, $conns connections" "name=job,conns=$conns,$(verify 'm=8\,t=1\,p=1')"
done
measure "m=128 t=1 p=16, 64 connections" "name=job,conns=64,$(verify 'm=128\,t=1\,p=16')"
measure "a look-up, 64 connections" "name=job,conns=64,path=/user/1"
measure "a usual hash, 32 connections" "name=job,conns=32,path=/hash/p%u"
stop_argond
