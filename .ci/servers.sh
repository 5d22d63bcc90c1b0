# Servers that the tests need: started on free ports of the loopback address, in a folder that goes away with them.
# shellcheck shell=bash

servers=$(mktemp -d)

stop_servers() {
  [[ -f $servers/postgres/postmaster.pid ]] && as_postgres pg_ctl -D "$servers/postgres" -m immediate -s stop
  rm -rf "$servers"
}

# Where the server's programs are: Debian keeps them off the PATH.
postgres_bin() {
  local found
  found=$(find /usr/lib/postgresql -name initdb -path '*/bin/*' 2>/dev/null | sort -V | tail -n 1)
  found=${found:-$(command -v initdb)}
  [[ -n $found ]] && dirname "$found"
}

# PostgreSQL refuses to run as root.
as_postgres() {
  local program=$1
  shift
  if [[ $(id -u) -eq 0 ]]; then
    runuser -u postgres -- "$(postgres_bin)/$program" "$@"
  else
    "$(postgres_bin)/$program" "$@"
  fi
}

# A port that was free a moment ago.
free_port() {
  node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# A server of its own, with the settings for durability that it comes with. Its address is in `postgres.url` beside it.
start_postgres() {
  local port data=$servers/postgres
  port=$(free_port)
  chmod 755 "$servers"
  mkdir -p "$data"
  [[ $(id -u) -eq 0 ]] && chown postgres "$data"
  as_postgres initdb -D "$data" -U postgres -A trust -E UTF8 --locale C.UTF-8 >"$servers/postgres.log" 2>&1 &&
    as_postgres pg_ctl -D "$data" -s -w -l "$data/log" -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200" start >>"$servers/postgres.log" 2>&1 ||
    { cat "$servers/postgres.log" "$data/log" >&2; return 1; }
  echo "postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable" >"$servers/postgres.url"
}
