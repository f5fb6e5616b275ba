# A peer that speaks the protocol wrongly in every way: what it says is refused
# with an error, its stream stops, the others go on, and nothing is lost.
#
# The hostile peer is test/perl/Hostile.pm; a second one is a socket that answers a
# byte a second.  What is hostile only in time is in 031_hostile_time.pl.
use strict;
use warnings;
use Hostile;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;

# One transaction: of two, the first may be applied when the second is damaged.
my $h = Hostile->new(
	write => "BEGIN; INSERT INTO t SELECT i, repeat('of b', 20) FROM generate_series(1000, 1004) i; UPDATE t SET v = 'of b' WHERE id <= 10; COMMIT");
my ($g, $a, $b, $c, $hostile) = @$h{qw(g a b c hostile)};
my ($entries, $head, $hello, $request, $greeting) = @$h{qw(entries head hello request greeting)};
my @before = @{ $h->{before} };
my ($entry, @more) = Hostile::take_apart($entries);
is(scalar @more, 0, 'all that b wrote is one entry');

Converge::seed();

# --- each answer, changed ---------------------------------------------------------------
sub refused { $h->refused(@_) }
sub flip { my ($hex, $at) = @_; substr($hex, 2 * $at, 2) = sprintf '%02x', hex(substr $hex, 2 * $at, 2) ^ 0xff; return $hex }
my $length = length($entries) / 2;

refused('no head', qr/incomplete answer/, [ @before, $entries ]);
refused('nothing at all', qr/incomplete answer/, []);
refused('a message behind the head', qr/invalid answer/, [ @before, $head, $entries ]);
refused('two heads', qr/invalid answer/, [ $head, $head ]);
refused('an empty message', qr/invalid answer/, [ '', $head ]);
refused('an unknown message', qr/invalid message/, [ '58' . $entries, $head ]);
refused('a request instead of an answer', qr/invalid/, [ $request ]);
refused('a greeting instead of an answer', qr/invalid|incomplete/, [ $hello ]);
refused('a part of no transaction', qr/invalid part/, [ '50' . substr($entries, 2, 40), $head ]);
refused('noise', qr/invalid|incomplete/, map { [ join '', map { sprintf '%02x', int rand 256 } 1 .. 200 ] } 1 .. 3);
refused('a count of 2^60', qr/invalid/, [ '45' . 'ff' x 8 . '7f' . substr($entries, 4), $head ], [ '48' . 'ff' x 40 ]);
refused('entries that are cut off', qr/invalid/, map { [ @before, substr($entries, 0, 2 * int($length * $_ / 12)), $head ] } 1 .. 11);
refused('a head that is cut off', qr/invalid/, map { [ substr $head, 0, 2 * int(length($head) / 2 * $_ / 6) ] } 1 .. 5);
my $behind = 1 + length Hostile::head($entry);
refused('a flipped byte in the head of an entry', qr/invalid entry/, map { [ @before, flip($entries, $_), $head ] } 1 .. $behind - 1);
refused('a flipped byte in an entry', qr/invalid entry/, map { [ @before, flip($entries, $behind + int(($length - $behind - 1) * $_ / 11)), $head ] } 0 .. 11);
refused('an entry with the head of another one', qr/invalid entry: Reason: checksum/i,
	map { [ @before, unpack('H*', 'E' . Hostile::head({ %$entry, @$_ })) . substr($entries, 2 * $behind), $head ] }
	  [ origin => 'zz' ], [ seq => $entry->{seq} + 1 ], [ stamp => $entry->{stamp} + 1 ]);
refused('a flipped byte in a table description', qr/invalid table description/, map { [ flip($before[0], $_), $entries, $head ] } 5, 40, length($before[0]) / 2 - 1);
refused('bytes behind the last entry', qr/invalid/, [ @before, $entries . 'ffff', $head ]);

