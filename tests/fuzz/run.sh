#!/bin/sh
# Lets libFuzzer run: run.sh BUILD PROGRAM..., each for FUZZ_SECONDS (default 60). What it
# finds interesting is kept in BUILD/corpus/NAME; an input that breaks something is named.
build=$1
shift
failed=0
for program; do
	name=${program##*/fuzz_}
	here=tests/fuzz/corpus/$name
	found=$build/corpus/$name
	log=$build/log/$name.log
	dict=tests/fuzz/fuzz_$name.dict
	mkdir -p "$found" "$build/log"
	[ -e "$dict" ] && dict=-dict=$dict || dict=-verbosity=1
	if "$program" -max_total_time="${FUZZ_SECONDS:-60}" -timeout="${FUZZ_TIMEOUT:-20}" \
		-rss_limit_mb="${FUZZ_RSS_MB:-2048}" -max_len=4096 -print_final_stats=1 \
		-artifact_prefix="$build/$name-" "$dict" "$found" "$here" >"$log" 2>&1; then
		echo "ok    $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
	else
		failed=$((failed + 1))
		tail -n 60 "$log"
		input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
		echo "FAIL  $name: $program $input"
	fi
done
[ "$failed" -eq 0 ]
