# Loaded by PERL5OPT into TAP tests: the first failure ends the file.  A broken
# build makes most of what follows wait in vain.
package FailFast;

use strict;
use warnings;
use Test::Builder;

my $ok = Test::Builder->can('ok');
{
	no warnings 'redefine';
	*Test::Builder::ok = sub {
		my ($self, $result, @rest) = @_;
		local $Test::Builder::Level = $Test::Builder::Level + 1;
		my $good = $self->$ok($result, @rest);
		exit 1 unless $good || $self->in_todo;
		return $good;
	};
}

1;
