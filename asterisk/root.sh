#!/bin/sh
# The private root: Debian sid with Asterisk, in a cache outside the checkout, run under bubblewrap.
#
#   asterisk/root.sh build            make it if it is not there, or go on with the last; print where it is
#   asterisk/root.sh path             print where it is
#   asterisk/root.sh run COMMAND...   run a command in it, with the state folder $SIAGA_STATE (var)
#   asterisk/root.sh serve NAME       run asterisk/start.sh NAME in it until it ends by itself
#   asterisk/root.sh tools PROGRAM... install Debian's packages of these names if they are missing
#   asterisk/root.sh uv ARGUMENTS...  run uv, fetched once into the cache
#   asterisk/root.sh web              fetch the one script of the console that is not ours (JsSIP), as its lock has it
#
# The host needs only mmdebstrap and bubblewrap, which `build` installs. The root is read-only when
# it runs; all it writes is in the state folder. asterisk/Dockerfile makes the same for Docker.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
checkout=$(dirname "$here")
# Under sudo HOME is root's as a rule, and what was built is in the home of who called it.
home=$HOME
if [ -n "${SUDO_USER:-}" ]; then
    caller=$(getent passwd "$SUDO_USER" | cut -d: -f6)
    [ ! -d "$caller/.cache/siaga112" ] || home=$caller
fi
cache=${SIAGA_CACHE:-${XDG_CACHE_HOME:-$home/.cache}/siaga112}

# Two checkouts may be built at once: the second waits for what the first is making.
one_at_a_time() {
    mkdir -p "$cache"
    exec 9> "$cache/lock"
    flock -n 9 || { say "waiting for another build"; flock 9; }
}
say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# One root for each list of packages and each way of setting it up; a change makes another.
wanted_root() {
    printf '%s/root-%s\n' "$cache" "$(cat "$here/packages" "$here/setup.sh" "$here/version.sh" | sha256sum | cut -c1-12)"
}

# One Python environment for each set of locked packages, beside the root it was made in.
wanted_environment() {
    printf '%s.env-%s\n' "$(wanted_root)" "$(sha256sum < "$checkout/uv.lock" | cut -c1-12)"
}

# What is wanted if it is there, else the newest that is: a line that could run must, and to build one
# takes a network. Nothing before the first.
environment_path() {
    {
        wanted_environment
        ls -dt "$(wanted_root)".env-???????????? 2>/dev/null || true
        ls -dt "$cache"/root-????????????.env-???????????? 2>/dev/null || true
    } | while IFS= read -r found; do
        [ ! -d "$found" ] || [ ! -d "${found%.env-*}" ] || { printf '%s\n' "$found"; break; }
    done
}
root_path() {
    set -- "$(environment_path)"
    printf '%s\n' "${1%.env-*}"
}

