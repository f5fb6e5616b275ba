#!/usr/bin/perl
# A proxy between nodes that misbehaves on command.
#
# proxy.pl reads commands from stdin, one a line, and answers each with "ok"
# or "error ...", so that the caller knows that a fault is in force:
#
#   link NAME LISTEN TARGET   listen on Unix socket LISTEN, forward to TARGET
#   cut NAME                  refuse new connections, reset those there are
#   hang NAME                 accept and keep, but forward nothing
#   heal NAME                 forward again (a hung connection goes on)
#   reset NAME                drop all connections once
#   delay NAME MS             hold back what the server sends so long
#   trickle NAME MS           forward what the server sends byte by byte, one
#                             every so many ms
#   truncate NAME BYTES       drop the connection after so many more bytes of
#                             the server
#   garble NAME BYTES         after so many more bytes of the server, flip all
#                             bits of the next 64 bytes, once
#   pending NAME              "ok 1" as long as a truncate or garble has not hit
#   count NAME                "ok N": bytes of the server forwarded so far
#   quit
#
# "The server" is the target; its answers are the direction that faults hit.
use strict;
use warnings;
use IO::Handle;
use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(time);

$SIG{PIPE} = 'IGNORE';
$| = 1;
STDIN->blocking(0);

my %link;       # name => { listen, target, mode, delay, truncate, garble, count, pairs }
my %side;       # fileno => { sock, peer => fileno, link, server => bool, out, due => [[time, bytes]], eof }
my $commands = '';

sub drop_pair
{
	my ($fd) = @_;
	my @fds = ($fd, $side{$fd} ? $side{$fd}{peer} : ());
	for my $f (@fds)
	{
		my $s = delete $side{$f} or next;
		close $s->{sock};
	}
}

sub drop_all
{
	my ($name) = @_;
	drop_pair($_) for grep { $side{$_} && $side{$_}{link} eq $name } keys %side;
}

sub listen_on
{
	my ($l) = @_;
	unlink $l->{path};
	$l->{listen} = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $l->{path}, Listen => 64)
	  or return "cannot listen on $l->{path}: $!";
	return;
}

sub command
{
	my ($cmd, $name, @arg) = split ' ', shift;
	exit 0 if $cmd eq 'quit';
	if ($cmd eq 'link')
	{
		$link{$name} = { path => $arg[0], target => $arg[1], mode => 'forward', delay => 0, count => 0 };
		my $error = listen_on($link{$name});
		return $error ? "error $error" : 'ok';
	}
	my $l = $link{$name // ''} or return "error no link";
	if ($cmd eq 'cut')
	{
		$l->{mode} = 'cut';
		close delete $l->{listen} if $l->{listen};
		unlink $l->{path};
		drop_all($name);
	}
	elsif ($cmd eq 'hang') { $l->{mode} = 'hang' }
	elsif ($cmd eq 'heal')
	{
		$l->{mode} = 'forward';
		delete @$l{qw(truncate garble trickle)};
		$l->{delay} = 0;
		if (!$l->{listen})
		{
			my $error = listen_on($l);
			return "error $error" if $error;
		}
	}
	elsif ($cmd eq 'reset') { drop_all($name) }
	elsif ($cmd eq 'delay') { $l->{delay} = $arg[0] / 1000 }
	elsif ($cmd eq 'trickle') { $l->{trickle} = $arg[0] / 1000 }
	elsif ($cmd eq 'truncate') { $l->{truncate} = $arg[0] }
	elsif ($cmd eq 'garble') { $l->{garble} = $arg[0] }
	elsif ($cmd eq 'pending') { return 'ok ' . (defined $l->{truncate} || defined $l->{garble} ? 1 : 0) }
	elsif ($cmd eq 'count') { return "ok $l->{count}" }
	else { return "error unknown command $cmd" }
	return 'ok';
}

sub accept_on
{
	my ($name) = @_;
	my $l = $link{$name};
	my $client = $l->{listen}->accept or return;
	my $server = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $l->{target});
	return close $client unless $server;
	$_->blocking(0) for $client, $server;
	my ($c, $s) = (fileno $client, fileno $server);
	$side{$c} = { sock => $client, peer => $s, link => $name, server => 0, due => [], size => 0 };
	$side{$s} = { sock => $server, peer => $c, link => $name, server => 1, due => [], size => 0 };
}

