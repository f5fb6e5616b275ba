# Curves of what must not grow without bound: memory, open files, connections,
# size of the log, of tombstones, and bloat.  One line a sample in a table of
# tab-separated values; soak.pl draws it.
package Torture::Soak;

use strict;
use warnings;
use Time::HiRes qw(time);

our @COLUMNS = qw(seconds node rss_mb pss_mb processes files connections database_mb marks_mb log_mb tombstones rows
	dead_rows aside conflicts catalog_mb wal_mb);

# What is kept must come to its limit within the run: by default deleted rows
# are remembered for a day and conflicts for a month.  The clocks of the
# servers are wrong by up to a minute at a time, and a backup that is restored
# must not be older than tombstone_retention by any of them, so it is not less.
our $CONF = <<'CONF';
converge.tombstone_retention = '5min'
converge.conflict_limit = 2000
CONF

# Room for all that and a copy of it.
use constant DISK_MB => 2000;

sub new
{
	my ($class, %opt) = @_;
	open my $f, '>', $opt{path} or die "$opt{path}: $!\n";
	$f->autoflush(1);
	print $f join("\t", @COLUMNS), "\n";
	return bless { file => $f, next => 0, every => 5, %opt }, $class;
}

my $SQL = <<'SQL';
SELECT (SELECT count(*) FROM pg_stat_activity),
       (pg_database_size(current_database()) - pg_total_relation_size('mark')) / 1048576.0,
       pg_total_relation_size('mark') / 1048576.0,
       (SELECT log_bytes FROM converge.stat_node) / 1048576.0,
       (SELECT count(*) FROM converge.tombstones),
       (SELECT sum(n_live_tup) FROM pg_stat_user_tables WHERE schemaname = 'public' AND relname <> 'mark'),
       (SELECT sum(n_dead_tup) FROM pg_stat_user_tables),
       (SELECT count(*) FROM converge.quarantine),
       (SELECT count(*) FROM converge.conflicts),
       (SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'pg_catalog'::regnamespace) / 1048576.0,
       (SELECT sum(size) FROM pg_ls_waldir()) / 1048576.0
SQL

sub sample
{
	my ($self) = @_;
	return if time < $self->{next};
	$self->{next} = time + $self->{every};
	my $lab = $self->{lab};
	for my $node ($lab->nodes)
	{
		my $postmaster = $lab->postmaster($node) or next;
		my ($rss, $pss, $files, $n) = (0, 0, 0, 0);
		for my $pid ($postmaster, $lab->children($postmaster))
		{
			open my $f, '<', "/proc/$pid/smaps_rollup" or next;
			while (<$f>)
			{
				$rss += $1 if /^Rss:\s+(\d+)/;
				$pss += $1 if /^Pss:\s+(\d+)/;
			}
			$files += () = glob "/proc/$pid/fd/*";
			$n++;
		}
		my $c = $lab->connect($node, timeout => 10) or next;
		my $r = $c->query($SQL);
		$c->close;
		next if $r->{status} ne 'ok';
		my @row = map { $_ // 0 } @{ $r->{results}[0][0] };
		my $f = $self->{file};
		print $f join("\t", sprintf('%.0f', time - $self->{began}), $node->{name}, sprintf('%.1f', $rss / 1024),
			sprintf('%.1f', $pss / 1024), $n, $files, map { /\./ ? sprintf '%.1f', $_ : $_ } @row), "\n";
	}
}

sub finish { close $_[0]{file} }

1;
