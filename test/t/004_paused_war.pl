# The case in which peers of this field end with most keys different for ever:
# both sides paused, thousands of updates, deletes and upserts on the same
# thousand keys on both, resumed.  Ours ends equal, whatever the policy.
use strict;
use warnings;
use Converge;
use Test::More;
use PostgreSQL::Test::Utils;

my $g = Converge->new_group(names => [qw(north south)]);
my ($north, $south) = $g->nodes;

my $rounds = $ENV{ROUNDS} || 1;
for my $round (1 .. $rounds)
{
	for my $policy (qw(lww delete_wins update_wins))
	{
		my $t = "war_${policy}_$round";
		$g->all("CREATE TABLE $t (id int PRIMARY KEY, a int, b text, c text)");
		$_->sql("SELECT converge.replicate('$t', on_delete => '$policy')") for $g->nodes;
		$north->sql("INSERT INTO $t SELECT i, 0, 'b', 'c' FROM generate_series(1, 1000) i");
		$g->converged_ok("$policy: a thousand rows on both", $t);

		# --- apart --------------------------------------------------------------
		$north->pause('south');
		$south->pause('north');
		my %script = (
			"update_$t" => "\\set k random(1, 1000)\nUPDATE $t SET a = a + 1, b = 'u' || :client_id || random() WHERE id = :k;\n",
			"delete_$t" => "\\set k random(1, 1000)\nDELETE FROM $t WHERE id = :k;\n",
			"upsert_$t" => "\\set k random(1, 1000)\nINSERT INTO $t VALUES (:k, 1, 'i' || random(), 'i')\n"
			  . "ON CONFLICT (id) DO UPDATE SET c = 'o' || random(), a = excluded.a;\n");
		my $dir = PostgreSQL::Test::Utils::tempdir();
		append_to_file("$dir/$_", $script{$_}) for keys %script;
		my @args = ('-c', '2', '-t', '2000', '-f', "$dir/update_$t\@60", '-f', "$dir/delete_$t\@20", '-f', "$dir/upsert_$t\@20");
		my @loads = map { [ $_, $_->start_load(@args) ] } $g->nodes;
		for (@loads)
		{
			my $n = $_->[0]->finish_load($_->[1]);
			is($n, 4000, "$policy: " . $_->[0]->name . ' has worked alone');
		}
		isnt($north->digest($t), $south->digest($t), "$policy: the two have drifted apart");

		# --- together -----------------------------------------------------------
		$north->resume('south');
		$south->resume('north');
		$g->converged_ok("$policy: all thousand keys are equal", $t);
		# wide open for more: both go on writing what they have now
		$north->sql("UPDATE $t SET a = -1 WHERE id % 2 = 0");
		$south->sql("UPDATE $t SET a = -2 WHERE id % 2 = 1");
		$g->converged_ok("$policy: and stay equal", $t);
		is($north->sql("SELECT count(*) FROM $t WHERE a >= 0"), '0', "$policy: every row took its update");
	}
}

done_testing();
