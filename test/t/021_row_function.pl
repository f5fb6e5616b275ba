# A function over whole rows as the strategy of a table that is replicated by row.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b c)], proxied => 1);
my ($a, $b, $c) = $g->nodes;

sub reads
{
	my ($sql, $want, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($_->sql($sql), $want, "$what, on " . $_->name) for $g->nodes;
}

# Each node writes and sees nothing of the others.
sub apart
{
	my ($what, $first, $second, $third) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @links = ([ 'a', 'b' ], [ 'b', 'c' ], [ 'a', 'c' ]);
	$g->cut(@$_) for @links;
	$a->sql($first);
	$b->sql($second);
	$c->sql($third) if $third;
	$g->heal(@$_) for @links;
	$g->converged_ok($what, 't', 'u') if $what;
}

sub strategy
{
	my ($table, $strategy) = @_;
	$a->sql("SELECT converge.set_strategy('$table', '$strategy')");
	$_->wait_for("SELECT bool_and(strategy = '$strategy') FROM converge.strategies WHERE \"table\" = '$table'::regclass", 't')
	  for $g->nodes;
}

# Adds up money, keeps the note of the larger sum, and writes down how it was
# called: with all columns but the generated one, and who wrote when.  What it
# puts into the generated column is not taken.
$g->all(<<'SQL');
CREATE TABLE t (k numeric PRIMARY KEY, money int, note text, twice int GENERATED ALWAYS AS (money * 2) STORED, trace text);
CREATE FUNCTION pool(mine t, theirs t, info jsonb) RETURNS t IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
	mine.trace := format('(%s + %s:%s,%s:%s,%s,%s,%s%s)', mine.trace, mine.k, theirs.k, info #>> '{mine,writer}',
		info #>> '{theirs,writer}', info ->> 'table', mine.twice IS NULL AND theirs.twice IS NULL AND mine._converge IS NULL,
		(info #>> '{mine,written_at}')::timestamptz < (info #>> '{theirs,written_at}')::timestamptz, theirs.trace);
	IF theirs.money > mine.money THEN
		mine.note := theirs.note;
	END IF;
	mine.money := mine.money + theirs.money;
	mine.twice := 5;
	RETURN mine;
END $$;
CREATE TABLE u (id int PRIMARY KEY, part int NOT NULL, x text, CHECK (part < 100));
CREATE TABLE other (x text PRIMARY KEY);
CREATE FUNCTION refuse(mine u, theirs u, info jsonb) RETURNS u IMMUTABLE LANGUAGE plpgsql AS
	$$ BEGIN RAISE EXCEPTION 'no way to merge %', mine.id; END $$;
CREATE FUNCTION nothing(mine u, theirs u, info jsonb) RETURNS u IMMUTABLE LANGUAGE sql AS 'SELECT NULL::public.u';
SQL
$_->set('timezone' => { a => 'UTC', b => 'Asia/Tokyo', c => 'America/Lima' }->{ $_->name }) for $g->nodes;
for my $node ($g->nodes)
{
	$node->sql("SELECT converge.replicate('$_', granularity => 'row')") for qw(t u);
	$node->sql("SELECT converge.replicate('other')");
}
$a->sql("INSERT INTO t VALUES (1, 0, 'none', DEFAULT, '')");
$g->converged_ok('a row', 't', 'u');
strategy('t', 'function:public.pool');

apart('three versions of a row', "UPDATE t SET money = 5, note = 'five', trace = 'a'", "UPDATE t SET money = 9, note = 'nine', trace = 'b'",
	"UPDATE t SET money = 1, note = 'one', trace = 'c'");
reads('SELECT k, money, note, twice, trace FROM t', '1|15|nine|30|((a + 1:1,a:b,public.t,t,tb) + 1:1,b:c,public.t,t,tc)',
	'are merged as whole rows, in the order of the writes');
reads('SELECT count(*) FROM converge.siblings(NULL::t, $${"k": 1}$$)', '3', 'and are all kept');
like($c->sql(q{SELECT string_agg(l, E'\n') FROM converge.explain_conflict('t', '{"k": 1}') l}),
	qr/column "money": concurrent values '5' .* '9' .* '1' .*; shown is '15', what public\.pool\(\) makes of them/, 'explained');
$b->sql("UPDATE t SET money = 2, note = 'two', trace = '' WHERE k = 1");
$g->converged_ok('a later write', 't', 'u');
reads('SELECT money, note, twice FROM t', '2|two|4', 'replaces what it has seen');
apart('one key inserted in two spellings', "INSERT INTO t VALUES (2.0, 1, 'x', DEFAULT, 'a')", "INSERT INTO t VALUES (2.00, 3, 'y', DEFAULT, 'b')");
reads('SELECT k, money, note, trace FROM t WHERE k = 2', '2.00|4|y|(a + 2.00:2.00,a:b,public.t,t,tb)', 'the function sees that of the row');


# --- siblings, resolve ---------------------------------------------------------------
apart('versions again', "UPDATE t SET money = 5, note = 'five', trace = 'a' WHERE k = 1", "UPDATE t SET money = 9, note = 'nine', trace = 'b' WHERE k = 1");
$c->sql(q{SELECT converge.resolve(sibling) FROM converge.siblings(NULL::t, '{"k": 1}') WHERE writer = 'a'});
$g->converged_ok('one version chosen', 't', 'u');
reads('SELECT money, note, twice, trace FROM t WHERE k = 1', '5|five|10|a', 'is the row');
reads('SELECT count(*) FROM converge.siblings(NULL::t, $${"k": 1}$$)', '1', 'and alone');
apart('updates beside a delete', "UPDATE t SET money = 7, trace = '' WHERE k = 1", "DELETE FROM t WHERE k = 1", "UPDATE t SET money = 8, trace = '' WHERE k = 1");
reads('SELECT money FROM t WHERE k = 1', '15', 'the latest write brings the row back, the function merges what both updates left');

# --- changes of the strategy and of the table ------------------------------------
strategy('t', 'siblings');
reads('SELECT money, note, twice, trace FROM t WHERE k = 2', '3|y|6|b', 'another strategy shows the same versions');
strategy('t', 'function:public.pool');
reads('SELECT k, money, note, twice, trace FROM t WHERE k = 2', '2.00|4|y|8|(a + 2.00:2.00,a:b,public.t,t,tb)', 'and back');

$g->all('ALTER TABLE t ADD COLUMN later int DEFAULT 1');
apart('a column that is added later', "UPDATE t SET later = 5, money = 1 WHERE k = 1", "UPDATE t SET later = 6, money = 1 WHERE k = 1");
reads('SELECT later, money FROM t WHERE k = 1', '5|2', 'is the function\'s too');
like($b->sql(q{SELECT string_agg(l, E'\n') FROM converge.explain_conflict('t', '{"k": 1}') l}),
	qr/column "later": concurrent values '5' .* '6' .*; shown is '5', what public\.pool\(\) makes of them/, 'and explained so');
{
	$g->cut(@$_) for [ 'a', 'b' ], [ 'b', 'c' ], [ 'a', 'c' ];
	$a->sql("SELECT converge.set_strategy('t', 'siblings')");
	$_->sql("UPDATE t SET money = 100 WHERE k = 1") for $g->nodes;
	$c->sql("SELECT converge.set_strategy('t', 'function:public.pool')");
	$b->sql("UPDATE t SET money = 50 WHERE k = 1");
	$g->heal(@$_) for [ 'a', 'b' ], [ 'b', 'c' ], [ 'a', 'c' ];
	$g->converged_ok('the strategy changed on two nodes that do not hear of each other, with writes', 't');
	reads('SELECT money FROM t WHERE k = 1', '250', 'the later call is valid');
}

# --- NULL, errors -----------------------------------------------------------------
# A function that was not right: its streams stop with the row named, and nothing is lost.
sub mended
{
	my ($body, $error, $mended, $want, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$g->all("CREATE OR REPLACE FUNCTION refuse(mine u, theirs u, info jsonb) RETURNS u IMMUTABLE LANGUAGE plpgsql AS \$\$ BEGIN $body END \$\$");
	apart(undef, "UPDATE u SET x = 'p', part = part + 1", "UPDATE u SET x = 'q', part = part + 2");
	$a->sql("INSERT INTO other VALUES ('$what')");
	ok($_->wait_for(q{SELECT string_agg(last_error, ' ') FROM converge.stat_peers}, $error), "$what stops the streams of " . $_->name) for $a, $b;
	ok($_->wait_for(q{SELECT string_agg(last_error, ' ') FROM converge.stat_peers}, qr/of table "public\.u", key \(1\)/), 'with the row named') for $a, $b;
	$g->all("CREATE OR REPLACE FUNCTION refuse(mine u, theirs u, info jsonb) RETURNS u IMMUTABLE LANGUAGE plpgsql AS \$\$ BEGIN $mended END \$\$");
	$g->converged_ok('and nothing is lost once it is mended', 'u', 'other');
	reads('SELECT part, x FROM u', $want, 'the row');
}

$a->sql("INSERT INTO u VALUES (1, 1, 'start')");
strategy('u', 'function:public.nothing');
apart('versions of which the function makes nothing', "UPDATE u SET part = 2", "UPDATE u SET x = 'b'");
reads('SELECT part, x FROM u', '1|b', 'the later one is kept, as a whole');
$a->fails_ok("SELECT converge.set_strategy('u', 'function:public.refuse')", 'P0001', qr/no way to merge 1/,
	'a function that cannot merge what is there');
$a->sql("UPDATE u SET x = 'one', part = 10");
$g->converged_ok('a single version', 't', 'u');
strategy('u', 'function:public.refuse');
my $join = "mine.x := mine.x || theirs.x; RETURN mine;";
mended("RAISE EXCEPTION 'no way to merge %', mine.id;", qr/no way to merge 1/, $join, '11|pq', 'an error in it');
mended('mine.id := 2; RETURN mine;', qr/refuse returned a row of table "u" with another key/, $join, '12|pq', 'another key');
mended('mine.part := NULL; RETURN mine;', qr/null value in column "part"/, $join, '13|pq', 'a NULL where none may be');
is($a->sql('SELECT count(*) FROM other'), '3', 'what came with it in the same stream is there too');

# --- a result that violates a CHECK --------------------------------------------------
$g->all(q{CREATE OR REPLACE FUNCTION refuse(mine u, theirs u, info jsonb) RETURNS u IMMUTABLE LANGUAGE plpgsql AS
	$$ BEGIN mine.part := mine.part + theirs.part; RETURN mine; END $$});
apart('a result that violates a CHECK', 'UPDATE u SET part = 60', 'UPDATE u SET part = 70');
reads('SELECT count(*) FROM u', '0', 'the row is set aside');
$g->all(q{CREATE OR REPLACE FUNCTION refuse(mine u, theirs u, info jsonb) RETURNS u IMMUTABLE LANGUAGE plpgsql AS
	$$ BEGIN mine.part := (mine.part + theirs.part) / 2; RETURN mine; END $$});
$_->wait_for('SELECT part FROM u', '65') for $g->nodes;
reads('SELECT part FROM u', '65', 'and comes back once the function makes one that fits');

# --- at random, while links are cut and the strategy changes ---------------------------
# The function is neither commutative nor associative; SEED=n does
# something else.
Converge::seed();
sub pick { return $_[ rand @_ ] }
$g->all(<<'SQL');
CREATE TABLE z (id int, part int, a int, b text DEFAULT '', twice int GENERATED ALWAYS AS (a * 2) STORED, c converge.pncounter,
	PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE z_1 PARTITION OF z FOR VALUES IN (1);
CREATE TABLE z_2 (junk int, c converge.pncounter, b text, twice int GENERATED ALWAYS AS (a * 2) STORED, a int, part int NOT NULL, id int NOT NULL);
ALTER TABLE z_2 DROP COLUMN junk;
ALTER TABLE z ATTACH PARTITION z_2 FOR VALUES IN (2);
CREATE FUNCTION odd(mine z, theirs z, info jsonb) RETURNS z IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
	mine.a := (mine.a * 3 + theirs.a) % 1000;
	mine.b := right(mine.b || theirs.b || (info #>> '{theirs,writer}'), 30);
	RETURN mine;
END $$;
SQL
$_->sql("SELECT converge.replicate('z', granularity => 'row')") for $g->nodes;
strategy('z', 'function:public.odd');
sub change
{
	my $key = 'id = ' . (1 + int(rand(3))) . ' AND part = ' . pick(1, 2);
	my $what = rand();
	return "DELETE FROM z WHERE $key" if $what < 0.1;
	return sprintf("INSERT INTO z (id, part, a, c) VALUES (%d, %d, %d, 1) ON CONFLICT DO NOTHING", 1 + int(rand(3)), pick(1, 2), rand(100))
	  if $what < 0.3;
	return "SELECT converge.resolve(z) FROM z WHERE $key" if $what < 0.4;
	return "UPDATE z SET c = c OPERATOR(converge.+) 1 WHERE $key" if $what < 0.55;
	return 'UPDATE z SET ' . pick('a = ' . int(rand(100)), "b = '" . pick('p' .. 't') . "'", "a = a + 1, b = b || 'u'") . " WHERE $key";
}
for my $round (1 .. 4)
{
	my @links = ([ 'a', 'b' ], [ 'b', 'c' ], [ 'a', 'c' ]);
	$g->cut(@$_) for @links[ 0 .. $round % 3 ];
	$_->sql(join(";\n", map { change() } 1 .. 15)) for $g->nodes, $g->nodes;
	pick($g->nodes)->sql("SELECT converge.set_strategy('z', '$_')") for pick('siblings', 'lww'), 'function:public.odd';
	$_->sql(join(";\n", map { change() } 1 .. 10)) for $g->nodes;
	$g->heal(@$_) for @links[ 0 .. $round % 3 ];
	$g->converged_ok("random changes, round $round", 'z');
}
reads('SELECT count(*) FROM z WHERE twice IS DISTINCT FROM a * 2', '0', 'generated columns are right');
cmp_ok($a->sql(q{SELECT count(*) FROM z WHERE b <> ''}), '>', 0, 'rows were merged');

done_testing();
