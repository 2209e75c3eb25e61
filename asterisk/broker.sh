#!/bin/sh
# Inside the private root or the container, as the broker's user: becomes mosquitto. Nobody outside can
# send it a signal from there, so a process beside it looks whether another configuration came into force
# and has it read its accounts anew. Who is connected and still has an account stays connected.
set -eu
cd /var/lib/siaga

seen=$(readlink current)
while sleep 1 && kill -0 $$ 2>/dev/null; do
    now=$(readlink current)
    [ "$now" = "$seen" ] || kill -HUP $$
    seen=$now
done &
exec mosquitto -c /opt/siaga/src/asterisk/mosquitto.conf
