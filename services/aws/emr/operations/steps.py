"""AddJobFlowSteps, DescribeStep, ListSteps, CancelSteps, ListBootstrapActions."""

from __future__ import annotations

from dataclasses import replace

from services.aws.emr import paging, rules, shapes
from services.aws.emr.errors import InvalidRequestException, ValidationException
from services.aws.emr.model import MAX_ACTIVE_STEPS, STEP_ENDED, CancelOption, Step, StepState
from services.aws.emr.operations.base import Operations
from services.aws.emr.requests import Request, need_some
from services.aws.emr.requests.steps import check_count, new_steps
from services.aws.emr.shapes import Shape

_MAX_STEP_IDS = 10


class StepOperations(Operations):
    def add_job_flow_steps(self, request: Request) -> Shape:
        with self._lock:
            cluster = self._job_flow(request)
            configs = need_some(request, "Steps", ValidationException)
            steps = new_steps(configs, cluster, self._clock(), request.get("ExecutionRoleArn"))
            active = sum(not step.bootstrap for step in self._store.live_steps(cluster.id))
            check_count(active, len(steps))
            self._scheduler.commit(*steps)
        return {"StepIds": [step.id for step in steps]}

    def describe_step(self, request: Request) -> Shape:
        return {"Step": shapes.step(self._step(self._cluster(request), request))}

    def list_steps(self, request: Request) -> Shape:
        """Newest first, 50 a page."""
        cluster = self._cluster(request)
        ids, states, marker = (request.get(name) for name in ("StepIds", "StepStates", "Marker"))
        if ids and len(ids) > _MAX_STEP_IDS:
            raise InvalidRequestException(f"At most {_MAX_STEP_IDS} step ids may be asked for at once.")
        if marker and self._store.step(cluster.id, marker) is None:
            raise paging.no_such_marker(marker)
        found = self._store.step_page(
            cluster.id, states=states or (), ids=ids or (), after=marker, size=paging.PAGE + 1
        )
        return paging.cut([shapes.step_summary(step) for step in found], "Steps")

    def cancel_steps(self, request: Request) -> Shape:
        """Pending steps are cancelled at once; running ones get a signal and are CANCEL_PENDING until they end."""
        given = request.get("StepCancellationOption", CancelOption.SEND_INTERRUPT)
        if given not in list(CancelOption):
            raise InvalidRequestException(f"StepCancellationOption {given} is not valid.")
        ids = need_some(request, "StepIds", InvalidRequestException)
        if len(ids) > MAX_ACTIVE_STEPS:
            raise InvalidRequestException(f"At most {MAX_ACTIVE_STEPS} steps may be cancelled at once.")
        with self._lock:
            cluster = self._cluster(request)
            steps = [self._step(cluster, {"StepId": step_id}) for step_id in dict.fromkeys(ids)]
            changed = [after for step in steps if (after := self._cancelled(step, CancelOption(given))) != step]
            if changed:
                self._scheduler.commit(*changed)
        return {"CancelStepsInfoList": [_cancel_info(step) for step in steps]}

    def list_bootstrap_actions(self, request: Request) -> Shape:
        actions = self._store.bootstrap_actions(self._cluster(request).id)
        return {"BootstrapActions": [shapes.bootstrap_action(action) for action in actions]}

    def _cancelled(self, step: Step, option: CancelOption) -> Step:
        if step.state is StepState.PENDING:
            return step.to(StepState.CANCELLED, self._clock(), reason=rules.CANCELLED_BY_USER)
        if step.state is StepState.RUNNING:
            return replace(step.to(StepState.CANCEL_PENDING, self._clock()), cancel=option)
        if step.state is StepState.CANCEL_PENDING and option is CancelOption.TERMINATE_PROCESS:
            return replace(step, cancel=option)
        return step


def _cancel_info(before: Step) -> Shape:
    if before.state in STEP_ENDED:
        reason = f"Cannot cancel a step in state {before.state}."
        return {"StepId": before.id, "Status": "FAILED", "Reason": reason}
    return {"StepId": before.id, "Status": "SUBMITTED"}