# Bytes from the server on their way: what the faults make of them.  Returns
# the bytes to forward, and whether to drop the connection afterwards.
sub fault
{
	my ($l, $bytes) = @_;
	my $drop = 0;
	if (defined $l->{garble})
	{
		if ($l->{garble} < length $bytes)
		{
			my $n = length($bytes) - $l->{garble};
			$n = 64 if $n > 64;
			substr($bytes, $l->{garble}, $n) ^= "\xff" x $n;
			delete $l->{garble};
		}
		else { $l->{garble} -= length $bytes }
	}
	if (defined $l->{truncate})
	{
		if ($l->{truncate} <= length $bytes)
		{
			$bytes = substr $bytes, 0, $l->{truncate};
			delete $l->{truncate};
			$drop = 1;
		}
		else { $l->{truncate} -= length $bytes }
	}
	$l->{count} += length $bytes;
	return ($bytes, $drop);
}

sub read_from
{
	my ($fd) = @_;
	my $s    = $side{$fd} or return;
	my $l    = $link{ $s->{link} };
	my $n    = sysread $s->{sock}, my $bytes, 262144;
	return if !defined $n && ($!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR});
	my $to = $side{ $s->{peer} };
	if (!$n)
	{
		# let what is on its way arrive first
		$s->{eof} = $to->{closing} = 1;
		drop_pair($fd) if !@{ $to->{due} };
		return;
	}
	my $drop;
	($bytes, $drop) = fault($l, $bytes) if $s->{server};
	if ($s->{server} && $l->{trickle})
	{
		my $due = @{ $to->{due} } ? $to->{due}[-1][0] : time;
		push @{ $to->{due} }, map { [ $due += $l->{trickle}, $_ ] } split //, $bytes;
	}
	else { push @{ $to->{due} }, [ $s->{server} ? time + $l->{delay} : 0, $bytes ] }
	$to->{size} += length $bytes;
	$to->{closing} = $s->{eof} = 1 if $drop;
}

sub write_to
{
	my ($fd) = @_;
	my $s = $side{$fd} or return;
	while (my $first = $s->{due}[0])
	{
		return if $first->[0] > time;
		my $n = syswrite $s->{sock}, $first->[1];
		if (!defined $n)
		{
			drop_pair($fd) unless $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
			return;
		}
		$s->{size} -= $n;
		if ($n < length $first->[1])
		{
			substr($first->[1], 0, $n) = '';
			return;
		}
		shift @{ $s->{due} };
	}
	drop_pair($fd) if $s->{closing};
}

while (1)
{
	my ($read, $write) = (IO::Select->new(\*STDIN), IO::Select->new);
	my $timeout;
	$read->add($_->{listen}) for grep { $_->{listen} } values %link;
	for my $fd (keys %side)
	{
		my $s = $side{$fd};
		my $hang = $link{ $s->{link} }{mode} eq 'hang';
		my $to   = $side{ $s->{peer} };
		$read->add($s->{sock}) if !$hang && !$s->{eof} && $to->{size} < 4 * 1024 * 1024;
		next if $hang || !@{ $s->{due} };
		my $wait = $s->{due}[0][0] - time;
		if ($wait <= 0) { $write->add($s->{sock}) }
		else { $timeout = $wait if !defined $timeout || $wait < $timeout }
	}
	my ($r, $w) = IO::Select->select($read, $write, undef, $timeout);
	my %listener = map { fileno($link{$_}{listen}) => $_ } grep { $link{$_}{listen} } keys %link;
	for my $h (@{ $r || [] })
	{
		my $fd = fileno $h;
		next unless defined $fd;
		if ($fd == fileno STDIN)
		{
			my $n = sysread STDIN, $commands, 65536, length $commands;
			exit 0 if defined $n && $n == 0;
			print command($1), "\n" while $commands =~ s/^([^\n]*)\n//;
		}
		elsif ($listener{$fd}) { accept_on($listener{$fd}) }
		else { read_from($fd) }
	}
	for my $fd (keys %side)
	{
		next unless $side{$fd};
		next if $link{ $side{$fd}{link} }{mode} eq 'hang';
		write_to($fd) if @{ $side{$fd}{due} } || $side{$fd}{closing};
	}
}
