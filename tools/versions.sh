#!/usr/bin/env bash
# tools/versions.sh [VERSION...]: build and test this tree on other versions
# of PostgreSQL.   make versions [VERSIONS="17 18"]
#
# For each version a Debian release that has it is unpacked into a folder of
# its own (debootstrap, from Debian's archive; needs root), and test/run.sh is
# run inside: build with -Werror, pg_regress, isolation and TAP tests.  At the
# end TAP tests run on groups whose nodes are of different versions
# (tools/mixed.sh).  No Debian release has 16.  19 comes from experimental, on
# top of sid, as long as that serves it.
#
# CHROOTS=dir keeps the unpacked releases there for the next time (2 GB each);
# LEVELS="regress isolation" runs only these levels, TESTS picks TAP files, as
# for test/run.sh.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

declare -A release=([15]=bookworm [17]=trixie [18]=sid [19]=experimental)
mirror=${MIRROR:-http://deb.debian.org/debian}
levels=${LEVELS:-regress isolation tap mixed}
versions=${*:-15 17 18 19}

skip()
{
	say "# skipped: $*"
	say "0 passed, 0 failed"
	exit 0
}

for v in $versions; do
	[ -n "${release[$v]:-}" ] || die "no Debian release has PostgreSQL $v; known are: ${!release[*]}"
done
[ "$(id -u)" = 0 ] || skip "other versions are tested in chroots, which need root"
unshare -mpf true 2>/dev/null || skip "this machine refuses namespaces"
if ! command -v debootstrap >/dev/null; then
	command -v apt-get >/dev/null || skip "there is no debootstrap"
	apt-get -q -y install --no-install-recommends debootstrap >/dev/null 2>&1 ||
		skip "debootstrap could not be installed"
fi

cvg_work_begin
# Not below the work folder: servers inside have process numbers of their own,
# which cvg_work_end must not take for ours.
if [ -n "${CHROOTS:-}" ]; then
	mkdir -p "$CHROOTS"
	chroots=$(cd "$CHROOTS" && pwd)
else
	chroots=$(mktemp -d "${TMPDIR:-/tmp}/pg_converge_chroots.XXXXXX")
fi
chmod 755 "$chroots"
end()
{
	local rc=$? pid

	set +e
	for pid in $(jobs -p); do
		kill "$pid" 2>/dev/null
	done
	wait
	[ -n "${CHROOTS:-}" ] || rm -rf "$chroots"
	(exit $rc)
	cvg_work_end
}
trap end EXIT
meeting=$CVG_WORK/meeting		# where servers of all versions are, for test_mixed
mkdir -p "$meeting"
ready=()						# versions whose chroots are there

root_of() { printf '%s\n' "$chroots/${release[$1]}"; }

# in_root VERSION COMMAND...: run as root inside.  What is mounted goes away
# with the last process, and all processes go with the first.
in_root()
{
	local root

	root=$(root_of "$1")
	shift
	# shellcheck disable=SC2016
	unshare -mpf --kill-child bash -c '
		root=$1 meeting=$2; shift 2
		mount -t proc proc "$root/proc"
		mkdir -p "$root/dev/shm" "$root/meeting"
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
		mount --bind "$meeting" "$root/meeting"
		exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
			PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' bash "$root" "$meeting" "$@"
}

# A chroot with what is needed, unless it is there already.  Returns 2 if the
# release does not serve this version.
prepare()
{
	local v=$1 root suite base

	root=$(root_of "$v") suite=${release[$v]}
	if [ ! -e "$root/ready" ]; then
		say "# unpacking Debian $suite for PostgreSQL $v ..."
		rm -rf "$root"
		base=$suite
		[ "$suite" != experimental ] || base=sid
		unshare -m debootstrap --variant=minbase "$base" "$root" "$mirror" || return 1
		if [ "$suite" != "$base" ]; then
			# only the packages of this PostgreSQL, libpq among them
			echo "deb $mirror $suite main" >"$root/etc/apt/sources.list.d/$suite.list"
			printf 'Package: src:postgresql-%s src:postgresql-common\nPin: release a=%s\nPin-Priority: 990\n' \
				"$v" "$suite" >"$root/etc/apt/preferences.d/pg_converge"
		fi
		echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90pg_converge"
		printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
		chmod 755 "$root/usr/sbin/policy-rc.d"
		mkdir -p "$root/etc/postgresql-common/createcluster.d"
		echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/pg_converge.conf"
		in_root "$v" apt-get -q update || return 1
		in_root "$v" apt-cache policy "postgresql-server-dev-$v" | grep -q 'Candidate: *[0-9]' || return 2
		in_root "$v" apt-get -q -y install --no-install-recommends "postgresql-$v" \
			"postgresql-server-dev-$v" libpq-dev libxxhash-dev make gcc libc6-dev perl \
			libipc-run-perl libfaketime || return 1
		touch "$root/ready"
	fi
	rm -rf "$root/tree"
	cp -a "$CVG_SRC" "$root/tree"
	chown -R root: "$root/tree"
}

total_passed=0 total_failed=0 summary=

# count NAME FILE EXIT_CODE: add what the last line of the output says
count()
{
	local p f

	read -r p f < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$2" | tail -n 1) || p=0 f=1
	if [ "$3" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	total_passed=$((total_passed + p))
	total_failed=$((total_failed + f))
	summary+=$(printf '%-16s %8d passed %5d failed' "$1" "$p" "$f")$'\n'
}

test_version()
{
	local v=$1 rc=0 out=$CVG_WORK/$1.out own

	say "=== PostgreSQL $v (Debian ${release[$v]})"
	prepare "$v" >"$CVG_WORK/prepare.$v.out" 2>&1 || rc=$?
	if [ $rc -eq 2 ]; then
		say "# skipped: Debian ${release[$v]} does not serve PostgreSQL $v now"
		return 0
	elif [ $rc -ne 0 ]; then
		tail -n 20 "$CVG_WORK/prepare.$v.out"
		echo "0 passed, 1 failed" >"$out"
		count "PostgreSQL $v" "$out" 1
		return 0
	fi
	ready+=("$v")
	own=" $levels "
	own=${own/ mixed / }
	[ -n "${own// /}" ] || return 0
	# shellcheck disable=SC2086
	in_root "$v" env TESTS="${TESTS:-}" JOBS="${JOBS:-}" \
		PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-180}" bash /tree/test/run.sh $own 2>&1 | tee "$out" ||
		rc=1
	count "PostgreSQL $v" "$out" $rc
	if [ -d "$(root_of "$v")/tree/tmp_check" ]; then
		rm -rf "$CVG_ROOT/tmp_check/$v"
		mkdir -p "$CVG_ROOT/tmp_check"
		cp -a "$(root_of "$v")/tree/tmp_check" "$CVG_ROOT/tmp_check/$v"
		say "# logs of this run: $CVG_ROOT/tmp_check/$v"
	fi
}

# Servers of all versions that are here meet in one folder, and in the newest
# release the tests start them side by side.
test_mixed()
{
	local v rc=0 out=$CVG_WORK/mixed.out logs

	say "=== one group of PostgreSQL ${ready[*]}"
	rm -rf "${meeting:?}"/*
	for v in "${ready[@]}"; do
		in_root "$v" bash /tree/tools/mixed.sh export "$v" >"$CVG_WORK/export.out" 2>&1 || {
			tail -n 20 "$CVG_WORK/export.out"
			echo "0 passed, 1 failed" >"$out"
			count "together" "$out" 1
			return 0
		}
	done
	in_root "${ready[-1]}" env TESTS="${TESTS:-}" JOBS="${JOBS:-}" \
		PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-180}" \
		bash /tree/tools/mixed.sh test "${ready[@]}" 2>&1 | tee "$out" || rc=1
	logs=$(root_of "${ready[-1]}")/tree/mixed
	if [ -d "$logs" ]; then
		mkdir -p "$CVG_ROOT/tmp_check"
		rm -rf "$CVG_ROOT/tmp_check/mixed"
		cp -a "$logs" "$CVG_ROOT/tmp_check/mixed"
		say "# logs of this run: $CVG_ROOT/tmp_check/mixed"
	fi
	count "together" "$out" $rc
}

for v in $versions; do
	test_version "$v"
done
case " $levels " in
	*' mixed '*)
		if [ $total_failed -eq 0 ] && [ ${#ready[@]} -gt 1 ]; then
			test_mixed
		fi
		;;
esac
say ""
printf '%s' "$summary"
say "$total_passed passed, $total_failed failed"
[ $total_failed -eq 0 ]
