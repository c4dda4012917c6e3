# TAP for tests in shell: check NAME CMD…, is NAME GOT WANT, then finish.
n=0 failed=0
T=$(mktemp -d) && trap 'rm -rf "$T"' EXIT
result() { # good|bad NAME
  n=$((n + 1))
  if [ "$1" = good ]; then echo "ok $n - $2"
  else
    echo "not ok $n - $2"
    echo "# failed: $2" >&2 # where prove lets it through
    failed=$((failed + 1))
  fi
}
check() { # NAME CMD…: succeeds
  name=$1; shift
  if "$@" >"$T/.out" 2>&1; then result good "$name"
  else result bad "$name"; sed 's/^/# /' "$T/.out"; fi
}
fails() { # NAME CODE CMD…: exits with CODE
  name=$1 want=$2; shift 2
  "$@" >"$T/.out" 2>&1; code=$?
  if [ $code -eq "$want" ]; then result good "$name"
  else result bad "$name"; echo "# exit $code, wanted $want"
    sed 's/^/# /' "$T/.out"; fi
}
is() { # NAME GOT WANT
  if [ "$2" = "$3" ]; then result good "$1"
  else result bad "$1"
    printf '%s\n' "$2" | sed 's/^/# got  /'
    printf '%s\n' "$3" | sed 's/^/# want /'; fi
}
finish() { echo "1..$n"; [ $failed -eq 0 ]; }
