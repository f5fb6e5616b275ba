# Histories: what every client did and saw, one line an event, fields
# separated by tabs.  docs/testing.md has the format; this file writes it, and
# reads it into the structure that the checkers work on.
package Torture::History;

use strict;
use warnings;
use IO::Handle;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use constant VERSION => 1;

# --- writing ----------------------------------------------------------------

sub create
{
	my ($class, $path) = @_;
	open my $f, '>', $path or die "$path: $!\n";
	$f->autoflush(1);
	my $self = bless { file => $f, path => $path }, $class;
	print $f "v\t" . VERSION . "\n";
	return $self;
}

# line('w', fields...): the time is put behind the letter.
sub line
{
	my ($self, $kind, @fields) = @_;
	my $f = $self->{file};
	print $f join("\t", $kind, sprintf('%.6f', clock_gettime(CLOCK_MONOTONIC)), map { $_ // '' } @fields), "\n";
}

# --- reading ------------------------------------------------------------------

# A state as converge.describe() prints it: clocks by letter, birth dot.
sub parse_state
{
	my ($text) = @_;
	my %s = (vc => {}, w => {}, d => {}, o => {}, e => {});
	return \%s if !defined $text || $text eq '-';
	$s{vc} = parse_clock($1) if $text =~ /^(\{[^}]*\})/;
	$s{birth} = [ $1, $2 ] if $text =~ / birth (\S+):(\d+)/;
	$s{$1} = parse_clock($2) while $text =~ / ([wdoe]) (\{[^}]*\})/g;
	return \%s;
}

