# The steps of .ci/run that are more than one command.
# shellcheck shell=bash

# `benches` has the peers behind a feature, and must never bring them into a build of the rest.
# shellcheck disable=SC2034  # used by .ci/run
tested=(--workspace --exclude benches)

# What a bare machine may lack.
tools() {
  command -v cc >/dev/null && command -v npm >/dev/null && postgres_bin >/dev/null && return
  # The tests start a server of their own.
  mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
  apt-get update -qq && apt-get install -y -qq gcc libc6-dev nodejs npm postgresql
}

lints() {
  cargo clippy --locked --keep-going --workspace --exclude benches --all-targets --all-features -- -D warnings &&
    cargo clippy --locked -p benches --all-targets -- -D warnings
}

# Links that lead nowhere are errors.
documentation() {
  RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --all-features -p whatsapp-store -p whatsapp-core -p whatsapp-campaigns \
    -p whatsapp-bots
}

# Each library with no feature, and with each of its features alone.
features_alone() {
  local library feature
  while read -r library feature; do
    echo "$library: ${feature:-no feature}"
    cargo check --quiet --locked -p "$library" --lib --no-default-features ${feature:+--features "$feature"} || return
  done < <(libraries_with_features)
}

# One line per pair; the line without a feature comes first.
libraries_with_features() {
  # shellcheck disable=SC2016  # the dollar signs are JavaScript's
  cargo metadata --no-deps --format-version 1 --locked | node -e '
    const { packages } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    for (const { name, features } of packages.filter(({ name }) => name.startsWith("whatsapp-"))) {
      const alone = Object.keys(features).filter((feature) => feature !== "default");
      for (const feature of ["", ...alone]) console.log(`${name} ${feature}`);
    }'
}

core_without_tokio() {
  local tree
  tree=$(cargo tree --locked -p whatsapp-core --no-default-features -e normal --prefix none) || return
  if grep '^tokio ' <<<"$tree"; then
    echo 'whatsapp-core depends on tokio without its default features' >&2
    return 1
  fi
}

# The programs are the debug build of this tree; each test file starts its own on free ports, and ends them.
interop() {
  (cd host-http/tests/interop && node --test --test-force-exit --test-reporter=tap)
}
