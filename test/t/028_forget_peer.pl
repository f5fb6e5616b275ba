# forget_peer(): a node that has left for good keeps nothing from being forgotten
# any more, but not before all know what it wrote; and it does not come back.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b c d)], proxied => 1);
my ($a, $b, $c, $d) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text)');
$g->replicate('t');
$a->sql("INSERT INTO t SELECT i, 'v' FROM generate_series(1, 10) i");
$d->sql("INSERT INTO t VALUES (20, 'first of d')");
$g->converged_ok('four nodes', 't');
my $graves = "SELECT count(*) FROM converge.tombstones WHERE relid = 't'::regclass";

# --- what is refused ----------------------------------------------------------------
$a->fails_ok("SELECT converge.forget_peer('a')", '22023', qr/a node cannot forget itself/, 'oneself');
$a->fails_ok("SELECT converge.forget_peer('b')", '55006', qr/node "b" is connected/, 'a node that is there');
$a->fails_ok("SELECT converge.forget_peer('x')", '42704', qr/no node "x" is known/, 'a node that nobody has heard of');

# --- a node writes for the last time; only b hears of it, and a hears nothing of b -------------
sub leaves
{
	my ($node, $id, @rest) = @_;
	my $name = $node->name;
	$g->cut('a', $name);
	$g->cut($_, $name) for grep { $_ ne 'a' && $_ ne 'b' } @rest;
	$g->fault('cut', 'a', $_) for grep { $_ ne 'a' } @rest;
	$node->sql("UPDATE t SET v = 'last of $name' WHERE id = $id");
	ok($b->wait_for("SELECT v FROM t WHERE id = $id", "last of $name"), "b has the last write of $name");
	$node->server->stop;
	for my $peer (@rest)
	{
		$g->set_peers($peer, grep { $_ ne $peer } @rest);
	}
	$a->sql("DELETE FROM t WHERE id = $id");
	ok($b->wait_for("SELECT count(*) FROM t WHERE id = $id", '0'), 'b has a delete by a that did not see it');
	ok($a->wait_for("SELECT count(*) FROM converge.stat_peers WHERE name = '$name'", '0'), "$name is a peer no more");
	my $deadline = time + $Converge::timeout;
	my ($rc, $out, $err);
	do
	{
		($rc, $out, $err) = $a->try("SELECT converge.forget_peer('$name')");
		select undef, undef, undef, 0.1 if $rc;
	} while ($rc && $err =~ /is connected/ && time < $deadline);
	is($rc, 0, "a forgets $name once its connections are gone") or diag $err;
	for my $peer (map { $g->node($_) } grep { $_ ne 'a' } @rest)
	{
		ok($peer->wait_for("SELECT forgotten FROM converge.hints WHERE node_name = '$name'"), $peer->name . ' hears of it');
	}

	# The manager looks every second at what may be forgotten.
	my $later = $a->sql("SELECT clock_timestamp() + interval '4 s'");
	ok($a->wait_for("SELECT min(reported_at) > '$later' FROM converge.hints WHERE NOT forgotten"), 'the others report to a for some time');
	is($a->sql($graves), '1', "a keeps the deleted row: a write of $name that it has not seen may still come");
	$g->fault('heal', 'a', $_) for grep { $_ ne 'a' } @rest;
	$g->converged_ok('it comes', 't', { nodes => \@rest });
	for my $peer (map { $g->node($_) } @rest)
	{
		ok($peer->wait_for($graves, '0'), 'then the deleted row is forgotten on ' . $peer->name . ", without $name");
	}
	$a->sql("INSERT INTO t VALUES ($id, 'anew')");
	$g->converged_ok('and inserted again', 't', { nodes => \@rest });
}
leaves($d, 2, qw(a b c));
# one of which a has no entry at all
leaves($c, 1, qw(a b));

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
