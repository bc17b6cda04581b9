#!/bin/sh
# A plugin exports its entry and nothing else: whatever else it offered could be taken for another plugin's.
# usage: exports.sh <shared object>
set -eu
found=$(nm -D --defined-only "$1" | awk '{ print $NF }' | sort | tr '\n' ' ')
if [ "$found" != "cleat_entry_v0 " ]; then
  echo "$1: expected the one exported symbol cleat_entry_v0, found: ${found:-none}"
  exit 1
fi
