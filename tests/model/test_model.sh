#!/bin/sh
# The models: each is searched whole, and each of its breakages must be found. What is done
# with a model stands in its head:
#   run FLAGS    in every state that can be reached, no assertion fails
#   end FLAGS    nor does any run go on for ever
#   break FLAGS  an assertion fails
# A model of some length has parts (MODEL_PART.pmi), which it includes.
# And no statement may be there that none of a model's runs has reached. With MODEL_TABLE=1
# the figures of each search are printed. Arguments: names of models, else all.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
depth=20000

fail() {
	echo "FAILED: $1" >&2
	[ ! -e out ] || head -20 out >&2
	exit 1
}

# What compiles the small searches: tcc does it in no time, and the program runs for twice as long.
if command -v tcc >/dev/null; then
	quick=tcc
else
	quick="${CC:-cc} -O0"
fi

# COMPILER-AND-FLAGS PAN-FLAGS: searches. What a valid end is says the judge in the model.
search() {
	# shellcheck disable=SC2086
	spin $flags -a "$here/$model.pml" >out 2>&1 || fail "$model: spin $flags"
	# shellcheck disable=SC2086
	$1 -w -o pan pan.c >>out 2>&1 || fail "$model: $1 $flags"
	./pan -E -m$depth $2 >out 2>&1 || true
	[ -z "${MODEL_TABLE:-}" ] || printf '%-8s %-5s %8s states, depth %4s, %5s s  %s\n' \
		"$model" "$what" "$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' out)" \
		"$(sed -n 's/.*depth reached \([0-9]*\).*/\1/p' out)" \
		"$(sed -n 's/^pan: elapsed time \([0-9.e+-]*\) .*/\1/p' out)" "$flags"
}

is_right() {
	grep -q 'errors: 0$' out || fail "$model: $what $flags"
	! grep -Eq 'truncated|max search depth|out of memory|not completed' out ||
		fail "$model: $what $flags: the search is not complete"
}

# Statements that were not reached, wherever their inline was put, but for the ends of
# processes that have none, and for deaths where there cannot be one. pan.m says of each state
# from which line of which file it is; pan itself says only from which line. A guard is
# reached when it is looked at, and the statements within a d_step are one.
unreached() {
	awk '
		FILENAME == "pan.m" && /PROC/ { process = $3 }
		FILENAME == "pan.m" && /\/\/ STATE/ {
			match($0, /[^ ]+:[0-9]+ - \[.*\]/)
			statement = substr($0, RSTART, RLENGTH)
			from[process, $5] = statement
			all[statement]++
		}
		FILENAME == "pan.m" { next }
		/^unreached in/ { process = $3 == "init" ? ":init:" : $4 }
		/, state / && !/"-end-"|_state(\[h\])?==STRUCK/ {
			state = $3 + 0
			statement = from[process, state]
			if (statement != "" && !seen[process, state]++ &&
			    ++not[statement] == all[statement])
				print statement
		}' pan.m out | sort
}

do_run() {
	case $flags in
	-DDEATHS=2*) search "${CC:-cc} -O1 -DSAFETY" "" ;;
	*) search "$quick -DSAFETY" "" ;;
	esac
	is_right
	unreached >unreached || true
}

do_end() {
	search "$quick -DNP" -l
	is_right
}

do_break() {
	search "$quick -DSAFETY" ""
	grep -q 'assertion violated' out || fail "$model: not found: $flags"
}

# one line of a head, in a folder of its own
if [ "${1:-}" = one ]; then
	model=$3 what=$4
	mkdir "$2"
	cd "$2"
	shift 4
	flags=$*
	"do_$what"
	exit
fi

dir=$(mktemp -d /tmp/argond-model-XXXXXX)
trap 'rm -rf "$dir"' EXIT
for path in "$here"/*.pml; do
	model=$(basename "$path" .pml)
	case " ${*:-$model} " in *" $model "*) ;; *) continue ;; esac
	sed -n "s/^ \* \(run\|end\|break\) \(-.*\)$/$model \1 \2/p" "$path" >"$dir/$model.todo"
	for what in run end break; do
		grep -q " $what " "$dir/$model.todo" || fail "$model: no $what in its head"
	done
done
cat "$dir"/*.todo | awk -v dir="$dir" '{ print dir "/" $1 "." NR, $0 }' |
	xargs -P "$(nproc)" -L 1 sh "$0" one || fail 'the models'
for todo in "$dir"/*.todo; do
	model=$(basename "$todo" .todo)
	cp "$dir/$(cd "$dir" && ls -d "$model".*/unreached | head -1)" "$dir/never"
	for unreached in "$dir/$model".*/unreached; do
		comm -12 "$dir/never" "$unreached" >"$dir/both"
		mv "$dir/both" "$dir/never"
	done
	[ ! -s "$dir/never" ] || { cat "$dir/never"; fail "$model: nothing reaches these"; }
	echo "[       OK ] $model: $(grep -c ' run ' "$todo") runs and $(grep -c ' end ' "$todo")" \
		"ends hold, $(grep -c ' break ' "$todo") breakages are found"
done
