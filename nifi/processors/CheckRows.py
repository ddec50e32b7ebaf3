"""Processor CheckRows."""

from __future__ import annotations

from typing import Any

from nifiapi.flowfiletransform import FlowFileTransform, FlowFileTransformResult
from nifiapi.relationship import Relationship

from labflow import rows
from labflow.nifi import declare

KEPT = ["accepted", "rejected"]


class CheckRows(FlowFileTransform):
    class Java:
        implements = ["org.apache.nifi.python.processor.FlowFileTransform"]

    class ProcessorDetails:
        version = "1.0.0"
        description = (
            "Checks the header and each row of a CSV file against the catalogue. The table is the beginning of the "
            "file's name. Keeps the accepted rows, as the stage has them, or the rejected ones with the reason."
        )
        tags = ["csv", "validate", "catalogue", "lakelab"]

    def __init__(self, **_: Any) -> None:
        pass

    def getPropertyDescriptors(self) -> list[Any]:
        return [declare("Keep", "Which rows", KEPT[0], allowable_values=KEPT)]

    def getRelationships(self) -> list[Any]:
        return [Relationship("success", "Rows of this kind"), Relationship("none", "There are no rows of this kind")]

    def transform(self, context: Any, flowfile: Any) -> FlowFileTransformResult:
        accepted = context.getProperty("Keep").getValue() == KEPT[0]
        name, content = flowfile.getAttribute("filename"), flowfile.getContentsAsBytes()
        try:
            checked = rows.check_file(name, content)
        except rows.RefusedError as refused:
            attributes = {"table": "_unknown", "rows.rejected.why": str(refused)}
            if accepted:
                return FlowFileTransformResult("none", attributes=attributes)
            self.logger.warn(f"{name}: {refused}")
            return FlowFileTransformResult(
                "success", contents=rows.refused(content, str(refused)), attributes=attributes
            )
        kept = checked.accepted if accepted else checked.rejected
        good, bad = checked.counts
        attributes = {"table": checked.table, "rows.accepted": str(good), "rows.rejected": str(bad)}
        if not kept:
            return FlowFileTransformResult("none", attributes=attributes)
        return FlowFileTransformResult("success", contents=kept, attributes=attributes)
