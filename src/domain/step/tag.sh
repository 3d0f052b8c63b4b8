set -eu
export GIT_TERMINAL_PROMPT=0 LC_ALL=C
tag=${GOLIVE_TAG:-} live=$GOLIVE_LIVE remote=$GOLIVE_REMOTE
commit=$GOLIVE_COMMIT was=${GOLIVE_PREVIOUS:-} theirs='' lease=''

mine() { git rev-parse -q --verify "refs/tags/$1" || :; }
theirs() { printf '%s\n' "$theirs" | while read -r object ref; do
  [ "$ref" != "refs/tags/$1" ] || echo "$object"; done; }
moved() { # $1 where, $2 the commit it points to now, $3 the command that moves it all the same
  # What is there is only looked at: LIVE itself stays as it is here, so that a retry finds what it found.
  [ -z "$remote" ] || git fetch -q --no-tags -- "$remote" 'refs/tags/*:refs/tags/*' "^refs/tags/$live" 2>/dev/null || :
  [ -z "$remote" ] || git fetch -q --no-tags -- "$remote" "refs/tags/$live" 2>/dev/null || :
  echo "$live was moved $1 meanwhile: it points to $2, and pointed to ${was:-nothing} when this run was planned"
  git for-each-ref --points-at="$2" --format='  tag %(refname:strip=2), %(taggername) %(taggerdate:iso)' refs/tags || :
  git log -1 --format='  commit by %an, %ai: %s' "$2" -- || :
  echo "nothing was overwritten; production runs $commit, live but untagged"
  echo "help: if this release is to be $live: $3, then retry"
  exit 1
}

# The remote, and what it has of these tags.
if [ -n "$remote" ] && ! git remote get-url "$remote" >/dev/null 2>&1; then
  [ "$remote" = origin ] || { echo "live but untagged: there is no remote named $remote"
    echo "help: git remote add $remote URL, then retry"; exit 1; }
  echo "there is no remote named $remote: the tags stay on this machine"
  remote=''
fi
if [ -n "$remote" ]; then
  theirs=$(git ls-remote -- "$remote" ${live:+"refs/tags/$live*"} ${tag:+"refs/tags/$tag*"}) || { echo "live but untagged: the tags of $remote could not be read"
    echo "help: retry when $remote can be reached"; exit 1; }
fi

# LIVE may only leave the commit it had when this run was planned.
if [ -n "$live" ]; then
  object=$(mine "$live") now=$(mine "$live^{commit}")
  case $now in "" | "$commit" | "$was") ;; *)
    moved 'on this machine' "$now" "git update-ref refs/tags/$live $commit $object" ;; esac
  lease=$(theirs "$live") there=$(theirs "$live^{}") there=${there:-$lease}
  case $there in "" | "$commit" | "$was") ;; *)
    moved "on $remote" "$there" "git push --force-with-lease=refs/tags/$live:$lease $remote $commit:refs/tags/$live" ;; esac
fi

# The release's tag: the planned name, or the next free one; a retry finds the tag it made before.
if [ -n "$tag" ]; then
  planned=$tag number=1
  while [ -n "$(mine "$tag")$(theirs "$tag")" ]; do
    if [ "$(mine "$tag^{commit}")" = "$commit" ] &&
      git cat-file tag "refs/tags/$tag" 2>/dev/null | grep -qxF "run: $GOLIVE_RUN"; then
      case $(theirs "$tag") in "" | "$(mine "$tag")") break ;; esac
    fi
    number=$((number + 1)) tag=$planned-$number
  done
  [ -n "$(mine "$tag")" ] ||
    printf '%s\n' "$GOLIVE_RECORD" | git tag -a --cleanup=verbatim -F - -- "$tag" "$commit" || {
      echo "live but untagged: git did not make the tag $tag"
      echo "help: see above what git says, then retry"; exit 1; }
fi

# Both together or none: first on the remote, where others look, then LIVE on this machine.
if [ -n "$remote" ]; then
  set --
  [ -z "$tag" ] || [ -n "$(theirs "$tag")" ] || set -- "refs/tags/$tag"
  [ -z "$live" ] || [ "$there" = "$commit" ] || set -- "$@" "$commit:refs/tags/$live"
  [ $# -eq 0 ] || git push --atomic --no-follow-tags \
    ${live:+"--force-with-lease=refs/tags/$live:$lease"} -- "$remote" "$@" || {
    echo "live but untagged on $remote: the push was not accepted; ${tag:+$tag is kept on this machine}"
    echo "help: see above what $remote says, then retry; only what is missing is done"; exit 1; }
fi
[ -z "$live" ] || [ "$now" = "$commit" ] || git update-ref "refs/tags/$live" "$commit" "$object"
echo "golive:tag tag=${tag:--} live=${live:--} commit=$commit remote=${remote:--}"
