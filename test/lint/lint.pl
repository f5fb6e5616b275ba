#!/usr/bin/perl
# Checks of the source tree that need neither a compiler nor a server: the
# direction of includes, sizes, leftovers, versions and documentation that
# agree.  With a shared library as argument, only the symbols it exports.
# Last line: "N passed, N failed".
use strict;
use warnings;
use File::Find;
use FindBin;

chdir "$FindBin::Bin/../.." or die;
my ($library) = @ARGV;
my ($passed, $failed) = (0, 0);

# One property; @bad names the places that break it.
sub check
{
	my ($what, @bad) = @_;
	if (@bad)
	{
		$failed++;
		print "not ok - $what\n";
		print "    $_\n" for @bad > 20 ? (@bad[ 0 .. 19 ], '...') : @bad;
	}
	else
	{
		$passed++;
		print "ok - $what\n";
	}
}

sub slurp
{
	my ($path) = @_;
	open my $fh, '<', $path or return '';
	local $/;
	return scalar <$fh>;
}

sub files
{
	my ($match, @dirs) = @_;
	my @found;
	find(
		{   no_chdir => 1,
			wanted   => sub {
				return unless -f && /$match/;
				return if m{/build/|/tmp_check|/output_iso/|/results/};
				push @found, $_;
			}
		},
		grep { -e } @dirs);
	return sort @found;
}

sub finish
{
	print "$passed passed, $failed failed\n";
	exit($failed ? 1 : 0);
}

# --- exported symbols ---------------------------------------------------
if (defined $library)
{
	my $sql = join "\n", map { slurp($_) } files(qr/\.sql$/, 'src');
	my @extra;
	my %functions;
	$functions{$1} = 1 while $sql =~ /AS 'MODULE_PATHNAME'\s*,\s*'(\w+)'/g;
	for (`nm -D --defined-only $library`)
	{
		my ($symbol) = (split)[-1];
		next if $symbol =~ /^(Pg_magic_func|_PG_init|pg_finfo_\w+)$/ || $functions{$symbol};
		next if $symbol =~ /^(_init|_fini|__bss_start|_edata|_end)$|^__gcov|^mangle_path$|^cvg_\w+_main$/;
		# a SQL function without an explicit link name
		next if $sql =~ /FUNCTION converge\.\Q$symbol\E\b/;
		# any function with a finfo record is one that SQL calls
		next if `nm -D --defined-only $library` =~ /\bpg_finfo_\Q$symbol\E\b/;
		push @extra, $symbol;
	}
	check('the library exports what the server calls, and nothing else', @extra);
	# --- mutants ------------------------------------------------------------
check('every mutant can still be made', split /\n/, `perl test/mutants/mutants.pl check`);

finish();
}

my @c = files(qr/\.[ch]$/, 'src');
my %text = map { $_ => slurp($_) } @c;

# --- layers -------------------------------------------------------------
# Each layer, and what of our own it may include besides itself.  Headers
# directly in src/ are open to all but core.
my %may = (
	core    => [],
	types   => [qw(core)],
	store   => [qw(core)],
	peer    => [qw(core)],
	session => [qw(core store peer)],
	worker  => [qw(core types store peer session)],
	api     => [qw(core types store peer session worker)],
	root    => [qw(core types store peer session worker api)]);
my @core_server = (
	qr{^postgres(_fe)?\.h$}, qr{^common/}, qr{^lib/(stringinfo|simplehash)\.h$},
	qr{^port/pg_(bswap|crc32c|bitutils)\.h$}, qr{^utils/memutils\.h$}, qr{^varatt\.h$});

# Functions of the server that take other arguments in other versions.
my $shimmed = join '|', qw(index_beginscan table_beginscan heap_delete table_tuple_delete table_tuple_update
  simple_table_tuple_update ExecInsertIndexTuples ExecBRUpdateTriggers ExecBRDeleteTriggers EvalPlanQualInit
  pushJsonbValue CreateWaitEventSet FuncnameGetCandidates PQsetNoticeReceiver getIdentitySequence);

