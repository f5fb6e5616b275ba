# A transaction of any size keeps memory bounded, at the writer, at the server
# of the log and at the receiver.   ROWS=5000000 for the full size.
use strict;
use warnings;
use Converge;
use Test::More;

my $rows = $ENV{ROWS} || 1_000_000;
my $limit_kb = 200 * 1024;
my $g = Converge->new_group(names => [qw(a b)], conf => "shared_buffers = '64MB'\nmax_wal_size = '4GB'\n");
my ($a, $b) = $g->nodes;

# Largest memory of a process so far, without shared buffers, kB.
sub peak_kb
{
	my ($pid) = @_;
	open my $fh, '<', "/proc/$pid/status" or return 0;
	my %v = map { /^(\w+):\s+(\d+) kB/ ? ($1, $2) : () } <$fh>;
	return ($v{VmHWM} || 0) - ($v{RssShmem} || 0);
}

# COPY in one session; returns its peak memory.
sub copy_peak
{
	my ($node, $table) = @_;
	my $session = $node->server->background_psql($node->dbname);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe("COPY $table FROM PROGRAM 'seq 1 $rows | sed \"s/\$/\\tsome text of a row/\"'");
	my $peak = peak_kb($pid);
	$session->quit;
	return $peak;
}

$g->all('CREATE TABLE big (id int PRIMARY KEY, v text); CREATE TABLE plain (id int PRIMARY KEY, v text)');
$g->replicate('big');

# --- COPY, one transaction ------------------------------------------------------
my $plain = copy_peak($a, 'plain');
my $captured = copy_peak($a, 'big');
note "peak memory of the writer: plain $plain kB, captured $captured kB";
cmp_ok($captured - $plain, '<', $limit_kb, "COPY of $rows rows keeps the writer within 200 MiB above plain");
my ($receiver) = $b->worker_pids('receiver');
ok($g->wait_converged('big'), 'the transaction arrives as a whole');
is($b->sql('SELECT count(*) FROM big'), $rows, 'with all rows');
my ($server) = $a->sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'b' AND backend_type = 'client backend'");
my %peak = ('the receiver' => peak_kb($receiver), 'the process that serves the log' => peak_kb($server));
for my $who (sort keys %peak)
{
	cmp_ok($peak{$who}, '>', 0, "$who has lived through it");
	cmp_ok($peak{$who}, '<', $limit_kb, "and stays within 200 MiB: $peak{$who} kB");
}

# --- UPDATE and DELETE of all rows --------------------------------------------------
my $part = int($rows / 5);
$a->sql("UPDATE big SET v = 'updated' WHERE id <= $part");
$b->wait_for("SELECT count(*) FROM big WHERE v = 'updated'", $part);
$b->sql("DELETE FROM big WHERE id <= $part");
ok($g->wait_converged('big'), 'large updates and deletes arrive');
is($a->sql('SELECT count(*) FROM big'), $rows - $part, 'with all rows');

# --- interrupted in the middle ---------------------------------------------------------
$a->sql('BEGIN; INSERT INTO big SELECT i, repeat(\'r\', 100) FROM generate_series(-100000, -1) i; ROLLBACK');
my $parts = $a->sql("SELECT count(*) FROM converge.log WHERE part > 0");
cmp_ok($parts, '>', 0, 'parts were written to the log');
my ($rc) = $a->try('INSERT INTO big SELECT i, repeat(\'e\', 100) FROM generate_series(-100000, 0) i UNION ALL SELECT 1 / 0, NULL');
isnt($rc, 0, 'a large statement that fails');
$a->sql("INSERT INTO big VALUES (-1, 'after')");
ok($g->wait_converged('big'), 'leaves nothing behind');
is($b->sql('SELECT count(*) FROM big WHERE id <= 0'), '1', 'at the peer');

# --- no room for the captured changes ---------------------------------------------------
# The file cannot be closed either, for that writes what is left.
my ($server_pid) = $a->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
my $err;
($rc, undef, $err) = $a->try("SET temp_file_limit = '1MB'; INSERT INTO big SELECT i, repeat('f', 100) FROM (SELECT generate_series(-100000, -2) i) x");
isnt($rc, 0, 'more captured changes than there is room for');
like($err, qr/temp_file_limit/, 'are an error of that transaction');
is($a->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"), $server_pid, 'and not of the server');
$a->sql("SET temp_file_limit = '1MB'; BEGIN; SAVEPOINT s; INSERT INTO big SELECT i, repeat('g', 1000) FROM generate_series(-900, -2) i;
	ROLLBACK TO s; INSERT INTO big VALUES (-2, 'after'); COMMIT");
ok($g->wait_converged('big'), 'what comes next arrives');
is($b->sql('SELECT count(*) FROM big WHERE id <= 0'), '2', 'and nothing else');

done_testing();
