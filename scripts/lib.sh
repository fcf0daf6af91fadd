# shellcheck shell=bash
# What the scripts share: where the project is, how they speak. Sourced, never run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD

# Colour on a terminal only, and never against NO_COLOR.
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' YELLOW=$'\e[33m' BLUE=$'\e[36m' PLAIN=$'\e[0m'
else
    BOLD='' DIM='' RED='' GREEN='' YELLOW='' BLUE='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
head1() { printf '%s==>%s %s%s%s\n' "$BLUE" "$PLAIN" "$BOLD" "$*" "$PLAIN"; }
warn() { printf '%swarning:%s %s\n' "$YELLOW" "$PLAIN" "$*" >&2; }
# fail MESSAGE [WHAT TO DO...]: the last words of a script.
fail() {
    printf '%serror:%s %s\n' "$RED" "$PLAIN" "$1" >&2
    shift
    local line
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# At most two compilers at once: the machines that build this are small.
jobs_at_once() {
    local n
    n=$(nproc 2>/dev/null || echo 2)
    [ "$n" -lt 2 ] && n=1
    [ "$n" -gt 4 ] && n=4
    echo "$n"
}

# What the end-to-end tests run with, from npm; its words go to LOG. Fails where npm does.
fetch_clients() { # LOG
    ! cmp -s tests/e2e/package-lock.json tests/e2e/node_modules/.purser-lock || return 0
    say "    installing the official client ..." >&2
    (cd tests/e2e && npm ci --ignore-scripts --no-audit --no-fund) >"$1" 2>&1 </dev/null || return 1
    cp tests/e2e/package-lock.json tests/e2e/node_modules/.purser-lock
}
