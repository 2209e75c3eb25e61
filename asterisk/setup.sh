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
sed -i 's/^mosquitto:x:[0-9]*:[0-9]*:/mosquitto:x:11203:11203:/' "$root/etc/passwd"
sed -i 's/^mosquitto:x:[0-9]*:/mosquitto:x:11203:/' "$root/etc/group"
echo 'siaga:x:11201:11201:Siaga 112:/var/lib/siaga:/usr/sbin/nologin' >> "$root/etc/passwd"
echo 'siaga:x:11201:' >> "$root/etc/group"
echo 'desk:x:11202:11202:Siaga 112, the desk:/var/lib/siaga:/usr/sbin/nologin' >> "$root/etc/passwd"
echo 'desk:x:11202:' >> "$root/etc/group"

# mosquitto's plugins, where mosquitto.conf finds them on any kind of machine. Before 2.1 there are none.
(cd "$root/usr/lib" && set -- */mosquitto/mosquitto_persist_sqlite.so && [ -e "$1" ] \
    && ln -s "$(dirname "$1")" mosquitto)

# Debian's 2016_opus_plc.patch lets every translation drop a frame whose RTP sequence number jumped. A
# recording has one translation for the prompts and each far end in turn, so half of all talks were
# recorded without the far end. `ja` becomes `jmp`: nothing is dropped, as in Asterisk's own release.
translate='\x8b\x97\x88\x00{3}\x81\xfa\xff\xff\x00\x00\x77'
at=$(LC_ALL=C grep -obUaP "$translate" "$root/usr/sbin/asterisk" | LC_ALL=C cut -d: -f1)
case $at in
    '' | *[!0-9]*) echo "note: ast_translate is not as known; hear both sides of a recording before going live" >&2 ;;
    *) printf '\353' | dd of="$root/usr/sbin/asterisk" bs=1 seek=$((at + 12)) conv=notrunc status=none ;;
esac

mkdir -p "$root/opt/siaga/src" "$root/opt/siaga/env" "$root/var/lib/siaga"
rm -rf "$root/etc/asterisk" "$root/usr/share/asterisk/sounds"
ln -s /opt/siaga/src/asterisk/etc "$root/etc/asterisk"
ln -s /var/lib/siaga/current/sounds "$root/usr/share/asterisk/sounds"
ln -s /var/lib/siaga/recordings "$root/recordings"      # why: asterisk/dialplan.conf, record-call
