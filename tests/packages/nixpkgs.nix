# What flake.nix gives, evaluated against stand-ins for the parts of nixpkgs it asks for.
let
  lib = {
    genAttrs = names: f: builtins.listToAttrs (map (name: { inherit name; value = f name; }) names);
    mapAttrs = builtins.mapAttrs;
    findFirst = ok: other: list: let found = builtins.filter ok list; in if found == [ ] then other else builtins.head found;
    hasPrefix = p: s: builtins.substring 0 (builtins.stringLength p) s == p;
    removePrefix = p: s: builtins.substring (builtins.stringLength p) (builtins.stringLength s) s;
    splitString = sep: s: builtins.filter builtins.isString (builtins.split sep s);
    cleanSource = path: path;
    licenses.mit = "MIT";
    platforms.unix = [ ];
  };
  libraries = builtins.listToAttrs (map (name: { inherit name; value = name; })
    [ "jansson" "pcre2" "nettle" "xxHash" "libarchive" "zlib" "check" "jq" "bash" "clang" "tmux" "zsh" "fish" "mandoc" "universal-ctags" "pkg-config" ]);
  pkgs = system: libraries // {
    inherit system lib;
    stdenv = { mkDerivation = a: a // { outPath = "/out"; }; buildPlatform.canExecute = _: true; hostPlatform = { }; };
    mkShell = a: a;
    callPackage = f: _: let g = import f; in g (builtins.intersectAttrs (builtins.functionArgs g) (pkgs system));
  };
  nixpkgs = { inherit lib; legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ] pkgs; };
  flake = import ../../flake.nix;
  self = flake.outputs { inherit self nixpkgs; };
  package = self.packages.aarch64-linux.default;
in
builtins.deepSeq (builtins.length self.devShells.x86_64-linux.default.packages) {
  inherit (package) version pname;
  inputs = package.buildInputs;
  program = self.apps.x86_64-linux.default.program;
}
