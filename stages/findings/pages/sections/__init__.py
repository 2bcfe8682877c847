"""What the pages' templates name, a file a subject: `words` returns it; None leaves the subject out.

Sentences hold whatever the tables say.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from stages.findings.declare import Frames


def words(subject: str, frames: Frames) -> dict[str, Any] | None:
    """What the template of a subject names; nothing where it needs none."""
    if not (Path(__file__).parent / f"{subject}.py").is_file():
        return {}
    return import_module(f"{__name__}.{subject}").words(frames)
