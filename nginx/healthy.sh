#!/bin/bash
# Whether Nginx answers; what is behind it has health checks of its own.
exec 3<>/dev/tcp/127.0.0.1/8081 && printf 'GET /health HTTP/1.0\r\n\r\n' >&3 && grep -q '^ok' <&3
