# Maps and carts in replicated columns, with three nodes: keys removed while
# they are written, nested values, plain assignment, what was read earlier,
# large maps as small deltas.
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

my $map = 'SELECT m::jsonb FROM t WHERE id = 1';
my $cart = 'SELECT c::jsonb FROM t WHERE id = 1';

$g->all('CREATE TABLE t (id int PRIMARY KEY, m converge.ormap, c converge.cart)');
$g->replicate('t');
$a->sql($path . q{INSERT INTO t VALUES (1, '{"name": "ann", "p": {"x": 1}}', '{"book": 1, "pen": 1}')});
$g->converged_ok('a row with a map and a cart', 't');
reads($map, '{"p": {"x": 1}, "name": "ann"}', 'a literal was inserted');

# --- at the same time -------------------------------------------------------------------
apart('different keys, and one counter',
	a => q{UPDATE t SET m = add(add(m, '{n}', 10), '{tags}', 'red')},
	b => q{UPDATE t SET m = set_path(add(m, '{n}', 1), '{p,y}', '2')},
	c => q{UPDATE t SET m = enable(add(add(m, '{n}', -4), '{tags}', 'blue'), '{on}')});
reads($map, '{"n": 7, "p": {"x": 1, "y": 2}, "on": true, "name": "ann", "tags": ["blue", "red"]}', 'they add up');
apart('keys removed beside updates of them',
	a => q{UPDATE t SET m = m - 'n' - 'tags' - 'name' - 'p' - 'on'},
	b => q{UPDATE t SET m = add(add(set_path(m, '{p,z}', '3'), '{n}', 1), '{tags}', 'green')},
	c => q{UPDATE t SET m = add(m - 'n', '{n}', 5) - 'on'});
reads($map, '{"n": 6, "p": {"z": 3}, "tags": ["green"]}', 'leave what was not seen');
apart('what was removed is written again', a => q{UPDATE t SET m = set_path(add(m - 'n', '{n}', 2), '{name}', '"eve"')});
reads($map, '{"n": 2, "p": {"z": 3}, "name": "eve", "tags": ["green"]}', 'and begins anew');
apart('one key with two types', a => q{UPDATE t SET m = add(m, '{k}', 5)}, b => q{UPDATE t SET m = set_path(m, '{k,x}', '1')});
reads(q{SELECT m -> 'k' FROM t}, '{"x": 1}', 'shows the later one');
reads(q{SELECT get(m, '{k}', NULL::pncounter)::bigint FROM t}, '5', 'and keeps the other');
$c->sql($path . q{UPDATE t SET m = m - 'k'});
$g->converged_ok('both are removed', 't');

apart('a cart: taken out, put in, something else',
	a => q{UPDATE t SET c = remove(c, 'book')},
	b => q{UPDATE t SET c = add(add(c, 'pen', 2), 'milk')},
	c => q{UPDATE t SET c = add(c, 'pen', 3)});
reads($cart, '{"pen": 6, "milk": 1}', 'what was taken out does not come back');
apart('more taken out than there is',
	a => q{UPDATE t SET c = remove(c, 'pen', 4)},
	b => q{UPDATE t SET c = remove(c, 'pen', 5)},
	c => q{UPDATE t SET c = remove(c, 'milk')});
reads($cart, '{}', 'is nothing');
$b->sql($path . q{UPDATE t SET c = add(c, 'pen', 2)});
$g->converged_ok('put in again', 't');
reads($cart, '{"pen": 2}', 'and no debt');

# --- assignment -------------------------------------------------------------------------
apart('objects assigned beside updates',
	a => q{UPDATE t SET m = '{"n": 10, "name": "eve", "tags": ["red"], "new": {"d": [1]}}'::jsonb, c = '{"apple":3, "pen": 1}'::jsonb::cart},
	b => q{UPDATE t SET m = add(add(m, '{n}', 1), '{p,visits}', 7), c = add(c, 'pen', 5)},
	c => q{UPDATE t SET m = add(m, '{tags}', 'black'), c = add(c, 'apple')});
reads($map, '{"n": 11, "p": {"visits": 7}, "new": {"d": [1]}, "name": "eve", "tags": ["black", "red"]}', 'they are the updates that lead to them');
reads($cart, '{"pen": 6, "apple": 4}', 'in a cart, too');
apart('empty objects assigned', a => q{UPDATE t SET m = '{}'::jsonb, c = '{}'::jsonb}, b => q{UPDATE t SET m = add(m, '{n}', 1), c = add(c, 'fig')});
reads('SELECT m::jsonb, c::jsonb FROM t WHERE id = 1', '{"n": 1}|{"fig": 1}', 'remove what they saw');
my $read = $a->sql($path . q{SELECT format('%L, %L', m, c) FROM t});
$b->sql($path . q{UPDATE t SET m = set_path(m, '{since}', 'true'), c = add(c, 'since')});
$g->converged_ok('changed elsewhere', 't');
$a->sql($path . "UPDATE t SET (m, c) = ($read)");
$g->converged_ok('the texts that were read are written back', 't');
reads('SELECT m::jsonb, c::jsonb FROM t WHERE id = 1', '{"n": 1, "since": true}|{"fig": 1, "since": 1}', 'what was written meanwhile stays');
apart('a row deleted and inserted anew beside an update',
	a => q{DELETE FROM t; INSERT INTO t VALUES (1, '{"o": 5}'::jsonb, '{"fig": 2}'::jsonb)},
	b => q{UPDATE t SET m = add(m, '{n}', 100), c = add(c, 'fig', 5) WHERE id = 1});
reads('SELECT m::jsonb, c::jsonb FROM t WHERE id = 1', '{"n": 100, "o": 5}|{"fig": 7}', 'begins anew, with what was not seen');
$a->sql($path . q{UPDATE t SET m = '{"g": 5}'::jsonb});
$a->sql($path . q{UPDATE t SET m = put(m, '{g}', 1::gcounter) WHERE false; UPDATE t SET m = put(m - 'g', '{g}', 5::gcounter)});
$a->fails_ok($path . q{UPDATE t SET m = '{"g": 1}'::jsonb}, '23514', qr/column "m" cannot be set to this value/, 'a counter that only grows, in a map too');

# --- large maps ----------------------------------------------------------------------------
$a->sql($path . q{INSERT INTO t SELECT 2, o::ormap, o::cart FROM (SELECT jsonb_object_agg('key ' || i, i) FROM generate_series(1, 10000) i) v(o)});
$g->converged_ok('a map and a cart of 10,000', 't');
for my $update (q{m = set_path(m, '{key 500}', '0')}, q{m = m - 'key 501'}, q{m = add(m, '{more,deep}', 1)}, q{c = add(c, 'key 7', 3)},
	q{c = remove(c, 'key 8')}, q{m = (m::jsonb || '{"key 9": "nine"}')::ormap})
{
	$a->sql($path . "UPDATE t SET $update WHERE id = 2");
	my $bytes = $a->sql('SELECT octet_length(body) FROM converge.log ORDER BY stamp DESC LIMIT 1');
	cmp_ok($bytes, '<', 300, "the entry of $update");
}
$g->converged_ok('which is all that the others need', 't');
reads(q{SELECT (SELECT count(*) FROM keys(m)), (SELECT count(*) FROM items(c)), m ->> 'key 9', quantity(c, 'key 7') FROM t WHERE id = 2},
	'10000|9999|nine|10', 'counted');

done_testing();
