# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker with tasks that a test can hold in its hand. A script: run it by its path.

It loads the checkout under another package name than `avanim`, as an extension is loaded in Blender.
"""

import contextlib
import importlib
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("ext_x", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
sys.modules["ext_x"] = importlib.util.module_from_spec(_spec)
worker = importlib.import_module("ext_x.models.worker")
files = importlib.import_module("ext_x.rigs.files")
errors = importlib.import_module("ext_x.rigs.errors")


def run(job, progress, preview):
    if job.task == "slow":
        steps = int(job.options.get("steps", 400))
        with files.replacing(job.output) if job.output else contextlib.nullcontext() as file:
            for step in range(steps):
                progress(step / steps, "Sleeping")
                if step == 2 and "preview" in job.options:
                    preview(job.options["preview"])
                time.sleep(0.02)
            if file:
                file.write_text("whole")
        return job.options.get("answer") or {"steps": steps, "pid": os.getpid()}
    if job.task == "previewed":
        for step in range(3):
            progress(step / 3, "Sleeping")
            preview({"number": step})
            time.sleep(0.05)
        return {"previews": 3}
    if job.task == "stubborn":
        progress(0.5, "Not listening")
        time.sleep(60)
    if job.task == "chatty":
        print("printed by a library")
        subprocess.run([sys.executable, "-c", "print('printed by a child'); import sys; sys.stdin.read()"], check=True)
        return {"said": "enough"}
    if job.task == "environment":
        return dict(os.environ)
    if job.task == "input":
        raise errors.InputError("The file a.wav is silent; choose another.")
    if job.task == "not a number":
        return {"x": float("nan")}
    raise KeyError("a bug")


def about():
    return {
        "versions": {"python": "3", "torch": "none"},
        "device": "cpu",
        "device_name": "test",
        "free_memory": worker.free_memory(),
    }


if __name__ == "__main__":
    worker.serve(run, about)
