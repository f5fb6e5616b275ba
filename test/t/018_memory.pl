# Nothing grows with the number of transactions: neither the backends that
# write, nor the backend that serves a peer, nor the workers that apply.
#   TRANSACTIONS=n for a longer run ("make leaks" makes it a million).
use strict;
use warnings;
use Converge;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $transactions = $ENV{TRANSACTIONS} || 12_000;
# What caches may still grow by, between the first measurement and the end.
my $slack = 64 * 1024;

my $g = Converge->new_group(names => [qw(a b)],
	conf => "converge.conflict_limit = 1000\nconverge.log_segment_size = 1MB\n");
my ($a, $b) = $g->nodes;
$g->all(<<'SQL');
CREATE TABLE t (id int PRIMARY KEY, n int, v text, w numeric, x jsonb);
CREATE TABLE h (id int, v text);
CREATE TABLE u (id int PRIMARY KEY, code int UNIQUE);
CREATE PROCEDURE work(from_ int, to_ int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN from_ .. to_ LOOP
		CASE i % 8
			WHEN 0 THEN
				INSERT INTO t VALUES (i % 200, i, repeat('x', i % 300), i / 7.0, '{"a": 1}')
					ON CONFLICT (id) DO UPDATE SET v = excluded.v, n = t.n + 1;
			WHEN 1 THEN UPDATE t SET w = w + 1 WHERE id = i % 200;
			WHEN 2 THEN DELETE FROM t WHERE id = (i / 8) % 200;
			WHEN 3 THEN INSERT INTO h VALUES (i, 'h');
			WHEN 4 THEN DELETE FROM h WHERE id <= i - 1000;
			WHEN 5 THEN UPDATE t SET id = -id WHERE id = i % 200 AND NOT EXISTS (SELECT FROM t x WHERE x.id = - (i % 200));
			WHEN 6 THEN
				BEGIN
					INSERT INTO u VALUES (i % 50, i % 13);
				EXCEPTION WHEN unique_violation THEN
					DELETE FROM u WHERE code = i % 13;
				END;
			ELSE UPDATE t SET n = n + 1, x = x || jsonb_build_object('i', i) WHERE id BETWEEN i % 200 AND i % 200 + 5;
		END CASE;
		COMMIT;
	END LOOP;
END $$;
SQL
$g->replicate('t', 'h', 'u');

# Bytes in use of another process, as it tells the server's log.
sub used_bytes
{
	my ($node, $pid) = @_;
	my $log = $node->server->logfile;
	my $from = -s $log;
	my $deadline = time + $Converge::timeout;
	$node->sql("SELECT pg_log_backend_memory_contexts($pid)");
	while (time < $deadline)
	{
		my $text = slurp_file($log, $from);
		return $1 if $text =~ /\[$pid\][^\n]*Grand total: \d+ bytes[^\n]*; (\d+) used/;
		select undef, undef, undef, 0.05;
	}
	die "process $pid does not say what it uses\n";
}

# name => [node, pid] of all processes that live as long as the test
sub processes
{
	my %found;
	for my $node ($a, $b)
	{
		for (split /\n/, $node->sql("SELECT pid, backend_type, application_name FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()
			AND (backend_type LIKE 'pg_converge%' OR application_name IN ('a', 'b', 'writer'))"))
		{
			my ($pid, $type, $name) = split /\|/;
			my $what = $type =~ /^pg_converge/ ? $type : $name eq 'writer' ? 'a writer' : "the backend that serves $name";
			$found{ "$what on " . $node->name } = [ $node, $pid ];
		}
	}
	return \%found;
}

my %writer = map { $_->name => $_->server->background_psql('postgres') } $a, $b;
$_->query_safe("SET application_name = 'writer'") for values %writer;

# Both write at the same time, so that there are conflicts too.
sub work
{
	my ($from, $to) = @_;
	my $half = int(($to - $from) / 2);
	my $load = IPC::Run::start([ 'psql', '-X', '-q', '-d', $b->connstr, '-c', "CALL work($from, " . ($from + $half) . ')' ], '<', \undef);
	$writer{a}->query_safe("CALL work($from, " . ($from + $half) . ')');
	$load->finish or die 'psql failed';
	$writer{b}->query_safe('CALL work(' . ($from + $half) . ", $to)");
	$g->wait_converged('t', 'h', 'u') or die 'not converged';
}

# A process may be asked in the middle of something, so the least of several
# answers counts: as few as three, and more as long as it is above the limit.
sub measure
{
	my (%limit) = @_;
	my $processes = processes();
	my %least;
	for my $what (keys %$processes)
	{
		for my $try (1 .. 30)
		{
			my $used = used_bytes(@{ $processes->{$what} });
			$least{$what} = $used if !defined $least{$what} || $used < $least{$what};
			last if $try >= 3 && $least{$what} <= ($limit{$what} // $least{$what});
		}
	}
	return \%least;
}

# Stops and continues the exchange; that is also how to see that managers look
# at settings and orders.
sub pause_all
{
	my ($paused) = @_;
	for my $node ($a, $b)
	{
		my ($peer) = grep { $_ ne $node->name } $g->names;
		$node->sql('SELECT converge.' . ($paused ? 'peer_pause' : 'peer_resume') . "('$peer')");
	}
	$_->wait_for('SELECT state FROM converge.stat_peers', $paused ? 'paused' : 'streaming')
	  or die 'the manager of ' . $_->name . " does not read its orders\n"
	  for $a, $b;
}

# The manager fills its caches as its tasks come round, some once a minute and
# many only if there is something to do.  A new one begins with all of them, and
# here each has something to do: more conflicts than are kept, a row set aside,
# tombstones, members that have moved on.  The conflicts are made while nothing
# is exchanged: those of the work before depend on how fast the machine is.
sub managers_have_done_all
{
	pause_all(1);
	$_->sql("INSERT INTO t (id, v) SELECT i, '" . $_->name . "' FROM generate_series(1001, 1020) i") for $a, $b;
	$a->sql('INSERT INTO u VALUES (1000, 999)');
	$b->sql('INSERT INTO u VALUES (1001, 999)');
	pause_all(0);
	$g->wait_converged('t', 'u') or die 'not converged';
	for my $node ($a, $b)
	{
		my ($old) = $node->worker_pids('manager');
		my $oldest = $node->sql('SELECT min(id) FROM converge.conflict_log');
		cmp_ok($node->sql('SELECT count(*) FROM converge.conflict_log'), '>', 10, 'conflicts to trim on ' . $node->name);
		is($node->sql('SELECT count(*) FROM u WHERE code = 999'), '1', 'and a row set aside');
		$node->set('converge.conflict_limit', 10);
		ok($node->wait_for("SELECT pid <> $old AND NOT EXISTS (SELECT FROM converge.conflict_log WHERE id <= $oldest)
				AND wait_event_type = 'Extension'
			FROM pg_stat_activity WHERE backend_type LIKE 'pg_converge manager%'"),
			'a new manager has done each of its tasks');
	}
	pause_all(1);
	pause_all(0);
	$a->sql('DELETE FROM t WHERE id > 1000');
	$a->sql('DELETE FROM u WHERE code = 999');
	$g->wait_converged('t', 'u') or die 'not converged';
	$a->sql('DELETE FROM u WHERE code = 999');
	$g->wait_converged('u') or die 'not converged';
	is($_->sql('SELECT count(*) FROM u WHERE code = 999'), '0', 'nothing is left of that on ' . $_->name) for $a, $b;
}

my $segment = 'SELECT log_segment FROM converge.node';
my $done = 3000;
work(1, $done);
managers_have_done_all();
# until the log has gone on in another segment, too; how many transactions that
# takes depends on how full this one is
my $deadline = time + $Converge::timeout;
my %segment = map { $_->name => $_->sql($segment) } $a, $b;
while ($done < $transactions / 4 || grep { $_->sql($segment) == $segment{ $_->name } } $a, $b)
{
	my $more = $done < $transactions / 4 ? int($transactions / 4) - $done : 500;
	work($done + 1, $done + $more);
	$done += $more;
	die "the log does not go on in another segment\n" if time > $deadline;
}
my $before = measure();
work($done + 1, $done + $transactions * 3 / 4);
my $after = measure(map { $_ => $before->{$_} + $slack } keys %$before);

cmp_ok(scalar keys %$before, '>=', 8, 'writers, servers, receivers and managers of both nodes: ' . join(', ', sort keys %$before));
for my $what (sort keys %$before)
{
	ok(defined $after->{$what}, "$what lived through it") or next;
	my $grown = $after->{$what} - $before->{$what};
	cmp_ok($grown, '<=', $slack, "$what uses $after->{$what} bytes, $grown more than before");
}
$g->converged_ok('all equal at the end', 't', 'h', 'u');
$_->quit for values %writer;

done_testing();
