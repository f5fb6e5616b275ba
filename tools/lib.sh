# tools/lib.sh: what the test, demo, bench and coverage scripts share.
#
# Sourced by bash.  All of them work the same way: nothing is installed into
# the system.  A temporary work folder gets a copy of the source tree and a
# private copy of the PostgreSQL installation (PostgreSQL finds its files
# relative to its own binary), the extension is built and installed there, and
# every server runs there as an unprivileged user on Unix sockets inside the
# folder.  Whatever the outcome, the folder goes away at the end, unless KEEP
# is set.

set -euo pipefail

CVG_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CVG_WORK=${CVG_WORK:-}
CVG_USER=${CVG_USER:-}

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# Can this pg_config's server be built against and run?  The build rules come
# with Debian's client package, so the headers are looked for on their own.
cvg_usable_pg_config()
{
	[ -x "$1" ] && [ -f "$("$1" --pgxs)" ] && [ -f "$("$1" --includedir-server)/postgres.h" ] &&
		[ -x "$("$1" --bindir)/initdb" ]
}

# The server version to build against: PG_CONFIG if given, else the newest
# released one whose server headers are here; 19 where there is no other.
cvg_find_pg_config()
{
	local v c

	if [ -n "${PG_CONFIG:-}" ]; then
		printf '%s\n' "$PG_CONFIG"
		return 0
	fi
	for v in 18 17 16 15 19; do
		c=/usr/lib/postgresql/$v/bin/pg_config
		if cvg_usable_pg_config "$c"; then
			printf '%s\n' "$c"
			return 0
		fi
	done
	if c=$(command -v pg_config) && cvg_usable_pg_config "$c"; then
		# On Debian this may be a wrapper: name the real one.
		printf '%s\n' "$("$c" --bindir)/pg_config"
		return 0
	fi
	return 1
}

# Run a command as the unprivileged user (PostgreSQL refuses to run as root).
as_user()
{
	if [ -n "$CVG_USER" ]; then
		setpriv --reuid="$CVG_USER" --regid="$(id -g "$CVG_USER")" --clear-groups \
			env HOME="$CVG_WORK" USER="$CVG_USER" LOGNAME="$CVG_USER" "$@"
	else
		"$@"
	fi
}

# Make the work folder, pick the user, copy the tree.  Sets CVG_WORK, CVG_USER,
# CVG_SRC.
cvg_work_begin()
{
	if [ "$(id -u)" = 0 ] && [ -z "$CVG_USER" ]; then
		if id postgres >/dev/null 2>&1; then
			CVG_USER=postgres
		else
			CVG_USER=converge-test
			id "$CVG_USER" >/dev/null 2>&1 ||
				useradd --system --no-create-home --shell /bin/sh "$CVG_USER"
		fi
	fi
	if [ -z "$CVG_WORK" ]; then
		CVG_WORK=$(mktemp -d "${TMPDIR:-/tmp}/pg_converge.XXXXXX")
	fi
	mkdir -p "$CVG_WORK"
	CVG_SRC=$CVG_WORK/src
	trap 'cvg_work_end' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	cvg_copy_tree
	if [ -n "$CVG_USER" ]; then
		chown -R "$CVG_USER:" "$CVG_WORK"
	fi
	chmod 755 "$CVG_WORK"
}

# The tree without its history and without what builds and tests leave.
cvg_copy_tree()
{
	rm -rf "$CVG_SRC"
	mkdir -p "$CVG_SRC"
	tar -C "$CVG_ROOT" -cf - --exclude=./.git --exclude='*.o' --exclude='*.bc' \
		--exclude='*.so' --exclude='*.gcno' --exclude='*.gcda' \
		--exclude='./tmp_check*' --exclude='./results' --exclude='./output_iso' \
		--exclude='./log' --exclude='./coverage' --exclude='./test/unit/build' \
		--exclude='./test/fuzz/build' . | tar -C "$CVG_SRC" -xf -
}

# At exit: stop servers of ours that still run, remove the folder.
cvg_work_end()
{
	local rc=$? pidfile pid

	trap - EXIT HUP INT TERM
	if [ -n "${CVG_KEEP:-}" ]; then
		exit $rc
	fi
	while IFS= read -r pidfile; do
		pid=$(head -n 1 "$pidfile" 2>/dev/null) || continue
		kill -QUIT "$pid" 2>/dev/null || true
	done < <(find "$CVG_WORK" -name postmaster.pid 2>/dev/null)
	for pid in $(jobs -p); do
		kill "$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	rm -rf "$CVG_WORK" 2>/dev/null || { sleep 1; rm -rf "$CVG_WORK" || true; }
	exit $rc
}

