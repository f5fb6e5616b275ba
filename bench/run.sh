#!/usr/bin/env bash
# bench/run.sh [--quick] [--rounds N] [--seconds N] [--only NAME,...] [--results]
#
# A table of ratios against plain PostgreSQL on this machine, in one run, with
# medians of interleaved rounds; see bench.pl for what is measured and how.
# No pass or fail.  Everything happens in a temporary folder.
#
# Names for --only: update insert tpcb wal copy memory apply latency idle size.
# --results writes the table to bench/RESULTS.md too.
set -euo pipefail
. "$(dirname "$0")/../tools/lib.sh"

"$CVG_ROOT/tools/setup.sh"
pc=$(cvg_find_pg_config) || die "no PostgreSQL 15 to 18 with server headers; run tools/setup.sh"
cvg_work_begin
cvg_private_install "$pc"
cvg_build_install || die "the build failed"
as_user gcc -O2 -Wall -I"$("$pc" --includedir)" -L"$("$pc" --libdir)" \
	-o "$CVG_WORK/latency" "$CVG_SRC/bench/latency.c" -lpq || die "could not build bench/latency.c"

for n in plain a b; do
	case $n in plain) port=1 ;; a) port=2 ;; b) port=3 ;; esac
	cvg_initdb "$CVG_WORK/$n" $port
	as_user tee -a "$CVG_WORK/$n/postgresql.conf" >/dev/null <<-CONF
		shared_buffers = '256MB'
		max_wal_size = '16GB'
		checkpoint_timeout = '1h'
		autovacuum_naptime = '10min'
		synchronous_commit = on
	CONF
	[ $n = plain ] || as_user tee -a "$CVG_WORK/$n/postgresql.conf" >/dev/null <<-CONF
		shared_preload_libraries = 'pg_converge'
		converge.max_retry_interval = '500ms'
	CONF
	cvg_start "$CVG_WORK/$n"
done

args=() results=
for arg; do
	case $arg in
		--results) results=$CVG_WORK/RESULTS.md && args+=(--results "$results") ;;
		*) args+=("$arg") ;;
	esac
done
commit=$(git -C "$CVG_ROOT" -c safe.directory='*' describe --always --dirty --exclude '*' 2>/dev/null || echo unknown)
as_user env CVG_BIN="$CVG_BIN" CVG_WORK="$CVG_WORK" CVG_COMMIT="$commit" \
	CVG_EXTVERSION="$(sed -n 's/^EXTVERSION *= *//p' "$CVG_ROOT/Makefile")" \
	perl "$CVG_SRC/bench/bench.pl" ${args[@]+"${args[@]}"}
[ -z "$results" ] || cat "$results" >"$CVG_ROOT/bench/RESULTS.md"
