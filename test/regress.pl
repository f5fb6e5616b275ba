#!/usr/bin/perl
# Filter for the output of pg_regress and pg_isolation_regress: passes it
# through and ends with "N passed, N failed".  Its exit code is 1 when a test
# failed or none was seen.   make installcheck 2>&1 | regress.pl
use strict;
use warnings;

$| = 1;
my ($passed, $failed) = (0, 0);
while (<STDIN>)
{
	print;
	# 15: "test vclock    ... ok   33 ms"; 16 and later: "ok 1   - vclock   33 ms"
	if (/^\s*(?:test\s+)?\S+\s+\.\.\. ok\b/ || /^ok \d+\s+[-+] /) { $passed++ }
	elsif (/^\s*(?:test\s+)?\S+\s+\.\.\. FAILED/ || /^not ok \d+\s+[-+] /) { $failed++ }
	elsif (/^pg_\w*regress: error|initdb failed|Bail out!/) { $failed++ }
}
$failed++ if !$passed && !$failed;
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
