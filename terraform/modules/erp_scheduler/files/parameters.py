"""What the instance gets from AWS, and the one thing that it makes: the key of the pseudonyms.

variables FILE   write Airflow's variables, as Terraform left them in Parameter Store; says `changed` when they are new
password         print the token of the registry
key              put a key of the pseudonyms into the bucket, unless one is there: no run may change it
"""

import os
import secrets
import sys
from pathlib import Path


def client(service):
    import boto3

    return boto3.client(service, region_name=os.environ["AWS_REGION"])


def parameter(name):
    return client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]


def write_variables(path, value):
    """Seen whole or not at all; True when it differs from what was there."""
    if path.exists() and path.read_text() == value:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(value)
    new.chmod(0o644)  # for Airflow's own user
    new.replace(path)
    return True


def ensure_key(s3, bucket, name="keys/pseudonym.key"):
    """True when a key was made."""
    if s3.list_objects_v2(Bucket=bucket, Prefix=name).get("KeyCount"):
        return False
    s3.put_object(Bucket=bucket, Key=name, Body=f"{secrets.token_hex(32)}\n".encode())
    return True


def main(what, *rest):
    if what == "variables":
        if write_variables(Path(rest[0]), parameter(os.environ["VARIABLES_PARAMETER"])):
            print("changed")
    elif what == "password":
        print(parameter(os.environ["DOCKER_PASSWORD_PARAMETER"]))
    elif what == "key":
        ensure_key(client("s3"), os.environ["LAB_BUCKET"])
    else:
        sys.exit(f"parameters.py: no {what}")


if __name__ == "__main__":
    main(*sys.argv[1:])
