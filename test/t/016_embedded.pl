# Databases of one server as peers of each other.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(one two three)], one_server => 1);
my ($one, $two, $three) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text)');
$g->replicate('t');
my $i = 0;
for my $node ($g->nodes)
{
	my $name = $node->name;
	$i++;
	$node->sql("INSERT INTO t SELECT 1000 * $i + k, '$name' FROM generate_series(1, 100) k");
}
$g->converged_ok('three databases of one server', 't');
is($_->sql('SELECT count(*) FROM t'), '300', 'all rows in ' . $_->dbname) for $g->nodes;
$one->sql('UPDATE t SET v = upper(v)');
$two->sql("DELETE FROM t WHERE id % 2 = 0");
$g->converged_ok('updates and deletes', 't');

# --- each has its own identity and workers -----------------------------------------
is($one->sql("SELECT count(DISTINCT backend_type || coalesce(datname, '')) FROM pg_stat_activity WHERE backend_type LIKE 'pg_converge launcher%'"), '1',
	'one launcher for the server');
is($one->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_converge manager%'"), '3', 'a manager for each database');
ok($one->wait_for("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_converge receiver%'", '6'), 'a receiver for each peer of each');
is($one->sql('SELECT replica_id FROM converge.node_info()'), 'one', 'and its own name');

# --- a restart of all of them at once -------------------------------------------------
$one->kill9;
$one->start;
$_->wait_ready for $g->nodes;
$three->sql("INSERT INTO t VALUES (1, 'after the crash')");
$g->converged_ok('after a crash of the server all go on', 't');

# --- one goes, the others stay ----------------------------------------------------------
$two->set('converge.peers', 'one=' . $g->conninfo('two', 'one'));
$one->set('converge.peers', 'two=' . $g->conninfo('one', 'two'));
ok($one->wait_for("SELECT count(*) FROM converge.stat_peers", '1'), 'one peer less');
ok($two->wait_for("SELECT count(*) FROM converge.stat_peers", '1'), 'for both');
$one->server->safe_psql('postgres', 'DROP DATABASE db_three WITH (FORCE)');
$one->sql("INSERT INTO t VALUES (2, 'without three')");
ok($g->wait_converged('t', { nodes => [qw(one two)] }), 'the other two go on');

done_testing();
