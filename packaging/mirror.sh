#!/usr/bin/env bash
# mirror.sh SUITE: where this machine gets Debian's SUITE from. Say MIRROR= to take another.
set -eu
[ -z "${MIRROR:-}" ] || { echo "$MIRROR"; exit; }
found=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' | awk -v s="$1" '$1 == s { print $2; exit }')
[ -n "$found" ] || { echo "mirror: apt knows none of Debian's $1; MIRROR=URL names one" >&2; exit 1; }
echo "$found"
