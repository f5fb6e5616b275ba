#!/usr/bin/perl
# Deliberate mistakes, one a name: what the tests must notice.
#
#   mutants.pl list               names
#   mutants.pl check              those that cannot be made any more
#   mutants.pl says NAME          what is wrong then
#   mutants.pl tap NAME           TAP files that concern it
#   mutants.pl torture NAME       options of the torture that concern it
#   mutants.pl file NAME          file that it changes
#   mutants.pl id NAME            changes when the mutant does
#   mutants.pl table RESULTS      what run.sh has found, as a table (Markdown)
#   mutants.pl apply NAME TREE    make the mistake in a copy of the source
#   mutants.pl revert NAME TREE   and take it back
#
# Each is the replacement of a text that occurs exactly once in a file; when the
# source has changed so that it does not any more, apply and check say so.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use FindBin;

# name, what is wrong then, file, text, replacement, TAP files, and, where the
# torture needs a moment that is rare among all faults, its options
my @mutants = (
	# --- the merge of row states
	[ 'merge-smaller-dot', 'a unit takes the value of the smaller dot', 'src/core/rowstate.c',
		'cvg_row_dot_cmp(da, db) >= 0 ? CVG_SIDE_A', 'cvg_row_dot_cmp(da, db) <= 0 ? CVG_SIDE_A', '003' ],
	[ 'delete-lww-reversed', 'of equal or later deletes the row survives', 'src/core/rowstate_query.c',
		'cvg_row_max_dot(&parts, offsetof(CvgRowReplica, d))) > 0;', 'cvg_row_max_dot(&parts, offsetof(CvgRowReplica, d))) != 0;', '003' ],
	[ 'delete-wins-forgets-seen', 'delete_wins: one insert that saw some delete revives', 'src/core/rowstate_query.c',
		'alive &= parts.replicas[i].d <= parts.replicas[i].e;', 'alive &= parts.replicas[i].d <= parts.replicas[i].e || parts.replicas[i].w > 0;', '003' ],
	[ 'update-wins-any-write', 'update_wins: a write that the delete saw brings the row back', 'src/core/rowstate_query.c',
		'alive |= parts.replicas[i].w > parts.replicas[i].o;', 'alive |= parts.replicas[i].w >= parts.replicas[i].o;', '003' ],

	# --- columns with a strategy, and of types that merge
	[ 'share-of-the-older', 'of two states of a counter the older share counts', 'src/core/rowcell.c',
		'a->last != b->last ? a->last > b->last :', 'a->last != b->last ? a->last < b->last :', '021_strategies' ],
	[ 'floor-under-anything', 'a reset takes away what was counted after it began anew', 'src/core/rowstate_query.c',
		'if (share->last != 0 && share->fc >= share->start)', 'if (share->last != 0)', '021_strategies' ],
	[ 'overwritten-value-kept', 'a value that the other side has overwritten stays beside the new one', 'src/core/rowcell.c',
		'else if (c < 0 && !cvg_row_covers(b->clock, pa->dot))', 'else if (c < 0)', '021_strategies' ],
	[ 'removed-element-returns', 'a set forgets what the other side has removed', 'src/core/causal_set.c',
		'if (c == 0 || (c < 0 && !cvg_mark_is_dead(&p->dead_b, &p->names, a)))', 'if (c <= 0)', '021_sets' ],
	[ 'delta-without-base', 'a delta is merged into a value that lacks what it builds on', 'src/worker/apply_merge.c',
		'if (!cvg_rowstate_has_base(before, in->state,', 'if (false && !cvg_rowstate_has_base(before, in->state,', '020' ],
	[ 'reinsert-loses-value', 'a row inserted again does not go on from the values of the deleted one', 'src/store/capture.c',
		'cvg_crdt_insert_columns(rel, slot, image, false, replaced);', 'cvg_crdt_insert_columns(rel, slot, cvg_slice(NULL, 0), false, replaced);', '020' ],
	[ 'strategy-any-news', 'an older setting of a strategy replaces a newer one', 'src/store/strategies.c',
		'cvg_dot_cmp(theirs->set_at, theirs->set_by, ours->set_at, ours->set_by) > 0;', 'cvg_dot_cmp(theirs->set_at, theirs->set_by, ours->set_at, ours->set_by) != 0;', '021_strategies' ],

	[ 'hidden-leaf-shown', 'jsonb_merge: what is within an object stays when the object was replaced by a value', 'src/core/leaves.c',
		'return chosen == NULL || is_hidden(m, path, later(da, db)) ? NULL : chosen;', 'return chosen;', '021_strategies' ],
	[ 'gone-leaf-unmarked', 'jsonb_merge: when a leaf was removed is forgotten in a merge', 'src/core/leaves.c',
		'dot_cmp(mark->dot, out->unit) != 0 : dot_cmp(mark->dot, out->whole) > 0)', 'dot_cmp(mark->dot, out->unit) != 0 : false)', '021_strategies' ],

	# --- clocks
	[ 'dot-reused', 'two writes within a microsecond have one stamp', 'src/core/hlc.h',
		'now > last ? now : last + 1', 'now > last ? now : last', '003', '--faults clock_step,clock_drift' ],
	[ 'clock-not-observed', 'a write is stamped below what its node has seen', 'src/core/hlc.h',
		'seen > last ? seen : last', 'last', '014', '--faults clock_step,clock_drift' ],
	[ 'future-accepted', 'a clock that is an hour ahead is believed', 'src/core/causality.c',
		'return stamp > limit;', 'return false;', '014', '--faults clock_hour' ],

	# --- causality
	[ 'dependency-ignored', 'an entry is applied before what it depends on', 'src/core/causality.c',
		'if (progress(dep.id, arg) < dep.value)', 'if (progress(dep.id, arg) < 0)', '002', '--faults pair_cut,oneway_cut,delay_jitter' ],
	[ 'gap-ignored', 'an entry is applied although one before it is missing', 'src/core/causality.c',
		"if (prev_seq > applied)\n\t\treturn CVG_WAIT_GAP;", '', '002', '--faults pair_cut,oneway_cut,reset,kill_worker' ],
	[ 'covered-applied-again', 'an entry that is applied already is applied again', 'src/core/causality.c',
		'if (seq <= applied)', 'if (seq < applied)', '002', '--faults pair_cut,reset,kill_worker,oneway_cut,delay_jitter' ],
	[ 'base-check-dropped', 'a change whose base is missing is applied without it', 'src/worker/apply_row.c',
		'if (w->incomplete && (w->alive || w->merged_unknown))', 'if (false)', '003', '--faults restore,pair_cut' ],

	# --- the log
	[ 'watermark-off-by-one', 'an entry that is still being committed is passed over', 'src/core/horizon.h',
		'? h->first_seq - 1 : taken;', '? h->first_seq : taken;', '025' ],
	[ 'watermark-ignores-inflight', 'entries are served past those that are still being committed', 'src/core/horizon.h',
		'return h->first_seq != 0 && h->first_seq <= taken ? h->first_seq - 1 : taken;', 'return taken;', '025' ],
	[ 'ack-before-flush', 'what is not on disk is acknowledged', 'src/worker/members.c',
		"if (!XLogRecPtrIsInvalid(lsn))\n\t\tXLogFlush(lsn);", '(void) lsn;', '025', '--forget --faults kill_postmaster,flush_fails,pair_cut' ],
	[ 'log-cut-early', 'a segment of the log is emptied before all have it', 'src/core/progress.c',
		'return acknowledged || old || too_large;', 'return true;', '024_log', '--set=converge.log_segment_size=1MB --faults node_cut,pause_peer --hold 5' ],
	[ 'log-turns-at-once', 'a busy log keeps what has come in for less than the notes of what is confirmed are behind', 'src/core/progress.h',
		'return now - *turned_at >= turn;', 'return true;', '024_log' ],
	[ 'savepoint-leaks', 'what was rolled back to a savepoint is sent', 'src/store/xactlog.c',
		'abort_marks(mySubid);', 'commit_marks(mySubid, parentSubid);', '006' ],
	[ 'savepoint-takes-all', 'a rollback to a savepoint takes away what was written before it', 'src/store/xactlog.c',
		"xl.tail.len = mark->bytes - xl.file_bytes;\n\t\telse\n\t\t{\n\t\t\txl.file_bytes = mark->bytes;\n\t\t\txl.tail.len = 0;\n\t\t}\n\t\txl.nchanges = mark->nchanges;",
		"xl.tail.len = 0;\n\t\txl.nchanges = 0;", '006' ],
	[ 'prepare-accepted', 'two-phase commit of replicated rows is accepted', 'src/store/xactlog.c',
		"case XACT_EVENT_PRE_PREPARE:\n\t\t\tif (cvg_xactlog_pending())", "case XACT_EVENT_PRE_PREPARE:\n\t\t\tif (false)", '006' ],

	# --- identity
	[ 'seq-reused', 'after a restart the last seq is given out again', 'src/store/identity.c',
		'l->last_seq = Max(l->last_seq, own->floor);', 'l->last_seq = Max(l->last_seq - 1, own->floor);', '025', '--faults kill_postmaster,restart' ],
	[ 'incarnation-kept', 'a restored backup goes on with its old replica id', 'src/store/identity.c',
		'node->where.file_id == here.file_id &&', '', '010', '--faults restore,promote' ],
	[ 'old-incarnation-unserved', 'entries of an earlier incarnation have no predecessor', 'src/worker/pull.c',
		'range->own || row->prev_seq == 0)', 'range->own)', '010', '--faults restore,promote' ],

	[ 'past-all-certain', 'a new incarnation leaves all of its log to the old one, though entries may be missing in it', 'src/core/incarnation.h',
		'return Max(floor, claimed ? Min(confirmed, boot_seq) : confirmed);', 'return PG_INT64_MAX;', '010', '--faults restore,promote' ],
	[ 'claim-outlived', 'a node that has lost entries has them once it has written as many', 'src/core/incarnation.h',
		'return progress > last_seq || claimed != 0;', 'return progress > last_seq;', '010', '--faults restore,promote' ],
	[ 'moved-unknown', 'an entry that is here under its former number is applied again', 'src/core/incarnation.c',
		'if (has(former.id, former.value, stamp, arg))', 'if (false)', '034', '--faults restore,promote' ],
	[ 'moved-unnamed', 'an entry that moves does not say what its number was', 'src/store/past.c',
		'!past->lost, kept, &body', 'false, kept, &body', '034', '--faults restore,promote' ],
	[ 'parts-left-behind', 'a large transaction moves without its parts', 'src/store/past.c',
		'"WHERE origin = $1 AND seq < 0 AND seq IN "', '"WHERE false AND origin = $1 AND seq < 0 AND seq IN "', '034', '--faults restore,promote' ],

	# --- deleted rows, and when they are forgotten
	[ 'tombstone-dropped', 'every tombstone counts as forgotten', 'src/store/capture.c',
		'if (cvg_tombstone_forgotten(db, out->state))', 'if (out->state.len > 0)', '004' ],
	[ 'insert-looks-once', 'an insert that had to wait does not look for a tombstone again', 'src/store/capture.c',
		'if (!find_tombstone(db, rel, *slot, false, &grave))', 'if (true || !find_tombstone(db, rel, *slot, false, &grave))', '003', '--faults stop_worker,pair_cut,delay_jitter' ],
	[ 'buried-not-seen', 'a row that comes back while it is deleted elsewhere is not looked for among the dead once more', 'src/worker/apply_row.c',
		'if (!cvg_progress_delete_possible(w->ap, w->deleters) ||', 'if (true ||', '017' ],
	[ 'horizon-overclaims', 'the horizon passes transactions in flight', 'src/core/horizon.h',
		'if (first_stamp - 1 < h->stamp)', 'if (h->stamp == 0)', '003', '--forget' ],
	[ 'ceiling-ignored', 'a horizon is told that stamps after a crash may fall below', 'src/core/horizon.h',
		'if (h->stamp > ceiling)', 'if (ceiling < 0)', '008', '--forget --faults kill_postmaster,clock_back,clock_step' ],
	[ 'report-out-of-band', 'a report counts before the writes that precede it are here', 'src/core/stability.c',
		"if (progress(report->replica_id, arg) < report->last_seq)\n\t\treturn false;", '', '004', '--forget --faults pair_cut,oneway_cut,delay_jitter,node_cut' ],
	[ 'retention-ignored', 'tombstones may go as soon as they can', 'src/core/stability.c',
		'Max(Min(entries[n].value, limit), 0)', 'Max(entries[n].value, 0)', '004', '--faults restore,promote,node_cut' ],
	[ 'stable-not-joined', 'what is stable at the origin of an entry is not learned', 'src/worker/apply_progress.c',
		'adopt_stable(ap, stable, true);', 'return;', '027', '--forget --faults pair_cut,node_cut,kill_worker' ],
	[ 'forgotten-at-once', 'a member that was removed stops counting before all know what it wrote', 'src/core/members.c',
		"if (is_forgotten(&members[i]) &&\n\t\t\t!cvg_member_settled(&members[i], members, nmembers, progress))", 'if (false)', '028' ],
	[ 'forgotten-admitted', 'a member that was removed may go on', 'src/core/members.c',
		'if ((flags & CVG_REPORT_FORGOTTEN) == 0)', 'if (true)', '028' ],

	[ 'heir-of-others', 'who comes back after having been forgotten may bring what another forgotten one wrote', 'src/core/members.c',
		'if (unheard(entry.id, entry.value, arg))', 'if (false)', '038' ],
	[ 'stranger-ignored', 'the stable clock moves on while there are entries of nobody known', 'src/core/members.c',
		'if (has_stranger(progress, node_name, members, nmembers))', 'if (false)', '028' ],

	# --- rows set aside
	[ 'last-claim-stays', 'of rows that exclude each other the last one is visible', 'src/core/claims.c',
		'return c != 0 ? c : cvg_slice_cmp(x->key, y->key);', 'return c != 0 ? -c : cvg_slice_cmp(x->key, y->key);', '013' ],
	[ 'rank-of-birth', 'a claim by an update counts as old as the row', 'src/core/claims.c',
		'return rank.stamp != 0 ? rank : cvg_rowstate_birth(state);', 'return cvg_rowstate_birth(state);', '013' ],
	[ 'aside-not-settled', 'a key that is set aside and inserted again stays in two places', 'src/worker/quarantine.c',
		'merged |= cvg_row_merge_shelved(claims->ap, claims->store, CVG_T_QUARANTINE, &(*shelf)[i]);', ';', '013', '--faults pair_cut,node_cut,delay_jitter' ],
	[ 'blind-insert', 'an insert does not look whether a row of its key is set aside', 'src/store/capture.c',
		'return settle_aside(db, relation, rel, state, slot);', 'return state;', '037' ],
	[ 'release-over-grave', 'a row becomes visible again beside the tombstone of one that was there meanwhile', 'src/worker/quarantine.c',
		'(void) cvg_row_merge_shelved(claims->ap, claims->store, CVG_T_TOMBSTONES, &grave);', 'return true;', '037' ],
	[ 'aside-horizon-moves', 'the own horizon moves on while rows are set aside', 'src/core/horizon.h',
		'if (aside)', 'if (false)', '027', '--forget' ]);
