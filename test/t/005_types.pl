# Values of every kind arrive as they were.
use strict;
use warnings;
use Converge;
use Test::More;

my $g = Converge->new_group(names => [qw(a b)]);
my ($a, $b) = $g->nodes;

# --- types of this database: their OIDs differ between the nodes ----------------
$b->sql('CREATE TYPE shift_the_oids AS (x int); CREATE TABLE and_more (id serial PRIMARY KEY)');
$g->all(<<'SQL');
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (n int, "Odd Name" text, m mood);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN pairs AS pair[];
CREATE TYPE floatrange AS RANGE (subtype = float8);
CREATE SCHEMA "Other Schema";
CREATE TYPE "Other Schema"."Strange, ""Type" AS ENUM ('a b', 'c"d', 'e''f');
SQL

# Each type with values; each pair becomes a column of one table and a row each.
my @types = (
	[ 'bool',     q{true}, q{false} ],
	[ 'int2',     q{-32768}, q{32767} ],
	[ 'int4',     q{-2147483648}, q{2147483647} ],
	[ 'int8',     q{-9223372036854775808}, q{9223372036854775807} ],
	[ 'float4',   q{'NaN'}, q{'-0'}, q{'Infinity'}, q{1.1754944e-38}, q{3.4028235e38} ],
	[ 'float8',   q{'NaN'}, q{'-0'}, q{'-Infinity'}, q{5e-324}, q{0.1::float8 + 0.2::float8}, q{1.7976931348623157e308} ],
	[ 'numeric',  q{1.50}, q{1.500000}, q{'NaN'}, q{'Infinity'}, q{'-Infinity'}, q{0.000}, q{10::numeric ^ 200 + 0.1}, q{-1e-100} ],
	[ 'numeric(10,3)', q{1.5}, q{-9999999.999} ],
	[ 'money',    q{12.34::money}, q{'-92233720368547758.08'} ],
	[ 'text',     q{''}, q{'a'}, q{E'\\\\ \t \n \' "'}, q{U&'\0041\+01F600'}, q{repeat('long ', 1000)} ],
	[ 'varchar(5)', q{'12345'}, q{'  a  '} ],
	[ 'char(5)',  q{'a'}, q{'abcde'} ],
	[ '"char"',   q{'x'}, q{''} ],
	[ 'name',     q{'a_name'} ],
	[ 'bytea',    q{'\x'}, q{'\x00ff00'}, q{decode(repeat('00', 300), 'hex')} ],
	[ 'date',     q{'infinity'}, q{'-infinity'}, q{'4713-01-01 BC'}, q{'5874897-12-31'}, q{'2024-02-29'} ],
	[ 'time',     q{'00:00'}, q{'24:00'}, q{'12:34:56.789012'} ],
	[ 'timetz',   q{'12:34:56.789012+05:30'} ],
	[ 'timestamp', q{'infinity'}, q{'4713-01-01 00:00 BC'}, q{'294276-12-31 23:59:59.999999'} ],
	[ 'timestamptz', q{'infinity'}, q{'2024-03-31 02:30+02'}, q{'1900-01-01 00:00-11'} ],
	[ 'interval', q{'1 year 2 mons -3 days 04:05:06.789'}, q{'-178000000 years'}, q{'0'} ],
	[ 'uuid',     q{'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'} ],
	[ 'json',     q{'{"b": 1,   "a": [1, 2], "b": 2}'} ],
	[ 'jsonb',    q{'{"b": 1.50, "a": [null, "\u20ac"]}'}, q{'null'}, q{'[]'} ],
	[ 'jsonpath', q{'$.a[*] ? (@ > 1)'} ],
	[ 'xml',      q{'<a b="c">&amp;</a>'}, q{'x<y/>'} ],
	[ 'inet',     q{'192.168.0.1/24'}, q{'::1'} ],
	[ 'cidr',     q{'10.0.0.0/8'}, q{'2001:db8::/32'} ],
	[ 'macaddr',  q{'08:00:2b:01:02:03'} ],
	[ 'macaddr8', q{'08:00:2b:01:02:03:04:05'} ],
	[ 'bit(3)',   q{B'101'} ],
	[ 'varbit',   q{B''}, q{B'1010101010101'} ],
	[ 'point',    q{'(1.5,-2)'} ],
	[ 'line',     q{'{1,2,3}'} ],
	[ 'lseg',     q{'[(0,0),(1,1)]'} ],
	[ 'box',      q{'(1,1),(0,0)'} ],
	[ 'path',     q{'((0,0),(1,1),(2,0))'}, q{'[(0,0),(1,1)]'} ],
	[ 'polygon',  q{'((0,0),(1,1),(2,0))'} ],
	[ 'circle',   q{'<(1,2),3>'} ],
	[ 'tsvector', q{'fat:2,4 cat:3A'}, q{''} ],
	[ 'tsquery',  q{'fat & (rat | !cat:AB)'}, q{'a <-> b'} ],
	[ 'pg_lsn',   q{'16/B374D848'} ],
	[ 'txid_snapshot', q{'10:20:10,14,15'} ],
	[ 'pg_snapshot', q{'10:20:10,14,15'} ],
	[ 'xid8',     q{'18446744073709551615'} ],
	[ 'oid',      q{4294967295} ],
	[ 'int4range', q{'[1,10)'}, q{'empty'}, q{'(,)'} ],
	[ 'int8range', q{'[1,)'} ],
	[ 'numrange', q{'(1.50,2.500]'} ],
	[ 'tsrange',  q{'[2024-01-01 00:00, infinity)'} ],
	[ 'tstzrange', q{'[2024-01-01 00:00+02, 2024-01-02 00:00+02)'} ],
	[ 'daterange', q{'[2024-01-01,2024-01-31]'} ],
	[ 'int4multirange', q{'{[1,3), [5,8)}'}, q{'{}'} ],
	[ 'nummultirange', q{'{[1.0,2.0], (5,)}'} ],
	[ 'datemultirange', q{'{[2024-01-01,2024-01-31]}'} ],
	[ 'int4[]',   q{'{}'}, q{'{1,NULL,3}'}, q{'{{1,2},{3,4}}'}, q{'[-1:1]={1,2,3}'} ],
	[ 'text[]',   q{'{"a,b","c\"d",NULL,"NULL",""}'} ],
	[ 'numeric[]', q{'{1.50,NaN,Infinity}'} ],
	[ 'timestamptz[]', q{ARRAY['2024-03-31 02:30+02'::timestamptz, 'infinity']} ],
	[ 'jsonb[]',  q{ARRAY['{"a":1}'::jsonb, 'null']} ],
	[ 'mood',     q{'sad'}, q{'happy'} ],
	[ 'mood[]',   q{'{sad,NULL,happy}'} ],
	[ 'pair',     q{ROW(1, 'a,"b"', 'ok')}, q{ROW(NULL, NULL, NULL)} ],
	[ 'pair[]',   q{ARRAY[ROW(1, 'x', 'sad')::pair, NULL]} ],
	[ 'positive', q{7} ],
	[ 'pairs',    q{ARRAY[ROW(1, 'x', 'sad')::pair]} ],
	[ 'floatrange', q{'[1.5,2.5)'} ],
	[ 'floatmultirange', q{'{[1.5,2.5)}'} ],
	[ '"Other Schema"."Strange, ""Type"', q{'a b'}, q{'c"d'}, q{'e''f'} ],
	[ '"Other Schema"."Strange, ""Type"[]', q{ARRAY['c"d', 'e''f']::"Other Schema"."Strange, ""Type"[]} ],
	[ 'regclass', q{'pg_catalog.pg_class'} ],
	[ 'regtype',  q{'mood'} ],
	[ 'regprocedure', q{'pg_catalog.lower(text)'} ],
	[ 'regrole',  q{'pg_read_all_data'} ],
	[ 'regnamespace', q{'"Other Schema"'} ],
	[ 'regconfig', q{'simple'} ],
);

