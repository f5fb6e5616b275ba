# A replica id is never used by two: duplicates, restored backups, promoted
# standbys, cloned directories, dumps, template databases.
use strict;
use warnings;
use Converge;
use Test::More;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

my $g = Converge->new_group(names => [qw(a b)], cluster => {}, init => { allows_streaming => 1 });
my ($a, $b) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text)');
$g->replicate('t');
$a->sql("INSERT INTO t SELECT i, 'first' FROM generate_series(1, 100) i");
$g->converged_ok('two nodes', 't');
is($a->sql('SELECT replica_id FROM converge.node_info()'), 'a', 'the first incarnation is called as the node');

# --- a second node with the same name -------------------------------------------------
{
	my $twin = Converge::Node->new('a', Converge::new_server('twin'), 'postgres');
	$twin->server->start;
	$twin->set('converge.node_name', 'a');
	$twin->set('converge.peers', 'b=' . $g->conninfo('a', 'b'));
	$twin->sql('CREATE EXTENSION pg_converge');
	$twin->wait_ready;
	$twin->sql("CREATE TABLE t (id int PRIMARY KEY, v text); SELECT converge.replicate('t'); INSERT INTO t VALUES (500, 'twin')");
	ok($twin->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'b'", qr/replica id/i),
		'the newcomer with a name in use is told so');
	my ($told) = $twin->sql('SELECT last_error FROM converge.stat_peers');
	like($told, qr/"a"/, 'with the name in question');
	is($b->sql("SELECT count(*) FROM t WHERE id = 500"), '0', 'nothing of it arrives at the others');
	# and when b is pointed at the twin, b says it too
	my $peers = 'a=' . $g->conninfo('b', 'a');
	$b->set('converge.peers', $peers . ', twin=host=' . $twin->server->host . ' port=' . $twin->server->port . ' dbname=postgres');
	ok($b->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'twin'", qr/replica id|the name "a"/i), 'both sides say it');
	$b->set('converge.peers', $peers);
	$twin->server->stop;
}
$a->sql("INSERT INTO t VALUES (101, 'still fine')");
$g->converged_ok('the real nodes were not disturbed', 't');

# --- a restored backup ------------------------------------------------------------------
$a->server->backup('before');
$a->sql("INSERT INTO t SELECT i, 'after the backup' FROM generate_series(200, 299) i");
$a->sql("UPDATE t SET v = 'after the backup' WHERE id <= 10");
$g->converged_ok('work after the backup', 't');
$a->server->stop('immediate');
my $restored = PostgreSQL::Test::Cluster->new('a_restored');
$restored->init_from_backup($a->server, 'before');
$restored->start;
$g->{nodes}{a} = $a = Converge::Node->new('a', $restored, 'postgres');
$g->set_peers('b', 'a');
$a->wait_ready;
like($a->sql('SELECT replica_id FROM converge.node_info()'), qr/^a(~\w+)?$/, 'a restored backup is the node again');
$a->sql("INSERT INTO t SELECT i, 'after the restore' FROM generate_series(300, 310) i");
ok($a->wait_for("SELECT count(*) FROM t WHERE v = 'after the backup'", '110'), 'what it had told the peers comes back to it');
$g->converged_ok('and all are equal', 't');
like($a->sql('SELECT replica_id FROM converge.node_info()'), qr/^a~\w+$/, 'under a new replica id, for new entries');
is($b->sql("SELECT count(*) FROM t WHERE v = 'after the restore'"), '11', 'what it wrote since reached the peer');

# --- a promoted standby: the lost tail is pulled back --------------------------------------
$a->server->backup('for_standby');
my $standby = PostgreSQL::Test::Cluster->new('a_standby');
$standby->init_from_backup($a->server, 'for_standby', has_streaming => 1);
$standby->start;
my $id_before = $a->sql('SELECT replica_id FROM converge.node_info()');
$a->sql("UPDATE t SET v = 'streamed' WHERE id = 1");
$a->server->wait_for_catchup($standby, 'replay');
is($standby->safe_psql('postgres', 'SELECT v FROM t WHERE id = 1'), 'streamed', 'a standby has the rows');
is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_converge receiver%'"), '0',
	'a standby takes nothing from peers');
