# Apply against local sessions: a lock delays one stream and nothing else, the
# view names who holds it, and of a deadlock the user is not the victim.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b c)]);
my ($a, $b, $c) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text, w text)');
$g->replicate('t');
$a->sql("INSERT INTO t SELECT i, 'v', 'w' FROM generate_series(1, 100) i");
$g->converged_ok('three nodes', 't');

# --- a session idle in transaction on a row that apply needs -------------------------
# c does not hear a meanwhile: what it writes does not depend on what b waits for
$c->pause('a');
my $session = $b->server->background_psql('postgres');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_safe("BEGIN; UPDATE t SET w = 'local' WHERE id = 1");
$a->sql("UPDATE t SET v = 'remote' WHERE id = 1");
$a->sql("UPDATE t SET v = 'remote' WHERE id = 2");
ok($b->wait_for("SELECT $pid = ANY (blocked_by) FROM converge.stat_peers WHERE name = 'a'"), 'stat_peers names the blocking session');
$c->sql("UPDATE t SET v = 'of c' WHERE id = 3");
ok($b->wait_for('SELECT v FROM t WHERE id = 3', 'of c'), "another peer's changes are applied meanwhile");
$b->sql("UPDATE t SET w = 'other local work' WHERE id = 4");
ok($a->wait_for('SELECT w FROM t WHERE id = 4', 'other local work'), 'local work goes out meanwhile');
is($b->sql('SELECT v FROM t WHERE id = 2'), 'v', 'the stream waits in order');
$session->query_safe('COMMIT');
$c->resume('a');
$g->converged_ok('after the commit it goes on', 't');
is($b->sql('SELECT v, w FROM t WHERE id = 1'), 'remote|local', 'with both changes');

# --- deadlock -----------------------------------------------------------------------------
my $retries = "SELECT retries FROM converge.stat_peers WHERE name = 'a'";
my $before = $b->sql($retries);
$session->query_safe("BEGIN; UPDATE t SET w = 'dead' WHERE id = 20");
$a->sql("BEGIN; UPDATE t SET v = 'lock' WHERE id = 21; UPDATE t SET v = 'lock' WHERE id = 20; COMMIT");
ok($b->wait_for("SELECT $pid = ANY (blocked_by) FROM converge.stat_peers WHERE name = 'a'"), 'apply holds one row and waits for the other');
$session->query_safe("UPDATE t SET w = 'dead' WHERE id = 21; COMMIT");
pass('the user transaction was not the victim');
$g->converged_ok('apply tries again and gets through', 't');
cmp_ok($b->sql($retries), '>', $before, 'it has lost the deadlock');
is($b->sql("SELECT count(*) FROM t WHERE v = 'lock' AND w = 'dead'"), '2', 'with the changes of both');

# --- a few rows that everybody writes, here and there in opposite order -----------------
# users of one node agree on the order, so whatever deadlock there is is apply's to lose
my @hot = ([ $a, "BEGIN;\nUPDATE t SET v = 'a' WHERE id = 71;\nUPDATE t SET v = 'a' WHERE id = 70;\nEND;\n" ],
	[ $b, "BEGIN;\nUPDATE t SET w = 'b' WHERE id = 70;\nUPDATE t SET w = 'b' WHERE id = 71;\nEND;\n" ]);
my @loads;
for (@hot)
{
	my ($node, $script) = @$_;
	my $file = $node->server->basedir . '/hot.sql';
	PostgreSQL::Test::Utils::append_to_file($file, $script);
	push @loads, [ $node, $node->start_load('-c', '3', '-t', '200', '-f', $file) ];
}
is($_->[0]->finish_load($_->[1]), 600, 'no user lost a deadlock on ' . $_->[0]->name) or diag $_->[1]{err} for @loads;
$g->converged_ok('and apply gets through', 't');

# --- a lock on the table ---------------------------------------------------------------------
$session->query_safe('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
$a->sql("UPDATE t SET v = 'later' WHERE id = 30");
ok($b->wait_for("SELECT $pid = ANY (blocked_by) FROM converge.stat_peers WHERE name = 'a'"), 'a table lock is named too');
$session->query_safe('ROLLBACK');
$g->converged_ok('and goes by', 't');

# --- stricter isolation levels as the default of the database ------------------------------------
$b->sql("ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'");
$b->server->restart;
$b->wait_ready;
$a->sql("UPDATE t SET v = 'x' WHERE id BETWEEN 40 AND 60");
# a user in that level may get a serialization failure; not what is tested here
$b->sql("SET default_transaction_isolation = 'read committed'; UPDATE t SET w = 'y' WHERE id BETWEEN 40 AND 60");
$g->converged_ok('the default isolation level of the database does not reach the workers', 't');
$session->quit;

# --- a dead row without a key: one peer's update brings it back, another's delete comes between -----
$g->all('CREATE TABLE k (v int, w int)');
$_->sql("SELECT converge.replicate('k', on_delete => 'update_wins')") for $g->nodes;
$a->sql('INSERT INTO k VALUES (1, 1)');
$g->converged_ok('a row without a key', 'k');
for my $node ($g->nodes)
{
	$node->pause(grep { $_ ne $node->name } $g->names);
}
$a->sql('DELETE FROM k');
$b->sql('UPDATE k SET v = 2');
$c->sql('DELETE FROM k');

# at a the row is on its way back for as long as the gate is locked
$a->sql(<<'SQL');
CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$
BEGIN
	PERFORM pg_advisory_xact_lock_shared(1);
	RETURN NEW;
END $$;
CREATE TRIGGER gate BEFORE INSERT ON k FOR EACH ROW EXECUTE FUNCTION gate();
ALTER TABLE k ENABLE ALWAYS TRIGGER gate;
SQL
$session = $a->server->background_psql('postgres');
$session->query_safe('SELECT pg_advisory_lock(1)');
$a->resume('b');
ok($a->wait_for("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", '1'), 'the update is being applied');
my $of_c = "SELECT p.seq FROM converge.progress p JOIN converge.origins o ON o.id = p.origin WHERE o.replica_id = 'c'";
my $seq = $a->sql($of_c);
$a->resume('c');
ok($a->wait_for("SELECT seq > $seq FROM ($of_c) x"), 'the other delete is applied meanwhile');
$session->query_safe('SELECT pg_advisory_unlock(1)');
$session->quit;
$b->resume(qw(a c));
$c->resume(qw(a b));
$g->converged_ok('an update and a delete of a dead row', 'k');
is($_->sql('SELECT v, w, (SELECT count(*) FROM converge.tombstones WHERE relid = \'k\'::regclass) FROM k'),
	'2|1|0', 'the row is back at ' . $_->name . ', and not among the dead too') for $g->nodes;

done_testing();
