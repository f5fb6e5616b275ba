# Who may do what: apply acts as the table's owner and no more, peers need a
# grant, settings and functions do not leak.
use strict;
use warnings;
use Converge;
use Test::More;
use PostgreSQL::Test::Utils;

my $g = Converge->new_group(names => [qw(a b)]);
my ($a, $b) = $g->nodes;
$g->all(<<'SQL');
CREATE ROLE mallory LOGIN;
CREATE ROLE alice LOGIN;
CREATE ROLE replicator LOGIN;
CREATE SCHEMA m AUTHORIZATION mallory;
SQL

# --- apply runs as the owner, in a restricted operation -----------------------------
$g->all(<<'SQL');
SET ROLE mallory;
CREATE TABLE m.t (id int PRIMARY KEY, v text);
CREATE TABLE m.seen (who text, super text);
SQL
$_->sql("SELECT converge.replicate('m.t')") for $g->nodes;
$a->sql("INSERT INTO m.t VALUES (1, 'plain')");
$g->converged_ok('a table of an ordinary role', 'm.t');
$b->sql(<<'SQL');
SET ROLE mallory;
CREATE FUNCTION m.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO m.seen VALUES (current_user, current_setting('is_superuser'));
	RETURN NEW; END $$;
CREATE TRIGGER now BEFORE INSERT ON m.t FOR EACH ROW EXECUTE FUNCTION m.note();
ALTER TABLE m.t ENABLE ALWAYS TRIGGER now;
SQL
$a->sql("INSERT INTO m.t VALUES (2, 'x')");
$g->converged_ok('with an ALWAYS trigger', 'm.t');
is($b->sql('SELECT DISTINCT who FROM m.seen'), 'mallory', 'the trigger ran as the owner of the table');

# A deferred trigger would run at commit, as the worker's own user.
$b->sql(<<'SQL');
SET ROLE mallory;
DROP TRIGGER now ON m.t;
DELETE FROM m.seen;
CREATE FUNCTION m.become() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO m.seen VALUES (current_user, current_setting('is_superuser'));
	EXECUTE 'ALTER ROLE mallory SUPERUSER';
	RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON m.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION m.become();
SQL
$b->fails_ok('SET ROLE mallory; ALTER TABLE m.t ENABLE ALWAYS TRIGGER later', '0A000', qr/deferred trigger "later"/,
	'a deferred trigger that fires for replicated changes is refused');
$a->sql("INSERT INTO m.t VALUES (3, 'harmless')");
$g->converged_ok('without ALWAYS it does not fire', 'm.t');
$b->sql('DROP TRIGGER later ON m.t');

# An immediate one that another trigger defers meanwhile: the restricted
# operation refuses to queue it, and the stream says so.
$b->sql(<<'SQL');
SET ROLE mallory;
CREATE FUNCTION m.defer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	EXECUTE 'SET CONSTRAINTS ALL DEFERRED'; RETURN NEW; END $$;
CREATE TRIGGER defer BEFORE INSERT ON m.t FOR EACH ROW EXECUTE FUNCTION m.defer();
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON m.t DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW EXECUTE FUNCTION m.become();
ALTER TABLE m.t ENABLE ALWAYS TRIGGER defer;
ALTER TABLE m.t ENABLE ALWAYS TRIGGER later;
SQL
$a->sql("INSERT INTO m.t VALUES (4, 'evil')");
ok($b->wait_for('SELECT last_error FROM converge.stat_peers', qr/deferred trigger|security-restricted|ALTER ROLE|permission denied|superuser/i),
	'a trigger deferred on the way stops the stream with an error');
is($b->sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), 'f', 'an owner cannot become superuser by a deferred trigger');
$b->sql('DROP TRIGGER later ON m.t');
$g->converged_ok('the stream goes on where it stopped when the trigger is gone', 'm.t');
is($b->sql("SELECT count(*) FROM m.seen WHERE who <> 'mallory'"), '0', 'nothing ever ran as someone else');
$b->sql('DROP TRIGGER defer ON m.t');

