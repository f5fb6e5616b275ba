# Three nodes write the same few rows at random: every CRDT type and every
# strategy, inserts, deletes, re-inserts, whole transactions, strategies that
# change meanwhile, links that are cut.  When all is over, all nodes are equal.
#
#	SEED=n does something else.
use strict;
use warnings;
use Converge;
use Test::More;

Converge::seed();
my $rounds = $ENV{ROUNDS} // 4;
my $path = 'SET search_path = public, converge; ';

my $g = Converge->new_group(names => [qw(a b c)], proxied => 1);
my @nodes = $g->nodes;

$g->all(<<'SQL');
CREATE FUNCTION joined(text, text) RETURNS text IMMUTABLE LANGUAGE sql
	AS $$ SELECT string_agg(DISTINCT w, ' ' ORDER BY w) FROM regexp_split_to_table($1 || ' ' || $2, ' ') w $$;
CREATE TABLE r (id int PRIMARY KEY, v text,
	gc converge.gcounter, pc converge.pncounter, ef converge.ewflag, df converge.dwflag,
	lw converge.lwwreg, mv converge.mvreg, mx converge.maxreg, mn converge.minreg,
	os converge.orset, rs converge.rwset, gs converge.gset, ts converge.twopset,
	om converge.ormap, ca converge.cart, dc converge.document,
	n int NOT NULL DEFAULT 0, q numeric, hi int, lo int, un text[], fn text, sb text, js jsonb DEFAULT '{}');
SQL
$g->replicate('r');
my %strategy = (n => 'counter', q => 'counter', hi => 'max', lo => 'min', un => 'union', fn => 'function:public.joined',
	sb => 'siblings', js => 'jsonb_merge');
$nodes[0]->sql("SELECT converge.set_strategy('r', '$_', '$strategy{$_}')") for sort keys %strategy;
$_->wait_for("SELECT count(*) FROM converge.column_strategies WHERE relid = 'r'::regclass", scalar keys %strategy)
  for @nodes;

sub pick { return $_[ rand @_ ] }
sub num { return int(rand(50)) }

# Assignments to one column, by random.
my @assign = (
	sub { 'v = ' . pick(map { "'$_'" } 'a' .. 'f') },
	sub { 'gc = gc + ' . num() },
	sub { pick('pc = pc + ' . num(), 'pc = pc - ' . num(), 'pc = ' . num(), 'pc = reset(pc)') },
	sub { pick('ef = enable(ef)', 'ef = disable(ef)', 'ef = true', 'ef = false') },
	sub { pick('df = enable(df)', 'df = disable(df)', 'df = NULL') },
	sub { pick('lw = set(lw, ' . "'" . num() . "')", "lw = '" . num() . "'::jsonb") },
	sub { "mv = set(mv, '" . num() . "')" },
	sub { 'mx = set(mx, ' . num() . '), mn = set(mn, ' . num() . ')' },
	sub { pick("os = os + 'e" . num() . "'::text", "os = os - 'e" . num() . "'::text", "os = ARRAY['x', 'y" . num() . "']") },
	sub { pick("rs = rs + 'e" . num() . "'::text", "rs = rs - 'e" . num() . "'::text", 'rs = reset(rs)') },
	sub { "gs = gs + 'g" . num() . "'::text" },
	sub { pick("ts = ts + 't" . num() . "'::text", "ts = ts - 't" . num() . "'::text") },
	sub { pick("om = add(om, '{k" . int(rand(4)) . ",c}', " . num() . ')', "om = remove(om, '{k" . int(rand(4)) . "}')") },
	sub { pick("ca = add(ca, 's" . int(rand(4)) . "', 2)", "ca = remove(ca, 's" . int(rand(4)) . "')") },
	sub { pick("dc = edit(dc, coalesce(dc::text, '') || ' w" . num() . "')", "dc = edit(dc, 'start ' || dc::text)") },
	sub { pick('n = n + ' . num(), 'n = n - ' . num(), 'n = ' . num()) },
	sub { 'q = q + 0.' . num() },
	sub { 'hi = ' . num() . ', lo = ' . num() },
	sub { "un = ARRAY['u" . num() . "', 'u" . num() . "']" },
	sub { "fn = 'f" . num() . "'" },
	sub { "sb = 's" . num() . "'" },
	sub { pick("js = js || '{\"k" . int(rand(5)) . "\": " . num() . "}'", "js = js - 'k" . int(rand(5)) . "'",
			"js = js || '{\"k" . int(rand(5)) . "\": {\"a" . int(rand(2)) . "\": " . num() . "}}'",
			"js = jsonb_set(js, '{k" . int(rand(5)) . ",a" . int(rand(2)) . "}', '" . num() . "')") });

