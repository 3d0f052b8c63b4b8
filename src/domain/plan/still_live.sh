set -eu
export GIT_TERMINAL_PROMPT=0 LC_ALL=C
live=$GOLIVE_LIVE remote=$GOLIVE_REMOTE was=$GOLIVE_LIVE_WAS
moved() { # $1 where, $2 the commit it points to now, $3 what brings that here
  echo "$live was moved $1 meanwhile: it points to ${2:-nothing}, and pointed to ${was:-nothing} when this was planned"
  echo "nothing was taken back"
  echo "help: ${3:+$3 brings that here, then }golive rollback $GOLIVE_ENV plans it anew, from what is live now"
  exit 1
}
now=$(git rev-parse -q --verify "refs/tags/$live^{commit}" || :)
[ "$now" = "$was" ] || moved 'on this machine' "$now" ''
if [ -n "$remote" ] && git remote get-url "$remote" >/dev/null 2>&1; then
  if theirs=$(git ls-remote -- "$remote" "refs/tags/$live" "refs/tags/$live^{}"); then
    # An annotated LIVE is told twice: the last line is its commit.
    # Refs whose names end like it come along, and are none of it.
    there=$(printf '%s\n' "$theirs" | while read -r object ref; do
      case $ref in ("refs/tags/$live" | "refs/tags/$live^{}") echo "$object" ;; esac; done | tail -n 1)
    case $there in "" | "$was") ;; *) moved "on $remote" "$there" \
      "git fetch --tags $remote +refs/tags/$live:refs/tags/$live" ;; esac
  else
    echo "$remote does not answer: whether $live was moved there is not known"
  fi
fi
echo "$live is still ${was:-nowhere}"
