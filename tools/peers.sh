#!/bin/sh
# Installs what `make interop` needs and Debian has, where this user may; says what could not be installed.
#   sh tools/peers.sh PROGRAM=PACKAGE …
set -u
missing=""
for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null 2>&1 || missing="$missing ${pair#*=}"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of packages
    apt-get update -q >/dev/null && apt-get install -qy --no-install-recommends $missing >/dev/null && exit 0
fi
echo "make interop needs these Debian packages, which could not be installed here:$missing" >&2
exit 1
