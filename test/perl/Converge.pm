# Groups of replicating databases for TAP tests: a thin layer over
# PostgreSQL::Test::Cluster.
#
#   my $g = Converge->new_group(names => [qw(paris london tokyo)],
#                               topology => 'mesh');
#   $g->all('CREATE TABLE t (id int PRIMARY KEY, v text)');
#   $g->replicate('t');
#   $g->node('paris')->sql("INSERT INTO t VALUES (1, 'x')");
#   $g->converged_ok('the row is everywhere', 't');
#
# Options of new_group: names, topology ('mesh', 'chain', 'ring', 'none', or
# { node => [nodes it pulls from] }), dbname, conf (text for postgresql.conf of
# every node), proxied (links go through proxy.pl, and cut, hang, heal, reset,
# delay, truncate, garble work), one_server (all nodes are databases of one
# server).
package Converge;

use strict;
use warnings;
use Carp;
use File::Basename;
use IPC::Run ();
use Pace;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $proxy_number = 0;

# A server that crashed fails its own test file and not the whole run.
{
	no warnings 'redefine';
	*PostgreSQL::Test::Cluster::BAIL_OUT = sub { die "@_\n" };
}

# Seconds after which waiting for something has failed.
our $timeout = $ENV{PG_TEST_TIMEOUT_DEFAULT} || 180;

# Random tests do the same in each run; SEED=n lets them do something else.
my $seed;

sub seed
{
	$seed = $ENV{SEED} // 1;
	srand $seed;
	return $seed;
}

END
{
	diag "SEED=$seed" if defined $seed && !Test::More->builder->is_passing;
}

sub new_group
{
	my ($class, %opt) = @_;
	my $self = bless {
		names    => $opt{names} || [qw(a b)],
		topology => $opt{topology} || 'mesh',
		dbname   => $opt{dbname} || 'postgres',
		proxied  => $opt{proxied},
		nodes    => {},
	}, $class;

	my $server;
	for my $name (@{ $self->{names} })
	{
		my $dbname = $opt{one_server} ? "db_$name" : $self->{dbname};
		if (!$server || !$opt{one_server})
		{
			$server = new_server($opt{one_server} ? 'server' : $name, %opt);
			$server->start;
		}
		$server->safe_psql('postgres', qq{CREATE DATABASE "$dbname"}) if $dbname ne 'postgres';
		$self->{nodes}{$name} = Converge::Node->new($name, $server, $dbname);
	}
	$self->{links} = $self->_links($self->{topology});
	$self->_start_proxy if $self->{proxied};
	for my $node ($self->nodes)
	{
		$node->set('converge.node_name', $node->name);
		$self->set_peers($node->name, @{ $self->{links}{ $node->name } });
		$node->sql('CREATE EXTENSION pg_converge');
	}
	$_->wait_ready for $self->nodes;
	return $self;
}

# A server with the library loaded and nothing else of ours.  CVG_INSTALLS names
# installations to take in turn: then the nodes are of different versions.
my @installs = split ' ', $ENV{CVG_INSTALLS} // '';

sub new_server
{
	my ($name, %opt) = @_;
	my %cluster = %{ $opt{cluster} || {} };
	if (@installs && !$cluster{install_path})
	{
		$cluster{install_path} = shift @installs;
		push @installs, $cluster{install_path};
	}
	my $server = PostgreSQL::Test::Cluster->new($name, %cluster);
	$server->init(extra => [ '-E', 'UTF8', '--no-locale' ], %{ $opt{init} || {} });
	$server->append_conf('postgresql.conf', settings() . ($opt{conf} || ''));
	Pace::begin();
	return $server;
}

# Of a deadlock apply is the victim, not the user, as long as it gets CPU time
# within deadlock_timeout: a busy machine must not decide.
sub settings
{
	return <<'CONF';
deadlock_timeout = '20s'
shared_preload_libraries = 'pg_converge'
max_worker_processes = 32
max_connections = 60
autovacuum_naptime = 60
log_min_messages = info
log_statement = none
converge.heartbeat_interval = '500ms'
converge.max_retry_interval = '1s'
converge.tombstone_retention = 0
CONF
}