sub parse_clock
{
	my ($text) = @_;
	my %clock;
	$clock{$1} = $2 while ($text // '') =~ /"?([^{},:"]+)"?:(\d+)/g;
	return \%clock;
}

sub parse_columns { return { map { /^([^=]*)=(.*)$/s ? ($1, $2) : () } @_ } }

# Read files into one history:
#   tables    name => { kind, granularity, on_delete }
#   txns      id => { outcome, session, events => [...], time }
#   writes    [ { table, key, op, dot => [replica, stamp], before, after, cols, txn, stmt, undone, stable } ]
#   items     [ { table, item, n, txn } ], removals the same
#   sessions  id => { node, events => [ in order ] }
#   final     node => table => [ [fields] ]
#   log       node => replica => seq.part => [ hashes ], one if all is well
#   nemesis   [ text ]
sub load
{
	my ($class, @paths) = @_;
	my $h = bless { tables => {}, txns => {}, writes => [], items => [], removals => [], sessions => {},
		final => {}, log => {}, nemesis => [], lossy => [], expect => undef, errors => [] }, $class;
	$h->_file($_) for @paths;
	$h->_outcomes;
	return $h;
}

sub txn
{
	my ($h, $id) = @_;
	return $h->{txns}{$id} //= { id => $id, outcome => 'unknown', writes => [], items => [], removals => [] };
}

my %reader = (
	v => sub { die "format version $_[1], not " . VERSION . "\n" unless $_[1] == VERSION },
	d => sub { my ($h, $t, $name, $kind, @o) = @_; $h->{tables}{$name} = { kind => $kind, @o } },
	e => sub { my ($h, $t, @f) = @_; push @{ $h->{nemesis} }, join ' ', @f },
	o => sub { my ($h, $t, $node, $from) = @_; push @{ $h->{lossy} }, [ $node, $from, $t ] },
	s => sub {
		my ($h, $t, $id, $node, $replica) = @_;
		$h->{sessions}{$id} = { id => $id, node => $node, replica => $replica, events => [], time => $t };
	},
	w => sub {
		my ($h, $t, $session, $txn, $stmt, $table, $key, $op, $replica, $before, $after, @cols) = @_;
		my $w = { time => $t, session => $session, txn => $txn, stmt => $stmt, table => $table, key => $key,
			op => $op, replica => $replica, before => parse_state($before), after => parse_state($after),
			cols => parse_columns(@cols) };
		my $clock = $op eq 'D' && %{ $w->{after}{d} } ? $w->{after}{d} : $w->{after}{vc};
		$w->{dot} = [ $replica, $clock->{$replica} // 0 ];
		push @{ $h->{writes} }, $w;
		push @{ $h->txn($txn)->{writes} }, $w;
	},
	S => sub {
		my ($h, $t, $session, $txn, $stmt, $table, $stable) = @_;
		$_->{stable} = parse_clock($stable) for grep { $_->{stmt} == $stmt && $_->{table} eq $table } @{ $h->txn($txn)->{writes} };
	},
	u => sub {
		my ($h, $t, $session, $txn, $from) = @_;
		for my $list (map { $h->txn($txn)->{$_} } qw(writes items removals))
		{
			$_->{undone} = 1 for grep { $_->{stmt} >= $from } @$list;
		}
	},
	t => sub {
		my ($h, $t, $session, $txn, $outcome, $sqlstate) = @_;
		my $x = $h->txn($txn);
		@$x{qw(outcome session time sqlstate)} = ($outcome, $session, $t, $sqlstate);
	},
	i => sub {
		my ($h, $t, $session, $txn, $stmt, $table, $item, $n) = @_;
		my $i = { time => $t, txn => $txn, stmt => $stmt, table => $table, item => $item, n => $n };
		push @{ $h->{items} }, $i;
		push @{ $h->txn($txn)->{items} }, $i;
	},
	x => sub {
		my ($h, $t, $session, $txn, $stmt, $table, $item, $n) = @_;
		my $x = { time => $t, txn => $txn, stmt => $stmt, table => $table, item => $item, n => $n };
		push @{ $h->{removals} }, $x;
		push @{ $h->txn($txn)->{removals} }, $x;
	},
	r => sub {
		my ($h, $t, $session, $read, $table, $key, @cols) = @_;
		push @{ $h->{sessions}{$session}{events} }, { kind => 'r', time => $t, read => $read, table => $table, key => $key,
			absent => ($cols[0] // '') eq '-', cols => parse_columns(@cols) };
	},
	c => sub {
		my ($h, $t, $session, $read, $table, $item, $n) = @_;
		push @{ $h->{sessions}{$session}{events} }, { kind => 'c', time => $t, read => $read, table => $table, item => $item, n => $n };
	},
	g => sub {
		my ($h, $t, $session, $read, $progress) = @_;
		push @{ $h->{sessions}{$session}{events} }, { kind => 'g', time => $t, read => $read, progress => parse_clock($progress) };
	},
	R => sub {
		my ($h, $t, $session, @regs) = @_;
		push @{ $h->{sessions}{$session}{events} }, { kind => 'R', time => $t, regs => parse_columns(@regs) };
	},
	W => sub {
		my ($h, $t, $session, $txn, @regs) = @_;
		my $event = { kind => 'W', time => $t, txn => $txn, session => $session, regs => parse_columns(@regs) };
		push @{ $h->{sessions}{$session}{events} }, $event;
		$h->txn($txn)->{regs} = $event->{regs};
	},
	a => sub {
		my ($h, $t, $session, $txn, $stmt, $table, $key, $n) = @_;
		push @{ $h->{adds} }, { txn => $txn, stmt => $stmt, table => $table, key => $key, n => $n };
	},
	f => sub { my ($h, $t, $node, $table, @f) = @_; push @{ $h->{final}{$node}{$table} }, \@f },
	l => sub {
		my ($h, $t, $node, $replica, $seq, $hash) = @_;
		$seq =~ /^-?\d+\.\d+$/ or die "\"$seq\" is no number of an entry and part\n";
		push @{ $h->{log}{$node}{$replica}{$seq} }, $hash;
	},
);

sub _file
{
	my ($h, $path) = @_;
	open my $f, '<', $path or die "$path: $!\n";
	while (my $line = <$f>)
	{
		if ($line =~ /^#\s*expect:\s*(\S+)/) { $h->{expect} = $1; next }
		next if $line =~ /^#|^\s*$/;
		# a writer that was killed may leave half a line
		last unless $line =~ s/\n\z//;
		my ($kind, @fields) = split /\t/, $line, -1;
		my $reader = $reader{$kind} or die "$path:$.: unknown kind of line \"$kind\"\n";
		$reader->($h, @fields);
	}
}

# What became of a transaction: 'ok', 'failed' or 'unknown' as its client saw
# it; an unknown one that left its mark in the final state did commit.  Between
# a standby's start, or a backup, and the moment it took over, even what was
# acknowledged may be lost: 'maybe' until the mark decides.
sub _outcomes
{
	my ($h) = @_;
	my %mark;
	for my $node (sort keys %{ $h->{final} })
	{
		$mark{ $_->[0] } = 1 for @{ $h->{final}{$node}{mark} || [] };
	}
	my $have_final = %{ $h->{final} } ? 1 : 0;
	for my $x (values %{ $h->{txns} })
	{
		$x->{said} = $x->{outcome};
		my $session = $h->{sessions}{ $x->{session} // '' };
		for my $l (@{ $h->{lossy} })
		{
			my ($node, $from, $to) = @$l;
			next unless $session && $session->{node} eq $node && $x->{time} >= $from && $session->{time} <= $to;
			# one that was not answered may have been seen there before it was lost, too
			$x->{lossy} = $x->{outcome} eq 'unknown' || $x->{outcome} eq 'ok' && $x->{time} <= $to or next;
			$x->{outcome} = 'unknown';
		}
		$x->{committed} = $x->{outcome} eq 'ok' || ($x->{outcome} eq 'unknown' && ($mark{ $x->{id} } ? 1 : !$have_final)) ? 1 : 0;
		$x->{lost} = $x->{lossy} && !$x->{committed};
	}
}

1;
