#!/bin/bash
# 91_torture_cascades - the same from a source whose engine cascades unlogged, over four levels of foreign keys.
exec "$(dirname "$0")/../../scripts/torture" kill --native-fk --levels 4 --count 6 --seed "${TORTURE_SEED:-1}" --rows-scale 0.5
