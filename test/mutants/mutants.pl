#!/usr/bin/perl
# Deliberate mistakes, one a name: what the tests must notice.
#
#   mutants.pl list               names
#   mutants.pl tap NAME           TAP files that concern it
#   mutants.pl apply NAME TREE    make the mistake in a copy of the source
#   mutants.pl revert NAME TREE   and take it back
#
# Each is the replacement of a text that occurs exactly once in a file; when the
# source has changed so that it does not any more, apply fails and says so.
use strict;
use warnings;

# name, what is wrong then, file, text, replacement, TAP files
my @mutants = (
	[ 'merge-smaller-dot', 'a unit takes the value of the smaller dot', 'src/core/rowstate.c',
		'cvg_row_dot_cmp(da, db) >= 0 ? CVG_SIDE_A', 'cvg_row_dot_cmp(da, db) <= 0 ? CVG_SIDE_A', '003' ],
	[ 'delete-lww-reversed', 'of equal or later deletes the row survives', 'src/core/rowstate_query.c',
		'cvg_row_max_dot(&parts, offsetof(CvgRowReplica, d))) > 0;', 'cvg_row_max_dot(&parts, offsetof(CvgRowReplica, d))) != 0;', '003' ],
	[ 'delete-wins-forgets-seen', 'delete_wins: one insert that saw some delete revives', 'src/core/rowstate_query.c',
		'alive &= parts.replicas[i].d <= parts.replicas[i].e;', 'alive &= parts.replicas[i].d <= parts.replicas[i].e || parts.replicas[i].w > 0;', '003' ],
	[ 'update-wins-any-write', 'update_wins: a write that the delete saw brings the row back', 'src/core/rowstate_query.c',
		'alive |= parts.replicas[i].w > parts.replicas[i].o;', 'alive |= parts.replicas[i].w >= parts.replicas[i].o;', '003' ],
	[ 'dot-reused', 'two writes within a microsecond have one stamp', 'src/core/hlc.h',
		'now > last ? now : last + 1', 'now > last ? now : last', '003' ],
	[ 'clock-not-observed', 'a write is stamped below what its node has seen', 'src/core/hlc.h',
		'seen > last ? seen : last', 'last', '014' ],
	[ 'dependency-ignored', 'an entry is applied before what it depends on', 'src/core/causality.c',
		'if (progress(dep.id, arg) < dep.value)', 'if (progress(dep.id, arg) < 0)', '002' ],
	[ 'gap-ignored', 'an entry is applied although one before it is missing', 'src/core/causality.c',
		"if (prev_seq > applied)\n\t\treturn CVG_WAIT_GAP;", '', '002' ],
	[ 'covered-applied-again', 'an entry that is applied already is applied again', 'src/core/causality.c',
		'if (seq <= applied)', 'if (seq < applied)', '002' ],
	[ 'future-accepted', 'a clock that is an hour ahead is believed', 'src/core/causality.c',
		'return stamp > limit;', 'return false;', '014' ],
	[ 'watermark-off-by-one', 'an entry that is still being committed is passed over', 'src/store/changelog.c',
		'watermark = slot->seq - 1;', 'watermark = slot->seq;', '008' ],
	[ 'watermark-ignores-inflight', 'entries are served past those that are still being committed', 'src/store/changelog.c',
		'slot->seq != 0 && slot->seq <= watermark)', 'slot->seq != 0 && slot->seq < 0)', '008' ],
	[ 'ack-before-flush', 'what is not on disk is acknowledged', 'src/worker/members.c',
		"if (!XLogRecPtrIsInvalid(lsn))\n\t\tXLogFlush(lsn);", '(void) lsn;', '008' ],
	[ 'served-before-flush', 'entries of others are handed on before they are on disk here', 'src/worker/pull.c',
		"if (!XLogRecPtrIsInvalid(lsn))\n\t\tXLogFlush(lsn);", '', '008' ],
	[ 'horizon-overclaims', 'the horizon passes transactions in flight', 'src/store/xactlog.c',
		'if (first != 0 && slot->db == dbno && slot->seq == 0 &&', 'if (first == 1 && slot->db == dbno && slot->seq == 0 &&', '003' ],
	[ 'tombstone-dropped', 'every tombstone counts as forgotten', 'src/store/capture.c',
		'if (cvg_tombstone_forgotten(db, out->state))', 'if (out->state.len > 0)', '004' ],
	[ 'insert-looks-once', 'an insert that had to wait does not look for a tombstone again', 'src/store/capture.c',
		'if (!find_tombstone(db, rel, *slot, &grave))', 'if (true || !find_tombstone(db, rel, *slot, &grave))', '003' ],
	[ 'savepoint-leaks', 'what was rolled back to a savepoint is sent', 'src/store/xactlog.c',
		'abort_marks(mySubid);', 'commit_marks(mySubid, parentSubid);', '006' ],
	[ 'prepare-accepted', 'two-phase commit of replicated rows is accepted', 'src/store/xactlog.c',
		"case XACT_EVENT_PRE_PREPARE:\n\t\t\tif (cvg_xactlog_pending())", "case XACT_EVENT_PRE_PREPARE:\n\t\t\tif (false)", '006' ],
	[ 'seq-reused', 'after a restart the last seq is given out again', 'src/store/identity.c',
		'l->last_seq = Max(l->last_seq, own->floor);', 'l->last_seq = Max(l->last_seq - 1, own->floor);', '008' ],
	[ 'incarnation-kept', 'a restored backup goes on with its old replica id', 'src/store/identity.c',
		'node->where.file_id == here.file_id &&', '', '010' ],
	[ 'base-check-dropped', 'a change whose base is missing is applied without it', 'src/worker/apply_row.c',
		'if (w->incomplete && (w->alive || w->merged_unknown))', 'if (false)', '003' ],
	[ 'old-incarnation-unserved', 'entries of an earlier incarnation have no predecessor', 'src/worker/pull.c',
		'range->own || row.prev_seq == 0 ?', 'range->own ?', '010' ],
	[ 'stable-not-joined', 'what is stable at the origin of an entry is not learned', 'src/worker/apply_progress.c',
		'(void) join_stable(ap, cvg_stable_clock(ap->db));', '', '004' ]);
