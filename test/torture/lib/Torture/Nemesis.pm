# The nemesis: picks faults from a seed, one after the other, and mends each.
# Every fault is a method fault_NAME(lab, node, seconds); what it did is in the
# history.  A background of loss and jitter goes on beside the others.
package Torture::Nemesis;

use strict;
use warnings;
use File::Path ();
use Time::HiRes qw(time sleep clock_gettime CLOCK_MONOTONIC);

# name => [ weight, needs network namespaces, most seconds it holds ]
our %FAULTS = (
	node_cut        => [ 3, 0, 6 ],
	pair_cut        => [ 3, 0, 6 ],
	oneway_cut      => [ 3, 0, 6 ],
	loss            => [ 2, 1, 6 ],
	delay_jitter    => [ 2, 0, 6 ],
	reset           => [ 3, 0, 3 ],
	kill_backend    => [ 2, 0, 1 ],
	kill_worker     => [ 3, 0, 1 ],
	end_worker      => [ 1, 0, 1 ],
	kill_postmaster => [ 3, 0, 2 ],
	restart         => [ 1, 0, 1 ],
	stop_postmaster => [ 1, 0, 4 ],
	stop_worker     => [ 2, 0, 4 ],
	clock_step      => [ 2, 0, 3 ],
	clock_drift     => [ 2, 0, 4 ],
	clock_hour      => [ 1, 0, 3 ],
	clock_back      => [ 1, 0, 4 ],
	disk_full       => [ 2, 1, 4 ],
	flush_fails     => [ 2, 0, 4 ],
	restore         => [ 1, 0, 6 ],
	promote         => [ 1, 0, 6 ],
	pause_peer      => [ 1, 0, 5 ]);

# new(lab, history, work, log, forget): log is called with a line for people;
# nothing goes back to what it was before where deleted rows are forgotten at once
sub new
{
	my ($class, %opt) = @_;
	my $self = bless { count => {}, identities => 0, %opt }, $class;
	return $self;
}

sub names
{
	my ($self) = @_;
	my @names = grep { $self->{lab}{netns} || !$FAULTS{$_}[1] } sort keys %FAULTS;
	return $self->{forget} ? grep { !/^(restore|promote)$/ } @names : @names;
}

