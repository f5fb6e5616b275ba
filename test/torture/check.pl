#!/usr/bin/perl
# Checks a history: check.pl FILE...   One line for each check, what it found,
# and "N passed, N failed".
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Torture::Check;
use Torture::History;

die "usage: check.pl FILE...\n" unless @ARGV;
my $h = Torture::History->load(@ARGV);
$| = 1;
my ($passed, $failed) = (0, 0);
my %outcome;
$outcome{ $_->{said} }++ for values %{ $h->{txns} };
my ($reads, $registers) = (0, 0);
for my $s (values %{ $h->{sessions} })
{
	$reads += grep { $_->{kind} =~ /^[rcg]$/ } @{ $s->{events} };
	$registers += grep { $_->{kind} =~ /^[RW]$/ } @{ $s->{events} };
}
printf "history: %d transactions (%s), %d writes of rows, %d sessions, %d observations, %d events on registers\n",
  scalar keys %{ $h->{txns} }, join(', ', map { "$outcome{$_} $_" } sort keys %outcome), scalar @{ $h->{writes} },
  scalar keys %{ $h->{sessions} }, $reads, $registers;
for my $name (@Torture::Check::ORDER)
{
	my @bad = $Torture::Check::CHECKS{$name}->($h);
	@bad ? $failed++ : $passed++;
	print @bad ? 'not ok' : 'ok', " - $name", @bad ? ': ' . @bad . ' violations' : '', "\n";
	print "    $_\n" for @bad > 12 ? (@bad[ 0 .. 11 ], '...') : @bad;
}
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
