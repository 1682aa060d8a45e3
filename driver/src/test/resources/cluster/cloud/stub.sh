# What the stand-ins share. Each notes its call in STUB_CALLS, a line of arguments with a blank between, refuses what the real tool does
# not know, and takes STUB_STORE/BUCKET for the bucket BUCKET.
# shellcheck shell=bash

noted() {
  local call
  call="$(basename "$0")$(printf ' %s' "$@")"
  echo "$call" >>"$STUB_CALLS"
}

refuse() {
  echo "$(basename "$0") (stand-in): $1" >&2
  exit 252
}

# The path of a URI of a bucket, or of a file.
stored() {
  case $1 in
    s3://* | gs://*) echo "$STUB_STORE/${1#*://}" ;;
    *) echo "$1" ;;
  esac
}

copy() {
  local from to
  from=$(stored "$1")
  to=$(stored "$2")
  [[ -f $from ]] || refuse "there is no $1"
  mkdir -p -- "$(dirname -- "$to")"
  cp -- "$from" "$to"
}

sync_folder() {
  local from to
  from=$(stored "$1")
  to=$(stored "$2")
  [[ -d $from ]] || refuse "there is no folder $1"
  mkdir -p -- "$to"
  cp -R -- "$from/." "$to/"
}
