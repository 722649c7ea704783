{
  description = "Look at GGUF models, convert, quantize, compare, check and edit them";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      each = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
    in
    {
      packages = each (pkgs: { default = pkgs.callPackage ./packaging/package.nix { }; });

      apps = nixpkgs.lib.mapAttrs
        (system: packages: {
          default = { type = "app"; program = "${packages.default}/bin/ggtool"; };
        })
        self.packages;

      devShells = each (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.system}.default ];
          packages = with pkgs; [ clang universal-ctags tmux zsh fish mandoc ];
        };
      });
    };
}
