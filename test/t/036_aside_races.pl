# Two peers' transactions that are applied at once and are about one row that is
# set aside: neither has seen the other, and yet the row is in one place after it.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b c)], proxied => 1);
my ($a, $b, $c) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, u text UNIQUE, v text)');
$g->replicate('t');
$g->cut('b', 'c');
$a->sql("INSERT INTO t VALUES (8, 'eight', ''), (9, 'nine', '')");
ok($g->wait_converged('t', { nodes => [ 'a', $_->name ] }), 'rows to wait for on ' . $_->name) for $b, $c;

# Sessions that hold up what b and c send to a.
my %hold = map { $_ => $a->server->background_psql('postgres') } 8, 9;
my %pid = map { $_ => $hold{$_}->query_safe('SELECT pg_backend_pid()') } 8, 9;

sub held_up
{
	my ($id, $peer) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($a->wait_for("SELECT $pid{$id} = ANY (blocked_by) FROM converge.stat_peers WHERE name = '$peer'"),
		"what $peer has sent is held up");
}

# All three claim one value, b and c for the same key.
sub all_claim
{
	my ($value, $key, $b_rest, $c_rest) = @_;
	$g->cut('a', $_) for 'b', 'c';
	$a->sql("INSERT INTO t VALUES ($key + 1, '$value', 'by a')");
	$b->sql("BEGIN; INSERT INTO t VALUES ($key, '$value', 'by b'); $b_rest; COMMIT");
	$c->sql("BEGIN; INSERT INTO t VALUES ($key, '$value', 'by c'); $c_rest; COMMIT");
}

# --- both set it aside ----------------------------------------------------------------
all_claim('one', 11, 'UPDATE t SET v = $$b$$ WHERE id = 9', 'UPDATE t SET v = $$c$$ WHERE id = 8');
$hold{9}->query_safe('BEGIN; SELECT FROM t WHERE id = 9 FOR UPDATE');
$g->heal('a', 'b');
held_up(9, 'b');
$g->heal('a', 'c');
ok($a->wait_for("SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = 2"),
	'c wants to set it aside too');
$hold{9}->query_safe('COMMIT');
$g->heal('b', 'c');
$g->converged_ok('both have arrived', 't');
is($_->sql("SELECT count(*) FROM converge.quarantine"), '1', 'it is set aside once on ' . $_->name) for $g->nodes;
$c->sql("DELETE FROM t WHERE id = 12");
$g->converged_ok('whoever was in its way goes', 't');
is($_->sql("SELECT u, v FROM t WHERE id = 11"), 'one|by c', 'it comes back, as it was written last, on ' . $_->name) for $g->nodes;
is($_->sql("SELECT count(*) FROM converge.quarantine"), '0', 'and nothing is left aside on ' . $_->name) for $g->nodes;

$_->quit for values %hold;
done_testing();