$standby->stop;
$a->sql("INSERT INTO t SELECT i, 'lost tail' FROM generate_series(400, 420) i");
$g->converged_ok('the peer has what the standby has not', 't');
$a->server->stop('immediate');
$standby->start;
$standby->promote;
$g->{nodes}{a} = $a = Converge::Node->new('a', $standby, 'postgres');
$g->set_peers('b', 'a');
$a->wait_ready;
ok($a->wait_for("SELECT replica_id <> '$id_before' FROM converge.node_info()"), 'a promoted standby takes a new replica id');
$a->sql("INSERT INTO t VALUES (430, 'after promotion')");
$g->converged_ok('after the promotion all are equal', 't');
is($a->sql("SELECT count(*) FROM t WHERE v = 'lost tail'"), '21', 'the lost tail was pulled back');

# --- a node that moves to another machine with entries nobody else has --------------------
# They are of its earlier incarnation, and the new one hands them on.
$b->pause('a');
$a->sql("INSERT INTO t VALUES (440, 'told to nobody')");
$a->sql("INSERT INTO t VALUES (441, 'told to nobody')");
$a->server->stop;
$g->{nodes}{a} = $a = $a->on_copy('a_moved', 'a');
$g->set_peers('b', 'a');
$a->wait_ready;
$a->sql("INSERT INTO t VALUES (442, 'after the move')");
$b->resume('a');
$g->converged_ok('after the move all are equal', 't');
is($b->sql("SELECT count(*) FROM t WHERE id BETWEEN 440 AND 442"), '3', 'and nothing that only the moved node had is missing');

# --- the end of the past is not in order --------------------------------------------------
# Commit records are not in the order of seqs: where the end of the WAL was
# lost, entry n + 1 can be here and n with the peers only.  Made here by hand.
sub edit_copy
{
	my ($server, @sql) = @_;
	$server->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
	$server->start;
	$server->safe_psql('postgres', join(';', 'SET session_replication_role = replica', @sql));
	$server->stop;
	$server->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_converge'\n");
}
$g->all('CREATE TABLE nokey (v text)');
$g->replicate('nokey');
$a->sql("INSERT INTO t VALUES (450, 'n'); INSERT INTO nokey VALUES ('n')");
$a->sql("INSERT INTO t VALUES (451, 'n + 1')");
$a->sql("INSERT INTO nokey VALUES ('n + 1')");
$g->converged_ok('before the end is lost', 't', 'nokey');
$a->server->stop;
$a->server->backup_fs_cold('torn');
my $torn = PostgreSQL::Test::Cluster->new('a_torn');
$torn->init_from_backup($a->server, 'torn');
my $last3 = '(SELECT max(seq) - 3 FROM converge.log WHERE origin = (SELECT origin FROM converge.node))';
edit_copy($torn,
	"UPDATE converge.node SET confirmed_seq = $last3 - 1",
	'UPDATE converge.progress SET own_seq = 0',
	'DELETE FROM t WHERE id = 450',
	"DELETE FROM nokey WHERE v = 'n'",
	map { "DELETE FROM converge.own_$_ WHERE origin = (SELECT origin FROM converge.node) AND seq IN ($last3, $last3 + 1)" } 0 .. 7);
$torn->start;
$g->{nodes}{a} = $a = Converge::Node->new('a', $torn, 'postgres');
$g->set_peers('b', 'a');
$a->wait_ready;
$a->sql("INSERT INTO t VALUES (452, 'after the loss')");
ok($a->wait_for("SELECT count(*) FROM t WHERE id = 450", '1'), 'what is missing below the last entry comes back too');
$g->converged_ok('after the loss all are equal', 't', 'nokey');
is($b->sql("SELECT string_agg(v, ',' ORDER BY v) FROM nokey"), 'n,n + 1', 'and what came twice is there once');

# --- a machine set back to a snapshot, and restarted before it hears of it ------------------
# Nothing here tells the node; its peer does.
my $peers_of_a = $a->sql('SHOW converge.peers');
$a->server->stop;
$a->server->backup_fs_cold('snapshot');
$a->server->start;
$a->wait_ready;
$a->sql("INSERT INTO t VALUES (460, 'lost'), (461, 'lost')");
$a->sql("INSERT INTO t VALUES (462, 'lost')");
$a->sql("INSERT INTO t VALUES (463, 'lost')");
$g->converged_ok('before the machine is set back', 't');
$a->server->stop;
my $back = PostgreSQL::Test::Cluster->new('a_back');
$back->init_from_backup($a->server, 'snapshot');
edit_copy($back, 'UPDATE converge.node SET file_id = ' . (stat($back->data_dir . '/global/pg_control'))[1],
	"ALTER DATABASE postgres SET converge.peers = ''");
