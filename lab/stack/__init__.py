"""The stack: the lab in Docker Compose. What runs on the host, and the roles that run in image `lakelab/lab`."""
