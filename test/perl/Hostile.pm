# A peer that speaks the protocol wrongly: a database without the extension,
# with functions of the same names that answer what the test tells them:
# recorded answers of the real node b, changed.
#
# A group of three, a, b and c.  b writes something that a and c do not have;
# a's link to b is bent to the hostile peer, which gets a's requests, and the
# real b answers those once, for the record.
package Hostile;

use strict;
use warnings;
use Converge;
use Test::More;

# new(conf => "...", tables => "CREATE TABLE ...", replicate => [...], write => "..."):
# what all have, and what b writes for the record.
sub new
{
	my ($class, %opt) = @_;
	my $g = Converge->new_group(names => [qw(a b c)], conf => "converge.connect_timeout = '2s'\n" . ($opt{conf} // ''));
	my $self = bless { g => $g, %opt, next => 5000 }, $class;
	my ($a, $b, $c) = @$self{qw(a b c)} = $g->nodes;
	$g->all('CREATE TABLE t (id int PRIMARY KEY, v text);' . ($opt{tables} // ''));
	$g->replicate('t', @{ $opt{replicate} // [] });
	$a->sql("INSERT INTO t SELECT i, 'first' FROM generate_series(1, 100) i");
	$g->converged_ok('three nodes', 't');
	$self->_make_database;
	$self->_record;
	return $self;
}

sub _make_database
{
	my ($self) = @_;
	$self->{c}->server->safe_psql('postgres', 'CREATE DATABASE hostile');
	my $hostile = $self->{hostile} = Converge::Node->new('hostile', $self->{c}->server, 'hostile');
	$hostile->sql(<<'SQL');
CREATE SCHEMA converge;
CREATE TABLE converge.requests (n serial, kind text, body bytea, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE converge.greeting (body bytea);
CREATE TABLE converge.answers (n int, part int, body bytea);
CREATE SEQUENCE converge.served;
CREATE FUNCTION converge.hello(request bytea) RETURNS bytea LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO converge.requests (kind, body) VALUES ('hello', request);
	RETURN (SELECT body FROM converge.greeting);
END $$;
-- each call gives the next answer, and in the end always the last
CREATE FUNCTION converge.pull(request bytea) RETURNS SETOF bytea LANGUAGE plpgsql AS $$
DECLARE
	which int := least(nextval('converge.served'), (SELECT max(n) FROM converge.answers));
BEGIN
	INSERT INTO converge.requests (kind, body) VALUES ('pull', request);
	RETURN QUERY SELECT body FROM converge.answers WHERE n = which ORDER BY part;
END $$;
CREATE FUNCTION converge.fetch(request bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT '\x'::bytea $$;
SQL
}

# Sets greeting (a's), hello (b's answer), request (a's), answer [...] with
# before [...], entries and head in it, all as hex.
sub _record
{
	my ($self) = @_;
	my ($g, $a, $b, $c, $hostile) = @$self{qw(g a b c hostile)};
	$self->{real} = join ', ', map { "$_=" . $g->conninfo('a', $_) } qw(b c);
	$c->pause('b');
	$a->set('converge.peers', 'b=host=' . $c->server->host . ' port=' . $c->server->port . ' dbname=hostile, c=' . $g->conninfo('a', 'c'));
	ok($hostile->wait_for("SELECT count(*) > 0 FROM converge.requests WHERE kind = 'hello'"), 'a greets');
	$b->sql($self->{write});
	my $last = "SELECT encode(body, 'hex') FROM converge.requests WHERE kind = '%s' ORDER BY n DESC LIMIT 1";
	my $greeting = $self->{greeting} = $hostile->sql(sprintf $last, 'hello');
	my $hello = $self->{hello} = $b->sql("SELECT encode(converge.hello('\\x$greeting'), 'hex')");
	$hostile->sql("INSERT INTO converge.greeting VALUES ('\\x$hello')");
	ok($hostile->wait_for("SELECT count(*) > 0 FROM converge.requests WHERE kind = 'pull'"), 'and pulls, when the answer is right');
	my $request = $self->{request} = $hostile->sql(sprintf $last, 'pull');
	my (undef, @answer) = split /\n/, $b->sql("SELECT encode(converge.hello('\\x$greeting'), 'hex'); SELECT encode(p, 'hex') FROM converge.pull('\\x$request') p");
	cmp_ok(scalar @answer, '>=', 2, 'the real answer has ' . @answer . ' messages');
	$self->{answer} = \@answer;
	($self->{entries}) = grep { /^45/ } @answer;
	($self->{head}) = grep { /^48/ } @answer;
	$self->{before} = [ grep { !/^4[58]/ } @answer ];
	ok(defined $self->{entries} && defined $self->{head}, 'entries and a head among them');
}

# Serve these answers from now on, one a call.
sub serve
{
	my ($self, @answers) = @_;
	my $n = 0;
	my $sql = "BEGIN; DELETE FROM converge.answers; ALTER SEQUENCE converge.served RESTART;\n";
	for my $messages (@answers)
	{
		my $part = 0;
		$n++;
		$sql .= "INSERT INTO converge.answers VALUES ($n, " . $part++ . ', '
		  . (defined $_ ? "'\\x$_'" : 'NULL') . ");\n" for @$messages;
	}
	$self->{hostile}->sql("$sql COMMIT");
}

# Serve them.  a must have an error for the link that looks like $like; c's
# rows must arrive meanwhile, and nothing of b.
sub refused
{
	my ($self, $what, $like, @answers) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $a = $self->{a};
	# the answers first: an error of the one before must not be taken for theirs
	$self->serve(@answers);
	my $id = $self->c_writes;
	ok($self->{hostile}->wait_for('SELECT last_value >= ' . (@answers + 1) . ' FROM converge.served'), "$what: every one of them was asked for")
	  or diag $a->sql('SELECT * FROM converge.stat_peers');
	ok($a->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'b'", $like), "$what: the error says so");
	ok($a->wait_for("SELECT count(*) FROM t WHERE id = $id", '1'), "$what: another peer's rows go on coming");
	is($a->sql("SELECT count(*) FROM t WHERE v LIKE 'of b%'"), '0', "$what: nothing of it was applied");
}

sub c_writes
{
	my ($self) = @_;
	my $id = ++$self->{next};
	$self->{c}->sql("INSERT INTO t VALUES ($id, 'of c')");
	return $id;
}

sub others_go_on
{
	my ($self, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $id = $self->c_writes;
	ok($self->{a}->wait_for("SELECT count(*) FROM t WHERE id = $id", '1'), "$what: another peer's rows go on coming");
}

# The largest memory that a receiver of a has ever had, kB.
sub receiver_kb
{
	my ($self) = @_;
	my $most = 0;
	for my $pid ($self->{a}->worker_pids('receiver'))
	{
		open my $status, '<', "/proc/$pid/status" or next;
		my ($kb) = map { /^VmHWM:\s+(\d+)/ ? $1 : () } <$status>;
		$most = $kb if ($kb // 0) > $most;
	}
	return $most;
}

# a's link leads to the real b again, and nothing is missing.
sub mend
{
	my ($self) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$self->{a}->set('converge.peers', $self->{real});
	$self->{c}->resume('b');
	$self->{g}->converged_ok('with the real b nothing is missing', 't');
	is($self->{a}->sql('SELECT replica_id FROM converge.node_info()'), 'a', 'and a is who it was');
}

# --- bytes -----------------------------------------------------------------------

sub varint
{
	my ($n) = @_;
	my $bytes = '';
	for (; $n >= 128; $n >>= 7) { $bytes .= chr($n & 127 | 128) }
	return $bytes . chr $n;
}

sub take_varint
{
	my ($bytes) = @_;
	my ($n, $shift) = (0, 0);
	while ($$bytes =~ s/^(.)//s)
	{
		$n |= (ord($1) & 127) << $shift;
		return $n if ord $1 < 128;
		$shift += 7;
	}
	die 'no varint';
}

sub take_slice { my ($bytes) = @_; return substr $$bytes, 0, take_varint($bytes), '' }
sub slice { return varint(length $_[0]) . $_[0] }

# An 'E' message in pieces: [ { origin, seq, back, stamp, body } ], head and
# body without their seals.
sub take_apart
{
	my ($hex) = @_;
	my $bytes = substr pack('H*', $hex), 1;
	my @entries;
	while (length $bytes)
	{
		my %e = (origin => take_slice(\$bytes));
		$e{$_} = take_varint(\$bytes) for qw(seq back stamp);
		substr $bytes, 0, 4, '';
		$e{body} = substr take_slice(\$bytes), 0, -4;
		push @entries, \%e;
	}
	return @entries;
}

sub put_together
{
	my (@entries) = @_;
	return unpack 'H*', 'E' . join '', map {
		my $e = $_;
		my $fixed = varint($e->{seq}) . varint($e->{stamp}) . $e->{origin};
		head($e) . slice($e->{body} . pack 'N', xxh32($fixed, xxh32($e->{body})))
	} @entries;
}

sub head
{
	my ($e) = @_;
	return sealed(slice($e->{origin}) . varint($e->{seq}) . varint($e->{back}) . varint($e->{stamp}));
}

sub sealed { return $_[0] . pack 'N', xxh32($_[0]) }

sub xxh32
{
	my ($data, $seed) = (@_, 0);
	my ($p1, $p2, $p3, $p4, $p5) = (2654435761, 2246822519, 3266489917, 668265263, 374761393);
	my $mask = 0xffffffff;
	my $mul = sub { my ($x, $y) = @_; return (($x & 0xffff) * $y + ((($x >> 16) * $y & 0xffff) << 16)) & $mask };
	my $rot = sub { my ($x, $n) = @_; return ($x << $n | $x >> 32 - $n) & $mask };
	my ($at, $h) = (0, ($p5 + $seed) & $mask);
	if (length $data >= 16)
	{
		my @v = map { ($_ + $seed) & $mask } $p1 + $p2, $p2, 0, -$p1;
		for (; $at + 16 <= length $data; $at += 16)
		{
			my @in = unpack 'V4', substr $data, $at, 16;
			$v[$_] = $mul->($rot->(($v[$_] + $mul->($in[$_], $p2)) & $mask, 13), $p1) for 0 .. 3;
		}
		$h = $rot->($v[0], 1) + $rot->($v[1], 7) + $rot->($v[2], 12) + $rot->($v[3], 18);
	}
	$h = ($h + length $data) & $mask;
	for (; $at + 4 <= length $data; $at += 4)
	{
		$h = $mul->($rot->(($h + $mul->(unpack('V', substr $data, $at, 4), $p3)) & $mask, 17), $p4);
	}
	for (; $at < length $data; $at++)
	{
		$h = $mul->($rot->(($h + ord(substr $data, $at, 1) * $p5) & $mask, 11), $p1);
	}
	$h = $mul->($h ^ $h >> 15, $p2);
	$h = $mul->($h ^ $h >> 13, $p3);
	return $h ^ $h >> 16;
}

1;
