"""``refimpl gallery FOLDER``: the pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from refimpl.commands import Progress, UsageError


def add(commands: Any) -> None:
    gallery = commands.add_parser("gallery", help="draw the pictures")
    gallery.add_argument("folder", type=Path)
    gallery.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from refimpl.checking.gallery import draw

    progress = Progress()
    try:
        pictures = draw(options.folder, progress)
    except (ModuleNotFoundError, OSError) as failure:
        raise UsageError(str(failure)) from failure
    progress.close()
    for picture in pictures:
        print(picture)
    return 0
