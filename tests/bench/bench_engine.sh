#!/bin/sh
# The engines beside packaged libargon2 and, where Node is there, the Rust crate by way of
# @node-rs/argon2, which is installed into the build folder. Arguments go to bench_engine;
# with BENCH_QUICK=1 it measures one small case, once and briefly.
set -eu
BUILD=${BUILD:-build}
if command -v npm >/dev/null && command -v node >/dev/null; then
	mkdir -p "$BUILD/node"
	[ -d "$BUILD/node/node_modules/@node-rs/argon2" ] ||
		npm install --silent --no-audit --no-fund --prefix "$BUILD/node" @node-rs/argon2 ||
		echo 'npm could not install @node-rs/argon2: without it'
	NODE_PATH=$BUILD/node/node_modules
	export NODE_PATH
else
	echo 'node and npm are not installed: without the Rust crate'
fi
[ -z "${BENCH_QUICK:-}" ] || set -- -r 1 -s 0.2 -c 4096,3,1 "$@"
exec "$BUILD/tests/bench/bench_engine" "$@"
