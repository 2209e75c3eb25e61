#!/bin/sh
# The stand-in for one call, inside the private root or the container. Asterisk starts it as its own
# user and speaks to it over the standard input and output; what it logs goes to Asterisk's log:
#   AGI(/opt/siaga/src/asterisk/standin.sh,<CALLREF>,<context that asks>,menu | repeat)
#
# It ends by itself. If it spins, the limit of CPU time ends it; if it was stopped, the end of the
# thread in Asterisk that holds its call wakes it to the hang-up it missed (prctl(2), PDEATHSIG).
set -eu
ulimit -t 10

# The caller waits: -S saves what `site` does, and the places it would find are named instead; who
# lives for one call need not look for garbage.
for packages in /opt/siaga/env/lib/python3*/site-packages; do :; done
export PYTHONPATH="/opt/siaga/src:$packages"
exec setpriv --pdeathsig CONT python3 -S -P -c 'import gc; gc.disable(); from ivr.standin import main; main()'
