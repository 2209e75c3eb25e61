#!/bin/sh
# Proves docker-compose.yml on a Docker engine of its own: build, up, a call, a crash, a mistake, down.
#
# As root, on Debian or Ubuntu; `make docker`. It installs Debian's engine if there is none, starts one
# beside whatever runs (own data, own socket, no bridge, no firewall rule) and ends exactly that one.
# Where no image registry is reached it makes the base image with mmdebstrap.
#
# Ends with 0 and `docker: OK`, or with 0 and `docker: NOT PROVEN on this machine` when no engine can
# run here. Anything else that goes wrong ends with 1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
checkout=$(dirname "$(dirname "$here")")
cache=${SIAGA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/siaga112}
base=$cache/docker-base.tar           # kept: it takes half a minute to make
data=$cache/docker-engine             # images and containers
run=/run/siaga112-docker              # socket and process id: a socket's path must be short
cgroup=siaga112-docker                # every process of a container of ours is in it
image=debian:sid-slim

export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
unset DOCKER_CONTEXT COMPOSE_FILE COMPOSE_PROFILES SIAGA_BUILD_BASE SIAGA_AGI_PEERS
export DOCKER_HOST="unix://$run/docker.sock" DOCKER_CONFIG="$run/client"
export COMPOSE_PROJECT_NAME=siaga112-proof
# Beside a line that may be running here.
export SIAGA_SIP_BIND=127.0.0.1:29060 SIAGA_AGI_BIND=127.0.0.1:29061
export SIAGA_AMI_BIND=127.0.0.1:29063 SIAGA_DESK_BIND=127.0.0.1:29064 SIAGA_MQTT_BIND=127.0.0.1:29065
export SIAGA_WS_BIND=127.0.0.1:29066
export SIAGA_SIMULATION_BIND=127.0.0.2:29062 SIAGA_RTP_FIRST=30000 SIAGA_RTP_LAST=30999
export SIAGA_CONFIG="$run/config"     # a copy, to be edited

say() { printf 'docker: %s\n' "$*"; }
die() { say "FAILED: $*" >&2; exit 1; }
not_proven() { verdict="NOT PROVEN on this machine: $*"; exit 0; }

# ------------------------------------------------------------------------------- seconds for each step

began=$(date +%s)
step_began=$began
timings=
verdict=
done_with() {
    now=$(date +%s)
    say "$1 ($((now - step_began)) s)"
    timings="$timings${timings:+, }$1 $((now - step_began)) s"
    step_began=$now
}

# Repeats a command until it succeeds, for at most $1 seconds.
wait_for() {
    end=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$end" ] || return 1
        sleep 0.5
    done
}

# --------------------------------------------------------------------------------------- the engine

# Process ids of ours: those that name our folder, and those in our control group.
ours() {
    for folder in /proc/[0-9]*; do
        if tr '\0' ' ' 2>/dev/null < "$folder/cmdline" | grep -Eq "^[^ ]*(dockerd|containerd)[^ ]* .*$run/" \
            || grep -q "/$cgroup/" "$folder/cgroup" 2>/dev/null; then
            printf '%s\n' "${folder#/proc/}"
        fi
    done
}
none_of_ours() { [ -z "$(ours)" ]; }

# Ends whatever this run, or one that died, has started, and removes what it left.
end_engine() {
    pid=$(cat "$run/docker.pid" 2>/dev/null || true)
    if [ -n "$pid" ] && ours | grep -qx "$pid"; then
        kill "$pid"
        wait_for 30 none_of_ours || say "the engine does not end; ending it by force"
    fi
    for pid in $(ours); do kill -9 "$pid" 2>/dev/null || true; done
    wait_for 10 none_of_ours || say "still there: $(ours | tr '\n' ' ')"
    # Newest first: one may stand on another.
    for point in $(awk -v run="$run/" -v data="$data/" \
        'index($2 "/", run) == 1 || index($2 "/", data) == 1 { print $2 }' /proc/mounts | tac); do
        umount "$point" 2>/dev/null || umount -l "$point" || true
    done
    find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} + 2>/dev/null || true
    rm -rf --one-file-system "$run" "$data"
}

install_engine() {
    set --
    command -v dockerd >/dev/null || set -- "$@" docker.io
    command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1 \
        || set -- "$@" docker-compose
    command -v mmdebstrap >/dev/null || set -- "$@" mmdebstrap
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || set -- "$@" debian-archive-keyring
    [ $# = 0 ] && return
    command -v apt-get >/dev/null || not_proven "it has no apt-get, and $* must be installed"
    apt-get update -q >/dev/null
    for package; do  # Ubuntu and Debian 13 call them otherwise
        shift
        case $package in
            docker.io) set -- "$@" docker.io; has_package docker-cli && set -- "$@" docker-cli ;;
            docker-compose) has_package docker-compose-v2 && package=docker-compose-v2; set -- "$@" "$package" ;;
            *) set -- "$@" "$package" ;;
        esac
    done
    say "installing $*"
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" >/dev/null
}
has_package() { apt-cache show "$1" >/dev/null 2>&1; }

