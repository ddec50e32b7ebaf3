"""Processor MaskChanges."""

from __future__ import annotations

from typing import Any

from nifiapi.flowfiletransform import FlowFileTransform, FlowFileTransformResult
from nifiapi.relationship import Relationship

from labflow import lines, masking
from labflow.nifi import declare, values


class MaskChanges(FlowFileTransform):
    class Java:
        implements = ["org.apache.nifi.python.processor.FlowFileTransform"]

    class ProcessorDetails:
        version = "1.0.0"
        description = (
            "Masks the personal fields of checked changes as the catalogue says: numbers of persons become keyed "
            "pseudonyms, names and addresses are left out, dates of birth become years. Attributes tell table, op, "
            "keys, offsets and places in the log."
        )
        tags = ["mask", "pseudonym", "gdpr", "lakelab"]

    def __init__(self, **_: Any) -> None:
        pass

    def getPropertyDescriptors(self) -> list[Any]:
        layouts = [masking.CHANGE, masking.ROW]
        return [
            declare("Pseudonym Key", "Secret of the pseudonyms, in hexadecimal digits", sensitive=True),
            declare(
                "Layout", "change: before and after. row: the state after it, with _op, _lsn and _deleted", layouts[0],
                allowable_values=layouts,
            ),
        ]  # fmt: skip

    def getRelationships(self) -> list[Any]:
        return [Relationship("success", "Masked changes"), Relationship("none", "Nothing is left in this layout")]

    def onScheduled(self, context: Any) -> None:
        settings = values(context, self.getPropertyDescriptors())
        self.key, self.layout = bytes.fromhex(settings["Pseudonym Key"]), settings["Layout"]

    def transform(self, context: Any, flowfile: Any) -> FlowFileTransformResult:
        records = list(lines.unpack(flowfile.getContentsAsBytes()))
        masked = masking.mask(records, self.key, self.layout)
        withheld = masked.attributes.get("columns.withheld")
        if withheld:
            self.logger.warn(f"{masked.attributes['table']}: {withheld} is not in the catalogue, and withheld")
        if not masked.content:
            return FlowFileTransformResult("none", attributes=masked.attributes)
        return FlowFileTransformResult("success", contents=masked.content, attributes=masked.attributes)
