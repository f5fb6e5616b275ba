#!/usr/bin/perl
# The measurements of "make bench"; started by run.sh with three servers up:
# plain (without the library), a and b (peers of each other).
#
# Throughput: pgbench, prepared statements, 2 clients, tables of 100,000 rows,
# fsync = off.  A round measures plain, then capture alone (b is stopped), then
# with b applying on the same cores, and waits until b has caught up before the
# next; the table shows medians over the rounds and the ratio of medians.
# CPU: user and system time of all processes of the servers involved, including
# what b needs to catch up.
use strict;
use warnings;
use Getopt::Long;
use Time::HiRes qw(time);

my ($bin, $work) = @ENV{qw(CVG_BIN CVG_WORK)};
my ($quick, $rounds, $seconds, $only);
GetOptions('quick' => \$quick, 'rounds=i' => \$rounds, 'seconds=i' => \$seconds, 'only=s' => \$only) or exit 1;
$rounds  ||= $quick ? 1 : 3;
$seconds ||= $quick ? 3 : 8;
my %only = map { $_ => 1 } split /,/, $only // '';
my $copy_rows = $quick ? 200_000 : 1_000_000;
my $backlog   = $quick ? 40_000 : 400_000;
my $samples   = $quick ? 300 : 2000;

my %port = (plain => 1, a => 2, b => 3);
my @table;      # [figure, plain, ours, ratio, target]
$| = 1;

sub q1
{
	my ($server, $sql) = @_;
	open my $p, '-|', "$bin/psql", '-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', $work, '-p', $port{$server},
	  '-U', 'postgres', '-d', 'postgres', '-c', $sql or die;
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
sub script
{
	my ($name, $text) = @_;
	open my $f, '>', "$work/$name.sql" or die;
	print $f $text;
	close $f;
	return "$work/$name.sql";
}

# Until b has what a has, and the reverse.
sub synced { q1('a', "SELECT converge.wait_for_sync('600s')") }

# Jiffies of all processes of a server, ended ones included.
sub jiffies
{
	my ($server) = @_;
	open my $f, '<', "$work/$server/postmaster.pid" or return 0;
	my ($pm) = <$f> =~ /(\d+)/;
	my $sum = 0;
	for my $stat (glob '/proc/[0-9]*/stat')
	{
		open my $s, '<', $stat or next;
		my $line = <$s> // next;
		my ($pid) = $line =~ /^(\d+)/;
		$line =~ s/^.*\) //s;
		my @f = split ' ', $line;
		next unless $pid == $pm || $f[1] == $pm;
		$sum += $f[11] + $f[12];
		$sum += $f[13] + $f[14] if $pid == $pm;
	}
	return $sum;
}
my $hz = `getconf CLK_TCK` + 0;
sub cpu { my $sum = 0; $sum += jiffies($_) for @_; return $sum / $hz }

