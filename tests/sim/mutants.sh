#!/bin/bash
# mutants.sh - breaks the protocol in one place after the other: does the simulation see it? See
# scripts/torture.
#
# A mutant is a file of tests/sim/mutants/:
#
#   breaks: one sentence, which promise it breaks
#   file: a source file of the product
#   ---
#   the lines to be found, exactly once
#   ---
#   what stands there instead
#
# Each is applied to a copy of the tree with its objects, so that one object is compiled; the
# simulation must end with a difference. BUILD: the directory of the build (default: build).
set -uo pipefail
cd "$(dirname "$0")/../.."

seeds=1000 points=100 jobs=$(nproc) only=
usage() {
    echo 'usage: torture mutants [--seeds N] [--points N] [--jobs J] [--only NAME]' >&2
    exit 2
}
while [ $# -gt 0 ]; do
    case $1 in
    --seeds | --points | --jobs) [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage ;;
    --only) [ $# -ge 2 ] || usage ;;
    *) usage ;;
    esac
    printf -v "${1#--}" %s "$2"
    shift 2
done
build=${BUILD:-build}
[ -x "$build/tests/sim/simulate" ] || { echo "no $build/tests/sim/simulate: run make tests first" >&2; exit 1; }
names=()
for f in tests/sim/mutants/*; do
    if [ -z "$only" ] || [ "$only" = "$(basename "$f")" ]; then names+=("$(basename "$f")"); fi
done
[ ${#names[@]} -gt 0 ] || usage
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

field() { sed -n "/^---\$/q; s/^$2: //p" "tests/sim/mutants/$1"; } # NAME FIELD

# Puts the mutant's lines in place of those it names; fails unless they are there exactly once.
mutate() { # NAME TREE
    python3 - "tests/sim/mutants/$1" "$2/$(field "$1" file)" <<'PY'
import sys
_, old, new = open(sys.argv[1]).read().split("\n---\n")
text = open(sys.argv[2]).read()
if text.count(old + "\n") != 1:
    sys.exit("its lines are there %d times" % text.count(old + "\n"))
open(sys.argv[2], "w").write(text.replace(old + "\n", new))
PY
}

# One copy for each job: sources and the objects that the simulation is linked from, with their times.
make_tree() { # TREE
    mkdir -p "$1/$build/tests"
    cp -a Makefile schema targets cdc "$1/"
    # The objects are good, whatever compiler and flags made them.
    sed -i '/^$(B)\/flags: FORCE/,/^FORCE:/d' "$1/Makefile"
    mkdir "$1/tests"
    cp -a tests/sim tests/lib tests/contract "$1/tests/"
    cp -a "$build"/{flags,libdomicile.a,schema,targets,cdc} "$1/$build/"
    cp -a "$build"/tests/{sim,lib,contract} "$1/$build/tests/"
}

try_mutant() { # NAME TREE: writes a line: found|survived|broken NAME DETAIL
    local name=$1 tree=$2 file object begin=$SECONDS text status=0
    file=$(field "$name" file)
    object=$build/${file%.c}.o
    cp -p "$tree/$file" "$tree/saved.c" && cp -p "$tree/$object" "$tree/saved.o"
    if ! text=$(mutate "$name" "$tree" 2>&1) ||
        ! text=$(make -s -C "$tree" ${SAN:+SAN="$SAN"} "$build/tests/sim/simulate" 2>&1); then
        echo "broken $name $text" | head -n 1
    else
        text=$("$tree/$build/tests/sim/simulate" --seeds "$seeds" --points "$points" 2>/dev/null) || status=$?
        text=$(grep -m 1 '^seed ' <<<"$text")
        if [ $status = 0 ] || [ -z "$text" ]; then
            echo "survived $name $seeds seeds of $points points in $((SECONDS - begin)) s, exit $status"
        else
            echo "found $name in $((SECONDS - begin)) s: ${text:0:150}"
        fi
    fi
    mv "$tree/saved.c" "$tree/$file" && mv "$tree/saved.o" "$tree/$object"
}

work() { # JOB
    local i
    make_tree "$dir/$1"
    for ((i = $1; i < ${#names[@]}; i += jobs)); do
        try_mutant "${names[i]}" "$dir/$1" | tee -a "$dir/results.$1"
    done
}

start=$SECONDS pids=()
for ((j = 0; j < jobs; j++)); do
    work $j &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
cat "$dir"/results.* >"$dir/all"
found=$(grep -c '^found ' "$dir/all")
if [ "$found" = ${#names[@]} ]; then
    echo "torture mutants: each of $found is found, in $((SECONDS - start)) s"
    exit 0
fi
echo "torture mutants: $found of ${#names[@]} are found, in $((SECONDS - start)) s; not found:"
grep -v '^found ' "$dir/all" | cut -d' ' -f1,2
exit 1
