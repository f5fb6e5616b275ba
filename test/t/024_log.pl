# The log: entries of a node's own are found by their place, without an index,
# whatever happens to the segments they are in.
use strict;
use warnings;
use Converge;
use Test::More;
use PostgreSQL::Test::Utils;

my $g = Converge->new_group(
	names   => [qw(a b)],
	proxied => 1,
	conf    => "converge.log_segment_size = '1MB'\n");
my ($a, $b) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, n int, v text)');
$g->replicate('t');

# Every segment of own entries has seqs that ascend from block to block.
my $disorder = q{
	SELECT coalesce(string_agg(DISTINCT tableoid::regclass::text, ' '), 'none') FROM (
		SELECT tableoid, first, lag(last) OVER (PARTITION BY tableoid ORDER BY block) AS before
		FROM (SELECT tableoid, (ctid::text::point)[0]::int AS block, min(ARRAY[origin, seq]) AS first, max(ARRAY[origin, seq]) AS last
			FROM converge.log WHERE tableoid::regclass::text LIKE 'converge.own%' GROUP BY 1, 2) x) y
	WHERE first <= before};
my $own = q{SELECT count(*) FROM converge.log WHERE tableoid::regclass::text LIKE 'converge.own%'};
my $bytes = q{SELECT sum(pg_relation_size('converge.own_' || i)) FROM generate_series(0, 7) i};

# Single-row transactions of a kilobyte each.
$a->sql('CREATE PROCEDURE write(first int, n int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN first .. first + n - 1 LOOP
			INSERT INTO t VALUES (i, 0, repeat(md5(i::text), 32));
			COMMIT;
		END LOOP;
	END $$');
my $id = 1;
sub write_some { my ($n) = @_; $a->sql("CALL write($id, $n)"); $id += $n; }

# Writes until the log goes on in another segment, however soon or late the
# manager looks at it; each time little, so that it goes on in the next one.
sub next_segment
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $current = 'SELECT log_segment FROM converge.node';
	my $segment = $a->sql($current);
	my $size = "SELECT pg_relation_size('converge.own_$segment')";
	my $deadline = time + $Converge::timeout;
	while ($a->sql($current) == $segment && time < $deadline)
	{
		if ($a->sql($size) < 1024 * 1024) { write_some(100) }
		else { $a->wait_for("$current WHERE log_segment <> $segment", qr/./, 5) }
	}
	is($a->sql($current), ($segment + 1) % 8, $what);
	return $segment;
}

# --- writers at once, some of which fail -------------------------------------------
my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/w.sql", "\\set k random(1, 1000)\n\\set r random(1, 10)\nBEGIN;\n"
	  . "UPDATE t SET n = n + 1, v = repeat('x', :k) WHERE id = :k;\n\\if :r > 9\nROLLBACK;\n\\else\nCOMMIT;\n\\endif\n");
write_some(1000);
my $load = $a->start_load('-c', '8', '-t', '400', '-f', "$dir/w.sql");
$a->finish_load($load);
is($a->sql($disorder), 'none', 'eight writers at once: seqs ascend from block to block');
$a->sql("INSERT INTO t VALUES (-1, 0, (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 10000) i))");
write_some(10);
$g->converged_ok('an entry larger than a page among small ones', 't');

# --- around the ring -----------------------------------------------------------------
my %seen;
for my $round (1 .. 10)
{
	$seen{ next_segment('a segment is full, the next is current') } = 1;
	if ($round == 5)
	{
		my $now = $a->sql('SELECT log_segment FROM converge.node');
		write_some(20);
		$a->sql("VACUUM FULL converge.own_$now");
		write_some(20);
		is($a->sql($disorder), 'none', 'a segment may be written anew while it is current');
	}
}
is(scalar keys %seen, 8, 'all segments were current once');
cmp_ok($a->sql($bytes), '<', 12 * 1024 * 1024, 'what everybody has is removed');
is($a->sql($disorder), 'none', 'order in all of them');
$g->converged_ok('all rows came over', 't');

# --- from the middle -------------------------------------------------------------------
$g->cut('a', 'b');
# until the next segment would be the one in which b has stopped
next_segment('a goes on alone, once around the ring') for 1 .. 7;
my $segment = $a->sql('SELECT log_segment FROM converge.node');
write_some(1200);
my $ceiling = $a->sql('SELECT stamp_ceiling FROM converge.node');
ok($a->wait_for("SELECT stamp_ceiling > $ceiling + 6000000 FROM converge.node"), 'the manager has looked at the log since');
is($a->sql('SELECT log_segment FROM converge.node'), $segment, 'the next segment is not emptied: b has not all of it');
$g->heal('a', 'b');
$g->converged_ok('entries of several segments are found', 't');

# --- a crash under load ---------------------------------------------------------------
my $before = $a->sql('SELECT sum(n) FROM t');
$load = $a->start_load('-c', '4', '-T', $Converge::timeout, '-f', "$dir/w.sql");
ok($a->wait_for("SELECT sum(n) > $before + 500 FROM t", 't'), 'under load');
$a->kill9;
$load->{harness}->finish;
$a->start;
$a->wait_ready;
my $last = $a->sql('SELECT last_seq FROM converge.node_info()');
is($a->sql("SELECT max(seq) FROM converge.log WHERE origin = (SELECT origin FROM converge.node)"), $last,
	'the last seq is found again after a crash');
write_some(100);
$load = $a->start_load('-c', '4', '-t', '100', '-f', "$dir/w.sql");
$a->finish_load($load);
is($a->sql($disorder), 'none', 'order goes on after a crash');
$g->converged_ok('nothing was lost', 't');

# --- another incarnation ----------------------------------------------------------------
# It is told apart by its origin; b gets what both have written.
$a->server->stop;
my $copy = $a->on_copy('copy', 'copy');
$copy->wait_ready;
is($copy->sql('SELECT count(DISTINCT replica_id) FROM converge.origins WHERE id IN (1, (SELECT origin FROM converge.node))'), '2',
	'a copied node goes on as another');
$copy->sql("CALL write($id, 50)");
is($copy->sql($disorder), 'none', 'entries of both incarnations are in order');
is($copy->sql('SELECT count(*) FROM converge.log WHERE origin = (SELECT origin FROM converge.node)'), '50', 'and its own are there');
$copy->server->stop;
$a->start;
$g->converged_ok('the original goes on', 't');

done_testing();
