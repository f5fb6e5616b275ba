# Nothing is told to a peer too early.  Nothing that a crash could take back:
# neither that an entry has been applied, nor an entry of one's own; everybody
# who might flush the log in passing stands still here, and the server is killed
# as soon as the peer knows.  And no entry while one before it is being committed.
use strict;
use warnings;
use Converge;
use IPC::Run;
use Test::More;

# Commits wait for a standby that does not exist where they are asked to.
my $g = Converge->new_group(names => [qw(a b)], init => { allows_streaming => 1 },
	conf => "synchronous_standby_names = 'nobody'\nsynchronous_commit = local\nautovacuum = off\ncheckpoint_timeout = '1h'\nwal_writer_delay = '10s'\nwal_writer_flush_after = '1GB'\n");
my ($a, $b) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text)');
$g->replicate('t');
$a->sql("INSERT INTO t VALUES (1, 'before')");
$g->converged_ok('two nodes', 't');

# Restarted, and connected both ways.
sub both_stream
{
	$_->wait_ready for $a, $b;
	ok($_->wait_for('SELECT state FROM converge.stat_peers', 'streaming'), $_->name . ' is connected') for $a, $b;
	$g->converged_ok('both go on', 't');
}

# Those of its processes that flush the log now and then; stopped.
sub freeze
{
	my ($node) = @_;
	my @pids = split /\n/, $node->sql("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pg_converge manager%' OR backend_type = 'walwriter'");
	is(@pids, 2, 'manager and WAL writer of ' . $node->name . ' stand still');
	return map { $node->freeze($_) } @pids;
}

# The postmaster first: it must not notice that the others are gone.
sub kill_all
{
	my ($node, @frozen) = @_;
	kill 'KILL', $node->server->{_pid}, @frozen;
	$node->kill9;
}

# --- an acknowledgement ---------------------------------------------------------
my $kept = "SELECT kept_entries FROM converge.hints WHERE node_name = 'b'";
for my $id (2 .. 4)
{
	my @frozen = freeze($b);
	$a->sql("INSERT INTO t VALUES ($id, 'applied')");
	ok($a->wait_for($kept, '0'), "entry $id is acknowledged");
	kill_all($b, @frozen);
	$a->server->stop;
	$b->start;
	is($b->sql("SELECT v FROM t WHERE id = $id"), 'applied', 'what was acknowledged is there after a crash');
	$a->start;
	both_stream();
}

# --- an entry of one's own, of a transaction that did not wait for its flush ---------
for my $id (12 .. 14)
{
	my @frozen = freeze($a);
	$a->sql("SET synchronous_commit = off; INSERT INTO t VALUES ($id, 'told')");
	ok($b->wait_for("SELECT v FROM t WHERE id = $id", 'told'), "entry $id reaches the peer");
	kill_all($a, @frozen);
	$b->server->stop;
	$a->start;
	is($a->sql("SELECT v FROM t WHERE id = $id"), 'told', 'what was told is there after a crash');
	$b->start;
	$a->wait_ready;
	$a->sql("INSERT INTO t VALUES ($id + 10, 'after')");
	both_stream();
}

# --- an entry that is being committed, and one after it ------------------------------
my $slow = IPC::Run::start([ 'psql', '-X', '-q', '-d', $a->connstr, '-c', 'SET synchronous_commit = on', '-c', "INSERT INTO t VALUES (50, 'slow')" ],
	'<', \undef, '2>', \my $warning);
my $waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
ok($a->wait_for($waiting, qr/^\d+$/), 'a commit that takes its time');
$a->sql("INSERT INTO t VALUES (51, 'later')");
my $later = $a->sql("SELECT clock_timestamp() + interval '2 s'");
ok($a->wait_for("SELECT reported_at > '$later' FROM converge.hints WHERE node_name = 'b'"), 'the peer asks again and again');
is($b->sql('SELECT count(*) FROM t WHERE id >= 50'), '0', 'and gets neither this entry nor the one after it');
$a->sql("SELECT pg_cancel_backend(pid) FROM ($waiting) x");
$slow->finish;
like($warning, qr/canceling wait for synchronous replication/, 'the commit ends');
$g->converged_ok('both arrive', 't');
is($b->sql('SELECT count(*) FROM t WHERE id >= 50'), '2', 'and are there');

is($_->sql('SELECT replica_id FROM converge.node_info()'), $_->name, $_->name . ' is who it was: it has lost nothing of its past') for $a, $b;

done_testing();
