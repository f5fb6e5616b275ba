# What concurrent writes to one row become: the same on both nodes, as the
# table's policy says, and recorded.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b)], proxied => 1);
my ($a, $b) = $g->nodes;

# Run statements on both sides of a cut, $first before $second by the clock,
# and let them meet.
sub concurrently
{
	my ($table, $first, $second, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$g->cut('a', 'b');
	$a->sql($first);
	$b->sql($second);
	$g->heal('a', 'b');
	$g->converged_ok($what, $table);
}
sub row { my ($node, $table, $id) = @_; return $node->sql("SELECT v, w FROM $table WHERE id = $id") }
sub setup_table
{
	my ($table, $options) = @_;
	$g->all("CREATE TABLE $table (id int PRIMARY KEY, v text, w text)");
	$_->sql("SELECT converge.replicate('$table'$options)") for $g->nodes;
	$a->sql("INSERT INTO $table SELECT i, 'v', 'w' FROM generate_series(1, 20) i");
	$g->converged_ok("$table is set up", $table);
}

# --- columns merge one by one ---------------------------------------------------
setup_table('t', '');
concurrently('t', "UPDATE t SET v = 'a' WHERE id = 1", "UPDATE t SET w = 'b' WHERE id = 1",
	'updates of different columns');
is(row($a, 't', 1), 'a|b', 'both survive');
concurrently('t', "UPDATE t SET v = 'a1', w = 'a1' WHERE id = 2", "UPDATE t SET v = 'b1' WHERE id = 2",
	'updates of the same column');
is(row($a, 't', 2), 'b1|a1', 'the later write of the column wins, the other column stays');
is($_->sql(q{SELECT count(*) > 0 FROM converge.conflicts WHERE "table"::text = 't'}), 't',
	'the conflict is recorded on ' . $_->name)
  for $g->nodes;
like($a->sql("SELECT local_row->>'v' || ' ' || (remote_row->>'v') FROM converge.conflicts WHERE key->>'id' = '2'"),
	qr/^a1 b1$/m, 'with both rows');
like($a->sql("SELECT conflict_type FROM converge.conflicts WHERE key->>'id' = '2'"),
	qr/^update_origin_differs$/m, 'under its name');

# --- row granularity ----------------------------------------------------------------
setup_table('whole', ", granularity => 'row'");
concurrently('whole', "UPDATE whole SET v = 'a' WHERE id = 1", "UPDATE whole SET w = 'b' WHERE id = 1",
	'granularity row');
is(row($_, 'whole', 1), 'v|b', 'the later row wins as a whole on ' . $_->name) for $g->nodes;

# --- insert against insert ------------------------------------------------------------
concurrently('t', "INSERT INTO t VALUES (100, 'a', 'a')", "INSERT INTO t VALUES (100, 'b', 'b')",
	'the same key inserted twice');
is(row($a, 't', 100), 'b|b', 'the later insert wins');
like($a->sql("SELECT conflict_type FROM converge.conflicts WHERE key->>'id' = '100'"),
	qr/^insert_exists$/m, 'recorded as insert_exists');

# --- delete against update, three policies, both orders --------------------------------
my %expect = (
	lww         => { 'delete first' => 1, 'update first' => 0 },
	delete_wins => { 'delete first' => 0, 'update first' => 0 },
	update_wins => { 'delete first' => 1, 'update first' => 1 });
for my $policy (sort keys %expect)
{
	my $table = "d_$policy";
	setup_table($table, ", on_delete => '$policy'");
	concurrently($table, "DELETE FROM $table WHERE id = 1", "UPDATE $table SET v = 'b' WHERE id = 1",
		"$policy: a delete, then an update that did not see it");
	is($_->sql("SELECT count(*) FROM $table WHERE id = 1"), $expect{$policy}{'delete first'},
		"$policy: as the policy says on " . $_->name)
	  for $g->nodes;
	concurrently($table, "UPDATE $table SET v = 'a' WHERE id = 2", "DELETE FROM $table WHERE id = 2",
		"$policy: an update, then a delete that did not see it");
	is($_->sql("SELECT count(*) FROM $table WHERE id = 2"), $expect{$policy}{'update first'},
		"$policy: as the policy says on " . $_->name)
	  for $g->nodes;
	if ($policy ne 'delete_wins')
	{
		is(row($_, $table, 1), 'b|w', "$policy: an update that wins brings the whole row back on " . $_->name)
		  for $g->nodes;
	}
	# a delete that saw the update is no conflict under any policy
	$a->sql("UPDATE $table SET v = 'seen' WHERE id = 3");
	$g->wait_converged($table);
	$b->sql("DELETE FROM $table WHERE id = 3");
	$g->converged_ok("$policy: a delete that saw the update", $table);
	is($a->sql("SELECT count(*) FROM $table WHERE id = 3"), '0', "$policy: deletes it");
	# and a row may be inserted again
	$a->sql("INSERT INTO $table VALUES (3, 'again', 'again')");
	$g->converged_ok("$policy: a new row under the key of a deleted one", $table);
	is(row($b, $table, 3), 'again|again', "$policy: is there");
	# delete and insert again, against a plain update
	concurrently($table, "BEGIN; DELETE FROM $table WHERE id = 4; INSERT INTO $table VALUES (4, 'new', 'new'); COMMIT",
		"UPDATE $table SET v = 'b' WHERE id = 4", "$policy: delete with a new insert, against an update");
	is($_->sql("SELECT count(*) FROM $table WHERE id = 4"), '1', "$policy: the row lives on " . $_->name) for $g->nodes;
	concurrently($table, "DELETE FROM $table WHERE id = 5", "DELETE FROM $table WHERE id = 5",
		"$policy: deleted on both");
	is($a->sql("SELECT count(*) FROM $table WHERE id = 5"), '0', "$policy: is gone");
}

# --- TRUNCATE against an insert that it did not see -----------------------------------------
setup_table('tr', '');
concurrently('tr', 'TRUNCATE tr', "INSERT INTO tr VALUES (77, 'unseen', 'x')", 'TRUNCATE against a concurrent insert');
is($_->sql('SELECT string_agg(id::text, \',\') FROM tr'), '77', 'removes what it saw and nothing else on ' . $_->name)
  for $g->nodes;

# --- a row that has gone on one node without anybody knowing ----------------------------------
$b->sql("SET session_replication_role = replica; DELETE FROM t WHERE id = 7");
$a->sql("UPDATE t SET v = 'one column' WHERE id = 7");
$g->converged_ok('an update of a row that is not there', 't');
is(row($b, 't', 7), 'one column|w', 'the row is fetched as a whole');
like($b->sql("SELECT conflict_type FROM converge.conflicts WHERE key->>'id' = '7'"), qr/^update_missing$/m, 'recorded as update_missing');

# --- the row's metadata is readable ----------------------------------------------------------
is($a->sql("SELECT converge.writer(_converge) FROM t WHERE id = 100"), 'b', 'writer() names the last writer');
is($a->sql("SELECT converge.changed_at(_converge) BETWEEN now() - interval '1 hour' AND now() + interval '1 minute' FROM t WHERE id = 100"),
	't', 'changed_at() is a time');
is($a->sql("SELECT t._converge::converge.vclock::text ~ 'b:' FROM t t WHERE id = 100"), 't', 'and the clock has the writer');

done_testing();