sub node { my ($self, $name) = @_; return $self->{nodes}{$name} // croak "no node $name" }
sub names { return @{ $_[0]{names} } }
sub nodes { my $self = shift; return map { $self->{nodes}{$_} } $self->names }

sub _links
{
	my ($self, $topology) = @_;
	my @n = $self->names;
	return $topology if ref $topology;
	my %links = map { $_ => [] } @n;
	for my $i (0 .. $#n)
	{
		for my $j (0 .. $#n)
		{
			next if $i == $j;
			my $gap = abs($i - $j);
			push @{ $links{ $n[$i] } }, $n[$j]
			  if $topology eq 'mesh'
			  || $topology eq 'chain' && $gap == 1
			  || $topology eq 'ring' && ($gap == 1 || $gap == $#n);
		}
	}
	return \%links;
}

# Where a node finds a peer: directly, or through the proxy.
sub conninfo
{
	my ($self, $from, $to) = @_;
	my $node = $self->node($to);
	my ($host, $port) = ($node->server->host, $node->server->port);
	if ($self->{proxied})
	{
		my $link = $self->{proxy}{links}{"$from>$to"} or croak "no proxied link $from>$to";
		($host, $port) = @$link{qw(dir port)};
	}
	return "host=$host port=$port dbname=" . $node->dbname . " application_name=$from";
}

sub set_peers
{
	my ($self, $name, @peers) = @_;
	$self->node($name)->set('converge.peers',
		join(', ', map { "$_=" . $self->conninfo($name, $_) } @peers));
}

# --- faults ---------------------------------------------------------------

sub _start_proxy
{
	my ($self) = @_;
	my $proxy = $self->{proxy} = { in => '', out => '', links => {} };
	my $dir = PostgreSQL::Test::Utils::tempdir_short();
	$proxy->{harness} = IPC::Run::start(
		[ $^X, dirname(__FILE__) . '/proxy.pl' ],
		'<', \$proxy->{in}, '>', \$proxy->{out}, '2>&1',
		$proxy->{timer} = IPC::Run::timer($timeout));
	for my $from ($self->names)
	{
		for my $to ($self->names)
		{
			next if $from eq $to;
			my $port = 40000 + $proxy_number++;
			my $server = $self->node($to)->server;
			$proxy->{links}{"$from>$to"} = { dir => $dir, port => $port };
			$self->_proxy("link $from>$to $dir/.s.PGSQL.$port "
				  . $server->host . '/.s.PGSQL.' . $server->port);
		}
	}
}

sub _proxy
{
	my ($self, $command) = @_;
	my $proxy = $self->{proxy} or croak 'the group is not proxied';
	$proxy->{out} = '';
	$proxy->{in} .= "$command\n";
	$proxy->{timer}->start($timeout);
	$proxy->{harness}->pump until $proxy->{out} =~ /\n/;
	$proxy->{timer}->reset;
	croak "proxy: $command: $proxy->{out}" unless $proxy->{out} =~ /^ok ?(.*)\n/;
	return $1;
}

# cut('a', 'b'): neither pulls from the other; cut('a'): a from and to all.
sub _both
{
	my ($self, $command, $x, $y, @arg) = @_;
	for my $other (defined $y ? $y : grep { $_ ne $x } $self->names)
	{
		$self->_proxy(join ' ', $command, "$x>$other", @arg);
		$self->_proxy(join ' ', $command, "$other>$x", @arg);
	}
}
sub cut  { my $self = shift; $self->_both('cut', @_[ 0, 1 ]) }
sub heal { my $self = shift; $self->_both('heal', @_[ 0, 1 ]) }
sub hang { my $self = shift; $self->_both('hang', @_[ 0, 1 ]) }

# A fault on one direction: what $from pulls from $to.
sub fault
{
	my ($self, $command, $from, $to, @arg) = @_;
	return $self->_proxy(join ' ', $command, "$from>$to", @arg);
}

# --- all nodes ------------------------------------------------------------

sub all
{
	my ($self, $sql) = @_;
	return map { $_->sql($sql) } $self->nodes;
}

sub replicate
{
	my ($self, @tables) = @_;
	for my $node ($self->nodes)
	{
		$node->sql("SELECT converge.replicate('$_')") for @tables;
	}
}

# Do all nodes have the same entries, and the same digests of the tables?
# Returns an empty string, or what differs.
sub difference
{
	my ($self, $names, @tables) = @_;
	my @what = ('progress', map { "digest of $_" } @tables);
	my $sql = join ";\n", 'SELECT progress FROM converge.node_info()', map { "SELECT converge.digest('$_')" } @tables;
	# clocks first: digests are work
	for my $query (@tables ? ('SELECT progress FROM converge.node_info()', $sql) : $sql)
	{
		my %answer = map { $_ => [ split /\n/, $self->node($_)->sql($query) ] } @$names;
		my $count = @{ $answer{ $names->[0] } };
		for my $i (0 .. $count - 1)
		{
			my %seen;
			push @{ $seen{ $answer{$_}[$i] // '' } }, $_ for @$names;
			return "$what[$i]: " . join '; ', map { "@{$seen{$_}}: $_" } sort keys %seen if keys %seen > 1;
		}
	}
	return '';
}

# Wait until all nodes (or those of nodes => [...]) have all entries and equal
# digests.  On timeout says what a DBA would look at.
sub wait_converged
{
	my ($self, @tables) = @_;
	my %opt = ref $tables[-1] ? %{ pop @tables } : ();
	my $names = $opt{nodes} || $self->{names};
	my $deadline = time + ($opt{timeout} || $timeout);
	my $difference;
	while (1)
	{
		$difference = eval { $self->difference($names, @tables) };
		$difference = "error: $@" unless defined $difference;
		return 1 if $difference eq '';
		last if time > $deadline;
		select undef, undef, undef, 0.1;
	}
	diag "not converged: $difference";
	$self->diagnose(@$names);
	return 0;
}

sub diagnose
{
	my ($self, @names) = @_;
	for my $node (map { $self->node($_) } @names ? @names : $self->names)
	{
		for my $q ('SELECT * FROM converge.stat_peers', 'SELECT * FROM converge.node_info()',
			'SELECT reason, detail, count(*) FROM converge.quarantine GROUP BY 1, 2',
			"SELECT backend_type, pid, state, wait_event, left(query, 80) AS query FROM pg_stat_activity WHERE backend_type LIKE 'pg_converge%'")
		{
			my ($rc, $out, $err) = $node->server->psql($node->dbname, "\\x on\n$q",
				extra_params => [ '--no-align' ], on_error_stop => 0);
			diag $node->name . ": $q\n$out" . ($err ? "\n$err" : '');
		}
	}
}

# The usual assertion: converged, and the full ordered content with the row
# clocks is the same text on all nodes.
sub converged_ok
{
	my ($self, $what, @tables) = @_;
	my %opt = ref $tables[-1] ? %{ $tables[-1] } : ();
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $ok = $self->wait_converged(@tables);
	pop @tables if ref $tables[-1];
	my @names = @{ $opt{nodes} || $self->{names} };
	my $first = shift @names;
	if ($ok && @tables)
	{
		my $want = $self->node($first)->content(@tables);
		for my $other (@names)
		{
			my $have = $self->node($other)->content(@tables);
			next if $have eq $want;
			$ok = 0;
			diag "@tables: equal digests, but the content differs between $first and $other:\n"
			  . first_difference($want, $have);
		}
	}
	return ok($ok, $what);
}

sub first_difference
{
	my ($x, $y) = @_;
	my (@x) = split /\n/, $x;
	my (@y) = split /\n/, $y;
	my ($n, $text) = (0, '');
	my %in_x = map { $_ => 1 } @x;
	my %in_y = map { $_ => 1 } @y;
	for (grep { !$in_y{$_} } @x) { $text .= "  < $_\n"; last if ++$n >= 5 }
	$n = 0;
	for (grep { !$in_x{$_} } @y) { $text .= "  > $_\n"; last if ++$n >= 5 }
	return $text;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@);
	if ($self->{proxy} && $self->{proxy}{harness})
	{
		eval { $self->{proxy}{in} .= "quit\n"; $self->{proxy}{harness}->finish };
	}
}

# --- one node ---------------------------------------------------------------

package Converge::Node;

use strict;
use warnings;
use Carp;
use IPC::Run ();
use Test::More;
use Time::HiRes qw(time);

sub new
{
	my ($class, $name, $server, $dbname) = @_;
	return bless { name => $name, server => $server, dbname => $dbname }, $class;
}

# A node on a copy of this one's data directory; its server is stopped.
sub on_copy
{
	my ($self, $cluster, $name) = @_;
	my $server = PostgreSQL::Test::Cluster->new($cluster);
	$self->server->backup_fs_cold($cluster);
	$server->init_from_backup($self->server, $cluster);
	$server->start;
	return Converge::Node->new($name, $server, $self->dbname);
}

sub name   { $_[0]{name} }
sub server { $_[0]{server} }
sub dbname { $_[0]{dbname} }
sub connstr { $_[0]{server}->connstr($_[0]{dbname}) }

sub sql
{
	my ($self, $sql, %opt) = @_;
	Pace::wait_a_moment();
	return $self->{server}->safe_psql($self->{dbname}, $sql, %opt);
}

# (exit code, stdout, stderr) of a statement that may fail
sub try
{
	my ($self, $sql, %opt) = @_;
	return $self->_psql($sql, on_error_stop => 1, %opt);
}

# psql may end before it has read the statement, when the server is just
# restarting: then IPC::Run dies of the pipe, and it is an error like others.
sub _psql
{
	my ($self, $sql, %opt) = @_;
	Pace::wait_a_moment();
	my @answer = eval { $self->{server}->psql($self->{dbname}, $sql, %opt) };
	return @answer unless $@;
	die $@ unless $@ =~ /Broken pipe/;
	return (2, '', $@);
}

# The statement must fail with this SQLSTATE and a message like that.
sub fails_ok
{
	my ($self, $sql, $sqlstate, $like, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($rc, $out, $err) = $self->try("\\set VERBOSITY verbose\n$sql");
	ok($rc != 0 && $err =~ /\b\Q$sqlstate\E: / && $err =~ $like, $what)
	  or diag "wanted $sqlstate $like, got exit code $rc:\n$err$out";
}

# ALTER DATABASE SET; needs no restart.
sub set
{
	my ($self, $name, $value) = @_;
	$value =~ s/'/''/g;
	$self->sql(qq{ALTER DATABASE "$self->{dbname}" SET $name = '$value'});
}

# Poll until the query prints the text, or matches the pattern.
sub wait_for
{
	my ($self, $query, $want, $seconds) = @_;
	my $deadline = time + ($seconds || $Converge::timeout);
	my ($rc, $out, $err);
	$want = 't' unless defined $want;
	while (1)
	{
		($rc, $out, $err) = $self->_psql($query);
		return 1 if $rc == 0 && (ref $want ? $out =~ $want : $out eq $want);
		last if time > $deadline;
		select undef, undef, undef, 0.05;
	}
	diag $self->{name} . ": waited in vain for \"$want\" from: $query\n"
	  . "last answer: $out" . (defined $err && $err ne '' ? "\nlast error: $err" : '');
	return 0;
}

# Until the workers of the database run.
sub wait_ready
{
	my ($self) = @_;
	return $self->wait_for('SELECT replica_id IS NOT NULL FROM converge.node_info()')
	  || croak $self->{name} . ' did not become ready';
}

sub wait_synced
{
	my ($self) = @_;
	return $self->sql("SELECT converge.wait_for_sync('$Converge::timeout s')");
}

# Takes nothing more from these peers.
sub pause
{
	my ($self, @peers) = @_;
	for my $peer (@peers)
	{
		$self->sql("SELECT converge.peer_pause('$peer')");
		$self->wait_for("SELECT state FROM converge.stat_peers WHERE name = '$peer'", 'paused')
		  || croak "$self->{name} did not pause $peer";
	}
	return;
}

sub resume
{
	my ($self, @peers) = @_;
	$self->sql("SELECT converge.peer_resume('$_')") for @peers;
	return;
}

# The sum of a column of stat_peers, of one peer or of all.  What was applied a
# moment ago is counted before the link has its next contact.
sub counted
{
	my ($self, $column, $peer) = @_;
	my $which = defined $peer ? "WHERE name = '$peer'" : '';
	my $now = $self->sql('SELECT clock_timestamp()');
	$self->wait_for("SELECT bool_and(last_contact > '$now') FROM converge.stat_peers $which")
	  || croak "$self->{name} has lost contact";
	return $self->sql("SELECT sum($column) FROM converge.stat_peers $which");
}

# What this node has, of every origin: text for comparing.
sub clock
{
	my ($self) = @_;
	return $self->sql('SELECT progress FROM converge.node_info()');
}

sub digest
{
	my ($self, $table) = @_;
	return $self->sql("SELECT converge.digest('$table')");
}

# All rows of the tables as ordered text, _converge included.  Columns are
# taken by name, so that their order does not matter.
sub content
{
	my ($self, @tables) = @_;
	return $self->sql(join "\n",
		"SET extra_float_digits = 1; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; SET quote_all_identifiers = off;",
		map { "SELECT '$_ ' || to_jsonb(x)::text COLLATE \"C\" AS row FROM $_ x ORDER BY row;" } @tables);
}

# The same without the metadata.
sub plain_content
{
	my ($self, $table) = @_;
	return $self->sql("SELECT (to_jsonb(x) - '_converge')::text COLLATE \"C\" AS row FROM $table x ORDER BY row");
}

# --- processes --------------------------------------------------------------

sub worker_pids
{
	my ($self, $kind) = @_;
	return split /\n/, $self->sql("SELECT pid FROM pg_stat_activity
		WHERE backend_type LIKE 'pg_converge $kind%' AND datname = current_database()");
}

# Stop a process of the server (SIGSTOP) while it waits for something to do, so
# that it holds no lock that others need.
sub freeze
{
	my ($self, $pid) = @_;
	my $idle = "SELECT wait_event_type IN ('Activity', 'Extension') FROM pg_stat_activity WHERE pid = $pid";
	my $deadline = time + $Converge::timeout;
	while (time < $deadline)
	{
		$self->wait_for($idle) || last;
		Pace::freeze($pid);
		return $pid if $self->sql($idle) eq 't';
		Pace::thaw($pid);
	}
	croak "$self->{name}: process $pid does not come to rest";
}

sub thaw { my ($self, $pid) = @_; Pace::thaw($pid); return }

# kill -9 of a server process for which the condition holds, as soon as there is
# one.  The postmaster restarts all; returns when it has done so and accepts
# connections again.
sub kill9_process
{
	my ($self, $condition) = @_;
	my $checkpointer = "(SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer')";
	my $query = "SELECT pid, $checkpointer FROM pg_stat_activity WHERE $condition ORDER BY random() LIMIT 1";
	my $deadline = time + $Converge::timeout;
	while (time < $deadline)
	{
		my ($rc, $out) = $self->try($query);
		my ($pid, $before) = $rc == 0 ? split /\|/, $out : ();
		if (!$before || !kill 9, $pid)
		{
			select undef, undef, undef, 0.02;
			next;
		}
		# it may have come to its end just before
		return 1 if $self->wait_for("SELECT pid <> $before FROM $checkpointer x", 't', 20);
	}
	return 0;
}

# kill -9 of the postmaster.  Returns when its children have noticed, so that
# start() can follow.
sub kill9
{
	my ($self) = @_;
	my $pm = $self->{server}{_pid};
	my @children = map { m{^/proc/(\d+)/} ? $1 : () } grep {
		open my $f, '<', $_;
		my $stat = $f ? <$f> // '' : '';
		$stat =~ /^\d+ \(.*\) \S (\d+)/s && $1 == $pm
	} glob '/proc/[0-9]*/stat';
	$self->{server}->kill9;
	# one that nobody has waited for yet holds the lock file, too
	my $deadline = time + $Converge::timeout;
	while (grep { kill 0, $_ } $pm, @children)
	{
		croak "$self->{name}: killed processes do not go" if time > $deadline;
		kill 9, @children if time > $deadline - $Converge::timeout + 20;
		select undef, undef, undef, 0.05;
	}
	return;
}

sub start { my ($self) = @_; return $self->{server}->start }

# pgbench in the background; returns a handle for finish_load().
sub start_load
{
	my ($self, @args) = @_;
	my $load = { out => '', err => '' };
	$load->{harness} = IPC::Run::start(
		[ 'pgbench', '-n', '-h', $self->{server}->host, '-p', $self->{server}->port, @args, $self->{dbname} ],
		'<', \undef, '>', \$load->{out}, '2>', \$load->{err});
	return $load;
}

# Ends it; returns when nothing of it goes on in the server.
sub stop_load
{
	my ($self, $load) = @_;
	$load->{harness}->signal('TERM');
	$load->{harness}->finish;
	return $self->wait_for("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'", '0');
}

# Waits for its end; returns the number of transactions it did.
sub finish_load
{
	my ($self, $load) = @_;
	$load->{harness}->finish;
	my ($n) = $load->{out} =~ /number of transactions actually processed: (\d+)/;
	return $n // 0;
}

1;
