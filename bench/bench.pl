#!/usr/bin/perl
# The measurements of "make bench"; started by run.sh with three servers up:
# plain (without the library), a and b (peers of each other).
#
# Throughput: pgbench, prepared statements, 2 clients, tables of 100,000 rows,
# fsync = off.  A round measures plain, then capture alone (b is stopped), then
# with b applying on the same cores, and waits until b has caught up before the
# next; the table shows medians over the rounds and the ratio of medians.
# CPU: user and system time of all processes of the servers involved, including
# what b needs to catch up.  Everything that is measured several times, plain
# and ours in turn, is shown as the median.
#
# --results FILE writes the table as a page too.
use strict;
use warnings;
use Getopt::Long;
use POSIX ();
use Time::HiRes qw(time);

my ($bin, $work) = @ENV{qw(CVG_BIN CVG_WORK)};
my ($quick, $rounds, $seconds, $only, $results);
GetOptions('quick' => \$quick, 'rounds=i' => \$rounds, 'seconds=i' => \$seconds, 'only=s' => \$only,
	'results=s' => \$results) or exit 1;
$rounds  ||= $quick ? 1 : 3;
$seconds ||= $quick ? 3 : 8;
my %only = map { $_ => 1 } split /,/, $only // '';
my $copy_rows = $quick ? 200_000 : 1_000_000;
my $large     = $quick ? 500_000 : 5_000_000;
my $backlog   = $quick ? 40_000 : 400_000;
my $samples   = $quick ? 300 : 1000;
my $idle_s    = $quick ? 10 : 30;

my %port = (plain => 1, a => 2, b => 3);
my %database;   # where it is not "postgres"
my $load = first_match('/proc/loadavg', qr/^(\S+)/);
my @table;      # [figure, plain, ours, ratio, target]
$| = 1;

