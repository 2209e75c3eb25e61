#!/bin/sh
# Refuses any Asterisk but 22.x at or above 22.10.1. $1 is what `asterisk -V` prints.
# Older ones lack security fixes; other branches were never tested with this dialplan.
set -eu
minimum=22.10.1
version=$(printf '%s' "${1:-none}" | sed 's/^Asterisk //; s/[^0-9.].*//')
case $version in
    22.*) [ "$(printf '%s\n' "$minimum" "$version" | sort -V | head -n 1)" = "$minimum" ] && exit 0 ;;
esac
echo "refused: '${1:-no Asterisk}'. This system needs Asterisk 22.x at or above $minimum:" >&2
echo "older ones lack security fixes, other branches were never tested with its dialplan." >&2
exit 1
