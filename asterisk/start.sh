#!/bin/sh
# Inside the private root or the container:
#   start.sh asterisk | ivr           as root: give up root and become that service
#   start.sh reload                   make a running Asterisk read what is in force; calls go on
#   start.sh drain SECONDS            refuse new calls and wait for those inside; take calls again if they stay
#   start.sh accept                   take new calls again, after a drain that did not end by itself
#   start.sh apply                    as root: check config/ and put it in force, for docker-compose.yml
#   start.sh healthy asterisk | ivr   end with 0 when that service does its part for a call
set -eu
cd /var/lib/siaga

make_places() {
    mkdir -p asterisk/run asterisk/log asterisk/spool journal recordings
    chown -R 11200:11200 asterisk
    chown 11200:11200 journal recordings
    chmod 0750 journal recordings
}

# Phones before queues: a queue looks for its members' phones. The console's status is always 0.
reload() {
    for what in 'dialplan reload' 'module reload res_pjsip.so' 'queue reload all'; do
        answer=$(asterisk -rx "$what")
        case $answer in
            *'No such'* | *fail*) echo "Asterisk did not take it: $what: $answer" >&2; return 1 ;;
        esac
    done
}

# 503 and Retry-After: the carrier tries its other way, if it has one. Who is inside is not touched, and
# agencies can still be rung: the lines out are endpoints of their own (res_pjsip_maintenance.c).
accept() { asterisk -rx 'pjsip set maintenance off from-trunk' >/dev/null; }
drain() {
    trap accept EXIT
    trap 'exit 130' INT TERM HUP
    asterisk -rx 'pjsip set maintenance on from-trunk' >/dev/null
    waited=0 said=
    while left=$(asterisk -rx 'core show calls' | sed -n 's/ of .* active call.*//p'); [ "${left:-0}" != 0 ]; do
        [ "$left" = "$said" ] || echo "calls inside: $left" >&2
        said=$left
        [ "$waited" -lt "$1" ] || { echo "after $1 s there are still calls inside: taking calls again" >&2; exit 1; }
        waited=$((waited + 1))
        sleep 1
    done
    trap - EXIT
}

# What is in force stays when config/ has a mistake: a line that could run must.
apply() {
    if ! { python3 -m ivr check && python3 -m ivr apply; }; then
        [ -e current ] || { echo "nothing is in force yet: mend config/ and start again" >&2; exit 1; }
        echo "config/ is NOT in force: the line goes on with $(readlink current)" >&2
    elif asterisk -rx 'core show uptime' >/dev/null 2>&1; then
        reload
    fi
}

case "$*" in
    'drain '*) shift; drain "$@" ;;
    asterisk)
        sh /opt/siaga/src/asterisk/version.sh "$(asterisk -V)"
        make_places
        # glibc gives back nothing between two things in use: a storm of 45,000 redials left 1371 MiB of
        # which 76 were in use; with jemalloc 268 (`make soak`).
        export LD_PRELOAD=libjemalloc.so.2
        exec asterisk -f -U asterisk -G asterisk
        ;;
    ivr) exec setpriv --reuid=11201 --regid=11201 --clear-groups --no-new-privs python3 -m ivr ivr ;;
    reload) reload ;;
    accept) accept ;;
    apply) make_places; apply ;;
    'healthy asterisk')
        # Another program on our port would answer as well: ask ours first.
        asterisk -rx 'pjsip show transport udp' | grep -q '^ *bind ' \
            || { echo "Asterisk is not up, or could not have its SIP port" >&2; exit 1; }
        exec python3 -m ivr ready asterisk
        ;;
    'healthy ivr') exec python3 -m ivr ready ivr ;;
    *) sed -n '2,8s/^# *//p' "$0" >&2; exit 2 ;;
esac
