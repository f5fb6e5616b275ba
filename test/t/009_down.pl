# A node that is away for 100,000 transactions catches up; and what a dead node
# told one survivor, all survivors get.
use strict;
use warnings;
use Converge;
use Test::More;
use PostgreSQL::Test::Utils;

my $transactions = $ENV{TRANSACTIONS} || 100_000;
my $g = Converge->new_group(names => [qw(a b c)], proxied => 1);
my ($a, $b, $c) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, n int, v text)');
$g->replicate('t');
$a->sql("INSERT INTO t SELECT i, 0, 'v' FROM generate_series(1, 10000) i");
$g->converged_ok('ten thousand rows everywhere', 't');

# --- c is down meanwhile ----------------------------------------------------------
$c->server->stop;
my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/w.sql", "\\set k random(1, 10000)\nUPDATE t SET n = n + 1 WHERE id = :k;\n");
my $half = int($transactions / 4);
my @loads = map { [ $_, $_->start_load('-M', 'prepared', '-c', '2', '-t', $half, '-f', "$dir/w.sql") ] } $a, $b;
my $done = 0;
$done += $_->[0]->finish_load($_->[1]) for @loads;
is($done, 4 * $half, "$done transactions while c is down");
$a->sql("UPDATE t SET v = 'late' WHERE id = 1");
ok($g->wait_converged('t', { nodes => [qw(a b)] }), 'a and b go on without it');
$c->start;
$c->wait_ready;
$g->converged_ok('c catches up', 't');
is($c->sql('SELECT v FROM t WHERE id = 1'), 'late', 'to the last entry');

# --- b dies after telling only c ------------------------------------------------------
$g->cut('a', 'b');
$g->cut('a', 'c');
$b->sql("UPDATE t SET v = 'last words' WHERE id <= 100");
$b->sql("INSERT INTO t VALUES (20000, 1, 'last words')");
ok($g->wait_converged('t', { nodes => [qw(b c)] }), 'c has what b wrote last, a has not');
is($a->sql("SELECT count(*) FROM t WHERE v = 'last words'"), '0', 'indeed');
$b->kill9;
$g->heal('a', 'c');
ok($g->wait_converged('t', { nodes => [qw(a c)] }), 'a gets the entries of the dead node from the survivor');
is($a->sql("SELECT count(*) FROM t WHERE v = 'last words'"), '101', 'all of them');
$a->sql("UPDATE t SET v = 'changed by a' WHERE id = 20000");
ok($g->wait_converged('t', { nodes => [qw(a c)] }), 'and may change the rows');

# --- b comes back -----------------------------------------------------------------------
$g->heal('a', 'b');
$b->start;
$b->wait_ready;
$g->converged_ok('when it comes back, all are equal', 't');
is($b->sql('SELECT v FROM t WHERE id = 20000'), 'changed by a', 'and it has what it missed');

done_testing();
