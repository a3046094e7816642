#!/bin/sh
# Installs the packages that are missing (Debian, Ubuntu), without a question:
#
#   packages.sh [-n] GOAL PACKAGE... [-- PACKAGE...]
#
# GOAL is the make target they are for. A word a/b means one of the two: whichever is
# installed, else the first that apt knows. The packages after -- are installed where apt
# knows them and where that is possible; their absence stops nothing. With -n nothing is
# installed. What is missing and cannot be installed is said in one line. Where there is
# no dpkg, nothing is done: the build finds out. NO_DEPS=1: nothing is looked at.
set -eu
export LC_ALL=C # apt's words are looked at

fail() {
	echo "make $goal: $*" >&2
	exit 1
}

# Sets `missing` to those of the words for which no package is installed.
find_missing() {
	missing=''
	for word; do
		for name in $(echo "$word" | tr / ' '); do
			case $installed in *" $name "*) continue 2 ;; esac
		done
		missing="$missing $word"
	done
}

# The first package of a word that apt has.
candidate() {
	for name in $(echo "$1" | tr / ' '); do
		if apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]'; then
			echo "$name"
			return
		fi
	done
	return 1
}

# As root, and with what apt has to say only if it fails.
apt() {
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" \
		>"$log" 2>&1
}

say=no
if [ "$1" = -n ]; then
	say=yes
	shift
fi
goal=$1 needed='' optional='' after=''
shift
for word; do
	case $word in
	--) after=yes ;;
	*) [ -n "$after" ] && optional="$optional $word" || needed="$needed $word" ;;
	esac
done

[ -z "${NO_DEPS:-}" ] && command -v dpkg-query >/dev/null || exit 0
installed=" $(dpkg-query -W -f='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' |
	tr '\n' ' ') "
# shellcheck disable=SC2086 # words
{
	find_missing $optional
	optional=$missing
	find_missing $needed
	needed=$missing
}
hint="not installed:$needed (NO_DEPS=1 goes on without)"
[ -n "$needed$optional" ] || exit 0
if [ $say = yes ]; then
	[ -z "$needed" ] || fail "$hint; \`make deps\` installs them"
	exit 0
fi

sudo=''
if [ "$(id -u)" != 0 ]; then
	[ -n "$needed" ] || exit 0
	command -v sudo >/dev/null || fail "$hint, and there is no sudo to install them with"
	sudo=sudo
fi
if ! command -v apt-get >/dev/null; then
	[ -n "$needed" ] || exit 0
	fail "$hint, and there is no apt-get to install them with"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ -n "$needed" ] && ! apt update; then
	[ -z "$sudo" ] || sudo -n true 2>/dev/null || fail "$hint, and sudo is not permitted"
	echo "make $goal: apt-get update failed, the old lists are used: $(tail -n 1 "$log")" >&2
fi

names=''
for word in $needed; do
	name=$(candidate "$word") || fail "$hint, and apt knows no package $word"
	names="$names $name"
done
# shellcheck disable=SC2086 # words
if [ -n "$names" ]; then
	echo "installing$names"
	apt install -y --no-install-recommends $names ||
		fail "$hint, and apt-get does not install them: $(tail -n 1 "$log")"
fi
for word in $optional; do
	name=$(candidate "$word") || continue
	echo "installing $name"
	apt install -y --no-install-recommends "$name" ||
		echo "make $goal: goes on without $name: $(tail -n 1 "$log")" >&2
done
