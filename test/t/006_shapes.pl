# Statements and tables of every shape are captured, once, as they ended.
use strict;
use warnings;
use Converge;
use Test::More;
use PostgreSQL::Test::Utils;

my $g = Converge->new_group(names => [qw(a b)]);
my ($a, $b) = $g->nodes;

# --- partitioned tables ---------------------------------------------------------
$g->all(<<'SQL');
CREATE TABLE part (id int, region text, v text, n int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE part_eu PARTITION OF part FOR VALUES IN ('eu');
-- attached, with its columns in another order and one dropped
CREATE TABLE part_us (gone int, n int, v text, region text NOT NULL, id int NOT NULL, PRIMARY KEY (id, region));
ALTER TABLE part_us DROP COLUMN gone;
ALTER TABLE part ATTACH PARTITION part_us FOR VALUES IN ('us');
CREATE TABLE part_other PARTITION OF part DEFAULT PARTITION BY RANGE (id);
CREATE TABLE part_other_low PARTITION OF part_other FOR VALUES FROM (0) TO (1000);
CREATE TABLE part_other_high PARTITION OF part_other FOR VALUES FROM (1000) TO (2000);
SQL
$g->replicate('part');
$a->sql(q{INSERT INTO part SELECT i, (ARRAY['eu', 'us', 'asia'])[i % 3 + 1], 'v' || i, i FROM generate_series(1, 1500) i});
$g->converged_ok('rows of all partitions arrive', 'part');
$b->sql("UPDATE part SET v = 'new' WHERE region = 'us' AND id < 100");
$b->sql("UPDATE part_us SET n = -1 WHERE id BETWEEN 100 AND 200");
$a->sql("UPDATE part SET region = 'us' WHERE region = 'eu' AND id < 300");
$a->sql("UPDATE part SET region = 'mars' WHERE id = 1001");
$a->sql("DELETE FROM part WHERE region = 'asia' AND id > 1400");
$g->converged_ok('updates, moves between partitions and deletes', 'part');
is($a->sql("SELECT count(*) FROM part_us WHERE n = -1"), $b->sql("SELECT count(*) FROM part_us WHERE n = -1"),
	'a partition with another order of columns has the same rows');
is($b->sql("SELECT count(*) FROM part_eu WHERE id < 300"), '0', 'moved rows left their partition');
$b->sql('TRUNCATE part_eu');
$g->converged_ok('TRUNCATE of one partition', 'part');
is($a->sql("SELECT count(*) FROM part WHERE region = 'eu'"), '0', 'is a delete of its rows');
$g->all("CREATE TABLE part_late PARTITION OF part FOR VALUES IN ('late')");
$a->sql("INSERT INTO part VALUES (1, 'late', 'x', 1)");
$g->converged_ok('a partition that is added later is replicated', 'part');
my ($rc, $out, $err);

# --- tables without a key -----------------------------------------------------------
$g->all('CREATE TABLE keyless (who text, n int)');
$g->replicate('keyless');
$a->sql("INSERT INTO keyless SELECT 'a', i % 10 FROM generate_series(1, 100) i");
$b->sql("INSERT INTO keyless SELECT 'b', i % 10 FROM generate_series(1, 100) i");
$g->converged_ok('rows without a key, many equal', 'keyless');
is($a->sql('SELECT count(*) FROM keyless'), '200', 'each of them once');
$a->sql('UPDATE keyless SET n = n + 100 WHERE n = 3');
$b->sql('DELETE FROM keyless WHERE n = 4');
$g->converged_ok('are updated and deleted', 'keyless');
is($a->sql('SELECT count(*) FILTER (WHERE n = 103), count(*) FILTER (WHERE n = 4), count(*) FROM keyless'), '20|0|180',
	'each row for itself');

# --- a unique index as the key ----------------------------------------------------------
$g->all('CREATE TABLE uq (v text, code int NOT NULL); CREATE UNIQUE INDEX uq_code ON uq (code)');
$_->sql("SELECT converge.replicate('uq', key => 'uq_code')") for $g->nodes;
$a->sql("INSERT INTO uq VALUES ('x', 1)");
$g->wait_converged('uq');
$b->sql("UPDATE uq SET v = 'y' WHERE code = 1");
$g->converged_ok('a unique index over NOT NULL columns can be the key', 'uq');

# --- primary key updates --------------------------------------------------------------------
$g->all('CREATE TABLE p (id int PRIMARY KEY, v text)');
$g->replicate('p');
$a->sql("INSERT INTO p SELECT i, 'v' || i FROM generate_series(1, 100) i");
$a->sql('UPDATE p SET id = id + 1000 WHERE id <= 50');
$a->sql("BEGIN; UPDATE p SET id = -51 WHERE id = 51; UPDATE p SET id = 51 WHERE id = 52; UPDATE p SET id = 52 WHERE id = -51; COMMIT");
$g->converged_ok('keys change, also in a swap', 'p');
is($b->sql('SELECT v FROM p WHERE id IN (51, 52) ORDER BY id'), "v52\nv51", 'and the rows keep their values');

# --- TRUNCATE ---------------------------------------------------------------------------------
$g->all('CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE)');
$g->replicate('parent', 'child');
$a->sql('INSERT INTO parent SELECT generate_series(1, 20); INSERT INTO child SELECT i, i % 20 + 1 FROM generate_series(1, 60) i');
$g->converged_ok('parents and children', 'parent', 'child');
$b->sql('DELETE FROM parent WHERE id = 5');
$a->sql('UPDATE parent SET id = 100 WHERE id = 6');
$g->converged_ok('ON DELETE and ON UPDATE CASCADE', 'parent', 'child');
is($_->sql('SELECT count(*), count(*) FILTER (WHERE p = 100) FROM child'), '57|3', 'with the children on ' . $_->name) for $g->nodes;
is($_->sql('SELECT count(*) FROM child c WHERE NOT EXISTS (SELECT FROM parent p WHERE p.id = c.p)'), '0', 'no orphan on ' . $_->name) for $g->nodes;
$a->sql('TRUNCATE parent CASCADE');
$g->converged_ok('TRUNCATE CASCADE', 'parent', 'child');
is($b->sql('SELECT (SELECT count(*) FROM parent) + (SELECT count(*) FROM child)'), '0', 'empties both');
$a->sql('BEGIN; TRUNCATE p; ROLLBACK');
$a->sql("BEGIN; INSERT INTO p VALUES (5000, 'x'); TRUNCATE p; INSERT INTO p VALUES (5001, 'y'); COMMIT");
$g->converged_ok('TRUNCATE between inserts, and one rolled back', 'p');
is($b->sql('SELECT id FROM p'), '5001', 'leaves what came after');

# --- COPY ----------------------------------------------------------------------------------------
$g->all('CREATE TABLE c (id int PRIMARY KEY, v text, d text DEFAULT \'def\')');
$g->replicate('c');
$a->sql("COPY c FROM STDIN;\n1\tone\tx\n2\ttwo\ty\n\\.\n");
$a->sql("COPY c (id, v) FROM STDIN;\n3\tthree\n\\.\n");
$g->converged_ok('COPY FROM without and with a column list', 'c');
is($b->sql('SELECT * FROM (SELECT id, v, d FROM c ORDER BY id) x'), "1|one|x\n2|two|y\n3|three|def", 'with the values');
my $file = PostgreSQL::Test::Utils::tempdir() . '/c.copy';
$a->sql("COPY c TO '$file'");
is(slurp_file($file), "1\tone\tx\n2\ttwo\ty\n3\tthree\tdef\n", 'COPY TO without a column list writes what it always wrote');
$b->sql("DELETE FROM c; COPY c FROM '$file'");
$g->converged_ok('and can be loaded again', 'c');

# --- savepoints, subtransactions, exceptions ---------------------------------------------------------
$g->all('CREATE TABLE s (id int PRIMARY KEY, v text)');
$g->replicate('s');
$a->sql(<<'SQL');
BEGIN;
INSERT INTO s VALUES (1, 'kept');
SAVEPOINT one;
INSERT INTO s VALUES (2, 'gone');
UPDATE s SET v = 'gone' WHERE id = 1;
SAVEPOINT two;
INSERT INTO s VALUES (3, 'gone');
RELEASE two;
ROLLBACK TO one;
INSERT INTO s VALUES (4, 'kept');
SAVEPOINT three;
DELETE FROM s WHERE id = 4;
ROLLBACK TO three;
SAVEPOINT four;
UPDATE s SET v = 'kept too' WHERE id = 4;
RELEASE four;
COMMIT;
SQL
is($a->sql('SELECT string_agg(id || v, \',\' ORDER BY id) FROM s'), '1kept,4kept too', 'savepoints');
$g->converged_ok('arrive as they ended', 's');
$a->sql(<<'SQL');
DO $$ BEGIN
FOR i IN 1..500 LOOP
	BEGIN
		INSERT INTO s VALUES (1000 + i % 250, 'i' || i);
		IF i % 7 = 0 THEN RAISE EXCEPTION 'no'; END IF;
	EXCEPTION
		WHEN unique_violation THEN UPDATE s SET v = 'u' || i WHERE id = 1000 + i % 250;
		WHEN raise_exception THEN NULL;
	END;
END LOOP;
END $$
SQL
$g->converged_ok('exceptions caught in a loop', 's');
# deep nesting, and a large transaction with rollbacks in the middle of spilled parts
$a->sql(<<'SQL');
BEGIN;
INSERT INTO s SELECT i, repeat('x', 500) FROM generate_series(10000, 14999) i;
SAVEPOINT big;
INSERT INTO s SELECT i, repeat('y', 500) FROM generate_series(20000, 24999) i;
UPDATE s SET v = 'z' WHERE id BETWEEN 10000 AND 12000;
ROLLBACK TO big;
INSERT INTO s SELECT i, repeat('w', 500) FROM generate_series(30000, 34999) i;
COMMIT;
SQL
$g->converged_ok('a rollback inside a transaction of megabytes', 's');
is($b->sql("SELECT count(*) FILTER (WHERE id BETWEEN 20000 AND 24999), count(*) FILTER (WHERE v = 'z'), count(*) FILTER (WHERE id >= 30000) FROM s"),
	'0|0|5000', 'nothing of what was rolled back');

# --- statements ------------------------------------------------------------------------------------------
$g->all('CREATE TABLE m (id int PRIMARY KEY, v text, n int DEFAULT 0)');
$g->replicate('m');
$a->sql("INSERT INTO m SELECT i, 'v', 0 FROM generate_series(1, 20) i");
$g->wait_converged('m');
my $rows = $b->counted('rows');
$a->sql("INSERT INTO m SELECT i, 'up' FROM generate_series(16, 25) i ON CONFLICT (id) DO UPDATE SET n = m.n + 1, v = excluded.v");
$g->converged_ok('ON CONFLICT DO UPDATE', 'm');
is($b->counted('rows') - $rows, 10, 'is one change a row');
$rows = $b->counted('rows');
$a->sql("INSERT INTO m SELECT i, 'no' FROM generate_series(21, 30) i ON CONFLICT DO NOTHING");
$g->converged_ok('ON CONFLICT DO NOTHING', 'm');
is($b->counted('rows') - $rows, 5, 'is no change where it did nothing');
$a->sql(<<'SQL');
MERGE INTO m USING (SELECT generate_series(25, 40) AS id) s ON m.id = s.id
WHEN MATCHED AND m.id % 2 = 0 THEN DELETE
WHEN MATCHED THEN UPDATE SET v = 'merged'
WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, 'merge-in')
SQL
$g->converged_ok('MERGE', 'm');
$a->sql(<<'SQL');
BEGIN;
DECLARE cur CURSOR FOR SELECT * FROM m WHERE id < 10 FOR UPDATE;
FETCH 3 FROM cur;
UPDATE m SET v = 'by cursor' WHERE CURRENT OF cur;
FETCH 1 FROM cur;
DELETE FROM m WHERE CURRENT OF cur;
COMMIT;
WITH d AS (DELETE FROM m WHERE id = 1 RETURNING *), u AS (UPDATE m SET v = 'cte' WHERE id = 2 RETURNING *)
INSERT INTO m SELECT id + 500, v FROM d UNION ALL SELECT id + 600, v FROM u;
SQL
$g->converged_ok('cursors and data-modifying CTEs', 'm');
$g->all(<<'SQL');
CREATE VIEW mv AS SELECT id, v, n FROM m;
CREATE RULE m_del AS ON DELETE TO m WHERE OLD.id = 12 DO INSTEAD UPDATE m SET v = 'kept by rule' WHERE id = OLD.id;
SQL
$a->sql('DELETE FROM m WHERE id IN (11, 12)');
$a->sql("UPDATE mv SET v = 'by view' WHERE id = 13; INSERT INTO mv (id, v) VALUES (900, 'by view')");
$g->converged_ok('rules and updatable views', 'm');
is($b->sql('SELECT v FROM m WHERE id = 12'), 'kept by rule', 'did on the peer what they did here, once');
$rows = $b->counted('rows');
$a->sql('BEGIN; UPDATE m SET n = n + 1 WHERE id = 14; UPDATE m SET n = n + 1 WHERE id = 14; UPDATE m SET n = n + 1 WHERE id = 14; COMMIT');
$a->sql('BEGIN; INSERT INTO m VALUES (950, \'x\'); DELETE FROM m WHERE id = 950; COMMIT');
$g->converged_ok('several writes to one row in a transaction', 'm');
is($b->sql('SELECT n FROM m WHERE id = 14'), $a->sql('SELECT n FROM m WHERE id = 14'), 'end with the last');
$a->sql(<<'SQL');
CREATE PROCEDURE batches() LANGUAGE plpgsql AS $$ BEGIN
FOR i IN 1..5 LOOP INSERT INTO m VALUES (2000 + i, 'proc'); COMMIT; END LOOP; INSERT INTO m VALUES (2999, 'rolled back'); ROLLBACK; END $$;
CALL batches();
BEGIN; INSERT INTO m VALUES (3000, 'chain'); COMMIT AND CHAIN; INSERT INTO m VALUES (3001, 'chain'); COMMIT;
SQL
$g->converged_ok('procedures that commit, COMMIT AND CHAIN', 'm');
is($b->sql("SELECT count(*) FROM m WHERE v IN ('proc', 'chain')"), '7', 'each transaction');
$a->sql('BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE m SET n = 5 WHERE id = 15; COMMIT');
$a->sql('BEGIN ISOLATION LEVEL REPEATABLE READ; UPDATE m SET n = 6 WHERE id = 16; COMMIT');
$g->converged_ok('the stricter isolation levels', 'm');

