#!/bin/sh
# Asks the application that was just deployed, over HTTP: functional.sh ADDRESS...
# Needs GOLIVE_COMMIT: an address that serves another commit fails.
set -u
. ops/lib.sh
passed=0
failed=0
version=$(git show "$GOLIVE_COMMIT:VERSION")

get() { ../bin/golive demo-app get "$1" 2>&1; }
expect() { # expect WHAT PATTERN TEXT
  case $3 in
    *"$2"*)
      passed=$((passed + 1))
      echo "  ok      $1"
      ;;
    *)
      failed=$((failed + 1))
      echo "  FAILED  $1: expected $2, got: $3"
      ;;
  esac
  pause 0.3
}

for site in "$@"; do
  echo "$site"
  health=$(get "$site/health")
  expect "is healthy" "ok version=" "$health"
  expect "serves commit $(echo "$GOLIVE_COMMIT" | cut -c 1-12)" "commit=$GOLIVE_COMMIT " "$health"
  page=$(get "$site/")
  expect "says its version" "version $version" "$page"
  expect "shows notices" "<li" "$page"
  expect "has a style" "font-family" "$(get "$site/style.css")"
  expect "knows what it does not have" "status 404" "$(get "$site/nothing")"
done
echo "$passed checks passed, $failed failed"
[ "$failed" -eq 0 ]
