# Sourced: a compiler that knows wasm32-unknown-unknown.
# shellcheck shell=bash

# wasm_compiler: sees to it that cargo has one. That of rust-toolchain.toml, for which rustup brings the target; or where it
# cannot, or WASM_COMPILER=debian asks for it, the one that Debian backports.
wasm_compiler() {
  if [ "${WASM_COMPILER:-rustup}" = rustup ] && rustup target add wasm32-unknown-unknown; then
    return
  fi
  echo "-- with Debian's compiler"
  local root host
  root=$TOOLS/debian-rust
  [ -x "$root/rustc" ] || unpack_rustc "$root"
  host=$(rustc --version --verbose | sed -n 's/^host: //p')
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld
  RUSTC=$root/rustc
  export RUSTC CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
  "$RUSTC" --version
}

# unpack_rustc DIR: from the mirror that this machine uses, by apt and so with Debian's signatures, with lists of its own:
# nothing is installed, and the machine's own lists stay as they are. Runs with the C library that comes along.
unpack_rustc() {
  local root=$1 release=trixie mirror package
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
  rm -rf "$root"
  mkdir -p "$root"/{lists/partial,cache/archives/partial}
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
    "$mirror" "$release" "$mirror" "$release-backports" >"$root/sources.list"
  private_apt "$root" update -qq
  private_apt "$root" install -qq --download-only --no-install-recommends --target-release "$release-backports" \
    rustc libstd-rust-dev-wasm32
  for package in "$root"/cache/archives/{lib,rustc}*.deb; do
    dpkg -x "$package" "$root"
  done
  rm -rf "$root"/{lists,cache} "$root"/usr/lib/rustlib/wasm32-wasi*
  cat >"$root/rustc" <<END
#!/bin/sh
exec '$root/usr/lib64/ld-linux-x86-64.so.2' --library-path '$root/usr/lib/x86_64-linux-gnu' \\
  '$root/usr/bin/rustc' --sysroot '$root/usr' "\$@"
END
  chmod +x "$root/rustc"
}

private_apt() {
  local root=$1
  shift
  apt-get -y -o "Dir::Etc::SourceList=$root/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o "Dir::State::Lists=$root/lists" -o "Dir::Cache=$root/cache" -o Dir::State::status=/dev/null \
    -o APT::Sandbox::User=root "$@"
}
