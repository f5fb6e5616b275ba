#!/usr/bin/env bash
# tools/demo.sh: three nodes, pgbench against all of them at once, one of them
# cut off and healed.   make demo [KEEP=1] [SECONDS=n]
#
# pgbench is the distribution's, with its own schema and TPC-B script.  The
# nodes are servers of their own, in a temporary folder; the third talks to the
# other two through a proxy, so that it can be cut off.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

seconds=${LOAD_SECONDS:-}
seconds=${seconds:-15}
case $seconds in
	'' | *[!0-9]*) die "SECONDS must be a number, not \"$seconds\"" ;;
esac
[ "$seconds" -ge 6 ] || seconds=6
names=(paris london tokyo)
ports=(5501 5502 5503)
tables=(pgbench_accounts pgbench_branches pgbench_tellers pgbench_history)
db=bank

"$CVG_ROOT/tools/setup.sh"
pc=$(cvg_find_pg_config) || die "no PostgreSQL 15 to 18 with server headers; run tools/setup.sh"

say "Building pg_converge for $("$pc" --version) in a temporary folder ..."
cvg_work_begin
cvg_private_install "$pc"
cvg_build_install || die "the build failed"

# --- three nodes ------------------------------------------------------------
say "Starting three nodes: ${names[*]} ..."
for i in 0 1 2; do
	dir=$CVG_WORK/${names[i]}
	cvg_initdb "$dir" "${ports[i]}"
	as_user tee -a "$dir/postgresql.conf" >/dev/null <<-CONF
		shared_preload_libraries = 'pg_converge'
		shared_buffers = '64MB'
		max_wal_size = '2GB'
		autovacuum_naptime = 30
		converge.heartbeat_interval = '1s'
		converge.max_retry_interval = '2s'
	CONF
	cvg_start "$dir"
	q "${ports[i]}" postgres "CREATE DATABASE $db"
done

# The links of tokyo, both ways, go through the proxy.
coproc PROXY { as_user perl "$CVG_SRC/test/perl/proxy.pl"; }
proxy()
{
	local answer

	echo "$*" >&"${PROXY[1]}"
	read -r -t 30 answer <&"${PROXY[0]}" || die "the proxy does not answer"
	[ "${answer%% *}" = ok ] || die "proxy: $* -> $answer"
}
link_port=0
declare -A via
for pair in "tokyo paris 5501" "tokyo london 5502" "paris tokyo 5503" "london tokyo 5503"; do
	read -r from to port <<<"$pair"
	link_port=$((link_port + 1))
	proxy link "$from>$to" "$CVG_WORK/.s.PGSQL.$link_port" "$CVG_WORK/.s.PGSQL.$port"
	via[$from,$to]=$link_port
done
tokyo_links=("tokyo>paris" "tokyo>london" "paris>tokyo" "london>tokyo")

# set_peers direct|proxied
set_peers()
{
	local i j port list

	for i in 0 1 2; do
		list=
		for j in 0 1 2; do
			[ $i != $j ] || continue
			port=${ports[j]}
			[ "$1" = direct ] || port=${via[${names[i]},${names[j]}]:-$port}
			list+="${list:+, }${names[j]}=host=$CVG_WORK port=$port dbname=$db user=postgres"
		done
		q "${ports[i]}" $db "ALTER DATABASE $db SET converge.peers = '$list'"
	done
}
set_peers proxied
for i in 0 1 2; do
	q "${ports[i]}" $db "ALTER DATABASE $db SET converge.node_name = '${names[i]}'"
	q "${ports[i]}" $db "CREATE EXTENSION pg_converge"
done
for i in 0 1 2; do
	until_q "${ports[i]}" $db "SELECT node_name FROM converge.node_info()" "${names[i]}" 30 ||
		die "${names[i]} did not become ready: $(tail -n 5 "$CVG_WORK/${names[i]}.log")"
done

