# The laboratory: servers, the network between them, and every fault that the
# nemesis can order.  A node has a number (1 ..), a name (n1 ..), a data
# directory, a port, and a file that its shim reads (shim.c).
#
# Two kinds of network:
#   netns     each node in a network namespace of its own, joined by
#             netswitch; data directories on a tmpfs each, so that a disk can
#             be full.  Needs root; the caller has unshared the namespaces, so
#             everything is gone when the last process is.
#   loopback  Unix sockets through test/perl/proxy.pl, where namespaces are
#             refused: cuts, hangs, resets and a fixed delay only.
#
# Clients and the harness always use the node's Unix socket, which no fault of
# the network touches.
package Torture::Lab;

use strict;
use warnings;
use Fcntl qw(O_RDWR O_CREAT);
use IPC::Open2;
use POSIX ();
use Time::HiRes qw(time sleep clock_gettime CLOCK_MONOTONIC);
use Torture::Wire;

use constant DISK_MB => 700;	# unless disk_mb is given

# new(work, bin, nodes, seed, netns, user, shim, switch, proxy, conf, disk_mb)
sub new
{
	my ($class, %opt) = @_;
	my $self = bless {%opt}, $class;
	my $n = $self->{nodes};
	$self->{node} = [ undef, map { { number => $_, name => "n$_", port => 5400 + $_ } } 1 .. $n ];
	mkdir "$self->{work}/s";
	$self->_give("$self->{work}/s");
	for my $node ($self->nodes)
	{
		$node->{dir}  = "$self->{work}/$node->{name}";
		$node->{log}  = "$self->{work}/$node->{name}.log";
		$node->{data} = "$node->{dir}/data";
		$node->{shim} = "$self->{work}/$node->{name}.shim";
		$node->{clock} = { offset => 0, rate => 1000, base => 0 };
		mkdir $node->{dir};
		$self->run_root('mount', '-t', 'tmpfs', '-o', 'size=' . ($self->{disk_mb} || DISK_MB) . 'm', 'tmpfs', $node->{dir}) if $self->{netns};
		$self->_give($node->{dir});
		$self->_write_shim($node);
	}
	$self->{netns} ? $self->_network : $self->_proxy;
	return $self;
}

sub nodes { my $self = shift; return grep { defined } @{ $self->{node} } }
sub node { return $_[0]{node}[ $_[1] ] }

sub _give
{
	my ($self, $path) = @_;
	return unless $> == 0;
	my ($uid, $gid) = (getpwnam $self->{user})[ 2, 3 ];
	chown $uid, $gid, $path;
}

# A command that must succeed.
sub run_root
{
	my ($self, @command) = @_;
	system(@command) == 0 or die "@command: exit code $?\n";
}

# A command as the unprivileged user, in the node's namespace; its output goes
# to the node's log.  True when it succeeded.
sub run_in
{
	my ($self, $node, @command) = @_;
	my @shim = ('env', "LD_PRELOAD=$self->{shim}", "CVG_SHIM=$node->{shim}", "PATH=$self->{bin}:$ENV{PATH}");
	my @as = $> == 0
	  ? ('setpriv', "--reuid=$self->{user}", '--regid=' . (getgrgid((getpwnam $self->{user})[3]))[0], '--clear-groups')
	  : ();
	my @in = $self->{netns} ? ('ip', 'netns', 'exec', $node->{name}) : ();
	my $pid = fork // die "fork: $!\n";
	if (!$pid)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$node->{log}.commands";
		open STDERR, '>&', \*STDOUT;
		{ no warnings; exec @in, @as, @shim, @command }
		POSIX::_exit(127);
	}
	waitpid $pid, 0;
	return $? == 0;
}

# --- servers ----------------------------------------------------------------

sub init
{
	my ($self) = @_;
	for my $node ($self->nodes)
	{
		$self->run_in($node, "$self->{bin}/initdb", '-D', $node->{data}, '-A', 'trust', '-U', 'postgres',
			'-E', 'UTF8', '--no-locale', '--no-sync', '--wal-segsize=1')
		  or die "initdb of $node->{name} failed\n" . $self->tail("$node->{log}.commands");
		open my $conf, '>>', "$node->{data}/postgresql.conf" or die "$node->{data}: $!\n";
		print $conf $self->_conf($node);
		close $conf;
		open my $hba, '>>', "$node->{data}/pg_hba.conf" or die;
		print $hba "host all all 10.99.0.0/24 trust\nhost replication all 10.99.0.0/24 trust\n";
		close $hba;
		$self->start($node) or die "$node->{name} did not start\n" . $self->tail($node->{log});
	}
}