# The next fault: each once, in an order of the seed's, then by weight.
sub choose
{
	my ($self) = @_;
	if (!$self->{order})
	{
		my @names = $self->names;
		for my $i (reverse 1 .. $#names)
		{
			my $j = int rand($i + 1);
			@names[ $i, $j ] = @names[ $j, $i ];
		}
		$self->{order} = \@names;
	}
	return shift @{ $self->{order} } if @{ $self->{order} };
	# each restore and promotion makes one more identity, of which a database
	# holds 64
	my @names = grep { $self->{identities} < 30 || !/^(restore|promote)$/ } $self->names;
	my $sum = 0;
	$sum += $FAULTS{$_}[0] for @names;
	my $r = rand $sum;
	for (@names)
	{
		return $_ if ($r -= $FAULTS{$_}[0]) < 0;
	}
	return $names[-1];
}

sub note
{
	my ($self, @words) = @_;
	$self->{history}->line('e', @words);
	$self->{log}->(join ' ', @words);
}

# One fault, from beginning to end.  True when the cluster is whole again.
sub strike
{
	my ($self, $name) = @_;
	my $lab  = $self->{lab};
	my @all  = $lab->nodes;
	my $node = $all[ int rand @all ];
	my $hold = $FAULTS{$name}[2] * (0.4 + rand 0.6) * ($self->{hold} || 1);
	$self->{count}{$name}++;
	$self->note($name, $node->{name}, sprintf '%.1f s', $hold);
	my $method = "fault_$name";
	$self->$method($lab, $node, $hold);
	# half of the time something is always a little wrong with the network
	my %noise = rand() < 0.5 ? (loss => int rand 15, jitter => int rand 8, double => int rand 15) : ();
	$lab->heal_network;
	$lab->link_quality(0, 0, %noise) if $lab->{netns};
	return $self->revive($node);
}

sub revive
{
	my ($self, $node) = @_;
	my $lab = $self->{lab};
	return 1 if $lab->wait_up($node, 5);
	my $pid = $lab->postmaster($node);
	if (!$pid || !kill 0, $pid)
	{
		$lab->start($node, 60);
	}
	return 1 if $lab->wait_up($node);
	$self->note('VIOLATION', "$node->{name} did not come back");
	$self->{log}->($lab->tail($node->{log}));
	return 0;
}

sub other
{
	my ($self, $node) = @_;
	my @others = grep { $_ != $node } $self->{lab}->nodes;
	return $others[ int rand @others ];
}

# Pids of backends of a node.
sub pids
{
	my ($self, $node, $where) = @_;
	my $c = $self->{lab}->connect($node, timeout => 5) or return;
	my $r = $c->query("SELECT pid FROM pg_stat_activity WHERE $where ORDER BY random() LIMIT 1");
	$c->close;
	return $r->{status} eq 'ok' ? map { $_->[0] } @{ $r->{results}[0] } : ();
}

sub a_worker
{
	my ($self, $node) = @_;
	my $kind = (qw(receiver receiver manager launcher server))[ int rand 5 ];
	my ($pid) = $self->pids($node, $kind eq 'server' ? "application_name ~ '^n[0-9]' AND backend_type = 'client backend'"
		: "backend_type LIKE 'pg_converge $kind%'");
	$self->note($kind, $pid // 'none');
	return $pid;
}

# --- network ----------------------------------------------------------------------

sub fault_node_cut
{
	my ($self, $lab, $node, $hold) = @_;
	$lab->link_quality($node->{number}, 0, loss => 1000);
	$lab->link_quality(0, $node->{number}, loss => 1000);
	sleep $hold;
}

sub fault_pair_cut
{
	my ($self, $lab, $node, $hold) = @_;
	my $other = $self->other($node);
	$self->note('between', $node->{name}, $other->{name});
	$lab->link_quality($node->{number}, $other->{number}, loss => 1000);
	$lab->link_quality($other->{number}, $node->{number}, loss => 1000);
	sleep $hold;
}

sub fault_oneway_cut
{
	my ($self, $lab, $node, $hold) = @_;
	my $other = $self->other($node);
	$self->note('from', $node->{name}, 'to', $other->{name});
	$lab->link_quality($node->{number}, $other->{number}, loss => 1000, oneway => 1);
	sleep $hold;
}

sub fault_loss
{
	my ($self, $lab, $node, $hold) = @_;
	$lab->link_quality(0, 0, loss => 50 + int(rand 200), double => int rand 100);
	sleep $hold;
}

sub fault_delay_jitter
{
	my ($self, $lab, $node, $hold) = @_;
	$lab->link_quality(0, 0, delay => int(rand 150), jitter => int rand 150);
	sleep $hold;
}

sub fault_reset
{
	my ($self, $lab, $node, $hold) = @_;
	my $end = time + $hold;
	while (time < $end)
	{
		$lab->reset_links($node->{number}, 0);
		$lab->reset_links(0, $node->{number});
		$lab->pause(0.2);
		$lab->control('stop') if $lab->{netns};
		$lab->pause(0.3);
	}
}

sub fault_pause_peer
{
	my ($self, $lab, $node, $hold) = @_;
	my @peers = @{ $node->{peers} };
	my $other = $peers[ int rand @peers ];
	$lab->value($node, "SELECT converge.peer_pause('$other->{name}')");
	sleep $hold;
	$lab->wait_for(150, sub { defined $lab->value($node, "SELECT converge.peer_resume('$other->{name}')") });
}

# --- processes --------------------------------------------------------------------

sub fault_kill_backend
{
	my ($self, $lab, $node, $hold) = @_;
	my ($pid) = $self->pids($node, "application_name ~ '^c'");
	kill 'KILL', $pid if $pid;
	sleep $hold;
}

sub fault_kill_worker
{
	my ($self, $lab, $node, $hold) = @_;
	my $pid = $self->a_worker($node);
	kill 'KILL', $pid if $pid;
	sleep $hold;
}

sub fault_end_worker
{
	my ($self, $lab, $node, $hold) = @_;
	my $pid = $self->a_worker($node);
	kill 'TERM', $pid if $pid;
	sleep $hold;
}

sub fault_kill_postmaster
{
	my ($self, $lab, $node, $hold) = @_;
	$lab->kill_postmaster($node);
	sleep $hold;
	$lab->start($node);
}

sub fault_restart
{
	my ($self, $lab, $node, $hold) = @_;
	my $mode = (qw(fast immediate))[ int rand 2 ];
	$lab->stop($node, $mode);
	sleep $hold;
	$lab->start($node);
}

# A stopped postmaster lets connections hang in its queue.
sub fault_stop_postmaster
{
	my ($self, $lab, $node, $hold) = @_;
	my $pid = $lab->postmaster($node) or return;
	kill 'STOP', $pid;
	sleep $hold;
	kill 'CONT', $pid;
}

sub fault_stop_worker
{
	my ($self, $lab, $node, $hold) = @_;
	my $pid = $self->a_worker($node) or return;
	kill 'STOP', $pid;
	sleep $hold;
	kill 'CONT', $pid;
}

# --- clocks ------------------------------------------------------------------------

sub clock_from
{
	my ($self, $node, $by, $rate) = @_;
	my $lab = $self->{lab};
	$lab->set_clock($node, $lab->clock_error($node) / 1e9 + $by, $rate);
}

# Within what the others put up with.
sub fault_clock_step
{
	my ($self, $lab, $node, $hold) = @_;
	my $by = int(rand 60) - 20;
	$self->note('by', $by);
	$self->clock_from($node, $by);
	sleep $hold;
	$self->clock_from($node, -$by) if rand() < 0.5;
}

sub fault_clock_drift
{
	my ($self, $lab, $node, $hold) = @_;
	$self->clock_from($node, 0, (10_000, 500, 3000)[ int rand 3 ]);
	sleep $hold;
	$lab->settle_clock($node);
}

# An hour ahead: the others hold back what it writes, until their clocks, an
# hour later, are there too.
sub fault_clock_hour
{
	my ($self, $lab, $node, $hold) = @_;
	$self->clock_from($node, 3600);
	sleep $hold;
	$lab->catch_up_clocks;
}

# An hour behind, after a crash: the server knows no better time.
sub fault_clock_back
{
	my ($self, $lab, $node, $hold) = @_;
	$lab->kill_postmaster($node);
	$self->clock_from($node, -3600);
	$lab->start($node);
	sleep $hold;
	$self->clock_from($node, 3600);
}

# --- disks -------------------------------------------------------------------------

sub fault_disk_full
{
	my ($self, $lab, $node, $hold) = @_;
	$lab->fill_disk($node, 1);
	sleep $hold;
	$lab->fill_disk($node, 0);
}

sub fault_flush_fails
{
	my ($self, $lab, $node, $hold) = @_;
	$lab->fail_flushes($node, 1);
	sleep $hold;
	$lab->fail_flushes($node, 0);
}

# --- histories of their own -----------------------------------------------------------

# Acknowledged on this node from then on, but perhaps known to nobody else.
sub lossy
{
	my ($self, $node, $since) = @_;
	$self->{history}->line('o', $node->{name}, sprintf '%.6f', $since);
}

sub spread
{
	my ($self, $node) = @_;
	my $lab = $self->{lab};
	my $mine = $lab->value($node, 'SELECT replica_id FROM converge.node_info()') // return 0;
	my $last = $lab->value($node, 'SELECT last_seq FROM converge.node_info()') // return 0;
	for my $other (grep { $_ != $node } $lab->nodes)
	{
		my $clock = Torture::History::parse_clock($lab->value($other, 'SELECT progress FROM converge.node_info()'));
		# seqs of failed transactions are holes: the last committed one counts
		my $known = $clock->{$mine} // 0;
		next if $known >= $last;
		my $later = $lab->value($node, "SELECT count(*) FROM converge.log l, converge.node n WHERE l.origin = n.origin AND l.seq > $known") // return 0;
		return 0 if $later > 0;
	}
	return 1;
}

# A node that goes back to an older backup of itself.  Half of the time its
# clients wait first until all it has written is known elsewhere: then nothing
# may be missing.
sub fault_restore
{
	my ($self, $lab, $node, $hold) = @_;
	my $backup = "$node->{dir}/backup";
	my $since = clock_gettime(CLOCK_MONOTONIC);
	$self->{identities}++;
	File::Path::remove_tree($backup);
	if (!$lab->base_backup($node, $backup))
	{
		$self->note('no backup of', $node->{name});
		return;
	}
	sleep $hold;
	my $pause = "$self->{work}/pause.$node->{name}";
	if (rand() < 0.6)
	{
		open my $f, '>', $pause;
		$lab->wait_for(3, sub { 0 == ($lab->value($node, "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^[cmr]'") // 1) });
		$since = undef if $lab->wait_for(15, sub { $self->spread($node) });
	}
	$self->note($node->{name}, defined $since ? 'may lose what nobody else has' : 'loses nothing: all of it is known elsewhere');
	$lab->kill_postmaster($node);
	$self->lossy($node, $since) if defined $since;
	rename $node->{data}, "$node->{dir}/gone";
	rename $backup, $node->{data};
	$lab->start($node);
	File::Path::remove_tree("$node->{dir}/gone");
	$lab->wait_up($node);
	unlink $pause;
}

# A physical standby takes over after the death of its primary.
sub fault_promote
{
	my ($self, $lab, $node, $hold) = @_;
	my %standby = (%$node, data => "$node->{dir}/standby", port => $node->{port} + 50, log => "$node->{log}.standby");
	$self->{identities}++;
	File::Path::remove_tree($standby{data});
	if (!$lab->base_backup($node, $standby{data}, '-R'))
	{
		$self->note('no backup of', $node->{name});
		return;
	}
	my $conf = sub {
		open my $f, '>>', "$standby{data}/postgresql.auto.conf" or die;
		print $f join '', map { "$_\n" } @_;
		close $f;
	};
	$conf->("port = $standby{port}", "listen_addresses = ''");
	my $ready = $lab->start(\%standby, 20);
	sleep $hold;
	# what is acknowledged from here on may not be on the standby
	my $since = clock_gettime(CLOCK_MONOTONIC);
	my $lsn = $lab->value($node, 'SELECT pg_current_wal_flush_lsn()');
	my $caught = $ready && defined $lsn
	  && $lab->wait_for(15, sub { ($lab->value(\%standby, "SELECT pg_last_wal_replay_lsn() >= '$lsn'") // '') eq 't' });
	if (!$caught)
	{
		$self->note('the standby of', $node->{name}, 'was not ready');
		$lab->stop(\%standby, 'immediate');
		File::Path::remove_tree($standby{data});
		return;
	}
	$lab->kill_postmaster($node);
	$self->lossy($node, $since);
	$lab->run_in(\%standby, "$lab->{bin}/pg_ctl", '-D', $standby{data}, '-w', '-s', 'promote');
	$lab->stop(\%standby, 'fast');
	$conf->("port = $node->{port}", "listen_addresses = '" . ($lab->{netns} ? $lab->address($node) : '') . "'");
	rename $node->{data}, "$node->{dir}/gone";
	rename $standby{data}, $node->{data};
	$lab->start($node);
	File::Path::remove_tree("$node->{dir}/gone");
}

1;
