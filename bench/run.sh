#!/usr/bin/env bash
# bench/run.sh [--quick] [--rounds N] [--seconds N] [--only NAME,...]
#
# A table of ratios against plain PostgreSQL on this machine, in one run, with
# medians of interleaved rounds; see bench.pl for what is measured and how.
# No pass or fail.  Everything happens in a temporary folder.
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
	CONF
	cvg_start "$CVG_WORK/$n"
done
as_user env CVG_BIN="$CVG_BIN" CVG_WORK="$CVG_WORK" perl "$CVG_SRC/bench/bench.pl" "$@"
