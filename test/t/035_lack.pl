# Entries that no log has any more: a node says what does not come, what waits
# for it and what can be done, once, and goes on when they come after all.
use strict;
use warnings;
use Converge;
use Test::More;
use PostgreSQL::Test::Utils;

# what is lacking for sixty heartbeats is said
my $g = Converge->new_group(names => [qw(a b c)], proxied => 1, conf => "converge.heartbeat_interval = '20ms'\n");
my ($a, $b, $c) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text)');
$g->replicate('t');
$_->sql("INSERT INTO t SELECT ascii('" . $_->name . "'), 'first'") for $a, $b, $c;
$g->converged_ok('three nodes', 't');

sub seq_of { my ($node, $of) = @_; return $node->sql("SELECT converge.value(progress, '$of') FROM converge.node_info()") }
my $error = "SELECT last_error FROM converge.stat_peers WHERE name = 'a'";
my $hint = 'HINT:  They come by themselves if another node that has them in its log is connected\. '
  . 'If there is none, this node was away for longer than converge\.max_hint_age or converge\.max_log_size allow: '
  . 'join it again with an empty database\.';
sub said
{
	my ($what) = @_;
	my $n = () = slurp_file($b->server->logfile) =~ /WARNING:  peer "a": $what\n.*DETAIL: .*\n.*$hint\n/g;
	return $n;
}

# b hears nothing while c writes for the last time; then a's log loses that, by hand
$g->cut('b');
my $here = seq_of($b, 'c');
$c->sql("INSERT INTO t VALUES (1, 'last of c')");
ok($a->wait_for('SELECT v FROM t WHERE id = 1', 'last of c'), 'a has what c wrote');
my $there = seq_of($a, 'c');
$c->server->stop;
$a->sql("DELETE FROM converge.log WHERE origin = (SELECT id FROM converge.origins WHERE replica_id = 'c')");
$g->heal('a', 'b');

my $gone = qq{entries of replica id "c" after $here are no longer in its log};
ok($b->wait_for($error, qr/^$gone$/), 'b says what a does not send');
is(said($gone), 1, 'in the log too');

$a->sql("INSERT INTO t SELECT 2, v || ', seen by a' FROM t WHERE id = 1");
my $waiter = seq_of($a, 'a');
my $waits = qq{entry $waiter of replica id "a" waits for entries of replica id "c" after $here up to $there, which do not come};
ok($b->wait_for($error, qr/^$waits$/), 'and what waits for it');
is(said($waits), 1, 'in the log too');
is($b->sql('SELECT count(*) FROM t WHERE id IN (1, 2)'), '0', 'nothing is applied before what it depends on');

# b goes on looking, and what it writes goes on to a
my $later = $b->sql("SELECT clock_timestamp() + interval '3 s'");
ok($b->wait_for("SELECT last_error_at > '$later' FROM converge.stat_peers WHERE name = 'a'"), 'later it is still so');
is(said($gone) + said($waits), 2, 'which is not said again');
$b->sql("INSERT INTO t VALUES (3, 'of b')");
ok($a->wait_for('SELECT v FROM t WHERE id = 3', 'of b'), 'the other way nothing waits');

$c->start;
$g->heal('b', 'c');
$g->converged_ok('c comes back, and with it what was lacking', 't');
is($b->sql('SELECT v FROM t WHERE id = 2'), 'last of c, seen by a', 'what waited is applied');

done_testing();
