#!/usr/bin/perl
# Torture: some nodes, clients on all of them, and a nemesis; then peace, and
# a history for check.pl.
#
#   run.pl --work DIR --bin DIR [--seconds 120] [--seed N] [--nodes N]
#          [--faults name,name] [--loopback] [--user postgres] [--soak FILE]
#          [--forget] [--set SETTING=VALUE]...
#
# Started as root it expects to have mount, network and process namespaces of
# its own (test/torture/torture.sh unshares them).  The seed decides the number of
# nodes, the topology, the faults and when, and what each client does; the
# machine decides how these meet.  Ends with "N passed, N failed".
#
# With --forget deleted rows are forgotten as soon as no concurrent write can
# meet them any more, and not after a day.  A backup or a standby is older than
# that, so there is none then.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Getopt::Long;
use POSIX ();
use Time::HiRes qw(time sleep clock_gettime CLOCK_MONOTONIC);
use Torture::Client;
use Torture::History;
use Torture::Lab;
use Torture::Nemesis;
use Torture::Soak;

# Process 1 of a process namespace has to wait for orphans.
if ($$ == 1)
{
	my $main = fork // die "fork: $!\n";
	if ($main)
	{
		my $status = 0;
		while ((my $pid = wait) != -1)
		{
			next if $pid != $main;
			$status = $?;
			last;
		}
		exit($status ? 1 : 0);
	}
}

my %opt = (seconds => 120, seed => time ^ $$ << 8, user => 'postgres', patience => 150);
GetOptions(\%opt, qw(work=s bin=s seconds=i seed=i nodes=i faults=s hold=f loopback user=s soak=s patience=i forget set=s@)) or exit 2;
$| = 1;
srand $opt{seed};
my $nodes = 3 + (rand() < 0.4) + (rand() < 0.2);
$nodes = $opt{nodes} if $opt{nodes};
my $topology = rand() < 0.65 ? 'mesh' : 'ring';
my $faults = $opt{faults} ? [ split /,/, $opt{faults} ] : undef;

my ($passed, $failed) = (0, 0);
my $began = time;
sub say_line { printf "[%5.1f] %s\n", time - $began, join ' ', @_ }
sub ok
{
	my ($ok, $what) = @_;
	$ok ? $passed++ : $failed++;
	say_line(($ok ? 'ok' : 'not ok'), "- $what");
	return $ok;
}

say_line("torture: seed $opt{seed}, $nodes nodes, $topology, $opt{seconds} s, "
	  . ($opt{forget} ? 'deleted rows are forgotten at once, ' : '')
	  . ($opt{loopback} ? 'loopback: no network namespaces here, so no loss and no full disks' : 'network namespaces'));
mkdir "$opt{work}/history";
my $history = Torture::History->create("$opt{work}/history/nemesis.hist");
$history->line('e', 'seed', $opt{seed}, 'nodes', $nodes, $topology);

