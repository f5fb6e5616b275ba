#!/usr/bin/env bash
# tools/mixed.sh: nodes on different versions of PostgreSQL in one group.
# Called by tools/versions.sh, inside a chroot for each version; /meeting is
# one folder for all of them.
#
#   mixed.sh node VERSION       build, start a server, stay until /meeting/stop
#   mixed.sh check VERSION...   write on all, wait until all are equal
set -euo pipefail
. "$(dirname "$0")/lib.sh"

what=$1
shift
meeting=/meeting
port_of() { echo $((5400 + $1)); }

if [ "$what" = node ]; then
	v=$1
	cvg_work_begin
	cvg_private_install "/usr/lib/postgresql/$v/bin/pg_config"
	cvg_build_install || { touch "$meeting/failed"; die "the build failed"; }
	data=$CVG_WORK/data
	cvg_initdb "$data" "$(port_of "$v")"
	as_user tee -a "$data/postgresql.conf" >/dev/null <<-CONF
		unix_socket_directories = '$meeting'
		shared_preload_libraries = 'pg_converge'
		converge.heartbeat_interval = '500ms'
		converge.max_retry_interval = '1s'
	CONF
	as_user "$CVG_BIN/pg_ctl" -D "$data" -l "$meeting/$v.log" -w -s start ||
		{ touch "$meeting/failed"; die "the server does not start"; }
	while [ ! -e "$meeting/stop" ]; do
		sleep 1
	done
	cvg_stop "$data"
	exit 0
fi

versions=("$@")
psql=$(ls -d /usr/lib/postgresql/*/bin/psql | tail -n 1)
passed=0 failed=0

sql() { "$psql" -X -q -A -t -v ON_ERROR_STOP=1 -h $meeting -p "$(port_of "$1")" -U postgres -d postgres -c "$2"; }
all()
{
	local v

	for v in "${versions[@]}"; do
		sql "$v" "$1" >/dev/null
	done
}

# ok TEXT COMMAND...
ok()
{
	local text=$1

	shift
	if "$@"; then
		passed=$((passed + 1))
		say "ok - $text"
	else
		failed=$((failed + 1))
		say "not ok - $text"
	fi
}

# until_ok SECONDS COMMAND...
until_ok()
{
	local deadline=$((SECONDS + $1))

	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $deadline ] && [ ! -e $meeting/failed ] || return 1
		sleep 0.2
	done
}

answers() { [ "$(sql "$1" 'SELECT 1')" = 1 ]; }
ready() { [ -n "$(sql "$1" 'SELECT replica_id FROM converge.node_info()')" ]; }

# Do all give the same answer?
same()
{
	local v first answer

	first=$(sql "${versions[0]}" "$1") || return 1
	for v in "${versions[@]:1}"; do
		answer=$(sql "$v" "$1") || return 1
		[ "$answer" = "$first" ] || return 1
	done
}
equal()
{
	same "SELECT progress FROM converge.node_info()" &&
		same "SELECT converge.digest('items')" &&
		same "SELECT (to_jsonb(i))::text FROM items i ORDER BY 1 COLLATE \"C\""
}
empty() { same "SELECT count(*) FROM items" && [ "$(sql "${versions[0]}" "SELECT count(*) FROM items")" = 0 ] && equal; }

for v in "${versions[@]}"; do
	until_ok 300 answers "$v" || { say "node $v does not answer"; say "0 passed, 1 failed"; exit 1; }
done
for v in "${versions[@]}"; do
	peers=
	for w in "${versions[@]}"; do
		[ "$v" != "$w" ] || continue
		peers+="${peers:+, }pg$w=host=$meeting port=$(port_of "$w") dbname=postgres user=postgres"
	done
	sql "$v" "ALTER DATABASE postgres SET converge.node_name = 'pg$v'"
	sql "$v" "ALTER DATABASE postgres SET converge.peers = '$peers'"
	sql "$v" "CREATE EXTENSION pg_converge"
done
for v in "${versions[@]}"; do
	ok "node on PostgreSQL $v is ready" until_ok 60 ready "$v"
done
all "CREATE TABLE items (id int PRIMARY KEY, n int, a text, b numeric, c timestamptz, d float8,
	e text[], f jsonb, g date, h interval, i money, j inet, k xml, l int4range)"
all "SELECT converge.replicate('items')"

# Every node inserts, then all update and delete the same rows at once.
for v in "${versions[@]}"; do
	sql "$v" "INSERT INTO items
		SELECT $v * 1000 + i, $v, 'row ' || i, i / 7.0, timestamptz '2024-02-29 12:00Z' + i * interval '1 hour',
			sqrt(i), ARRAY['x', NULL, i::text], jsonb_build_object('i', i, 'v', $v), date '2024-01-01' + i,
			i * interval '1 day 1 second', i::money, ('10.0.0.' || i)::inet, ('<a>' || i || '</a>')::xml,
			int4range(i, i + 10)
		FROM generate_series(1, 100) i"
done
ok "rows written on each version are on all" until_ok 120 equal
ok "none is missing" test "$(sql "${versions[0]}" 'SELECT count(*) FROM items')" = $((${#versions[@]} * 100))
for v in "${versions[@]}"; do
	sql "$v" "UPDATE items SET a = a || ' of $v' WHERE id % 3 = 0"
	sql "$v" "UPDATE items SET b = b + $v WHERE id % 5 = 0"
	sql "$v" "DELETE FROM items WHERE id % 100 = $v"
done
ok "concurrent updates and deletes end equal" until_ok 120 equal
sql "${versions[0]}" "TRUNCATE items"
ok "a TRUNCATE travels" until_ok 120 empty
ok "nothing is quarantined" test "$(for v in "${versions[@]}"; do sql "$v" 'SELECT count(*) FROM converge.quarantine'; done | sort -u)" = 0
say "$passed passed, $failed failed"
[ $failed -eq 0 ]
