#!/usr/bin/env bash
# tools/valgrind.sh: the tests on a server with assertions, and some of them
# under valgrind.   make valgrind
#
# Debian's server has neither assertions nor what valgrind needs to see through
# palloc.  So the source of the distribution's own package is fetched (apt-get
# source, from a list of its own; nothing on this machine changes), built with
# --enable-cassert and USE_VALGRIND, and the extension with assertions for it.
#   1. pg_regress, isolation and TAP on that server (LEVELS, TESTS pick);
#   2. two nodes of one server under valgrind memcheck: each kind of change,
#      conflicts, deletes, quarantine, a restart.  Every report of valgrind
#      that has pg_converge.so in its stack is a failure.
#
# SERVER=dir keeps the built server there for the next time.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

server=${SERVER:-}
levels=${LEVELS:-regress isolation tap}

skip()
{
	say "# skipped: $*"
	say "0 passed, 0 failed"
	exit 0
}

"$CVG_ROOT/tools/setup.sh" --test
if ! command -v valgrind >/dev/null || [ ! -e /usr/include/valgrind/memcheck.h ] || [ ! -e /usr/include/libxml2 ]; then
	[ "$(id -u)" = 0 ] || skip "valgrind and libxml2-dev are not installed"
	apt-get -q -y install --no-install-recommends valgrind libxml2-dev pkg-config >/dev/null 2>&1 ||
		skip "valgrind and libxml2-dev could not be installed"
