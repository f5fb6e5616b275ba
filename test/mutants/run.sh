#!/usr/bin/env bash
# test/mutants/run.sh [NAME...]: make each deliberate mistake of mutants.pl in a
# copy of the source, and see which level of the tests notices.  Prints a table
# mutation x level; a mutant that no level caught is a missing test.
#
# LEVELS="unit tap torture" picks levels.  FIRST=1 leaves a mutant alone that one
# level has caught.  What is found is kept in RESULTS (tmp_check_mutants/
# results.tsv), so that a run that was stopped goes on, and another one may add
# levels; remove the file to begin anew.  Hours for all of them.
# TORTURE_SECONDS=n is how long a torture lasts (60), SEED=n what it does.
#
# Every level is first run without any mistake and must pass.  That a build has
# the mistake is seen from its programs, which must differ from those without;
# where a level's are the same, the code is not in it: "-".
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tools/lib.sh"

levels=${LEVELS:-unit sim isolation tap torture}
names=${*:-$(perl "$here/mutants.pl" list)}
results=${RESULTS:-$CVG_ROOT/tmp_check_mutants/results.tsv}
mkdir -p "$(dirname "$results")"
touch "$results"
"$CVG_ROOT/tools/setup.sh" --test
pc=$(cvg_find_pg_config) || die "no PostgreSQL 15 to 18 with server headers; run tools/setup.sh"
cvg_work_begin
cvg_private_install "$pc"
pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
cd "$CVG_SRC"

# In a process namespace of its own where that can be had: nothing of a test
# that went wrong stays behind.
alone=()
if [ "$(id -u)" = 0 ] && unshare -mp --fork --kill-child --mount-proc true 2>/dev/null; then
	# the shell is process 1 there, and takes leave of orphans
	alone=(unshare -mp --fork --kill-child --mount-proc bash -c '"$@"; exit $?' init)
fi
# limited SECONDS COMMAND...
limited() { local s=$1; shift; "${alone[@]}" timeout -k 10 "$s" "$@"; }
tool() { perl "$here/mutants.pl" "$@"; }

# build_LEVEL, programs_LEVEL, run_LEVEL NAME
build_unit() { as_user make -s -C test/unit -j "$(nproc)" PG_CONFIG="$pc" all; }
programs_unit() { find test/unit/build -name 'test_*' ! -name '*.o' -type f; }
run_unit()
{
	local t

	for t in test/unit/build/test_*; do
		[ -d "$t" ] || [[ $t = *.o ]] || as_user env CASES=2000 "$t" || return 1
	done
}

build_sim() { as_user make -s -C test/sim -j "$(nproc)" PG_CONFIG="$pc" all; }
programs_sim() { echo test/sim/build/sim; }
run_sim()
{
	as_user test/sim/build/sim -q 1 -n 400 -s 1 && as_user test/sim/build/sim -q 1 -n 1000 -s 1 -x 1 -f 41
}

build_server() { cvg_build_install CVG_CFLAGS=-DUSE_ASSERT_CHECKING; }
programs_server() { echo pg_converge.so; }
build_isolation() { build_server; }
programs_isolation() { programs_server; }
run_isolation()
{
	as_user env PATH="$CVG_BIN:$PATH" make --no-print-directory -s with_llvm=no PG_CONFIG="$PG_CONFIG" isolationcheck
}

build_tap() { build_server; }
programs_tap() { programs_server; }
run_tap()
{
	rm -rf tmp_check
	# shellcheck disable=SC2046,SC2086
	as_user env PATH="$CVG_BIN:$PATH" TESTDIR="$CVG_SRC" TESTDATADIR="$CVG_SRC/tmp_check" TESTLOGDIR="$CVG_SRC/tmp_check/log" \
		CVG_BIN="$CVG_BIN" PG_REGRESS="$pgxs/regress/pg_regress" PG_TEST_TIMEOUT_DEFAULT="${WAIT:-60}" \
		PERL5LIB="$here" PERL5OPT=-MFailFast \
		perl test/tap.pl -j "$(nproc)" -I "$pgxs/perl" -I test/perl ${files:-$(tool tap "$1")}
}

build_torture() { build_server; }
programs_torture() { programs_server; }
run_torture()
{
	# shellcheck disable=SC2046,SC2086
	CVG_USER=$CVG_USER bash test/torture/torture.sh "$CVG_WORK/torture" "$CVG_BIN" "${TORTURE_SECONDS:-60}" --seed "${SEED:-1}" \
		--patience 60 ${options-$(tool torture "$1")}
}

limit_of() { case $1 in tap) [ "$2" = none ] && echo 3000 || echo 900 ;; *) echo 600 ;; esac; }

# Do the level's programs differ from those without a mistake?
is_mutated()
{
	"programs_$1" | sort | xargs md5sum >"$CVG_WORK/sums"
	! cmp -s "$CVG_WORK/sums" "$CVG_WORK/sums.$1"
}

# The line that says what went wrong first.
reason()
{
	grep -hE 'Failed test|: failed: |^not ok|[1-9][0-9]* failed$|^(FAIL|seed)|FAILED|Result: FAIL|assert|ERROR: Addr' "$1" |
		grep -v ' 0 failed$' | head -n 1 | tr -s ' \t' ' ' | cut -c1-140
}

