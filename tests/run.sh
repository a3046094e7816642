#!/bin/sh
# Runs test programs one after another: run.sh BUILD PROGRAM... The output of one that fails is
# shown whole, of the others only the name and the time.
build=$1
shift
ARGOND=${ARGOND:-$build/argond}
export ARGOND
passed=0 failed=0
mkdir -p "$build/log"
for program; do
	name=${program#"$build"/}
	name=${name#tests/}
	log=$build/log/$(echo "$name" | tr / _).log
	start=$(date +%s)
	if "$program" >"$log" 2>&1; then
		passed=$((passed + 1))
		tests=$(grep -c '^\[       OK \]' "$log")
		echo "ok    $name: $tests tests, $(($(date +%s) - start)) s"
	else
		failed=$((failed + 1))
		cat "$log"
		echo "FAIL  $name"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