my %mutant = map { $_->[0] => $_ } @mutants;

sub change
{
	my ($m, $tree, $from, $to) = @_;
	my $path = "$tree/$m->[2]";
	open my $in, '<', $path or die "$path: $!\n";
	my $text = do { local $/; <$in> };
	close $in;
	my $n = () = $text =~ /\Q$from\E/g;
	die "$m->[0]: the text to replace is there $n times in $m->[2]: this mutant has to be written anew\n" if $n != 1;
	$text =~ s/\Q$from\E/$to/;
	open my $out, '>', $path or die "$path: $!\n";
	print $out $text;
	close $out;
}

# Reverting is copying back: an empty replacement cannot be found again.
sub keep
{
	my ($from, $to) = @_;
	open my $in, '<', $from or die "$from: $!\n";
	open my $out, '>', $to or die "$to: $!\n";
	print $out $_ while <$in>;
}

my ($command, $name, $tree) = @ARGV;
if ($command eq 'list') { print "$_->[0]\n" for @mutants; exit }
my $m = $mutant{$name} or die "no mutant $name\n";
if ($command eq 'tap') { print join(' ', map { glob "test/t/$_*.pl" } split ' ', $m->[5]), "\n" }
elsif ($command eq 'says') { print "$m->[1]\n" }
elsif ($command eq 'apply')
{
	keep("$tree/$m->[2]", "$tree/$m->[2].orig");
	change($m, $tree, $m->[3], $m->[4]);
}
elsif ($command eq 'revert')
{
	keep("$tree/$m->[2].orig", "$tree/$m->[2]");
	unlink "$tree/$m->[2].orig";
}
else { die "usage: mutants.pl list | says NAME | tap NAME | apply NAME TREE | revert NAME TREE\n" }