# A private copy of the installation that pg_config names, below
# $CVG_WORK/pg; sets PG_CONFIG to the one in it.  Programs are copied (a
# symbolic link would lead PostgreSQL back to its old home); libraries and
# shared files are linked, one by one where the extension adds its own.
cvg_private_install()
{
	local orig=$1 bin lib share inc d

	bin=$("$orig" --bindir) lib=$("$orig" --pkglibdir) share=$("$orig" --sharedir)
	inc=$("$orig" --includedir)
	CVG_PG=$CVG_WORK/pg
	as_user mkdir -p "$CVG_PG$bin" "$CVG_PG$lib" "$CVG_PG$share/extension"
	as_user cp -L "$bin"/* "$CVG_PG$bin/" 2>/dev/null || true
	as_user find "$lib" -mindepth 1 -maxdepth 1 ! -name 'pg_converge*' \
		-exec ln -sfn -t "$CVG_PG$lib" {} +
	as_user find "$share" -mindepth 1 -maxdepth 1 ! -name extension \
		-exec ln -sfn -t "$CVG_PG$share" {} +
	as_user find "$share/extension" -mindepth 1 -maxdepth 1 ! -name 'pg_converge*' \
		-exec ln -sfn -t "$CVG_PG$share/extension" {} +
	for d in "$inc" "$("$orig" --includedir-server)" "$("$orig" --libdir)"; do
		if [ ! -e "$CVG_PG$d" ]; then
			as_user mkdir -p "$CVG_PG$(dirname "$d")"
			as_user ln -sfn "$d" "$CVG_PG$d"
		fi
	done
	PG_CONFIG=$CVG_PG$bin/pg_config
	CVG_BIN=$CVG_PG$bin
	as_user "$PG_CONFIG" --bindir >/dev/null || die "the private copy of PostgreSQL in $CVG_PG does not run"
	[ "$(as_user "$PG_CONFIG" --bindir)" = "$CVG_BIN" ] ||
		die "this PostgreSQL installation cannot be copied: $PG_CONFIG --bindir says $("$PG_CONFIG" --bindir)"
	export PG_CONFIG CVG_BIN CVG_PG
}

# Build the tree in the work folder and install it into the private copy.
# Arguments go to make.
cvg_build_install()
{
	local log=$CVG_WORK/build.log

	if ! as_user make --no-print-directory -C "$CVG_SRC" -j "$(nproc)" with_llvm=no \
		PG_CONFIG="$PG_CONFIG" "$@" all >"$log" 2>&1; then
		cat "$log" >&2
		return 1
	fi
	if ! as_user make --no-print-directory -C "$CVG_SRC" with_llvm=no \
		PG_CONFIG="$PG_CONFIG" "$@" install >>"$log" 2>&1; then
		tail -n 30 "$log" >&2
		return 1
	fi
}

# One small server for demo and bench: cvg_initdb DIR PORT, then cvg_start DIR.
# Sockets live in the work folder, so the port is only part of a file name and
# cannot clash with anything.
cvg_initdb()
{
	local dir=$1 port=$2

	as_user "$CVG_BIN/initdb" -D "$dir" -A trust -U postgres -E UTF8 --no-locale --no-sync >/dev/null ||
		die "initdb failed for $dir"
	as_user tee -a "$dir/postgresql.conf" >/dev/null <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$CVG_WORK'
		port = $port
		fsync = off
		log_line_prefix = '%m [%p] %q%a '
		logging_collector = off
		max_worker_processes = 32
		max_connections = 60
	CONF
}

cvg_start()
{
	as_user "$CVG_BIN/pg_ctl" -D "$1" -l "$1.log" -w -s start ||
		{ tail -n 20 "$1.log" >&2; die "could not start the server in $1"; }
}

cvg_stop()
{
	as_user "$CVG_BIN/pg_ctl" -D "$1" -w -s -m fast stop || true
}

# psql for scripts: q PORT DATABASE SQL
q()
{
	as_user "$CVG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$CVG_WORK" -p "$1" \
		-U postgres -d "$2" -c "$3"
}

# Poll a query until it prints the expected text: until_q PORT DB SQL TEXT SECONDS
until_q()
{
	local deadline=$((SECONDS + $5))

	until [ "$(q "$1" "$2" "$3" 2>/dev/null)" = "$4" ]; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.1
	done
}

# Which clang, empty if none.
newest_clang()
{
	local v

	for v in 21 20 19 18 17 16 15 14; do
		command -v "clang-$v" >/dev/null && { echo "clang-$v"; return 0; }
	done
	return 0
}

# A clang that has libFuzzer.
find_fuzzer()
{
	local c

	for c in $(newest_clang) clang; do
		if command -v "$c" >/dev/null && echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return 0; }' |
			"$c" -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null; then
			echo "$c"
			return 0
		fi
	done
	return 1
}
