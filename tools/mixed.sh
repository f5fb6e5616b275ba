#!/usr/bin/env bash
# tools/mixed.sh: TAP tests on groups whose nodes run different versions of
# PostgreSQL.  Called by tools/versions.sh, inside a chroot for each version;
# /meeting is one folder for all of them.
#
#   mixed.sh export VERSION      build, leave a server of this version in
#                                /meeting/VERSION that runs in any chroot
#   mixed.sh test VERSION...     run the tests; needs all versions exported
#
# So one test file starts servers of all versions side by side and needs not
# know (Converge.pm takes them in turn from CVG_INSTALLS).  A program runs on
# the C library and the other libraries it was linked with, not on those of the
# chroot that it finds itself in: what is in bin/ are scripts that start it by
# the dynamic loader of its own release.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

meeting=/meeting
install_of() { printf '%s\n' "$meeting/$1/usr/lib/postgresql/$1"; }

# Libraries that these files are linked with, the loader included.
libraries()
{
	{ ldd "$@" 2>/dev/null || true; } | sed -nE 's,^\s+(\S+ => )?(/\S+) \(0x.*,\2,p' | sort -u
}

export_server()
{
	local v=$1 out=$meeting/$1 orig=/usr/lib/postgresql/$1/bin/pg_config
	local bin lib share name loader

	cvg_work_begin
	cvg_private_install "$orig"
	cvg_build_install CVG_CFLAGS="-Werror -DUSE_ASSERT_CHECKING" || die "the build for PostgreSQL $v failed"
	bin=$("$orig" --bindir) lib=$("$orig" --pkglibdir) share=$("$orig" --sharedir)
	rm -rf "$out"
	mkdir -p "$out$bin" "$out$lib" "$out$share" "$out/programs" "$out/libraries"
	cp -aL "$CVG_PG$bin/." "$out/programs/"
	cp -aL "$CVG_PG$lib/." "$out$lib/"
	cp -aL "$CVG_PG$share/." "$out$share/"
	# a hundred megabytes that no test needs
	rm -rf "$out$lib"/llvmjit* "$out$lib/bitcode"
	libraries "$out/programs"/* "$out$lib"/*.so | xargs -r cp -L -t "$out/libraries"
	loader=$(basename "$(libraries "$out/programs/postgres" | grep '/ld[-.]')")
	[ -x "$out/libraries/$loader" ] || die "the dynamic loader of postgres $v was not found"
	for name in "$out/programs"/*; do
		name=$(basename "$name")
		cat >"$out$bin/$name" <<-SCRIPT
			#!/bin/sh
			exec $out/libraries/$loader --argv0 "\$0" --library-path $out/libraries $out/programs/$name "\$@"
		SCRIPT
	done
	chmod 755 "$out$bin"/*
	chmod -R a+rX "$out"
	"$out$bin/postgres" --version >/dev/null || die "the exported PostgreSQL $v does not run"
}

# run NAME FILES VERSION...: the first node of a test is of the first version
# named, the second of the second, ... and around.
passed=0 failed=0
run()
{
	local name=$1 files=$2 installs= v p f rc=0 out

	shift 2
	for v in "$@"; do
		installs+="$(install_of "$v") "
	done
	say "--- $name: nodes on $*"
	out=$(mktemp)
	env CVG_INSTALLS="$installs" TESTS="$files" BIG_VALUE_MB=10 JOBS="${JOBS:-}" \
		bash "$CVG_ROOT/test/run.sh" tap 2>&1 | tee "$out" | grep -v '^ok - ' || true
	rc=${PIPESTATUS[0]}
	read -r p f < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$out" | tail -n 1) || p=0 f=1
	if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	rm -f "$out"
	if [ "$f" -gt 0 ] && [ -d "$CVG_ROOT/tmp_check" ]; then
		mkdir -p "$CVG_ROOT/mixed"
		mv "$CVG_ROOT/tmp_check" "$CVG_ROOT/mixed/${*// /-}"
	fi
	passed=$((passed + p)) failed=$((failed + f))
}

what=$1
shift
case $what in
	export)
		export_server "$1"
		exit 0
		;;
	test) ;;
	*) die "usage: mixed.sh export VERSION | mixed.sh test VERSION..." ;;
esac

# Tests that use nothing but what all versions have, and start no server from
# another's files.
tests='test/t/00[1-6]*.pl test/t/009*.pl test/t/013*.pl test/t/015*.pl test/t/02[0-2]*.pl test/t/024_random*.pl
	test/t/026*.pl test/t/027*.pl'
# Those that two nodes show best: with each version as the first node.
pairs='test/t/005*.pl test/t/020*.pl test/t/021_strategies.pl'

versions=("$@")
run all "${TESTS:-$tests}" "${versions[@]}"
for v in "${versions[@]:1}"; do
	versions=("${versions[@]:1}" "${versions[0]}")
	run "$v first" "${TESTS:-$pairs}" "${versions[@]}"
done
say "$passed passed, $failed failed"
[ $failed -eq 0 ]
