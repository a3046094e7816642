#!/bin/sh
# What is left of argond when more is asked of it than it can do.
#
#   bench_overload.sh [overload|fair|idle|drop|slow|all]...
#
# overload  0.5 to 10 times what it can hash is offered, on schedule: good answers within the
#           deadline, as a share of the capacity and of what of it the generator leaves, how
#           fast the others are refused, and what else is asked meanwhile
# fair      one client with 500 connections, beside 20 clients with one each
# idle      10,000 idle connections: what each costs, and what they cost the others
# drop      half of the clients leave before their answer: what that costs in CPU time
# slow      2,000 clients that send or take their bytes one by one (slowhttptest): what they
#           cost the others, and when they are gone
#
# BUILD is where the programs are (build), ARGOND the daemon (BUILD/argond), WORKERS how many
# frontends and hashers there are (the CPUs), SECONDS_EACH how long each measurement takes (10),
# MEMORY the profile's (8M), DEADLINE_MS of each request (1000), FACTORS what is offered (0.5 1
# 2 5 10), IDLE how many idle connections (10000), SLOW how many slow clients (2000), ROUNDS
# how often they come (3), OPTIONS more words for the daemon ("-o
# pool.elastic.per_client_limit=8"). The load comes from the same machine and takes CPU time
# from the daemon: it wakes up no more often than each half millisecond for that, is
# preferred where it may be, as clients elsewhere are, and `lag` says how late it was itself.
# What else is asked beside an overload comes from a process of its own, which gets the CPU
# as soon as it wants it (SCHED_FIFO, where it may): it measures how late the others are.
. "${0%/*}/daemon.sh"
load=$build/tests/bench/load
seconds=${SECONDS_EACH:-10}
memory=${MEMORY:-8M}
deadline=${DEADLINE_MS:-1000}
factors=${FACTORS:-0.5 1 2 5 10}
idle=${IDLE:-10000}
slow=${SLOW:-2000}
rounds=${ROUNDS:-3}
preferred=''
nice -n -10 true 2>&1 | grep -q . || preferred='nice -n -10'
witness=$preferred
chrt -f 10 true 2>/dev/null && witness='chrt -f 10'

# Each part has a daemon of its own.
start_argond()
{
	# shellcheck disable=SC2086 # OPTIONS are words
	launch_argond -o keepalive_timeout=1h -o profile.default.memory="$memory" \
		-o pool.elastic.deadline="${deadline}ms" ${OPTIONS:-} "$@"
}

# Runs streams for that many seconds; what came of them is asked for with value().
run_load()
{
	$preferred "$load" -q -l -c 0.5ms -d "${seconds}s" "127.0.0.1:$port" "$@" >"$dir/result"
	status=$?
	[ $status -ne 3 ] || echo "WRONG ANSWERS: $(grep 'count.wrong [1-9]' "$dir/result")"
	[ $status -eq 0 ] || [ $status -eq 3 ] || fail "the load ended with status $status"
}

# Of the last run: "stream.count.ok", "stream.ms.ok.p99"...
value()
{
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { if (!found) print 0 }' \
		"$dir/result"
}

calc()
{
	awk "BEGIN { printf \"${2:-%.3f}\", ($1) }"
}

# $1: pattern of titles. The daemon's processes, the master with "".
processes()
{
	[ -n "$1" ] || echo "$pid"
	ps -o pid=,args= --ppid "$pid" | awk -v title="$1" '$0 ~ title { print $1 }'
}

# Until nobody works or waits, also for those who have left.
settle()
{
	await '! ps -o args= --ppid $pid | grep -q "busy [1-9]\|waiting [1-9]"'
}

# Resident KiB of them all: exact where we may look, else as the kernel has it in passing.
resident()
{
	settle
	for p in $(processes "$1"); do
		awk '/^Rss:/ { print $2; exit }' "/proc/$p/smaps_rollup" 2>/dev/null ||
			awk '/^VmRSS:/ { print $2 }' "/proc/$p/status"
	done | awk '{ sum += $1 } END { print sum + 0 }'
}

# CPU time of all hashers in ticks, those that have died included.
hasher_ticks()
{
	settle
	{
		sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $14 + $15 }'
		for p in $(processes "hasher"); do
			sed 's/.*) //' "/proc/$p/stat" | awk '{ print $12 + $13 }'
		done
	} | awk '{ sum += $1 } END { print sum }'
}

