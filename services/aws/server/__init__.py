"""The executing AWS endpoint: AWS JSON 1.1 over HTTP, by botocore's own service models.

`signature` says who calls (SigV4); `shapes` reads requests and writes answers by the model's shapes; `service` joins
a model with the object that executes its operations; `app` is the ASGI application; `endpoint` builds the lab's own.
Nothing here knows a service by name but `endpoint` and `emr`.
"""
