# Strategies of ordinary columns: what concurrent writes become, how a strategy
# reaches the other nodes, and how it changes while there is data.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b)], proxied => 1);
my ($a, $b) = $g->nodes;

sub concurrently
{
	my ($first, $second, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$g->cut('a', 'b');
	$a->sql($first);
	$b->sql($second);
	$g->heal('a', 'b');
	$g->converged_ok($what, 't');
}

sub reads
{
	my ($sql, $want, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($_->sql($sql), $want, "$what, on " . $_->name) for $g->nodes;
}

# One call on one node; the others hear of it without any change of data.
sub strategy
{
	my ($column, $strategy) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$a->sql("SELECT converge.set_strategy('t', '$column', '$strategy')");
	$b->wait_for("SELECT strategy FROM converge.column_strategies WHERE relid = 't'::regclass AND attname = '$column'",
		$strategy);
}

$g->all(<<'SQL');
CREATE FUNCTION longer(text, text) RETURNS text IMMUTABLE LANGUAGE sql
	AS $$ SELECT CASE WHEN length($1) >= length($2) THEN $1 ELSE $2 END $$;
CREATE TABLE t (id int PRIMARY KEY, n int, s smallint, d numeric, f float8, hi int CHECK (hi < 1000), lo text, u text[], x text, sib text,
	twice int GENERATED ALWAYS AS (hi * 2) STORED);
CREATE FUNCTION thousand(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1000'
SQL
$g->replicate('t');
$a->sql("INSERT INTO t VALUES (1, 10, 1, 1.5, 0.5, 5, 'm', '{a}', 'xx', 's')");
$g->converged_ok('a row from before there were strategies', 't');
strategy(@$_) for [ 'n', 'counter' ], [ 's', 'counter' ], [ 'd', 'counter' ], [ 'f', 'counter' ], [ 'hi', 'max' ],
  [ 'lo', 'min' ], [ 'u', 'union' ], [ 'x', 'function:public.longer' ], [ 'sib', 'siblings' ];
pass('every strategy has reached the other node');

# --- counters ------------------------------------------------------------------
concurrently('UPDATE t SET n = n + 5, s = s + 1, d = d + 0.25, f = f * 2', 'UPDATE t SET n = n - 2, s = s + 2, d = d + 1, f = f + 1',
	'counters of each type');
reads('SELECT n, s, d, f FROM t', '13|4|2.75|2', 'add up');
concurrently('UPDATE t SET n = n + 1; UPDATE t SET n = n + 1', 'UPDATE t SET n = 100', 'an assignment');
reads('SELECT n FROM t', '102', 'is the difference that it makes');
concurrently('UPDATE t SET s = 32000', 'UPDATE t SET s = s + 32000', 'more than the type holds');
reads('SELECT s FROM t', '32767', 'shows the largest value of the type');
$a->sql('UPDATE t SET s = s - 1');
$g->converged_ok('and goes on', 't');
$a->fails_ok("UPDATE t SET f = 'Infinity'", '22003', qr/takes no infinity/, 'infinity is refused');
$b->sql('UPDATE t SET n = NULL');
$g->converged_ok('NULL in a counter', 't');
reads('SELECT n FROM t', '0', 'is 0');
concurrently("INSERT INTO t VALUES (2, 10, 1, 1, 1, 1, 'a', '{q}', 'y', 's')", "INSERT INTO t VALUES (2, 20, 1, 1, 1, 9, 'b', '{p}', 'yy', 't')",
	'one key inserted twice');
reads('SELECT n, s, d, f, hi, lo, u, x FROM t WHERE id = 2', '30|2|2|2|9|a|{q,p}|yy', 'counters add up, values are folded');
concurrently('DELETE FROM t WHERE id = 2; INSERT INTO t (id, n) VALUES (2, 3)', 'UPDATE t SET n = n + 100 WHERE id = 2',
	'a row inserted again beside an update');
reads('SELECT n FROM t WHERE id = 2', '103', 'nothing that the delete saw comes back');

# --- several values ---------------------------------------------------------------
concurrently("UPDATE t SET hi = 7, lo = 'b', u = '{a,b}', x = 'longest', sib = 'one' WHERE id = 1",
	"UPDATE t SET hi = 6, lo = 'k', u = '{a,c}', x = 'short', sib = 'two' WHERE id = 1", 'values of each strategy');
reads('SELECT hi, lo, u, x, sib FROM t WHERE id = 1', '7|b|{a,b,c}|longest|two', 'are folded');
$b->sql("UPDATE t SET hi = 1, u = '{z}' WHERE id = 1");
$g->converged_ok('a later write', 't');
reads('SELECT hi, u, lo FROM t WHERE id = 1', '1|{z}|b', 'replaces what it has seen');
$g->cut('a', 'b');
$a->sql('UPDATE t SET hi = 30 WHERE id = 1');
$b->sql('UPDATE t SET hi = 20 WHERE id = 1; UPDATE t SET n = n + 1 WHERE id = 1; UPDATE t SET hi = 10 WHERE id = 1');
$g->heal('a', 'b');
$g->converged_ok('a chain of writes beside one', 't');
reads('SELECT hi FROM t WHERE id = 1', '30', 'the largest of what nobody has overwritten');

# --- a strategy changes on a table with data ----------------------------------------
strategy('hi', 'min');
reads('SELECT hi, twice FROM t WHERE id = 1', '10|20', 'kept values are folded anew, and what is generated of them');
$a->fails_ok("SELECT converge.set_strategy('t', 'hi', 'function:public.thousand')", '23514', qr/violates check constraint/,
	'a strategy by which a row would violate a CHECK is refused');
$g->cut('a', 'b');
$a->sql("SELECT converge.set_strategy('t', 'hi', 'counter')");
$a->sql('UPDATE t SET hi = hi + 5 WHERE id = 1');
$b->sql('UPDATE t SET hi = 50 WHERE id = 1');
$g->heal('a', 'b');
$b->wait_for("SELECT strategy FROM converge.column_strategies WHERE relid = 't'::regclass AND attname = 'hi'", 'counter');
$g->converged_ok('changed on one side of a cut, with writes on both', 't');
reads('SELECT hi FROM t WHERE id = 1', '55', 'the assignment of the old strategy, and the contribution');
$g->cut('a', 'b');
$a->sql("SELECT converge.set_strategy('t', 'hi', 'max')");
$b->sql("SELECT converge.set_strategy('t', 'hi', 'lww')");
$g->heal('a', 'b');
$a->wait_for("SELECT strategy FROM converge.column_strategies WHERE relid = 't'::regclass AND attname = 'hi'", 'lww');
concurrently('UPDATE t SET hi = 3 WHERE id = 1', 'UPDATE t SET hi = 2 WHERE id = 1', 'changed on both sides: the later wins');
reads('SELECT hi FROM t WHERE id = 1', '2', 'on both nodes');

# --- documents ---------------------------------------------------------------------------
$g->all('ALTER TABLE t ADD COLUMN j jsonb');
$a->sql(q{UPDATE t SET j = '{"x": 1, "y": 1, "in": {"p": 1, "q": [1, 2]}}' WHERE id = 1});
$g->converged_ok('a document', 't');
strategy('j', 'jsonb_merge');
concurrently(q{UPDATE t SET j = jsonb_set(j, '{x}', '2') || '{"new": true}' WHERE id = 1; UPDATE t SET j = jsonb_set(j, '{in,p}', '5') WHERE id = 1},
	q{UPDATE t SET j = jsonb_set(j, '{y}', '3') #- '{in,q}' WHERE id = 1; UPDATE t SET j = jsonb_set(j, '{x}', '9') WHERE id = 1},
	'documents changed in different places');
reads('SELECT j FROM t WHERE id = 1', '{"x": 9, "y": 3, "in": {"p": 5}, "new": true}', 'are merged path by path');
concurrently(q{UPDATE t SET j = j - 'x' WHERE id = 1}, q{UPDATE t SET j = jsonb_set(j, '{in}', '7') WHERE id = 1}, 'a key removed, an object replaced');
reads('SELECT j FROM t WHERE id = 1', '{"y": 3, "in": 7, "new": true}', 'both are done');
concurrently(q{UPDATE t SET j = jsonb_set(j, '{in}', '{"z": 1}') WHERE id = 1}, q{UPDATE t SET j = '[]' WHERE id = 1}, 'the whole replaced later');
reads('SELECT j FROM t WHERE id = 1', '[]', 'wins as a whole');
$b->sql(q{UPDATE t SET j = '{"k": {"l": 1}}' WHERE id = 1});
$g->converged_ok('an object again', 't');
concurrently(q{UPDATE t SET j = jsonb_set(j, '{k,l}', '2') WHERE id = 1}, q{UPDATE t SET j = jsonb_set(j, '{k,m}', '3') WHERE id = 1}, 'keys of one object');
reads('SELECT j FROM t WHERE id = 1', '{"k": {"l": 2, "m": 3}}', 'side by side');

# what was hidden does not return with the third write, in whatever order they meet
$a->sql(q{UPDATE t SET j = '{}' WHERE id = 1});
$g->converged_ok('an empty object', 't');
concurrently(q{UPDATE t SET j = '{"a": 1}' WHERE id = 1}, q{UPDATE t SET j = '{"a": {"b": 2}}' WHERE id = 1; UPDATE t SET j = j - 'a' WHERE id = 1},
	'a value beside an object that was there for a while');
reads('SELECT j FROM t WHERE id = 1', '{}', 'is gone with it');
$a->sql(q{DO $$ BEGIN FOR i IN 1..1100 LOOP UPDATE t SET j = j || jsonb_build_object('key' || i, i) WHERE id = 1; END LOOP; END $$});
$g->converged_ok('more keys than a row has room for dots', 't');
cmp_ok($a->sql('SELECT pg_column_size(_converge) FROM t WHERE id = 1'), '<', 20000, 'its state does not grow for ever');
concurrently(q{UPDATE t SET j = j || '{"key1": -1}' WHERE id = 1}, q{UPDATE t SET j = j || '{"key2": -2}' WHERE id = 1},
	'keys of it changed');
reads(q{SELECT j->'key1', j->'key2', j->'key1100' FROM t WHERE id = 1}, '-1|-2|1100', 'are merged one by one where they were written on their own');

# --- documents that are born on several nodes --------------------------------------------
sub born { my ($id, $j) = @_; return "INSERT INTO t (id, n, j) VALUES ($id, 0, '$j')" }
concurrently(born(60, '{"a": 1, "x": {"p": 1}}'), born(60, '{"b": 2, "x": {"q": 2}, "a": 3}'), 'one key inserted twice with a document');
reads('SELECT j FROM t WHERE id = 60', '{"a": 3, "b": 2, "x": {"p": 1, "q": 2}}', 'has the paths of both, and of one path the later');
concurrently(q{UPDATE t SET j = j - 'b' WHERE id = 60}, q{UPDATE t SET j = jsonb_set(j, '{x,p}', '9') WHERE id = 60}, 'changed afterwards');
reads('SELECT j FROM t WHERE id = 60', '{"a": 3, "x": {"p": 9, "q": 2}}', 'path by path');
like($_->sql(q{SELECT string_agg(l, E'\n') FROM converge.explain_conflict('t', '{"id": 60}') l}),
	qr/column "j": .* merged path by path: first written by b at .*, parts of it by other writes, the latest by b at /,
	'explained on ' . $_->name)
  for $a, $b;

# what one has changed before they meet
concurrently(born(61, '{"a": 1, "c": 1}') . q{; UPDATE t SET j = (j - 'a') || '{"d": 4}' WHERE id = 61}, born(61, '{"b": 2}'),
	'an insert and its update beside an insert');
reads('SELECT j FROM t WHERE id = 61', '{"b": 2, "c": 1, "d": 4}', 'keep what each has written');
concurrently(q{DELETE FROM t WHERE id = 61; } . born(61, '{"new": 1}'), q{UPDATE t SET j = j || '{"b": 3}' WHERE id = 61},
	'deleted and inserted again beside an update');
reads('SELECT j FROM t WHERE id = 61', '{"b": 3, "new": 1}', 'what the delete saw is gone, the update is not');
concurrently(born(62, '{"a": 1}') . '; DELETE FROM t WHERE id = 62; ' . born(62, '{"c": 3}'), born(62, '{"b": 2}'),
	'deleted and inserted again beside an insert');
reads('SELECT j FROM t WHERE id = 62', '{"b": 2, "c": 3}', 'keep what each has in the end');
concurrently(born(63, '{"a": {"p": 1}}') . '; UPDATE t SET id = 64 WHERE id = 63', born(64, '{"a": {"q": 1}}'), 'a key that becomes another which is inserted');
reads('SELECT j FROM t WHERE id = 64', '{"a": {"p": 1, "q": 1}}', 'is an insert of that');
concurrently(born(65, '{"a": 1}'), born(65, '[1]'), 'what is no object, inserted later');
reads('SELECT j FROM t WHERE id = 65', '[1]', 'is the whole');

# the strategy changes while rows are born
$g->cut('a', 'b');
$a->sql("SELECT converge.set_strategy('t', 'j', 'lww')");
$a->sql(born(66, '{"a": 1}') . '; ' . born(67, '{"a": 1}'));
$b->sql(born(66, '{"b": 2}') . q{; UPDATE t SET j = j || '{"c": 3}' WHERE id = 66});
$g->heal('a', 'b');
$g->converged_ok('the strategy changed on one side, an insert on both', 't');
reads('SELECT j FROM t WHERE id = 66', '{"a": 1, "b": 2, "c": 3}', 'an insert by paths goes into an earlier whole one');
strategy('j', 'jsonb_merge');
concurrently(q{UPDATE t SET j = j || '{"c": 4}' WHERE id = 66}, q{UPDATE t SET j = j || '{"d": 4}' WHERE id = 66}, 'and changed back');
reads('SELECT j FROM t WHERE id = 66', '{"a": 1, "b": 2, "c": 4, "d": 4}', 'paths are merged again');
$a->sql(born(68, '{"a": 1}'));
cmp_ok($a->sql('SELECT max(pg_column_size(_converge)) FILTER (WHERE id = 68) - max(pg_column_size(_converge)) FILTER (WHERE id = 67) FROM t'),
	'<=', 10, 'a row that was born once has no dots of paths');

# --- siblings, resolve, explain, reset -----------------------------------------------
$a->sql("INSERT INTO t (id, n, sib) VALUES (50, 0, 's')");
$g->converged_ok('a row without a conflict', 't');
concurrently("UPDATE t SET sib = 'left' WHERE id = 50", "UPDATE t SET sib = 'right' WHERE id = 50",
	'two versions of a row');
reads(q{SELECT (sibling).sib || ' ' || writer FROM converge.siblings(NULL::t, '{"id": 50}')}, "left a\nright b",
	'are listed with their writers');
reads(q{SELECT count(*) FROM converge.siblings(NULL::t, '{"id": 50}') WHERE written_at > now() - interval '1 hour'}, '2', 'and times');
like($_->sql(q{SELECT string_agg(l, E'\n') FROM converge.explain_conflict('t', '{"id": 50}') l}),
	qr/column "sib": concurrent values 'left' written by a at .*, 'right' written by b at .*; shown is 'right', the latest write/,
	'explained on ' . $_->name)
  for $g->nodes;
like($b->sql(q{SELECT string_agg(l, E'\n') FROM converge.explain_conflict('t', '{"id": 50}') l}),
	qr/update_origin_differs/, 'with what the conflict log has');
$a->sql(q{SELECT converge.resolve(sibling) FROM converge.siblings(NULL::t, '{"id": 50}') WHERE writer = 'a'});
$g->converged_ok('resolved', 't');
reads('SELECT sib FROM t WHERE id = 50', 'left', 'the one that was chosen');
reads(q{SELECT count(*) FROM converge.siblings(NULL::t, '{"id": 50}')}, '1', 'is the only one');
concurrently("UPDATE t SET sib = 'left' WHERE id = 50", "UPDATE t SET sib = 'right' WHERE id = 50", 'in conflict again');
$b->sql(q{SELECT converge.resolve(t) FROM t WHERE id = 50});
$g->converged_ok('the version shown is confirmed', 't');
reads(q{SELECT (sibling).sib FROM converge.siblings(NULL::t, '{"id": 50}')}, 'right', 'and alone');
concurrently("SELECT converge.reset('t', 'n')", 'UPDATE t SET n = n + 7 WHERE id = 50', 'a reset beside a contribution');
reads('SELECT n FROM t WHERE id = 50', '7', 'takes back what it saw and nothing else');
concurrently("SELECT converge.reset('t', 'n')", "SELECT converge.reset('t', 'n')", 'two resets');
reads('SELECT n FROM t WHERE id = 50', '0', 'are one');

# --- renamed and dropped columns: each node runs the DDL when it likes ---------------------
$g->all('CREATE TABLE moved (id int PRIMARY KEY, n int, m int, gone int)');
$g->replicate('moved');
$g->all('CREATE TABLE other (id int PRIMARY KEY)');
$g->replicate('other');
my $strategies = q{SELECT string_agg(column_name || ' ' || strategy || ' ' || set_by, ', ' ORDER BY column_name) FROM converge.strategies WHERE "table" = 'moved'::regclass};
$a->sql("SELECT converge.set_strategy('moved', 'n', 'counter'), converge.set_strategy('moved', 'gone', 'max')");
$a->sql('INSERT INTO moved VALUES (1, 10, 1, 1)');
$g->converged_ok('a table with strategies', 'moved');
$a->sql('ALTER TABLE moved RENAME n TO count; ALTER TABLE moved DROP COLUMN gone');
$a->sql('UPDATE moved SET count = count + 5');
ok($b->wait_for(q{SELECT string_agg(last_error, ' ') FROM converge.stat_peers}, qr/has no column "count" here/), 'the other node waits for the column');
$b->sql('ALTER TABLE moved RENAME n TO count; ALTER TABLE moved DROP COLUMN gone');
$g->converged_ok('renamed and dropped on both', 'moved');
reads($strategies, 'count counter a', 'the strategy goes with the column');
$g->cut('a', 'b');
$a->sql('UPDATE moved SET count = count + 1');
$b->sql('UPDATE moved SET count = count + 2');
$g->heal('a', 'b');
$g->converged_ok('counted on both', 'moved');
reads('SELECT count FROM moved', '18', 'adds up under the new name');
$g->cut('a', 'b');
$a->sql("SELECT converge.set_strategy('moved', 'm', 'max')");
$b->sql('ALTER TABLE moved RENAME m TO most');
$g->heal('a', 'b');
$a->sql('ALTER TABLE moved RENAME m TO most');
ok($b->wait_for($strategies, 'count counter a, most max a'), 'a strategy set before the rename elsewhere, without any change of data');
reads($strategies, 'count counter a, most max a', 'is the same');

# --- other types of columns ---------------------------------------------------------------
$g->all('CREATE TABLE typed (id int PRIMARY KEY, n int, m int, sib text)');
$g->replicate('typed');
$a->sql("INSERT INTO typed VALUES (1, 10, 1, 's')");
$g->converged_ok('a row that is older than its strategies', 'typed');
$a->sql("SELECT converge.set_strategy('typed', 'n', 'counter'), converge.set_strategy('typed', 'm', 'max'), converge.set_strategy('typed', 'sib', 'siblings')");
$b->wait_for("SELECT count(*) FROM converge.column_strategies WHERE relid = 'typed'::regclass", '3');
sub conflict
{
	my ($first, $second, $want, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$g->cut('a', 'b');
	$a->sql("UPDATE typed SET $first");
	$b->sql("UPDATE typed SET $second");
	$g->heal('a', 'b');
	$g->converged_ok($what, 'typed');
	reads('SELECT n, m, sib FROM typed', $want, $what);
}
conflict("n = n + 1, m = 9, sib = 'one'", "n = n + 2, m = 7, sib = 'two'", '13|9|two', 'integers');
$_->fails_ok('ALTER TABLE typed ALTER n TYPE text', '42804', qr/strategy "counter", which does not fit type text/, 'a type that a strategy cannot have') for $g->nodes;
$_->fails_ok('ALTER TABLE typed ALTER sib TYPE int USING 1', '55000', qr/cannot change column "sib"/, 'a type that cannot read what is kept') for $g->nodes;
$_->fails_ok('ALTER TABLE typed ALTER n TYPE numeric', '55000', qr/cannot change column "n"/, 'one in which contributions are counted differently') for $g->nodes;
$_->fails_ok('ALTER TABLE typed ADD CHECK (n > m)', '55000', qr/cannot move together/, 'a CHECK over columns that merge on their own') for $g->nodes;
$g->all('ALTER TABLE typed ALTER n TYPE bigint, ALTER m TYPE bigint, ALTER sib TYPE varchar(100)');
reads('SELECT n, m, sib FROM typed', '13|9|two', 'wider types change nothing');
conflict("n = n + 5000000000, m = 5000000000", "n = n + 1, sib = 'three'", '5000000014|5000000000|three', 'wider values');
$a->sql("SELECT converge.set_strategy('typed', 'm', 'min')");
$b->wait_for("SELECT strategy FROM converge.column_strategies WHERE relid = 'typed'::regclass AND attname = 'm'", 'min');
conflict('m = 7', 'm = 8', '5000000014|7|three', 'and of the new strategy');

# --- unreplicate() and replicate() again -------------------------------------------------
$a->sql('TRUNCATE moved');
$g->converged_ok('nothing in it', 'moved');
$b->sql("SELECT converge.unreplicate('moved')");
is($b->sql($strategies), 'count counter a, most max a', 'strategies outlive unreplicate()');
$a->sql("SELECT converge.set_strategy('moved', 'most', 'min')");
$a->sql("INSERT INTO other VALUES (1)");
$g->converged_ok('one is changed meanwhile elsewhere', 'other');
$b->sql("SELECT converge.replicate('moved')");
$a->sql("INSERT INTO moved VALUES (7, 1, 1)");
$g->converged_ok('a change of the table that is replicated again', 'moved');
reads($strategies, 'count counter a, most min a', 'brings what has changed');
concurrently('UPDATE moved SET count = count + 1, most = 5', 'UPDATE moved SET count = count + 2, most = 6', 'writes to it');
$g->converged_ok('are merged', 'moved');
reads('SELECT count, most FROM moved', '4|5', 'by the same strategies');
$g->all("SELECT converge.unreplicate('moved'); ALTER TABLE moved RENAME most TO least; ALTER TABLE moved ALTER count TYPE text; TRUNCATE moved");
$_->sql("SELECT converge.replicate('moved')") for $g->nodes;
reads($strategies, 'least min a', 'on all nodes: a renamed column keeps its own, what does not fit is forgotten');
$a->sql("INSERT INTO moved VALUES (8, 'x', 1)");
$g->converged_ok('and the table is replicated', 'moved');
$g->all("SELECT converge.unreplicate('moved'); DROP TABLE moved");
reads('SELECT count(*) FROM converge.column_strategies s WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = s.relid)', '0', 'DROP TABLE leaves none behind');

# --- a function that fails ---------------------------------------------------------------
$g->all('CREATE FUNCTION never(text, text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION \'never merges\'; END $$');
$a->fails_ok("SELECT converge.set_strategy('t', 'x', 'function:public.never')", 'P0001', qr/never merges/,
	'a function that cannot fold what is there');
$a->sql("UPDATE t SET x = 'alone'");
$g->converged_ok('a single value in each row', 't');
strategy('x', 'function:public.never');
$g->cut('a', 'b');
$a->sql("UPDATE t SET x = 'p' WHERE id = 1");
$b->sql("UPDATE t SET x = 'q' WHERE id = 1");
$g->heal('a', 'b');
ok($_->wait_for(q{SELECT string_agg(last_error, ' ') FROM converge.stat_peers}, qr/never merges .*UPDATE of table "public\.t", key \(1\)/),
	'an error in it stops the stream, with the row named, on ' . $_->name)
  for $g->nodes;
$g->all('CREATE OR REPLACE FUNCTION never(text, text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT $1 || $2 $$');
$g->converged_ok('and nothing is lost once it is mended', 't');
reads('SELECT x FROM t WHERE id = 1', 'pq', 'called in the order of the writes');

done_testing();
