#!/bin/sh
# The HTTP tests with several versions of llhttp: llhttp.sh BUILD JOBS. A client must get the
# same answer whichever version a distribution has. Each version is built into a frontend of its
# own; all other objects are those in BUILD. Each test program must pass, and the verdicts over
# the streams of tests/frontend/http_streams.h and all their mutations must be the same.
#
# The C sources of llhttp come from the source packages of aiohttp, which has them in it, through
# pip, and are kept in BUILD. A version that cannot be had is skipped; of all between 8.1 and 9.4
# three at least must have been tried.
set -u

build=$1 jobs=$2
: "${MAKE:=make}"
least=3
programs=$(cd "$(dirname "$0")" && ls frontend/test_http*.c frontend/test_conn*.c fuzz/fuzz_http.c |
	sed 's|^|tests/|; s|\.c$||')

# llhttp, aiohttp, SHA-256 of its source package
sources() {
	cat <<-END
		8.1.1 3.8.5 b9552ec52cc147dbf1944ac7ac98af7602e51ea2dcd076ed194ca3c0d1c7d0bc
		9.1.3 3.8.6 b0cf2a4501bff9330a8a5248b4ce951851e415bdcce9dc158e76cfd55e15085c
		9.2.1 3.9.5 edea7d15772ceeb29db4aff55e482d4bcfb6ae160ce144f2682de02f6d693551
		9.3.0 3.12.15 4fc61385e9c98d72fcdf47e6dd81833f47b2f77c114c29cd64a361be57a763a2
		9.3.1 3.13.5 9d98cc980ecc96be6eb4c1994ce35d28d8b1f5e5208a23b421187d1209dbb7d1
		9.4.2 3.14.5 5558a7f5a05af9ecf744af91e5baefc436f93c9333e656c27ec253f9a6bbe178
	END
}

# VERSION PACKAGE HASH: the sources, in $build/llhttp-VERSION/source
fetch() {
	to=$build/llhttp-$1
	[ ! -e "$to/source/llhttp.c" ] || return 0
	rm -rf "$to/fetch" && mkdir -p "$to/fetch" "$to/source" || return 1
	echo "aiohttp==$2 --hash=sha256:$3" >"$to/fetch/requirements"
	timeout 300 python3 -m pip download -q --no-deps --no-binary aiohttp --require-hashes \
		-d "$to/fetch" -r "$to/fetch/requirements" >"$to/fetch/log" 2>&1 || return 1
	tar -xzf "$to/fetch/aiohttp-$2.tar.gz" -C "$to/fetch" || return 1
	from=$to/fetch/aiohttp-$2/vendor/llhttp
	cp "$from/src/native/api.c" "$from/src/native/http.c" "$from/build/llhttp.h" "$to/source" &&
		cp "$from/build/c/llhttp.c" "$to/source" && rm -rf "$to/fetch"
}

# FOLDER VERSION: runs the programs there; the verdicts go to FOLDER/verdicts
try() {
	count=0
	for program in $programs; do
		if ! HTTP_VERDICTS=$1/verdicts "$1/$program" >"$1/log.llhttp" 2>&1; then
			cat "$1/log.llhttp"
			echo "FAIL  llhttp $2: $program"
			return 1
		fi
		count=$((count + $(grep -c '^\[       OK \]' "$1/log.llhttp")))
	done
	if ! cmp "$build/verdicts" "$1/verdicts"; then
		diff "$build/verdicts" "$1/verdicts" | head -6
		echo "FAIL  llhttp $2: other verdicts than llhttp $installed"
		return 1
	fi
	echo "ok    llhttp $2: $count tests, $(wc -l <"$1/verdicts") lines of verdicts"
}

# FOLDER SOURCE: the programs with the llhttp in SOURCE
make_programs() {
	# shellcheck disable=SC2046,SC2086
	"$MAKE" --no-print-directory -j"$jobs" BUILD="$1" OTHERS="$build" LLHTTP_DIR="$2" \
		OPTIMIZE='-O1 -g' $(printf "$1/%s " $programs) >"$1/log.make" 2>&1 && return
	cat "$1/log.make"
	return 1
}

installed=$("$build/argond" -V | sed -n 's/^libraries:.* llhttp \([0-9.]*\),.*/\1/p')
passed=0 failed=0
if try "$build" "$installed, installed"; then passed=1; else failed=1; fi
tried=" $installed"
while read -r version package hash; do
	case "$tried " in *" $version "*) continue ;; esac
	if ! fetch "$version" "$package" "$hash"; then
		echo "skip  llhttp $version: there is no aiohttp $package to be had"
		continue
	fi
	tried="$tried $version"
	folder=$build/llhttp-$version
	if make_programs "$folder" "$folder/source" && try "$folder" "$version"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done <<END
$(sources)
END
if [ $((passed + failed)) -lt $least ]; then
	echo "FAIL  llhttp: only$tried could be tried, $least versions are needed"
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
