# Deltas of values that merge are merged only where what they are based on is:
# a node whose row lacks it fetches the whole row.  The base goes missing here
# when somebody changes rows behind the extension's back.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b)]);
my ($a, $b) = $g->nodes;
my $path = 'SET search_path = public, converge; ';
my $behind = 'SET session_replication_role = replica; ';

$g->all($path . 'CREATE TABLE t (id int PRIMARY KEY, n pncounter, s orset, m ormap, d document, note text)');
$g->replicate('t');
$a->sql($path . q{INSERT INTO t SELECT i, 5, ARRAY['old'], add(ormap(), '{k}', 5), 'old', 'n' FROM generate_series(1, 4) i});
$g->converged_ok('rows', 't');
$b->sql('CREATE TABLE older AS SELECT * FROM t');
$a->sql($path . q{UPDATE t SET n = n + 10, s = s - 'old' + 'new', m = add(m, '{k}', 10), d = edit(d, 'older')});
$g->converged_ok('rows that have been updated', 't');

# 1 is lost, 2 and 3 are as they were before; 4 is left alone
$b->sql($behind . 'DELETE FROM t WHERE id IN (1, 2, 3); INSERT INTO t SELECT * FROM older WHERE id IN (2, 3)');
is($b->sql('SELECT id, n::bigint FROM t ORDER BY id'), "2|5\n3|5\n4|15", 'rows are lost, or old again');

my $read = 'SELECT id, n::bigint, s::text[], m::jsonb, d::text FROM t ORDER BY id';
$a->sql($path . q{UPDATE t SET n = n + 1, s = s + 'more', m = add(m, '{k}', 1), d = insert(d, 1, 'much ') WHERE id <> 3});
$a->sql('DELETE FROM t WHERE id = 3');
$g->converged_ok('updates, and a delete, of which a base is missing', 't');
is($b->sql($read), join("\n", map { qq($_|16|{more,new}|{"k": 16}|much older) } 1, 2, 4), 'the whole rows were fetched');
is($b->sql($read), $a->sql($read), 'as they are there');

# What the tombstone has is what a later insert resets: all of it, or some comes back.
$b->sql($path . q{INSERT INTO t VALUES (3, 1, ARRAY['again'], add(ormap(), '{k}', 1), 'again', 'n')});
$g->converged_ok('the deleted row inserted again, where its base was missing', 't');
is($_->sql("$read LIMIT 1 OFFSET 2"), '3|1|{again}|{"k": 1}|again', 'begins anew on ' . $_->name) for $a, $b;

# and writes of both sides go on from there
$_->sql($path . q{UPDATE t SET n = n + 100, m = add(m, '{k}', 100)}) for $a, $b;
$g->converged_ok('both count on', 't');
is($_->sql('SELECT string_agg(n::bigint::text, \' \' ORDER BY id) FROM t'), '216 216 201 216', 'nothing twice, nothing lost on ' . $_->name) for $a, $b;

done_testing();
