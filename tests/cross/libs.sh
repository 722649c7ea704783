#!/usr/bin/env bash
# libs.sh ARCH FOLDER PACKAGE...: what the packages of another Debian architecture hold, and all they need,
# unpacked into FOLDER. Nothing is installed, and the system's package lists stay as they are.
set -eu
arch=$1 root=$2
shift 2
[ "$(cat "$root/done" 2>/dev/null)" != "$*" ] || exit 0
rm -rf "$root"
mkdir -p "$root/apt/lists/partial" "$root/apt/archives/partial"
root=$(cd "$root" && pwd)
: > "$root/apt/status"
apt() {
    apt-get -qq -o APT::Architecture="$arch" -o APT::Architectures::="$arch" -o APT::Sandbox::User=root \
        -o Dir::State::Lists="$root/apt/lists" -o Dir::State::status="$root/apt/status" \
        -o Dir::Cache="$root/apt" -o Debug::NoLocking=1 "$@"
}
apt update || true # one mirror of several may be out of step
apt install --download-only --no-install-recommends -y "$@"
# The cross compiler has these.
rm -f "$root"/apt/archives/{libc6-dev,linux-libc-dev}_*
for deb in "$root"/apt/archives/*.deb; do dpkg -x "$deb" "$root"; done
rm -rf "$root/apt"
echo "$*" > "$root/done"
