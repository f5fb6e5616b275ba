# Deleted rows are forgotten once nobody can still write to them, and a row that
# is set aside keeps what belongs to it from being forgotten: a key that is set
# aside here may be inserted and deleted here again, and the two meet later.
# Who has forgotten a delete says so to those who have not.
use strict;
use warnings;
use Converge;
use Test::More;

my $rounds = $ENV{ROUNDS} || 25;

my $g = Converge->new_group(names => [qw(a b)]);
my ($a, $b) = $g->nodes;
$g->all(<<'SQL');
CREATE TABLE u (id int PRIMARY KEY, code int UNIQUE);
CREATE PROCEDURE work(n int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n LOOP
		BEGIN
			INSERT INTO u VALUES ((random() * 50)::int, (random() * 13)::int);
		EXCEPTION WHEN unique_violation THEN
			DELETE FROM u WHERE code = i % 13;
		END;
		COMMIT;
	END LOOP;
END $$;
SQL
$g->replicate('u');

# --- S by the log ---------------------------------------------------------------
# tombstone_retention is 0 in these tests.  The manager of b, who would find out
# by itself what may be forgotten, stands still.
$a->sql('INSERT INTO u VALUES (1000, 1000)');
$g->converged_ok('a row', 'u');
my ($manager) = $b->worker_pids('manager');
$b->freeze($manager);
$a->sql('DELETE FROM u WHERE id = 1000');
ok($a->wait_for('SELECT count(*) FROM converge.tombstones', '0'), 'a knows that its delete is everywhere, and forgets it');
is($b->sql('SELECT count(*) FROM converge.tombstones'), '1', 'b has it still');
$a->sql('INSERT INTO u VALUES (1000, 1001)');
$g->converged_ok('who inserts the key again says so, and the new row knows nothing of the old one anywhere', 'u');
$b->thaw($manager);

# --- rows set aside ---------------------------------------------------------------
for my $round (1 .. $rounds)
{
	my @load = map { IPC::Run::start([ 'psql', '-X', '-q', '-d', $_->connstr, '-c', 'CALL work(1500)' ], '<', \undef) } $a, $b;
	$_->finish for @load;
	$g->converged_ok("round $round: both claim the same codes for other keys", 'u')
	  or last;
}
$a->sql('DELETE FROM u');
$g->converged_ok('all is deleted', 'u');
ok($_->wait_for('SELECT count(*) FROM converge.quarantine', '0'), 'nothing is set aside any more on ' . $_->name) for $a, $b;
ok($_->wait_for('SELECT count(*) FROM converge.tombstones', '0'), 'and what was deleted is forgotten on ' . $_->name) for $a, $b;

done_testing();