my %mutant = map { $_->[0] => $_ } @mutants;

# The file as it is with the mistake.
sub changed
{
	my ($m, $tree) = @_;
	my ($path, $from, $to) = ("$tree/$m->[2]", @$m[ 3, 4 ]);
	open my $in, '<', $path or die "$path: $!\n";
	my $text = do { local $/; <$in> };
	close $in;
	my $n = () = $text =~ /\Q$from\E/g;
	die "$m->[0]: the text to replace is there $n times in $m->[2]: this mutant has to be written anew\n" if $n != 1;
	return $text =~ s/\Q$from\E/$to/r;
}

sub change
{
	my ($m, $tree) = @_;
	my $text = changed($m, $tree);
	open my $out, '>', "$tree/$m->[2]" or die "$m->[2]: $!\n";
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

# Lines of RESULTS: name, id, level, result, seconds, why; the last one counts.
sub table
{
	my ($results) = @_;
	my @levels = qw(unit sim isolation tap torture);
	my %found;
	open my $in, '<', $results or die "$results: $!\n";
	while (<$in>)
	{
		chomp;
		my ($name, undef, $level, $result, undef, $why) = split /\t/, $_, 6;
		$found{$name}{$level} = $result . ($result eq 'caught' && $level =~ /tap/ && $why =~ /^(\d{3})/ ? " ($1)" : '');
	}
	print '| mutant | what is wrong | ', join(' | ', @levels), " |\n|", ' --- |' x (2 + @levels), "\n";
	for my $m (@mutants)
	{
		print "| `$m->[0]` | $m->[1] | ", join(' | ', map { $found{ $m->[0] }{$_} // '' } @levels), " |\n";
	}
}

my ($command, $name, $tree) = @ARGV;
$command //= '';
if ($command eq 'list') { print "$_->[0]\n" for @mutants; exit }
if ($command eq 'check') { eval { changed($_, "$FindBin::Bin/../.."); 1 } or print $@ for @mutants; exit }
if ($command eq 'table') { table($name); exit }
my $m = $mutant{ $name // '' } or die "no mutant " . ($name // '') . "\n";
if ($command eq 'tap') { print join(' ', map { glob "test/t/$_*.pl" } split ' ', $m->[5]), "\n" }
elsif ($command eq 'torture') { print $m->[6] // '', "\n" }
elsif ($command eq 'says') { print "$m->[1]\n" }
elsif ($command eq 'file') { print "$m->[2]\n" }
elsif ($command eq 'id') { print substr(md5_hex(join "\0", @$m[ 2 .. 4 ]), 0, 8), "\n" }
elsif ($command eq 'apply')
{
	keep("$tree/$m->[2]", "$tree/$m->[2].orig");
	change($m, $tree);
}
elsif ($command eq 'revert')
{
	keep("$tree/$m->[2].orig", "$tree/$m->[2]");
	unlink "$tree/$m->[2].orig";
}
else { die "usage: mutants.pl list | check | table RESULTS | says NAME | tap NAME | torture NAME | file NAME | id NAME | apply NAME TREE | revert NAME TREE\n" }