hash='path=/hash/p%u,expect=Hashed password: $argon2id$'

# Hashes a second with as many connections as keep every hasher busy.
measure_capacity()
{
	run_load "name=hash,conns=$((workers * 16)),$hash"
	capacity=$(value hash.good_per_s)
	[ "$(calc "$capacity > 0" %d)" = 1 ] || fail "nothing was hashed"
}

# /livez and GET / for as long as a measurement takes, to be added to its result.
start_witness()
{
	$witness "$load" -q -l -d "${seconds}s" "127.0.0.1:$port" \
		"name=livez,rate=100,conns=4,path=/livez,expect=ok" \
		"name=hello,rate=200,conns=64,path=/,expect=Hello" >"$dir/witness" &
	other_pid=$!
}

end_witness()
{
	wait "$other_pid" || fail "the witness ended with status $?"
	other_pid=''
	sed -n '/^livez\|^hello/p; s/^cpu_s/witness.&/p' "$dir/witness" >>"$dir/result"
}

# $1: how many times the capacity is offered; the capacity is measured just before, and
# just after: the machine is not ours alone.
overload_row()
{
	measure_capacity
	before_row=$capacity
	calm_cpu=$(value cpu_s)
	rate=$(calc "$capacity * $1" %.1f)
	# enough of them that all who wait until the deadline can do it at the same time
	conns=$(calc "$rate * $deadline / 1000 * 1.2 + 64" %d)
	[ "$conns" -le 8192 ] || conns=8192
	start_witness
	run_load "name=hash,rate=$rate,conns=$conns,deadline=$deadline,timeout=10s,$hash"
	end_witness
	mv "$dir/result" "$dir/row"
	measure_capacity
	mv "$dir/row" "$dir/result"
	capacity=$(calc "($before_row + $capacity) / 2")
	own=$(calc "($(value cpu_s) + $(value witness.cpu_s) - $calm_cpu) / $seconds / $(nproc)")
	printf '%6s %8.1f %9.1f %9.1f %6.3f %6.3f %6.1f %6d %6d %6d %8.2f %8.2f %9.2f %7.2f\n' "$1" \
		"$capacity" "$rate" "$(value hash.good_per_s)" \
		"$(calc "$(value hash.good_per_s) / $capacity")" \
		"$(calc "$(value hash.good_per_s) / $capacity / (1 - $own)")" \
		"$(calc "100 * $(value hash.count.shed) / ($(value hash.requests) + 1e-9)")" \
		"$(value hash.count.late)" \
		"$(calc "$(value hash.lost) + $(value livez.lost) + $(value hello.lost)" %d)" "$(value hash.count.unsent)" \
		"$(value hash.ms.shed.p99)" "$(value livez.ms.ok.p99)" \
		"$(calc "$(value hello.ms.ok.p999) - $hello_idle")" "$(value all.ms.lag.p99)"
}

bench_overload()
{
	echo "== overload: deadline $deadline ms, $memory, $seconds s each"
	start_argond
	: >"$dir/result"
	start_witness
	end_witness
	hello_idle=$(value hello.ms.ok.p999)
	printf 'idle: /livez p99 %.2f ms, GET / p99.9 %.2f ms\n' "$(value livez.ms.ok.p99)" \
		"$hello_idle"
	before=$(resident "")
	echo " times capacity   offered    good/s  share of rest  shed%   late   lost unsent shed p99 livez99" \
		"GET/99.9+ lag p99"
	for factor in $factors; do
		overload_row "$factor"
	done
	after=$(resident "")
	echo "resident, all processes: $before KiB before, $after KiB after"
	stop_argond
}

fair_line()
{
	printf '%-26s %8.1f good/s, p50 %.1f ms, p99 %.1f ms, shed %d of %d, lost %d\n' "$2" \
		"$(value "$1.good_per_s")" "$(value "$1.ms.ok.p50")" "$(value "$1.ms.ok.p99")" \
		"$(value "$1.count.shed")" "$(value "$1.requests")" "$(value "$1.lost")"
}

