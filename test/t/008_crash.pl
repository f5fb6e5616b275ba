# kill -9 of a backend, a receiver, the postmaster, at random moments under
# load: nothing acknowledged is lost, nothing is applied twice, all end equal.
#   ROUNDS=n for more kills, SEED=n for others.
use strict;
use warnings;
use Converge;
use File::Basename;
use IPC::Run;
use Test::More;
use Time::HiRes qw(time);
use PostgreSQL::Test::Utils;

Converge::seed();
my $rounds = $ENV{ROUNDS} || 6;

my $g = Converge->new_group(names => [qw(a b c)], conf => "restart_after_crash = on\n");
my $dir = PostgreSQL::Test::Utils::tempdir();
$g->all('CREATE TABLE t (id int PRIMARY KEY, n int, v text, w text); CREATE TABLE t_acked (id int, node text, PRIMARY KEY (id, node));
	CREATE TABLE t_log (id int, who text)');
$g->replicate('t', 't_acked', 't_log');

# --- load on all three ------------------------------------------------------------
my $stop = "$dir/stop";
my %writer;
for my $node ($g->nodes)
{
	$writer{ $node->name } = IPC::Run::start([ $^X, dirname(__FILE__) . '/../perl/writer.pl',
		$node->connstr, $node->name, 't', "$dir/" . $node->name, $stop ], '<', \undef);
}

# --- and murder ---------------------------------------------------------------------
my @kinds = ('a client backend', 'a receiver', 'a server of the log', 'the manager', 'the postmaster', 'the launcher');
for my $round (1 .. $rounds)
{
	# some work goes on between two kills: until each node wrote again
	my %before = map { $_ => -s "$dir/$_" || 0 } $g->names;
	my $deadline = time + $Converge::timeout;
	until (!grep { (-s "$dir/$_" || 0) <= $before{$_} } $g->names)
	{
		last if time > $deadline;
		select undef, undef, undef, 0.05 + rand 0.5;
	}
	my $node = ($g->nodes)[ int rand 3 ];
	my $kind = $kinds[ ($round - 1) % @kinds ];
	note "round $round: killing $kind of " . $node->name;
	if ($kind eq 'the postmaster')
	{
		$node->kill9;
		$node->start;
		pass("round $round: killed the postmaster of " . $node->name);
		next;
	}
	my %where = (
		'a client backend'    => "backend_type = 'client backend' AND application_name = 'writer'",
		'a receiver'          => "backend_type LIKE 'pg_converge receiver%'",
		'a server of the log' => "backend_type = 'client backend' AND application_name IN ('a', 'b', 'c')",
		'the manager'         => "backend_type LIKE 'pg_converge manager%'",
		'the launcher'        => "backend_type LIKE 'pg_converge launcher%'");
	ok($node->kill9_process($where{$kind}), "round $round: killed $kind of " . $node->name);
}

# --- the end: all stop, all meet -----------------------------------------------------
append_to_file($stop, "stop\n");
$_->finish for values %writer;
$_->wait_ready for $g->nodes;
$g->converged_ok('digests and full content are equal on all nodes', 't', 't_acked', 't_log');

for my $name ($g->names)
{
	my @acked = split /\n/, slurp_file("$dir/$name");
	cmp_ok(scalar @acked, '>', 0, "$name: " . @acked . ' transactions were acknowledged');
	for my $node ($g->nodes)
	{
		my %have = map { $_ => 1 } split /\n/, $node->sql("SELECT id FROM t_acked WHERE node = '$name'");
		my @lost = grep { !$have{$_} } @acked;
		is("@lost[0 .. ($#lost < 9 ? $#lost : 9)]", '', "none of them is missing on " . $node->name);
	}
}

# --- and work goes on ------------------------------------------------------------------
for my $node ($g->nodes)
{
	my $name = $node->name;
	$node->sql("INSERT INTO t_log SELECT i, '$name' FROM generate_series(1, 100) i");
}
$g->converged_ok('everyone still talks to everyone', 't', 't_log');
is($_->sql('SELECT count(*), count(DISTINCT (id, who)) FROM t_log'), '300|300', 'rows without a key came exactly once to ' . $_->name)
  for $g->nodes;

done_testing();
