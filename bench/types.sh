#!/usr/bin/env bash
# bench/types.sh: what the data types that merge cost, beside plain ones; a
# table in Markdown.  See types.sql.  Everything happens in a temporary folder.
set -euo pipefail
. "$(dirname "$0")/../tools/lib.sh"

"$CVG_ROOT/tools/setup.sh"
pc=$(cvg_find_pg_config) || die "no PostgreSQL 15 to 18 with server headers; run tools/setup.sh"
cvg_work_begin
cvg_private_install "$pc"
cvg_build_install || die "the build failed"
cvg_initdb "$CVG_WORK/node" 1
as_user tee -a "$CVG_WORK/node/postgresql.conf" >/dev/null <<-CONF
	shared_preload_libraries = 'pg_converge'
	shared_buffers = '128MB'
	autovacuum = off
CONF
cvg_start "$CVG_WORK/node"
q 1 postgres "CREATE EXTENSION pg_converge"
q 1 postgres "ALTER DATABASE postgres SET converge.node_name = 'london'"
q 1 postgres "CREATE EXTENSION hstore" 2>/dev/null || say "# without hstore, which is not installed"
cat <<-HEAD
	# Results of \`make bench-types\`

	Written by \`make -s bench-types > bench/RESULTS-types.md\`; do not edit. $(q 1 postgres "SELECT split_part(version(), ' on ', 1)"),
	$(nproc) cores, $(date -u +%F). Each type that merges stands beside plain types that do the same job without merging.

	"bytes" is the value in memory, "stored" as it is in its table; "delta" is what travels for one update. Rates are of expressions
	over a stored value, reading it included: the best of three tries of a tenth of a second.

HEAD
as_user "$CVG_BIN/psql" -X -q -h "$CVG_WORK" -p 1 -U postgres -d postgres -f "$CVG_SRC/bench/types.sql"
cvg_stop "$CVG_WORK/node"
