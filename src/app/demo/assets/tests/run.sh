#!/bin/sh
# The project's tests: tests/run.sh. They look at the real files and run the real migrations on a scratch database.
set -u
. ops/lib.sh
ran=0
failed=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

check() { # check WHAT COMMAND...
  what=$1
  shift
  ran=$((ran + 1))
  if "$@" >"$scratch/out" 2>&1; then
    echo "ok $ran - $what"
  else
    failed=$((failed + 1))
    echo "not ok $ran - $what"
    sed 's/^/#   /' "$scratch/out"
  fi
  pause 0.25
}
contains() { grep -q -- "$2" "$1"; }
balanced() { [ "$(tr -cd '{' <"$1" | wc -c)" -eq "$(tr -cd '}' <"$1" | wc -c)" ]; }
without_gaps() {
  number=0
  for migration in migrations/*.sh; do
    number=$((number + 1))
    name=$(basename "$migration")
    [ "$(expr "${name%%_*}" + 0)" -eq "$number" ] || { echo "$migration should be number $number"; return 1; }
  done
}
migrated() { # from an empty database to the newest schema, without losing a row
  printf 'schema 0\nLow water at noon\nBring back the ladder\n' >"$scratch/board.db"
  GOLIVE_DEMO_PACE=0 sh ops/migrate.sh "$scratch/board.db" || return 1
  [ "$(wc -l <"$scratch/board.db")" -eq 3 ]
}
stable() {
  cp "$scratch/board.db" "$scratch/before.db"
  GOLIVE_DEMO_PACE=0 sh ops/migrate.sh "$scratch/board.db" && cmp "$scratch/before.db" "$scratch/board.db"
}

check "the version is a version" grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+' VERSION
for field in notices version commit schema; do
  check "the page shows $field" contains pages/index.html "{{$field}}"
done
check "the page has a title" contains pages/index.html '<title>'
check "the page says its language" contains pages/index.html '<html lang='
check "the page links its style" contains pages/index.html /style.css
check "the style's braces are balanced" balanced static/style.css
for script in ops/*.sh; do
  check "$script can be read by sh" sh -n "$script"
done
check "migrations are numbered without gaps" without_gaps
check "an empty database becomes the newest schema" migrated
check "migrating twice changes nothing" stable

echo "Ran $ran tests, $failed failed"
[ "$failed" -eq 0 ]
