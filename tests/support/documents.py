"""What stands in documents."""

from __future__ import annotations

import re
from collections.abc import Iterator


def programs(text: str) -> Iterator[tuple[str, str]]:
    """The blocks of Python of a document, each with the block of output behind it."""
    yield from re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", text, re.DOTALL)