# --- pgbench's own tables, filled on one node only ---------------------------
bench()
{
	local i=$1

	shift
	as_user "$CVG_BIN/pgbench" -h "$CVG_WORK" -p "${ports[i]}" -U postgres "$@" $db
}
say "pgbench -i on ${names[0]}; empty tables on the others; replicate() on all ..."
bench 0 -i -q >/dev/null 2>&1
bench 1 -i -q -I dtp >/dev/null 2>&1
bench 2 -i -q -I dtp >/dev/null 2>&1
for i in 0 1 2; do
	for t in "${tables[@]}"; do
		q "${ports[i]}" $db "SELECT converge.replicate('$t')" >/dev/null
	done
done
if [ -n "${COUNTERS:-}" ]; then
	say "set_strategy(..., 'counter') for the three balances on ${names[0]}; it tells the others ..."
	for c in accounts,abalance tellers,tbalance branches,bbalance; do
		q "${ports[0]}" $db "SELECT converge.set_strategy('pgbench_${c%,*}', '${c#*,}', 'counter')" >/dev/null
	done
fi

digests() { q "$1" $db "SELECT $(printf "converge.digest('%s') || " "${tables[@]}") ''"; }
# Does everybody have what everybody wrote, and are the rows equal?
has="SELECT progress FROM converge.node_info()"
equal()
{
	local a b c

	a=$(q "${ports[0]}" $db "$has") b=$(q "${ports[1]}" $db "$has") c=$(q "${ports[2]}" $db "$has")
	[ "$a" = "$b" ] && [ "$b" = "$c" ] || return 1
	a=$(digests "${ports[0]}") b=$(digests "${ports[1]}") c=$(digests "${ports[2]}")
	[ "$a" = "$b" ] && [ "$b" = "$c" ]
}
now_ms() { date +%s%3N; }
wait_equal()
{
	local deadline=$(($(now_ms) + $1 * 1000))

	until equal; do
		[ "$(now_ms)" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}
trouble()
{
	say "The nodes did not become equal within $1 s. What they say of their peers:"
	for i in 0 1 2; do
		say "--- ${names[i]}"
		as_user "$CVG_BIN/psql" -X -x -h "$CVG_WORK" -p "${ports[i]}" -U postgres -d $db \
			-c 'SELECT * FROM converge.stat_peers'
		tail -n 5 "$CVG_WORK/${names[i]}.log"
	done
	exit 1
}
t0=$(now_ms)
wait_equal 120 || trouble 120
say "100,000 accounts are on all three after $(awk "BEGIN {printf \"%.1f\", ($(now_ms) - $t0) / 1000}") s."

# --- load on all, one cut off in the middle ----------------------------------
say ""
say "pgbench (TPC-B) against all three for $seconds s; ${names[2]} is cut off from second $((seconds / 3)) to $((seconds * 2 / 3))."
pids=()
for i in 0 1 2; do
	bench "$i" -n -c 2 -T "$seconds" -P 1 >"$CVG_WORK/bench$i.out" 2>"$CVG_WORK/bench$i.err" &
	pids+=($!)
done
state=linked
for ((s = 1; s <= seconds; s++)); do
	sleep 1
	if [ $s -eq $((seconds / 3)) ]; then
		for l in "${tokyo_links[@]}"; do proxy cut "$l"; done
		state="${names[2]} is cut off"
	elif [ $s -eq $((seconds * 2 / 3)) ]; then
		for l in "${tokyo_links[@]}"; do proxy heal "$l"; done
		healed=$(now_ms)
		state="${names[2]} is back"
	fi
	line=$(printf '%4d s ' $s)
	for i in 0 1 2; do
		tps=$(grep -oE '[0-9.]+ tps' "$CVG_WORK/bench$i.err" | tail -n 1 || true)
		line+=$(printf '  %s %5.0f tps' "${names[i]}" "${tps%% *}")
	done
	say "$line   $state"
done
for p in "${pids[@]}"; do wait "$p" || die "pgbench failed: $(cat "$CVG_WORK"/bench?.err | grep -v progress)"; done
ended=$(now_ms)
say ""
say "The load has ended; waiting until all are equal ..."
wait_equal 300 || trouble 300
done_at=$(now_ms)

# --- what happened -------------------------------------------------------------
say ""
printf '%-8s %14s %13s %15s %10s   %s\n' node "transactions" "entries sent" "entries applied" conflicts "digest of accounts"
for i in 0 1 2; do
	tx=$(grep -oE 'actually processed: [0-9]+' "$CVG_WORK/bench$i.out" | grep -oE '[0-9]+')
	sent=$(q "${ports[i]}" $db "SELECT count(*) FROM converge.log l JOIN converge.node n ON n.origin = l.origin WHERE seq > 0 AND coalesce(part, 0) = 0")
	got=$(q "${ports[i]}" $db "SELECT count(*) FROM converge.log l JOIN converge.node n ON n.origin <> l.origin WHERE part = 0")
	conflicts=$(q "${ports[i]}" $db "SELECT sum(conflicts) FROM converge.stat_peers")
	digest=$(q "${ports[i]}" $db "SELECT converge.digest('pgbench_accounts')")
	printf '%-8s %14s %13s %15s %10s   %s\n' "${names[i]}" "$tx" "$sent" "$got" "$conflicts" "${digest:0:32}"
done
say ""
for t in "${tables[@]}"; do
	d=$(for i in 0 1 2; do q "${ports[i]}" $db "SELECT converge.digest('$t')"; done | sort -u | wc -l)
	n=$(q "${ports[0]}" $db "SELECT count(*) FROM $t")
	[ "$d" = 1 ] && verdict="equal on all three nodes" || verdict="DIFFERENT"
	printf '%-18s %9s rows   %s\n' "$t" "$n" "$verdict"
done
say ""
say "Converged $(awk "BEGIN {printf \"%.1f\", ($done_at - $ended) / 1000}") s after the load ended, $(awk "BEGIN {printf \"%.1f\", ($done_at - $healed) / 1000}") s after ${names[2]} was back."
sums=$(q "${ports[0]}" $db "SELECT (SELECT sum(abalance) FROM pgbench_accounts) || ' ' ||
	(SELECT sum(tbalance) FROM pgbench_tellers) || ' ' || (SELECT sum(bbalance) FROM pgbench_branches) || ' ' ||
	(SELECT sum(delta) FROM pgbench_history)")
read -r accounts tellers branches deltas <<<"$sums"
say "Sum of the balances of accounts $accounts, of tellers $tellers, of branches $branches;"
say "sum of all deltas in pgbench_history: $deltas."
if [ -n "${COUNTERS:-}" ]; then
	say "The balances are counters here: they add up, although all three nodes changed them at the same time."
	[ "$accounts $tellers $branches" = "$deltas $deltas $deltas" ] || die "THE SUMS DIFFER"
else
	say "A balance that two nodes changed at the same time ends with the value written last, so the sums differ"
	say "by what those conflicts overwrote (converge.conflicts has it). \"make demo COUNTERS=1\" makes the"
	say "balances counters, which add up: converge.set_strategy('pgbench_accounts', 'abalance', 'counter')."
fi

if [ -n "${KEEP:-}" ]; then
	set_peers direct
	for i in 0 1 2; do
		until_q "${ports[i]}" $db "SELECT bool_and(state = 'streaming')::text FROM converge.stat_peers" true 30 || true
	done
	CVG_KEEP=1
	say ""
	say "The nodes stay up. Play with them:"
	prefix=
	[ -z "$CVG_USER" ] || prefix="setpriv --reuid=$CVG_USER --regid=$(id -g "$CVG_USER") --clear-groups "
	for i in 0 1 2; do
		say "  $CVG_BIN/psql -h $CVG_WORK -p ${ports[i]} -U postgres $db     # ${names[i]}"
	done
	say "For example: SELECT * FROM converge.stat_peers; SELECT * FROM converge.conflicts LIMIT 5;"
	say "             UPDATE pgbench_accounts SET abalance = 42 WHERE aid = 1;  -- and look at the others"
	say "When done:"
	say "  for n in ${names[*]}; do ${prefix}$CVG_BIN/pg_ctl -D $CVG_WORK/\$n -m fast stop; done; rm -rf $CVG_WORK"
fi
