# Schemas that differ for a while, and commands on tables, extension and
# database while workers run.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b)], dbname => 'shop');
my ($a, $b) = $g->nodes;
$g->all('CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE other (id int PRIMARY KEY, v text)');
$g->replicate('t', 'other');
$a->sql("INSERT INTO t SELECT i, 'v' FROM generate_series(1, 20) i");
$g->converged_ok('two nodes', 't');
sub last_error { return "SELECT last_error FROM converge.stat_peers" }

# --- ADD COLUMN on one node first -------------------------------------------------------
$a->sql('ALTER TABLE t ADD COLUMN extra int');
$a->sql("UPDATE t SET extra = 5 WHERE id = 1");
$a->sql("INSERT INTO t (id, v, extra) VALUES (100, 'new', 7)");
ok($b->wait_for(last_error(), qr/extra/), 'a column that is missing here is named in the error');
like($b->sql(last_error()), qr/\bt\b/, 'with its table');
$b->sql("UPDATE t SET v = 'from b' WHERE id = 2");
ok($a->wait_for('SELECT v FROM t WHERE id = 2', 'from b'), 'the other direction goes on');
$b->sql('ALTER TABLE t ADD COLUMN extra int');
$g->converged_ok('when the column is there, the stream goes on', 't');
is($b->sql('SELECT extra FROM t WHERE id IN (1, 100) ORDER BY id'), "5\n7", 'and nothing was lost');