fi
pc=$(cvg_find_pg_config) || die "no PostgreSQL 15 to 18 with server headers; run tools/setup.sh"
major=$("$pc" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
cvg_work_begin

# The newest source of the package that can be had, into $CVG_WORK/source.
fetch_source()
{
	local dir=$CVG_WORK/source v opts codename

	mkdir -p "$dir/lists/partial"
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	cat >"$dir/list" <<-LIST
		deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $codename main
		deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security $codename-security main
	LIST
	opts="-q -o Dir::Etc::sourcelist=$dir/list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$dir/lists -o APT::Sandbox::User=root"
	# shellcheck disable=SC2086
	apt-get $opts update >/dev/null 2>&1 || return 1
	# shellcheck disable=SC2086
	for v in $(apt-cache $opts showsrc "postgresql-$major" | sed -n 's/^Version: //p' | sort -rV); do
		# shellcheck disable=SC2086
		(cd "$dir" && apt-get $opts source --download-only "postgresql-$major=$v") >/dev/null 2>&1 || continue
		tar -C "$dir" -xf "$dir"/postgresql-*.orig.tar.* && return 0
	done
	return 1
}

build_server()
{
	local src

	fetch_source || skip "the source of postgresql-$major could not be fetched"
	src=$(ls -d "$CVG_WORK"/source/postgresql-*/)
	say "# building $(basename "$src") with assertions ..."
	[ -z "$CVG_USER" ] || chown -R "$CVG_USER:" "$CVG_WORK/source"
	(
		cd "$src"
		# a server of 16 and later has ICU by default
		icu=--without-icu
		./configure --help | grep -q -e --without-icu || icu=
		as_user ./configure -q --prefix="$CVG_WORK/server" --enable-cassert --enable-debug \
			--without-readline --without-zlib --with-libxml $icu --enable-tap-tests \
			CFLAGS="-O1 -g -fno-omit-frame-pointer" CPPFLAGS=-DUSE_VALGRIND
		as_user make -s -j "$(nproc)"
		as_user make -s install
		for name in dblink pg_walinspect; do
			as_user make -s -C "contrib/$name" install
		done
		as_user cp src/tools/valgrind.supp "$CVG_WORK/server/"
	) >"$CVG_WORK/server.log" 2>&1 || { tail -n 20 "$CVG_WORK/server.log" >&2; die "the server could not be built"; }
	if [ -n "$server" ]; then
		mkdir -p "$server"
		cp -a "$CVG_WORK/server/." "$server/"
	fi
}

if [ -n "$server" ] && [ -x "$server/bin/postgres" ]; then
	cp -a "$server" "$CVG_WORK/server"
else
	build_server
fi
base=$CVG_WORK/server

total_passed=0 total_failed=0 summary=

# count NAME FILE: add what the last line of the output says
count()
{
	local p f

	read -r p f < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$2" | tail -n 1) || p=0 f=1
	total_passed=$((total_passed + p))
	total_failed=$((total_failed + f))
	summary+=$(printf '%-12s %8d passed %5d failed' "$1" "$p" "$f")$'\n'
}

if [ "$levels" != none ]; then
	say "=== with assertions: $levels"
	# shellcheck disable=SC2086
	env -u CVG_WORK PG_CONFIG="$base/bin/pg_config" bash "$CVG_ROOT/test/run.sh" $levels 2>&1 |
		tee "$CVG_WORK/assert.out" || true
	count assertions "$CVG_WORK/assert.out"
fi

say "=== under valgrind"
cvg_private_install "$base/bin/pg_config"
cvg_build_install CVG_CFLAGS="-DUSE_ASSERT_CHECKING -DUSE_VALGRIND" || die "the build failed"
data=$CVG_WORK/data
cvg_initdb "$data" 1
as_user tee -a "$data/postgresql.conf" >/dev/null <<-CONF
	shared_preload_libraries = 'pg_converge'
	authentication_timeout = '10min'
	wal_sender_timeout = 0
	converge.connect_timeout = '5min'
	converge.tombstone_retention = 0
CONF

# Under valgrind every process writes a log of its own.
start_server()
{
	as_user valgrind --quiet --trace-children=yes --leak-check=no --track-origins=yes \
		--error-limit=no --time-stamp=no --gen-suppressions=no \
		--suppressions="$base/valgrind.supp" --log-file="$CVG_WORK/valgrind.%p.log" \
		"$CVG_BIN/postgres" -D "$data" >>"$data.log" 2>&1 &
	until_q 1 postgres 'SELECT 1' 1 300 || { tail -n 20 "$data.log" >&2; die "the server does not start"; }
}

stop_server()
{
	as_user "$CVG_BIN/pg_ctl" -D "$data" -w -s -t 300 -m fast stop
	wait || true
}

start_server
# Each database is the other's peer.
for n in one two; do
	q 1 postgres "CREATE DATABASE $n"
	q 1 postgres "ALTER DATABASE $n SET converge.node_name = '$n'"
	q 1 postgres "ALTER DATABASE $n SET converge.peers = 'one=host=$CVG_WORK port=1 dbname=one user=postgres, two=host=$CVG_WORK port=1 dbname=two user=postgres'"
	q 1 $n "CREATE EXTENSION pg_converge"
	q 1 $n "CREATE TABLE t (id int PRIMARY KEY, n int, v text, w numeric, x jsonb, y text[] CHECK (cardinality(y) < 9))"
	q 1 $n "CREATE TABLE u (id int PRIMARY KEY, code int UNIQUE); CREATE TABLE h (id int, v text)"
	q 1 $n "SELECT count(converge.replicate(x)) FROM unnest('{t,u,h}'::regclass[]) x" >/dev/null
done
synced() { q 1 "$1" "SELECT converge.wait_for_sync('600s')" >/dev/null; }
equal()
{
	until_q 1 one "SELECT (SELECT count(*) FROM converge.stat_peers WHERE state = 'streaming') > 0" t 300
	synced one && synced two && synced one || return 1
	for t in t u h; do
		[ "$(q 1 one "SELECT converge.digest('$t')")" = "$(q 1 two "SELECT converge.digest('$t')")" ] || return 1
	done
}
rounds=0
for round in 1 2; do
	for n in one two; do
		[ $n = one ] && k=$((round * 2)) || k=$((round * 2 + 1))
		q 1 $n "INSERT INTO t SELECT i, i, repeat('v', i * 50), i / 7.0, jsonb_build_object('i', i), ARRAY['a', i::text] FROM generate_series(1, 60) i ON CONFLICT (id) DO UPDATE SET v = excluded.v || '$n'"
		q 1 $n "UPDATE t SET n = n + 1 WHERE id % 3 = 0; UPDATE t SET id = -$k WHERE id = $k + 20; DELETE FROM t WHERE id % 7 = $round"
		q 1 $n "INSERT INTO u SELECT i + $k * 100, i FROM generate_series(1, 10) i ON CONFLICT DO NOTHING"
		q 1 $n "INSERT INTO h SELECT i, '$n' FROM generate_series(1, 200) i; DELETE FROM h WHERE id % 2 = 0 AND v = '$n'"
		q 1 $n "BEGIN; SAVEPOINT s; UPDATE t SET v = 'gone'; ROLLBACK TO s; UPDATE t SET w = w + 1 WHERE id < 9; COMMIT"
		q 1 $n "INSERT INTO t SELECT i, i, repeat(md5(i::text), 900) FROM generate_series(1000, 1100) i ON CONFLICT DO NOTHING; DELETE FROM t WHERE id >= 1000"
		q 1 $n "SELECT count(*) FROM converge.stat_peers, converge.conflicts, converge.quarantine, converge.tables, converge.hints, converge.node_info()" >/dev/null
	done
	if equal; then
		rounds=$((rounds + 1))
	fi
	[ $round = 2 ] || { stop_server; start_server; }
done
stop_server

# A block of valgrind's log is one report; those of ours count.
reports=$(awk 'FNR == 1 { block = "" }
	/^==[0-9]+== *$/ { if (block ~ /pg_converge/) n++; block = ""; next }
	{ block = block "\n" $0 }
	END { if (block ~ /pg_converge/) n++; print n + 0 }' "$CVG_WORK"/valgrind.*.log)
if [ "$reports" -gt 0 ]; then
	grep -h -B 4 -A 12 pg_converge "$CVG_WORK"/valgrind.*.log | head -n 100
fi
{
	say "# $(ls "$CVG_WORK"/valgrind.*.log | wc -l) processes, $reports reports of valgrind about pg_converge, $rounds of 2 rounds ended equal"
	say "$((rounds + (reports == 0))) passed, $((2 - rounds + (reports > 0))) failed"
} | tee "$CVG_WORK/memcheck.out"
count valgrind "$CVG_WORK/memcheck.out"
say ""
printf '%s' "$summary"
say "$total_passed passed, $total_failed failed"
[ $total_failed -eq 0 ]
