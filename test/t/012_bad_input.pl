# A peer that answers garbage, hangs, or disconnects in the middle of a batch
# costs nothing but time; a damaged entry stops one stream and says which.
use strict;
use warnings;
use Converge;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;

my $g = Converge->new_group(names => [qw(a b c)], proxied => 1,
	conf => "converge.connect_timeout = '2s'\n");
my ($a, $b, $c) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text)');
$g->replicate('t');
$a->sql("INSERT INTO t SELECT i, repeat('x', 200) FROM generate_series(1, 1000) i");
$g->converged_ok('three nodes', 't');
my $next = 10_000;
Converge::seed();

# Write at a while b's link to it misbehaves; b must neither stop its other
# work nor lose anything.
sub with_fault
{
	my ($what, $set, $clear, $rows) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$set->();
	my $from = $next;
	$next += $rows;
	$a->sql("INSERT INTO t SELECT i, repeat('$next', 20) FROM generate_series($from, $next - 1) i");
	$b->sql("INSERT INTO t VALUES ($next, 'local work')");
	$next++;
	$c->sql("INSERT INTO t VALUES ($next, 'of c')");
	ok($b->wait_for("SELECT count(*) FROM t WHERE id = $next", '1'), "$what: local work and other peers go on");
	$next++;

	# all that comes over the link counts, heartbeats too
	my $deadline = time + $Converge::timeout;
	select undef, undef, undef, 0.1 while $g->fault('pending', 'b', 'a') && time < $deadline;
	is($g->fault('pending', 'b', 'a'), '0', "$what: it has happened");
	$clear->();
	$g->converged_ok("$what: nothing is lost", 't');
}

# --- disconnected mid-batch, at several places -----------------------------------------
for my $bytes (1, 30, 500, 5_000, 70_000)
{
	with_fault("cut off after $bytes bytes", sub { $g->fault('truncate', 'b', 'a', $bytes) }, sub { }, 500);
}

# --- garbage -------------------------------------------------------------------------------
for my $bytes (0, 7, 200, 3_000)
{
	with_fault("64 garbled bytes after $bytes", sub { $g->fault('garble', 'b', 'a', $bytes) },
		sub { $g->heal('a', 'b') }, 200);
}

# --- silence ---------------------------------------------------------------------------------
with_fault('a peer that hangs', sub { $g->hang('a', 'b') },
	sub { $g->heal('a', 'b') }, 200);
with_fault('a link that is cut', sub { $g->cut('a', 'b') }, sub { $g->heal('a', 'b') }, 200);
with_fault('a slow link', sub { $g->fault('delay', 'b', 'a', 200) }, sub { $g->fault('delay', 'b', 'a', 0) }, 200);
with_fault('a link that resets', sub { $g->fault('reset', 'b', 'a') }, sub { }, 200);

