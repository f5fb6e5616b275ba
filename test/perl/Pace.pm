# How fast a test goes beside what it tests.  No test may depend on it, and
# LAG=... finds out:
#
#   LAG=test     the test pauses before each statement, so that all that goes on
#                in the background is over by then
#   LAG=server   processes of the servers are stopped for a while now and then,
#                wherever they are, so that nothing in the background is over
#
# Workers of the extension and backends are stopped, at random and for up to a
# second, by a process of their own.  Processes that the test stops itself are
# marked, and left alone.
package Pace;

use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Utils;

my $lag = $ENV{LAG} // '';
die "LAG is test or server\n" unless $lag =~ /^(test|server)?$/;
my $staller;
# of its own: what a test does at random is the same with and without
my $random = time ^ $$ << 8;

# To be called when there is a server.
sub begin
{
	return if $lag ne 'server' || $staller;
	my $test = $$;
	my $pid = fork // die "fork: $!";
	if (!$pid)
	{
		# without the END blocks of the test
		eval { stall($test); 1 } or warn $@;
		POSIX::_exit(0);
	}
	$staller = $pid;
	return;
}

END { local $?; kill 'TERM', $staller and waitpid $staller, 0 if $staller }

sub below { $random = ($random * 1103515245 + 12345) & 0x7fffffff; return $_[0] * ($random >> 8) / (1 << 23) }
sub nap { select undef, undef, undef, $_[0]; return }
sub nap_a_while { nap(below(below(1) < 0.3 ? $_[0] : 0.1)); return }

sub wait_a_moment
{
	nap_a_while(1.2) if $lag eq 'test';
	return;
}

# --- stopping and going on -----------------------------------------------------

sub mark { return "$PostgreSQL::Test::Utils::tmp_check/frozen.$_[0]" }

sub state_of
{
	my ($pid) = @_;
	open my $f, '<', "/proc/$pid/stat" or return '';
	my ($state) = (<$f> // '') =~ /^\d+ \(.*\) (\S)/s;
	return $state // '';
}

# Stops a process; returns when it stands still.
sub freeze
{
	my ($pid) = @_;
	PostgreSQL::Test::Utils::append_to_file(mark($pid), '');
	kill 'STOP', $pid or return;
	nap(0.01) until state_of($pid) =~ /^[TtZX]?$/;
	return;
}

sub thaw
{
	my ($pid) = @_;
	unlink mark($pid);
	kill 'CONT', $pid;
	return;
}

# --- the process that stops others ----------------------------------------------

# Servers' processes of this test that may be stopped.
sub candidates
{
	my $here = $PostgreSQL::Test::Utils::tmp_check;
	my @found;
	for my $dir (glob '/proc/[0-9]*')
	{
		my $cwd = readlink "$dir/cwd" // next;
		next unless index($cwd, "$here/t_") == 0;
		open my $f, '<', "$dir/cmdline" or next;
		my $title = <$f> // '';
		push @found, $dir =~ /(\d+)$/ if $title =~ /^postgres: .*(pg_converge|\[local\])/;
	}
	return @found;
}

sub stall
{
	my ($test) = @_;
	my $stopped;
	local $SIG{TERM} = sub { kill 'CONT', $stopped if $stopped; POSIX::_exit(0) };
	while (getppid == $test)
	{
		nap(below(0.2));
		my @pids = candidates() or next;
		my $pid = $pids[ below(scalar @pids) ];
		next if -e mark($pid) || state_of($pid) eq 'T';
		$stopped = $pid;
		kill 'STOP', $pid or next;
		nap_a_while(1);
		kill 'CONT', $pid unless -e mark($pid);
		$stopped = undef;
	}
	return;
}

1;