my $insert = q{INSERT INTO r (id, v, gc, pc, ef, df, lw, mv, mx, mn, os, rs, gs, ts, om, ca, dc, n, q, hi, lo, un, fn, sb, js)
	VALUES (%d, 'i', %d, %d, true, false, '1'::jsonb, '2'::jsonb, 3, 4, ARRAY['o'], ARRAY['r'], ARRAY['g'], ARRAY['t'],
	ormap(), cart(), document(), %d, 0.5, 1, 1, '{i}', 'i', 'i', '%s') ON CONFLICT DO NOTHING};

# a document to insert: nothing, values, an object, an empty one, no object
sub born
{
	my @members = map { '"k' . int(rand(5)) . '": ' . pick(num(), num(), '{}', '{"a' . int(rand(2)) . '": ' . num() . '}') } 1 .. int(rand(4));
	return rand() < 0.05 ? '[1]' : '{' . join(', ', @members) . '}';
}

sub statement
{
	my $id = 1 + int(rand(4));
	my $what = rand();
	return sprintf($insert, $id, num(), num(), num(), born()) if $what < 0.15;
	return "DELETE FROM r WHERE id = $id" if $what < 0.22;
	return "DELETE FROM r WHERE id = $id; " . sprintf($insert, $id, num(), num(), num(), born()) if $what < 0.25;
	my %set = map { my $i = int(rand(@assign)); ($i => $assign[$i]->()) } 1 .. 1 + int(rand(3));
	return 'UPDATE r SET ' . join(', ', values %set) . " WHERE id = $id";
}

sub script
{
	my @out;
	for (1 .. $_[0])
	{
		my @tx = map { statement() } 1 .. 1 + int(rand(3));
		push @out, 'BEGIN', @tx, pick('COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK');
	}
	return $path . join(";\n", @out);
}

# A twopset does not take back an element, so a statement may fail: go on.
sub run { my ($node, $sql) = @_; $node->_psql($sql, on_error_stop => 0); return }

for my $round (1 .. $rounds)
{
	# one link, so that changes come by way of the third node; or all of one
	# node's, so that what it does and what the others do is concurrent
	my ($x, @others) = sort { rand() <=> 0.5 } qw(a b c);
	my @cut = $round % 2 == 0 ? @others : $others[0];
	$g->cut($x, $_) for @cut;
	run($_, script(12)) for @nodes, @nodes;
	if ($round % 2 == 0)
	{
		my $s = pick(qw(max min lww siblings counter));
		pick(@nodes)->sql("SELECT converge.set_strategy('r', '" . pick('hi', 'lo') . "', '$s')");
	}
	run($_, script(6)) for @nodes;
	# a row that several nodes have inserted, with a document of each
	run($_, $path . sprintf($insert, 10 + $round, num(), num(), num(), born())) for @nodes;
	run(pick(@nodes), $path . "UPDATE r SET js = js || '{\"k0\": \"new\"}' WHERE id = " . (10 + $round));
	$g->heal($x, $_) for @cut;
	$g->converged_ok("round $round", 'r');
}
ok($_->sql('SELECT count(*) FROM converge.conflicts') > 0, 'there were conflicts on ' . $_->name) for @nodes;
is($nodes[0]->sql('SELECT count(DISTINCT strategy) FROM converge.column_strategies'),
	$_->sql('SELECT count(DISTINCT strategy) FROM converge.column_strategies'), 'the same strategies on ' . $_->name)
  for @nodes;
done_testing();
