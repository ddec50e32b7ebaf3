"""Processor PutS3."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException
from nifiapi.flowfiletransform import FlowFileTransform, FlowFileTransformResult

from labflow.nifi import FLOW_FILE, declare, values

SECONDS = 10.0  # for a connection, and for each answer


class PutS3(FlowFileTransform):
    class Java:
        implements = ["org.apache.nifi.python.processor.FlowFileTransform"]

    class ProcessorDetails:
        version = "1.0.0"
        description = "Puts the content as an object into a bucket. The same name again replaces the object."
        tags = ["s3", "put", "object", "lakelab"]

    def __init__(self, **_: Any) -> None:
        self.client: Any = None

    def getPropertyDescriptors(self) -> list[Any]:
        return [
            declare("Endpoint URL", "http(s)://host:port"),
            declare("Region", "Name of the region"),
            declare("Access Key", "Access key"),
            declare("Secret Key", "Secret key", sensitive=True),
            declare("Bucket", "Bucket", expression_language_scope=FLOW_FILE),
            declare("Object Key", "Name of the object", "${filename}", expression_language_scope=FLOW_FILE),
        ]

    def onScheduled(self, context: Any) -> None:
        settings = values(context, self.getPropertyDescriptors())
        url = urlsplit(settings["Endpoint URL"])
        self.client = Minio(
            url.netloc,
            access_key=settings["Access Key"],
            secret_key=settings["Secret Key"],
            region=settings["Region"],
            secure=url.scheme == "https",
            http_client=urllib3.PoolManager(timeout=SECONDS, retries=urllib3.Retry(1, backoff_factor=0.2)),
        )

    def transform(self, context: Any, flowfile: Any) -> FlowFileTransformResult:
        bucket, key = (
            context.getProperty(name).evaluateAttributeExpressions(flowfile).getValue()
            for name in ("Bucket", "Object Key")
        )
        data = flowfile.getContentsAsBytes()
        kind = flowfile.getAttribute("mime.type") or "application/octet-stream"
        try:
            put = self.client.put_object(bucket, key, io.BytesIO(data), len(data), content_type=kind)
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
            self.logger.error(f"s3://{bucket}/{key}: {error}")
            return FlowFileTransformResult("failure", attributes={"s3.error": str(error)[:500]})
        return FlowFileTransformResult("success", attributes={"s3.bucket": bucket, "s3.key": key, "s3.etag": put.etag})
