#!/bin/bash
# Whether the network reaches the server: while it is being prepared only its socket answers.
# One that is just coming up is waited for a little: most of the lab starts after it.
until pg_isready --quiet --host=127.0.0.1; do
  [ $SECONDS -lt 4 ] || exit 1
  sleep 0.3
done
