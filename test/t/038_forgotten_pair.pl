# Two members that were forgotten and go on together: one that comes back as
# somebody new must not bring what the other has written since.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b c d)], proxied => 1);
my ($a, $b, $c, $d) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text)');
$g->replicate('t');
$a->sql("INSERT INTO t SELECT i, 'first' FROM generate_series(1, 20) i");
$g->converged_ok('four nodes', 't');

for my $p ([ a => 'b' ], [ b => 'a' ])
{
	$g->cut($p->[0], $_) for qw(c d);
	$g->{nodes}{ $p->[0] }->set('converge.peers', "$p->[1]=" . $g->conninfo(@$p));
}
for my $gone (qw(c d))
{
	ok($a->wait_for("SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('$gone', 'pg_converge receiver $gone')", '0'), "a is not connected with $gone");
	$a->sql("SELECT converge.forget_peer('$gone')");
	ok($b->wait_for("SELECT forgotten FROM converge.hints WHERE node_name = '$gone'"), "b knows that $gone was removed");
}

$d->sql("UPDATE t SET v = 'too late' WHERE id <= 10");
ok($c->wait_for("SELECT count(*) FROM t WHERE v = 'too late'", '10'), 'c has what d has written');
$a->sql('DELETE FROM t WHERE id <= 10');
ok($g->wait_converged('t', { nodes => [qw(a b)] }), 'the others are equal');
ok($_->wait_for('SELECT count(*) FROM converge.tombstones', '0'), 'what they delete is forgotten on ' . $_->name) for $a, $b;

$c->server->stop;
$c = $c->on_copy('c_moved', 'c');
$c->wait_ready;
$c->set('converge.peers', join ', ', map { $_->name . '=host=' . $_->server->host . ' port=' . $_->server->port . ' dbname=postgres application_name=c' } $a, $b);
ok($c->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = '$_'", qr/node "c" was removed.*changes of another node that was removed/),
	"$_ does not take what d has written since") for qw(a b);
$a->sql("INSERT INTO t VALUES (200, 'going on')");
ok($g->wait_converged('t', { nodes => [qw(a b)] }), 'the others are equal');
is($_->sql("SELECT count(*) FROM t WHERE id <= 10"), '0', 'what was deleted stays deleted on ' . $_->name) for $a, $b;

done_testing();
