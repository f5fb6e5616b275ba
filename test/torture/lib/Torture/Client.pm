# Clients: a writer that does a bit of everything, and a reader that looks at
# all of it in one snapshot.  Each is a process with a random generator and a
# history of its own; all that it knows of a transaction is written down
# before the next message is sent.
#
# Whatever a client writes carries a token that nobody else ever writes
# (transaction id and statement number), so that a value that is read says
# which write it came from.
package Torture::Client;

use strict;
use warnings;
use Time::HiRes qw(sleep);
use Torture::History;
use Torture::Wire;

# Tables of rows with three columns, one for each way rows merge.
our %ROWS = (
	kv => { granularity => 'column', on_delete => 'lww' },
	kr => { granularity => 'row', on_delete => 'lww' },
	kd => { granularity => 'column', on_delete => 'delete_wins' },
	ku => { granularity => 'column', on_delete => 'update_wins' });
our @ROWS = sort keys %ROWS;
# A table of rows that are fine alone and clash with those of other nodes.
our %UNIQUE = (uq => { granularity => 'column', on_delete => 'lww', column => 'u' });
our $KEYS = 40;
our $REGISTERS = 12;

# Everything the nodes need; run on each of them.
our $SCHEMA = <<'SQL';
CREATE TABLE kv (k int PRIMARY KEY, a text, b text, c text);
CREATE TABLE kr (k int PRIMARY KEY, a text, b text, c text);
CREATE TABLE kd (k int PRIMARY KEY, a text, b text, c text);
CREATE TABLE ku (k int PRIMARY KEY, a text, b text, c text);
CREATE TABLE mark (txn text PRIMARY KEY);
CREATE TABLE solo (id text PRIMARY KEY, v text);
CREATE TABLE nokey (v text);
CREATE TABLE batch (txn text, part int, n int, pad text, PRIMARY KEY (txn, part)) PARTITION BY HASH (txn);
CREATE TABLE batch_0 PARTITION OF batch FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE batch_1 PARTITION OF batch FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE reg (k int PRIMARY KEY, v text);
CREATE TABLE uq (id text PRIMARY KEY, u int UNIQUE, v text);
CREATE TABLE ctr (k int PRIMARY KEY, n bigint NOT NULL);
CREATE SCHEMA torture;
-- the state of a deleted row, as describe() prints it
CREATE FUNCTION torture.tomb(rel regclass, k int) RETURNS text LANGUAGE sql AS
	$$ SELECT converge.describe(state) FROM converge.tombstones
	   WHERE relid = rel AND substr(key, length(key) - 3) = int4send(k) $$;
CREATE FUNCTION torture.tomb(rel regclass, id text) RETURNS text LANGUAGE sql AS
	$$ SELECT converge.describe(state) FROM converge.tombstones
	   WHERE relid = rel AND substr(key, 2) = convert_to(id, 'UTF8') $$;
SQL
our @TABLES = (@ROWS, qw(mark solo nokey batch reg uq ctr));

sub new
{
	my ($class, %opt) = @_;
	my $self = bless { session => 0, serial => 0, %opt }, $class;
	srand $self->{seed};
	$self->{history} = Torture::History->create("$self->{dir}/$self->{name}.hist");
	return $self;
}

sub stopped { return -e "$_[0]{work}/stop" }
sub paused  { return -e "$_[0]{work}/pause.n$_[0]{node}" }

# Connect and begin a session, unless that is so.  False while it cannot be.
sub connected
{
	my ($self) = @_;
	return 0 if $self->stopped;
	if ($self->paused)
	{
		$self->{c}->close if $self->{c};
		return 0;
	}
	return 1 if $self->{c} && $self->{c}->alive;
	$self->{c} = Torture::Wire->connect(dir => "$self->{work}/s", port => 5400 + $self->{node}, user => 'postgres',
		dbname => 'torture', application_name => $self->{name}, timeout => 20) or return 0;
	# one that is restarting has no identity yet
	my $replica = $self->{c}->value('SELECT replica_id FROM converge.node_info()');
	if (!defined $replica || $replica eq '')
	{
		$self->{c}->close;
		return 0;
	}
	$self->{replica} = $replica;
	$self->{id} = "$self->{name}." . ++$self->{session};
	$self->{history}->line('s', $self->{id}, "n$self->{node}", $replica);
	$self->{last} = {};
	return 1;
}

