#!/bin/sh
# Turns a Debian root with our packages into Siaga's: users, links, no resolver. $1 is the root,
# empty for the one we are in. Used by asterisk/root.sh and asterisk/Dockerfile: both make the same.
set -eu
root=${1:-}
here=$(cd "$(dirname "$0")" && pwd)

sh "$here/version.sh" "$(if [ -n "$root" ]; then chroot "$root" asterisk -V; else asterisk -V; fi)"

# Every name is in /etc/hosts and nothing else is asked: a DNS server that does not answer must
# not slow a call (Asterisk looks its own name up twice for each INVITE).
sed -i 's/^hosts:.*/hosts: files/' "$root/etc/nsswitch.conf"
# Asterisk's own resolver heeds only resolv.conf. Docker writes both files itself.
if [ -n "$root" ]; then
    printf '127.0.0.1 localhost siaga\n' > "$root/etc/hosts"
    rm -f "$root/etc/resolv.conf"
    : > "$root/etc/resolv.conf"
fi

# Numbers that no user of the host has: secrets and recordings belong to them.
sed -i 's/^asterisk:x:[0-9]*:[0-9]*:/asterisk:x:11200:11200:/' "$root/etc/passwd"
sed -i 's/^asterisk:x:[0-9]*:/asterisk:x:11200:/' "$root/etc/group"
echo 'siaga:x:11201:11201:Siaga 112:/var/lib/siaga:/usr/sbin/nologin' >> "$root/etc/passwd"
echo 'siaga:x:11201:' >> "$root/etc/group"

mkdir -p "$root/opt/siaga/src" "$root/opt/siaga/env" "$root/var/lib/siaga"
rm -rf "$root/etc/asterisk" "$root/usr/share/asterisk/sounds"
ln -s /opt/siaga/src/asterisk/etc "$root/etc/asterisk"
ln -s /var/lib/siaga/current/sounds "$root/usr/share/asterisk/sounds"
