# Documents in replicated columns, with three nodes: edits at one place at the
# same time, plain assignment, what was read earlier, long texts as small
# deltas, and a random session against what its writers saw.
use strict;
use warnings;
use Converge;
use Encode;
use Test::More;

my $g = Converge->new_group(names => [qw(a b c)], proxied => 1);
my ($a, $b, $c) = $g->nodes;
my $path = 'SET search_path = public, converge; ';
my @pairs = ([qw(a b)], [qw(a c)], [qw(b c)]);

# All three write without having seen each other.
sub apart
{
	my ($what, %sql) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$g->cut(@$_) for @pairs;
	$g->node($_)->sql($path . $sql{$_}) for sort keys %sql;
	$g->heal(@$_) for @pairs;
	$g->converged_ok($what, 't');
}

sub reads
{
	my ($sql, $want, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($_->sql($path . $sql), $want, "$what, on " . $_->name) for $g->nodes;
}

sub updates { return join '; ', map { ; "UPDATE t SET d = $_ WHERE id = 1" } @_ }

my $text = 'SELECT d::text FROM t WHERE id = 1';

$g->all('CREATE TABLE t (id int PRIMARY KEY, d converge.document, note text)');
$g->replicate('t');
$a->sql($path . q{INSERT INTO t VALUES (1, 'Hello!', 'n')});
$g->converged_ok('a row with a document', 't');
reads($text, 'Hello!', 'a literal was inserted');

# --- at the same time -------------------------------------------------------------------
apart('words at one place, at once, forwards and backwards',
	a => updates(q{insert(d, 6, ' Alice')}),
	b => updates(map { "insert(d, 6 + $_, '" . substr(' and', $_, 1) . "')" } 0 .. 3),
	c => updates(map { "insert(d, 6, '" . substr(' Bob', 3 - $_, 1) . "')" } 0 .. 3));
like($a->sql($path . $text), qr/^Hello(?=.* Alice)(?=.* and)(?=.* Bob).{14}!$/, 'stay whole');
$a->sql($path . updates(q{'one two three four'}));
$g->converged_ok('another text assigned', 't');
reads($text, 'one two three four', 'is the text');
apart('an insertion into what is deleted, beside an edit',
	a => updates('delete(d, 5, 10)'),
	b => updates(q{insert(d, 9, '2.5 ')}),
	c => updates(q{edit(d, 'One two three four!')}));
reads($text, 'One 2.5 four!', 'all of it took effect');
apart('two assignments', a => updates(q{'One 2.5 four, five!'}), b => updates(q{'One and 2.5 four!'::text}), c => q{UPDATE t SET note = 'c'});
reads("SELECT d::text, note FROM t", 'One and 2.5 four, five!|c', 'are edits');
my $read = $a->sql($path . q{SELECT format('%L', d) FROM t WHERE id = 1});
$b->sql($path . updates(q{insert(d, length(d) + 1, ' Six?')}));
$g->converged_ok('changed elsewhere', 't');
$a->sql($path . updates($read));
$g->converged_ok('the state that was read is written back', 't');
reads($text, 'One and 2.5 four, five! Six?', 'what was added meanwhile stays');
reads(q{SELECT string_agg(DISTINCT split_part(replica, '~', 1), ',' ORDER BY split_part(replica, '~', 1)), sum(length), string_agg(content, '' ORDER BY position)
	FROM t, authors(d) WHERE id = 1}, 'a,b,c|28|One and 2.5 four, five! Six?', 'who wrote what');
apart('nothing assigned', a => updates(q{''}), b => updates(q{insert(d, 1, '>')}));
reads($text, '>', 'deletes what it saw');
apart('NULL assigned', a => updates('NULL'), c => updates(q{insert(d, 1, 'c')}));
reads($text, 'c', 'likewise');

# --- a long text ----------------------------------------------------------------------------
$a->sql($path . q{INSERT INTO t (id, d) SELECT 2, string_agg(md5(i::text), ' ') FROM generate_series(1, 3100) i});
$g->converged_ok('100 kB', 't');
for my $update (q{insert(d, 50000, 'x')}, q{delete(d, 70000, 1000)}, q{overlay(d::text placing 'changed' from 30000 for 4)})
{
	$a->sql($path . "UPDATE t SET d = $update WHERE id = 2");
	my $bytes = $a->sql('SELECT octet_length(body) FROM converge.log ORDER BY stamp DESC LIMIT 1');
	cmp_ok($bytes, '<', 300, "the entry of $update");
}
$g->converged_ok('which is all that the others need', 't');
is($b->sql($path . 'SELECT md5(d::text) FROM t WHERE id = 2'), $a->sql($path . 'SELECT md5(d::text) FROM t WHERE id = 2'), 'the same text');

# --- a random session ---------------------------------------------------------------------------
# Words are a character of their own, some times.  Each is inserted between two
# words, by any of the ways there are, and deleted as a whole; so in the end
# there must be, whole and once, all that nobody deleted, and in the
# order that every writer saw.
my $seed = $ENV{SEED} // 20231;
my $state = $seed;
my (%inserted, %deleted, @views);
my $next = 0x4e00;

sub below
{
	$state = ($state * 1103515245 + 12345) & 0x7fffffff;
	return ($state >> 8) % $_[0];
}

sub words { my @w; push @w, $1 while $_[0] =~ /((.)\2*)/gs; return @w }

# One update; says false and does nothing if the text has changed since it was
# read.
sub write_words
{
	my ($node, $way) = @_;
	my @old  = words(decode('UTF-8', $node->sql($path . 'SELECT d::text FROM t WHERE id = 3')));
	my @w    = @old;
	my $at   = below(@w + 1);
	my @gone = splice @w, $at, $way == 0 ? 0 : below(4);
	my @new  = $way == 1 ? () : map { chr($next++) x (1 + below(4)) } 1 .. 1 + below(2);
	my $pos  = 1 + length join '', @w[ 0 .. $at - 1 ];

	splice @w, $at, 0, @new;
	my ($was, $is, $new) = map { encode('UTF-8', join '', @$_) } \@old, \@w, \@new;
	my $d = (
		"insert(d, $pos, '$new')", "delete(d, $pos, " . length(join '', @gone) . ')',
		"edit(d, '$is')",          "'$is'",
		"'$is'::text")[$way];
	$node->sql("$path UPDATE t SET d = $d WHERE id = 3 AND d::text = '$was' RETURNING 1") or return 0;
	$inserted{$_} = 1 for @new;
	$deleted{$_}  = 1 for @gone;
	push @views, \@w;
	return 1;
}

$a->sql(q{INSERT INTO t (id, d) VALUES (3, '')});
$g->converged_ok('an empty text', 't');
for my $round (1 .. 4)
{
	my $cut = $pairs[ below(3) ];
	$g->cut(@$cut) if $round % 2;
	for (1 .. 25)
	{
		my ($node, $way) = (($g->nodes)[ below(3) ], below(5));
		my $deadline = time + $Converge::timeout;
		1 until write_words($node, $way) || time > $deadline;
	}
	$g->heal(@$cut) if $round % 2;
}
$g->converged_ok("random edits (SEED=$seed)", 't');
for my $node ($g->nodes)
{
	my @final = words(decode('UTF-8', $node->sql($path . 'SELECT d::text FROM t WHERE id = 3')));
	my %place = map { $final[$_] => $_ } 0 .. $#final;
	my $wrong = 0;

	is(encode('UTF-8', join ' ', sort @final), encode('UTF-8', join ' ', sort grep { !$deleted{$_} } keys %inserted),
		'what was inserted and not deleted, on ' . $node->name);
	for my $view (@views)
	{
		my @seen = map { $place{$_} // () } @$view;
		$wrong++ if grep { $seen[ $_ - 1 ] >= $seen[$_] } 1 .. $#seen;
	}
	is($wrong, 0, 'in the order that its ' . @views . ' writers saw, on ' . $node->name);
}
is(scalar(@views), 100, 'all writes were made');

done_testing();