# The big client asks on schedule, five times what can be done, so that being refused does
# not make it ask even more.
bench_fair()
{
	echo "== fair: 20 clients with a connection each, one with 500"
	start_argond
	measure_capacity
	small="name=small,conns=20,src=127.0.0.20-39,deadline=$deadline,$hash"
	run_load "$small"
	alone=$(value small.good_per_s)
	own=$(value cpu_s)
	fair_line small "the 20 alone"
	run_load "$small" \
		"name=big,rate=$(calc "$capacity * 5" %.1f),conns=500,src=127.0.0.9,queue=0,$hash"
	fair_line small "the 20 beside the big one"
	fair_line big "the big one"
	own=$(calc "($(value cpu_s) - $own) / $seconds / $(nproc)")
	calc "$(value small.good_per_s) / ($alone + 1e-9)" \
		'the 20 get %.3f of what they get alone'
	calc "$(value small.good_per_s) / ($alone + 1e-9) / (1 - $own)" \
		', %.3f of what the load of the big one leaves\n'
	stop_argond
}

# Hashes, and connections that are new for each request.
idle_measure()
{
	run_load "name=hash,conns=$((workers * 8)),$hash" \
		"name=new,rate=100,conns=16,keepalive=0,path=/livez"
	printf '%s: %.1f hashes/s, connect p99 %.2f ms, /livez on a new connection p99 %.2f ms\n' \
		"$1" "$(value hash.good_per_s)" "$(value new.ms.connect.p99)" \
		"$(value new.ms.ok.p99)"
}

bench_idle()
{
	echo "== idle: $idle connections"
	start_argond -o frontend.max_connections=$((idle + 1024))
	idle_measure "without them"
	before=$(resident "frontend")
	"$load" -d $((seconds * 2 + 60))s "127.0.0.1:$port" "name=idle,conns=0,idle=$idle" \
		>"$dir/idle" 2>"$dir/idle_open" &
	other_pid=$!
	await 'grep -q "idle connections open" "$dir/idle_open" || ! kill -0 $other_pid'
	cat "$dir/idle_open"
	after=$(resident "frontend")
	calc "($after - $before) * 1024 / $idle" \
		"frontends: $before KiB before, $after KiB with them: %d bytes each\\n"
	idle_measure "beside them"
	kill -INT $other_pid
	wait $other_pid
	other_pid=''
	cat "$dir/idle" # how many of them are still open
	stop_argond
}

# $1: what is said of it, $2: connections, $3: words for the stream. Sets `each`.
drop_measure()
{
	ticks=$(hasher_ticks)
	run_load "name=hash,conns=$2,$hash$3"
	ticks=$(($(hasher_ticks) - ticks))
	each=$(calc "$(value hash.count.ok) * $(getconf CLK_TCK) / ($ticks + 1e-9)")
	printf '%s: %d good, %d left, %.2f s of hashers, %.1f good per CPU second\n' "$1" \
		"$(value hash.count.ok)" "$(value hash.count.dropped)" \
		"$(calc "$ticks / $(getconf CLK_TCK)")" "$each"
}

# They leave at any moment of the time that an answer takes when all is calm. What has been
# done for them until then is lost whatever we do: the more wait, the fewer of those who leave
# are just being served.
bench_drop()
{
	for conns in 64 256; do
		echo "== drop: $conns connections, half of the requests are left"
		start_argond
		drop_measure "calm" $conns ""
		calm=$each
		drop_measure "half leave" $conns ",drop=50,drop_after=$(value hash.ms.ok.p50)"
		calc "$each / ($calm + 1e-9)" \
			'a good answer per CPU second of hashers: %.3f of calm\n'
		stop_argond
	done
}

# Connections to the daemon that its frontends have open, beside what they always have.
connections()
{
	for p in $(processes "frontend"); do
		ls "/proc/$p/fd"
	done | awk -v at_rest="${fds_at_rest:-0}" 'END { print NR - at_rest }'
}

# CPU time of processes in ticks. $@: their pids.
ticks_of()
{
	for p; do
		sed 's/.*) //' "/proc/$p/stat"
	done 2>/dev/null | awk '{ sum += $12 + $13 } END { print sum + 0 }'
}

