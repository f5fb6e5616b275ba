# Peers that are hostile in time: from the future, without end, and slower than
# any line.  What they say is held back or refused, this node's clock does not
# follow them, it is not kept busy, and the others go on.
use strict;
use warnings;
use Hostile;
use Test::More;

my $h = Hostile->new(
	tables => 'CREATE TABLE s (id int PRIMARY KEY, n int);',
	replicate => ['s'],
	write => "INSERT INTO t VALUES (1000, 'of b'); SELECT converge.set_strategy('s', 'n', 'max'); INSERT INTO s VALUES (1, 1)");
my ($g, $a, $b, $c, $hostile) = @$h{qw(g a b c hostile)};
my @before = @{ $h->{before} };
my @entries = Hostile::take_apart($h->{entries});
is(Hostile::put_together(@entries), $h->{entries}, 'entries taken apart and put together are what they were');
my ($row) = grep { $_->{body} =~ /of b/ } @entries;
my $five_hours = 5 * 3600 * 1_000_000;

# Entries up to the one with the row, that one changed.
sub changed
{
	my (%with) = @_;
	return [ @before, Hostile::put_together(map { $_ == $row ? { %$_, %with } : $_ } @entries), $h->{head} ];
}

sub clock_of_a_ok
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$a->sql("UPDATE t SET v = '$what' WHERE id = 1");
	is($a->sql("SELECT converge.changed_at(_converge) < clock_timestamp() + interval '1 s' FROM t WHERE id = 1"), 't',
		"$what: our own stamps are of the present");
	ok($c->wait_for('SELECT v FROM t WHERE id = 1', $what), "$what: others take what we write");
}

# What waits for its time is not looked at meanwhile: a new link.
sub link_anew
{
	$h->serve([ $h->{head} ]);
	$a->sql("SELECT converge.peer_pause('b')");
	ok($a->wait_for("SELECT coalesce(pid, 0) = 0 FROM converge.stat_peers WHERE name = 'b'"), 'the link is given up');
	$a->sql("SELECT converge.peer_resume('b')");
}

# --- from the future ----------------------------------------------------------------
$h->refused('entries of a time to come', qr/changes of replica id "b" are stamped \d+\.\d+ s in the future/,
	changed(stamp => $row->{stamp} + $five_hours));
clock_of_a_ok('entries of a time to come');
link_anew();
$h->refused('the end of time', qr/changes of replica id "b" are stamped \d+\.\d+ s in the future/,
	changed(stamp => 9223372036854775807));
clock_of_a_ok('the end of time');
link_anew();

