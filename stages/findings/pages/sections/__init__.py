"""What the pages tell, a file a subject: its template for the main page, for the appendix, and the words they need.

A section has `PAGE`, `APPENDIX` or both, Jinja templates of Markdown, and `words`, which takes the tables and returns
what the templates name; None leaves the section out. Sentences hold whatever the tables say.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from stages.findings.declare import modules


def every() -> list[ModuleType]:
    """The sections in the order of the subjects."""
    return modules(lambda name: import_module(f"{__name__}.{name}"), Path(__file__).parent)
