#!/bin/sh
# The targets of the Makefile on fresh Debians, which have nothing but git and make:
#
#   distros.sh SUITE...
#
#   TARGETS=words   which ones (check); "all": each one of `make help` in a short variant,
#                   and some as a user
# Each target has a Debian of its own. In the first one, a user who may install nothing is
# told so for each target. Run where the sources are, by root; build/log has the logs.
set -eu
# shellcheck source=tests/system/chroot.sh
. "${0%/*}/chroot.sh"

targets=$(make --no-print-directory help | sed -n 's/^make \([a-z-]*\).*/\1/p')
as_nobody='setpriv --reuid=nobody --regid=nogroup --clear-groups'
roots=build/distros.$$
failed=0

# The command for a target: $1.
command_for() {
	case $1 in
	make) echo 'make deps && make' ;;
	endurance) echo 'make endurance ARGOND_ENDURANCE=5' ;;
	faults) echo 'FAULTS_EVERY=100000 make faults' ;;
	fuzz) echo 'FUZZ_SECONDS=1 make fuzz' ;;
	bench*) echo "BENCH_QUICK=1 make $1" ;;
	install) echo 'make deps && make install && argond -v' ;;
	format) echo 'make format || make format 2>&1 | grep "format: .* is not installed"' ;;
	uninstall) echo 'make deps install uninstall && ! command -v argond' ;;
	run)
		# shellcheck disable=SC2016 # the chroot's shell expands it
		echo 'make run ARGS="-o pidfile=/tmp/pid" >/tmp/log 2>&1 &
			while ! grep -q "master: ready" /tmp/log && kill -0 $!; do sleep 0.1; done
			cat /tmp/log; kill "$(cat /tmp/pid)" && wait $!'
		;;
	deps-by-sudo)
		echo "apt-get update && apt-get install -y --no-install-recommends sudo &&
			chmod 755 /root && chown -R nobody . &&
			$as_nobody make deps 2>&1 | grep 'sudo is not permitted' &&
			echo 'nobody ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/nobody &&
			$as_nobody make deps && $as_nobody make"
		;;
	check-as-nobody) echo "make deps-check && chmod 755 /root && chown -R nobody . && $as_nobody make check" ;;
	*) echo "make $1" ;;
	esac
}

# $1: suite, $2: name, $3: command, which is run in its chroot.
try() {
	start=$(date +%s)
	log=build/log/distro-$1-$2.log
	if chroot_run "$roots/$1" "cd /root/argond && $3" >"$log" 2>&1; then
		echo "ok    $1: $2, $(($(date +%s) - start)) s"
	else
		tail -n 40 "$log"
		echo "FAIL  $1: $2, $(($(date +%s) - start)) s, see $log"
		failed=$((failed + 1))
	fi
}

# A fresh Debian with the sources: $1.
fresh() {
	chroot_copy "$base" "$roots/$1"
	chroot_run "$roots/$1" 'command -v git make >/dev/null ||
		{ apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends git make; }' >"build/log/distro-$1-fresh.log" 2>&1 || {
		tail "build/log/distro-$1-fresh.log"
		exit 1
	}
	mkdir "$roots/$1/root/argond"
	tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C "$roots/$1/root/argond"
}

# For every target: a failure, and one line that says what is missing or that root is needed.
# shellcheck disable=SC2016 # the chroot's shell expands it
told='chown -R nobody . && chmod 755 /root
	for target; do
		[ "$target" != make ] || target=all
		! '$as_nobody' make "$target" >/tmp/said 2>&1 || grep -q ^skipped /tmp/said ||
			{ echo "make $target went through"; exit 1; }
		grep -v "[*][*][*]" /tmp/said >/tmp/told
		cat /tmp/told
		[ "$(wc -l </tmp/told)" = 1 ] && grep -q "not installed: \|^skipped: root" /tmp/told ||
			{ cat /tmp/said; echo "make $target does not say what is missing"; exit 1; }
	done'

chroot_need
trap 'rm -rf "$roots"' EXIT
trap 'exit 1' INT TERM
mkdir -p build/log
for suite; do
	chroot_base "$suite" || {
		echo "skipped: $suite: debootstrap failed"
		continue
	}
	fresh "$suite"
	try "$suite" told "set -- $(echo "$targets" | grep -Evx 'help|clean|uninstall' |
		tr '\n' ' '); $told"
	case ${TARGETS:-check} in
	all) todo="$(echo "$targets" | grep -Evx 'check-deb|check-distros') check-as-nobody deps-by-sudo" ;;
	*) todo=${TARGETS:-check} ;;
	esac
	for target in $todo; do
		fresh "$suite"
		try "$suite" "$target" "$(command_for "$target")"
	done
done
[ "$failed" = 0 ]