# Installs the Debian packages it is given, if any.
install() {
    [ $# = 0 ] && return
    say "installing $*"
    as_root apt-get update -q >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" >&2
}

install_tools() {
    set --
    command -v mmdebstrap >/dev/null || set -- "$@" mmdebstrap
    command -v bwrap >/dev/null || set -- "$@" bubblewrap
    python3 -c 'import ensurepip' 2>/dev/null || set -- "$@" python3-venv
    command -v gpg >/dev/null || set -- "$@" gpg
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || set -- "$@" debian-archive-keyring
    install "$@"
}

# What only developers need: the programs named, unless they are there.
install_programs() {
    for program; do
        shift
        command -v "$program" >/dev/null || set -- "$@" "$program"
    done
    install "$@"
}

# uv puts the locked packages in place in a second; it comes from the package index like the others.
uv() {
    if [ ! -x "$cache/uv/bin/uv" ]; then
        say "fetching uv"
        python3 -m venv "$cache/uv.new.$$"
        "$cache/uv.new.$$/bin/python" -m pip install --quiet --disable-pip-version-check 'uv==0.13.9' >&2
        rm -rf "$cache/uv"
        mv "$cache/uv.new.$$" "$cache/uv"
    fi
    # The host's own certificates where it has any: a network may vouch for itself with its own.
    [ ! -e /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS=true
    UV_CACHE_DIR="$cache/uv-cache" UV_PYTHON_DOWNLOADS=never "$cache/uv/bin/uv" "$@"
}

build_root() {
    root=$(wanted_root)
    [ -d "$root" ] && return
    say "building the private root (about half a minute)"
    as_root rm -rf "$root".new.*
    new="$root.new.$$"
    # A mirror may be older than its Release file says; whether that is fine, the host has decided.
    valid=$(apt-config dump --format '%f "%v";%n' Acquire::Check-Valid-Until 2>/dev/null || true)
    # It hands apt a descriptor by number, and dash knows none of two digits: leave it those of one.
    as_root mmdebstrap --variant=minbase --format=directory \
        ${valid:+--aptopt="$valid"} \
        --include="$(sed '/^#/d' "$here/packages" | tr '\n' ',')" \
        --customize-hook="sh '$here/setup.sh' \"\$1\"" \
        sid "$new" >&2 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- || { as_root rm -rf "$new"; die "mmdebstrap failed; its messages are above"; }
    as_root mv "$new" "$root"
}

build_environment() {
    environment=$(wanted_environment)
    [ -d "$environment" ] && return
    say "installing the Python packages into the root"
    new="$environment.new.$$"
    uv --version >/dev/null
    printf 'hosts: files dns\n' > "$cache/nsswitch.conf"
    mkdir -p "$new" "$cache/uv-cache-root"
    # What a download needs: a resolver, and the host's own certificates. While building only.
    set --
    for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs /usr/local/share/ca-certificates; do
        [ -e "$file" ] && set -- "$@" --ro-bind "$(readlink -f "$file")" "$file"
    done
    as_root bwrap --ro-bind "$(wanted_root)" / --dev /dev --proc /proc --tmpfs /tmp --tmpfs /run \
        --die-with-parent "$@" --ro-bind "$cache/nsswitch.conf" /etc/nsswitch.conf \
        --ro-bind "$checkout" /opt/siaga/src --bind "$new" /opt/siaga/env \
        --ro-bind "$cache/uv" /mnt --bind "$cache/uv-cache-root" /tmp/uv-cache \
        --setenv UV_CACHE_DIR /tmp/uv-cache --setenv UV_PYTHON_DOWNLOADS never \
        --setenv UV_SYSTEM_CERTS true --setenv UV_LINK_MODE copy \
        --setenv UV_PROJECT_ENVIRONMENT /opt/siaga/env \
        -- /mnt/bin/uv sync --quiet --frozen --no-dev --no-install-project --compile-bytecode \
        --project /opt/siaga/src >&2 || { as_root rm -rf "$new"; die "uv failed; see above"; }
    mv "$new" "$environment"
}

# What cannot be renewed, most often for lack of a network, is used as it is.
build() {
    "$here/root.sh" renew && return
    [ -n "$(environment_path)" ] || exit 1
    say "NOT renewed, for what is said above (is there a network?): going on with $(root_path)"
}

# npm comes in a wheel, locked like the others. Without JsSIP 112 answers all the same: only telephones in
# browsers are missing. What is there already is not touched: a console may be reading it.
web() {
    folder=$checkout/ivr/desk/console/web
    ! cmp -s "$folder/package-lock.json" "$folder/node_modules/of-lock.json" || return 0
    [ ! -e /etc/ssl/certs/ca-certificates.crt ] || export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
    say "fetching the telephone of the console"
    UV_PROJECT_ENVIRONMENT=$cache/npm uv run --quiet --frozen --no-default-groups --only-group web --project "$checkout" \
        -- npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error >&2 \
        && cp "$folder/package-lock.json" "$folder/node_modules/of-lock.json" \
        || say "WARNING: no telephone in a browser, for what is said above (is there a network?); 'make web' tries again"
}

run() {
    state=$(readlink -f "${SIAGA_STATE:-$checkout/var}")
    environment=$(environment_path)
    [ -n "$environment" ] || die "not built yet: run 'make up'"
    exec bwrap --ro-bind "${environment%.env-*}" / --dev /dev --proc /proc --tmpfs /tmp --tmpfs /run \
        --die-with-parent --unshare-pid --unshare-ipc --unshare-uts --hostname siaga \
        --ro-bind "$checkout" /opt/siaga/src --ro-bind "$environment" /opt/siaga/env \
        --bind "$state" /var/lib/siaga --chdir /opt/siaga/src \
        --setenv HOME /var/lib/siaga --setenv SIAGA_STATE /var/lib/siaga \
        --setenv SIAGA_STATE_SHOWN "$state" \
        --setenv SIAGA_SOUNDS /opt/siaga/src/asterisk/sounds --setenv PYTHONDONTWRITEBYTECODE 1 \
        --setenv PYTHONPATH /opt/siaga/src --setenv PATH /opt/siaga/env/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        -- "$@"
}

case ${1:-} in
    build) build; root_path ;;
    renew) one_at_a_time; install_tools; build_root; build_environment ;;
    tools) shift; install_programs "$@" ;;
    uv) shift; one_at_a_time; uv "$@" ;;
    web) one_at_a_time; web ;;
    path) root_path ;;
    run) shift; run "$@" ;;
    # A signal to the group must reach the service and not bubblewrap, whose end would kill it.
    # Ignored signals are inherited, and the service sets its own handlers.
    serve) shift; trap '' TERM INT; run sh asterisk/start.sh "$@" ;;
    *) die "usage: asterisk/root.sh build | path | run COMMAND... | serve NAME | tools ... | uv ... | web" ;;
esac
