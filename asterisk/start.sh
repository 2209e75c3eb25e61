#!/bin/sh
# Inside the private root or the container:
#   start.sh asterisk | ivr | desk | broker    become that service; as root, give up root first
#   start.sh reload                   make a running Asterisk read what is in force; calls go on
#   start.sh drain SECONDS            refuse new calls and wait for those inside; take calls again if they stay
#   start.sh accept                   take new calls again, after a drain that did not end by itself
#   start.sh apply                    as root: check config/ and put it in force, for docker-compose.yml
#   start.sh healthy asterisk | ivr   end with 0 when that service does its part for a call
set -eu
cd /var/lib/siaga

# Asterisk writes journal and recordings; the desk, of its group, renames and removes them.
make_places() {
    mkdir -p asterisk/run asterisk/log asterisk/spool journal recordings
    chown -R 11200:11200 asterisk
    chown 11200:11200 journal recordings
    chmod 2770 journal recordings
}

# What a command of root's left in the folder is its user's again.
make_place_of() {
    [ "$(id -u)" = 0 ] || return 0
    mkdir -p "$2"
    chown -R "$1:$1" "$2"
    chmod 0750 "$2"
}

# Becomes a user of ours for a command, where we are root; in a container we are that user already.
as_user() {
    user=$1 groups=$2
    shift 2
    [ "$(id -u)" = 0 ] || { exec "$@"; }
    exec setpriv --reuid="$user" --regid="$user" $groups --no-new-privs "$@"
}

# The journal says when Asterisk starts: whoever was on the line then was cut off. The one before may
# have died in the middle of a line, so one is ended first. A full disk must not keep the line down.
note_start() {
    (as_user 11200 --clear-groups sh -c 'printf "\n{\"eventtime\":\"%s\",\"eventtype\":\"STARTS\"}\n" \
        "$(date +%s.%6N)" >> journal/calls.jsonl') || echo "the journal cannot be written" >&2
}

# Phones before queues: a queue looks for its members' phones. The console's status is always 0.
reload() {
    for what in 'dialplan reload' 'module reload res_pjsip.so' 'queue reload all'; do
        answer=$(asterisk -rx "$what")
        case $answer in
            *'No such'* | *fail*) echo "Asterisk did not take it: $what: $answer" >&2; return 1 ;;
        esac
    done
    holds_version || { echo "Asterisk did not take it: $(readlink current) is not loaded" >&2; return 1; }
    asterisk -rx 'manager reload' >/dev/null || echo "Asterisk did not read manager.conf: the desk may not come in" >&2
}

# A file that is missing or not readable ends the reading of the dialplan without a word.
holds_version() {
    asterisk -rx "dialplan show s@emergency-$(basename "$(readlink current)")" | grep -q 'Answer()'
}

# A caller has one channel of ours, and the others of a call end with it. No answer is not nobody.
callers() {
    channels=$(timeout 5 asterisk -rx 'core show channels concise') || { echo unknown; return; }
    printf '%s\n' "$channels" | grep -c '^PJSIP/from-trunk-' || true
}

# 503 and Retry-After: the carrier tries its other way, if it has one. Who is inside is not touched, and
# agencies can still be rung: the lines out are endpoints of their own (res_pjsip_maintenance.c).
accept() { asterisk -rx 'pjsip set maintenance off from-trunk' >/dev/null; }
drain() {
    trap accept EXIT
    trap 'exit 130' INT TERM HUP
    asterisk -rx 'pjsip set maintenance on from-trunk' >/dev/null
    waited=0 said=
    while left=$(callers); [ "$left" != 0 ]; do
        [ "$left" = "$said" ] || echo "callers inside: $left" >&2
        said=$left
        [ "$waited" -lt "$1" ] || { echo "after $1 s there are still callers inside: taking calls again" >&2; exit 1; }
        waited=$((waited + 1))
        sleep 1
    done
    trap - EXIT
}

# What is in force stays when config/ has a mistake: a line that could run must.
apply() {
    earlier=$(readlink current || true)
    if ! { python3 -m ivr check && python3 -m ivr apply; }; then
        [ -e current ] || { echo "nothing is in force yet: mend config/ and start again" >&2; exit 1; }
        echo "config/ is NOT in force: the line goes on with $(readlink current)" >&2
    elif asterisk -rx 'core show uptime' >/dev/null 2>&1 && ! reload; then
        [ -n "$earlier" ] || exit 1
        python3 -m ivr again "$(basename "$earlier")" && reload || true
        echo "config/ is NOT in force: the line goes on with $earlier, as $(readlink current)" >&2
    fi
}

case "$*" in
    'drain '*) shift; drain "$@" ;;
    asterisk)
        sh /opt/siaga/src/asterisk/version.sh "$(asterisk -V)"
        [ "$(id -u)" != 0 ] || make_places
        umask 0027                           # the group reads the journal: the desk is in it
        note_start
        # glibc gives back nothing between two things in use: a storm of 45,000 redials left 1371 MiB of
        # which 76 were in use; with jemalloc 268 (`make soak`).
        export LD_PRELOAD=libjemalloc.so.2
        as_user 11200 --clear-groups asterisk -f
        ;;
    ivr) as_user 11201 --clear-groups python3 -m ivr ivr ;;
    desk) make_place_of 11202 desk; as_user 11202 --groups=11200 python3 -m ivr desk ;;
    broker) make_place_of 11203 broker; as_user 11203 --clear-groups sh /opt/siaga/src/asterisk/broker.sh ;;
    reload) reload ;;
    accept) accept ;;
    apply) make_places; make_place_of 11202 desk; make_place_of 11203 broker; apply ;;
    'healthy asterisk')
        # Another program on our port would answer as well: ask ours first.
        asterisk -rx 'pjsip show transport udp' | grep -q '^ *bind ' \
            || { echo "Asterisk is not up, or could not have its SIP port" >&2; exit 1; }
        holds_version || { echo "Asterisk has not loaded $(readlink current)" >&2; exit 1; }
        exec python3 -m ivr ready asterisk
        ;;
    'healthy ivr') exec python3 -m ivr ready ivr ;;
    'healthy desk') exec python3 -m ivr ready desk ;;
    *) sed -n '2,8s/^# *//p' "$0" >&2; exit 2 ;;
esac