start_engine() {
    mkdir -p "$run/client" "$data"
    echo '{}' > "$run/engine.json"  # instead of the host's own
    dockerd --data-root "$data" --exec-root "$run/exec" --pidfile "$run/docker.pid" --host "$DOCKER_HOST" \
        --config-file "$run/engine.json" --bridge none --iptables=false --ip6tables=false \
        --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$cgroup" \
        > "$run/engine.log" 2>&1 < /dev/null 9>&- &
    engine=$!
    wait_for 40 engine_answers_or_ended || true
    docker version >/dev/null 2>&1 || not_proven "the engine does not start: $(tail -n 2 "$run/engine.log")"
}
engine_answers_or_ended() { docker version >/dev/null 2>&1 || ! kill -0 "$engine" 2>/dev/null; }

# ------------------------------------------------------------------------------------- the base image

# A mirror may be older than its Release file says; whether that is fine, the host has decided.
host_apt_option() { apt-config dump --format '%f=%v%n' Acquire::Check-Valid-Until 2>/dev/null || true; }

get_base() {
    find "$cache" -maxdepth 1 -name 'docker-base.tar*' -mtime +30 -delete
    if [ ! -e "$base" ] && timeout 30 docker pull --quiet "$image" >/dev/null 2>&1; then
        done_with "base image pulled"
        return
    fi
    if [ ! -e "$base" ]; then
        say "no image registry is reached: making $image with mmdebstrap"
        rm -f "$base".new.*
        new="$base.new.$$"
        option=$(host_apt_option)
        # It hands apt a descriptor by number, and dash knows none of two digits: leave it those of one.
        mmdebstrap --variant=minbase --format=tar ${option:+--aptopt="$(printf '%s' "$option" | sed 's/=\(.*\)/ "\1";/')"} \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/locale/*' sid "$new" 2> "$run/mmdebstrap.log" \
            3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- \
            || { cat "$run/mmdebstrap.log" >&2; rm -f "$new"; die "mmdebstrap"; }
        mv "$new" "$base"
    fi
    if ! docker import "$base" "$image" >/dev/null 2> "$run/import.log"; then
        grep -qi 'not permitted\|denied' "$run/import.log" || die "import: $(cat "$run/import.log")"
        not_proven "the engine may not unpack an image: $(tail -n 1 "$run/import.log")"
    fi
    done_with "base image imported"
}

# ------------------------------------------------------------------------------------------- the line

compose() {
    if docker compose version >/dev/null 2>&1; then
        set -- docker compose --project-directory "$checkout" --file "$checkout/docker-compose.yml" "$@"
    else
        set -- docker-compose --project-directory "$checkout" --file "$checkout/docker-compose.yml" "$@"
    fi
    timeout 400 "$@" < /dev/null
}

container() { compose ps -q "$1"; }
health() { docker inspect --format '{{.State.Health.Status}}' "$(container "$1")" 2>/dev/null || echo none; }
healthy() {
    seen="asterisk $(health asterisk), ivr $(health ivr), desk $(health desk)"
    [ "$seen" = "${said:-}" ] || say "$seen"
    said=$seen
    [ "$seen" = "asterisk healthy, ivr healthy, desk healthy" ]
}

# A citizen dials 112 and presses 1; the journal must show that they were joined with the fire brigade.
take_call() {
    docker run --rm --network host --volume "$here/scenarios:/scenarios:ro" siaga112 \
        sipp "$SIAGA_SIP_BIND" -sf /scenarios/caller-presses-1.xml -m 1 -nostdin -timeout 60s \
        -key caller "$1" -i 127.0.0.1 -mi 127.0.0.1 -p 29070 > "$run/sipp.log" 2>&1 < /dev/null \
        || { tail -n 40 "$run/sipp.log" >&2; die "the caller's call did not go as written"; }
    compose exec -T asterisk python3 -c '
import json, sys
with open("/var/lib/siaga/journal/calls.jsonl") as file:
    events = [json.loads(line) for line in file if "linkedid" in line]
calls = {e["linkedid"] for e in events if f"ani={sys.argv[1]} " in e["eventextra"]}
ours = [e for e in events if e["linkedid"] in calls]
joined = [e["uniqueid"] for e in ours if e["eventtype"] == "BRIDGE_ENTER"]
plans = [e["eventextra"] for e in ours if e["userdeftype"] == "PLAN"]
print("docker: the journal:", *plans, "joined:", *joined)
sys.exit(not (len(joined) >= 2 and "plan=fire floor=controller" in str(plans)))' "$1" \
        || die "the journal does not show that $1 was put through"
}

has_record() {
    compose exec -T desk python3 -m ivr calls --ani "$1" --json 2>/dev/null | grep -q '"outcome": *"connected-agency"'
}

crash_controller() {
    restarts=$(docker inspect --format '{{.RestartCount}}' "$(container ivr)")
    kill -9 "$(docker inspect --format '{{.State.Pid}}' "$(container ivr)")"
    wait_for 30 restarted || die "the controller was not started again"
    wait_for 60 healthy || die "not healthy after the restart"
}
restarted() { [ "$(docker inspect --format '{{.RestartCount}}' "$(container ivr)")" -gt "$restarts" ]; }

# An edit of config/ and `up` again: the running line has it, and was not restarted.
try_edit() {
    sed -i 's/^incoming: .*/incoming: ["127.0.0.1", "127.0.0.9"]/' "$run/config/site.yaml"
    before=$(docker inspect --format '{{.State.StartedAt}}' "$(container asterisk)")
    compose up --detach > "$run/edit.log" 2>&1 \
        || { cat "$run/edit.log" >&2; die "up after an edit"; }
    compose exec -T asterisk asterisk -rx 'pjsip show identifies' | grep -q 127.0.0.9 \
        || die "the running Asterisk does not have the edit"
    [ "$before" = "$(docker inspect --format '{{.State.StartedAt}}' "$(container asterisk)")" ] \
        || die "the edit restarted Asterisk"
}

