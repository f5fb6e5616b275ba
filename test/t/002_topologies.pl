# Any connected topology works: mesh, chain, ring.
use strict;
use warnings;
use Converge;
use Test::More;

for my $topology (qw(mesh chain ring))
{
	my @names = map { "$topology$_" } $topology eq 'ring' ? (1 .. 4) : (1 .. 3);
	my $g = Converge->new_group(names => \@names, topology => $topology);
	$g->all('CREATE TABLE t (id int PRIMARY KEY, who text, n int)');
	$g->replicate('t');

	# --- each node writes rows of its own, and all write to common ones ---------
	my $i = 0;
	for my $node ($g->nodes)
	{
		my $name = $node->name;
		$i++;
		$node->sql("INSERT INTO t SELECT $i * 1000 + k, '$name', k FROM generate_series(1, 50) k");
	}
	$g->converged_ok("$topology: every node's rows are everywhere", 't');
	is($_->sql('SELECT count(*) FROM t'), 50 * @names, "$topology: all of them on " . $_->name) for $g->nodes;

	# --- what came from a node that is not linked here can be changed here ------
	my ($first, $last) = ($g->node($names[0]), $g->node($names[-1]));
	$last->sql("UPDATE t SET who = 'last' WHERE id BETWEEN 1001 AND 1010");
	$last->sql('DELETE FROM t WHERE id BETWEEN 1011 AND 1020');
	$g->converged_ok("$topology: changes to rows of a node further away come back", 't');
	is($first->sql("SELECT count(*) FROM t WHERE who = 'last'"), '10', "$topology: on the far node");

	# --- everyone at once -------------------------------------------------------
	my @loads;
	for my $node ($g->nodes)
	{
		my $script = PostgreSQL::Test::Utils::tempdir() . "/$topology.sql";
		PostgreSQL::Test::Utils::append_to_file($script,
			"\\set k random(1, 100)\nUPDATE t SET n = n + 1 WHERE id = 1000 + :k % 50 + 1;\n"
			. "INSERT INTO t VALUES (50000 + :k, 'x', 1) ON CONFLICT (id) DO UPDATE SET n = excluded.n;\n"
			. "DELETE FROM t WHERE id = 50000 + :k / 2;\n") unless -e $script;
		push @loads, [ $node, $node->start_load('-c', '2', '-t', '300', '-f', $script) ];
	}
	is($_->[0]->finish_load($_->[1]), 600, "$topology: " . $_->[0]->name . ' was written to') for @loads;
	$g->converged_ok("$topology: concurrent writes on all nodes converge", 't');
	$_->server->stop for $g->nodes;
}

# --- histories that are woven together ------------------------------------------------
# b and c write in turn, each after what the other wrote; a was away and gets
# both from b alone.  In the order of causes that is a matter of a few local
# transactions, not of one for each entry.
{
	my $chain = Converge->new_group(names => [qw(a b c)], topology => 'chain');
	my ($a, $b, $c) = $chain->nodes;
	$chain->all('CREATE TABLE t (id int PRIMARY KEY, v int)');
	$chain->replicate('t');
	$b->sql('INSERT INTO t VALUES (1, 0)');
	$chain->converged_ok('a chain', 't');
	$a->pause('b');
	for my $i (1 .. 30)
	{
		my ($from, $to) = $i % 2 ? ($b, $c) : ($c, $b);
		$from->sql("UPDATE t SET v = $i WHERE id = 1");
		$to->wait_for('SELECT v FROM t WHERE id = 1', $i) or last;
	}
	my $before = $a->sql('SELECT sum(transactions) FROM converge.stat_peers');
	$a->resume('b');
	$chain->converged_ok('who was away has all of it', 't');
	cmp_ok($a->counted('transactions') - $before, '<', 10, 'in less local transactions than entries');
}

done_testing();