$b->sql("SELECT converge.peer_pause('a')");
$back->start;
$g->{nodes}{a} = $a = Converge::Node->new('a', $back, 'postgres');
$a->wait_ready;
$id_before = $a->sql('SELECT replica_id FROM converge.node_info()');
$a->sql("INSERT INTO t VALUES (465, 'written meanwhile')");
$back->restart;
$a->wait_ready;
is($a->sql('SELECT replica_id FROM converge.node_info()'), $id_before, 'a node that was set back does not know it');
$a->set('converge.peers', $peers_of_a);
$g->set_peers('b', 'a');
$b->sql("SELECT converge.peer_resume('a')");
ok($a->wait_for("SELECT replica_id <> '$id_before' FROM converge.node_info()"), 'until a peer tells it');
$g->converged_ok('then all are equal', 't');
is($b->sql("SELECT count(*) FROM t WHERE id BETWEEN 460 AND 465"), '5', 'the lost and what was written instead, under the same numbers');

# --- cp -a of a stopped node -----------------------------------------------------------------
$b->server->stop;
$b->server->backup_fs_cold('clone');
$b->start;
my $clone_server = PostgreSQL::Test::Cluster->new('clone');
$clone_server->init_from_backup($b->server, 'clone');
$clone_server->start;
my $clone = Converge::Node->new('clone', $clone_server, 'postgres');
$clone->wait_ready;
isnt($clone->sql('SELECT replica_id FROM converge.node_info()'), $b->sql('SELECT replica_id FROM converge.node_info()'),
	'a copied data directory has a replica id of its own');
$clone->set('converge.node_name', 'clone');
ok($clone->wait_for('SELECT node_name FROM converge.node_info()', 'clone'), 'and can be given a name of its own');
$g->{nodes}{clone} = $clone;
push @{ $g->{names} }, 'clone';
$clone->set('converge.peers', 'a=' . $g->conninfo('clone', 'a') . ', b=' . $g->conninfo('clone', 'b'));
$a->set('converge.peers', 'b=' . $g->conninfo('a', 'b') . ', clone=' . $g->conninfo('a', 'clone'));
$b->set('converge.peers', 'a=' . $g->conninfo('b', 'a') . ', clone=' . $g->conninfo('b', 'clone'));
$clone->sql("INSERT INTO t VALUES (600, 'by the clone')");
$g->converged_ok('a clone becomes a third node', 't');

# --- a dump, loaded elsewhere -------------------------------------------------------------------
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$a->server->command_ok([ 'pg_dump', '-f', $dump, '-d', $a->connstr ], 'pg_dump works');
my $loaded = Converge::Node->new('loaded', Converge::new_server('loaded'), 'postgres');
$loaded->server->start;
$loaded->set('converge.node_name', 'loaded');
my ($rc, $out, $err) = $loaded->server->psql('postgres', undef, extra_params => [ '-f', $dump ], on_error_stop => 1);
is($rc, 0, 'the dump loads into another server') or diag $err;
$loaded->wait_ready;
is($loaded->sql('SELECT replica_id FROM converge.node_info()'), 'loaded', 'identity is not dumped as identity');
is($loaded->plain_content('t'), $a->plain_content('t'), 'the rows are there');

# --- CREATE DATABASE TEMPLATE -----------------------------------------------------------------------
$b->server->safe_psql('template1', 'CREATE DATABASE copied TEMPLATE postgres');
my $copied = Converge::Node->new('copied', $b->server, 'copied');
$copied->set('converge.node_name', 'copied');
$copied->wait_ready;
isnt($copied->sql('SELECT replica_id FROM converge.node_info()'), $b->sql('SELECT replica_id FROM converge.node_info()'),
	'a database made from a template has a replica id of its own');
is($copied->sql('SELECT count(*) FROM t'), $b->sql('SELECT count(*) FROM t'), 'and the rows');
$b->sql("INSERT INTO t VALUES (700, 'original goes on')");
$g->converged_ok('the original goes on', 't');

done_testing();
