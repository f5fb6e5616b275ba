# Checks of a history.  Each is a function (history) -> list of violations in
# words; %CHECKS names them all.  Nothing here shares code with src/: the rules
# by which rows merge are written down a second time, from the documentation,
# over the set of all operations instead of over states.
package Torture::Check;

use strict;
use warnings;
use Torture::Check::Causal;

our %CHECKS = (
	'equal'       => \&equal,
	'durable'     => \&durable,
	'winner'      => \&winner,
	'unique'      => \&unique,
	'item'        => \&item,
	'counter'     => \&counter,
	'dot'         => \&dot,
	'log'         => \&log_entries,
	'atomic'      => \&atomic,
	'monotonic'   => \&monotonic,
	'resurrected' => \&resurrected,
	'leak'        => \&leak,
	'causal'      => \&Torture::Check::Causal::check,
	'promise'     => \&promise);
our @ORDER = qw(promise equal durable leak winner unique item counter dot log atomic monotonic resurrected causal);

sub committed { my ($h, $w) = @_; return $h->{txns}{ $w->{txn} }{committed} && !$w->{undone} }

# Larger dot: stamp first, then replica id.
sub later
{
	my ($x, $y) = @_;
	return $x->[1] > $y->[1] || $x->[1] == $y->[1] && $x->[0] gt $y->[0];
}

sub show { my ($dot) = @_; return defined $dot ? "$dot->[0]:$dot->[1]" : 'nothing' }

# Committed writes by table and key.
sub by_row
{
	my ($h) = @_;
	return $h->{by_row} if $h->{by_row};
	my %rows;
	push @{ $rows{ $_->{table} }{ $_->{key} } }, $_ for grep { committed($h, $_) } @{ $h->{writes} };
	return $h->{by_row} = \%rows;
}

# table, key, column, token -> the write, committed or not
sub by_token
{
	my ($h) = @_;
	return $h->{by_token} if $h->{by_token};
	my %t;
	for my $w (@{ $h->{writes} })
	{
		$t{ join "\t", $w->{table}, $w->{key}, $_, $w->{cols}{$_} } = $w for keys %{ $w->{cols} };
	}
	return $h->{by_token} = \%t;
}

sub row_tables { my ($h) = @_; return grep { $h->{tables}{$_}{kind} eq 'rows' } sort keys %{ $h->{tables} } }

# --- what a client or the harness found wrong on the spot ---------------------------

