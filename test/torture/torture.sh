#!/usr/bin/env bash
# test/torture/torture.sh WORK BIN SECONDS [run.pl's options]: one run of the torture
# and its check, in an existing work folder with a built and installed
# extension.  Prints "N passed, N failed" for each part.
#
# As root, where mount, network and process namespaces can be made, the nodes
# live in those and everything ends with this script, whatever happens to it.
# Elsewhere, or with LOOPBACK set, the nodes are processes behind a proxy.
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$1 bin=$2 seconds=$3
shift 3
user=${CVG_USER:-}

rm -rf "$work"
mkdir -p "$work"
gcc -O2 -Wall -Wextra -o "$work/netswitch" "$here/netswitch.c" || exit 1
gcc -O2 -Wall -Wextra -shared -fPIC -o "$work/shim.so" "$here/shim.c" -ldl || exit 1
chmod 755 "$work"
[ -z "$user" ] || chown "$user:" "$work"

options=(--work "$work" --bin "$bin" --seconds "$seconds" "$@")
[ -z "$user" ] || options+=(--user "$user")
if [ -z "${LOOPBACK:-}" ] && [ "$(id -u)" = 0 ] && unshare -mnp --fork --kill-child --mount-proc true 2>/dev/null; then
	# ip netns wants its own folder to mount in
	unshare -mnp --fork --kill-child --mount-proc sh -c 'mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && exec perl "$@"' \
		sh "$here/run.pl" "${options[@]}"
elif [ "$(id -u)" = 0 ]; then
	if [ -n "${LOOPBACK:-}" ]; then echo "# loopback, as asked for"; else echo "# namespaces are refused here: loopback"; fi
	setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups perl "$here/run.pl" --loopback "${options[@]}"
else
	perl "$here/run.pl" --loopback "${options[@]}"
fi
rc=$?
perl "$here/check.pl" "$work"/history/*.hist || rc=1
exit $rc