# A mistake in config/: refused where nothing is in force, told and survived where something is.
try_mistake() {
    echo 'nonsense: 1' >> "$run/config/site.yaml"
    docker run --rm --network host --volume "$run/config:/opt/siaga/src/config:ro" siaga112 \
        sh asterisk/start.sh apply > "$run/first.log" 2>&1 < /dev/null \
        && die "a first start with a mistake was not refused"
    grep -q 'site.yaml.*nonsense' "$run/first.log" || { cat "$run/first.log" >&2; die "the mistake is not told"; }
    compose run --rm apply > "$run/later.log" 2>&1 \
        || { cat "$run/later.log" >&2; die "a mistake stopped a line that has a good configuration"; }
    grep -q 'site.yaml.*nonsense' "$run/later.log" || { cat "$run/later.log" >&2; die "the mistake is not told"; }
    grep -q 'goes on with applied/' "$run/later.log" || { cat "$run/later.log" >&2; die "what goes on is not told"; }
}

finish() {
    status=$?
    trap - EXIT INT TERM HUP
    set +e
    if [ "$status" != 0 ] && docker version >/dev/null 2>&1; then
        compose ps
        compose logs --tail 40
        for name in asterisk ivr desk; do
            docker inspect --format '{{json .State.Health}}' "$(container "$name")" 2>/dev/null
        done
        tail -n 5 "$run/engine.log"
    fi >&2
    end_engine
    [ -z "$verdict" ] || say "$verdict"
    exit "$status"
}

[ "$(id -u)" = 0 ] || die "run it as root: an engine needs it"
mkdir -p "$cache"
exec 9> /run/siaga112-docker.lock
flock -n 9 || die "another run is under way"
trap finish EXIT
trap 'exit 130' INT TERM HUP
end_engine
install_engine
start_engine
done_with "engine $(docker version --format '{{.Server.Version}}') started"
get_base
docker run --rm --network host "$image" true 2> "$run/true.log" \
    || not_proven "the engine runs no container: $(tail -n 1 "$run/true.log")"

SIAGA_BUILD_APT_OPTION=$(host_apt_option)
SIAGA_BUILD_CA=$(cat /usr/local/share/ca-certificates/*.crt 2>/dev/null || true)
export SIAGA_BUILD_APT_OPTION SIAGA_BUILD_CA
cp -R "$checkout/config" "$SIAGA_CONFIG"
compose up --detach --build > "$run/up.log" 2>&1 || { tail -n 60 "$run/up.log" >&2; die "up"; }
done_with "image built ($(docker image inspect --format '{{.Size}}' siaga112 | cut -c1-3) MB) and up"
wait_for 90 healthy || die "not healthy"
done_with "healthy"

take_call 0812001
done_with "a call put through"
wait_for 20 has_record 0812001 || die "the call has no record"
done_with "its record in the database"

crash_controller
take_call 0812002
done_with "controller killed, back, and a call put through"

try_edit
done_with "an edit in force on the running line"

try_mistake
healthy || die "a mistake in config/ touched the running line"
done_with "a mistake in config/ told and survived"

compose down --volumes > "$run/down.log" 2>&1 || { cat "$run/down.log" >&2; die "down"; }
done_with "down"
verdict="OK in $(($(date +%s) - began)) s: $timings"