sub _conf
{
	my ($self, $node) = @_;
	my $listen = $self->{netns} ? $self->address($node) : '';
	return <<"CONF" . ($self->{conf} // '');
listen_addresses = '$listen'
unix_socket_directories = '$self->{work}/s'
port = $node->{port}
shared_preload_libraries = 'pg_converge'
max_connections = 60
max_worker_processes = 24
max_prepared_transactions = 5
max_wal_senders = 4
shared_buffers = 32MB
fsync = on
wal_level = replica
max_wal_size = 48MB
min_wal_size = 8MB
checkpoint_timeout = 30s
autovacuum_naptime = 5s
log_line_prefix = '%m [%p] %b %a '
log_min_messages = info
log_checkpoints = off
deadlock_timeout = 300ms
lock_timeout = 8s
statement_timeout = 15s
tcp_keepalives_idle = 2
tcp_keepalives_interval = 1
tcp_keepalives_count = 2
tcp_user_timeout = 4000
converge.heartbeat_interval = '400ms'
converge.max_retry_interval = '1s'
converge.connect_timeout = '2s'
converge.log_segment_size = '4MB'
CONF
}

sub address { return "10.99.0.$_[1]{number}" }

sub start
{
	my ($self, $node, $seconds) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + ($seconds || 60);
	while (1)
	{
		return 1 if $self->run_in($node, "$self->{bin}/pg_ctl", '-D', $node->{data}, '-l', $node->{log}, '-w', '-s', '-t', 40, 'start');
		# children of one that was killed may still hold its memory
		return 0 if clock_gettime(CLOCK_MONOTONIC) > $deadline;
		$self->pause(0.2);
	}
}

sub stop
{
	my ($self, $node, $mode) = @_;
	return $self->run_in($node, "$self->{bin}/pg_ctl", '-D', $node->{data}, '-w', '-s', '-t', 30, '-m', $mode, 'stop');
}

sub postmaster
{
	my ($self, $node) = @_;
	open my $f, '<', "$node->{data}/postmaster.pid" or return 0;
	my $pid = <$f> // 0;
	return $pid + 0;
}

# kill -9 of the postmaster; returns when its children are gone, or hurries
# them after some seconds.
sub kill_postmaster
{
	my ($self, $node) = @_;
	my $pid = $self->postmaster($node) or return;
	my @children = $self->children($pid);
	kill 'KILL', $pid;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + 5;
	while (my @left = grep { -e "/proc/$_" && !$self->zombie($_) } $pid, @children)
	{
		kill 'KILL', @left if clock_gettime(CLOCK_MONOTONIC) > $deadline;
		$self->pause(0.02);
	}
}

sub stat_of
{
	my ($self, $pid) = @_;
	open my $f, '<', "/proc/$pid/stat" or return;
	my $line = <$f> // return;
	return $line =~ /^\d+ \(.*\) (\S) (\d+)/s;
}

sub zombie { my ($state) = $_[0]->stat_of($_[1]); return ($state // '') eq 'Z' }

sub children
{
	my ($self, $parent) = @_;
	return grep { (($self->stat_of($_))[1] // 0) == $parent } map { m{(\d+)$} } glob '/proc/[0-9]*';
}

sub connect
{
	my ($self, $node, %opt) = @_;
	return Torture::Wire->connect(
		dir => "$self->{work}/s", port => $node->{port}, user => 'postgres',
		dbname => 'torture', application_name => 'harness', timeout => 20, %opt);
}

# One value from a node, on a connection of its own; undef when that fails.
sub value
{
	my ($self, $node, $sql, %opt) = @_;
	my $c = $self->connect($node, %opt) or return undef;
	my $value = $c->value($sql);
	$c->close;
	return $value;
}

# Statements that must succeed.
sub sql
{
	my ($self, $node, $sql, %opt) = @_;
	my $c = $self->connect($node, timeout => 60, %opt) or die "$node->{name}: no connection\n";
	my $r = $c->query($sql);
	$c->close;
	die "$node->{name}: $r->{sqlstate} $r->{message}\n$sql\n" unless $r->{status} eq 'ok';
	return $r;
}

# Between two looks at a condition.
sub pause { my ($self, $seconds) = @_; sleep $seconds }

sub wait_for
{
	my ($self, $seconds, $condition) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + $seconds;
	until ($condition->())
	{
		return 0 if clock_gettime(CLOCK_MONOTONIC) > $deadline;
		$self->pause(0.1);
	}
	return 1;
}

sub wait_up
{
	my ($self, $node, $seconds) = @_;
	return $self->wait_for($seconds || 150, sub { ($self->value($node, 'SELECT replica_id FROM converge.node_info()') // '') ne '' });
}

sub tail
{
	my ($self, $path, $lines) = @_;
	open my $f, '<', $path or return '';
	my @all = <$f>;
	$lines ||= 15;
	return join '', @all > $lines ? @all[ -$lines .. -1 ] : @all;
}

# --- network ------------------------------------------------------------------

sub _network
{
	my ($self) = @_;
	$self->run_root('ip', 'netns', 'add', 'sw');
	for my $node ($self->nodes)
	{
		my ($i, $n) = @$node{qw(number name)};
		$self->run_root('ip', 'netns', 'add', $n);
		$self->run_root('ip', 'link', 'add', "v$i", 'netns', $n, 'type', 'veth', 'peer', 'name', "p$i", 'netns', 'sw');
		$self->run_root('ip', '-n', $n, 'link', 'set', 'lo', 'up');
		$self->run_root('ip', '-n', $n, 'link', 'set', "v$i", 'address', sprintf '02:00:00:00:00:%02x', $i);
		$self->run_root('ip', '-n', $n, 'addr', 'add', $self->address($node) . '/24', 'dev', "v$i");
		$self->run_root('ip', '-n', $n, 'link', 'set', "v$i", 'up');
		$self->run_root('ip', '-n', 'sw', 'link', 'set', "p$i", 'up');
	}
	$self->{control}{pid} = open2(my $out, my $in, 'ip', 'netns', 'exec', 'sw', $self->{switch},
		$self->{seed}, map { "p$_->{number}" } $self->nodes);
	@{ $self->{control} }{qw(in out)} = ($in, $out);
	my $ready = <$out> // '';
	die "the switch did not start\n" unless $ready =~ /^ok/;
}

sub _proxy
{
	my ($self) = @_;
	$self->{control}{pid} = open2(my $out, my $in, $^X, $self->{proxy});
	@{ $self->{control} }{qw(in out)} = ($in, $out);
	my $port = 5500;
	for my $from ($self->nodes)
	{
		for my $to ($self->nodes)
		{
			next if $from == $to;
			$self->{link}{"$from->{name}>$to->{name}"} = ++$port;
			$self->control("link $from->{name}>$to->{name} $self->{work}/s/.s.PGSQL.$port $self->{work}/s/.s.PGSQL.$to->{port}");
		}
	}
}

# How $from reaches $to.
sub conninfo
{
	my ($self, $from, $to) = @_;
	my ($host, $port) = $self->{netns}
	  ? ($self->address($to), $to->{port})
	  : ("$self->{work}/s", $self->{link}{"$from->{name}>$to->{name}"});
	return "host=$host port=$port dbname=torture user=postgres application_name=$from->{name} "
	  . 'keepalives_idle=2 keepalives_interval=1 keepalives_count=2 tcp_user_timeout=4000';
}

sub control
{
	my ($self, $command) = @_;
	my $c = $self->{control};
	syswrite $c->{in}, "$command\n";
	my $out = $c->{out};
	my $answer = <$out> // die "the network's program is gone\n";
	die "network: $command: $answer" unless $answer =~ /^ok ?(.*)/;
	return $1;
}

# Frames from node number $from to node number $to (0: all).
sub link_quality
{
	my ($self, $from, $to, %q) = @_;
	return $self->control(join ' ', 'set', $from, $to, map { $q{$_} // 0 } qw(loss delay jitter double)) if $self->{netns};
	for my $pair ($self->_pairs($from, $to))
	{
		# the proxy knows whole connections, so a one-way cut hangs them
		my $how = ($q{loss} // 0) >= 1000 ? ($q{oneway} ? 'hang' : 'cut') : 'heal';
		$self->control("$how $pair");
		$self->control("delay $pair " . int(($q{delay} // 0) + ($q{jitter} // 0) / 2)) if $how eq 'heal';
	}
}

sub reset_links
{
	my ($self, $from, $to) = @_;
	if ($self->{netns})
	{
		$self->control("reset $from $to");
		return;
	}
	$self->control("reset $_") for $self->_pairs($from, $to);
}

sub heal_network
{
	my ($self) = @_;
	$self->link_quality(0, 0);
	$self->control('stop') if $self->{netns};
}

sub _pairs
{
	my ($self, $from, $to) = @_;
	return grep {
		my ($a, $b) = /^n(\d+)>n(\d+)$/;
		($from == 0 || $a == $from) && ($to == 0 || $b == $to)
	} sort keys %{ $self->{link} };
}

# --- clock and disk ---------------------------------------------------------------

sub _write_shim
{
	my ($self, $node) = @_;
	my $c = $node->{clock};
	sysopen my $f, $node->{shim}, O_RDWR | O_CREAT or die "$node->{shim}: $!\n";
	my $version = $node->{version} // 0;
	my $put = sub { sysseek $f, $_[0], 0; syswrite $f, $_[1] };
	$put->(32, pack 'q<', $version + 1);
	$put->(0, pack 'q<4', $node->{failing} ? 1 : 0, $c->{base}, $c->{offset}, $c->{rate});
	$put->(32, pack 'q<', $version += 2);
	$put->(4088, pack 'q<', 0) if -s $f < 4096;
	close $f;
	$node->{version} = $version;
	chmod 0666, $node->{shim};
}

# How far a node's clock is off now, ns.
sub clock_error
{
	my ($self, $node) = @_;
	my $c = $node->{clock};
	my $real = int(time * 1e9);
	return $c->{offset} + ($c->{rate} != 1000 && $c->{base} ? int(($real - $c->{base}) / 1000 * ($c->{rate} - 1000)) : 0);
}

# Set the clock: seconds it is off, and how fast it runs from now on.
sub set_clock
{
	my ($self, $node, $seconds, $rate) = @_;
	my $was = $self->clock_error($node) / 1e9;
	$node->{ahead} = $was if $was > ($node->{ahead} // 0);
	$node->{clock} = { offset => int($seconds * 1e9), rate => $rate || 1000, base => int(time * 1e9) };
	$self->_write_shim($node);
}

# Stop drifting, and stay where that has led.
sub settle_clock
{
	my ($self, $node) = @_;
	$self->set_clock($node, $self->clock_error($node) / 1e9);
}

# Where one clock was ahead, what it stamped lies in the future.  Waiting for
# that means moving all clocks there.
sub catch_up_clocks
{
	my ($self) = @_;
	my $most = 0;
	for my $node ($self->nodes)
	{
		my $error = $self->clock_error($node) / 1e9;
		for ($error, $node->{ahead} // 0) { $most = $_ if $_ > $most }
	}
	$self->set_clock($_, $most) for $self->nodes;
	return $most;
}

sub fail_flushes
{
	my ($self, $node, $on) = @_;
	$node->{failing} = $on;
	$self->_write_shim($node);
}

# Fill the node's disk to the last byte, or free it again.
sub fill_disk
{
	my ($self, $node, $on) = @_;
	my $balloon = "$node->{dir}/balloon";
	if (!$on) { unlink $balloon; return }
	open my $f, '>', $balloon or return;
	binmode $f;
	for my $size (1 << 20, 4096)
	{
		my $bytes = "\0" x $size;
		1 while (syswrite($f, $bytes) // 0) == $size;
	}
	close $f;
}

# --- backups and standbys ------------------------------------------------------------

sub base_backup
{
	my ($self, $node, $target, @options) = @_;
	return $self->run_in($node, "$self->{bin}/pg_basebackup", '-D', $target, '-h', "$self->{work}/s", '-p', $node->{port},
		'-U', 'postgres', '--checkpoint=fast', '--no-sync', @options);
}

# Stop all servers that still run, at once.
sub finish
{
	my ($self) = @_;
	for my $node ($self->nodes)
	{
		$self->fill_disk($node, 0) if $self->{netns};
		$self->fail_flushes($node, 0);
		my $pid = $self->postmaster($node);
		kill 'CONT', $pid if $pid;
		kill 'QUIT', $pid if $pid;
	}
	if (my $pid = $self->{control}{pid})
	{
		close $self->{control}{in};
		kill 'TERM', $pid;
		waitpid $pid, 0;
	}
}

1;
