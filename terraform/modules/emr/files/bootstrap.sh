#!/bin/bash
# Bootstrap action of each node: its log begins with what the node is, so that a failing job can be told from a node
# that has not what the job wants. Argument: the release label that was asked for.
set -eu

echo "release   ${1:-unknown}"
echo "node      $(hostname), $(uname -sr), $(nproc) cores, $(awk '/MemTotal/ {printf "%.1f GB", $2 / 1e6}' /proc/meminfo)"
echo "python3   $(python3 --version 2>&1)"
# The students' job needs nothing newer; the others say themselves what they need.
python3 -c 'import sys; sys.exit(sys.version_info < (3, 7))' || { echo "python3 is older than 3.7" >&2; exit 1; }