# the entry says now, its row another time
my $born = Hostile::varint($b->sql('SELECT extract(epoch FROM converge.changed_at(_converge) - \'2000-01-01 00:00 UTC\') * 1000000 FROM t WHERE id = 1000') + 0);
my $later = Hostile::varint($b->sql('SELECT extract(epoch FROM converge.changed_at(_converge) - \'2000-01-01 00:00 UTC\') * 1000000 FROM t WHERE id = 1000') + $five_hours);
is(length $later, length $born, 'the stamps have the same length');
(my $body = $row->{body}) =~ s/\Q$born\E/$later/ or die 'no stamp';
$h->refused('a row of a time to come', qr/row in a peer's entry is stamped in the future/, changed(body => $body));
clock_of_a_ok('a row of a time to come');

# a stable clock ahead of all clocks would have every deleted row forgotten
{
	my $clock = pack 'H*', $b->sql("SELECT encode(converge.vclock_send('{b:9000000000000000}'), 'hex')");
	my ($first, $rest) = $row->{body} =~ /^(.)(.*)$/s;
	my $lag = Hostile::varint(Hostile::take_varint(\$rest));
	my $deps = ord($first) & 2 ? Hostile::slice(Hostile::take_slice(\$rest)) : '';
	Hostile::take_slice(\$rest) if ord($first) & 4;
	$h->refused('a stable clock of a time to come', qr/stable clock from a peer is in the future/,
		changed(body => chr(ord($first) | 4) . $lag . $deps . Hostile::slice($clock) . $rest));
	is($a->sql('SELECT stable FROM converge.node_info()') =~ /9000000000000000/ ? 1 : 0, 0, 'our stable clock has nothing of it');
}

# a strategy is set by whoever set it last
{
	my $set = Hostile::varint($b->sql("SELECT extract(epoch FROM set_at - '2000-01-01 00:00 UTC') * 1000000 FROM converge.strategies") + 0);
	my $instead = Hostile::varint($b->sql("SELECT extract(epoch FROM set_at - '2000-01-01 00:00 UTC') * 1000000 FROM converge.strategies") + $five_hours);
	my @told = map { my $m = substr pack('H*', $_), 1, -4; $m =~ s/\Q$set\E/$instead/; unpack 'H*', 'D' . Hostile::sealed($m) } @before;
	isnt("@told", "@before", 'a table description says when a strategy was set');
	$h->refused('a strategy of a time to come', qr/strategy of column "n" was set in the future/, [ @told, $h->{entries}, $h->{head} ]);
	is($a->sql('SELECT count(*) FROM converge.strategies WHERE set_at > now()'), '0', 'it is not set');
	clock_of_a_ok('a strategy of a time to come');
}

# --- a loop -----------------------------------------------------------------------------
# The same well-formed answer for ever: taken once, and then asked for less and
# less often (converge.heartbeat_interval is half a second here).
my $more = $h->{head};
substr($more, 18, 2) = '01';
for my $case (
	[ 'heads alone', 0.07, 30, [ $h->{head} ] ],
	[ 'the same entries', 0.4, 10, [ @before, $h->{entries}, $h->{head} ] ],
	[ 'the same entries, and more to come', 0.4, 10, [ @before, $h->{entries}, $more ] ])
{
	my ($what, $pause, $times, @answer) = @$case;
	my $until = 22 + $times;
	$h->serve(@answer);
	$hostile->sql('DELETE FROM converge.requests');
	ok($hostile->wait_for("SELECT count(*) >= $until FROM converge.requests WHERE kind = 'pull'"), "$what for ever: we go on asking");
	$h->others_go_on("$what for ever");
	# over many of them: one that comes late is closer to the next
	my $seconds = $hostile->sql("SELECT extract(epoch FROM max(at) - min(at)) / $times FROM (SELECT at, row_number() OVER (ORDER BY n) AS i
		FROM converge.requests WHERE kind = 'pull') x WHERE i BETWEEN 22 AND $until");
	cmp_ok($seconds, '>=', $pause, "$what for ever: but not all the time");
	is($a->sql("SELECT state FROM converge.stat_peers WHERE name = 'b'"), 'streaming', "$what for ever: that is no error");
}
is($a->sql("SELECT count(*) FROM t WHERE v = 'of b'"), '1', 'entries that came again and again are there once');

# Nothing but notices.
{
	my $was = $hostile->sql("SELECT pg_get_functiondef('converge.pull(bytea)'::regprocedure)");
	$hostile->sql('CREATE OR REPLACE FUNCTION converge.pull(request bytea) RETURNS SETOF bytea LANGUAGE plpgsql AS $$
		BEGIN LOOP RAISE NOTICE \'and another thing\'; END LOOP; END $$');
	ok($a->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'b'", qr/invalid answer: There are more than 1000 notices in it/),
		'notices for ever: refused');
	$h->others_go_on('notices for ever');
	$hostile->sql($was);
}

# Always new entries: no end of them, and they are applied like anybody's.
{
	my ($seq, @answers) = 0;
	for my $n (1 .. 60)
	{
		push @answers, [ @before, Hostile::put_together(map { +{ %$row, origin => 'zz', seq => ++$seq, back => 1, stamp => $row->{stamp} + $seq } } 1 .. 100), $more ];
	}
	push @answers, [ $h->{head} ];
	$h->serve(@answers);
	ok($hostile->wait_for('SELECT last_value >= 10 FROM converge.served'), 'new entries without end: they are taken');
	$h->others_go_on('new entries without end');
	clock_of_a_ok('new entries without end');
	ok($a->wait_for("SELECT progress FROM converge.node_info()", qr/\bzz:$seq\b/), 'all of them are here');
	my $most = $h->receiver_kb;
	cmp_ok($most, '>', 0, 'the receivers were there to look at');
	cmp_ok($most, '<', 150 * 1024, 'and took no more memory for it');
}
$h->mend;
is($a->sql("SELECT count(*) FROM converge.strategies"), '1', 'and the strategy that b has set is set');

$_->server->stop for $a, $b, $c;

# --- slower than any line ------------------------------------------------------------------
# A peer that streams, and then sends a byte a second.
{
	my $slow = Converge->new_group(names => [qw(x y z)], proxied => 1);
	my ($x, $y, $z) = $slow->nodes;
	$slow->all('CREATE TABLE t (id int PRIMARY KEY, v text)');
	$slow->replicate('t');
	$y->sql("INSERT INTO t VALUES (1, 'first')");
	$slow->converged_ok('three nodes through a proxy', 't');
	$slow->fault('trickle', 'x', 'y', 1000);
	$y->sql("INSERT INTO t VALUES (2, 'by another way')");
	ok($x->wait_for('SELECT count(*) FROM t WHERE id = 2', '1'), 'what a peer sends a byte a second comes by way of others');
	ok($x->wait_for("SELECT last_error FROM converge.stat_peers WHERE name = 'y'", qr/peer "y" does not answer: Only \d+ bytes were heard of it in \d+ ms/),
		'a byte a second is no answer');
	$slow->heal('x', 'y');
	$slow->converged_ok('when the line is mended', 't');
}

done_testing();
