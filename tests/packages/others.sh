#!/usr/bin/env bash
# others.sh: the source tarball, and what Homebrew, Nix, Arch and Fedora are told of it, each checked and
# carried out by what is here of their tools. Ends with "packages: N passed, N failed".
work=build/packages/others
. "$(dirname "$0")/lib.sh"
rm -rf "$work"
mkdir -p "$work"
work=$root/$work

tarball_same() {
    packaging/dist.sh "$work/dist" &&
        mkdir -p "$work/away" && tar -xf "$work/dist/ggtool-$version.tar.gz" -C "$work/away" &&
        rm "$work/away/ggtool-$version/ggtool.spec" &&
        URL=file://$work/dist "$work/away/ggtool-$version/packaging/dist.sh" "$work/again" &&
        cmp "$work/dist/ggtool-$version.tar.gz" "$work/again/ggtool-$version.tar.gz"
}
# The same program, wherever it is built.
program_same() {
    local at n=0
    for at in "$work/here" "$work/a much longer way/to there"; do
        mkdir -p "$at" && tar -xf "$work/dist/ggtool-$version.tar.gz" -C "$at" --strip-components 1 &&
            "$MAKE" -C "$at" -j2 ggtool build/release/installed/libggtool.a \
                "build/release/installed/libggtool.so.$version" || return 1
    done
    for at in ggtool build/release/installed/libggtool.a "build/release/installed/libggtool.so.$version"; do
        cmp "$work/here/$at" "$work/a much longer way/to there/$at" || n=1
    done
    rm -r "$work/here" "$work/a much longer way"
    return $n
}

# ---- Homebrew --------------------------------------------------------------------------------------

# As much of Homebrew as a formula asks for: its install and test are run as they stand.
brew() {
    mkdir -p "$work/brew"
    tar -xf "$work/dist/ggtool-$version.tar.gz" -C "$work/brew"
    ruby -w tests/packages/brew.rb "$work/dist/ggtool.rb" "$work/brew/ggtool-$version" "$work/brew/keg" &&
        [ -x "$work/brew/keg/bin/ggtool" ] && [ -e "$work/brew/keg/etc/bash_completion.d/ggtool" ]
}

# ---- Arch ------------------------------------------------------------------------------------------

pkgbuild_clean() { shellcheck -s bash -e SC2034,SC2154,SC2164 "$work/dist/PKGBUILD"; }
# makepkg refuses root.
as_somebody() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$1" "${@:2}"
    else
        "${@:2}"
    fi
}
arch() {
    # Where everybody can go, and back again.
    local at
    at=$(mktemp -d) && cp "$work/dist/PKGBUILD" "$work/dist/ggtool-$version.tar.gz" "$at" &&
        sed -i "s|file://$work/dist/||; s|file://$work/dist|file://$at|" "$at/PKGBUILD" && chmod -R a+rwX "$at" || return 1
    (cd "$at" && as_somebody "$at" env CCACHE_DISABLE=1 PKGEXT=.pkg.tar makepkg --nodeps --nocheck --nosign) &&
        tar -tf "$at"/ggtool-"$version"-1-*.pkg.tar > "$work/arch.list"
    local rc=$?
    rm -rf "$at"
    [ $rc = 0 ] && grep -qx usr/bin/ggtool "$work/arch.list" &&
        grep -qx usr/share/licenses/ggtool/LICENSE "$work/arch.list"
}

# ---- Fedora ----------------------------------------------------------------------------------------

spec_clean() {
    rpmlint -c packaging/rpmlint.toml "$work/dist/ggtool.spec" > "$work/rpmlint"
    cat "$work/rpmlint"
    grep -q '; 0 errors, 0 warnings' <(sed 's/ *checked//' "$work/rpmlint")
}
rpm_built() {
    local top=$work/rpm
    rpmbuild -ta --nodeps --without check --define "_topdir $top" --define 'debug_package %{nil}' \
        "$work/dist/ggtool-$version.tar.gz" &&
        rpm -qlp "$top"/RPMS/*/ggtool-"$version"-1.*.rpm | grep -x /usr/bin/ggtool &&
        rpm -qlp "$top"/RPMS/*/ggtool-devel-*.rpm | grep -x /usr/include/ggtool/gguf.h &&
        rpm -qp --provides "$top"/RPMS/*/ggtool-libs-*.rpm | grep 'libggtool.so.0'
}

# ---- Nix -------------------------------------------------------------------------------------------

nix_parsed() { nix-instantiate --parse flake.nix > /dev/null && nix-instantiate --parse packaging/package.nix > /dev/null; }
# Evaluated against as much of nixpkgs as they ask for.
nix_evaluated() {
    NIX_STATE_DIR="$work/nix" NIX_STORE_DIR="$work/nix/store" nix-instantiate --eval --strict --json \
        tests/packages/nixpkgs.nix | tee "$work/nix.json" | jq -e --arg v "$version" \
        '.version == $v and .pname == "ggtool" and (.program | endswith("/bin/ggtool")) and (.inputs | length) == 6'
}

try 'the source tarball makes itself' tarball_same
try 'the same program from two folders' program_same
if need 'Homebrew formula' ruby; then try 'Homebrew formula: builds, installs, passes its test' brew; fi
if need PKGBUILD shellcheck; then try 'PKGBUILD: shellcheck' pkgbuild_clean; fi
if need 'PKGBUILD: makepkg' makepkg bsdtar fakeroot; then try 'PKGBUILD: makepkg' arch; fi
if need 'RPM spec' rpmlint; then try 'RPM spec: rpmlint' spec_clean; fi
if need 'RPM spec: rpmbuild' rpmbuild; then try 'RPM spec: rpmbuild' rpm_built; fi
if need 'Nix flake' nix-instantiate jq; then
    try 'Nix: parsed' nix_parsed
    try 'Nix: evaluated' nix_evaluated
fi
finish