# --- as values of a row -----------------------------------------------------------
my $n = 0;
my @column = map { [ 'c' . ++$n, @$_ ] } @types;
$g->all('CREATE TABLE v (id int PRIMARY KEY, ' . join(', ', map { "$_->[0] $_->[1]" } @column) . ')');
$g->replicate('v');
my $rows = 0;
for my $c (@column)
{
	my ($name, $type, @values) = @$c;
	for my $value (@values)
	{
		$rows++;
		$a->sql("INSERT INTO v (id, $name) VALUES ($rows, CAST($value AS $type))");
	}
}
$a->sql('INSERT INTO v (id) VALUES (0)');
$a->sql('INSERT INTO v SELECT -1, ' . join(', ', map { "CAST($_->[2] AS $_->[1])" } @column));
$g->converged_ok("$n types, " . ($rows + 2) . ' rows of values, arrive as they were', 'v');
is($b->sql("SELECT count(*) FROM v WHERE c" . (1 + (grep { $types[$_][0] eq 'mood' } 0 .. $#types)[0]) . " = 'happy'"), '1',
	'an enum value means the same here');

# text form, value by value, says what differs
my $text = 'SELECT id, ' . join(', ', map { "$_->[0]::text" } @column) . ' FROM v ORDER BY id';
is($b->sql("SET extra_float_digits = 3; $text"), $a->sql("SET extra_float_digits = 3; $text"), 'in text form too');

# every column is updated from the other side, with settings that change output
$b->sql("ALTER DATABASE postgres SET DateStyle = 'German'; ALTER DATABASE postgres SET IntervalStyle = 'iso_8601';
	ALTER DATABASE postgres SET TimeZone = 'Asia/Kolkata'; ALTER DATABASE postgres SET extra_float_digits = -5;
	ALTER DATABASE postgres SET bytea_output = 'escape'; ALTER DATABASE postgres SET xmlbinary = 'hex';
	ALTER DATABASE postgres SET quote_all_identifiers = on");
for my $c (@column)
{
	my ($name, $type, @values) = @$c;
	$b->sql("UPDATE v SET $name = CAST($values[-1] AS $type) WHERE id = 0");
}
$b->sql('UPDATE v SET ' . join(', ', map { "$_->[0] = NULL" } @column) . ' WHERE id = -1');
$g->converged_ok('updates of every type arrive, whatever the session settings', 'v');
$b->sql('ALTER DATABASE postgres RESET ALL');
for my $node ($b) { $node->set('converge.node_name', 'b'); $g->set_peers('b', 'a') }

# --- as keys --------------------------------------------------------------------------
my @keyless = qw(json xml point line lseg box path polygon circle jsonpath txid_snapshot pg_snapshot);
my $k = 0;
my @tables;
for my $t (@types)
{
	my ($type, @values) = @$t;
	next if grep { $_ eq $type } @keyless;
	$k++;
	push @tables, "k$k";
	$g->all("CREATE TABLE k$k (key $type PRIMARY KEY, v int)");
	$_->sql("SELECT converge.replicate('k$k')") for $g->nodes;
	my %seen;
	for my $value (@values)
	{
		$a->sql("INSERT INTO k$k VALUES (CAST($value AS $type), 1) ON CONFLICT DO NOTHING");
	}
}
$g->converged_ok("$k types as primary keys", @tables);
$b->sql(join ';', map { "UPDATE $_ SET v = 2" } @tables);
$g->converged_ok('rows are found by keys of every type', @tables);
is($a->sql('SELECT ' . join(' + ', map { "(SELECT count(*) FROM $_ WHERE v <> 2)" } @tables)), '0', 'and all were updated');
$a->sql(join ';', map { "DELETE FROM $_" } @tables);
$g->converged_ok('deletes by keys of every type', @tables);
is($b->sql('SELECT ' . join(' + ', map { "(SELECT count(*) FROM $_)" } @tables)), '0', 'leave nothing');

# --- equal keys that look different ---------------------------------------------------------
$g->all('CREATE TABLE num (k numeric PRIMARY KEY, v int)');
$g->replicate('num');
$a->sql('INSERT INTO num VALUES (1.0, 1)');
$g->wait_converged('num');
$b->sql('UPDATE num SET v = 2 WHERE k = 1.000');
$b->sql('DELETE FROM num WHERE k = 1');
$b->sql('INSERT INTO num VALUES (1.00, 3)');
$g->converged_ok('1.0, 1 and 1.00 are one key', 'num');

# --- a key of several columns, in another order than the table's ------------------------------
$g->all(q{CREATE TABLE "Multi Key" (payload text, "B" mood, a timestamptz, c "Other Schema"."Strange, ""Type",
	PRIMARY KEY (c, a, "B"))});
$_->sql(q{SELECT converge.replicate('"Multi Key"')}) for $g->nodes;
$a->sql(q{INSERT INTO "Multi Key" SELECT 'p' || i, 'ok', timestamptz '2024-01-01' + i * interval '1 s', 'c"d' FROM generate_series(1, 20) i});
$g->wait_converged('"Multi Key"');
$b->sql(q{UPDATE "Multi Key" SET payload = 'q' WHERE "B" = 'ok' AND a > timestamptz '2024-01-01 00:00:10'});
$g->converged_ok('quoted names, composite keys', '"Multi Key"');
is($a->sql(q{SELECT count(*) FROM "Multi Key" WHERE payload = 'q'}), '10', 'and the rows were found');

# --- large values ----------------------------------------------------------------------------------
my $mb = $ENV{BIG_VALUE_MB} || 100;
$g->all('CREATE TABLE big (id int PRIMARY KEY, plain text, packed text, n int)');
$g->all('ALTER TABLE big ALTER COLUMN plain SET STORAGE EXTERNAL');
$g->replicate('big');
$a->sql("INSERT INTO big SELECT 1, string_agg(md5(i::text), ''), repeat('compressible ', $mb * 80000), 0 FROM generate_series(1, $mb * 32768) i");
$a->sql("INSERT INTO big VALUES (2, repeat('x', 9000), repeat('y', 9000), 0)");
my $sum = "SELECT id, length(plain), md5(plain), length(packed), md5(packed), n FROM big ORDER BY id";
my $want = $a->sql($sum);
ok($b->wait_for($sum, $want), "a row with values of $mb MiB, one stored plain, one compressed, arrives");
# an update that does not touch them does not carry them
my $bytes = $b->counted('bytes');
$a->sql('UPDATE big SET n = n + 1');
ok($b->wait_for($sum, $a->sql($sum)), 'an update beside them arrives');
cmp_ok($b->counted('bytes') - $bytes, '<', 100_000, 'without sending them again');
$b->sql("UPDATE big SET packed = 'small now' WHERE id = 1");
ok($a->wait_for($sum, $b->sql($sum)), 'a large value can become small');
$b->sql('DELETE FROM big');
$g->converged_ok('and be deleted', 'big');

# --- generated and identity columns ---------------------------------------------------------------------
$g->all(<<'SQL');
CREATE TABLE gen (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int,
	twice int GENERATED ALWAYS AS (a * 2) STORED, s serial, d timestamptz DEFAULT clock_timestamp());
SQL
$g->replicate('gen');
$b->sql('ALTER TABLE gen ALTER COLUMN id RESTART 1000; SELECT setval(\'gen_s_seq\', 1000)');
$a->sql('INSERT INTO gen (a) SELECT generate_series(1, 20)');
$b->sql('INSERT INTO gen (a) SELECT generate_series(1, 20)');
$g->converged_ok('generated, identity, serial and default columns', 'gen');
$b->sql('UPDATE gen SET a = 100 WHERE id = 5');
$g->converged_ok('the base of a generated column changes', 'gen');
is($a->sql('SELECT a, twice FROM gen WHERE id = 5'), '100|200', 'and the generated value with it');

# --- tables in any schema, with any name, more columns than one ------------------------------------------------
$g->all(q{CREATE TABLE "Other Schema"."T ""x"" ü" ("Id" int PRIMARY KEY, "select" text, "Ü" text)});
$_->sql(q{SELECT converge.replicate('"Other Schema"."T ""x"" ü"')}) for $g->nodes;
$a->sql(q{INSERT INTO "Other Schema"."T ""x"" ü" VALUES (1, 'x', 'y')});
$b->sql(q{INSERT INTO "Other Schema"."T ""x"" ü" VALUES (2, 'x', 'y')});
$g->converged_ok('mixed case, quotes, umlauts and keywords as names', q{"Other Schema"."T ""x"" ü"});
$g->all('CREATE TABLE wide (id int PRIMARY KEY, ' . join(', ', map { "c$_ int" } 1 .. 1500) . ')');
$g->replicate('wide');
$a->sql('INSERT INTO wide (id, c1, c1500) VALUES (1, 1, 1500)');
$a->sql('UPDATE wide SET c750 = 750');
$g->converged_ok('1,500 columns', 'wide');
is($b->sql('SELECT c1, c750, c1500 FROM wide'), '1|750|1500', 'with their values');

done_testing();
