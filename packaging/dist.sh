#!/usr/bin/env bash
# dist.sh [FOLDER]: the source tarball and its checksum in FOLDER (dist), with the package descriptions
# that name them: a Homebrew formula, a PKGBUILD, an RPM spec (also in the tarball). URL says where the
# tarball will be found (the folder itself).
set -eu
cd "$(dirname "$0")/.."
dist=${1:-dist}
mkdir -p "$dist"
dist=$(cd "$dist" && pwd)
: "${URL:=file://$dist}"
version=$(sed -n 's/^VERSION *:= *//p' Makefile)
date=$(sed -n 's/^DATE *:= *//p' Makefile)
name=ggtool-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fill() { # what the checksum is; a template on stdin
    sed -e "s|@VERSION@|$version|g; s|@URL@|$URL|g; s|@SHA256@|$1|g"
}

mkdir "$work/$name"
packaging/sources.sh | tar -cf - -T - | tar -xf - -C "$work/$name"
fill '' < packaging/release/ggtool.spec.in > "$work/$name/ggtool.spec"
chmod -R u=rwX,go=rX "$work/$name"
tar -C "$work" --sort=name --mtime="$date 00:00:00 UTC" --owner=0 --group=0 --numeric-owner \
    --format=gnu -cf - "$name" | gzip -9n > "$dist/$name.tar.gz"
(cd "$dist" && sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256")
sum=$(cut -d ' ' -f 1 "$dist/$name.tar.gz.sha256")
for f in ggtool.rb PKGBUILD ggtool.spec; do fill "$sum" < "packaging/release/$f.in" > "$dist/$f"; done