# Hashes as fast as they are done, and on new connections what is nearly nothing. Sets `good`
# (hashes a second), `p99` (ms) and `cpu` (seconds of the frontends).
slow_measure()
{
	cpu=$(ticks_of $(processes "frontend"))
	run_load "name=hash,conns=$((workers * 8)),$hash" \
		"name=new,rate=100,conns=16,keepalive=0,path=/livez,expect=ok"
	cpu=$(calc "($(ticks_of $(processes "frontend")) - $cpu) / $(getconf CLK_TCK)" %.2f)
	good=$(calc "$(value hash.good_per_s)" %.1f)
	p99=$(calc "$(value hash.ms.ok.p99)" %.1f)
	lost=$(value all.lost)
}

# $1: name, the rest: words for slowhttptest. Between two calm measurements, with which it is
# compared; what the slow ones themselves cost is told, for it is the same machine.
slow_round()
{
	name=$1
	shift
	slow_measure
	calm="$good $p99 $cpu"
	slowhttptest -c "$slow" -r "$slow" -l 600 -i 1 -p 600 \
		-u "http://127.0.0.1:$port/openapi.json" "$@" >"$dir/slow" 2>&1 &
	other_pid=$!
	since=$(date +%s%N)
	await '[ "$(connections)" -ge "$slow" ] || ! kill -0 $other_pid'
	own=$(ticks_of $other_pid)
	slow_measure
	own=$(calc "($(ticks_of $other_pid) - $own) / $(getconf CLK_TCK)" %.2f)
	beside="$good $p99 $cpu"
	[ "$lost" = 0 ] || echo "$name: $lost requests of others were lost"
	left=$(connections)
	await '[ "$(connections)" -le 0 ]'
	gone=$(calc "($(date +%s%N) - $since) / 1e9" %.1f)
	kill "$other_pid" 2>/dev/null
	wait "$other_pid" 2>/dev/null
	other_pid=''
	slow_measure
	echo "$name $beside $calm $good $p99 $cpu $own $left $gone"
}

# Of all rounds of a kind the medians; each is compared with the calm before and after it.
slow_table()
{
	awk -v seconds="$seconds" '
		function median(text,   a, n, i, j, t) {
			n = split(text, a, " ")
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && a[j - 1] + 0 > a[j] + 0; j--) {
					t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
				}
			return a[int((n + 1) / 2)]
		}
		NF == 13 {
			if (!($1 in left)) order[++kinds] = $1
			good[$1] = good[$1] " " $2 / (($5 + $8) / 2)
			p99[$1] = p99[$1] " " $3 / (($6 + $9) / 2 + 1e-9)
			cpu[$1] = cpu[$1] " " $4 - ($7 + $10) / 2
			own[$1] = own[$1] " " $11
			left[$1] = left[$1] " " $12
			if ($13 > gone[$1]) gone[$1] = $13
		}
		END {
			for (i = 1; i <= kinds; i++) {
				k = order[i]
				printf "%s: hashes %.3f of calm, p99 %.2f times calm; frontends " \
					"%+.2f s in %d s, the slow ones %.2f s; %d were there " \
					"all the time, all gone after %.1f s\n", k,
					median(good[k]), median(p99[k]), median(cpu[k]), seconds,
					median(own[k]), median(left[k]), gone[k]
			}
		}' "$dir/rounds"
}

# The timeouts are so long that all are there all the time of a measurement.
bench_slow()
{
	command -v slowhttptest >/dev/null || {
		echo "slow: slowhttptest is not installed"
		return
	}
	timeout=$((seconds + 4))
	echo "== slow: $slow clients, each with $timeout s; hashes/s, p99, frontends' CPU" \
		"beside them, before, after"
	start_argond -o header_timeout=${timeout}s -o body_timeout=${timeout}s \
		-o write_timeout=${timeout}s
	run_load "name=hash,conns=$((workers * 8)),$hash"
	fds_at_rest=$(connections)
	for round in $(seq "$rounds"); do
		slow_round header -H
		slow_round body -B
		slow_round read -X -k 10 -w 512 -y 1024 -n 1 -z 1
	done | tee "$dir/rounds"
	slow_table
	stop_argond
}

[ -x "$load" ] || fail "$load is missing: make $load"
[ $# -gt 0 ] || set -- all
for part; do
	case $part in
	overload | fair | idle | drop | slow) "bench_$part" ;;
	all)
		bench_overload
		bench_fair
		bench_idle
		bench_drop
		bench_slow
		;;
	*) fail "there is no part $part: overload, fair, idle, drop, slow, all" ;;
	esac
done