# --- REINDEX CONCURRENTLY puts another index in the place of the key index ------------------
$g->all('CREATE TABLE keyless (v text); CREATE TABLE named (x int NOT NULL, y int NOT NULL, v text);
	CREATE UNIQUE INDEX named_key ON named (y, x); CREATE UNIQUE INDEX named_other ON named (x, y)');
$g->replicate('keyless');
$_->sql("SELECT converge.replicate('named', key => 'named_key')") for $a, $b;
$a->sql("INSERT INTO keyless VALUES ('one'), ('two'); INSERT INTO named SELECT i, i % 3, 'v' FROM generate_series(1, 20) i");
$g->converged_ok('tables with other identities', 'keyless', 'named');
for my $table (qw(t keyless named))
{
	$b->sql("REINDEX TABLE CONCURRENTLY $table");
	$a->sql("UPDATE $table SET v = v || ' of a'");
	$b->sql("UPDATE $table SET v = v || ' of b'");
	$g->converged_ok("$table: apply and local writes follow", $table);
}
$a->sql("DELETE FROM keyless WHERE v LIKE 'one%'");
$b->sql("INSERT INTO named VALUES (1, 77, 'new')");
$g->converged_ok('deletes and inserts too', 'keyless', 'named');
ok($b->wait_for("SELECT string_agg(key::text, ' ' ORDER BY key::text) FROM converge.tables WHERE \"table\" IN ('t'::regclass, 'named'::regclass)", 'named_key t_pkey'),
	'the record is brought up to date');
isnt(($b->try('DROP INDEX named_key'))[0], 0, 'and the new index is protected like the old one');
$g->all('SELECT converge.unreplicate(\'named\'); DROP TABLE named');

# --- a column that only the receiver has ---------------------------------------------------
$b->sql("ALTER TABLE t ADD COLUMN only_b text DEFAULT 'default here'");
$a->sql("INSERT INTO t (id, v) VALUES (101, 'x')");
ok($b->wait_for('SELECT only_b FROM t WHERE id = 101', 'default here'), 'a column that the origin has not takes its default');
$a->sql("ALTER TABLE t ADD COLUMN only_b text DEFAULT 'default here'");
$b->sql("UPDATE t SET only_b = 'b' WHERE id = 101");
$g->converged_ok('equal again', 't');

# --- DROP COLUMN, RENAME, type changes ---------------------------------------------------------
$g->all('ALTER TABLE t DROP COLUMN only_b');
$a->sql("INSERT INTO t (id, v) VALUES (102, 'x')");
$g->converged_ok('a dropped column', 't');
$g->all('ALTER TABLE t ALTER COLUMN extra TYPE bigint');
$a->sql("UPDATE t SET extra = 5000000000 WHERE id = 1");
$g->converged_ok('a column with a new type', 't');
$g->all('ALTER TABLE t RENAME COLUMN extra TO bonus');
$b->sql("UPDATE t SET bonus = 6 WHERE id = 1");
$g->converged_ok('a renamed column', 't');
$b->sql('ALTER TABLE t ALTER COLUMN v TYPE int USING length(v)');
$a->sql("UPDATE t SET v = 'text' WHERE id = 3");
ok($b->wait_for(last_error(), qr/"v".*"public\.t".*differs/), 'a column of another type stops the stream with an error');
$g->all('ALTER TABLE t ALTER COLUMN v TYPE text USING v::text');
ok($b->wait_for("SELECT v FROM t WHERE id = 3", 'text'), 'until it is the same again');
$g->all('CREATE TABLE short (id int PRIMARY KEY, v varchar(100))');
$g->replicate('short');
$b->sql('ALTER TABLE short ALTER COLUMN v TYPE varchar(10)');
$a->sql("INSERT INTO short VALUES (1, 'far too long for ten')");
ok($b->wait_for(last_error(), qr/too long/), 'a value that does not fit here stops the stream with an error');
$b->sql('ALTER TABLE short ALTER COLUMN v TYPE varchar(100)');
$g->converged_ok('until it does', 'short');

# --- the table is missing here, or not replicated -------------------------------------------------
$a->sql("CREATE TABLE later (id int PRIMARY KEY, v text); SELECT converge.replicate('later'); INSERT INTO later VALUES (1, 'x')");
ok($b->wait_for(last_error(), qr/later/), 'a table that is missing here is named');
$b->sql('CREATE TABLE later (id int PRIMARY KEY, v text)');
ok($b->wait_for(last_error(), qr/later.*replicate|not replicated/is), 'one that is not replicated here too');
$b->sql("SELECT converge.replicate('later')");
$g->converged_ok('then it goes on', 'later');

# --- DROP TABLE -----------------------------------------------------------------------------------------
$g->all('DROP TABLE later');
is($_->sql(q{SELECT count(*) FROM converge.tables WHERE "table"::text LIKE '%later%'}), '0', 'DROP TABLE ends replication on ' . $_->name) for $g->nodes;
$a->sql("INSERT INTO other VALUES (1, 'x')");
$g->converged_ok('and the others go on', 'other');
$a->sql("UPDATE other SET v = 'truncated away'; TRUNCATE other");
$g->converged_ok('as always', 'other');

# --- settings take effect without a restart ------------------------------------------------------------------
# How long that takes is the least of several tries: other work may hold up some.
my $least;
for my $try (1 .. 5)
{
	my $id = 100 + $try;
	$b->set('converge.peers', '');
	ok($b->wait_for('SELECT count(*) FROM converge.stat_peers', '0'), 'an empty list of peers takes effect');
	$a->sql("INSERT INTO other VALUES ($id, 'not yet')");
	$g->set_peers('b', 'a');
	my $start = time;
	ok($b->wait_for("SELECT count(*) FROM other WHERE id = $id", '1'), 'so does a peer that comes back');
	my $seconds = time - $start;
	$least = $seconds if !defined $least || $seconds < $least;
	last if $least <= 7;
}
cmp_ok($least, '<=', 7, 'within seconds, and not at some later attempt');
$b->sql("ALTER DATABASE shop RESET converge.peers");
$b->server->append_conf('postgresql.conf', "converge.peers = '" . ('a=' . $g->conninfo('b', 'a')) . "'");
$b->server->reload;
$a->sql("INSERT INTO other VALUES (3, 'by reload')");
ok($b->wait_for('SELECT count(*) FROM other WHERE id = 3', '1'), 'and the setting in postgresql.conf, by reload');

# --- DROP EXTENSION, and again --------------------------------------------------------------------------------
my ($rc, $out, $err) = $b->try('DROP EXTENSION pg_converge');
isnt($rc, 0, 'DROP EXTENSION is refused while tables depend on it');
$b->sql('DROP EXTENSION pg_converge CASCADE');
is($b->sql("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = '_converge' AND NOT attisdropped"), '0', 'with CASCADE it goes, and its columns');
$b->sql("INSERT INTO t (id, v) VALUES (200, 'plain table now')");
is($b->sql('SELECT count(*) FROM t WHERE id = 200'), '1', 'the tables stay and can be written');
ok($b->wait_for("SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'pg_converge (manager|receiver)'", '0'), 'its workers end');
$a->sql("INSERT INTO other VALUES (4, 'while it was away')");
$b->sql('CREATE EXTENSION pg_converge');
ok($b->wait_for('SELECT replica_id IS NOT NULL FROM converge.node_info()'), 'it can be created again');

# --- RENAME, TEMPLATE, DROP DATABASE -----------------------------------------------------------------------------
$a->server->safe_psql('postgres', 'ALTER DATABASE shop RENAME TO store');
$a = $g->{nodes}{a} = Converge::Node->new('a', $a->server, 'store');
ok($a->wait_for('SELECT node_name FROM converge.node_info()', 'a'), 'ALTER DATABASE RENAME works while workers run');
ok($a->wait_for("SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type LIKE 'pg_converge manager%' AND datname = 'store'"), 'and they come back');
$a->server->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE store');
pass('CREATE DATABASE TEMPLATE works while workers run');
$a->server->safe_psql('postgres', 'DROP DATABASE copy');
pass('DROP DATABASE of it works');
$b->server->safe_psql('postgres', 'DROP DATABASE shop WITH (FORCE)');
pass('DROP DATABASE WITH (FORCE) works');
is($b->server->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'pg_converge (manager|receiver)'"), '0', 'no worker is left');
$a->server->safe_psql('postgres', 'ALTER DATABASE store OWNER TO CURRENT_USER; DROP DATABASE store');
pass('DROP DATABASE without FORCE works too');
$_->safe_psql('postgres', 'SELECT 1') for $a->server, $b->server;
my $log = PostgreSQL::Test::Utils::slurp_file($b->server->logfile);
# by a process of its own, that is: of clients, as a is one, the prefix says more
my $loops = () = $log =~ /\[\d+\] FATAL:  database "shop" does not exist/g;
cmp_ok($loops, '<=', 3, 'and nobody keeps looking for the database');

done_testing();
