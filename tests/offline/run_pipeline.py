"""Run inside the classroom, by the clone's Python: triggers `unload_erp`, waits for its end, prints how tasks ended."""

from __future__ import annotations

import json

from polling import poll_until

from lab.stack.environment import read_environment
from lab.stack.place import Stack
from lakelab.errors import LabError

DAG = "unload_erp"
PATIENCE = 900


def main() -> None:
    airflow = Stack(read_environment()).airflow
    run_id = airflow.trigger(DAG, {})

    def ended() -> bool:
        try:
            return airflow.run(DAG, run_id)["state"] in ("success", "failed")
        except LabError:
            return False

    poll_until(ended, f"the end of {run_id}", PATIENCE)
    states: dict[str, list[str]] = {}
    for task in airflow.tasks(DAG, run_id):
        states.setdefault(task["task_id"], []).append(str(task["state"]))
    print(json.dumps(states))


if __name__ == "__main__":
    main()
