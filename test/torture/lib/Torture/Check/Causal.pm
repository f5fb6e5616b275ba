# Causal consistency and causal convergence of the registers, by the finite
# list of bad patterns of Bouajjani, Enea, Guerraoui, Hamza: "On verifying
# causal consistency", POPL 2017 (arXiv 1611.00580).  Every write has a value
# of its own, so that a read says which write it read from.
#
#   so  session order; wr  a write before the reads that return it;
#   co  transitive closure of both
#   ThinAirRead      a value that nobody wrote, or that was rolled back
#   CyclicCO         co has a cycle
#   WriteCOInitRead  the initial value, although a write of that register is
#                    co-before the read
#   WriteCORead      w1, although w1 co w2 co the read, both of that register
#   CyclicCF         co and cf together have a cycle, where w1 cf w2 if some read
#                    of w2 has w1 co-before it (convergence: all agree on an
#                    order of concurrent writes).  Rows are merged one by one,
#                    so this order is one of row writes, not of transactions.
#
# The unit is an event: one snapshot that was read, or one transaction that
# wrote.  co is kept as a vector for each event: how many events of each session
# are before it, packed, for a long history has many of both.
package Torture::Check::Causal;

use strict;
use warnings;

sub check
{
	my ($h) = @_;
	my (@bad, @events, %writer, %in);
	my @sessions = grep { @{ $h->{sessions}{$_}{events} } } sort keys %{ $h->{sessions} };
	for my $number (0 .. $#sessions)
	{
		my ($s, $n) = ($sessions[$number], 0);
		for my $e (@{ $h->{sessions}{$s}{events} })
		{
			next unless $e->{kind} =~ /^[RW]$/;
			next if $e->{kind} eq 'W' && !grep { $_ } @{ $h->{txns}{ $e->{txn} } }{qw(committed lost)};
			@$e{qw(session number index)} = ($s, $number, ++$n);
			push @{ $in{$s} }, $e;
			push @events, $e;
			next if $e->{kind} eq 'R';
			$writer{"$_=$e->{regs}{$_}"} = $e for keys %{ $e->{regs} };
		}
	}
	# read from
	for my $e (grep { $_->{kind} eq 'R' } @events)
	{
		for my $k (sort keys %{ $e->{regs} })
		{
			my $v = $e->{regs}{$k};
			next if $v eq 'init';
			my $w = $writer{"$k=$v"};
			# what was lost with its node was seen nowhere else
			if ($w && (!$h->{txns}{ $w->{txn} }{lost} || node($h, $w) eq node($h, $e))) { $e->{from}{$k} = $w }
			else { push @bad, "ThinAirRead: $e->{session} read $k = $v" }
		}
	}
	my $order = co(\@events, \%in) or return (@bad, cycle('CyclicCO', \@events, \%in, {}));
	# writes of a register by session, in order
	my %writes;
	for my $e (grep { $_->{kind} eq 'W' } @events)
	{
		push @{ $writes{$_}{ $e->{number} } }, $e for keys %{ $e->{regs} };
	}
	my (%cf, %known);
	for my $r (grep { $_->{kind} eq 'R' } @$order)
	{
		my @seen = unpack 'N*', $r->{co};
		for my $k (sort keys %{ $r->{regs} })
		{
			my $from = $r->{from}{$k};
			next if !$from && $r->{regs}{$k} ne 'init';
			my @covered = $from ? unpack 'N*', $from->{co} : ();
			$covered[ $from->{number} ] = $from->{index} if $from;
			for my $s (keys %{ $writes{$k} || {} })
			{
				# what is before the write that was read is out of the question
				my ($n, $c) = ($seen[$s] // 0, $covered[$s] // 0);
				next if $n <= $c;
				my $w = last_before($writes{$k}{$s}, $n) or next;
				next if $w->{index} <= $c;
				if (!$from) { push @bad, "WriteCOInitRead: $r->{session} read the initial value of $k after $w->{regs}{$k}" }
				elsif (before($from, $w)) { push @bad, "WriteCORead: $r->{session} read $k = $r->{regs}{$k} after $w->{regs}{$k}, which came later" }
				elsif (!$known{"$w $from $k"}++) { push @{ $cf{"$w $k"} }, "$from $k" }
			}
		}
	}
	return (@bad, cycle('CyclicCF', \@events, \%in, \%cf));
}

sub node { my ($h, $e) = @_; return $h->{sessions}{ $e->{session} }{node} }

sub last_before
{
	my ($list, $count) = @_;
	my ($low, $high) = (0, scalar @$list);
	while ($low < $high)
	{
		my $middle = int(($low + $high) / 2);
		if ($list->[$middle]{index} <= $count) { $low = $middle + 1 }
		else { $high = $middle }
	}
	return $low ? $list->[ $low - 1 ] : undef;
}

# The entry of a vector; what is beyond its end is 0.
sub entry { my ($co, $number) = @_; return vec $co, $number, 32 }

sub before { my ($x, $y) = @_; return $x != $y && entry($y->{co}, $x->{number}) >= $x->{index} }

sub causes
{
	my ($e, $in) = @_;
	my @causes = values %{ $e->{from} || {} };
	push @causes, $in->{ $e->{session} }[ $e->{index} - 2 ] if $e->{index} > 1;
	return @causes;
}

# Vectors of all events, in an order that respects co; nothing if it is cyclic.
sub co
{
	my ($events, $in) = @_;
	my (%waits, %next, @order);
	for my $e (@$events)
	{
		my %c = map { $_ => $_ } causes($e, $in);
		$waits{$e} = keys %c;
		push @{ $next{$_} }, $e for values %c;
	}
	my @ready = grep { !$waits{$_} } @$events;
	while (my $e = shift @ready)
	{
		$e->{co} = join_causes(causes($e, $in));
		push @order, $e;
		for my $n (@{ $next{$e} || [] })
		{
			push @ready, $n unless --$waits{$n};
		}
	}
	return @order == @$events ? \@order : undef;
}

# The vector of an event with these causes.  The last one is that of the same
# session, if there is one, and has most of the others before it.
sub join_causes
{
	my $co = '';
	for my $c (reverse @_)
	{
		next if entry($co, $c->{number}) >= $c->{index};
		if ($co eq '') { $co = $c->{co} }
		else
		{
			my @co = unpack 'N*', $co;
			my @more = unpack 'N*', $c->{co};
			for my $i (0 .. $#more)
			{
				$co[$i] = $more[$i] if $i > $#co || $more[$i] > $co[$i];
			}
			$co = pack 'N*', @co;
		}
		vec($co, $c->{number}, 32) = $c->{index};
	}
	return $co;
}

# A cycle of session order, reads-from and more edges, in words.  A node of the
# graph is an event, or one of the registers that an event wrote; an event
# without registers of its own stands between its causes and its parts.
sub cycle
{
	my ($name, $events, $in, $more) = @_;
	my (%waits, %next, %words);
	my $parts = sub { my ($e) = @_; return $e->{kind} eq 'W' ? map { "$e $_" } sort keys %{ $e->{regs} } : "$e" };
	for my $e (@$events)
	{
		my %from = map { $_ => $_ } causes($e, $in);
		for my $to ($parts->($e))
		{
			$words{$to} = "$e->{session}#$e->{index} " . ($e->{kind} eq 'W' ? "wrote $e->{txn} to " . (split ' ', $to)[1]
				: 'read ' . join ',', map { "$_=$e->{regs}{$_}" } sort keys %{ $e->{regs} });
			for my $c (values %from) { push @{ $next{$_} }, $to for $parts->($c) }
			push @{ $next{$to} }, @{ $more->{$to} || [] };
		}
	}
	for my $list (values %next) { $waits{$_}++ for @$list }
	my @ready = grep { !$waits{$_} } keys %words;
	my %done;
	while (defined(my $e = shift @ready))
	{
		$done{$e} = 1;
		for my $n (@{ $next{$e} || [] }) { push @ready, $n unless --$waits{$n} }
	}
	my @left = sort { $words{$a} cmp $words{$b} } grep { !$done{$_} } keys %words;
	return unless @left;
	# walk backwards until something comes again: every node that is left has
	# one before it
	my %previous;
	for my $e (@left) { $previous{$_} //= $e for grep { !$done{$_} } @{ $next{$e} || [] } }
	my ($e, %at, @path) = ($left[0]);
	until (exists $at{$e})
	{
		$at{$e} = @path;
		push @path, $e;
		$e = $previous{$e};
	}
	@path = @path[ $at{$e} .. $#path ];
	return "$name: " . join ' <- ', map { $words{$_} } @path, $path[0];
}

1;
