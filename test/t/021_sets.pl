# Sets in replicated columns, with three nodes: adding and removing at the same
# time, plain assignment, what was read earlier, large sets as small deltas,
# indexes.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b c)], proxied => 1);
my ($a, $b, $c) = $g->nodes;
my $path = 'SET search_path = public, converge; ';

# All three write without having seen each other.
sub apart
{
	my ($what, %sql) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @pairs = ([qw(a b)], [qw(a c)], [qw(b c)]);
	$g->cut(@$_) for @pairs;
	$g->node($_)->sql($path . $sql{$_}) for sort keys %sql;
	$g->heal(@$_) for @pairs;
	$g->converged_ok($what, 't');
}

sub reads
{
	my ($sql, $want, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($_->sql($path . $sql), $want, "$what, on " . $_->name) for $g->nodes;
}

my $all = 'SELECT o::text[], r::text[], t::text[], g::text[] FROM t WHERE id = 1';

$g->all(<<'SQL');
CREATE TABLE t (id int PRIMARY KEY, o converge.orset, r converge.rwset, t converge.twopset, g converge.gset);
CREATE INDEX t_o ON t USING gin (o);
SQL
$g->replicate('t');
$a->sql($path . q{INSERT INTO t VALUES (1, ARRAY['x', 'y'], '{x,y}', ARRAY['x', 'y'], '{x, y}')});
$g->converged_ok('a row with sets', 't');
reads($all, '{x,y}|{x,y}|{x,y}|{x,y}', 'arrays and literals were inserted');

# --- at the same time -------------------------------------------------------------------
apart('an add beside a removal of one element, and others',
	a => q{UPDATE t SET o = o + 'x' + 'a', r = r + 'x' + 'a', t = t + 'x' + 'a', g = g + 'a'},
	b => q{UPDATE t SET o = o - 'x' + 'b', r = r - 'x' + 'b', t = t - 'x' + 'b', g = g + 'b'},
	c => q{UPDATE t SET o = o - 'y' + 'a', r = r - 'y' + 'a', t = t - 'y' + 'a', g = g + 'a'});
reads($all, '{a,b,x}|{a,b}|{a,b}|{a,b,x,y}', 'the add wins in the orset, the removal in the others');
apart('what was removed is added again',
	a => q{UPDATE t SET o = o + 'y', r = r + 'x', t = t + 'x'},
	b => q{UPDATE t SET r = r + 'y'},
	c => q{UPDATE t SET o = o - 'a' - 'b' - 'x', g = g + 'c'});
reads($all, '{y}|{a,b,x,y}|{a,b}|{a,b,c,x,y}', 'which a two-phase set does not take');

# --- assignment -------------------------------------------------------------------------
apart('arrays assigned beside updates',
	a => q{UPDATE t SET o = ARRAY['x', 'y'], r = ARRAY['x', 'q'], t = ARRAY['a', 'z']},
	b => q{UPDATE t SET o = o + 'n', r = r + 'n', t = t + 'n'},
	c => q{UPDATE t SET o = '{y,m}', r = r - 'x', g = ARRAY['a', 'b', 'c', 'x', 'y', 'd']});
reads($all, '{m,n,x,y}|{n,q}|{a,n,z}|{a,b,c,d,x,y}', 'they are the updates that lead to them');
apart('an empty array assigned', a => q{UPDATE t SET o = '{}', r = ARRAY[]::text[]}, b => q{UPDATE t SET o = o + 'late'});
reads($all, '{late}|{}|{a,n,z}|{a,b,c,d,x,y}', 'removes what it saw');
$a->fails_ok($path . q{UPDATE t SET g = ARRAY['a']}, '23514', qr/column "g" cannot be set to this value/, 'a set that only grows loses nothing');
my $read = $a->sql($path . q{SELECT format('%L, %L, %L, %L', o, r, t, g) FROM t});
$b->sql($path . q{UPDATE t SET o = o + 'since', r = r + 'since', t = t + 'since', g = g + 'since'});
$g->converged_ok('changed elsewhere', 't');
$a->sql($path . "UPDATE t SET (o, r, t, g) = ($read)");
$g->converged_ok('the texts that were read are written back', 't');
reads($all, '{late,since}|{since}|{a,n,since,z}|{a,b,c,d,since,x,y}', 'what was added meanwhile stays');
apart('a reset beside an add', a => 'UPDATE t SET o = reset(o), r = reset(r)', b => q{UPDATE t SET o = o + 'n', r = r + 'n'});
reads($all, '{n}|{n}|{a,n,since,z}|{a,b,c,d,since,x,y}', 'takes what it saw');
$b->sql("COPY t (id, o, r, t, g) FROM stdin;\n7\t{k,\"l m\"}\t{k}\t{k}\t{k}\n\\.\n");
$g->converged_ok('COPY of literals of arrays', 't');
reads('SELECT o::text[], r::text[], t::text[], g::text[] FROM t WHERE id = 7', '{k,"l m"}|{k}|{k}|{k}', 'they arrive');

# --- large sets ----------------------------------------------------------------------------
$a->sql($path . q{INSERT INTO t SELECT 2, s, s, s, s FROM (SELECT array_agg('element ' || i) FROM generate_series(1, 10000) i) v(s)});
$g->converged_ok('sets of 10,000', 't');
for my $update (q{o = o + 'one more'}, q{r = r + 'one more'}, q{t = t + 'one more'}, q{g = g + 'one more'},
	q{o = o - 'element 500'}, q{r = r - 'element 500'}, q{t = t - 'element 500'}, q{o = o::text[] || 'another'::text})
{
	$a->sql($path . "UPDATE t SET $update WHERE id = 2");
	my $bytes = $a->sql('SELECT octet_length(body) FROM converge.log ORDER BY stamp DESC LIMIT 1');
	cmp_ok($bytes, '<', 300, "the entry of $update");
}
$g->converged_ok('which is all that the others need', 't');
reads(q{SELECT cardinality(o), cardinality(r), cardinality(t), cardinality(g), o ? 'another' FROM t WHERE id = 2}, '10001|10000|10000|10001|t', 'counted');

# --- an index that apply keeps ------------------------------------------------------------------
apart('tags of many rows',
	a => q{INSERT INTO t (id, o) SELECT i, ARRAY['tag' || i % 10] FROM generate_series(101, 150) i},
	b => q{INSERT INTO t (id, o) SELECT i, ARRAY['tag' || i % 7] FROM generate_series(201, 250) i});
apart('and changes of them',
	a => q{UPDATE t SET o = o - 'tag3' + 'both' WHERE id BETWEEN 100 AND 299},
	c => q{UPDATE t SET o = o + 'tag3' + 'both' WHERE id BETWEEN 100 AND 299 AND id % 2 = 0});
for my $condition (q{o ? 'tag3'}, q{o @> ARRAY['tag3', 'both']}, q{o && ARRAY['tag1', 'tag2']})
{
	my $count = "SELECT count(*) FROM t WHERE $condition";
	my $scanned = $a->sql($path . "SET enable_bitmapscan = off; $count");
	cmp_ok($scanned, '>', 0, "$condition finds something");
	reads("SET enable_seqscan = off; $count", $scanned, "the index finds $condition");
}

done_testing();
