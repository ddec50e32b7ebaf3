"""Processor CheckChanges."""

from __future__ import annotations

from typing import Any

from nifiapi.flowfiletransform import FlowFileTransform, FlowFileTransformResult

from labflow import catalogue, envelope, lines


class CheckChanges(FlowFileTransform):
    class Java:
        implements = ["org.apache.nifi.python.processor.FlowFileTransform"]

    class ProcessorDetails:
        version = "1.0.0"
        description = (
            "Checks each message of ConsumeKafkaTopic: a change of Debezium, of its topic's table, with the columns of "
            'the catalogue and the key of its row. A line is {"op":…,"dt":… then, or {"dead":reason,"dt":…'
        )
        tags = ["debezium", "change", "validate", "lakelab"]

    def __init__(self, **_: Any) -> None:
        pass

    def transform(self, context: Any, flowfile: Any) -> FlowFileTransformResult:
        checked = list(envelope.check(lines.unpack(flowfile.getContentsAsBytes())))
        dead = sum("dead" in line for line in checked)
        table = catalogue.by_topic(flowfile.getAttribute("kafka.topic"))
        attributes = {"table": table.name if table else "", "dead.count": str(dead)}
        if dead:
            self.logger.warn(
                f"{flowfile.getAttribute('filename')}: {dead} of {len(checked)} messages go to the dead letters"
            )
        return FlowFileTransformResult("success", contents=lines.pack(checked), attributes=attributes)
