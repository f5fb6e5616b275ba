#!/usr/bin/env bash
# tools/coverage.sh: which share of src/ the tests run, as one line at the end.
#
# Everything of "make test" but the fuzzers, with smaller data: unit tests (the
# core compiled alone), pg_regress, isolation tests and TAP tests, all built
# with gcov.  What a process that is killed with -9 ran is not counted.
# The report by line is left in coverage/ (open coverage/index.html).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

"$CVG_ROOT/tools/setup.sh" --coverage
pc=$(cvg_find_pg_config) || die "no PostgreSQL 15 to 18 with server headers; run tools/setup.sh"
command -v lcov >/dev/null || die "lcov is not installed"
cvg_work_begin
cvg_private_install "$pc"
say "building with gcov ..."
cvg_build_install CVG_CFLAGS="--coverage -O1 -fno-inline" CVG_LDFLAGS="--coverage" ||
	die "the build failed"

say "unit tests ..."
as_user make --no-print-directory -s -C "$CVG_SRC/test/unit" PG_CONFIG="$pc" SAN=--coverage \
	CASES="${CASES:-2000}" check >"$CVG_WORK/unit.out" 2>&1 || say "  some failed"
export PATH=$CVG_BIN:$PATH
for level in regresscheck isolationcheck; do
	say "$level ..."
	as_user make --no-print-directory -s -C "$CVG_SRC" with_llvm=no PG_CONFIG="$PG_CONFIG" \
		CVG_CFLAGS="--coverage -O1 -fno-inline" CVG_LDFLAGS="--coverage" \
		$level >"$CVG_WORK/$level.out" 2>&1 || say "  some failed"
done
say "TAP tests ..."
pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
(cd "$CVG_SRC" && as_user env PATH="$PATH" TESTDIR="$CVG_SRC" TESTDATADIR="$CVG_SRC/tmp_check" \
	TESTLOGDIR="$CVG_SRC/tmp_check/log" PG_REGRESS="$pgxs/regress/pg_regress" \
	BIG_VALUE_MB=5 ROWS=100000 TRANSACTIONS=10000 \
	perl test/tap.pl -j "${JOBS:-$(nproc)}" -I "$pgxs/perl" -I "$CVG_SRC/test/perl" test/t/*.pl) \
	>"$CVG_WORK/tap.out" 2>&1 || say "  some failed: $(tail -n 1 "$CVG_WORK/tap.out")"

cd "$CVG_SRC"
as_user lcov -q -c -d src -d test/unit/build -o all.info >"$CVG_WORK/lcov.out" 2>&1 ||
	{ tail "$CVG_WORK/lcov.out" >&2; die "lcov failed"; }
as_user lcov -q -e all.info "$CVG_SRC/src/*" -o src.info >>"$CVG_WORK/lcov.out" 2>&1
if command -v genhtml >/dev/null; then
	as_user genhtml -q -p "$CVG_SRC" -o html src.info >>"$CVG_WORK/lcov.out" 2>&1 || true
	rm -rf "$CVG_ROOT/coverage"
	cp -a html "$CVG_ROOT/coverage" 2>/dev/null || true
fi
awk -F: '
	/^SF:/ { file = $2; sub(/.*\/src\//, "src/", file) }
	/^LF:/ { lf += $2; f[file] += $2 }
	/^LH:/ { lh += $2; h[file] += $2 }
	/^FNF:/ { fnf += $2 }
	/^FNH:/ { fnh += $2 }
	END {
		for (x in f) printf "%6.1f %%  %5d of %5d lines  %s\n", 100 * h[x] / f[x], h[x], f[x], x | "sort -n"
		close("sort -n")
		printf "coverage of src/: %.1f %% of %d lines, %.1f %% of %d functions\n", 100 * lh / lf, lf, 100 * fnh / fnf, fnf
	}' src.info
