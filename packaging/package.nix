# The package itself: `nix build` in the tree (flake.nix), or callPackage from anywhere.
{ lib, stdenv, pkg-config, jansson, pcre2, nettle, xxHash, libarchive, zlib, check, jq, bash }:

stdenv.mkDerivation {
  pname = "ggtool";
  version =
    let line = lib.findFirst (lib.hasPrefix "VERSION :=") "" (lib.splitString "\n" (builtins.readFile ../Makefile));
    in lib.removePrefix "VERSION := " line;
  src = lib.cleanSource ../.;

  strictDeps = true;
  nativeBuildInputs = [ pkg-config ];
  buildInputs = [ jansson pcre2 nettle xxHash libarchive zlib ];
  nativeCheckInputs = [ jq ];
  checkInputs = [ check ];
  enableParallelBuilding = true;

  postPatch = "patchShebangs packaging tests";
  makeFlags = [ "PREFIX=$(out)" ];
  doCheck = stdenv.buildPlatform.canExecute stdenv.hostPlatform;
  checkTarget = "check-quick";

  meta = {
    description = "Look at GGUF models, convert, quantize, compare, check and edit them";
    license = lib.licenses.mit;
    mainProgram = "ggtool";
    platforms = lib.platforms.unix;
  };
}
