# Three nodes, random updates of every type that merges, random cuts between
# the nodes; then equal content everywhere, and what of it can be known without
# knowing the order of things.  SEED=n does something else (the order in
# which changes arrive is the system's), STEPS=n makes it longer.
use strict;
use warnings;
use Converge;
use List::Util qw(max min sum0 uniq);
use Test::More;

my $seed = Converge::seed();
my $steps = $ENV{STEPS} || 60;

my $g = Converge->new_group(names => [qw(a b c)], proxied => 1);
my @nodes = $g->nodes;
my @pairs = ([qw(a b)], [qw(a c)], [qw(b c)]);
my $path = 'SET search_path = public, converge; ';
my @types = qw(pncounter gcounter bcounter maxreg minreg lwwreg mvreg ewflag dwflag gset twopset orset rwset ormap cart document);
my $rows = 3;

$g->all($path . 'CREATE TABLE r (id int PRIMARY KEY, ' . join(', ', map { "c_$_ $_" } @types) . ')');
$g->replicate('r');
$nodes[0]->sql($path . "INSERT INTO r (id, c_bcounter) SELECT i, bcounter(0) FROM generate_series(1, $rows) i");
$nodes[0]->sql($path . 'UPDATE r SET ' . join(', ', map { "c_$_ = coalesce(c_$_, $_())" } @types));
$g->converged_ok('rows of empty values', 'r');

# --- operations: an expression on the column v; some note what they did -----------------
my (%count, %grown, %seen, %ever);

sub pick { return $_[ rand @_ ] }
sub word { return pick(qw(a b c d), 'e f', 'g"h') }
sub array { return "ARRAY['" . join("','", map { word() } 0 .. rand 3) . "']" }

my %operations = (
	pncounter => sub { my ($id) = @_; my $n = 1 + int rand 9; my $up = rand() < 0.6; $count{$id} += $up ? $n : -$n; return $up ? "v + $n" : "v - $n" },
	gcounter => sub { my ($id) = @_; my $n = 1 + int rand 9; $grown{$id} += $n; return "v + $n" },
	bcounter => sub { return pick('v + 3', 'CASE WHEN (SELECT coalesce(sum(amount), 0) FROM rights(v) WHERE replica = (SELECT replica_id FROM converge.node_info())) >= 2 THEN v - 2 ELSE v END') },
	maxreg => sub { my ($id) = @_; my $n = int rand 10000; push @{ $seen{$id} }, $n; return "set(v, $n)" },
	lwwreg => sub { return "set(v, '{\"n\": " . int(rand 1000) . "}')" },
	mvreg => sub { return pick("set(v, '" . int(rand 1000) . "')", q{'"plain"'::jsonb}) },
	ewflag => sub { return pick('enable(v)', 'disable(v)', 'true') },
	dwflag => sub { return pick('enable(v)', 'disable(v)', 'false') },
	gset => sub { my ($id) = @_; my $w = word() . int rand 5; $ever{$id}{$w} = 1; return "v + '$w'" },
	twopset => sub { my $w = word() . int rand 9; return pick("v + '$w'", "v + '$w'", "v - '$w'") },
	orset => sub { my $w = word(); return pick("v + '$w'", "v - '$w'", 'v + ' . array(), 'v - ' . array(), array(), 'reset(v)') },
	rwset => sub { my $w = word(); return pick("v + '$w'", "v - '$w'", 'v + ' . array(), 'v - ' . array(), array(), 'reset(v)') },
	ormap => sub {
		my $k = pick(qw(k l));
		return pick("add(v, '{n,$k}', 1)", "set_path(v, '{r,$k}', '" . int(rand 100) . "')", "add(v, '{s,$k}', '" . pick(qw(x y)) . "')",
			"v #- '{n,$k}'", "v - '" . pick(qw(n r s)) . "'", "enable(v, '{f,$k}')", "disable(v, '{f,$k}')");
	},
	cart => sub { my $k = pick(qw(apple pear)); return pick("add(v, '$k', 2)", "add(v, '$k')", "remove(v, '$k')", "remove(v, '$k', 1)", 'reset(v)') },
	document => sub {
		return pick("insert(v, 1 + length(v) / 2, '" . pick(qw(One Two), ' and ') . "')", "insert(v, 1, 'Start ')", "insert(v, length(v) + 1, ' end.')",
			'CASE WHEN length(v) > 2 THEN delete(v, 2, 2) ELSE v END', "edit(v, replace(v::text, 'One', 'one'))");
	});
$operations{minreg} = $operations{maxreg};

# --- three nodes at work --------------------------------------------------------------------
my %cut;
my $done = 0;
for my $step (1 .. $steps)
{
	if (rand() < 0.15)
	{
		my $pair = pick(@pairs);
		my $name = "@$pair";
		if ($cut{$name}) { $g->heal(@$pair); delete $cut{$name} }
		else { $g->cut(@$pair); $cut{$name} = $pair }
	}
	my $node = pick(@nodes);
	my @sql;
	for (0 .. rand 4)
	{
		my $id = 1 + int rand $rows;
		my %set;
		for my $type (map { pick(@types) } 0 .. rand 4)
		{
			next if $set{$type};
			my $value = $operations{$type}->($id);
			push @{ $seen{"$type $id"} }, pop @{ $seen{$id} } if $type =~ /^m..reg$/ && $seen{$id};
			$set{$type} = $value =~ s/\bv\b/c_$type/gr;
		}
		push @sql, 'UPDATE r SET ' . join(', ', map { "c_$_ = $set{$_}" } sort keys %set) . " WHERE id = $id";
		$done += keys %set;
	}
	$node->sql($path . join ';', 'BEGIN', @sql, 'COMMIT');
}
$g->heal(@$_) for values %cut;
$g->converged_ok("$done updates of " . @types . " types, seed $seed", 'r');

# --- what it must be, whatever the order ------------------------------------------------------
for my $node (@nodes)
{
	my $name = $node->name;
	for my $id (1 .. $rows)
	{
		my $row = sub { return $node->sql($path . "SELECT $_[0] FROM r WHERE id = $id") };
		is($row->('c_pncounter::bigint'), $count{$id} || 0, "row $id on $name: every count counted once (seed $seed)");
		is($row->('c_gcounter::bigint'), $grown{$id} || 0, "row $id on $name: likewise of the one that grows");
		cmp_ok($row->('c_bcounter::bigint'), '>=', 0, "row $id on $name: the bound held");
		is($row->('c_maxreg::numeric'), max(@{ $seen{"maxreg $id"} || [] }) // '', "row $id on $name: the largest");
		is($row->('c_minreg::numeric'), min(@{ $seen{"minreg $id"} || [] }) // '', "row $id on $name: the smallest");
		is($row->(q{array_to_string(c_gset::text[], '|')}), join('|', sort keys %{ $ever{$id} || {} }), "row $id on $name: all that was added");
	}
	is($node->sql($path . 'SELECT count(*) FROM r WHERE ' . join(' OR ', map { "c_$_ IS NULL OR $_\_in($_\_out(c_$_)) <> c_$_" } @types)), '0',
		"$name: every value comes back from its text");
}

done_testing();
