#!/bin/sh
# The interface's header compiles alone, without a warning and without padding.
# usage: header_alone.sh <compiler> <c|c++> <standard> <include folder>
set -eu
compiler=$1 language=$2 standard=$3 include=$4
if ! command -v "$compiler" >/dev/null 2>&1; then
  echo "skipped: $compiler is not installed"
  exit 77
fi
"$compiler" -x "$language" -std="$standard" -I "$include" -fsyntax-only \
  -Wall -Wextra -Wpedantic -Wconversion -Wpadded -Werror - <<'END'
#include <cleat/plugin.h>
int has_create(const cleat_binding_type *type);
int has_create(const cleat_binding_type *type) { return CLEAT_CAN(cleat_binding_type, type, create); }
END
