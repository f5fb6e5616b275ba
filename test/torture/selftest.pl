#!/usr/bin/perl
# Do the checkers notice?  Each history in planted/ names in its first line the
# check that must find something in it, or "nothing", and then none may.  Every
# check must be named by some history.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Torture::Check;
use Torture::History;

my ($passed, $failed) = (0, 0);
sub ok
{
	my ($ok, $what) = @_;
	$ok ? $passed++ : $failed++;
	print $ok ? 'ok' : 'not ok', " - $what\n";
	return $ok;
}

my %named;
for my $path (sort glob "$FindBin::Bin/planted/*.hist")
{
	my ($name) = $path =~ m{([^/]+)\.hist$};
	my $h = Torture::History->load($path);
	my %found;
	for my $check (@Torture::Check::ORDER)
	{
		my @bad = $Torture::Check::CHECKS{$check}->($h);
		$found{$check} = \@bad if @bad;
	}
	my $want = $h->{expect} // 'a check named in the first line';
	$named{$want} = 1;
	ok($want eq 'nothing' ? !%found : $found{$want}, "$name: $want")
	  or print map { "    $_: $found{$_}[0]\n" } sort keys %found;
}
ok($named{$_}, "some history breaks \"$_\"") for @Torture::Check::ORDER;
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