# --- an answer without end --------------------------------------------------------------------
# The same entries again and again: too much to keep.
{
	my $times = int(30 * 1024 * 1024 / $length) + 1;
	$hostile->sql("CREATE OR REPLACE FUNCTION converge.pull(request bytea) RETURNS SETOF bytea LANGUAGE sql ROWS 1000000 AS \$\$
		SELECT body FROM converge.answers, generate_series(1, $times) \$\$;
		DELETE FROM converge.answers; INSERT INTO converge.answers VALUES (1, 0, '\\x$entries')");
	ok($a->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'b'", qr/much longer than/), 'an answer without end is not kept');
	# it is asked for again and again: look at the receiver while that goes on
	my $most = 0;
	my $errors = "SELECT last_error_at FROM converge.stat_peers WHERE name = 'b'";
	my ($seen, $last) = (0, $a->sql($errors));
	my $deadline = time + $Converge::timeout;
	while (($seen < 3 || !$most) && time < $deadline)
	{
		my $kb = $h->receiver_kb;
		$most = $kb if $kb > $most;
		my $now = $a->sql($errors);
		$seen++ if $now ne $last;
		$last = $now;
	}
	cmp_ok($most, '>', 0, 'the receiver was there to look at');
	cmp_ok($most, '<', 300 * 1024, 'and takes no more memory than that');
}

# --- answers of another type ----------------------------------------------------------------------
for my $case ([ 'text', "SELECT 'x'::text" ], [ 'int8', 'SELECT 1::int8' ], [ 'bytea that is NULL', 'SELECT NULL::bytea' ])
{
	my ($type, $sql) = @$case;
	my ($returns) = $type =~ /^(\w+)/;
	$hostile->sql("DROP FUNCTION converge.pull(bytea);
		CREATE FUNCTION converge.pull(request bytea) RETURNS SETOF $returns LANGUAGE sql AS \$\$ $sql \$\$");
	$h->others_go_on("an answer of type $type");
	ok($a->wait_for("SELECT last_error <> '' FROM converge.stat_peers WHERE name = 'b'"), "an answer of type $type: an error");
}

# --- greetings ------------------------------------------------------------------------------------------
sub greeted
{
	my ($what, $like, $bytes) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$hostile->sql('UPDATE converge.greeting SET body = ' . (defined $bytes ? "'\\x$bytes'" : 'NULL'));
	ok($a->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'b'", $like), "$what: the error says so");
}
my $of_c = $c->sql("SELECT encode(converge.hello('\\x$greeting'), 'hex')");
greeted('somebody else', qr/is a node with the name "c"|replica id "c" of peer "b" is in use/, $of_c);
greeted('our own greeting', qr/same replica id as this node/, $greeting);
greeted('no greeting', qr/answer|greeting|hello/, undef);
greeted('a greeting that is cut off', qr/invalid|truncated|greeting|hello/i, substr $hello, 0, length($hello) / 2 & ~1);

# --- a byte a second -------------------------------------------------------------------------------------
{
	my $dir = PostgreSQL::Test::Utils::tempdir_short();
	my $listen = IO::Socket::UNIX->new(Local => "$dir/.s.PGSQL.1", Listen => 5) or die;
	my $pid = fork;
	if (!$pid)
	{
		$SIG{PIPE} = 'IGNORE';
		while (my $client = $listen->accept)
		{
			sysread $client, my $startup, 1000;
			my $answer = 'R' . pack('NN', 8, 0) . 'Z' . pack('N', 5) . 'I' . ('T' . pack('N', 100000) . "\0" x 100000);
			for my $byte (split //, $answer)
			{
				last unless syswrite $client, $byte;
				select undef, undef, undef, 1;
			}
		}
		POSIX::_exit(0);
	}
	$a->set('converge.peers', "b=host=$dir port=1 dbname=x, c=" . $g->conninfo('a', 'c'));
	ok($a->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'b'", qr/could not connect to peer "b"|does not answer/),
		'a byte a second is no answer');
	$h->others_go_on('a byte a second');
	kill 9, $pid;
	waitpid $pid, 0;
}

# --- the real one again -----------------------------------------------------------------------------------
$h->mend;
is($a->sql("SELECT count(*) FROM t WHERE v LIKE 'of b%'"), '15', 'what b wrote is there');
like(PostgreSQL::Test::Utils::slurp_file($a->server->logfile), qr/ERROR:  peer "b" sent an in(valid|complete) answer/, 'the log names the peer');

done_testing();