sub promise
{
	my ($h) = @_;
	# data_corrupted: no fault damages a row
	my @damaged = sort { $a->{id} cmp $b->{id} } grep { ($_->{sqlstate} // '') =~ /^XX00[12]$/ } values %{ $h->{txns} };
	return ((grep { /^VIOLATION/ } @{ $h->{nemesis} }), map { "$_->{id} found something damaged" } @damaged);
}

# --- all nodes end with the same rows, byte for byte ----------------------------------

sub equal
{
	my ($h) = @_;
	my @bad;
	my @nodes = sort keys %{ $h->{final} };
	my %tables = map { map { $_ => 1 } keys %{ $h->{final}{$_} } } @nodes;
	for my $table (sort keys %tables)
	{
		my %count;
		for my $node (@nodes)
		{
			$count{ join ' ', @$_ }{$node}++ for @{ $h->{final}{$node}{$table} || [] };
		}
		for my $row (sort keys %count)
		{
			my %n = map { $_ => $count{$row}{$_} // 0 } @nodes;
			my %different = map { $_ => 1 } values %n;
			push @bad, "$table: \"$row\" on " . join(',', grep { $n{$_} } @nodes) . ' only' if keys %different > 1;
		}
	}
	return @bad;
}

# --- acknowledged = there, failed = not there -------------------------------------------

sub durable
{
	my ($h) = @_;
	my @bad;
	for my $node (sort keys %{ $h->{final} })
	{
		my %mark = map { $_->[0] => 1 } @{ $h->{final}{$node}{mark} || [] };
		for my $x (sort { $a->{id} cmp $b->{id} } values %{ $h->{txns} })
		{
			push @bad, "$node: transaction $x->{id} was acknowledged and is not there" if $x->{outcome} eq 'ok' && !$mark{ $x->{id} };
			push @bad, "$node: transaction $x->{id} failed and is there" if $x->{outcome} eq 'failed' && $mark{ $x->{id} };
		}
		for my $id (sort keys %mark)
		{
			push @bad, "$node: transaction $id was never begun" unless $h->{txns}{$id};
		}
	}
	return @bad;
}

# Whatever was seen by anybody, or is there in the end, was written by a
# transaction that did not fail.
sub leak
{
	my ($h) = @_;
	my $by_token = by_token($h);
	my %bad;
	my $look = sub {
		my ($where, $table, $key, $cols) = @_;
		for my $c (sort keys %$cols)
		{
			my $w = $by_token->{ join "\t", $table, $key, $c, $cols->{$c} };
			if (!$w) { $bad{"$where: $table $key.$c = $cols->{$c}, which nobody wrote there"} = 1 }
			elsif ($w->{undone} || $h->{txns}{ $w->{txn} }{outcome} eq 'failed')
			{
				$bad{"$where: $table $key.$c = $cols->{$c}, of a transaction that was rolled back"} = 1;
			}
		}
	};
	for my $node (sort keys %{ $h->{final} })
	{
		for my $table (row_tables($h))
		{
			for my $f (@{ $h->{final}{$node}{$table} || [] })
			{
				my ($key, $a, $b, $c) = @$f;
				$look->($node, $table, $key, { a => $a, b => $b, c => $c });
			}
		}
	}
	my %item = map { ("$_->{table}\t$_->{item}" => $_) } @{ $h->{items} };
	for my $s (values %{ $h->{sessions} })
	{
		for my $e (@{ $s->{events} })
		{
			$look->("$s->{id} on $s->{node}", $e->{table}, $e->{key}, $e->{cols}) if $e->{kind} eq 'r' && !$e->{absent};
			next unless $e->{kind} eq 'c' && $e->{n};
			my $i = $item{"$e->{table}\t$e->{item}"};
			if (!$i) { $bad{"$s->{id} on $s->{node}: $e->{table} $e->{item}, which nobody wrote"} = 1 }
			elsif ($i->{undone} || $h->{txns}{ $i->{txn} }{outcome} eq 'failed')
			{
				$bad{"$s->{id} on $s->{node}: $e->{table} $e->{item}, of a transaction that was rolled back"} = 1;
			}
		}
	}
	return sort keys %bad;
}

# --- the winner of every row ---------------------------------------------------------------

# Is a row with these writes there, and with which values?  By the rules of
# the documentation:
#   column: each column has the value of the write with the largest dot among
#           those that wrote it (an insert writes all);
#   row:    all columns are of the insert or update with the largest dot;
#   lww:            there unless the largest dot of all is a delete's;
#   update_wins:    there if some write was seen by no delete;
#   delete_wins:    there if an insert has seen every delete.
sub expected_row
{
	my ($table, @writes) = @_;
	my (%best, %cols, $last, $last_delete);
	for my $w (grep { $_->{op} ne 'D' } @writes)
	{
		$last = $w if !$last || later($w->{dot}, $last->{dot});
		for my $c (keys %{ $w->{cols} })
		{
			$best{$c} = $w if !$best{$c} || later($w->{dot}, $best{$c}{dot});
		}
	}
	return undef unless $last;
	my @deletes = grep { $_->{op} eq 'D' } @writes;
	my $policy = $table->{on_delete};
	if ($policy eq 'lww')
	{
		return undef if grep { later($_->{dot}, $last->{dot}) } @deletes;
	}
	elsif ($policy eq 'update_wins')
	{
		my %seen;
		for my $d (@deletes)
		{
			for my $r (keys %{ $d->{before}{vc} })
			{
				$seen{$r} = $d->{before}{vc}{$r} if $d->{before}{vc}{$r} > ($seen{$r} // 0);
			}
		}
		return undef unless grep { $_->{op} ne 'D' && $_->{dot}[1] > ($seen{ $_->{dot}[0] } // 0) } @writes;
	}
	else
	{
		# of each replica's deletes the last one counts, whoever has seen it
		my (%deleted, %seen);
		for my $d (@deletes)
		{
			my ($r, $s) = @{ $d->{dot} };
			$deleted{$r} = $s if $s > ($deleted{$r} // 0);
		}
		for my $w (grep { $_->{op} eq 'I' } @writes)
		{
			for my $r (keys %{ $w->{after}{e} })
			{
				$seen{$r} = $w->{after}{e}{$r} if $w->{after}{e}{$r} > ($seen{$r} // 0);
			}
			# one whose tombstones had been forgotten had them in its past
			$seen{$_} = $w->{stable}{$_} for grep { $w->{stable}{$_} > ($seen{$_} // 0) } keys %{ $w->{stable} || {} };
		}
		return undef if grep { $deleted{$_} > ($seen{$_} // 0) } keys %deleted;
	}
	for my $c (keys %{ $last->{cols} }, keys %best)
	{
		$cols{$c} = $table->{granularity} eq 'row' ? undef : $best{$c}{cols}{$c};
	}
	if ($table->{granularity} eq 'row')
	{
		# an update leaves what it did not name as it saw it: follow it back
		%cols = %{ row_image($last, \@writes) };
	}
	return \%cols;
}

# All columns as a write of a whole row left them: its own, and the rest as in
# the row that it changed, which is the largest dot of what it had seen.
sub row_image
{
	my ($w, $writes) = @_;
	my %cols = %{ $w->{cols} };
	return \%cols if $w->{op} eq 'I';
	my $seen;
	for my $x (@$writes)
	{
		next if $x->{op} eq 'D' || !later($w->{dot}, $x->{dot});
		next unless ($w->{after}{vc}{ $x->{dot}[0] } // 0) >= $x->{dot}[1];
		$seen = $x if !$seen || later($x->{dot}, $seen->{dot});
	}
	if ($seen)
	{
		my $image = $seen->{image} //= row_image($seen, $writes);
		%cols = (%$image, %cols);
	}
	return \%cols;
}

sub winner
{
	my ($h) = @_;
	my @bad;
	return unless %{ $h->{final} };
	my $rows = by_row($h);
	for my $node (sort keys %{ $h->{final} })
	{
		for my $table (row_tables($h))
		{
			my %have = map { $_->[0] => { a => $_->[1], b => $_->[2], c => $_->[3] } } @{ $h->{final}{$node}{$table} || [] };
			my %keys = map { $_ => 1 } keys %have, keys %{ $rows->{$table} || {} };
			for my $key (sort { $a <=> $b } keys %keys)
			{
				my $want = $h->{want}{$table}{$key} //= expected_row($h->{tables}{$table}, @{ $rows->{$table}{$key} || [] }) // 'absent';
				my $have = $have{$key};
				if (!ref $want) { push @bad, "$node: $table $key is there and should be deleted" if $have }
				elsif (!$have) { push @bad, "$node: $table $key is missing" }
				else
				{
					for my $c (sort keys %$want)
					{
						push @bad, "$node: $table $key.$c is $have->{$c}, not $want->{$c}" if $have->{$c} ne ($want->{$c} // '');
					}
				}
			}
		}
	}
	return @bad;
}

# --- rows in each other's way ------------------------------------------------------------------

# Of the rows that are there and have the same value in a unique column, the
# one that claimed it first (smallest dot of that column's value) is visible,
# the others are set aside.
sub unique
{
	my ($h) = @_;
	my @bad;
	my $rows = by_row($h);
	for my $table (grep { $h->{tables}{$_}{kind} eq 'unique' } sort keys %{ $h->{tables} })
	{
		my $column = $h->{tables}{$table}{column};
		my (%first, %value);
		for my $key (keys %{ $rows->{$table} || {} })
		{
			my @writes = @{ $rows->{$table}{$key} };
			my $want = expected_row($h->{tables}{$table}, @writes) or next;
			my $u = $value{$key} = $want->{$column};
			my ($claim) = sort { later($b->{dot}, $a->{dot}) ? 1 : -1 } grep { defined $_->{cols}{$column} } @writes;
			$first{$u} = [ $key, $claim->{dot} ] if !$first{$u} || later($first{$u}[1], $claim->{dot});
		}
		for my $node (sort keys %{ $h->{final} })
		{
			my %visible = map { $_->[0] => $_->[1] } @{ $h->{final}{$node}{$table} || [] };
			# of a text key the stored bytes are the length and the text
			my %aside = map { substr(pack('H*', $_->[1]), 1) => 1 } grep { $_->[0] eq $table } @{ $h->{final}{$node}{quarantine} || [] };
			for my $key (sort keys %{ { %visible, %aside, %value } })
			{
				my $u = $value{$key};
				my $should = !defined $u ? 'gone' : $first{$u}[0] eq $key ? 'visible' : 'set aside';
				my $is = exists $visible{$key} ? ($aside{$key} ? 'visible and set aside' : 'visible') : $aside{$key} ? 'set aside' : 'gone';
				push @bad, "$node: $table $key is $is and should be $should" . (defined $u ? ": $column = $u was claimed first by $first{$u}[0]" : '')
				  if $is ne $should;
				push @bad, "$node: $table $key.$column is $visible{$key}, not $u" if $is eq 'visible' && defined $u && $visible{$key} ne $u;
			}
		}
	}
	return @bad;
}

# --- things that are written once and deleted once ------------------------------------------

sub item
{
	my ($h) = @_;
	my @bad;
	return unless %{ $h->{final} };
	my (%want, %known);
	for my $i (grep { committed($h, $_) } @{ $h->{items} })
	{
		$want{ $i->{table} }{ $i->{item} } = $i->{n};
	}
	for my $x (grep { committed($h, $_) } @{ $h->{removals} })
	{
		my $n = $want{ $x->{table} }{ $x->{item} } // 0;
		push @bad, "$x->{txn} deleted $x->{n} rows of $x->{table} $x->{item}, which has $n" if $n && $x->{n} != $n;
		$known{"$x->{table}\t$x->{item}"} = 1;
	}
	delete $want{ (split /\t/)[0] }{ (split /\t/)[1] } for keys %known;
	my %tables = map { $_->{table} => 1 } @{ $h->{items} };
	for my $node (sort keys %{ $h->{final} })
	{
		for my $table (sort keys %tables)
		{
			my %have = map { $_->[0] => $_->[1] } @{ $h->{final}{$node}{$table} || [] };
			for my $item (sort keys %{ { %have, %{ $want{$table} || {} } } })
			{
				my ($is, $should) = ($have{$item} // 0, $want{$table}{$item} // 0);
				push @bad, "$node: $table $item has $is rows, not $should" if $is != $should;
			}
		}
	}
	return @bad;
}

sub counter
{
	my ($h) = @_;
	my (@bad, %sum);
	for my $a (grep { committed($h, $_) } @{ $h->{adds} || [] })
	{
		$sum{ $a->{table} }{ $a->{key} } += $a->{n};
	}
	for my $node (sort keys %{ $h->{final} })
	{
		for my $table (sort keys %sum)
		{
			for my $f (@{ $h->{final}{$node}{$table} || [] })
			{
				my $should = $sum{$table}{ $f->[0] } // 0;
				push @bad, "$node: $table $f->[0] is $f->[1], the additions make $should" if $f->[1] != $should;
			}
		}
	}
	return @bad;
}

# --- identities are used once ----------------------------------------------------------------

sub dot
{
	my ($h) = @_;
	my (@bad, %used);
	for my $w (grep { committed($h, $_) } @{ $h->{writes} })
	{
		my $dot = show($w->{dot});
		push @bad, "$w->{txn}: a write to $w->{table} $w->{key} has no stamp" unless $w->{dot}[1];
		push @bad, "dot $dot: $w->{txn} on $w->{table} $w->{key} and $used{$dot}" if $used{$dot};
		$used{$dot} = "$w->{txn} on $w->{table} $w->{key}";
		# a write is later than what it saw
		for my $r (keys %{ $w->{before}{vc} })
		{
			push @bad, "$w->{txn}: the write $dot to $w->{table} $w->{key} saw the later $r:$w->{before}{vc}{$r}"
			  if $w->{before}{vc}{$r} >= $w->{dot}[1];
		}
	}
	return @bad;
}

# An entry of the log is there once, and the same on every node that has it.
sub log_entries
{
	my ($h) = @_;
	my (@bad, %seen);
	for my $node (sort keys %{ $h->{log} })
	{
		for my $replica (sort keys %{ $h->{log}{$node} })
		{
			my $log = $h->{log}{$node}{$replica};
			for my $seq (sort keys %$log)
			{
				my @copies = @{ $log->{$seq} };
				my $is = $seen{"$replica $seq"} //= [ $copies[0], $node ];
				push @bad, "entry $seq of $replica is " . @copies . " times on $node" if @copies > 1;
				push @bad, "entry $seq of $replica differs between $is->[1] and $node" if grep { $_ ne $is->[0] } @copies;
			}
		}
	}
	return @bad;
}

# --- readers ---------------------------------------------------------------------------------

# Follow a reading session: calls $each->(state, changed, event time) after
# each read, where state is table => key => cols and items by table.
sub replay
{
	my ($session, $each) = @_;
	my (%rows, %items, @changed);
	my $read;
	my $flush = sub { $each->(\%rows, \%items, [@changed], $read) if @changed; @changed = () };
	for my $e (grep { $_->{kind} =~ /^[rc]$/ } @{ $session->{events} })
	{
		$flush->() if defined $read && $e->{read} != $read;
		$read = $e->{read};
		if ($e->{kind} eq 'r')
		{
			$e->{was} = $rows{ $e->{table} }{ $e->{key} };
			if ($e->{absent}) { delete $rows{ $e->{table} }{ $e->{key} } }
			else { $rows{ $e->{table} }{ $e->{key} } = $e->{cols} }
		}
		else
		{
			$e->{was} = $items{ $e->{table} }{ $e->{item} };
			$items{ $e->{table} }{ $e->{item} } = $e->{n};
		}
		push @changed, $e;
	}
	$flush->();
}

# May a reader that has this write see what it sees of the row?
sub shows
{
	my ($h, $w, $rows) = @_;
	my $row = $rows->{ $w->{table} }{ $w->{key} };
	my $by_token = by_token($h);
	my $deletes = $h->{deletes}{"$w->{table}\t$w->{key}"} //=
	  [ grep { $_->{op} eq 'D' && !$_->{undone} && $_->{table} eq $w->{table} && $_->{key} eq $w->{key}
		  && $h->{txns}{ $_->{txn} }{outcome} ne 'failed' } @{ $h->{writes} } ];
	if (!$row)
	{
		# deleted, by this write or over it
		return 1 if $w->{op} eq 'D';
		my $strict = $h->{tables}{ $w->{table} }{on_delete} ne 'delete_wins';
		return scalar grep { !$strict || later($_->{dot}, $w->{dot}) } @$deletes;
	}
	if ($w->{op} eq 'D')
	{
		# a row that is there was written later, or by somebody who did not see
		# the delete
		return 1 if $h->{tables}{ $w->{table} }{on_delete} ne 'lww';
		for my $c (keys %$row)
		{
			my $x = $by_token->{ join "\t", $w->{table}, $w->{key}, $c, $row->{$c} };
			return 1 if $x && later($x->{dot}, $w->{dot});
		}
		return 0;
	}
	return 1 if $h->{tables}{ $w->{table} }{granularity} eq 'row' && row_is_later($h, $w, $row);
	return 0 if $h->{tables}{ $w->{table} }{granularity} eq 'row';
	for my $c (keys %{ $w->{cols} })
	{
		my $x = $by_token->{ join "\t", $w->{table}, $w->{key}, $c, $row->{$c} } or return 1;	# leak() says so
		return 0 if $x != $w && later($w->{dot}, $x->{dot});
	}
	return 1;
}

# In a table that merges whole rows the values of an older write can be part of
# a newer row; the newest of them is what counts.
sub row_is_later
{
	my ($h, $w, $row) = @_;
	my $by_token = by_token($h);
	for my $c (keys %$row)
	{
		my $x = $by_token->{ join "\t", $w->{table}, $w->{key}, $c, $row->{$c} };
		return 1 if $x && ($x == $w || later($x->{dot}, $w->{dot}));
	}
	return 0;
}

# Whoever sees something of a transaction sees all of it, or what came later.
sub atomic
{
	my ($h) = @_;
	my @bad;
	my $by_token = by_token($h);
	my %item = map { ("$_->{table}\t$_->{item}" => $_) } @{ $h->{items} };
	my %removed;
	push @{ $removed{"$_->{table}\t$_->{item}"} }, $_ for grep { !$_->{undone} && $h->{txns}{ $_->{txn} }{outcome} ne 'failed' } @{ $h->{removals} };
	for my $s (sort { $a->{id} cmp $b->{id} } values %{ $h->{sessions} })
	{
		my %done;
		replay($s, sub {
			my ($rows, $items, $changed, $read) = @_;
			my %new;
			for my $e (@$changed)
			{
				if ($e->{kind} eq 'r' && !$e->{absent})
				{
					for my $c (keys %{ $e->{cols} })
					{
						my $w = $by_token->{ join "\t", $e->{table}, $e->{key}, $c, $e->{cols}{$c} };
						$new{ $w->{txn} } = 1 if $w;
					}
				}
				next unless $e->{kind} eq 'c';
				my $i = $item{"$e->{table}\t$e->{item}"} or next;
				push @bad, "$s->{id} on $s->{node}, read $read: $e->{n} of $i->{n} rows of $e->{table} $e->{item}"
				  if $e->{n} != 0 && $e->{n} != $i->{n};
				$new{ $i->{txn} } = 1 if $e->{n};
			}
			for my $txn (sort grep { !$done{$_}++ } keys %new)
			{
				my $x = $h->{txns}{$txn};
				for my $w (grep { !$_->{undone} && $h->{tables}{ $_->{table} }{kind} eq 'rows' } @{ $x->{writes} })
				{
					next if superseded($x, $w);
					push @bad, "$s->{id} on $s->{node}, read $read: of $txn without its " . ($w->{op} eq 'D' ? 'delete of' : 'write to') . " $w->{table} $w->{key}"
					  unless shows($h, $w, $rows);
				}
				for my $i (grep { !$_->{undone} } @{ $x->{items} })
				{
					next if $items->{ $i->{table} }{ $i->{item} } || $removed{"$i->{table}\t$i->{item}"};
					push @bad, "$s->{id} on $s->{node}, read $read: of $txn without its $i->{table} $i->{item}";
				}
			}
		});
	}
	return @bad;
}

# Written again later in the same transaction.
sub superseded
{
	my ($x, $w) = @_;
	for my $y (grep { !$_->{undone} && $_ != $w && $_->{table} eq $w->{table} && $_->{key} eq $w->{key} } @{ $x->{writes} })
	{
		return 1 if later($y->{dot}, $w->{dot});
	}
	return 0;
}

# What a session has seen never goes back: dots of columns grow while the row
# is there, and progress grows.
sub monotonic
{
	my ($h) = @_;
	my @bad;
	my $by_token = by_token($h);
	for my $s (sort { $a->{id} cmp $b->{id} } values %{ $h->{sessions} })
	{
		my (%progress, %highest);
		for my $e (grep { $_->{kind} eq 'g' } @{ $s->{events} })
		{
			for my $r (keys %progress)
			{
				push @bad, "$s->{id} on $s->{node}: progress of $r went from $progress{$r} to " . ($e->{progress}{$r} // 'nothing')
				  if ($e->{progress}{$r} // 0) < $progress{$r};
			}
			%progress = %{ $e->{progress} };
		}
		for my $e (grep { $_->{kind} eq 'r' && !$_->{absent} } @{ $s->{events} })
		{
			my $whole = $h->{tables}{ $e->{table} }{granularity} eq 'row';
			my %dot;
			for my $c (keys %{ $e->{cols} })
			{
				my $w = $by_token->{ join "\t", $e->{table}, $e->{key}, $c, $e->{cols}{$c} } or next;
				my $unit = $whole ? '*' : $c;
				$dot{$unit} = $w->{dot} if !$dot{$unit} || later($w->{dot}, $dot{$unit});
			}
			for my $unit (sort keys %dot)
			{
				my $was = \$highest{"$e->{table}\t$e->{key}\t$unit"};
				push @bad, "$s->{id} on $s->{node}: $e->{table} $e->{key}.$unit went back from " . show($$was) . ' to ' . show($dot{$unit})
				  if $$was && later($$was, $dot{$unit});
				$$was = $dot{$unit};
			}
		}
	}
	return @bad;
}

# What was written once and deleted does not return.
sub resurrected
{
	my ($h) = @_;
	my @bad;
	for my $s (sort { $a->{id} cmp $b->{id} } values %{ $h->{sessions} })
	{
		my %gone;
		for my $e (grep { $_->{kind} eq 'c' } @{ $s->{events} })
		{
			my $item = "$e->{table} $e->{item}";
			if ($e->{n} == 0) { $gone{$item} = 1 }
			elsif ($gone{$item}) { push @bad, "$s->{id} on $s->{node}: $item was deleted and is back" }
		}
	}
	# rows: a reader that saw a delete by its absence, and then the same write again
	for my $s (sort { $a->{id} cmp $b->{id} } values %{ $h->{sessions} })
	{
		my (%seen, %gone);
		for my $e (grep { $_->{kind} eq 'r' } @{ $s->{events} })
		{
			my $key = "$e->{table}\t$e->{key}";
			my $on_delete = $h->{tables}{ $e->{table} }{on_delete};
			if ($e->{absent}) { $gone{$key} = $seen{$key}; next }
			my $now = join ',', map { "$_=$e->{cols}{$_}" } sort keys %{ $e->{cols} };
			push @bad, "$s->{id} on $s->{node}: $e->{table} $e->{key} is back as it was before it was deleted"
			  if defined $gone{$key} && $gone{$key} eq $now && $on_delete eq 'lww';
			$seen{$key} = $now;
		}
	}
	return @bad;
}

1;
