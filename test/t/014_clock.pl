# Wrong wall clocks: stamps never go back, and a node ahead of its time is held
# back without poisoning the others.   Needs libfaketime for the server's clock.
use strict;
use warnings;
use Converge;
use Test::More;

my ($faketime) = glob '/usr/lib/*/faketime/libfaketime.so.1';
plan skip_all => 'libfaketime is not installed (package libfaketime)' unless $faketime;

my $g = Converge->new_group(names => [qw(a b c)], conf => "converge.max_clock_skew = '5s'\n");
my ($a, $b, $c) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text, w text)');
$g->replicate('t');
$a->sql("INSERT INTO t SELECT i, 'v', 'w' FROM generate_series(1, 20) i");
$g->converged_ok('three nodes with right clocks', 't');

# Restart a node with its wall clock moved.
sub restart_at
{
	my ($node, $offset) = @_;
	$node->server->stop;
	local $ENV{LD_PRELOAD} = $faketime if $offset;
	local $ENV{FAKETIME} = $offset if $offset;
	local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1 if $offset;
	$node->server->start;
	$node->wait_ready;
}
sub now { return $_[0]->sql('SELECT extract(epoch FROM clock_timestamp())::bigint') }

# --- an hour back --------------------------------------------------------------------
my $stamp = "SELECT converge.changed_at(_converge) FROM t WHERE id = 1";
$a->sql("UPDATE t SET v = 'before' WHERE id = 1");
my $old = $a->sql($stamp);
$b->sql("UPDATE t SET v = 'b' WHERE id = 2");
$g->converged_ok('a has a write of b', 't');
restart_at($a, '-3600s');
cmp_ok(now($b) - now($a), '>', 3000, 'a now lives an hour in the past');
$a->sql("UPDATE t SET v = 'after' WHERE id = 1");
is($a->sql("SELECT converge.changed_at(_converge) > '$old' FROM t WHERE id = 1"), 't', 'its new stamps are larger than its old ones all the same');
$g->converged_ok('what it writes arrives', 't');
is($b->sql('SELECT v FROM t WHERE id = 1'), 'after', 'and wins over what it wrote before');
# (what b writes now is an hour ahead for a, and would wait there)
$a->sql("UPDATE t SET v = 'a, having seen it' WHERE id = 2");
$g->converged_ok('a write that saw another', 't');
is($c->sql('SELECT v FROM t WHERE id = 2'), 'a, having seen it', 'wins over it, however late its clock');

# --- ahead of its time ------------------------------------------------------------------
# In a transaction too large to be held in memory, which must not be sent again
# and again meanwhile.  What is looked at while it is held back takes less than
# 15 s, or than a minute or three on a machine that has other things to do.
my $bytes = "SELECT bytes FROM converge.stat_peers WHERE name = 'a'";
for my $ahead (20, 65, 185)
{
	restart_at($a, "+${ahead}s");
	$b->sql("UPDATE t SET v = 'v' WHERE id = 3");
	ok($a->wait_for('SELECT v FROM t WHERE id = 3', 'v'), 'a row to be changed by a node ahead of its time');
	my $had = $b->counted('bytes', 'a');
	$a->sql("BEGIN; UPDATE t SET v = 'from the future' WHERE id = 3; DELETE FROM t WHERE id > 1000; "
		  . "INSERT INTO t SELECT i, repeat(md5(i::text), 4), 'large' FROM generate_series(1001, 21000) i; COMMIT");
	my $stamp = $a->sql('SELECT converge.changed_at(_converge) FROM t WHERE id = 3');
	ok($b->wait_for("SELECT coalesce(last_error, '') || state FROM converge.stat_peers WHERE name = 'a'", qr/clock|future|ahead|stamp/i),
		'an entry stamped further ahead than max_clock_skew is reported');
	my $v = $b->sql('SELECT v FROM t WHERE id = 3');
	$b->sql("UPDATE t SET w = 'b and c go on' WHERE id = 3");
	ok($c->wait_for('SELECT w FROM t WHERE id = 3', 'b and c go on'), 'the others go on meanwhile');
	my $changed_at = $b->sql('SELECT converge.changed_at(_converge) FROM t WHERE id = 3');
	my $came = $b->sql($bytes) - $had;
	my $in_time = $b->sql("SELECT clock_timestamp() + interval '5 s' < '$stamp'") eq 't';
	if ($in_time)
	{
		is($v, 'v', 'and held back');
		is($b->sql("SELECT '$changed_at' < clock_timestamp() + interval '5 s'"), 't', 'with stamps of the present');
		cmp_ok($came, '<', 500_000, 'without its parts, which are not sent before they can be applied');
	}
	ok($b->wait_for('SELECT v FROM t WHERE id = 3', 'from the future'), 'when its time has come it is applied');
	cmp_ok($b->counted('bytes', 'a') - $had, '>', 2_000_000, 'parts and all');
	$g->converged_ok('and all are equal', 't');
	last if $in_time;
	isnt($ahead, 185, "its time has come before it was looked at: once more, further ahead");
}

# --- an hour ahead, then mended -----------------------------------------------------------
restart_at($a, '+3600s');
$a->sql("UPDATE t SET v = 'an hour ahead' WHERE id = 4");
ok($b->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'a'", qr/clock|future|ahead|stamp/i), 'an hour ahead: held back');
$c->sql("UPDATE t SET w = 'c' WHERE id = 4");
ok($b->wait_for('SELECT w FROM t WHERE id = 4', 'c'), 'others go on');
restart_at($a, '');
is($b->sql("SELECT converge.changed_at(_converge) < clock_timestamp() + interval '10 s' FROM t WHERE id = 4"), 't', 'b was not poisoned');
$b->sql("UPDATE t SET w = 'b' WHERE id = 5");
ok($c->wait_for('SELECT w FROM t WHERE id = 5', 'b'), 'b and c talk');
ok($a->wait_for('SELECT w FROM t WHERE id = 5', 'b'), 'a hears them');

done_testing();
