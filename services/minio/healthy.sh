#!/bin/bash
# Whether MinIO takes requests. Plain bash: the image has no HTTP client. MinIO wants a Host header.
exec 3<>/dev/tcp/127.0.0.1/9000 || exit 1
printf 'GET /minio/health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 3 status <&3 && [[ $status == *" 200 "* ]]
