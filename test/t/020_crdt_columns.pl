# Columns of CRDT types merge by their type: concurrent updates, plain
# assignment, values written back late, deletes and re-inserts, and how little
# goes over the wire.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b)], proxied => 1);
my ($a, $b) = $g->nodes;
$g->all('SELECT 1');
my $path = 'SET search_path = public, converge; ';

sub concurrently
{
	my ($first, $second, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$g->cut('a', 'b');
	$a->sql($path . $first);
	$b->sql($path . $second);
	$g->heal('a', 'b');
	$g->converged_ok($what, 't');
}

sub reads
{
	my ($sql, $want, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($_->sql($path . $sql), $want, "$what, on " . $_->name) for $g->nodes;
}

$g->all(<<'SQL');
CREATE TABLE t (id int PRIMARY KEY, n converge.pncounter, g converge.gcounter, f converge.ewflag, d converge.dwflag,
	l converge.lwwreg, m converge.mvreg, x converge.maxreg, s converge.bcounter, note text)
SQL
$g->replicate('t');
$a->sql($path . q{INSERT INTO t VALUES (1, 10, 1, false, true, '{"a": 1}', '"x"', 5, bcounter(0) + 10, 'n')});
$g->converged_ok('a row with a column of each type', 't');
reads('SELECT n::bigint, g::bigint, f::boolean, d::boolean, l::jsonb, m::jsonb, x::numeric, s::bigint FROM t WHERE id = 1',
	'10|1|f|t|{"a": 1}|"x"|5|10', 'plain values and literals were inserted');

# --- concurrent updates ------------------------------------------------------------
concurrently('UPDATE t SET n = n + 5, g = g + 1, f = enable(f), d = disable(d), l = set(l, \'"A"\'), m = set(m, \'"A"\'), x = set(x, 9), s = s - 3',
	'UPDATE t SET n = n - 2, g = g + 2, f = disable(f), d = enable(d), l = set(l, \'"B"\'), m = set(m, \'"B"\'), x = set(x, 7)',
	'concurrent updates of every type');
reads('SELECT n::bigint, g::bigint, f::boolean, d::boolean, l::jsonb, x::numeric, s::bigint FROM t WHERE id = 1',
	'13|4|t|f|"B"|9|7', 'both took effect');
reads('SELECT string_agg(value::text, \',\' ORDER BY value::text) FROM t, converge.values(m)', '"A","B"', 'both values are kept');
reads(q{SELECT count(*) > 0 FROM converge.conflicts WHERE "table"::text = 't' AND decision = 'merge'}, 't', 'recorded as merged');
concurrently("UPDATE t SET n = n + 1, note = 'a'", "UPDATE t SET n = n + 1, note = 'b'", 'beside an ordinary column');
reads('SELECT n::bigint, note FROM t', '15|b', 'the counter adds up and the text is the later one');

# --- plain assignment -----------------------------------------------------------------
concurrently('UPDATE t SET n = 100, g = 10, f = false, d = true, l = \'{"p": 1}\'::jsonb, m = \'5\'::jsonb, x = 3',
	'UPDATE t SET n = n + 7, x = set(x, 4)', 'plain values assigned beside an update');
reads('SELECT n::bigint, g::bigint, f::boolean, d::boolean, l::jsonb, m::jsonb, is_conflicted(m), x::numeric FROM t',
	'107|10|f|t|{"p": 1}|5|f|9', 'the assignment is the updates that lead to it');
concurrently("UPDATE t SET n = '50'", "UPDATE t SET n = n + 1", 'a literal assigned');
reads('SELECT n::bigint FROM t', '51', 'likewise');
concurrently('UPDATE t SET n = 0', 'UPDATE t SET n = n + 1', 'zero assigned');
reads('SELECT n::bigint FROM t', '1', 'takes back what it saw');
$a->sql($path . "UPDATE t SET n = pncounter(5) + 3, l = set('{}'::jsonb::lwwreg, '7')");
$g->converged_ok('values that were made from plain ones and then updated', 't');
reads('SELECT n::bigint, l::jsonb FROM t', '9|7', 'are plain values no more: they are merged');
concurrently('UPDATE t SET s = 5', 'UPDATE t SET s = s + 2', 'a number assigned to a bounded counter');
reads('SELECT s::bigint FROM t', '7', 'changes it by the difference');
$b->fails_ok($path . "UPDATE t SET s = '1'", '23514', qr/column "s" cannot be set to this value/, 'as far as the node has the rights');
$a->sql($path . 'UPDATE t SET n = NULL, m = NULL');
$g->converged_ok('NULL assigned', 't');
reads('SELECT n::bigint, n IS NULL, m::jsonb IS NULL, m IS NULL FROM t', '0|f|t|f', 'empties the values');
$a->fails_ok($path . 'UPDATE t SET g = 1', '23514', qr/column "g" cannot be set to this value/, 'a grow-only counter does not go down');
$a->fails_ok($path . 'UPDATE t SET x = NULL', '23514', qr/column "x" cannot be set to this value/, 'a register of the maximum is not emptied');

# --- a value read earlier and written back ------------------------------------------------
$a->sql($path . 'UPDATE t SET n = 20');
$g->converged_ok('a value to read', 't');
my $read = $a->sql($path . 'SELECT n FROM t');
$b->sql($path . 'UPDATE t SET n = n + 3');
$g->converged_ok('changed elsewhere meanwhile', 't');
$a->sql($path . "UPDATE t SET n = '$read'");
$a->sql($path . "UPDATE t SET n = '$read'::pncounter + 100");
$g->converged_ok('the text that was read is written back, and changed', 't');
reads('SELECT n::bigint FROM t', '123', 'what was added meanwhile stays');

# --- delete and insert again ------------------------------------------------------------------
concurrently('DELETE FROM t; INSERT INTO t VALUES (1, 5, 1, true, true, NULL, NULL, 1, bcounter(0) + 1, \'again\')',
	'UPDATE t SET n = n + 1000, f = enable(f)', 'a row inserted again beside an update');
reads('SELECT n::bigint, f::boolean, g::bigint, x::numeric, note FROM t', '1005|t|1|9|again',
	'what the delete saw is gone, the update survives, and what only grows comes back');
concurrently('DELETE FROM t', 'UPDATE t SET n = n + 1', 'a delete beside a later update');
reads('SELECT n::bigint FROM t', '1006', 'the row comes back whole');
concurrently('UPDATE t SET n = n + 1', 'DELETE FROM t', 'a later delete');
reads('SELECT count(*) FROM t', '0', 'wins');
$b->sql($path . q{INSERT INTO t (id, n) VALUES (1, 1)});
$g->converged_ok('inserted after that', 't');
reads('SELECT n::bigint FROM t', '1', 'nothing of the old count comes back');
concurrently('INSERT INTO t (id, n) VALUES (2, 10)', 'INSERT INTO t (id, n) VALUES (2, 20)', 'one key inserted twice');
reads('SELECT n::bigint FROM t WHERE id = 2', '30', 'counters add up');

# --- a delta of a value that is not there: b is back at an older version of the row ----------------
$b->sql('CREATE TABLE earlier AS SELECT * FROM t WHERE id = 2');
$a->sql($path . 'UPDATE t SET n = n + 5 WHERE id = 2');
$g->converged_ok('a row goes on', 't');
$b->sql('BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM t WHERE id = 2; INSERT INTO t SELECT * FROM earlier; COMMIT');
$a->sql($path . 'UPDATE t SET n = n + 1 WHERE id = 2');
$g->converged_ok('from where it is not on b', 't');
reads('SELECT n::bigint FROM t WHERE id = 2', '36', 'the whole value is fetched');

# --- COPY -----------------------------------------------------------------------------------------
$a->sql("COPY t (id, n, f, m) FROM stdin;\n10\t7\ttrue\t\"c\"\n11\t-7\tfalse\t[1]\n\\.\n");
$g->converged_ok('COPY with plain values', 't');
reads('SELECT n::bigint, f::boolean, m::jsonb FROM t WHERE id >= 10 ORDER BY id', "7|t|\"c\"\n-7|f|[1]", 'they arrive');

# --- three changes in one transaction, and inside a larger one -------------------------------------
$a->sql($path . 'BEGIN; UPDATE t SET n = n + 1 WHERE id = 10; SAVEPOINT s; UPDATE t SET n = n + 1 WHERE id = 10; ROLLBACK TO s; UPDATE t SET n = n + 3 WHERE id = 10; COMMIT');
$g->converged_ok('several updates in one transaction', 't');
reads('SELECT n::bigint FROM t WHERE id = 10', '11', 'the right sum');

# --- what goes over the wire ------------------------------------------------------------------------------
$g->all('CREATE TABLE tags (id int PRIMARY KEY, t converge.orset)');
$g->replicate('tags');
$a->sql($path . q{INSERT INTO tags SELECT 1, array_agg('element ' || i)::orset FROM generate_series(1, 10000) i});
$g->converged_ok('a set of 10,000', 'tags');
my $size = q{SELECT sum(length(body)) FROM converge.log l JOIN converge.origins o ON o.id = l.origin WHERE o.replica_id = 'a'};
my $before = $a->sql($size);
$a->sql($path . q{UPDATE tags SET t = t + 'one more'::text});
my $delta = $a->sql($size) - $before;
note("$delta bytes");
cmp_ok($delta, '<', 300, 'adding an element logs less than 300 bytes');
$before = $a->sql($size);
$a->sql($path . q{UPDATE tags SET t = array_append(array_remove(t::text[], 'element 5000'), 'and another')});
$delta = $a->sql($size) - $before;
note("$delta bytes");
cmp_ok($delta, '<', 600, 'so does the plain assignment of an array with one more and one less');
$g->converged_ok('and arrives', 'tags');
is($_->sql('SELECT converge.cardinality(t) FROM tags'), '10001', 'all of it, on ' . $_->name) for $g->nodes;

# --- a table that moves as whole rows; a CHECK over columns -------------------------------------------
$g->all("CREATE TABLE whole (id int PRIMARY KEY, v text, n converge.pncounter, CHECK (v <> 'x' OR n::bigint > 0))");
$_->sql(q{SELECT converge.replicate('whole', granularity => 'row')}) for $g->nodes;
$a->sql($path . q{INSERT INTO whole VALUES (1, 'v', 1)});
$g->converged_ok('granularity row', 'whole');
$g->cut('a', 'b');
$a->sql($path . q{UPDATE whole SET v = 'a', n = n + 1});
$b->sql($path . q{UPDATE whole SET n = n + 10});
$g->heal('a', 'b');
$g->converged_ok('concurrent updates of it', 'whole');
reads('SELECT v, n::bigint FROM whole', 'a|12', 'its CRDT column merges by itself');

done_testing();
