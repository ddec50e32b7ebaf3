"""`python -S healthy.py`: exit code 0 when the instance in this container serves."""

import sys
from http.client import HTTPConnection, HTTPException

connection = HTTPConnection("127.0.0.1", 8000, timeout=4)
try:
    connection.request("GET", "/health/live")
    sys.exit(connection.getresponse().status != 200)
except (OSError, HTTPException) as error:
    sys.exit(f"not healthy: {error}")
