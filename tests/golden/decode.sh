#!/bin/bash
# Events captured from MySQL 9.7.4 (events.hex; events_hex.py made them) decode to exactly
# what expected.jsonl says. Each case has the CREATE TABLE texts of its tables.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$here/$build ;; esac
failed=0
cases=0
for case in "$here"/tests/golden/decode/*/; do
    cases=$((cases + 1))
    if ! "$build/tests/golden/decode_events" "$case/events.hex" "$case"/*.sql |
        diff "$case/expected.jsonl" - | cut -c1-300; then
        echo "$case differs"
        failed=1
    fi
done
[ "$cases" -gt 0 ] || { echo "no case found"; exit 1; }
exit $failed
