# Unique and CHECK violations between nodes: the same rows are visible on all
# nodes, whatever the order of arrival; the first claim stays; nothing stops and
# nothing is lost.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b c)], proxied => 1);
my ($a, $b, $c) = $g->nodes;

# The rows that are visible, the same everywhere.
sub visible_ok
{
	my ($table, $want, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$g->converged_ok($what, $table);
	for my $node ($g->nodes)
	{
		is($node->sql("SELECT string_agg(id || ':' || u, ' ' ORDER BY id) FROM $table"), $want, "$what: visible on " . $node->name);
	}
}

# --- one value claimed by several rows ----------------------------------------------------
$g->all('CREATE TABLE u (id int PRIMARY KEY, u text UNIQUE, v text)');
$g->replicate('u');
$g->cut('a', 'b');
$g->cut('a', 'c');
$g->cut('b', 'c');
$a->sql("INSERT INTO u VALUES (1, 'name', 'by a')");
$b->sql("INSERT INTO u VALUES (2, 'name', 'by b')");
$c->sql("INSERT INTO u VALUES (3, 'name', 'by c')");
# meet in an order in which the last claim arrives before the first
$g->heal('b', 'c');
ok($g->wait_converged('u', { nodes => [qw(b c)] }), 'b and c have met');
$g->heal('a', 'b');
$g->heal('a', 'c');
visible_ok('u', '1:name', 'the first claim stays');
is($_->sql("SELECT count(*) FROM converge.quarantine WHERE relid = 'u'::regclass"), '2', 'the others are set aside on ' . $_->name) for $g->nodes;
like($a->sql("SELECT reason || ' ' || coalesce(detail, '') FROM converge.quarantine LIMIT 1"), qr/unique|u_u_key/, 'with the reason');

# --- rows set aside keep receiving changes and come back ------------------------------------
$a->sql('DELETE FROM u WHERE id = 1');
visible_ok('u', '2:name', 'when the first goes, the next claim becomes visible');
$a->sql("UPDATE u SET u = 'other' WHERE id = 2");
visible_ok('u', '2:other 3:name', 'when it gives the name up, the last one does');
is($_->sql('SELECT count(*) FROM converge.quarantine'), '0', 'nothing is left aside on ' . $_->name) for $g->nodes;
is($_->sql('SELECT v FROM u WHERE id = 3'), 'by c', 'with its values on ' . $_->name) for $g->nodes;

# --- an exchange of names, an update against an insert -----------------------------------------
$a->sql('TRUNCATE u');
$a->sql("INSERT INTO u SELECT i, 'u' || i, 'v' FROM generate_series(1, 10) i");
$g->converged_ok('ten rows', 'u');
$a->sql("BEGIN; UPDATE u SET u = 'tmp' WHERE id = 1; UPDATE u SET u = 'u1' WHERE id = 2; UPDATE u SET u = 'u2' WHERE id = 1; COMMIT");
$g->converged_ok('names exchanged in one transaction', 'u');
is($b->sql('SELECT string_agg(u, \',\' ORDER BY id) FROM u WHERE id <= 2'), 'u2,u1', 'are exchanged, with nothing set aside');
$g->cut('a', 'b'); $g->cut('a', 'c'); $g->cut('b', 'c');
$a->sql("UPDATE u SET u = 'new' WHERE id = 3");
$b->sql("UPDATE u SET u = 'new' WHERE id = 4");
$c->sql("INSERT INTO u VALUES (20, 'new', 'c')");
$c->sql("UPDATE u SET v = 'of a row that will be set aside' WHERE id = 4");
# the older row is the later claim
$b->sql("UPDATE u SET u = 'late' WHERE id = 6");
$a->sql("UPDATE u SET u = 'late' WHERE id = 5");
$g->heal('a', 'c'); $g->heal('a', 'b'); $g->heal('b', 'c');
$g->converged_ok('three claims by updates and an insert', 'u');
is($_->sql("SELECT id FROM u WHERE u = 'new'"), '3', 'the first is visible on ' . $_->name) for $g->nodes;
is($_->sql("SELECT id FROM u WHERE u = 'late'"), '6', 'it is the claim that counts, not the row, on ' . $_->name) for $g->nodes;

# --- NULLs do not conflict, several unique indexes, chains of claims --------------------------------
$g->all('CREATE TABLE u2 (id int PRIMARY KEY, u text, x int, y int, UNIQUE (u), UNIQUE (x, y))');
$g->replicate('u2');
$g->cut('a', 'b'); $g->cut('a', 'c'); $g->cut('b', 'c');
$a->sql("INSERT INTO u2 VALUES (1, 'p', 1, 1), (2, NULL, NULL, 1)");
$b->sql("INSERT INTO u2 VALUES (3, 'p', 2, 2), (4, NULL, NULL, 1)");
$c->sql("INSERT INTO u2 VALUES (5, 'q', 2, 2)");
$g->heal('b', 'c'); $g->heal('a', 'b'); $g->heal('a', 'c');
visible_ok('u2', '1:p 5:q', 'a chain of claims: 3 loses to 1, so 5 need not lose to 3');
is($_->sql('SELECT count(*) FROM u2'), '4', 'rows with NULLs do not conflict on ' . $_->name) for $g->nodes;

# --- random claims, on three nodes at once -------------------------------------------------------------
Converge::seed();
$g->all('CREATE TABLE r (id int PRIMARY KEY, u int UNIQUE, w int UNIQUE)');
$g->replicate('r');
for my $round (1 .. 3)
{
	$g->cut('a', 'b'); $g->cut('a', 'c'); $g->cut('b', 'c');
	for my $node ($g->nodes)
	{
		my $script = '';
		for (1 .. 60)
		{
			my ($id, $u, $w) = map { int rand $_ } 30, 12, 12;
			$script .= rand() < 0.25 ? "DELETE FROM r WHERE id = $id;\n"
			  : rand() < 0.5 ? "INSERT INTO r VALUES ($id, $u, $w) ON CONFLICT DO NOTHING;\n"
			  : "UPDATE r SET u = $u WHERE id = $id AND NOT EXISTS (SELECT FROM r WHERE u = $u);\n";
		}
		$node->sql($script);
	}
	$g->heal('a', 'b'); $g->heal('a', 'c'); $g->heal('b', 'c');
	$g->converged_ok("round $round of random claims: the same rows are visible everywhere", 'r');
	my %aside = map { $_->sql("SELECT coalesce(string_agg(encode(key, 'hex'), ',' ORDER BY key), '') FROM converge.quarantine WHERE relid = 'r'::regclass") => 1 } $g->nodes;
	is(keys %aside, 1, "round $round: and the same rows are set aside");
}

# --- CHECK ---------------------------------------------------------------------------------------------------
$g->all('CREATE TABLE k (id int PRIMARY KEY, lo int, hi int, CHECK (lo <= hi))');
$g->replicate('k');
$a->sql('INSERT INTO k SELECT i, 10, 20 FROM generate_series(1, 10) i');
$g->converged_ok('a CHECK over two columns', 'k');
$g->cut('a', 'b'); $g->cut('a', 'c');
$a->sql('UPDATE k SET lo = 19 WHERE id = 1');
$b->sql('UPDATE k SET hi = 11 WHERE id = 1');
$g->heal('a', 'b'); $g->heal('a', 'c');
$g->converged_ok('each side kept it, the columns move as one group', 'k');
is($_->sql('SELECT count(*) FROM k WHERE lo > hi'), '0', 'no row violates it on ' . $_->name) for $g->nodes;
is($_->sql('SELECT lo, hi FROM k WHERE id = 1'), '10|11', 'the later pair stands on ' . $_->name) for $g->nodes;
# a constraint only one node has
$b->sql('ALTER TABLE k ADD CONSTRAINT small CHECK (hi < 100)');
$a->sql('UPDATE k SET hi = 1000 WHERE id = 2');
$a->sql('UPDATE k SET hi = 21 WHERE id = 3');
ok($b->wait_for('SELECT hi FROM k WHERE id = 3', '21'), 'a row that violates a CHECK here does not stop the stream');
is($b->sql("SELECT count(*) FROM converge.quarantine WHERE relid = 'k'::regclass"), '1', 'it is set aside');
$a->sql('UPDATE k SET hi = 50 WHERE id = 2');
ok($b->wait_for('SELECT hi FROM k WHERE id = 2', '50'), 'and comes back when it fits');

# --- values that merge, in a row that is set aside ------------------------------------------------------------
$g->all('CREATE TABLE m (id int PRIMARY KEY, u text UNIQUE, n int, sib text, c converge.pncounter)');
$g->replicate('m');
$a->sql("SELECT converge.set_strategy('m', 'n', 'counter'), converge.set_strategy('m', 'sib', 'siblings')");
$_->wait_for("SELECT count(*) FROM converge.strategies WHERE \"table\" = 'm'::regclass", '2') for $b, $c;
$g->cut('a', 'b'); $g->cut('a', 'c'); $g->cut('b', 'c');
$a->sql("INSERT INTO m VALUES (1, 'one', 0, '', 0)");
$b->sql("INSERT INTO m VALUES (2, 'one', 10, 'first', 10)");
$g->heal('b', 'c');
ok($g->wait_converged('m', { nodes => [qw(b c)] }), 'b and c have the row that will be set aside');
$g->cut('b', 'c');
$b->sql("UPDATE m SET n = n + 1, sib = 'by b', c = c OPERATOR(converge.+) 1 WHERE id = 2");
$c->sql("UPDATE m SET n = n + 100, sib = 'by c', c = c OPERATOR(converge.+) 100 WHERE id = 2");
$g->heal('a', 'c');
ok($a->wait_for("SELECT count(*) FROM converge.quarantine WHERE relid = 'm'::regclass", '1'), 'set aside on a with what c has counted');
$g->heal('a', 'b'); $g->heal('b', 'c');
visible_ok('m', '1:one', 'changes of both meet in the row that is set aside');
$a->sql('DELETE FROM m WHERE id = 1');
visible_ok('m', '2:one', 'it comes back');
is($_->sql('SELECT n, sib, c::bigint FROM m'), '111|by c|111', 'with what each has counted on ' . $_->name) for $g->nodes;
is($_->sql(q{SELECT (sibling).sib || ' ' || writer FROM converge.siblings(NULL::m, '{"id": 2}')}), "by b b\nby c c",
	'and both versions on ' . $_->name) for $g->nodes;

done_testing();
