#!/usr/bin/perl
# A client that survives crashes of its server and remembers what was
# acknowledged.   writer.pl CONNSTR NODE TABLE OUTFILE STOPFILE
#
# Inserts rows (id, node) with ids that only it uses into TABLE_acked, one
# transaction each, and writes each id that the server confirmed to OUTFILE;
# between them it updates, deletes and upserts rows of TABLE that all clients
# share.  Ends when STOPFILE exists.
use strict;
use warnings;

my ($connstr, $node, $table, $outfile, $stopfile) = @ARGV;
$ENV{PGAPPNAME} = 'writer';
my $next = 1;
while (!-e $stopfile)
{
	my $script = '';
	for (1 .. 100)
	{
		my $k = int rand 200;
		$script .= "INSERT INTO ${table}_acked VALUES ($next, '$node') RETURNING id;\n";
		$next++;
		$script .= (
			"UPDATE $table SET n = n + 1, v = '$node$next' WHERE id = $k;\n",
			"DELETE FROM $table WHERE id = $k;\n",
			"INSERT INTO $table VALUES ($k, 1, '$node$next') ON CONFLICT (id) DO UPDATE SET w = '$node$next';\n",
			"BEGIN; UPDATE $table SET v = '$node$next' WHERE id IN ($k, $k + 1); UPDATE $table SET n = -n WHERE id = $k + 2; COMMIT;\n",
		)[ int rand 4 ];
	}
	# psql ends at the first error; what it printed was committed.
	open my $psql, '-|', "psql -X -q -A -t -v ON_ERROR_STOP=1 -d \"$connstr\" 2>/dev/null <<'SQL'\n${script}SQL\n"
	  or die;
	open my $out, '>>', $outfile or die;
	my $some = 0;
	while (<$psql>) { print $out "$1\n" if /^(\d+)$/; $some = 1 }
	close $psql;
	close $out;
	select undef, undef, undef, 0.05 unless $some;
}
