import pytest
from support.loops import forget

from fastvjp.recording import ready


@pytest.fixture
def plans(monkeypatch):
    """All plans that are made."""
    made, make_plan = [], ready.make_plan

    def kept(*args):
        made.append(make_plan(*args))
        return made[-1]

    monkeypatch.setattr(ready, "make_plan", kept)
    forget()
    return made
