#!/usr/bin/env bash
# libs.sh FOLDER: the arm64 libraries the kernel tests link (Check, jansson), unpacked from Debian's
# packages into FOLDER. Nothing is installed, and the system's package lists stay as they are.
set -eu
root=$1
[ ! -e "$root/done" ] || exit 0
rm -rf "$root"
mkdir -p "$root/apt/lists/partial" "$root/apt/archives/partial" "$root/debs"
root=$(cd "$root" && pwd)
: > "$root/apt/status"
apt() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User=root \
        -o Dir::State::Lists="$root/apt/lists" -o Dir::State::status="$root/apt/status" \
        -o Dir::Cache="$root/apt" -o Debug::NoLocking=1 "$@"
}
apt update
(cd "$root/debs" && apt download check libsubunit-dev libjansson-dev)
for deb in "$root"/debs/*.deb; do dpkg -x "$deb" "$root"; done
rm -rf "$root/apt" "$root/debs"
touch "$root/done"