sub run
{
	my ($self) = @_;
	until ($self->stopped)
	{
		if (!$self->connected) { sleep 0.1; next }
		$self->step;
		sleep rand $self->{think};
	}
	$self->{c}->close if $self->{c};
}

sub quote { return "'" . $_[0] =~ s/'/''/gr . "'" }
sub pick { return $_[ int rand @_ ] }

# A few keys are hot.
sub key { return rand() < 0.5 ? 1 + int rand 5 : 1 + int rand $KEYS }

# --- transactions ---------------------------------------------------------------

sub begin
{
	my ($self) = @_;
	$self->{txn} = "$self->{name}." . ++$self->{serial};
	$self->{stmt} = 0;
	$self->{failed} = 0;
	return $self->ask('BEGIN') && $self->ask('INSERT INTO mark VALUES (' . quote($self->{txn}) . ')');
}

# Statements inside the transaction.  The answer, or nothing: then it is over.
sub ask
{
	my ($self, $sql, %opt) = @_;
	return if $self->{failed};
	my $r = $self->{c}->query($sql, %opt);
	return $r if $r->{status} eq 'ok';
	$self->{failed} = 1;
	$self->{sqlstate} = $r->{sqlstate};
	return;
}

sub outcome
{
	my ($self, $outcome, $sqlstate) = @_;
	$self->{history}->line('t', $self->{id}, $self->{txn}, $outcome, $sqlstate // '');
}

# COMMIT, or ROLLBACK of what failed or is to be given up.
sub end
{
	my ($self, $give_up) = @_;
	if ($self->{failed} || $give_up)
	{
		$self->{c}->query('ROLLBACK') if $self->{c}->alive;
		return $self->outcome('failed', $self->{failed} ? $self->{sqlstate} : 'rollback');
	}
	my $r = $self->{c}->query('COMMIT');
	return $self->outcome($r->{tags}[0] eq 'COMMIT' ? 'ok' : 'failed') if $r->{status} eq 'ok';
	return $self->outcome($r->{status} eq 'lost' ? 'unknown' : 'failed', $r->{sqlstate});
}

sub token { my ($self) = @_; return "$self->{txn}." . ++$self->{stmt} }

sub wrote
{
	my ($self, $table, $key, $op, $before, $after, %cols) = @_;
	$self->{history}->line('w', $self->{id}, $self->{txn}, $self->{stmt}, $table, $key, $op, $self->{replica},
		$before // '-', $after // '-', map { "$_=$cols{$_}" } sort keys %cols);
}

# Which deletes are forgotten here by now: an insert cannot have seen those,
# but comes after them.
sub forgotten
{
	my ($self, $table) = @_;
	return unless $ROWS{$table}{on_delete} eq 'delete_wins';
	my $r = $self->ask('SELECT stable FROM converge.node_info()') or return;
	my $stable = $r->{results}[0][0][0] // '{}';
	$self->{history}->line('S', $self->{id}, $self->{txn}, $self->{stmt}, $table, $stable) if $stable ne '{}';
}

# --- statements on rows -----------------------------------------------------------

# The state before a write, with the row locked.
sub before
{
	my ($self, $table, $key) = @_;
	my $r = $self->ask("SELECT converge.describe(_converge) FROM $table WHERE k = $key FOR UPDATE") or return;
	return $r->{results}[0][0] ? $r->{results}[0][0][0] : undef;
}

sub do_update
{
	my ($self, $table, $key) = @_;
	my $before = $self->before($table, $key);
	return $self->do_insert($table, $key) unless defined $before;
	my @cols = grep { rand() < 0.5 } qw(a b c);
	@cols = (pick(qw(a b c))) unless @cols;
	my $token = $self->token;
	my $r = $self->ask("UPDATE $table SET " . join(', ', map { "$_ = '$token'" } @cols) . " WHERE k = $key;
		SELECT converge.describe(_converge) FROM $table WHERE k = $key") or return;
	$self->wrote($table, $key, 'U', $before, $r->{results}[0][0][0], map { $_ => $token } @cols);
}

sub do_insert
{
	my ($self, $table, $key) = @_;
	my $token = $self->token;
	my $r = $self->ask("INSERT INTO $table VALUES ($key, '$token', '$token', '$token') ON CONFLICT DO NOTHING;
		SELECT converge.describe(_converge) FROM $table WHERE k = $key") or return;
	return unless $r->{tags}[0] eq 'INSERT 0 1';
	$self->wrote($table, $key, 'I', undef, $r->{results}[0][0][0], map { $_ => $token } qw(a b c));
	$self->forgotten($table);
}

# Whether it was an insert, the state tells: then its birth is this very write.
sub do_upsert
{
	my ($self, $table, $key) = @_;
	my $token = $self->token;
	my $r = $self->ask("INSERT INTO $table VALUES ($key, '$token', '$token', '$token') ON CONFLICT (k) DO UPDATE SET a = EXCLUDED.a;
		SELECT converge.describe(_converge) FROM $table WHERE k = $key") or return;
	my $state = Torture::History::parse_state($r->{results}[0][0][0]);
	my $born = $state->{birth} && $state->{birth}[0] eq $self->{replica} && $state->{birth}[1] == $state->{vc}{ $self->{replica} };
	$self->wrote($table, $key, $born ? 'I' : 'U', undef, $r->{results}[0][0][0], map { $_ => $token } $born ? qw(a b c) : 'a');
	$self->forgotten($table) if $born;
}

sub do_delete
{
	my ($self, $table, $key) = @_;
	my $before = $self->before($table, $key);
	return unless defined $before;
	$self->{stmt}++;
	my $r = $self->ask("DELETE FROM $table WHERE k = $key; SELECT torture.tomb('$table', $key)") or return;
	$self->wrote($table, $key, 'D', $before, $r->{results}[0][0][0]);
}

sub do_rekey
{
	my ($self, $table, $key) = @_;
	my $to = key();
	return if $to == $key;
	my $before = $self->before($table, $key);
	return unless defined $before;
	my $token = $self->token;
	my $r = $self->ask("UPDATE $table SET k = $to, a = '$token', b = '$token', c = '$token' WHERE k = $key;
		SELECT torture.tomb('$table', $key);
		SELECT converge.describe(_converge) FROM $table WHERE k = $to") or return;
	$self->wrote($table, $key, 'D', $before, $r->{results}[0][0][0]);
	$self->wrote($table, $to, 'I', undef, $r->{results}[1][0][0], map { $_ => $token } qw(a b c));
	$self->forgotten($table);
}

sub do_truncate
{
	my ($self, $table) = @_;
	my $r = $self->ask("LOCK TABLE $table; SELECT k, converge.describe(_converge) FROM $table") or return;
	my %before = map { @$_ } @{ $r->{results}[0] };
	$self->{stmt}++;
	$r = $self->ask("TRUNCATE $table; SELECT k, torture.tomb('$table', k) FROM unnest('{" . join(',', sort keys %before) . "}'::int[]) k") or return;
	$self->wrote($table, $_->[0], 'D', $before{ $_->[0] }, $_->[1]) for @{ $r->{results}[0] };
}

sub row_statement
{
	my ($self) = @_;
	my ($table, $key, $r) = (pick(@ROWS), key(), rand);
	return $self->do_update($table, $key) if $r < 0.45;
	return $self->do_delete($table, $key) if $r < 0.65;
	return $self->do_insert($table, $key) if $r < 0.80;
	return $self->do_upsert($table, $key) if $r < 0.93;
	return $self->do_rekey($table, $key);
}

# --- what a writer does -----------------------------------------------------------

sub op_row
{
	my ($self) = @_;
	$self->begin;
	$self->row_statement;
	$self->end;
}

# Several rows of several tables; savepoints, some of them rolled back.
sub op_multi
{
	my ($self) = @_;
	$self->begin;
	for (1 .. 2 + int rand 5)
	{
		last if $self->{failed};
		if (rand() < 0.25)
		{
			my $from = $self->{stmt} + 1;
			$self->ask('SAVEPOINT s');
			$self->row_statement for 1 .. 1 + int rand 2;
			if (rand() < 0.5 && $self->ask('ROLLBACK TO s'))
			{
				$self->{history}->line('u', $self->{id}, $self->{txn}, $from);
				$self->{stmt}++;
			}
		}
		else { $self->row_statement }
	}
	$self->end(rand() < 0.1);
}

sub op_truncate
{
	my ($self) = @_;
	$self->begin;
	$self->do_truncate(pick(@ROWS));
	$self->end;
}

# One statement string without BEGIN: its mark and its row, all or nothing.
sub op_solo
{
	my ($self) = @_;
	my $txn = $self->{txn} = "$self->{name}." . ++$self->{serial};
	my $table = pick('solo', 'nokey');
	my $insert = $table eq 'solo' ? "INSERT INTO solo VALUES ('$txn', 'x')" : "INSERT INTO nokey VALUES ('$txn')";
	$self->{history}->line('i', $self->{id}, $txn, 1, $table, $txn, 1);
	my $r = $self->{c}->query("$insert; INSERT INTO mark VALUES ('$txn')");
	$self->outcome({ ok => 'ok', error => 'failed', lost => 'unknown' }->{ $r->{status} }, $r->{sqlstate});
}

sub op_unsolo
{
	my ($self) = @_;
	my ($table, $column) = @{ pick([ solo => 'id' ], [ nokey => 'v' ]) };
	$self->begin;
	my $r = $self->ask("DELETE FROM $table WHERE $column IN (SELECT $column FROM $table ORDER BY random() LIMIT 4 + (SELECT count(*) / 50 FROM $table)) RETURNING $column");
	$self->{stmt}++;
	$self->{history}->line('x', $self->{id}, $self->{txn}, $self->{stmt}, $table, $_->[0], 1) for $r ? @{ $r->{results}[0] } : ();
	$self->end;
}

sub op_copy
{
	my ($self) = @_;
	$self->begin;
	my @ids = map { "$self->{txn}.$_" } 1 .. 20;
	$self->{stmt}++;
	$self->{history}->line('i', $self->{id}, $self->{txn}, $self->{stmt}, 'solo', $_, 1) for @ids;
	$self->ask('COPY solo (id, v) FROM STDIN', copy => join '', map { "$_\tcopied\n" } @ids);
	$self->end;
}

# A transaction of many rows that are written and deleted together.  Large
# ones are longer than what the log keeps in one piece.
sub op_batch
{
	my ($self, $n) = @_;
	$n ||= 2 + int rand 12;
	my $pad = $n > 100 ? 1500 : 10;
	$self->begin;
	$self->{stmt}++;
	$self->{history}->line('i', $self->{id}, $self->{txn}, $self->{stmt}, 'batch', $self->{txn}, $n);
	$self->ask("INSERT INTO batch SELECT '$self->{txn}', i, $n, left(repeat(md5(i::text), 50), $pad) FROM generate_series(1, $n) i");
	$self->end;
}

sub op_big { return $_[0]->op_batch(1200) }

sub op_unbatch
{
	my ($self) = @_;
	$self->begin;
	my $r = $self->ask('SELECT txn, count(*) OVER () FROM (SELECT DISTINCT txn FROM batch) x ORDER BY random() LIMIT 1');
	my $victim = $r && $r->{results}[0][0] ? $r->{results}[0][0][0] : undef;
	if (defined $victim)
	{
		$self->{stmt}++;
		$r = $self->ask("DELETE FROM batch WHERE txn = '$victim'");
		my ($n) = $r ? $r->{tags}[0] =~ /(\d+)$/ : 0;
		$self->{history}->line('x', $self->{id}, $self->{txn}, $self->{stmt}, 'batch', $victim, $n) if $n;
	}
	$self->end;
}

# Registers, for causality: read some, then write some.
sub op_registers
{
	my ($self) = @_;
	my %some = map { $_ => 1 } map { 1 + int rand $REGISTERS } 1 .. 1 + int rand 3;
	my $r = $self->{c}->query('SELECT k, v FROM reg WHERE k IN (' . join(',', sort keys %some) . ')');
	return unless $r->{status} eq 'ok';
	$self->{history}->line('R', $self->{id}, map { "$_->[0]=$_->[1]" } @{ $r->{results}[0] });
	$self->begin;
	%some = map { $_ => 1 } map { 1 + int rand $REGISTERS } 1 .. 1 + int rand 3;
	my $token = $self->token;
	for my $k (sort { $a <=> $b } keys %some)
	{
		$self->ask("UPDATE reg SET v = '$token' WHERE k = $k") or last;
	}
	$self->{history}->line('W', $self->{id}, $self->{txn}, map { "$_=$token" } sort keys %some) unless $self->{failed};
	$self->end(rand() < 0.05);
}

# Rows of uq with their states, locked.
sub unique_rows
{
	my ($self, $which) = @_;
	my $r = $self->ask("SELECT id, converge.describe(_converge) FROM uq $which FOR UPDATE") or return;
	return @{ $r->{results}[0] };
}

# Rows that are fine alone and clash with those of other nodes.  Their ids are
# never used again.
sub op_unique
{
	my ($self) = @_;
	$self->begin;
	my $u = int rand(rand() < 0.3 ? 4 : 40);
	my $r = rand;
	if ($r < 0.015) { $self->unique_delete($self->unique_rows('')) }
	elsif ($r < 0.6) { $self->unique_insert($u) }
	elsif ($r < 0.9) { $self->unique_update($u, $self->unique_rows("WHERE u <> $u ORDER BY random() LIMIT 1")) }
	else { $self->unique_delete($self->unique_rows('ORDER BY random() LIMIT 1')) }
	$self->end;
}

sub unique_insert
{
	my ($self, $u) = @_;
	$self->{stmt}++;
	my $r = $self->ask("INSERT INTO uq VALUES ('$self->{txn}', $u, 'x');
		SELECT converge.describe(_converge) FROM uq WHERE id = '$self->{txn}'") or return;
	$self->wrote('uq', $self->{txn}, 'I', undef, $r->{results}[0][0][0], u => $u, v => 'x');
}

sub unique_update
{
	my ($self, $u, $row) = @_;
	return unless $row;
	$self->{stmt}++;
	my ($id, $before) = @$row;
	my $r = $self->ask("UPDATE uq SET u = $u WHERE id = '$id'; SELECT converge.describe(_converge) FROM uq WHERE id = '$id'") or return;
	$self->wrote('uq', $id, 'U', $before, $r->{results}[0][0][0], u => $u);
}

# All rows: somebody clears up.  As long as any is set aside tombstones stay.
sub unique_delete
{
	my ($self, @rows) = @_;
	return unless @rows;
	$self->{stmt}++;
	my $ids = join ',', map { "'$_->[0]'" } @rows;
	my $r = $self->ask("DELETE FROM uq WHERE id IN ($ids); SELECT id, torture.tomb('uq', id) FROM unnest(ARRAY[$ids]) id") or return;
	my %before = map { @$_ } @rows;
	$self->wrote('uq', $_->[0], 'D', $before{ $_->[0] }, $_->[1]) for @{ $r->{results}[0] };
}

sub op_count
{
	my ($self) = @_;
	$self->begin;
	my ($k, $by) = (1 + int rand 4, pick(1, 2, 5, -3));
	$self->{stmt}++;
	$self->ask("UPDATE ctr SET n = n + ($by) WHERE k = $k")
	  && $self->{history}->line('a', $self->{id}, $self->{txn}, $self->{stmt}, 'ctr', $k, $by);
	$self->end(rand() < 0.1);
}

# Two-phase commit of replicated rows is refused.
sub op_prepare
{
	my ($self) = @_;
	$self->begin;
	$self->row_statement;
	my $r = $self->{failed} ? undef : $self->{c}->query("PREPARE TRANSACTION '$self->{txn}'");
	if ($r && $r->{status} eq 'ok' && $r->{tags}[0] eq 'PREPARE TRANSACTION')
	{
		$self->{history}->line('e', 'VIOLATION', "PREPARE TRANSACTION was accepted: $self->{txn}");
		$self->{c}->query("ROLLBACK PREPARED '$self->{txn}'");
	}
	$self->end(1);
}

my @ops = (
	[ 30, 'op_row' ], [ 14, 'op_multi' ], [ 12, 'op_solo' ], [ 6, 'op_unsolo' ], [ 2, 'op_copy' ],
	[ 8, 'op_batch' ], [ 9, 'op_unbatch' ], [ 14, 'op_registers' ], [ 9, 'op_unique' ], [ 6, 'op_count' ],
	[ 0.4, 'op_big' ], [ 0.4, 'op_truncate' ], [ 0.5, 'op_prepare' ]);
my $weights = 0;
$weights += $_->[0] for @ops;

sub step
{
	my ($self) = @_;
	my $r = rand $weights;
	for my $op (@ops)
	{
		next if ($r -= $op->[0]) >= 0;
		my $method = $op->[1];
		return $self->$method;
	}
}

package Torture::Reader;

use strict;
use warnings;
our @ISA = ('Torture::Client');

# One snapshot of everything; what differs from the last one of this session
# is written down.
sub step
{
	my ($self) = @_;
	my @rows = @Torture::Client::ROWS;
	my $r = $self->{c}->query(join ';', 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
		(map { "SELECT k, a, b, c FROM $_" } @rows),
		"SELECT 'batch', txn, count(*) FROM batch GROUP BY txn UNION ALL SELECT 'solo', id, 1 FROM solo
		 UNION ALL SELECT 'nokey', v, count(*) FROM nokey GROUP BY v",
		'SELECT k, v FROM reg ORDER BY k',
		'SELECT progress FROM converge.node_info()', 'COMMIT');
	if ($r->{status} ne 'ok')
	{
		$self->{c}->query('ROLLBACK') if $self->{c}->alive;
		return;
	}
	my ($h, $last, $n) = ($self->{history}, $self->{last}, ++$self->{reads});
	my %now;
	for my $i (0 .. $#rows)
	{
		$now{"r\t$rows[$i]\t$_->[0]"} = "a=$_->[1]\tb=$_->[2]\tc=$_->[3]" for @{ $r->{results}[$i] };
	}
	$now{"c\t$_->[0]\t$_->[1]"} = $_->[2] for @{ $r->{results}[@rows] };
	for my $what (sort keys %now)
	{
		next if defined $last->{$what} && $last->{$what} eq $now{$what};
		my ($kind, @what) = split /\t/, $what;
		$h->line($kind, $self->{id}, $n, @what, $now{$what});
	}
	for my $what (sort grep { !exists $now{$_} && !/^[Rg]$/ } keys %$last)
	{
		my ($kind, @what) = split /\t/, $what;
		$h->line($kind, $self->{id}, $n, @what, $kind eq 'r' ? '-' : 0);
	}
	my $registers = join "\t", map { "$_->[0]=$_->[1]" } @{ $r->{results}[ @rows + 1 ] };
	$h->line('R', $self->{id}, $registers) if $registers ne ($last->{R} // '');
	my $progress = $r->{results}[ @rows + 2 ][0][0] // '{}';
	$h->line('g', $self->{id}, $n, $progress) if $progress ne ($last->{g} // '');
	$self->{last} = { %now, R => $registers, g => $progress };
}

package Torture::Maintenance;

use strict;
use warnings;
our @ISA = ('Torture::Client');

# What a DBA runs on a table while it is in use, none of it with an effect on
# its content.
sub step
{
	my ($self) = @_;
	my $table = Torture::Client::pick(@Torture::Client::ROWS, 'solo', 'reg', 'uq');
	my $sql = Torture::Client::pick("VACUUM FULL $table", "CLUSTER $table USING ${table}_pkey", "REINDEX TABLE $table",
		"REINDEX TABLE CONCURRENTLY $table", "REINDEX INDEX CONCURRENTLY uq_u_key",
		"VACUUM (FREEZE) $table", 'VACUUM FULL nokey', 'ANALYZE', 'CHECKPOINT', 'dump');
	if ($sql eq 'dump')
	{
		# pg_dump is a program of its own
		my $status = system "$self->{bin}/pg_dump -h $self->{work}/s -p " . (5400 + $self->{node})
		  . ' -U postgres torture > /dev/null 2>> ' . "$self->{work}/pg_dump.log";
		$self->{history}->line('e', "n$self->{node}", 'pg_dump', $status == 0 ? 'ok' : 'failed');
		return;
	}
	my $r = $self->{c}->query($sql);
	$self->{history}->line('e', "n$self->{node}", $sql, $r->{status}, $r->{sqlstate});
	$self->drop_left_indexes if $sql =~ /CONCURRENTLY/ && $r->{status} ne 'ok' && $self->{c}->alive;
}

# What REINDEX CONCURRENTLY leaves behind when it is cut off.
sub drop_left_indexes
{
	my ($self) = @_;
	my $r = $self->{c}->query("SELECT indexrelid::regclass FROM pg_index
		WHERE NOT indisvalid AND indrelid::regclass::text IN ('" . join("','", @Torture::Client::ROWS, 'solo', 'reg', 'uq') . "')");
	return unless $r->{status} eq 'ok';
	$self->{c}->query("DROP INDEX IF EXISTS $_->[0]") for @{ $r->{results}[0] };
}

1;
