#!/usr/bin/env bash
# test/run.sh [LEVEL...]: every test of the project, or the levels named:
#   lint build unit sim fuzz regress isolation tap torture
# and, named only: laws, the laws of every CRDT type and every strategy on LAWS
# (a million) random states each, without sanitizers.
#
# Each level prints "N passed, N failed"; the last line of all is their sum.
# What failed leaves its logs and diffs in tmp_check/ of the tree.
#
# TESTS="test/t/001*.pl" picks TAP files, JOBS=n runs so many at a time, LAG=test
# or LAG=server has the test or the servers lag behind (test/perl/Pace.pm).
# MINUTES=n is how long torture lasts, or each target of fuzz; SEED=n what torture
# does; SOAK=1 draws its curves; LOOPBACK=1 does without network namespaces;
# FORGET=1 has deleted rows forgotten at once.
set -euo pipefail
. "$(dirname "$0")/../tools/lib.sh"

levels=${*:-lint build unit sim fuzz regress isolation tap torture}
"$CVG_ROOT/tools/setup.sh" --test
pc=$(cvg_find_pg_config) || die "no PostgreSQL 15 to 18 with server headers; run tools/setup.sh"
cvg_work_begin

total_passed=0 total_failed=0 summary=

# level NAME COMMAND...: run, take the counts from the last line that has them
level()
{
	local name=$1 out=$CVG_WORK/$1.out lines p f t=$SECONDS

	shift
	say "=== $name"
	set +e
	"$@" 2>&1 | tee "$out"
	local rc=${PIPESTATUS[0]}
	set -e
	read -r lines p f < <(awk '/^[0-9]+ passed, [0-9]+ failed$/ { n++; p += $1; f += $3 }
		END { print n + 0, p + 0, f + 0 }' "$out")
	if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	if [ "$lines" -eq 0 ] && [ "$rc" -eq 0 ]; then
		say "# $name said nothing of passed and failed"
		f=1
	fi
	total_passed=$((total_passed + p))
	total_failed=$((total_failed + f))
	summary+=$(printf '%-10s %8d passed %5d failed %5d s' "$name" "$p" "$f" $((SECONDS - t)))$'\n'
}

run_build()
{
	cvg_build_install CVG_CFLAGS="-Werror -DUSE_ASSERT_CHECKING" || { echo "0 passed, 1 failed"; return 1; }
	echo "1 passed, 0 failed"
	perl "$CVG_SRC/test/lint/lint.pl" "$CVG_SRC/pg_converge.so"
}

run_unit()
{
	# TESTS there are programs, not what was asked of "make test"
	as_user env MAKEFLAGS= make --no-print-directory -s -C "$CVG_SRC/test/unit" -j "$(nproc)" PG_CONFIG="$pc" check
}

# SEEDS=n histories from SEED=n on; without SEEDS the short form of make test.
run_sim()
{
	as_user make --no-print-directory -s -C "$CVG_SRC/test/sim" -j "$(nproc)" PG_CONFIG="$pc" \
		SEEDS="${SEEDS:-}" SEED="${SEED:-1}" "$1"
}

run_fuzz()
{
	local cc

	cc=$(find_fuzzer) || {
		say "# skipped: there is no clang with libFuzzer"
		say "0 passed, 0 failed"
		return 0
	}
	# as torture: in "make test" always the same
	[ -n "${MINUTES:-}" ] || : "${SEED:=1}"
	as_user make --no-print-directory -s -C "$CVG_SRC/test/fuzz" CC="$cc" PG_CONFIG="$pc" \
		${MINUTES:+SECONDS_EACH=$((MINUTES * 60))} SEED="${SEED:-0}" check
}

run_laws()
{
	local tests

	tests=$(cd "$CVG_SRC/test/unit" && grep -lE '"(crdt|cell|core/leaves)\.h"' test_*.c | sed 's/\.c$//' | tr '\n' ' ')
	as_user env CASES="${LAWS:-1000000}" make --no-print-directory -s -C "$CVG_SRC/test/unit" -j "$(nproc)" \
		PG_CONFIG="$pc" B=build/laws SAN=-O2 TESTS="$tests" check
}

# pg_regress and pg_isolation_regress start a server of their own from the
# private installation; the Makefile's installcheck has their options.
run_regress()
{
	as_user env PATH="$CVG_BIN:$PATH" make --no-print-directory -s -C "$CVG_SRC" with_llvm=no \
		PG_CONFIG="$PG_CONFIG" "$1" 2>&1 | perl "$CVG_SRC/test/regress.pl"
}

run_tap()
{
	local pgxs files

	pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
	cd "$CVG_SRC"
	files=${TESTS:-test/t/*.pl}
	# shellcheck disable=SC2086
	as_user env PATH="$CVG_BIN:$PATH" TESTDIR="$CVG_SRC" TESTDATADIR="$CVG_SRC/tmp_check" \
		TESTLOGDIR="$CVG_SRC/tmp_check/log" CVG_BIN="$CVG_BIN" PG_REGRESS="$pgxs/regress/pg_regress" \
		perl test/tap.pl -j "${JOBS:-$(nproc)}" -I "$pgxs/perl" -I "$CVG_SRC/test/perl" $files
}

# First the checkers on histories that are known to be bad, then a real one.
run_torture()
{
	local rc=0 options=()

	perl "$CVG_SRC/test/torture/selftest.pl" || rc=1
	# in "make test" always the same faults; "make torture" looks for new ones
	[ -n "${MINUTES:-}" ] || : "${SEED:=1}"
	[ -z "${SEED:-}" ] || options+=(--seed "$SEED")
	[ -z "${FAULTS:-}" ] || options+=(--faults "$FAULTS")
	[ -z "${FORGET:-}" ] || options+=(--forget)
	[ -z "${SOAK:-}" ] || options+=(--soak "$CVG_WORK/soak.tsv")
	CVG_USER=$CVG_USER bash "$CVG_SRC/test/torture/torture.sh" "$CVG_WORK/torture" "$CVG_BIN" $((${MINUTES:-2} * 60)) "${options[@]}" || rc=1
	if [ -s "$CVG_WORK/soak.tsv" ]; then
		mkdir -p "$CVG_ROOT/tmp_check_soak"
		cp "$CVG_WORK/soak.tsv" "$CVG_ROOT/tmp_check_soak/"
		perl "$CVG_SRC/test/torture/soak.pl" "$CVG_WORK/soak.tsv" "$CVG_ROOT/tmp_check_soak/soak.svg"
		say "# curves: $CVG_ROOT/tmp_check_soak/soak.svg"
	fi
	return $rc
}

installed=
for l in $levels; do
	case $l in
		build | regress | isolation | tap | torture)
			if [ -z "$installed" ]; then
				cvg_private_install "$pc"
				installed=1
				level build run_build
			fi
			;;
	esac
	case $l in
		lint) level lint perl "$CVG_ROOT/test/lint/lint.pl" ;;
		build) ;;
		unit) level unit run_unit ;;
		sim) level sim run_sim "$([ -n "${SEEDS:-}" ] && echo seeds || echo check)" ;;
		sim-mutants) level sim-mutants run_sim mutants ;;
		fuzz) level fuzz run_fuzz ;;
		laws) level laws run_laws ;;
		regress) level regress run_regress regresscheck ;;
		isolation) level isolation run_regress isolationcheck ;;
		tap) level tap run_tap ;;
		torture) level torture run_torture ;;
		*) die "unknown level $l" ;;
	esac
done

if [ $total_failed -gt 0 ]; then
	rm -rf "$CVG_ROOT/tmp_check"
	mkdir -p "$CVG_ROOT/tmp_check"
	for f in "$CVG_SRC"/tmp_check/log "$CVG_SRC"/results "$CVG_SRC"/regression.diffs \
		"$CVG_SRC"/output_iso "$CVG_SRC"/tmp_check/regress.log "$CVG_WORK"/torture/history "$CVG_WORK"/torture/*.log \
		"$CVG_WORK"/*.out "$CVG_WORK"/build.log; do
		[ ! -e "$f" ] || cp -a "$f" "$CVG_ROOT/tmp_check/" 2>/dev/null || true
	done
	say "# logs of this run: $CVG_ROOT/tmp_check"
fi
say ""
printf '%s' "$summary"
say "$total_passed passed, $total_failed failed"
[ $total_failed -eq 0 ]