# --- the cluster -----------------------------------------------------------------
my $conf = join '', ($opt{soak} ? $Torture::Soak::CONF : ''), ($opt{forget} ? "converge.tombstone_retention = 0\n" : ''),
  map { s/=/ = '/r . "'\n" } @{ $opt{set} || [] };
my $lab = Torture::Lab->new(
	work => $opt{work}, bin => $opt{bin}, nodes => $nodes, seed => $opt{seed}, netns => !$opt{loopback}, user => $opt{user},
	conf => $conf, ($opt{soak} ? (disk_mb => Torture::Soak::DISK_MB) : ()), shim => "$opt{work}/shim.so", switch => "$opt{work}/netswitch", proxy => "$FindBin::Bin/../perl/proxy.pl");
my @children;
$SIG{TERM} = $SIG{INT} = sub { die "interrupted\n" };
END
{
	# forked clients leave without this
	if ($lab && !$ENV{CVG_TORTURE_CHILD})
	{
		my $status = $?;
		kill 'KILL', @children if @children;
		$lab->finish;
		$? = $status;
	}
}

$lab->init;
for my $node ($lab->nodes)
{
	my @others = grep { $_ != $node } $lab->nodes;
	@others = grep { my $gap = abs($_->{number} - $node->{number}); $gap == 1 || $gap == $nodes - 1 } @others if $topology eq 'ring';
	$node->{peers} = \@others;
	$lab->sql($node, 'CREATE DATABASE torture', dbname => 'postgres');
	$lab->sql($node, "ALTER DATABASE torture SET converge.node_name = '$node->{name}'");
	$lab->sql($node, "ALTER DATABASE torture SET converge.peers = '"
		. join(', ', map { "$_->{name}=" . $lab->conninfo($node, $_) } @others) . "'");
	$lab->sql($node, 'CREATE EXTENSION pg_converge');
	$lab->sql($node, $Torture::Client::SCHEMA);
}
ok($lab->wait_up($_), "$_->{name} is up") for $lab->nodes;
my ($first) = $lab->nodes;
$lab->sql($first, "INSERT INTO reg SELECT i, 'init' FROM generate_series(1, $Torture::Client::REGISTERS) i;
	INSERT INTO ctr SELECT i, 0 FROM generate_series(1, 4) i");
for my $node ($lab->nodes)
{
	for my $table (@Torture::Client::TABLES)
	{
		my $o = $Torture::Client::ROWS{$table};
		$lab->sql($node, "SELECT converge.replicate('$table'"
			. ($o ? ", granularity => '$o->{granularity}', on_delete => '$o->{on_delete}'" : '') . ')');
	}
	$lab->sql($node, "SELECT converge.set_strategy('ctr', 'n', 'counter')");
}
for my $table (@Torture::Client::TABLES)
{
	my ($rows, $unique) = ($Torture::Client::ROWS{$table}, $Torture::Client::UNIQUE{$table});
	$history->line('d', $table, $rows ? ('rows', %$rows) : $unique ? ('unique', %$unique) : 'items');
}

# Everything that everybody has to have in the end.
my @equal = (
	['progress', 'SELECT progress FROM converge.node_info()'],
	['quarantine', "SELECT count(*), coalesce(md5(string_agg(encode(key, 'hex') || reason || converge.describe(state), ',' ORDER BY key)), '') FROM converge.quarantine"],
	map { [ $_, "SELECT converge.digest('$_')" ] } @Torture::Client::TABLES);

sub difference
{
	for my $what (@equal)
	{
		my %seen;
		for my $node ($lab->nodes)
		{
			my $r = ($lab->connect($node, timeout => 30) // return "no connection to $node->{name}")->query($what->[1]);
			return "$node->{name}: $r->{message}" if $r->{status} ne 'ok';
			my $value = join '|', map { $_ // '' } map { @$_ } @{ $r->{results}[0] };
			push @{ $seen{$value} }, $node->{name};
		}
		return "$what->[0]: " . join '; ', map { "@{$seen{$_}}: " . substr $_, 0, 300 } sort keys %seen if keys %seen > 1;
	}
	return '';
}

my $difference;
sub converged
{
	my ($seconds) = @_;
	my ($since, $said) = (time, 0);
	$lab->wait_for($seconds, sub {
		return 1 if ($difference = difference()) eq '';
		my $waited = int((time - $since) / 10);
		say_line("after " . 10 * $waited . " s: $difference"), links() if $waited > $said;
		$said = $waited;
		return 0;
	}) or return 0;
	return time - $since || 0.01;
}

# What each node says of its links.
sub links
{
	for my $node ($lab->nodes)
	{
		my $c = $lab->connect($node) or next;
		for my $sql ('SELECT name, state, lag_entries, lag_seconds, last_error_at, last_error FROM converge.stat_peers',
			"SELECT backend_type, application_name, state, wait_event_type, wait_event, left(query, 50) FROM pg_stat_activity WHERE backend_type ~ 'receiver' OR application_name ~ '^n'",
			'SELECT now(), replica_id, last_seq, progress, horizon FROM converge.node_info()')
		{
			say_line($node->{name}, join ' | ', map { $_ // '' } @$_) for @{ $c->query($sql)->{results}[0] || [] };
		}
		$c->close;
	}
}
ok(converged($opt{patience}), "all begin equal") or say_line($difference);

# --- clients -----------------------------------------------------------------------
sub start_client
{
	my ($class, $name, $node, $think) = @_;
	my $seed = int rand 2**31;
	my $pid = fork // die "fork: $!\n";
	if (!$pid)
	{
		$ENV{CVG_TORTURE_CHILD} = 1;
		$SIG{TERM} = $SIG{INT} = 'DEFAULT';
		eval {
			$class->new(name => $name, node => $node->{number}, seed => $seed, think => $think,
				work => $opt{work}, bin => $opt{bin}, dir => "$opt{work}/history")->run;
			1;
		} or do { print "client $name: $@"; POSIX::_exit(1) };
		POSIX::_exit(0);
	}
	push @children, $pid;
}
for my $node ($lab->nodes)
{
	start_client('Torture::Client', "c$node->{number}$_", $node, 0.04 * $nodes) for qw(a b);
	start_client('Torture::Reader', "r$node->{number}", $node, 0.3);
	start_client('Torture::Maintenance', "m$node->{number}", $node, 6);
}
say_line(2 * $nodes . " writers, $nodes readers, $nodes that maintain tables");

# --- faults --------------------------------------------------------------------------
my $nemesis = Torture::Nemesis->new(hold => $opt{hold} || 1, lab => $lab, history => $history, work => $opt{work}, log => \&say_line,
	forget => $opt{forget});
my $soak = $opt{soak} ? Torture::Soak->new(lab => $lab, path => $opt{soak}, began => $began) : undef;
my $end = time + $opt{seconds};
my $alive = 1;
while (time < $end)
{
	my $left = $end - time;
	sleep($left < 1 ? $left : 0.3 + rand 1.2);
	last if time >= $end;
	$soak->sample if $soak;
	my $fault = $faults ? $faults->[ int rand @$faults ] : $nemesis->choose;
	next if $fault eq 'none';
	$alive = $nemesis->strike($fault) or last;
}
ok($alive, 'every node came back after every fault');
$soak->sample if $soak;

# --- peace -----------------------------------------------------------------------------
$lab->heal_network;
$lab->catch_up_clocks;
open my $stop, '>', "$opt{work}/stop";
for my $pid (@children)
{
	waitpid $pid, 0;
	$alive = ok(0, "a client ended with $?") if $?;
}
@children = ();
for my $node ($lab->nodes)
{
	ok($lab->wait_up($node), "$node->{name} is up in the end") or say_line($lab->tail($node->{log}));
	$lab->wait_for($opt{patience}, sub { defined $lab->value($node, "SELECT converge.peer_resume(name) FROM converge.stat_peers") }) ;
}
my $took = converged($opt{patience});
if (!ok($took, 'all end equal' . ($took ? sprintf ' %.1f s after the last fault was mended', $took : '')))
{
	say_line($difference);
	links();
}

# As long as a row is set aside somewhere tombstones stay everywhere.
if ($opt{forget} && $took)
{
	my $aside = grep { ($lab->value($_, 'SELECT count(*) FROM converge.quarantine') // 1) > 0 } $lab->nodes;
	my %left;
	ok($aside || $lab->wait_for($opt{patience}, sub {
		%left = map { $_->{name} => $lab->value($_, 'SELECT count(*) FROM converge.tombstones') // 'unknown' } $lab->nodes;
		return !grep { $_ ne '0' } values %left;
	}), 'all deleted rows are forgotten' . ($aside ? ', but for rows that are set aside' : ''))
	  or say_line(map { "$_: $left{$_} tombstones" } sort keys %left);
}

# --- what is there in the end -------------------------------------------------------------
my %final = (
	(map { $_ => "SELECT k, a, b, c, converge.describe(_converge) FROM $_ ORDER BY k" } @Torture::Client::ROWS),
	mark  => 'SELECT txn, converge.describe(_converge) FROM mark ORDER BY 1',
	solo  => 'SELECT id, 1, converge.describe(_converge) FROM solo ORDER BY 1',
	nokey => 'SELECT v, count(*), string_agg(converge.describe(_converge), \',\' ORDER BY converge.describe(_converge)) FROM nokey GROUP BY v ORDER BY 1',
	batch => "SELECT txn, count(*), md5(string_agg(part::text || pad || converge.describe(_converge), ',' ORDER BY part)) FROM batch GROUP BY txn ORDER BY 1",
	reg   => 'SELECT k, v, converge.describe(_converge) FROM reg ORDER BY k',
	uq    => 'SELECT id, u, v, converge.describe(_converge) FROM uq ORDER BY 1',
	ctr   => 'SELECT k, n, converge.describe(_converge) FROM ctr ORDER BY k',
	quarantine => "SELECT relid::regclass, encode(key, 'hex'), reason, converge.describe(state) FROM converge.quarantine ORDER BY 2");
my $log_sql = "SELECT o.replica_id, l.seq || '.' || coalesce(l.part, 0), md5(l.body) FROM converge.log l JOIN converge.origins o ON o.id = l.origin ORDER BY 1, l.seq, coalesce(l.part, 0)";
for my $node ($lab->nodes)
{
	my $h = Torture::History->create("$opt{work}/history/final.$node->{name}.hist");
	my $c = $lab->connect($node, timeout => 60) or next;
	for my $table (sort keys %final)
	{
		my $r = $c->query($final{$table});
		if ($r->{status} ne 'ok') { ok(0, "$node->{name}: $table: $r->{message}"); next }
		$h->line('f', $node->{name}, $table, map { $_ // '\N' } @$_) for @{ $r->{results}[0] };
	}
	my $r = $c->query($log_sql);
	$h->line('l', $node->{name}, @$_) for @{ $r->{results}[0] };
	$c->close;
}
say_line('rows set aside, by node: ' . join ', ', map {
	$lab->value($_, "SELECT count(*) FROM converge.conflicts WHERE decision = 'set_aside'") // 'unknown' } $lab->nodes);
my $crashes = 0;
for my $node ($lab->nodes)
{
	for my $log ($node->{log})
	{
		open my $f, '<', $log or next;
		while (<$f>)
		{
			# what no fault may cause; a PANIC of a file that cannot be written is one
			# that some do
			ok(0, "$node->{name}: $_") if /TRAP: |terminated by signal (11|7|8): |cache lookup failed|could not read block|invalid page|ERRORDATA_STACK_SIZE/
			  && !/PANIC:  could not/ && !$crashes++;
		}
	}
}
say_line('network: forwarded, dropped, doubled, reset: ' . $lab->control('count')) if !$opt{loopback};
say_line('faults: ' . join ', ', map { "$_ $nemesis->{count}{$_}" } sort keys %{ $nemesis->{count} });
$soak->finish if $soak;
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
