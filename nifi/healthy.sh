#!/bin/bash
# Whether NiFi says that it runs, by its own management server, which answers in this container alone.
exec 3<>/dev/tcp/127.0.0.1/52020 && printf 'GET /health HTTP/1.0\r\n\r\n' >&3 && grep -q '200 OK' <&3
