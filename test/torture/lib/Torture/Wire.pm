# A client of PostgreSQL's own protocol, as small as the harness needs: simple
# queries on a Unix socket, several statements at a time, COPY FROM STDIN, and
# a time limit on every answer.
#
# Why not libpq: the harness must know exactly what was sent and what was
# answered when a server is killed, stopped or cut in two, and must never wait
# for one that is stopped.
#
#   my $c = Torture::Wire->connect(dir => $dir, port => 5432, user => 'postgres',
#                                  dbname => 'postgres', timeout => 10);
#   my $r = $c->query("BEGIN; SELECT 1, 'x'");
#   $r->{status}      'ok', 'error' (the server refused it) or 'lost' (no answer)
#   $r->{sqlstate}, $r->{message}
#   $r->{results}     one list of rows per statement that returns rows
#   $r->{tags}        command tags
package Torture::Wire;

use strict;
use warnings;
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

sub connect
{
	my ($class, %opt) = @_;
	my $self = bless { timeout => 20, in => '', %opt }, $class;
	local $SIG{PIPE} = 'IGNORE';
	$self->{sock} = IO::Socket::UNIX->new(
		Type => SOCK_STREAM,
		Peer => "$self->{dir}/.s.PGSQL.$self->{port}") or return undef;
	my $parameters = join "\0", user => $self->{user}, database => $self->{dbname},
	  application_name => $self->{application_name} // 'torture', '', '';
	$self->_send(pack('NN', 8 + length $parameters, 196608) . $parameters);
	my $r = $self->_answer;
	return $r->{status} eq 'ok' ? $self : undef;
}

sub query
{
	my ($self, $sql, %opt) = @_;
	local $SIG{PIPE} = 'IGNORE';
	return { status => 'lost', sqlstate => '', message => 'not connected', results => [], tags => [] }
	  unless $self->{sock};
	$self->{copy} = $opt{copy};
	$self->_send('Q' . pack('N', 5 + length $sql) . "$sql\0");
	return $self->_answer($opt{timeout});
}

# The single value of a query, undef if there is none.
sub value
{
	my ($self, $sql, %opt) = @_;
	my $r = $self->query($sql, %opt);
	return undef unless $r->{status} eq 'ok' && @{ $r->{results} };
	return $r->{results}[-1][0] ? $r->{results}[-1][0][0] : undef;
}

sub alive { return defined $_[0]{sock} }

sub close
{
	my ($self) = @_;
	close delete $self->{sock} if $self->{sock};
}

sub _send
{
	my ($self, $bytes) = @_;
	while (length $bytes)
	{
		my $n = $self->{sock} ? syswrite $self->{sock}, $bytes : undef;
		if (!defined $n)
		{
			next if $!{EINTR};
			$self->close;
			return;
		}
		substr $bytes, 0, $n, '';
	}
}

# One message: (type, body), or nothing when there is none in time.
sub _message
{
	my ($self, $deadline) = @_;
	while (1)
	{
		if (length $self->{in} >= 5)
		{
			my ($type, $length) = unpack 'aN', $self->{in};
			if (length $self->{in} >= 1 + $length)
			{
				my $body = substr $self->{in}, 5, $length - 4;
				substr $self->{in}, 0, 1 + $length, '';
				return ($type, $body);
			}
		}
		return unless $self->{sock};
		my $left = $deadline - clock_gettime(CLOCK_MONOTONIC);
		return if $left <= 0;
		my $bits = '';
		vec($bits, fileno $self->{sock}, 1) = 1;
		next unless select $bits, undef, undef, $left;
		my $n = sysread $self->{sock}, $self->{in}, 262144, length $self->{in};
		next if !defined $n && $!{EINTR};
		return if !$n;
	}
}

# Everything until the server is ready for the next query.
sub _answer
{
	my ($self, $timeout) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + ($timeout || $self->{timeout});
	my %r = (status => 'ok', sqlstate => '', message => '', results => [], tags => []);
	while (my ($type, $body) = $self->_message($deadline))
	{
		if ($type eq 'Z') { $self->{xact} = $body; return \%r }
		elsif ($type eq 'T') { push @{ $r{results} }, [] }
		elsif ($type eq 'D')
		{
			my ($n, @row) = unpack 'n', $body;
			my $at = 2;
			for (1 .. $n)
			{
				my $length = unpack 'N', substr $body, $at, 4;
				$at += 4;
				if ($length == 0xffffffff) { push @row, undef; next }
				push @row, substr $body, $at, $length;
				$at += $length;
			}
			push @{ $r{results}[-1] }, \@row;
		}
		elsif ($type eq 'C') { push @{ $r{tags} }, $body =~ s/\0$//r }
		elsif ($type eq 'E')
		{
			my %field = map { substr($_, 0, 1) => substr $_, 1 } grep { length } split /\0/, $body;
			@r{qw(status sqlstate message)} = ('error', $field{C}, $field{M});
			# after a FATAL nothing follows
			if ($field{V} ne 'ERROR') { $self->close; $r{status} = 'lost'; return \%r }
		}
		elsif ($type eq 'G')
		{
			my $copy = $self->{copy} // '';
			$self->_send('d' . pack('N', 4 + length $copy) . $copy . 'c' . pack('N', 4));
		}
		elsif ($type eq 'R' && unpack('N', $body) != 0) { last }
	}
	$self->close;
	@r{qw(status sqlstate message)} = ('lost', '', $r{message} || 'no answer');
	return \%r;
}

1;
