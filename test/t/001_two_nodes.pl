# Two nodes: every kind of write travels both ways, and the views tell.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(paris london)]);
my ($paris, $london) = $g->nodes;

# --- a table is born on both, replicated on both ----------------------------
$g->all('CREATE TABLE cart (id int PRIMARY KEY, owner text, items int DEFAULT 0)');
$paris->sql("INSERT INTO cart VALUES (1, 'before', 1)");
$g->replicate('cart');
$g->converged_ok('rows that were there before replicate() travel too', 'cart');
is($london->sql('SELECT owner FROM cart WHERE id = 1'), 'before', 'and are readable at the peer');

# --- insert, update, delete, both ways --------------------------------------
$paris->sql("INSERT INTO cart SELECT i, 'paris', i FROM generate_series(10, 59) i");
$london->sql("INSERT INTO cart SELECT i, 'london', i FROM generate_series(60, 109) i");
$g->converged_ok('inserts of both arrive', 'cart');
is($_->sql('SELECT count(*) FROM cart'), 101, 'all rows on ' . $_->name) for $g->nodes;

$paris->sql('UPDATE cart SET items = items + 1000 WHERE id BETWEEN 60 AND 79');
$london->sql('DELETE FROM cart WHERE id BETWEEN 10 AND 19');
$g->converged_ok('updates and deletes of rows born elsewhere arrive', 'cart');
is($_->sql('SELECT count(*), sum(items) FROM cart'), '91|' . (1 + (20 + 109) * 90 / 2 + 20 * 1000),
	'with the right values on ' . $_->name)
  for $g->nodes;

# --- one transaction is one entry, visible as a whole ------------------------
$paris->sql('BEGIN; UPDATE cart SET items = 7 WHERE id BETWEEN 20 AND 59; DELETE FROM cart WHERE id = 1; COMMIT');
$g->converged_ok('a transaction over many rows arrives', 'cart');
{
	my $dir = PostgreSQL::Test::Utils::tempdir();
	PostgreSQL::Test::Utils::append_to_file("$dir/write.sql",
		"\\set n random(1, 1000000)\nUPDATE cart SET items = :n WHERE id BETWEEN 20 AND 59;\n");
	PostgreSQL::Test::Utils::append_to_file("$dir/read.sql",
		"SELECT 1 / (count(DISTINCT items) = 1)::int FROM cart WHERE id BETWEEN 20 AND 59;\n");
	my $writer = $paris->start_load('-T', $Converge::timeout, '-f', "$dir/write.sql");
	my $entries = 'SELECT sum(entries) FROM converge.stat_peers';
	my $enough = $london->sql($entries) + 100;
	my $deadline = time + $Converge::timeout;
	my ($reads, $errors) = (0, '');
	do
	{
		my $reader = $london->start_load('-t', '200', '-f', "$dir/read.sql");
		$reads += $london->finish_load($reader);
		$errors .= $reader->{err};
	} while ($london->sql($entries) < $enough && $errors eq '' && time < $deadline);
	cmp_ok($london->sql($entries), '>=', $enough, "many transactions over 40 rows arrived during $reads reads");
	is($errors, '', 'and were never seen in part');
	$paris->stop_load($writer);
}

# --- rollback leaves nothing --------------------------------------------------
my $before = $paris->clock;
$paris->sql('BEGIN; DELETE FROM cart; ROLLBACK');
$paris->sql("BEGIN; SAVEPOINT s; INSERT INTO cart VALUES (9999); ROLLBACK TO s; COMMIT");
is($paris->clock, $before, 'rolled-back work makes no entry');

# --- waiting, and what the views say -------------------------------------------
$paris->sql("INSERT INTO cart VALUES (500, 'sync', 1)");
$paris->wait_synced;
is($london->sql('SELECT owner FROM cart WHERE id = 500'), 'sync', 'wait_for_sync() returns when the peer has it');

is($paris->sql('SELECT node_name, replica_id FROM converge.node_info()'), 'paris|paris', 'node_info() names the node');
is($paris->sql("SELECT count(*) FROM converge.stat_peers WHERE name = 'london'"), '1', 'stat_peers has the peer');
ok($paris->wait_for("SELECT state FROM converge.stat_peers WHERE name = 'london'", 'streaming'), 'and its state');
is($paris->sql('SELECT "table", on_delete, granularity FROM converge.tables'), 'cart|lww|column', 'converge.tables has the table');
cmp_ok($london->sql("SELECT sum(entries) FROM converge.stat_peers"), '>', 0, 'entries are counted');
is($paris->sql('SELECT count(*) FROM converge.conflicts'), '0', 'no conflict was recorded where there was none');

# --- pause and resume -----------------------------------------------------------
$london->sql("SELECT converge.peer_pause('paris')");
ok($london->wait_for("SELECT state FROM converge.stat_peers WHERE name = 'paris'", 'paused'), 'a paused peer is shown as paused');
$paris->sql("INSERT INTO cart VALUES (600, 'paused', 1)");
$london->server->restart;
$london->wait_ready;
ok($london->wait_for("SELECT state FROM converge.stat_peers WHERE name = 'paris'", 'paused'), 'also after a restart');
is($london->sql('SELECT count(*) FROM cart WHERE id = 600'), '0', 'nothing is taken while paused');
$london->resume('paris');
$g->converged_ok('resumed, it catches up', 'cart');
is($london->sql('SELECT count(*) FROM cart WHERE id = 600'), '1', 'with what was missed');

# --- unreplicate ------------------------------------------------------------------
$g->all("SELECT converge.unreplicate('cart')");
is($paris->sql("SELECT count(*) FROM pg_attribute WHERE attrelid = 'cart'::regclass AND attname = '_converge' AND NOT attisdropped"),
	'0', 'unreplicate() takes the column away');
is($paris->sql("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'cart'::regclass"), '0', 'and the triggers');

done_testing();