sub q1
{
	my ($server, $sql) = @_;
	open my $p, '-|', "$bin/psql", '-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', $work, '-p', $port{$server},
	  '-U', 'postgres', '-d', $database{$server} // 'postgres', '-c', $sql or die;
	local $/;
	my $out = <$p> // '';
	close $p or die "failed on $server: $sql\n";
	$out =~ s/\n\z//;
	return $out;
}
sub ctl { system("$bin/pg_ctl", '-s', '-w', '-D', "$work/$_[0]", '-l', "$work/$_[0].log", @_[ 1 .. $#_ ]) == 0 or die "pg_ctl @_" }
sub note { print "# @_\n" }
sub median { my @s = sort { $a <=> $b } @_; return @s % 2 ? $s[ $#s / 2 ] : ($s[ @s / 2 - 1 ] + $s[ @s / 2 ]) / 2 }
sub wanted { my ($name) = @_; return !%only || $only{$name} }
sub row { push @table, [@_] }

# A row of medians; the numbers as the format says.
sub median_row
{
	my ($figure, $format, $plain, $ours, $target) = @_;
	my ($p, $o) = map { $_ ? median(@$_) : undef } $plain, $ours;
	row($figure, (map { defined $_ ? sprintf($format, $_) : '' } $p, $o), $p ? $o / $p : undef, $target);
}
sub script
{
	my ($name, $text) = @_;
	open my $f, '>', "$work/$name.sql" or die;
	print $f $text;
	close $f;
	return "$work/$name.sql";
}

sub until_is
{
	my ($server, $sql, $answer) = @_;
	my $deadline = time + 60;
	until ((eval { q1($server, $sql) } // '') eq $answer)
	{
		die "$server: not within a minute: $sql\n" if time > $deadline;
		select undef, undef, undef, 0.05;
	}
}
sub await_ready { until_is($_[0], 'SELECT node_name FROM converge.node_info()', $_[0]) }

# Until b has what a has, and the reverse.  A peer that is not connected would
# not be waited for.
sub synced
{
	until_is($_, "SELECT bool_and(state = 'streaming') FROM converge.stat_peers", 't') for qw(a b);
	q1('a', "SELECT converge.wait_for_sync('600s')");
}

# Jiffies of all processes of a server, ended ones included: those that the
# postmaster has not taken note of yet must not be missed or counted twice.
sub jiffies
{
	my ($server) = @_;
	open my $f, '<', "$work/$server/postmaster.pid" or return 0;
	my ($pm) = <$f> =~ /(\d+)/;
	until_is($server, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'", 0);
	my ($sum, $before, $now) = (0, 'none', '');
	until ($before eq $now)
	{
		($sum, $before, $now) = (0, $now, '');
		for my $stat (glob '/proc/[0-9]*/stat')
		{
			open my $s, '<', $stat or next;
			my $line = <$s> // next;
			my ($pid) = $line =~ /^(\d+)/;
			$line =~ s/^.*\) //s;
			my @f = split ' ', $line;
			next unless $pid == $pm || $f[1] == $pm;
			$now .= " $pid";
			$sum += $f[11] + $f[12];
			$sum += $f[13] + $f[14] if $pid == $pm;
		}
	}
	return $sum;
}
my $hz = `getconf CLK_TCK` + 0;
sub cpu { my $sum = 0; $sum += jiffies($_) for @_; return $sum / $hz }

# pgbench; returns (tps, transactions)
sub start_pgbench
{
	my ($server, @args) = @_;
	open my $p, '-|', "$bin/pgbench", '-n', '-M', 'prepared', '-h', $work, '-p', $port{$server}, '-U', 'postgres',
	  @args, 'postgres' or die;
	return $p;
}
sub pgbench { return finish_pgbench(start_pgbench(@_)) }
sub finish_pgbench
{
	my ($p) = @_;
	local $/;
	my $out = <$p>;
	close $p or die "pgbench failed\n$out";
	my ($tps) = $out =~ /tps = ([\d.]+)/;
	my ($n) = $out =~ /actually processed: (\d+)/;
	die "pgbench: $out" unless defined $n;
	return ($tps, $n);
}

# --- the two nodes ----------------------------------------------------------
for ([ 'a', 'b' ], [ 'b', 'a' ])
{
	my ($self, $peer) = @$_;
	q1($self, "ALTER DATABASE postgres SET converge.node_name = '$self'");
	q1($self, "ALTER DATABASE postgres SET converge.peers = '$peer=host=$work port=$port{$peer} dbname=postgres user=postgres'");
	q1($self, 'CREATE EXTENSION pg_converge');
}
await_ready($_) for qw(a b);
my $version = q1('plain', 'SHOW server_version');
my ($cores) = (scalar grep { /^processor/ } do { open my $f, '<', '/proc/cpuinfo'; <$f> });
note "PostgreSQL $version, $cores cores, fsync = off, $rounds rounds of $seconds s";

# Make a table everywhere, fill it where it is wanted, replicate it.
sub make_table
{
	my ($name, $columns, $fill) = @_;
	q1($_, "CREATE TABLE $name ($columns)") for qw(plain a b);
	q1($_, "SELECT converge.replicate('$name')") for qw(a b);
	q1($_, "INSERT INTO $name $fill") for $fill ? qw(plain a) : ();
	synced() if $fill;
	q1($_, "VACUUM ANALYZE $name") for qw(plain a b);
}

# --- throughput and CPU -----------------------------------------------------
sub throughput
{
	my ($title, $target, @args) = @_;
	my %tps;
	my %cpu;
	for my $round (1 .. $rounds)
	{
		my $start = cpu('plain');
		my ($tps, $n) = pgbench('plain', '-c', 2, '-T', $seconds, @args);
		push @{ $tps{plain} }, $tps;
		push @{ $cpu{plain} }, (cpu('plain') - $start) / $n * 1000;

		ctl('b', '-m', 'fast', 'stop');
		($tps, $n) = pgbench('a', '-c', 2, '-T', $seconds, @args);
		push @{ $tps{capture} }, $tps;
		ctl('b', 'start');
		synced();

		$start = cpu('a', 'b');
		($tps, $n) = pgbench('a', '-c', 2, '-T', $seconds, @args);
		synced();
		push @{ $tps{peer} }, $tps;
		push @{ $cpu{peer} }, (cpu('a', 'b') - $start) / $n * 1000;
		note sprintf '%s, round %d: plain %.0f, capture %.0f, peer applying %.0f tps', $title, $round,
		  map { $tps{$_}[-1] } qw(plain capture peer);
	}
	median_row("$title, peer down (capture alone), tps", '%.0f', @tps{qw(plain capture)}, $target->[0]);
	median_row("$title, peer applying, tps", '%.0f', @tps{qw(plain peer)}, $target->[1]);
	median_row("$title, CPU of all server processes, s / 1000 tx", '%.3f', @cpu{qw(plain peer)}, $target->[2]);
}

# One client on each of two nodes, against two on one plain server.  All update
# one row, so every transaction is in conflict with those of the other side.
sub both_sides
{
	my (%tps, @wait);
	for my $round (1 .. $rounds)
	{
		my ($tps) = pgbench('plain', '-c', 2, '-T', $seconds, '-b', 'tpcb-like');
		push @{ $tps{plain} }, $tps;
		my @p = map { start_pgbench($_, '-c', 1, '-T', $seconds, '-b', 'tpcb-like') } qw(a b);
		my @tps = map { (finish_pgbench($_))[0] } @p;
		my $start = time;
		synced();
		push @wait, time - $start;
		push @{ $tps{both} }, $tps[0] + $tps[1];
		note sprintf 'TPC-B on both nodes, round %d: plain %.0f, ours %.0f + %.0f tps, equal %.2f s later', $round,
		  $tps, @tps, $wait[-1];
	}
	my $sum = "SELECT sum(abalance) || ' ' || (SELECT count(*) FROM pgbench_history) FROM pgbench_accounts";
	die "the nodes differ\n" unless q1('a', $sum) eq q1('b', $sum);
	median_row('TPC-B on both nodes at once, one hot row, sum, tps', '%.0f', @tps{qw(plain both)}, '');
	median_row('    until both have everything, s', '%.2f', undef, \@wait, '');
}

my $filler = "repeat('f', 84)";
if (wanted('update'))
{
	make_table('u', 'id int PRIMARY KEY, n int, filler text', "SELECT i, 0, $filler FROM generate_series(1, 100000) i");
	throughput('single-row UPDATE', [ '>= 0.85', '>= 0.55', '<= 2.3' ],
		'-f', script('update', "\\set k random(1, 100000)\nUPDATE u SET n = n + 1 WHERE id = :k;\n"));
}
if (wanted('insert'))
{
	q1($_, 'CREATE SEQUENCE ins_seq CACHE 1000') for qw(plain a);
	make_table('i', 'id int8 PRIMARY KEY, n int, filler text');
	throughput('single-row INSERT', [ '', '', '' ],
		'-f', script('insert', "INSERT INTO i VALUES (nextval('ins_seq'), 1, '" . 'f' x 84 . "');\n"));
}
if (wanted('tpcb'))
{
	for my $server (qw(plain a b))
	{
		system("$bin/pgbench -h $work -p $port{$server} -U postgres -i -q " . ($server eq 'b' ? '-I dtp' : '') . ' postgres >/dev/null 2>&1') == 0 or die;
	}
	for my $t (map { "pgbench_$_" } qw(accounts branches tellers history))
	{
		q1($_, "SELECT converge.replicate('$t')") for qw(a b);
	}
	synced();
	q1($_, 'VACUUM ANALYZE') for qw(plain a b);
	throughput('TPC-B', [ '', '>= 0.55', '' ], '-b', 'tpcb-like');
	both_sides();
}

# --- WAL ---------------------------------------------------------------------
if (wanted('wal'))
{
	for my $width (100, 1000)
	{
		my $name = "w$width";
		my $text = $width - 36;
		make_table($name, 'id int PRIMARY KEY, n int, filler text', "SELECT i, 0, repeat('f', $text) FROM generate_series(1, 10000) i");
		my $file = script($name, "\\set k random(1, 10000)\nUPDATE $name SET n = n + 1 WHERE id = :k;\n");
		my %bytes;
		for my $server (qw(plain a))
		{
			# all pages have been written to since the last checkpoint: no full-page images
			pgbench($server, '-c', 2, '-t', 15000, '-f', $file);
			synced() if $server eq 'a';
			my $lsn = q1($server, 'SELECT pg_current_wal_lsn()');
			pgbench($server, '-c', 2, '-t', 10000, '-f', $file);
			$bytes{$server} = q1($server, "SELECT round(pg_wal_lsn_diff(pg_current_wal_lsn(), '$lsn') / 20000)");
			synced() if $server eq 'a';
		}
		row("WAL of the writer per single-row UPDATE, row of $width bytes, bytes", $bytes{plain}, $bytes{a}, $bytes{a} / $bytes{plain},
			$width == 100 ? '<= 2.2' : '');
	}
}

# --- COPY and memory ------------------------------------------------------------

# A file to load: its name
sub copy_file
{
	my ($rows) = @_;
	my $file = "$work/copy$rows.data";
	return $file if -e $file;
	open my $f, '>', $file or die;
	print $f "$_\t" . $_ * 7 % 1000 . "\trow\n" for 1 .. $rows;
	close $f or die;
	return $file;
}

# The most that a process has had in memory of its own, MiB
sub peak
{
	my ($status) = @_;
	my %kb = $status =~ /^(\w+):\s+(\d+) kB/mg;
	return (($kb{VmHWM} // 0) - ($kb{RssShmem} // 0)) / 1024;
}

# COPY in a session of its own: (seconds, MiB of the backend at its largest)
sub copy
{
	my ($server, $table, $file) = @_;
	my $out = "$work/copy.out";
	open my $p, '|-', "$bin/psql -XqAt -v ON_ERROR_STOP=1 -h $work -p $port{$server} -U postgres -d postgres >$out" or die;
	print $p "\\timing on\nCOPY $table FROM '$file';\n\\timing off\nSELECT pg_read_file('/proc/self/status');\n";
	close $p or die;
	open my $f, '<', $out or die;
	local $/;
	my $text = <$f>;
	my ($ms) = $text =~ /Time: ([\d.]+) ms/;
	return ($ms / 1000, peak($text));
}
sub receiver_peak
{
	my $pid = q1('b', "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pg_converge receiver%' LIMIT 1");
	open my $f, '<', "/proc/$pid/status" or return 0;
	local $/;
	return peak(<$f>);
}
if (wanted('copy'))
{
	my %s;
	my $file = copy_file($copy_rows);
	for my $round (1 .. $rounds)
	{
		# a new table each time: keys that were deleted before cost more
		make_table("c$round", 'id int PRIMARY KEY, n int, t text');
		q1($_, 'CHECKPOINT') for qw(plain a b);
		push @{ $s{plain} }, (copy('plain', "c$round", $file))[0];
		my $start = time;
		push @{ $s{copy} }, (copy('a', "c$round", $file))[0];
		synced();
		push @{ $s{peer} }, time - $start;
		note sprintf 'COPY, round %d: plain %.2f s, with capture %.2f s, until the peer has it %.2f s', $round, map { $s{$_}[-1] } qw(plain copy peer);
		q1($_, "TRUNCATE c$round") for 'plain';
	}
	my $k = $copy_rows / 1000;
	median_row("COPY of $k k narrow rows, s", '%.2f', @s{qw(plain copy)}, '');
	median_row("COPY of $k k narrow rows until the peer has them, s", '%.2f', @s{qw(plain peer)}, '<= 4.0');
}
if (wanted('memory'))
{
	my $file = copy_file($large);
	make_table('m', 'id int PRIMARY KEY, n int, t text');
	my (undef, $plain) = copy('plain', 'm', $file);
	my (undef, $ours) = copy('a', 'm', $file);
	synced();
	my $k = $large / 1000;
	row("COPY of $k k rows, memory of the backend at its largest, MiB", (map { sprintf '%.0f', $_ } $plain, $ours), undef, '<= plain + 200');
	row('    the same of the receiver, MiB', '', sprintf('%.0f', receiver_peak()), undef, '');
	unlink $file;
}

# --- apply rate ---------------------------------------------------------------------
if (wanted('apply'))
{
	make_table('r', 'id int PRIMARY KEY, n int, filler text', "SELECT i, 0, $filler FROM generate_series(1, 100000) i");
	my $file = script('apply', "\\set k random(1, 100000)\nUPDATE r SET n = n + 1 WHERE id = :k;\n");
	my (@rate, @cpu);
	for my $round (1 .. $rounds)
	{
		q1('b', "SELECT converge.peer_pause('a')");
		pgbench('a', '-c', 4, '-j', 2, '-t', $backlog / 4, '-f', $file);
		my $cpu = cpu('a', 'b');
		my $start = time;
		q1('b', "SELECT converge.peer_resume('a')");
		synced();
		push @rate, $backlog / (time - $start);
		push @cpu, (cpu('a', 'b') - $cpu) / $backlog * 1000;
		note sprintf 'apply, round %d: %.0f rows/s', $round, $rate[-1];
	}
	median_row('apply of ' . $backlog / 1000 . ' k single-row transactions, one worker, rows/s', '%.0f', undef, \@rate, '>= 80000');
	median_row('    CPU of both nodes for it, s / 1000 tx', '%.4f', undef, \@cpu, '');
}

# --- latency and rest ----------------------------------------------------------------
if (wanted('latency'))
{
	make_table('lat', 'id int8 PRIMARY KEY');
	my @conn = map { "host=$work port=$port{$_} dbname=postgres user=postgres" } qw(a b);
	my @figure = (\my (@p50, @p95, @p99, @max, @probe));
	for my $round (1 .. $rounds)
	{
		my @us = split ' ', `$work/latency '$conn[0]' '$conn[1]' $samples 5 ${\ ($round * $samples) }`;
		die "latency failed\n" unless @us == 5;
		push @{ $figure[$_] }, $us[$_] / 1000 for 0 .. 4;
		note sprintf 'latency, round %d: p50 %.2f, p95 %.2f, p99 %.2f ms', $round, map { $_ / 1000 } @us[ 0 .. 2 ];
	}
	median_row('idle latency, commit here to visible there, ms: p50', '%.2f', undef, \@p50, '<= 0.7');
	median_row('    p95', '%.2f', undef, \@p95, '<= 2');
	median_row('    p99', '%.2f', undef, \@p99, '<= 5');
	median_row('    the largest', '%.2f', undef, \@max, '');
	median_row('    what one question takes (the resolution)', '%.2f', undef, \@probe, '');
}
if (wanted('idle'))
{
	my $xid = 'SELECT pg_snapshot_xmax(pg_current_snapshot())';
	my ($start, $cpu) = (q1('a', $xid), cpu('a', 'b'));
	sleep $idle_s;
	row('idle node, transactions that write, per minute', '', sprintf('%.0f', (q1('a', $xid) - $start) * 60 / $idle_s), undef, '');
	row('    CPU of a node, ms per minute', '', sprintf('%.0f', (cpu('a', 'b') - $cpu) / 2 * 1000 * 60 / $idle_s), undef, '');
}

# --- sizes -----------------------------------------------------------------------------------
# Three nodes of their own: databases of one server.
if (wanted('size'))
{
	my @nodes = qw(x y z);
	for my $node (@nodes)
	{
		q1('b', "CREATE DATABASE $node");
		$port{$node} = $port{b};
		$database{$node} = $node;
		my @peers = map { "$_=host=$work port=$port{b} dbname=$_ user=postgres" } grep { $_ ne $node } @nodes;
		q1($node, "ALTER DATABASE $node SET converge.node_name = '$node'");
		q1($node, "ALTER DATABASE $node SET converge.peers = '" . join(', ', @peers) . "'");
		q1($node, 'CREATE EXTENSION pg_converge');
	}
	for my $node (@nodes)
	{
		await_ready($node);
		q1($node, 'CREATE TABLE s (id int PRIMARY KEY, v text, w text, x text)');
		q1($node, "SELECT converge.replicate('s')");
	}
	my %column = (x => 'v', y => 'w', z => 'x');
	my %size;
	q1('x', "INSERT INTO s SELECT i, 'v', 'w', 'x' FROM generate_series(1, 100) i");
	for my $node (@nodes)
	{
		until_is($node, 'SELECT count(*) FROM s', 100);
		q1($node, "UPDATE s SET $column{$node} = 'by $node'");
		until_is($_, "SELECT count(*) FROM s WHERE $column{$node} = 'by $node'", 100) for @nodes;
		$size{$node} = q1('x', 'SELECT max(pg_column_size(_converge)) FROM s');
	}
	row('row metadata, one writer, bytes', 0, $size{x}, undef, '<= 24');
	row('    three writers, each of another column', 0, $size{z}, undef, '<= 64');
	row('shared memory, MiB', '', sprintf('%.1f', q1('a', "SELECT coalesce(sum(allocated_size), 0) FROM pg_shmem_allocations WHERE name ILIKE '%converge%'") / 1048576), undef, '');
}

# --- the table -------------------------------------------------------------------------------
sub ratio { return defined $_[0] ? sprintf('%.2f', $_[0]) : '' }

printf "\n%-68s %10s %12s %7s   %s\n", 'figure', 'plain', 'pg_converge', 'ratio', 'target';
printf "%-68s %10s %12s %7s   %s\n", @$_[ 0 .. 2 ], ratio($_->[3]), $_->[4] for @table;

sub first_match
{
	my ($file, $re) = @_;
	open my $f, '<', $file or return 'unknown';
	local $/;
	return <$f> =~ $re ? $1 : 'unknown';
}

# The same as a page for people, which stays the same but for its figures.
sub write_page
{
	my ($file) = @_;
	my $date = POSIX::strftime('%Y-%m-%d', gmtime);
	my $cpu = first_match('/proc/cpuinfo', qr/^model name\s*:\s*(.*)$/m);
	my $memory = sprintf '%.0f GiB', first_match('/proc/meminfo', qr/^MemTotal:\s*(\d+)/m) / 1048576;
	my $system = first_match('/etc/os-release', qr/^PRETTY_NAME="?(.*?)"?$/m);
	open my $f, '>', $file or die "$file: $!\n";
	print $f <<"PAGE";
# Results of `make bench`

Written by `make bench BENCH=--results`; do not edit.

| | |
| --- | --- |
| date | $date |
| machine | $cpu, $cores cores, $memory |
| system | $system |
| server | PostgreSQL $version |
| extension | pg_converge $ENV{CVG_EXTVERSION}, commit $ENV{CVG_COMMIT} |
| load before the start | $load |
| rounds | $rounds of $seconds s |

"plain" is the same server without the library on the same machine in the same run; "pg_converge" is two nodes on
the same cores, each with shared_buffers = 256MB and fsync = off. 2 clients, prepared statements, tables of 100,000
rows. Figures are medians of rounds in which plain and ours take turns. Targets are of the ratio where there is one.

| figure | plain | pg_converge | ratio | target |
| --- | ---: | ---: | ---: | --- |
PAGE
	for (@table)
	{
		my ($figure, @rest) = (@$_[ 0 .. 2 ], ratio($_->[3]), $_->[4]);
		$figure =~ s/^ +/&emsp;/;
		printf $f "| %s | %s | %s | %s | %s |\n", $figure, @rest;
	}
	close $f or die "$file: $!\n";
}
write_page($results) if $results;
