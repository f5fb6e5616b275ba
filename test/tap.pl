#!/usr/bin/perl
# Runs TAP test files and sums up assertions.
# usage: tap.pl [-j N] file.pl...     last line: "N passed, N failed"
use strict;
use warnings;
use Getopt::Long;
use TAP::Harness;
use Time::HiRes qw(time);

my ($jobs, $verbose, @lib) = (1, 0);
GetOptions('j=i' => \$jobs, 'v' => \$verbose, 'I=s' => \@lib) or die;
my $harness = TAP::Harness->new({
	jobs => $jobs,
	verbosity => $verbose,
	lib => \@lib,
	timer => 1,
	failures => 1,
	color => 0,
});
my $sum = $harness->runtests(@ARGV);

my $passed = $sum->passed - $sum->skipped;
my $failed = $sum->failed;
# A file that died, or ended before its plan, failed at least once.
for my $file ($sum->descriptions)
{
	my ($parser) = $sum->parsers($file);
	my $bad = $parser->has_problems;
	$failed++ if $bad && !$parser->failed;
	print "# skipped: $file: " . $parser->skip_all . "\n" if $parser->skip_all;
}
print '# ' . $sum->skipped . " assertions skipped\n" if $sum->skipped;
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