# --- search_path and operators of the owner do not matter -------------------------------
$g->all(<<'SQL');
CREATE SCHEMA evil AUTHORIZATION mallory;
SET ROLE mallory;
CREATE FUNCTION evil.eq(int, int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
	RAISE EXCEPTION 'evil.eq was called'; END $$;
CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.eq);
CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'evil.lower was called'; END $$;
CREATE TABLE evil.node (replica_id text);
RESET ROLE;
ALTER DATABASE postgres SET search_path = evil, pg_catalog, public;
SQL
$a->sql("SET search_path = evil, pg_catalog, public; INSERT INTO m.t VALUES (10, 'x'); UPDATE m.t SET v = 'y' WHERE id OPERATOR(pg_catalog.=) 10");
$b->server->restart;
$b->wait_ready;
$g->converged_ok('a hostile search_path changes nothing', 'm.t');
is($a->sql("SET search_path = evil, pg_catalog, public; SELECT converge.digest('m.t')"), $b->sql("SET search_path = pg_catalog; SELECT converge.digest('m.t')"),
	'not even a digest');
$g->all('ALTER DATABASE postgres RESET search_path');

# --- row security -------------------------------------------------------------------------
$g->all(<<'SQL');
SET ROLE mallory;
CREATE TABLE m.rls (id int PRIMARY KEY, v text);
RESET ROLE;
SQL
$_->sql("SELECT converge.replicate('m.rls')") for $g->nodes;
$a->sql("INSERT INTO m.rls VALUES (1, 'before')");
$g->converged_ok('a table before row security', 'm.rls');
$b->sql('ALTER TABLE m.rls ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON m.rls USING (false)');
$a->sql("INSERT INTO m.rls VALUES (2, 'enabled')");
ok($b->wait_for('SELECT count(*) FROM m.rls', '2'), 'row security does not bind the owner, so apply goes on');
$b->fails_ok('ALTER TABLE m.rls FORCE ROW LEVEL SECURITY', '0A000', qr/row-level security/,
	'forced row security, which would bind apply too, is refused');
# Where it is set all the same, the stream stops rather than write past it.
$b->sql("UPDATE pg_class SET relforcerowsecurity = true WHERE oid = 'm.rls'::regclass");
$b->server->restart;
$b->wait_ready;
$a->sql("INSERT INTO m.rls VALUES (3, 'forced')");
ok($b->wait_for('SELECT last_error FROM converge.stat_peers', qr/row.level security|row security/i),
	'forced row security stops the stream with an error');
is($b->sql('SELECT count(*) FROM m.rls'), '2', 'and nothing is written past it');
$b->sql('ALTER TABLE m.rls NO FORCE ROW LEVEL SECURITY');
$g->converged_ok('it goes on when the cause is gone', 'm.rls');

