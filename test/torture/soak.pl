#!/usr/bin/perl
# soak.pl SAMPLES [SVG]: curves of a long run.  Reads the table that run.pl
# --soak wrote, draws one small diagram for each column with a line for each
# node, and prints for each column and node the median of the first, middle and
# last sixth of the time.
use strict;
use warnings;

my ($path, $svg) = @ARGV;
die "usage: soak.pl SAMPLES [SVG]\n" unless defined $path;
open my $in, '<', $path or die "$path: $!\n";
chomp(my $header = <$in> // die "$path is empty\n");
my @columns = split /\t/, $header;
my %series;		# column => node => [ [seconds, value] ]
my $most = 1;
while (my $line = <$in>)
{
	chomp $line;
	my %row;
	@row{@columns} = split /\t/, $line;
	push @{ $series{$_}{ $row{node} } }, [ $row{seconds}, $row{$_} ] for grep { !/^(seconds|node)$/ } @columns;
	$most = $row{seconds} if $row{seconds} > $most;
}
my @shown = grep { $series{$_} } @columns;
my @nodes = sort keys %{ $series{ $shown[0] // die "no samples\n" } };
my %says = (rss_mb => 'resident memory of all processes, MB', pss_mb => 'memory, shared parts counted once, MB',
	processes => 'processes', files => 'open files', connections => 'backends', database_mb => 'size of the database but for marks, MB', marks_mb => 'marks, one for each transaction, MB',
	log_mb => 'change log, MB', tombstones => 'tombstones', rows => 'rows but for marks', aside => 'rows set aside', conflicts => 'conflicts recorded', dead_rows => 'dead rows not yet vacuumed',
	catalog_mb => 'system catalogs, MB', wal_mb => 'WAL, MB');

sub median { my @v = sort { $a <=> $b } @_; return @v ? $v[ @v / 2 ] : 0 }

print "| | node | begin | middle | end |\n| --- | --- | --- | --- | --- |\n";
for my $column (@shown)
{
	for my $node (@nodes)
	{
		my @points = @{ $series{$column}{$node} };
		my @third = map {
			my ($from, $to) = @$_;
			median(map { $_->[1] } grep { $_->[0] >= $from * $most && $_->[0] <= $to * $most } @points)
		} [ 0, 1 / 6 ], [ 5 / 12, 7 / 12 ], [ 5 / 6, 1 ];
		print '| ' . ($says{$column} // $column) . " | $node | " . join(' | ', @third) . " |\n";
	}
}
exit unless defined $svg;

# --- the picture -----------------------------------------------------------------
my ($w, $h, $per_line) = (300, 120, 3);
my @colours = ('#1b6ca8', '#c0392b', '#2e8b57', '#8e44ad', '#b8860b');
my $lines = int((@shown + $per_line - 1) / $per_line);
open my $out, '>', $svg or die "$svg: $!\n";
printf $out qq{<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="10">\n}
  . qq{<rect width="100%%" height="100%%" fill="white"/>\n}, $per_line * ($w + 30) + 20, $lines * ($h + 45) + 30;
my $x = 20;
for my $i (0 .. $#nodes)
{
	printf $out qq{<text x="%d" y="14" fill="%s">%s</text>\n}, $x, $colours[ $i % @colours ], $nodes[$i];
	$x += 40;
}
printf $out qq{<text x="%d" y="14">%d s</text>\n}, $x, $most;
for my $i (0 .. $#shown)
{
	my $column = $shown[$i];
	my ($left, $top) = (20 + ($i % $per_line) * ($w + 30), 40 + int($i / $per_line) * ($h + 45));
	my ($max) = sort { $b <=> $a } map { map { $_->[1] } @$_ } values %{ $series{$column} };
	$max ||= 1;
	printf $out qq{<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#ccc"/>\n}, $left, $top, $w, $h;
	printf $out qq{<text x="%d" y="%d">%s (up to %s)</text>\n}, $left, $top - 4, $says{$column} // $column, $max;
	for my $n (0 .. $#nodes)
	{
		my @points = map { sprintf '%.0f,%.0f', $left + $_->[0] / $most * $w, $top + $h - $_->[1] / $max * $h } @{ $series{$column}{ $nodes[$n] } };
		# what falls on the point before is left out
		@points = @points[ grep { $_ == 0 || $points[$_] ne $points[ $_ - 1 ] } 0 .. $#points ];
		printf $out qq{<polyline fill="none" stroke="%s" points="%s"/>\n}, $colours[ $n % @colours ], join ' ', @points;
	}
}
print $out "</svg>\n";
