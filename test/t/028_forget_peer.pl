# forget_peer(): a node that has left for good keeps nothing from being forgotten
# any more, but not before all know what it wrote; and it does not come back.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b c)], proxied => 1);
my ($a, $b, $c) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text)');
$g->replicate('t');
$a->sql("INSERT INTO t SELECT i, 'v' FROM generate_series(1, 10) i");
$g->converged_ok('three nodes', 't');
my $graves = "SELECT count(*) FROM converge.tombstones WHERE relid = 't'::regclass";

# --- what is refused ----------------------------------------------------------------
$a->fails_ok("SELECT converge.forget_peer('a')", '22023', qr/a node cannot forget itself/, 'oneself');
$a->fails_ok("SELECT converge.forget_peer('b')", '55006', qr/node "b" is connected/, 'a node that is there');
$a->fails_ok("SELECT converge.forget_peer('x')", '42704', qr/no node "x" is known/, 'a node that nobody has heard of');

# --- c writes for the last time; only b hears of it, and a hears nothing of b ---------------
$g->cut('a', 'c');
$g->fault('cut', 'a', 'b');
$c->sql("UPDATE t SET v = 'last of c' WHERE id = 1");
ok($b->wait_for('SELECT v FROM t WHERE id = 1', 'last of c'), 'b has the last write of c');
$c->server->stop;
$g->set_peers('a', 'b');
$g->set_peers('b', 'a');
$a->sql('DELETE FROM t WHERE id = 1');
ok($b->wait_for('SELECT count(*) FROM t WHERE id = 1', '0'), 'b has a delete by a that did not see it');
ok($a->wait_for("SELECT count(*) FROM converge.stat_peers WHERE name = 'c'", '0'), 'c is a peer no more');
my ($deadline, $rc, $out, $err) = (time + $Converge::timeout);
do
{
	($rc, $out, $err) = $a->try("SELECT converge.forget_peer('c')");
	select undef, undef, undef, 0.1 if $rc;
} while ($rc && $err =~ /is connected/ && time < $deadline);
is($rc, 0, 'a forgets c once its connections are gone') or diag $err;
ok($b->wait_for("SELECT forgotten FROM converge.hints WHERE node_name = 'c'"), 'b hears of it');

# The manager looks every second at what may be forgotten.
my $later = $a->sql("SELECT clock_timestamp() + interval '4 s'");
ok($a->wait_for("SELECT reported_at > '$later' FROM converge.hints WHERE node_name = 'b'"), 'b reports to a for some time');
is($a->sql($graves), '1', 'a keeps the deleted row: a write of c that it has not seen may still come');
$g->fault('heal', 'a', 'b');
$g->converged_ok('it comes', 't', { nodes => [qw(a b)] });
ok($_->wait_for($graves, '0'), 'then the deleted row is forgotten on ' . $_->name . ', without c') for $a, $b;
$a->sql("INSERT INTO t VALUES (1, 'anew')");
$g->converged_ok('and inserted again', 't', { nodes => [qw(a b)] });

# --- c comes back ------------------------------------------------------------------------------
$g->heal('a', 'c');
$c->start;
$c->sql("INSERT INTO t VALUES (100, 'of a ghost')");
for my $peer ($a, $b)
{
	ok($c->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = '" . $peer->name . "'", qr/node "c" was removed by converge\.forget_peer\(\)/),
		$peer->name . ' tells it that it was removed');
}
$g->set_peers('a', 'b', 'c');
ok($a->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'c'", qr/node "c" was removed by converge\.forget_peer\(\)/),
	'a node that has it among its peers again is told so too');
$a->sql("UPDATE t SET v = 'a and b go on' WHERE id = 2");
$g->converged_ok('the others go on', 't', { nodes => [qw(a b)] });
is($_->sql('SELECT count(*) FROM t WHERE id = 100'), '0', 'nothing of what it wrote since is on ' . $_->name) for $a, $b;

done_testing();