# Of torture, all checks that failed, and what the run itself said if none did.
reason_torture()
{
	local checks

	checks=$(sed -n 's/^not ok - \([a-z]*\).*/\1/p' "$1" | tr '\n' ' ')
	[ -n "$checks" ] || checks=$(sed -n 's/^\[ *[0-9.]*\] not ok - //p' "$1" | head -n 1 | cut -c1-140)
	echo "${checks% }"
}

# record NAME ID LEVEL RESULT SECONDS WHY
record() { (IFS=$'\t'; printf '%s\n' "$*") >>"$results"; }
known() { awk -F'\t' -v n="$1" -v i="$2" -v l="$3" '$1 == n && $2 == i && $3 == l { r = $4 } END { print r }' "$results"; }
was_caught() { awk -F'\t' -v n="$1" -v i="$2" '$1 == n && $2 == i && $4 == "caught" { f = 1 } END { exit !f }' "$results"; }

# judge LEVEL NAME ID: prints the result
judge()
{
	local level=$1 name=$2 id=$3 out=$CVG_WORK/$2.$1 t=$SECONDS rc=0 result why=

	if ! "build_$level" >"$out" 2>&1; then
		cp "$out" "$(dirname "$results")/$name.$level.out"
		echo 'no build'
		return
	fi
	if [ "$name" != none ] && ! is_mutated "$level"; then
		result=-
	else
		limited "$(limit_of "$level" "$name")" bash -c "$functions"' run_'"$level $name" >"$out" 2>&1 || rc=$?
		result=missed
		if [ $rc -ne 0 ]; then
			result=caught
			why=$(reason "$out")
			if [ "$level" = torture ]; then
				why=$(reason_torture "$out")
			elif [ "$level" = tap ]; then
				why="$(grep -oE '^test/t/[0-9]{3}' "$out" | grep -oE '[0-9]{3}' | tail -n 1) $why"
			fi
			[ $rc -lt 124 ] || why="did not end. $why"
			# a test that did not even begin has caught nothing
			! grep -qE 'Tests=0,|initdb failed' "$out" || result=unclear
		fi
		cp "$out" "$(dirname "$results")/$name.$level.out"
	fi
	record "$name" "$id" "$level" "$result" $((SECONDS - t)) "$why"
	echo "$result"
}

# timeout and unshare want a program, so functions travel as text
export CVG_ROOT CVG_WORK CVG_USER CVG_SRC CVG_BIN PG_CONFIG files=
functions="$(declare -p here pc pgxs); $(declare -f as_user tool run_unit run_sim run_isolation run_tap run_torture); set -e;"

passes()
{
	local result

	result=$(judge "$1" none -)
	[ "$result" = missed ] || die "$1 fails without a mistake: see $(dirname "$results")/none.$1.out"
}

# The level without a mistake; of TAP, the files that are used and have not passed yet.
baseline()
{
	local level=$1 f

	if [ "$level" = tap ]; then
		files=$(for n in $names; do tool tap "$n"; done | tr ' ' '\n' | sort -u |
			while read -r f; do [ -n "$(known none - "$f")" ] || printf '%s ' "$f"; done)
		[ -n "$files" ] || return 0
	elif [ "$level" = torture ]; then
		# faults are picked from those of the ordinary run; another setting is not
		for options in '' $(for n in $names; do tool torture "$n"; done | grep -o -e --forget -e '--set=[^ ]*' | sort -u); do
			export options
			[ -n "$(known none - "torture$options")" ] || passes torture
			record none - "torture$options" missed 0 ''
		done
		unset options
		return 0
	elif [ -n "$(known none - "$level")" ]; then
		return 0
	fi
	passes "$level"
	for f in $files; do
		record none - "$f" missed 0 ''
	done
	files=
}

for level in $levels; do
	say "# $level without a mistake"
	"build_$level" >"$CVG_WORK/why" 2>&1 || die "does not build: $(cat "$CVG_WORK/why")"
	baseline "$level"
	"programs_$level" | sort | xargs md5sum >"$CVG_WORK/sums.$level"
done

printf '%-28s' mutant
printf ' %-9s' $levels
printf ' %s\n' 'what is wrong'
survivors=0 stale=0
for name in $names; do
	if ! as_user perl "$here/mutants.pl" apply "$name" "$CVG_SRC" 2>"$CVG_WORK/why"; then
		printf '%-28s %s\n' "$name" "$(cat "$CVG_WORK/why")"
		stale=$((stale + 1))
		continue
	fi
	id=$(tool id "$name")
	printf '%-28s' "$name"
	for level in $levels; do
		result=$(known "$name" "$id" "$level")
		if [ -z "$result" ] && [ -n "${FIRST:-}" ] && was_caught "$name" "$id"; then
			result=.
		fi
		[ -n "$result" ] || result=$(judge "$level" "$name" "$id")
		printf ' %-9s' "$result"
	done
	printf ' %s\n' "$(tool says "$name")"
	was_caught "$name" "$id" || survivors=$((survivors + 1))
	as_user perl "$here/mutants.pl" revert "$name" "$CVG_SRC"
done
echo "$survivors survived, $stale out of date"
[ $survivors -eq 0 ] && [ $stale -eq 0 ]
