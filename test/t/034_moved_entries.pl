# The end of the past goes on under other numbers when a node gets a new replica
# id: a large transaction moves with its parts, and what others had under the
# former numbers is not applied again.
use strict;
use warnings;
use Converge;
use Test::More;
use PostgreSQL::Test::Cluster;

my $g = Converge->new_group(names => [qw(a b)]);
my ($a, $b) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE big (id int PRIMARY KEY, v text)');
$g->replicate('t', 'big');

# a is stopped and goes on elsewhere, as what is left of it; the statements are
# run there without the extension.
sub move_a
{
	my ($name, @sql) = @_;
	$a->server->stop;
	$a->server->backup_fs_cold($name);
	my $server = PostgreSQL::Test::Cluster->new("a_$name");
	$server->init_from_backup($a->server, $name);
	$server->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
	$server->start;
	$server->safe_psql('postgres', join ';', 'SET session_replication_role = replica', @sql);
	$server->stop;
	$server->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_converge'\n");
	$server->start;
	$g->{nodes}{a} = $a = Converge::Node->new('a', $server, 'postgres');
	$a->wait_ready;
}

# --- what was applied under its former number ------------------------------------------
# A row comes and goes and is forgotten by all; then a goes on as a node does that
# was stopped before it had noted that b has these two entries.
$a->sql("INSERT INTO t VALUES (0, 'stays')");
$g->converged_ok('a row that stays', 't');
my $certain = $a->sql('SELECT last_seq FROM converge.node_info()');
$a->sql("INSERT INTO t VALUES (1, 'comes and goes')");
$a->sql("BEGIN; DELETE FROM t WHERE id = 1; UPDATE t SET v = 'with the delete' WHERE id = 0; COMMIT");
$g->converged_ok('a row has come and gone', 't');
ok($_->wait_for('SELECT count(*) FROM converge.tombstones', '0'), 'which is forgotten on ' . $_->name) for $a, $b;
move_a('unconfirmed', "UPDATE converge.node SET confirmed_seq = $certain", 'UPDATE converge.progress SET own_seq = 0');
like($a->sql('SELECT replica_id FROM converge.node_info()'), qr/^a~\w+$/, 'a goes on under a new replica id');
is($a->sql("SELECT moved_seq FROM converge.origins WHERE replica_id = 'a'"), $certain + 2, 'and two entries under new numbers');

# Were they applied again on b, they would have to wait for the row that is
# locked, with the other one back for as long.
my $session = $b->server->background_psql('postgres');
$session->query_safe("BEGIN; UPDATE t SET v = 'locked' WHERE id = 0");
$g->set_peers('b', 'a');
$a->sql("INSERT INTO t VALUES (2, 'after the move')");
ok($b->wait_for('SELECT count(*) FROM t WHERE id = 2', '1'), 'what came before the move is known to b, and what comes after it arrives');
is($b->sql('SELECT count(*) FROM t WHERE id = 1'), '0', 'what all had forgotten is not back');
$session->query_safe('ROLLBACK');
$session->quit;
$g->converged_ok('and all are equal', 't');

# --- a large transaction -------------------------------------------------------------------
# It has its changes in parts of their own beside the entry.
$b->pause('a');
$a->sql("INSERT INTO big SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 5000) i");
cmp_ok($a->sql('SELECT count(*) FROM converge.log WHERE seq < 0'), '>', 1, 'a transaction of many parts that nobody else has');
my $id = $a->sql('SELECT replica_id FROM converge.node_info()');
move_a('large');
isnt($a->sql('SELECT replica_id FROM converge.node_info()'), $id, 'a has moved once more');
is($a->sql('SELECT count(*) FROM converge.log l JOIN converge.node n USING (origin) WHERE l.seq < 0'),
	$a->sql('SELECT count(*) FROM converge.log WHERE seq < 0'), 'with the parts');
$g->set_peers('b', 'a');
$b->resume('a');
$g->converged_ok('the large transaction arrives', 'big', 't');
is($b->sql('SELECT count(*) FROM big'), '5000', 'with all rows');

done_testing();
