# Nodes have databases of one encoding: a peer with another one is refused by
# both sides, with an error that says so, before anything is exchanged.
use strict;
use warnings;
use Converge;
use Test::More;

my $server = Converge::new_server('server');
$server->start;
my %encoding = (utf8 => 'UTF8', more_utf8 => 'UTF8', latin1 => 'LATIN1', ascii => 'SQL_ASCII');
my %node;
for my $name (sort keys %encoding)
{
	$server->safe_psql('postgres',
		"CREATE DATABASE $name ENCODING '$encoding{$name}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
	$node{$name} = Converge::Node->new($name, $server, $name);
}
for my $name (sort keys %encoding)
{
	$node{$name}->set('converge.node_name', $name);
	$node{$name}->set('converge.peers', join(', ',
		map { "$_=host=" . $server->host . ' port=' . $server->port . " dbname=$_ application_name=$name" }
		grep { $_ ne $name } sort keys %encoding));
	$node{$name}->sql('CREATE EXTENSION pg_converge');
}
$_->wait_ready for values %node;

for my $name (sort keys %encoding)
{
	for my $peer (grep { $_ ne $name } sort keys %encoding)
	{
		my $peers = "SELECT last_error FROM converge.stat_peers WHERE name = '$peer'";
		if ($encoding{$peer} eq $encoding{$name})
		{
			ok($node{$name}->wait_for("SELECT state FROM converge.stat_peers WHERE name = '$peer'", 'streaming'),
				"$name takes $peer, of the same encoding");
			next;
		}
		ok($node{$name}->wait_for($peers,
				qr/the database of peer "$peer" has encoding $encoding{$peer}, and this one has $encoding{$name}/),
			"$name refuses $peer");
	}
}

# text inside of a value that merges is what would have been misread
$_->sql('CREATE TABLE t (id int PRIMARY KEY, s converge.orset)') for values %node;
$_->sql("SELECT converge.replicate('t')") for values %node;
$node{utf8}->sql("INSERT INTO t VALUES (1, ARRAY[E'\\u00e9t\\u00e9'])");
ok($node{more_utf8}->wait_for('SELECT length((converge.value(s))[1]) FROM t', '3'), 'text arrives where it is the same');
is($node{$_}->sql('SELECT count(*) FROM t'), '0', "nothing is misread on $_") for qw(latin1 ascii);

done_testing();
