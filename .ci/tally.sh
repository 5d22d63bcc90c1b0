# Runs steps and keeps the count; sourced by .ci/run. A step that could not run counts as failed.
# shellcheck shell=bash

passed=0
failed=0
broken=()
log=$(mktemp)

# attempt NAME COMMAND...: runs it, shows and keeps what it prints, gives its exit code.
attempt() {
  local name=$1 started=$SECONDS code=0
  shift
  printf '\n== %s\n' "$name"
  "$@" 2>&1 | tee "$log" || code=$?
  printf -- '-- %s: %s after %d s\n' "$name" "$([[ $code == 0 ]] && echo ok || echo FAILED)" $((SECONDS - started))
  return "$code"
}

# gate NAME COMMAND...: has to succeed; not a test, so it counts only when it does not.
gate() {
  attempt "$@" && return
  failed=$((failed + 1))
  broken+=("$1")
}

# tests NAME FORMAT COMMAND...: adds what the runner counted, read in one of the formats below.
tests() {
  local name=$1 format=$2 code=0 good bad
  shift 2
  attempt "$name" "$@" || code=$?
  good=$("count_$format" good <"$log")
  bad=$("count_$format" bad <"$log")
  # Nothing ran, or it broke without saying which test failed.
  if ((code == 0 && good + bad == 0)) || ((code != 0 && bad == 0)); then bad=1; fi
  passed=$((passed + good))
  failed=$((failed + bad))
  ((bad == 0)) || broken+=("$name")
}

# sum PATTERN: adds up the numbers in what matches, on standard input, colours taken away.
sum() {
  sed 's/\x1b\[[0-9;]*m//g' | { grep -oE "$1" || true; } | { grep -oE '[0-9]+' || true; } | awk '{ n += $1 } END { print n + 0 }'
}

# "Summary [ 1.2s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 2 skipped"
count_nextest() {
  local what='[0-9]+ passed'
  [[ $1 == good ]] || what='[0-9]+ (failed|timed out|exec failed|failed to execute)'
  { grep -aE 'Summary.*tests? run:' || true; } | sum "$what"
}

# "test result: ok. 7 passed; 1 failed; 0 ignored; ..."
count_cargo() {
  local what='[0-9]+ passed'
  [[ $1 == good ]] || what='[0-9]+ failed'
  { grep -aE '^test result:' || true; } | sum "$what"
}

# "# pass 7", "# fail 1", "# cancelled 0"
count_node() {
  local what='^# pass [0-9]+$'
  [[ $1 == good ]] || what='^# (fail|cancelled) [0-9]+$'
  sum "$what"
}

# The one closing line; fails when anything did.
close() {
  ((${#broken[@]} == 0)) || printf '\nbroken: %s\n' "$(IFS=';' && echo "${broken[*]}")"
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0 && passed > 0))
}