# pgbench; returns (tps, transactions)
sub pgbench
{
	my ($server, @args) = @_;
	open my $p, '-|', "$bin/pgbench", '-n', '-M', 'prepared', '-h', $work, '-p', $port{$server}, '-U', 'postgres',
	  @args, 'postgres' or die;
	local $/;
	my $out = <$p>;
	close $p or die "pgbench failed on $server: @args\n$out";
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
for my $server (qw(a b))
{
	my $deadline = time + 60;
	until ((eval { q1($server, 'SELECT node_name FROM converge.node_info()') } // '') eq $server)
	{
		die "$server did not become ready\n" if time > $deadline;
		select undef, undef, undef, 0.1;
	}
}
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
	my %m = map { $_ => median(@{ $tps{$_} }) } keys %tps;
	my %c = map { $_ => median(@{ $cpu{$_} }) } keys %cpu;
	row("$title, peer down (capture alone), tps", sprintf('%.0f', $m{plain}), sprintf('%.0f', $m{capture}), $m{capture} / $m{plain}, $target->[0]);
	row("$title, peer applying, tps", sprintf('%.0f', $m{plain}), sprintf('%.0f', $m{peer}), $m{peer} / $m{plain}, $target->[1]);
	row("$title, CPU of all server processes, s / 1000 tx", sprintf('%.3f', $c{plain}), sprintf('%.3f', $c{peer}), $c{peer} / $c{plain}, $target->[2]);
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
sub hwm
{
	my ($pid) = @_;
	open my $f, '<', "/proc/$pid/status" or return 0;
	my %v = map { /^(\w+):\s+(\d+) kB/ ? ($1, $2) : () } <$f>;
	return (($v{VmHWM} // 0) - ($v{RssShmem} // 0)) / 1024;
}

# COPY in a session of its own: (seconds, MiB of the backend at its largest)
sub copy
{
	my ($server, $table) = @_;
	my $file = "$work/copy.data";
	unless (-e $file)
	{
		open my $f, '>', $file or die;
		print $f "$_\t" . $_ * 7 % 1000 . "\trow\n" for 1 .. $copy_rows;
		close $f;
	}
	my $out = "$work/copy.out";
	my $start = time;
	open my $p, '|-', "$bin/psql -XqAt -v ON_ERROR_STOP=1 -h $work -p $port{$server} -U postgres -d postgres >$out" or die;
	print $p "SELECT pg_backend_pid();\n\\timing on\nCOPY $table FROM '$file';\n\\timing off\nSELECT pg_read_file('/proc/self/status');\n";
	close $p or die;
	open my $f, '<', $out or die;
	local $/;
	my $text = <$f>;
	my ($ms) = $text =~ /Time: ([\d.]+) ms/;
	my ($hwm) = $text =~ /VmHWM:\s+(\d+)/;
	my ($shm) = $text =~ /RssShmem:\s+(\d+)/;
	return ($ms / 1000, ($hwm - $shm) / 1024);
}
if (wanted('copy'))
{
	my (%s, %mem);
	for my $round (1 .. $rounds)
	{
		# a new table each time: keys that were deleted before cost more
		make_table("c$round", 'id int PRIMARY KEY, n int, t text');
		q1($_, 'CHECKPOINT') for qw(plain a b);
		my ($t, $m) = copy('plain', "c$round");
		push @{ $s{plain} }, $t;
		push @{ $mem{plain} }, $m;
		my $start = time;
		($t, $m) = copy('a', "c$round");
		push @{ $s{copy} }, $t;
		push @{ $mem{a} }, $m;
		synced();
		push @{ $s{peer} }, time - $start;
		note sprintf 'COPY, round %d: plain %.2f s, with capture %.2f s, until the peer has it %.2f s', $round, map { $s{$_}[-1] } qw(plain copy peer);
	}
	my %m = map { $_ => median(@{ $s{$_} }) } keys %s;
	my $k = $copy_rows / 1000;
	row("COPY of $k k rows, s", sprintf('%.2f', $m{plain}), sprintf('%.2f', $m{copy}), $m{copy} / $m{plain}, '');
	row("COPY of $k k rows until the peer has them, s", sprintf('%.2f', $m{plain}), sprintf('%.2f', $m{peer}), $m{peer} / $m{plain}, '<= 4.0');
	row('memory of the backend in that COPY, MiB', (map { sprintf '%.0f', median(@{ $mem{$_} }) } qw(plain a)), undef, '');
	my $pid = q1('b', "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pg_converge receiver%' LIMIT 1");
	row('memory of the receiver at its largest, MiB', '', sprintf('%.0f', hwm($pid)), undef, '');
}

# --- apply rate ---------------------------------------------------------------------
if (wanted('apply'))
{
	make_table('r', 'id int PRIMARY KEY, n int, filler text', "SELECT i, 0, $filler FROM generate_series(1, 100000) i");
	q1('b', "SELECT converge.peer_pause('a')");
	my $file = script('apply', "\\set k random(1, 100000)\nUPDATE r SET n = n + 1 WHERE id = :k;\n");
	pgbench('a', '-c', 4, '-j', 2, '-t', $backlog / 4, '-f', $file);
	my $cpu = cpu('a', 'b');
	my $start = time;
	q1('b', "SELECT converge.peer_resume('a')");
	synced();
	my $t = time - $start;
	row('apply of ' . $backlog / 1000 . ' k single-row transactions, rows/s', '', sprintf('%.0f', $backlog / $t), undef, '>= 80000');
	row('CPU for it, both nodes, s / 1000 tx', '', sprintf('%.4f', (cpu('a', 'b') - $cpu) / $backlog * 1000), undef, '');
}

# --- latency ----------------------------------------------------------------------------
if (wanted('latency'))
{
	make_table('lat', 'id int8 PRIMARY KEY');
	my @conn = map { "host=$work port=$port{$_} dbname=postgres user=postgres" } qw(a b);
	my ($p50, $p95, $p99, $max, $probe) = split ' ', `$work/latency '$conn[0]' '$conn[1]' $samples 5`;
	die "latency failed\n" unless defined $probe;
	row('idle latency, commit here to visible there, ms: p50', '', sprintf('%.2f', $p50 / 1000), undef, '<= 0.7');
	row('    p95', '', sprintf('%.2f', $p95 / 1000), undef, '<= 2');
	row('    p99', '', sprintf('%.2f', $p99 / 1000), undef, '<= 5');
	row('    (largest; one question takes)', sprintf('%.2f', $probe / 1000), sprintf('%.2f', $max / 1000), undef, '');
}

# --- sizes -----------------------------------------------------------------------------------
if (wanted('size'))
{
	make_table('s', 'id int PRIMARY KEY, v text, w text', "SELECT i, 'v', 'w' FROM generate_series(1, 100) i");
	my $one = q1('a', 'SELECT max(pg_column_size(_converge)) FROM s');
	q1('b', "UPDATE s SET v = 'b'");
	synced();
	my $two = q1('a', 'SELECT max(pg_column_size(_converge)) FROM s');
	row('row metadata, one writer / two writers, bytes', '', "$one / $two", undef, '<= 24 (one)');
	row('shared memory, MiB', '', sprintf('%.1f', q1('a', "SELECT coalesce(sum(allocated_size), 0) FROM pg_shmem_allocations WHERE name ILIKE '%converge%'") / 1048576), undef, '');
}

printf "\n%-68s %10s %12s %7s   %s\n", 'figure', 'plain', 'pg_converge', 'ratio', 'target';
for my $r (@table)
{
	my ($figure, $plain, $ours, $ratio, $target) = @$r;
	printf "%-68s %10s %12s %7s   %s\n", $figure, $plain, $ours, defined $ratio ? sprintf('%.2f', $ratio) : '', $target;
}