my (@direction, @core_backend, @libpq, @version, @unshimmed);
for my $file (@c)
{
	my ($layer) = $file =~ m{^src/([a-z_]+)/};
	$layer //= 'root';
	my %allowed = map { $_ => 1 } $layer, @{ $may{$layer} // [] };
	while ($text{$file} =~ /^\s*#\s*include\s+(["<])([^">]+)[">]/mg)
	{
		my ($quote, $name) = ($1, $2);
		if ($quote eq '"' && -e "src/$name")
		{
			my ($to) = $name =~ m{^([a-z_]+)/};
			$to //= 'root';
			push @direction, "$file includes $name"
			  if ($to eq 'root' ? $layer eq 'core' : !$allowed{$to});
		}
		elsif ($quote eq '"')
		{
			push @core_backend, "$file includes $name"
			  if $layer eq 'core' && !grep { $name =~ $_ } @core_server;
			push @libpq, "$file includes $name"
			  if $name =~ m{^(libpq-fe|libpq-events|libpq/libpq-be-fe-helpers)\.h$}
			  && $file !~ m{^src/peer/conn\.[ch]$};
		}
	}
	push @core_backend, "$file:$1"
	  if $layer eq 'core'
	  && $text{$file} =~ /\b(ereport|elog|GetCurrentTimestamp|SPI_\w+)\s*\(/;
	push @version, $file
	  if $text{$file} =~ /PG_VERSION_NUM|PG_MAJORVERSION/ && $file !~ m{^src/(compat\.h|init\.c)$};
	push @unshimmed, "$file: $1" if $file ne 'src/compat.h' && $text{$file} =~ /\b($shimmed)\s*\(/;
}
check('includes follow the layers', @direction);
check('src/core knows nothing of the backend', @core_backend);
check('only src/peer/conn.c includes libpq', @libpq);
check('only src/compat.h and src/init.c know server versions', @version);
check('what differs between server versions is called by its name in src/compat.h', @unshimmed);

# --- sizes --------------------------------------------------------------
my (@long_files, @long_functions);
for my $file (@c)
{
	my @lines = split /\n/, $text{$file};
	push @long_files, "$file: " . @lines . ' lines' if @lines > 900;
	my $start;
	for my $i (0 .. $#lines)
	{
		$start = $i if $lines[$i] =~ /^\{/;
		if ($lines[$i] =~ /^\}/ && defined $start)
		{
			my $body = join "\n", @lines[ $start .. $i ];
			my $length = $i - $start + 1;
			# a flat switch or a table may be long
			my $flat = () = $body =~ /^\s*(case\b|DefineCustom|\{)/mg;
			push @long_functions, "$file:" . ($start + 1) . ": $length lines"
			  if $length > 100 && $flat * 6 < $length;
			undef $start;
		}
	}
}
check('no source file over 900 lines', @long_files);
check('no function over 100 lines', @long_functions);

# --- leftovers ----------------------------------------------------------
my @all = grep { !m{^test/lint/} }
  files(qr/\.([chs]|sql|pl|pm|spec|sh|py|md|mk)$|^Makefile$|run$/,
	qw(src sql test tools make bench docs .ci Makefile README.md CHANGELOG.md));
my (@todo, @outside, @sleeps, @blank, @bare);
for my $file (@all)
{
	my $n = 0;
	for my $line (split /\n/, slurp($file))
	{
		$n++;
		push @todo, "$file:$n" if $line =~ /\b(TODO|FIXME|XXX|HACK)\b|not (yet )?implemented/;
		push @outside, "$file:$n" if $line =~ m{\.\./shared|/work/};
		# the pause of a loop that looks again, in a specification, is no sleep
		push @sleeps, "$file:$n"
		  if !($file =~ /\.spec$/ && $line =~ /^\s*PERFORM pg_sleep\(0\.05\);$/)
		  && $file =~ m{^(src|sql|test)/}
		  && $line =~ /\bpg_usleep\(|\busleep\s*\(|pg_sleep\(|^\s*sleep\s*\(?\s*\d/;
		push @blank, "$file:$n" if $line =~ /[ \t]+$/ && $file !~ m{^sql/|expected/|\.md$};
	}
	push @bare, $file if $file =~ /^src/ && slurp($file) =~ /\belog\((ERROR|FATAL|PANIC), "[^"]*(permission|not allowed)/;
}
check('no unfinished work is marked', @todo);
check('nothing points outside the tree', @outside);
check('nothing sleeps instead of waiting for a condition', @sleeps);
check('no trailing white space', @blank);
check('what users can cause is an ereport with a code', @bare);

# --- versions -----------------------------------------------------------
my ($extversion) = slurp('Makefile') =~ /^EXTVERSION\s*=\s*(\S+)/m;
my ($meta)       = slurp('META.json') =~ /"version"\s*:\s*"([^"]+)"/;
my ($changelog)  = slurp('CHANGELOG.md') =~ /^##\s+(\S+)/m;
check('META.json has the version of the Makefile',
	($meta // '') eq $extversion ? () : 'META.json: ' . ($meta // 'none') . ", Makefile: $extversion");
check('CHANGELOG.md starts with the version of the Makefile',
	($changelog // '') eq $extversion ? () : 'CHANGELOG.md: ' . ($changelog // 'none') . ", Makefile: $extversion");

# --- documentation ------------------------------------------------------
my $readme = slurp('README.md') . join '', map { slurp($_) } files(qr/\.md$/, 'docs');
my $guc = $text{'src/guc.c'} // '';
my @settings = $guc =~ /"(converge\.[a-z_]+)"/g;
my %seen;
check('README.md explains every setting',
	grep { !$seen{$_}++ && index($readme, $_) < 0 } @settings);

# Functions and views that people call: those whose comment does not say that
# they are part of a type, an operator or a trigger.
my $sql = join "\n", map { slurp($_) } files(qr/\.sql$/, 'src');
my %objects;
while ($sql =~ /^COMMENT ON (?:FUNCTION|VIEW|AGGREGATE) converge\."?(\w+)"?[^;]*?\bIS\s+'([^;]*)'/mg)
{
	$objects{$1} = 1
	  unless $2 =~ m{^(I/O|implementation of|internal|(event )?trigger|support|sort|hash|convert|less-equal)}i;
}
check('README.md names every commented function and view',
	grep { index($readme, $_) < 0 } sort keys %objects);

# --- mutants ------------------------------------------------------------
check('every mutant can still be made', split /\n/, `perl test/mutants/mutants.pl check`);

finish();
