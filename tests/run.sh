#!/bin/sh
# Runs test programs: run.sh BUILD JOBS PROGRAM... -- PROGRAM...; the first ones JOBS at a time,
# the others, which measure, or load the machine, one after another. The output
# of one that fails is shown whole, of the others only the name and the time.
build=$1 jobs=$2
shift 2
ARGOND=${ARGOND:-$build/argond}
export ARGOND

run_one() {
	name=${1#"$build"/}
	name=${name#tests/}
	log=$build/log/$(echo "$name" | tr / _).log
	start=$(date +%s)
	if "$1" >"$log" 2>&1; then
		tests=$(grep -c '^\[       OK \]' "$log")
		echo "ok    $name: $tests tests, $(($(date +%s) - start)) s"
	else
		cat "$log"
		echo "FAIL  $name"
	fi
}

if [ "$jobs" = one ]; then
	run_one "$1"
	exit
fi

mkdir -p "$build/log"
total=0 at_once=''
while [ "$1" != -- ]; do
	at_once="$at_once $1" total=$((total + 1))
	shift
done
shift
total=$((total + $#))
{
	# shellcheck disable=SC2086 # words
	[ -z "$at_once" ] || printf '%s\n' $at_once | xargs -P "$jobs" -n 1 sh "$0" "$build" one
	for program; do
		run_one "$program"
	done
} | tee "$build/log/all.log"
passed=$(grep -c '^ok    ' "$build/log/all.log")
echo "$passed passed, $((total - passed)) failed"
[ "$total" -gt 0 ] && [ "$passed" -eq "$total" ]
