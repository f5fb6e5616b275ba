# A member that was forgotten: nothing comes from it any more, wherever it was
# still connected; it is turned away when it comes back, and so is a later
# incarnation of it that brings what nobody else has.  The others stay equal,
# deleted rows stay deleted, and what the forgotten one has stays with it.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b c)], proxied => 1);
my ($a, $b, $c) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text)');
$g->replicate('t');
$a->sql("INSERT INTO t SELECT i, 'first' FROM generate_series(1, 20) i");
$g->converged_ok('three nodes', 't');

my $removed = qr/node "c" was removed by converge\.forget_peer\(\)/;
my $error = "SELECT last_error FROM converge.stat_peers WHERE name = ";

# --- forgotten by one, connected with the other ---------------------------------
$a->fails_ok(q{SELECT converge.forget_peer('c')}, '55006', qr/node "c" is connected/, 'who is connected is not forgotten');
$g->cut('a', 'c');
$a->set('converge.peers', 'b=' . $g->conninfo('a', 'b'));
ok($a->wait_for("SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('c', 'pg_converge receiver c') OR backend_type LIKE 'pg_converge receiver%c'", '0'),
	'a is not connected with c');
$c->sql("INSERT INTO t VALUES (100, 'last words')");
ok($b->wait_for('SELECT count(*) FROM t WHERE id = 100', '1'), 'b is');
ok($a->wait_for('SELECT count(*) FROM t WHERE id = 100', '1'), 'and a has what c wrote from b');
$a->sql(q{SELECT converge.forget_peer('c')});
ok($b->wait_for("${error}'c'", $removed), 'the connection of b ends when it hears of it');
ok($c->wait_for("${error}'b'", $removed), 'c is told so');

# --- c goes on alone ---------------------------------------------------------------
$c->sql("UPDATE t SET v = 'too late' WHERE id <= 10");
$c->sql("INSERT INTO t VALUES (101, 'too late')");
$a->sql('DELETE FROM t WHERE id <= 10');
ok($g->wait_converged('t', { nodes => [qw(a b)] }), 'the others are equal');
ok($_->wait_for('SELECT count(*) FROM converge.tombstones', '0'), 'what they delete is forgotten on ' . $_->name) for $a, $b;
$a->sql("INSERT INTO t VALUES (5, 'again')");

# --- it comes back as it was ----------------------------------------------------------
$g->heal('a', 'c');
$a->set('converge.peers', join ', ', map { "$_=" . $g->conninfo('a', $_) } qw(b c));
$c->server->restart;
$c->wait_ready;
ok($_->[0]->wait_for("${error}'$_->[1]'", $removed), "$_->[0]{name} says that c was removed")
  for [ $a, 'c' ], [ $b, 'c' ], [ $c, 'a' ], [ $c, 'b' ];
$a->server->restart;
$a->wait_ready;
ok($a->wait_for("${error}'c'", $removed), 'still so after a restart');
ok($g->wait_converged('t', { nodes => [qw(a b)] }), 'the others are equal');
is($_->sql('SELECT count(*) FROM t WHERE id <= 10'), '1', 'what was deleted stays deleted on ' . $_->name) for $a, $b;
is($_->sql("SELECT count(*) FROM t WHERE v = 'too late'"), '0', 'nothing of what c wrote since has come to ' . $_->name) for $a, $b;
is($c->sql("SELECT count(*) FROM t WHERE v = 'too late'"), '11', 'c still has it');

# --- it comes back on another machine, under another replica id -------------------------
$c->server->stop;
$c = $c->on_copy('c_moved', 'c');
$c->wait_ready;
like($c->sql('SELECT replica_id FROM converge.node_info()'), qr/^c~\w+$/, 'c has another replica id now');
my $peers = join ', ', map { $_->name . '=host=' . $_->server->host . ' port=' . $_->server->port . ' dbname=postgres application_name=c' } $a, $b;
$c->set('converge.peers', $peers);
ok($c->wait_for("${error}'$_'", qr/$removed.*earlier replica id "c"/), "$_ does not take what nobody else has") for qw(a b);
$c->sql("INSERT INTO t VALUES (102, 'too late')");
$a->sql("INSERT INTO t VALUES (200, 'going on')");
ok($g->wait_converged('t', { nodes => [qw(a b)] }), 'the others are equal');
is($_->sql("SELECT count(*) FROM t WHERE v = 'too late'"), '0', 'nothing of it on ' . $_->name) for $a, $b;

# --- as the message says: an empty database and another name ------------------------------
my $new = Converge::Node->new('d', Converge::new_server('d'), 'postgres');
$new->server->start;
$new->set('converge.node_name', 'd');
$new->sql("CREATE EXTENSION pg_converge; CREATE TABLE t (id int PRIMARY KEY, v text); SELECT converge.replicate('t')");
my @peers = ([ 'd', $new ], [ 'a', $a ], [ 'b', $b ]);
for my $p (@peers)
{
	my ($name, $node) = @$p;
	$node->set('converge.peers', join ', ',
		map { "$_->[0]=host=" . $_->[1]->server->host . ' port=' . $_->[1]->server->port . " dbname=postgres application_name=$name" }
		grep { $_->[0] ne $name } @peers);
}
$g->{nodes}{d} = $new;
$g->{names} = [qw(a b d)];
delete $g->{nodes}{c};
$g->converged_ok('so it can join again', 't');
$new->sql("DELETE FROM t WHERE id = 200");
$g->converged_ok('and takes part', 't');

done_testing();
