#!/usr/bin/env bash
# deb.sh [FOLDER]: the Debian packages, built from a copy of the tree, in FOLDER (dist).
# WORK says where the copy is made (build/deb). DEB_BUILD_OPTIONS as always; `nocheck` skips the tests.
set -eu
cd "$(dirname "$0")/.."
dist=${1:-dist} work=${WORK:-build/deb}
for tool in dpkg-buildpackage dh; do
    command -v $tool > /dev/null || { echo "deb: $tool is missing (Debian: dpkg-dev, debhelper)" >&2; exit 77; }
done
version=$(sed -n 's/^VERSION *:= *//p' Makefile)
[ "$(dpkg-parsechangelog -l packaging/debian/changelog -S Version)" = "$version" ] ||
    { echo "deb: packaging/debian/changelog is not about $version" >&2; exit 1; }
rm -rf "$work"
mkdir -p "$work/ggtool-$version" "$dist"
packaging/sources.sh | tar -cf - -T - | tar -xf - -C "$work/ggtool-$version"
mv "$work/ggtool-$version/packaging/debian" "$work/ggtool-$version/debian"
(cd "$work/ggtool-$version" && env -u MAKEFLAGS -u MFLAGS dpkg-buildpackage -us -uc ${DEB_BUILD_TYPE:-} > ../log 2>&1) ||
    { tail -40 "$work/log" >&2; exit 1; }
find "$work" -maxdepth 1 -type f ! -name log -exec mv {} "$dist" \;