# --- UPDATEs that are stamped without the trigger ---------------------------------------------------------
$g->all(<<'SQL');
CREATE TABLE up (id int PRIMARY KEY, n int, v text, double_n int GENERATED ALWAYS AS (n * 2) STORED);
CREATE TABLE up_child (id int PRIMARY KEY, up_id int REFERENCES up ON UPDATE CASCADE ON DELETE SET NULL);
SQL
$g->replicate('up', 'up_child');
$a->sql("INSERT INTO up SELECT i, i, 'v' FROM generate_series(1, 100) i; INSERT INTO up_child SELECT i, i FROM generate_series(1, 50) i");
$a->sql('CREATE EXTENSION pg_walinspect');
my $locks = sub {
	my ($sql) = @_;
	my $from = $a->sql('SELECT pg_current_wal_insert_lsn()');
	$a->sql("$sql; SELECT pg_switch_wal()");
	return $a->sql("SELECT count(*) FILTER (WHERE record_type = 'LOCK') || ' ' || (count(*) FILTER (WHERE record_type LIKE '%UPDATE%') > 0)
		FROM pg_get_wal_records_info('$from', pg_current_wal_flush_lsn()) WHERE resource_manager = 'Heap'");
};
$a->sql('VACUUM up');
is($locks->('UPDATE up SET n = n + 1 WHERE id = 7'), '0 true', 'an UPDATE logs no row lock');
$a->sql('SET jit = on; SET jit_above_cost = 0; SET jit_optimize_above_cost = 0; SET jit_inline_above_cost = 0; UPDATE up SET n = n + 1, v = v || n WHERE id % 3 = 0');
$a->sql("PREPARE p(int) AS UPDATE up SET v = v || 'p' WHERE id = \$1; EXECUTE p(1); EXECUTE p(2); EXECUTE p(2); " .
	"ALTER TABLE up ALTER v SET STATISTICS 50; EXECUTE p(3)");
$a->sql('UPDATE up SET n = x.n FROM generate_series(1, 3) AS x(n) WHERE up.id = 10');
$a->sql("WITH u AS (UPDATE up SET v = 'cte' WHERE id IN (20, 21) RETURNING id) UPDATE up SET n = 0 WHERE id IN (SELECT id + 2 FROM u)");
$a->sql('UPDATE up SET id = id + 1000 WHERE id BETWEEN 30 AND 40; UPDATE up SET id = 5000 WHERE id = 31 + 1000; DELETE FROM up WHERE id = 1032');
$a->sql("DO \$\$ BEGIN FOR i IN 41 .. 45 LOOP BEGIN UPDATE up SET n = -1 WHERE id = i; IF i % 2 = 0 THEN RAISE division_by_zero; END IF; EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END \$\$");
$g->converged_ok('compiled, prepared, joined, in CTEs, of keys with cascades, in subtransactions', 'up', 'up_child');
is($b->sql('SELECT count(*) FROM up WHERE double_n <> n * 2'), '0', 'generated columns follow');
is($b->sql('SELECT string_agg(id::text, \',\' ORDER BY id) FROM up WHERE n = -1'), '41,43,45', 'what was rolled back is not there');
is($a->sql("SELECT count(*) FROM up WHERE converge.writer(_converge) IS DISTINCT FROM 'a'"), '0', 'every row has a state of ours');
$a->sql("ALTER TABLE up DISABLE TRIGGER \"~~converge_stamp\"");
like(($a->try("UPDATE up SET n = 1 WHERE id = 50"))[2], qr/was not set by pg_converge/, 'without the trigger nothing is stamped, and that is an error');
$a->sql("ALTER TABLE up ENABLE TRIGGER \"~~converge_stamp\"");
$a->sql("UPDATE up SET n = 1 WHERE id = 50");
$g->converged_ok('with it all is well', 'up');

# --- user triggers -------------------------------------------------------------------------------------------
$g->all(<<'SQL');
CREATE TABLE trg (id int PRIMARY KEY, v text, touched text);
CREATE TABLE audit (t text);
CREATE FUNCTION change_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.v = 'suppress' THEN RETURN NULL; END IF;
	NEW.touched := 'by ' || current_setting('converge.node_name');
	RETURN NEW; END $$;
CREATE FUNCTION write_audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO public.audit VALUES (TG_OP); RETURN NULL; END $$;
CREATE TRIGGER b BEFORE INSERT OR UPDATE ON trg FOR EACH ROW EXECUTE FUNCTION change_row();
CREATE TRIGGER a AFTER INSERT OR UPDATE OR DELETE ON trg FOR EACH ROW EXECUTE FUNCTION write_audit();
SQL
$g->replicate('trg');
$a->sql("INSERT INTO trg VALUES (1, 'x'), (2, 'suppress'), (3, 'y'); UPDATE trg SET v = 'suppress' WHERE id = 1; UPDATE trg SET v = 'z' WHERE id = 3");
$g->converged_ok('a BEFORE trigger that changes or suppresses rows', 'trg');
is($b->sql('SELECT string_agg(id || v || touched, \',\' ORDER BY id) FROM trg'), '1xby a,3zby a', 'worked where the statement ran, and only there');
is($b->sql('SELECT count(*) FROM audit'), '0', 'ordinary triggers do not fire when a change is applied');
is($a->sql('SELECT count(*) FROM audit'), '3', 'and fired as always at the origin');
$b->sql('ALTER TABLE trg ENABLE ALWAYS TRIGGER a');
$a->sql('DELETE FROM trg WHERE id = 3');
ok($b->wait_for('SELECT string_agg(t, \',\') FROM audit', 'DELETE'), 'a trigger ENABLE ALWAYS fires when a change is applied');
$g->converged_ok('with the delete', 'trg');

# --- deferred constraints -----------------------------------------------------------------------------------------
$g->all('CREATE TABLE d1 (id int PRIMARY KEY, other int); CREATE TABLE d2 (id int PRIMARY KEY);
	ALTER TABLE d1 ADD FOREIGN KEY (other) REFERENCES d2 DEFERRABLE INITIALLY DEFERRED');
$g->replicate('d1', 'd2');
$a->sql('BEGIN; INSERT INTO d1 VALUES (1, 1); INSERT INTO d2 VALUES (1); COMMIT');
($rc) = $a->try('BEGIN; INSERT INTO d1 VALUES (2, 2); COMMIT');
isnt($rc, 0, 'a deferred constraint fails at commit');
$g->converged_ok('deferred constraints', 'd1', 'd2');
is($b->sql('SELECT count(*) FROM d1'), '1', 'what failed at commit never leaves');
$g->all('CREATE TABLE dpk (id int PRIMARY KEY DEFERRABLE, v int)');
$a->fails_ok("SELECT converge.replicate('dpk')", '55000', qr/deferrable/i, 'a deferrable primary key is refused');

# --- two-phase commit ------------------------------------------------------------------------------------------------
$a->server->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$a->server->restart;
$a->wait_ready;
$a->fails_ok("BEGIN; INSERT INTO m VALUES (7000, 'x'); PREPARE TRANSACTION 'p'", '0A000', qr/PREPARE/i,
	'PREPARE TRANSACTION of replicated rows is refused');
$a->sql("CREATE TABLE plain (x int); BEGIN; INSERT INTO plain VALUES (1); PREPARE TRANSACTION 'q'; COMMIT PREPARED 'q'");
is($a->sql('SELECT count(*) FROM plain'), '1', 'of other rows it works as always');
$g->converged_ok('and all is as before', 'm');

# --- what users put into the metadata column is ignored ---------------------------------------------------------------------
$g->all('CREATE TABLE arch (id int PRIMARY KEY, v text, n int)');
$g->replicate('arch');
$a->sql("INSERT INTO arch SELECT * FROM m WHERE id < 20");
$a->sql("UPDATE arch SET _converge = NULL");
$a->sql("INSERT INTO arch (id, v, _converge) SELECT id + 100, v, _converge FROM arch");
$g->converged_ok('INSERT ... SELECT * copies values, not metadata', 'arch');
is($a->sql('SELECT count(*) FROM arch x JOIN m USING (id) WHERE x._converge::text = m._converge::text'), '0', 'each row has a dot of its own');
is($a->sql('SELECT count(*) FROM arch WHERE _converge IS NULL'), '0', 'and has one');

done_testing();
