# Local sessions that use the key of a row that is set aside: an insert is written
# over it, also when it began before that and waited; and a row that comes
# back meets the tombstone of one that was there meanwhile.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b)]);
my ($a, $b) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, u text UNIQUE, v text, n converge.pncounter)');
$g->all('CREATE TABLE o (id int PRIMARY KEY)');
$g->replicate('t', 'o');

my $session = $b->server->background_psql('postgres');
my $pid = $session->query_safe('SELECT pg_backend_pid()');

# a claims the value first, b with the next key; a's row comes to b when it is resumed
sub both_claim
{
	my ($key, $value) = @_;
	$b->pause('a');
	$a->pause('b');
	$a->sql("INSERT INTO t VALUES ($key, '$value', 'by a', 1)");
	$b->sql("INSERT INTO t VALUES ($key + 1, '$value', 'by b', 2)");
}

sub aside_on_b
{
	my ($key) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$b->resume('a');
	ok($b->wait_for("SELECT count(*) FROM converge.quarantine", "1"), "row $key is set aside on b");
}

sub rows_ok
{
	my ($key, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$a->resume('b');
	$g->converged_ok($name, 't');
	is($_->sql("SELECT id, u, v, n::bigint FROM t WHERE id IN ($key, $key + 1) ORDER BY id"), $expected, "$name, on " . $_->name) for $a, $b;
	ok($_->wait_for('SELECT count(*) FROM converge.quarantine', '0'), 'nothing is left aside on ' . $_->name) for $a, $b;
}

# --- the key is used again by the node that wrote the row set aside ----------------------
both_claim(10, 'one');
$b->sql('SET search_path = public, converge; UPDATE t SET n = n + 10 WHERE id = 11');
aside_on_b(11);
$b->sql("INSERT INTO t VALUES (11, 'two', 'again', 5)");
rows_ok(10, "10|one|by a|1\n11|two|again|5", 'an insert over a row set aside');

# --- it is deleted and inserted once more ------------------------------------------------
both_claim(20, 'three');
aside_on_b(21);
$b->sql("INSERT INTO t VALUES (21, 'four', 'again', 5)");
$b->sql('DELETE FROM t WHERE id = 21');
$b->sql("INSERT INTO t VALUES (21, 'five', 'and again', 6)");
rows_ok(20, "20|three|by a|1\n21|five|and again|6", 'another one over that');

# --- an insert that has begun before the row was written to, and set aside ----------------
# a CHECK is looked at after BEFORE triggers, and before the row goes into an index
$b->sql(<<'SQL');
CREATE FUNCTION gate(v text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	IF v = 'late' THEN
		PERFORM pg_advisory_xact_lock_shared(1);
	END IF;
	RETURN true;
END $$;
ALTER TABLE t ADD CHECK (gate(v));
SQL
both_claim(30, 'six');
$session->query_safe('SELECT pg_advisory_lock(1)');
my $late = IPC::Run::start([ 'psql', '-X', '-q', '-d', $b->connstr, '-v', 'ON_ERROR_STOP=1', '-c', "INSERT INTO t VALUES (31, 'seven', 'late', 7)" ], '<', \undef);
ok($b->wait_for("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", '1'), 'an insert has its dot, and waits');
$b->sql("SET search_path = public, converge; UPDATE t SET v = 'later', n = n + 1 WHERE id = 31");
aside_on_b(31);
$session->query_safe('SELECT pg_advisory_unlock(1)');
ok($late->finish, 'the insert finds no row in its way');
rows_ok(30, "30|six|by a|1\n31|seven|late|7", 'it is not taken for older than the row set aside');

# --- the row comes back while its key was used here, and the new row deleted ---------------
both_claim(40, 'eight');
aside_on_b(41);
$session->query_safe("BEGIN; INSERT INTO t VALUES (41, 'nine', 'for a while', 9)");
$a->sql('DELETE FROM t WHERE id = 40');
ok($b->wait_for("SELECT $pid = ANY (blocked_by) FROM converge.stat_peers WHERE name = 'a'"), 'who brings it back waits for the session');
$session->query_safe('DELETE FROM t WHERE id = 41; COMMIT');
rows_ok(40, '', 'the delete counts');

# --- the same, while a trigger holds the row up that is on its way back ----------------------
both_claim(44, 'nine');
aside_on_b(45);
$b->sql(<<'SQL');
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$
BEGIN
	IF NEW.id = 45 AND NEW.u = 'nine' THEN
		PERFORM pg_advisory_xact_lock_shared(1);
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER hold BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION hold();
ALTER TABLE t ENABLE ALWAYS TRIGGER hold;
SQL
$session->query_safe('SELECT pg_advisory_lock(1)');
$a->sql('DELETE FROM t WHERE id = 44');
ok($b->wait_for("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND NOT granted", '1'), 'a row is on its way back');
$b->sql("INSERT INTO t VALUES (45, 'x', 'for a while', 9); DELETE FROM t WHERE id = 45");
$session->query_safe('SELECT pg_advisory_unlock(1)');
rows_ok(44, '', 'the delete counts too');

# what a trigger function keeps lives longer than a row
$a->sql("INSERT INTO t SELECT i, 'u' || i, repeat('v', i % 500), i FROM generate_series(1001, 2000) i");
rows_ok(44, '', 'a trigger whose function has settings of its own fires for many rows of one transaction');

# --- a session that does not end holds up the sweep, not the manager -----------------------
both_claim(50, 'ten');
aside_on_b(51);
$session->query_safe("BEGIN; INSERT INTO t VALUES (51, 'eleven', 'for a while', 9); DELETE FROM t WHERE id = 51");
my $manager = $b->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_converge manager'");
ok($b->wait_for("SELECT $pid = ANY (pg_blocking_pids($manager))"), 'the manager wants to settle the key');
ok($b->wait_for("SELECT pg_blocking_pids($manager) = '{}'", 't', 5), 'and gives up soon');
$a->sql('INSERT INTO o VALUES (1)');
ok($b->wait_for('SELECT count(*) FROM o', '1'), 'other tables do not wait');
$session->query_safe('COMMIT');
rows_ok(50, '50|ten|by a|1', 'when it ends, the delete counts');

# --- an insert while the row set aside is being changed -------------------------------------
$b->sql("ALTER TABLE t ADD CHECK (v <> 'bad')");
$a->sql("INSERT INTO t VALUES (61, 'twelve', 'bad', 1)");
ok($b->wait_for('SELECT count(*) FROM converge.quarantine', '1'), 'row 61 is set aside on b');
$session->query_safe('BEGIN; SELECT FROM t WHERE id = 10 FOR UPDATE');
$a->sql("BEGIN; UPDATE t SET u = 'thirteen' WHERE id = 61; UPDATE t SET v = 'held up' WHERE id = 10; COMMIT");
ok($b->wait_for("SELECT $pid = ANY (blocked_by) FROM converge.stat_peers WHERE name = 'a'"), 'a change of it is not committed');
my $insert = IPC::Run::start([ 'psql', '-X', '-q', '-d', $b->connstr, '-v', 'ON_ERROR_STOP=1', '-c', "INSERT INTO t VALUES (61, 'fourteen', 'good', 7)" ], '<', \undef);
ok($b->wait_for("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE query LIKE 'INSERT INTO t VALUES (61%'"), 'the insert waits for that');
$session->query_safe('COMMIT');
ok($insert->finish, 'and is done');
rows_ok(60, '61|fourteen|good|7', 'it knew of all that it was written over');

$session->quit;
done_testing();
