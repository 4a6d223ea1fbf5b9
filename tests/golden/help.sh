#!/bin/bash
# help.sh - every --help, word for word.
#
#   tests/golden/help.sh [--update]
set -u
cd "$(dirname "$0")/../.."
bin=${BUILD:-build}/domicile
dir=tests/golden/help
bad=0

for command in domicile check load replicate validate status guard queue config; do
    if [ $command = domicile ]; then words=(--help); else words=("$command" --help); fi
    if [ "${1:-}" = --update ]; then
        "$bin" "${words[@]}" >"$dir/$command.txt" || bad=1
    elif ! diff -u "$dir/$command.txt" <("$bin" "${words[@]}"); then
        bad=1
    fi
done
"$bin" nonsense 2>/dev/null && bad=1
[ "$("$bin" load --nonsense 2>/dev/null; echo $?)" = 2 ] || bad=1
[ "$("$bin" load --config /nonexistent 2>/dev/null; echo $?)" = 2 ] || bad=1
exit $bad
