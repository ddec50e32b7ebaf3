#!/bin/bash
# Whether the network reaches the server: while it is being prepared only its socket answers.
pg_isready --quiet --host=127.0.0.1
