#!/usr/bin/env bash
# test/mutants/run.sh [NAME...]: make each deliberate mistake of mutants.pl in a
# copy of the source, and see which level of the tests notices.  Prints a table
# mutation x level; a mutant that no level caught is a missing test.
#
# LEVELS="unit tap torture" picks levels (sim too where it exists); FIRST=1 goes
# on to the next mutant as soon as one is caught.  Hours for all of them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tools/lib.sh"

levels=${LEVELS:-unit sim tap torture}
names=${*:-$(perl "$here/mutants.pl" list)}
"$CVG_ROOT/tools/setup.sh" --test
pc=$(cvg_find_pg_config) || die "no PostgreSQL 15 to 18 with server headers; run tools/setup.sh"
cvg_work_begin
cvg_private_install "$pc"
pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
cd "$CVG_SRC"

run_unit()
{
	rm -f test/unit/build/*.a
	as_user make -s -C test/unit -j "$(nproc)" CASES=2000 PG_CONFIG="$pc" check
}
run_sim()
{
	as_user make -s -C test/sim -j "$(nproc)" PG_CONFIG="$pc" SEEDS=200 check
}
run_tap()
{
	# shellcheck disable=SC2046
	as_user env PATH="$CVG_BIN:$PATH" TESTDIR="$CVG_SRC" TESTDATADIR="$CVG_SRC/tmp_check" TESTLOGDIR="$CVG_SRC/tmp_check/log" \
		CVG_BIN="$CVG_BIN" PG_REGRESS="$pgxs/regress/pg_regress" PG_TEST_TIMEOUT_DEFAULT=40 \
		perl test/tap.pl -j "$(nproc)" -I "$pgxs/perl" -I test/perl $(perl "$here/mutants.pl" tap "$1")
}
run_torture()
{
	CVG_USER=$CVG_USER bash test/torture/torture.sh "$CVG_WORK/torture" "$CVG_BIN" 50 --seed 3 --patience 90
}
needs_server() { case " $levels " in *" tap "* | *" torture "*) return 0 ;; *) return 1 ;; esac; }

# With sanitizers and assertions, a crash counts as caught
judge()
{
	local level=$1 name=$2 out=$CVG_WORK/$2.$1

	if [ $level = sim ] && [ ! -e test/sim/Makefile ]; then
		echo -
		return
	fi
	if ( set +e; "run_$level" "$name" ) >"$out" 2>&1; then
		echo missed
	else
		echo caught
	fi
}

printf '%-28s' mutant
printf ' %-8s' $levels
printf ' %s\n' 'what is wrong'
survivors=0 stale=0
for name in $names; do
	if ! as_user perl "$here/mutants.pl" apply "$name" "$CVG_SRC" 2>"$CVG_WORK/why"; then
		printf '%-28s %s\n' "$name" "$(cat "$CVG_WORK/why")"
		stale=$((stale + 1))
		continue
	fi
	printf '%-28s' "$name"
	caught=
	if ! needs_server || cvg_build_install CVG_CFLAGS=-DUSE_ASSERT_CHECKING 2>"$CVG_WORK/why"; then
		for level in $levels; do
			[ -z "${FIRST:-}" ] || [ -z "$caught" ] || { printf ' %-8s' .; continue; }
			result=$(judge "$level" "$name")
			printf ' %-8s' "$result"
			[ "$result" != caught ] || caught=1
		done
	else
		printf ' does not build'
	fi
	printf ' %s\n' "$(perl "$here/mutants.pl" says "$name")"
	[ -n "$caught" ] || survivors=$((survivors + 1))
	as_user perl "$here/mutants.pl" revert "$name" "$CVG_SRC"
done
echo "$survivors survived, $stale out of date"
[ $survivors -eq 0 ] && [ $stale -eq 0 ]
