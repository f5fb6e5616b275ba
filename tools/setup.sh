#!/usr/bin/env bash
# tools/setup.sh [--test] [--coverage]: install what building, testing or the
# coverage figure needs.
#
# Debian 12 and 13, Ubuntu 23.10 and later; with apt, when run as root or
# where sudo works without a question.  Does nothing when all is there.
# Everything asked for is in the distribution; PostgreSQL 15 to 18, whichever
# it has.  No server is started and no cluster is made by the installation.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

want_test= want_coverage=
for arg in "$@"; do
	case $arg in
		--test) want_test=1 ;;
		--coverage) want_test=1 want_coverage=1 ;;
		*) die "usage: tools/setup.sh [--test] [--coverage]" ;;
	esac
done

have_header() { printf '#include <%s>\n' "$1" | gcc ${2:+-I"$2"} -E -x c - >/dev/null 2>&1; }

# Names of packages that are missing, given a server version number.
missing_packages()
{
	local v=${1:-15} pc=$2

	command -v gcc >/dev/null || echo gcc
	command -v make >/dev/null || echo make
	command -v perl >/dev/null || echo perl
	command -v prove >/dev/null || echo perl
	command -v setpriv >/dev/null || echo util-linux
	if [ -z "$pc" ]; then
		echo "postgresql-$v" "postgresql-server-dev-$v" libpq-dev
	fi
	if command -v gcc >/dev/null; then
		have_header xxhash.h || echo libxxhash-dev
		have_header stdio.h || echo libc6-dev
		if [ -n "$pc" ]; then
			have_header libpq-fe.h "$("$pc" --includedir)" || echo libpq-dev
		fi
	else
		echo libxxhash-dev libc6-dev
	fi
	if [ -n "$want_test" ]; then
		perl -MIPC::Run -e 1 2>/dev/null || echo libipc-run-perl
	fi
	if [ -n "$want_coverage" ]; then
		command -v lcov >/dev/null || echo lcov
	fi
}

# Tests that are skipped without these: clocks that are wrong, fuzzing.
optional_packages()
{
	local c

	[ -n "$want_test" ] || return 0
	find_faketime >/dev/null || echo libfaketime
	c=$(find_fuzzer) || {
		c=$(newest_clang)
		echo "${c:-clang}" "libclang-rt-${c:+${c#clang-}-}dev"
	}
}

find_faketime()
{
	local f

	for f in /usr/lib/*/faketime/libfaketime.so.1; do
		[ -e "$f" ] && { echo "$f"; return 0; }
	done
	return 1
}

# Newest supported server version the distribution offers.
offered_version()
{
	local v

	for v in 18 17 16 15; do
		if [ -n "$(apt-cache policy "postgresql-server-dev-$v" 2>/dev/null | grep -E 'Candidate: *[0-9]')" ]; then
			echo "$v"
			return 0
		fi
	done
	return 1
}

pc=$(cvg_find_pg_config || true)
need=$(missing_packages "" "$pc")
extra=$(optional_packages)
[ -n "$need$extra" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	sudo='sudo -n'
elif [ -z "$need" ]; then
	exit 0
else
	die "missing packages: $(echo $need)
Run tools/setup.sh as root once, or install them yourself."
fi
command -v apt-get >/dev/null || {
	[ -n "$need" ] || exit 0
	die "this is not a Debian or Ubuntu system; install by hand: PostgreSQL 15 to 18 with server headers, libpq, libxxhash, gcc, make, perl with IPC::Run"
}

export DEBIAN_FRONTEND=noninteractive
# Somebody else may be installing, and a mirror may hiccup.
apt_get()
{
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >>"$log" 2>&1
}
log=$(mktemp)
fail()
{
	tail -n 20 "$log" >&2
	die "$1 (log: $log)"
}

say "pg_converge: installing packages (log: $log)"
apt_get update || true
if [ -z "$pc" ]; then
	v=$(offered_version) || fail "this release offers no PostgreSQL 15 to 18 (see https://wiki.postgresql.org/wiki/Apt)"
else
	v=
fi
need=$(missing_packages "$v" "$pc" | tr ' ' '\n' | sort -u)

# Installing the server package would make and start a cluster on port 5432;
# we want its programs only.
conf=/etc/postgresql-common/createcluster.d/pg_converge-setup.conf
if [ -n "$v" ]; then
	apt_get install --no-install-recommends postgresql-common || fail "could not install postgresql-common"
	$sudo mkdir -p "$(dirname "$conf")"
	echo 'create_main_cluster = false' | $sudo tee "$conf" >/dev/null
fi
rc=0
[ -z "$need" ] || apt_get install --no-install-recommends $need || rc=$?
[ -z "$v" ] || $sudo rm -f "$conf"
[ $rc -eq 0 ] || fail "could not install: $(echo $need)"
for p in $(optional_packages); do
	apt_get install --no-install-recommends "$p" || say "pg_converge: $p could not be installed; the tests that use it are skipped"
done
pc=$(cvg_find_pg_config) || fail "no usable PostgreSQL after the installation"
say "pg_converge: using $("$pc" --version)"
rm -f "$log"
