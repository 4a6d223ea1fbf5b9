#!/bin/bash
# simulate.sh - plays seeds of the simulation side by side and sums what came of it. See scripts/torture.
#
# BUILD: the directory of the build (default: build).
set -uo pipefail
cd "$(dirname "$0")/../.."

seeds=200 seed=1 points=100 jobs=$(nproc) least=0 verbose=()
usage() {
    echo 'usage: torture simulate [--seeds N] [--seed S] [--points N] [--at-least N] [--jobs J] [--verbose]' >&2
    exit 2
}
while [ $# -gt 0 ]; do
    case $1 in
    --verbose) verbose=(--verbose) && shift && continue ;;
    --seeds | --seed | --points | --at-least | --jobs) [[ ${2:-} =~ ^[0-9]+$ ]] || usage ;;
    *) usage ;;
    esac
    case $1 in --at-least) least=$2 ;; *) printf -v "${1#--}" %s "$2" ;; esac
    shift 2
done
if [ "$jobs" -gt "$seeds" ]; then jobs=$seeds; fi
[ "$jobs" -gt 0 ] || usage
program=${BUILD:-build}/tests/sim/simulate
[ -x "$program" ] || { echo "no $program: run make tests first" >&2; exit 1; }

start=$SECONDS status=0 pids=()
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for ((j = 0; j < jobs; j++)); do
    from=$((seeds * j / jobs)) to=$((seeds * (j + 1) / jobs))
    "$program" --seed $((seed + from)) --seeds $((to - from)) --points "$points" "${verbose[@]}" \
        >"$dir/$j.out" &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || status=1; done
grep -hv '^points ' "$dir"/*.out
if [ $status != 0 ]; then exit 1; fi
cat "$dir"/*.out | awk -v seeds="$seeds" -v s=$((SECONDS - start)) -v least="$least" '
    /^points / { for (i = 2; i <= NF; i += 2) sum[$(i - 1)] += $i }
    END { printf "torture simulate: %d seeds, %d crash points (tool %d, power %d, target %d, source %d, " \
              "take-over %d), all equal, in %d s\n", seeds, sum["points"], sum["tool"], sum["power"],
              sum["target"], sum["source"], sum["take-over"], s
          if (sum["points"] < least) { printf "these are fewer than %d\n", least; exit 1 } }'
