# Shared by the scripts of this project; they source it. POSIX sh.

# A moment in which output can be read. GOLIVE_DEMO_PACE=0 leaves it out.
pause() {
  [ "${GOLIVE_DEMO_PACE:-1}" = 0 ] || sleep "$1"
}

# Ends the script with a message.
give_up() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
