#!/usr/bin/env bash
# run.sh [short]             every target a bounded number of runs, the same each time
# run.sh long [TARGET] [S]   one target, or each of them, for so many seconds (60), from where the last run ended
set -euo pipefail
cd "$(dirname "$0")"

cache=${SNUG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/snug}
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-../target}/fuzz"
# The instruments are flags of an unstable compiler; this lets a stable one take them.
export RUSTC_BOOTSTRAP=1
export PATH="$cache/tools/bin:$PATH"

# Runs, and bytes of an input at most.
targets=(frame socket token proxy turn room peer_description peer_media peer_page peer_network peer_commands)
declare -A runs=([frame]=150000 [socket]=100000 [token]=40000 [proxy]=60000 [turn]=4000 [room]=2500
  [peer_description]=12000 [peer_media]=5000 [peer_page]=5000 [peer_network]=2500 [peer_commands]=400)
declare -A most=([frame]=2048 [socket]=2048 [token]=1024 [proxy]=256 [turn]=1500 [room]=1200
  [peer_description]=4096 [peer_media]=2048 [peer_page]=2048 [peer_network]=1024 [peer_commands]=1024)

ready() {
  command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked --quiet --root "$cache/tools"
  cargo fuzz build --sanitizer none
}

# The messages that the protocol's fixtures pin are frames to begin with.
seeds() {
  [ -d "seeds/$1" ] && printf '%s\n' "seeds/$1"
  [ "$1" != frame ] || printf '%s\n' ../crates/protocol/fixtures/client
}

run() {
  local target=$1 corpus=$2
  shift 2
  local folders
  mapfile -t folders < <(seeds "$target")
  mkdir -p "$corpus"
  cargo fuzz run --sanitizer none "$target" "$corpus" "${folders[@]}" -- -max_len="${most[$target]}" -timeout=20 -rss_limit_mb=2048 "$@"
}

short() {
  local target corpus
  ready
  for target in "${targets[@]}"; do
    printf 'fuzzing %s: %s runs\n' "$target" "${runs[$target]}"
    corpus=$(mktemp -d)
    # What it says is worth reading where it fails.
    if ! run "$target" "$corpus" -runs="${runs[$target]}" -seed=1 -verbosity=0 >"$corpus.log" 2>&1; then
      cat "$corpus.log" >&2
      exit 1
    fi
    rm -rf "$corpus" "$corpus.log"
  done
}

long() {
  local target chosen=("${targets[@]}")
  [ $# -eq 0 ] || chosen=("$1")
  ready
  for target in "${chosen[@]}"; do
    printf 'fuzzing %s for %s s\n' "$target" "${2:-60}"
    run "$target" "corpus/$target" -max_total_time="${2:-60}"
  done
}

case "${1:-short}" in
  short) short ;;
  long) shift; long "$@" ;;
  *) printf 'run.sh [short] | long [TARGET] [SECONDS]\n' >&2; exit 2 ;;
esac
