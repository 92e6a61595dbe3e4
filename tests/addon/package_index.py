# SPDX-License-Identifier: GPL-3.0-or-later
"""A package index on this machine, whose packages are a few bytes each."""

import contextlib
import functools
import http.server
import threading
import time
import zipfile
from pathlib import Path

from avanim.avanim_addon import runtime
from packaging.requirements import Requirement


class Index(http.server.ThreadingHTTPServer):
    """Serves a folder. `asked` are the packages that were fetched; one in `stalled` does not come the first time."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.stalled: set[str] = set()
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        name = self.path.rpartition("/")[2].partition("-")[0]
        if self.path.endswith(".whl"):
            self.server.asked.append(name)
            if name in self.server.stalled:
                self.server.stalled.discard(name)
                self.send_response(200)
                self.send_header("Content-Length", "1000000")
                self.end_headers()
                with contextlib.suppress(OSError):
                    for _ in range(600):
                        self.wfile.write(b"0" * 100)
                        time.sleep(0.1)
                return
        super().do_GET()

    def log_message(self, *words):
        pass


def write_wheel(folder: Path, name: str, version: str) -> None:
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"__version__ = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def write_pages(folder: Path) -> Path:
    """What the index serves: the pinned versions, with a torch as its makers name the one without CUDA."""
    folder.mkdir(exist_ok=True)
    for requirement in map(Requirement, runtime.pins()):
        version = str(requirement.specifier).removeprefix("==")
        page = folder / requirement.name.replace("_", "-")  # as pip asks for it
        page.mkdir(exist_ok=True)
        write_wheel(page, requirement.name, version + ("+cpu" if requirement.name == "torch" else ""))
    return folder