# --- a server that is none ---------------------------------------------------------------------
{
	my $dir = PostgreSQL::Test::Utils::tempdir_short();
	my $s = IO::Socket::UNIX->new(Local => "$dir/.s.PGSQL.1", Listen => 5) or die;
	my $pid = fork;
	if (!$pid)
	{
		# answers everything with noise
		while (my $client = $s->accept)
		{
			sysread $client, my $hello, 1000;
			syswrite $client, join '', map { chr int rand 256 } 1 .. 1000;
			close $client;
		}
		POSIX::_exit(0);
	}
	my $peers = join ', ', map { "$_=" . $g->conninfo('b', $_) } qw(a c);
	$b->set('converge.peers', "$peers, noise=host=$dir port=1 dbname=x");
	ok($b->wait_for("SELECT last_error <> '' FROM converge.stat_peers WHERE name = 'noise'"), 'a peer that speaks no protocol has an error');
	$a->sql("INSERT INTO t VALUES ($next, 'beside noise')");
	$next++;
	$g->converged_ok('and disturbs no one', 't');
	# a database without the extension, and one that is not there
	$c->server->safe_psql('postgres', 'CREATE DATABASE bare');
	my $where = 'host=' . $c->server->host . ' port=' . $c->server->port;
	$b->set('converge.peers', "$peers, noise=$where dbname=bare, nothing=$where dbname=nothing");
	ok($b->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'noise'", qr/converge|extension/i), 'a database without the extension is reported');
	ok($b->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'nothing'", qr/"nothing" does not exist/), 'a database that does not exist too');
	$b->set('converge.peers', $peers);
	ok($b->wait_for("SELECT string_agg(name, ',' ORDER BY name) FROM converge.stat_peers", 'a,c'), 'peers that are taken off the list go');
	kill 9, $pid;
	waitpid $pid, 0;
}

# --- a damaged entry in the log ----------------------------------------------------------------
# While b is away, bits of an entry are changed in a's log.
my %damages = (
	'a bit flipped in the middle' => 'body = set_bit(body, length(body) * 4, 1 - get_bit(body, length(body) * 4))',
	'a bit flipped in a value'    => 'body = set_bit(body, (length(body) - 7) * 8, 1 - get_bit(body, (length(body) - 7) * 8))',
	'a bit flipped at the start'  => 'body = set_bit(body, 20, 1 - get_bit(body, 20))',
	'a body that is cut off'      => 'body = substr(body, 1, length(body) - 5)',
	'an unknown version'          => 'body = set_byte(body, 0, 99)',
	'bytes after the end'         => "body = body || '\\x00'::bytea",
	'an empty body'               => "body = '\\x'::bytea",
	'a bit flipped in the stamp'  => 'stamp = stamp # 1');
for my $what (sort keys %damages)
{
	$g->cut('a', 'b');
	$g->cut('a', 'c');
	my ($id, $after) = ($next++, $next++);
	$a->sql("INSERT INTO t VALUES ($id, 'to be damaged')");
	my $seq = $a->sql('SELECT last_seq FROM converge.node_info()');
	my $where = "origin = (SELECT origin FROM converge.node) AND seq = $seq";
	$a->sql("INSERT INTO t VALUES ($after, 'after it')");
	my ($body, $stamp) = split /\|/, $a->sql("SELECT encode(body, 'hex'), stamp FROM converge.log WHERE $where");
	my $set = sub { $a->sql("UPDATE converge.log SET $_[0] WHERE $where") };
	$set->($damages{$what});
	$g->heal('a', 'b');
	ok($b->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'a'", qr/\b$seq\b/), "$what: the error names the seq");
	like($b->sql("SELECT last_error FROM converge.stat_peers WHERE name = 'a'"), qr/"a"|\ba\b/, "$what: and the peer");
	$c->sql("INSERT INTO t VALUES ($next, 'c')");
	ok($b->wait_for("SELECT v FROM t WHERE id = $next", 'c'), "$what: the stream of another peer goes on");
	$next++;
	is($b->sql("SELECT count(*) FROM t WHERE id IN ($id, $after)"), '0', "$what: nothing of it, and nothing after it, was applied");
	$set->("body = decode('$body', 'hex'), stamp = $stamp");
	$g->heal('a', 'c');
	$g->converged_ok("$what: when the log is mended, the stream goes on and nothing is lost", 't');
}

# --- garbage as arguments -----------------------------------------------------------------------------
for my $f (qw(hello pull fetch))
{
	for my $arg ('NULL', q{'\x'}, q{'\x00'}, q{'\xffffffffffffffffffffffff'}, "decode(repeat('01', 5000), 'hex')")
	{
		my ($rc, $out, $err) = $a->try("\\set VERBOSITY verbose\nSELECT converge.$f($arg)");
		ok($rc != 0 && $err =~ /ERROR:  (08P01|22004|22023|22P03|0A000)/ || $rc == 0 && $arg eq 'NULL', "$f($arg) is an error with a code of its own")
		  or diag "exit $rc: $err";
	}
}
is($a->sql('SELECT 1'), '1', 'and the server lives');

done_testing();
