#!/bin/sh
# Throughput and latency over HTTP, each beside what it is measured against, in one run and in
# turns: the figures of a noisy machine mean little, their ratio more.
#
#   bench_http.sh
#
# BUILD is where the programs are (build), ROUNDS how often each pair is measured (5),
# SECONDS_EACH how long each measurement takes (3), WORKERS how many frontends, nginx workers and
# hashers there are (the CPUs), BENCH_QUICK=1 makes both of the former 1. Needs wrk and, for one
# of the ratios, nginx, which `make bench` does not install: on Debian that starts a web server.
. "${0%/*}/daemon.sh"
rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-3}

start_argond()
{
	launch_argond -o pool.elastic.queue_limit=1024 -o pool.elastic.deadline=60s "$@"
	url=http://127.0.0.1:$port
}

# nginx has no "any port"; a port that argond was given and gave back will do.
start_nginx()
{
	nginx_port=$1
	mkdir "$dir/nginx"
	cat >"$dir/nginx.conf" <<-END
		worker_processes $workers;
		pid $dir/nginx/pid;
		error_log $dir/nginx/log;
		daemon off;
		events { worker_connections 1024; }
		http {
			access_log off;
			keepalive_requests 1000000000;
			client_body_temp_path $dir/nginx/body;
			proxy_temp_path $dir/nginx/proxy;
			fastcgi_temp_path $dir/nginx/fastcgi;
			uwsgi_temp_path $dir/nginx/uwsgi;
			scgi_temp_path $dir/nginx/scgi;
			default_type text/plain;
			server {
				listen 127.0.0.1:$nginx_port;
				location / { return 200 "ok"; }
			}
		}
	END
	nginx -p "$dir/nginx" -c "$dir/nginx.conf" 2>"$dir/nginx/out" &
	other_pid=$!
	await 'curl -s -o /dev/null "http://127.0.0.1:$nginx_port/" || ! kill -0 $other_pid'
}

# Requests per second: $1 connections, $2 url.
rate()
{
	wrk -t1 -c"$1" -d"${seconds}s" "$2" | awk '
		/Requests\/sec/ { rate = $2 } /Non-2xx/ { bad = $NF }
		END { print (bad > 0 ? 0 : rate) }'
}

# Reads lines "ours theirs"; prints both medians and the ratio's median and spread.
ratio()
{
	awk -v name="$1" -v theirs="$2" '
		function sort(a, n,   i, j, t) {
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && a[j - 1] > a[j]; j--) {
					t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
				}
		}
		$2 > 0 { n++; x[n] = $1; y[n] = $2; r[n] = $1 / $2 }
		END {
			if (n == 0) { print name ": nothing measured"; exit }
			sort(x, n); sort(y, n); sort(r, n); m = int((n + 1) / 2)
			printf "%s: %.1f/s, %s %.1f/s, ratio %.3f (%.3f to %.3f in %d rounds)\n",
				name, x[m], theirs, y[m], r[m], r[1], r[n], n
		}'
}

bench_livez()
{
	if ! command -v nginx >/dev/null; then
		echo "/livez, 64 connections: $(rate 64 "$url/livez")/s (nginx is not installed)"
		return
	fi
	"$argond" -o listen=127.0.0.1:0 -o "store=sqlite:$dir/other.db" 2>"$dir/other" &
	other=$!
	await 'grep -q "master: ready" "$dir/other"'
	free=$(sed -n 's/.*listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$dir/other")
	kill $other
	wait $other
	start_nginx "$free"
	i=0
	while [ $i -lt "$rounds" ]; do
		echo "$(rate 64 "$url/livez") $(rate 64 "http://127.0.0.1:$nginx_port/")"
		i=$((i + 1))
	done | ratio "/livez, 64 connections, $workers frontends" "nginx"
	kill $other_pid
	wait $other_pid
	other_pid=
}

# Both with the nice value of a hasher: on a machine that others use as well, a nicer process
# gets less.
bench_hash()
{
	hasher=$(ps -o pid=,args= --ppid "$pid" | awk '/hasher elastic/ { print $1; exit }')
	nice=$(ps -o ni= -p "$hasher")
	i=0
	while [ $i -lt "$rounds" ]; do
		echo "$(rate 16 "$url/hash/x") $(nice -n "$nice" \
			"$build/tests/bench/bench_libargon2" "$workers" "$seconds")"
		i=$((i + 1))
	done | ratio "/hash/x, 16 connections, $workers hashers" "libargon2"
}

# p50 and p99 of GET /, from 8 connections. $1: what is said of it.
latency()
{
	wrk -t1 -c8 -d"${seconds}s" --latency "$url/" | awk -v name="$1" '
		/50%/ { p50 = $2 } /99%/ { p99 = $2 }
		END { print "GET / " name ": p50 " p50 ", p99 " p99 }'
}

bench_latency()
{
	latency "idle"
	wrk -t1 -c16 -d$((seconds + 2))s "$url/hash/x" >/dev/null &
	load=$!
	await 'ps -o args= --ppid $pid | grep -q "busy [1-9]"'
	latency "under full hash load"
	wait $load
}

# Resident and proportional memory of each process, after all of the above.
bench_memory()
{
	for p in $pid $(ps -o pid= --ppid "$pid"); do
		awk -v title="$(tr '\0' ' ' <"/proc/$p/cmdline")" '
			/^Rss:/ { rss = $2 } /^Pss:/ { pss = $2 }
			END { sub(/ *$/, "", title)
				printf "%s: RSS %.1f MiB, PSS %.1f MiB\n", title, rss / 1024, pss / 1024 }' \
			"/proc/$p/smaps_rollup"
	done
}

command -v wrk >/dev/null || fail "wrk is missing"
start_argond
bench_livez
bench_hash
bench_latency
bench_memory
echo "links, with an engine that does nothing:"
"$build/tests/bench/bench_link" "${SECONDS_EACH:-2}"
