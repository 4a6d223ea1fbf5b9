#!/bin/bash
# 90_torture - a short run of scripts/torture: nine kills, then the two sides are equal.
exec "$(dirname "$0")/../../scripts/torture" kill --count 9 --seed "${TORTURE_SEED:-1}" --rows-scale 0.3