# --- ordinary users ---------------------------------------------------------------------------
sub as { my ($node, $role, $sql) = @_; return $node->try("SET SESSION AUTHORIZATION $role;\n$sql") }
sub denied
{
	my ($node, $role, $sql, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->fails_ok("SET SESSION AUTHORIZATION $role;\n$sql", '42501', qr/permission denied|must be/, $what);
}
$_->sql("GRANT USAGE ON SCHEMA m TO alice; GRANT SELECT, INSERT, UPDATE, DELETE ON m.t TO alice") for $g->nodes;
my ($rc, $out, $err) = as($a, 'alice', "INSERT INTO m.t VALUES (50, 'by alice'); UPDATE m.t SET v = 'by alice too' WHERE id = 50");
is($rc, 0, 'an ordinary user writes to a replicated table with the rights on that table alone') or diag $err;
$g->converged_ok('and it replicates', 'm.t');
denied($a, 'alice', "SELECT converge.replicate('m.rls')", 'who does not own a table cannot replicate it');
denied($a, 'alice', "SELECT converge.unreplicate('m.t')", 'nor stop that');
denied($a, 'alice', "SELECT converge.set_strategy('m.t', 'v', 'lww')", 'nor change how it merges');
denied($a, 'alice', "SELECT converge.peer_pause('b')", 'nor pause a peer');
denied($a, 'alice', "SELECT converge.grant_peer('alice')", 'nor make himself a peer');
denied($a, 'alice', "SELECT converge.pull('\\x00')", 'nor read the log through pull()');
denied($a, 'alice', "SELECT converge.fetch('\\x00')", 'nor rows through fetch()');
denied($a, 'alice', 'SELECT * FROM converge.log', 'nor read the log');
denied($a, 'alice', 'SELECT * FROM converge.tombstones', 'nor deleted rows');
denied($a, 'alice', 'SELECT * FROM converge.quarantine', 'nor rows set aside');
denied($a, 'alice', "DELETE FROM converge.node", 'nor change the identity');
denied($a, 'alice', "SELECT converge.digest('m.rls')", 'nor learn the digest of a table that he may not read');

# --- the log of conflicts shows owners their own tables only --------------------------
$g->all('CREATE TABLE secret (id int PRIMARY KEY, v text)');
$g->replicate('secret');
$a->sql("INSERT INTO secret VALUES (1, 'x')");
$g->wait_converged('secret');
$a->pause('b');
$b->pause('a');
$a->sql("UPDATE secret SET v = 'classified' WHERE id = 1; UPDATE m.t SET v = 'open a' WHERE id = 1");
$b->sql("UPDATE secret SET v = 'classified too' WHERE id = 1; UPDATE m.t SET v = 'open b' WHERE id = 1");
$a->resume('b');
$b->resume('a');
$g->converged_ok('two conflicts', 'secret', 'm.t');
cmp_ok($a->sql("SELECT count(*) FROM converge.conflicts WHERE local_row::text ~ 'classified'"), '>', 0, 'a superuser sees all of them');
$a->sql(<<'SQL');
CREATE SCHEMA al AUTHORIZATION alice;
SET ROLE alice;
CREATE FUNCTION al.leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'leaked: %', $1; RETURN true; END $$;
SQL
my ($lrc, $lout, $lerr) = as($a, 'alice', "SELECT count(*) FROM converge.conflicts WHERE al.leak(local_row::text)");
is($lout, '0', 'who owns none of the tables sees none');
unlike($lerr, qr/classified|open/, 'not even with a leaky function in WHERE');
($lrc, $lout, $lerr) = as($a, 'mallory', 'SELECT DISTINCT "table" FROM converge.conflicts');
is($lout, 'm.t', 'an owner sees those of his tables');

# --- settings -------------------------------------------------------------------------------------
denied($a, 'alice', 'SHOW converge.peers', 'only superusers see where the peers are');
denied($a, 'alice', "SET converge.node_name = 'x'", 'or set names');
($rc, $out, $err) = as($a, 'alice', "SELECT count(*) FROM pg_settings WHERE name = 'converge.peers'");
is($out, '0', 'not through pg_settings either');
$a->fails_ok("ALTER DATABASE postgres SET converge.peers = 'b=host=x dbname=y password=secret'", '22023',
	qr/password/, 'a password in the setting is refused');
$a->fails_ok("ALTER DATABASE postgres SET converge.peers = 'b=postgresql://u:secret\@host/db'", '22023',
	qr/password/, 'also in a URI');
($rc, $out, $err) = $a->try("ALTER DATABASE postgres SET converge.peers = 'b=host=x password=secret'");
like($err, qr/passfile|service|certificate/, 'with the ways that work');
$a->fails_ok("ALTER DATABASE postgres SET converge.peers = 'b=nonsense==1'", '22023', qr/converge\.peers/, 'a conninfo that libpq does not understand');
$a->fails_ok("ALTER DATABASE postgres SET converge.peers = 'b=host=x, b=host=y'", '22023', qr/converge\.peers/, 'a name twice');
$a->fails_ok("ALTER DATABASE postgres SET converge.node_name = 'a b~c'", '22023', qr/converge\.node_name/, 'a name that cannot be one');

# --- the peers' role -----------------------------------------------------------------------------------
my $host = $a->server->host;
my $port = $a->server->port;
$b->set('converge.peers', "a=host=$host port=$port dbname=postgres user=replicator");
ok($b->wait_for('SELECT last_error FROM converge.stat_peers', qr/permission denied/), 'a role without the grant cannot pull');
$a->sql("INSERT INTO m.t VALUES (60, 'needs a grant')");
my $failed_at = $b->sql('SELECT last_error_at FROM converge.stat_peers');
ok($b->wait_for("SELECT last_error_at > '$failed_at' FROM converge.stat_peers", qr/^t$/), 'nor at the next attempt');
like($b->sql('SELECT last_error FROM converge.stat_peers'), qr/grant_peer|permission denied for/, 'and the DBA reads what to do');
is($b->sql('SELECT count(*) FROM m.t WHERE id = 60'), '0', 'nothing came');
$a->sql("SELECT converge.grant_peer('replicator')");
$g->converged_ok('with converge.grant_peer() it can', 'm.t');
denied($a, 'replicator', 'SELECT * FROM m.t', 'the grant gives no rights on tables');
denied($a, 'replicator', "SELECT converge.peer_pause('b')", 'nor on administration');
$a->fails_ok("SELECT converge.grant_peer('nobody_of_that_name')", '42704', qr/nobody_of_that_name/, 'an unknown role is named');

done_testing();
