"""`python -m fastvjp.metal`: which GPU there is and what it can do. Ends with 0 if it can be used."""

from __future__ import annotations

from fastvjp.devices import choice


def main() -> int:
    """Print it."""
    reason = choice.why_unavailable("metal")
    if reason is not None:
        print(f"metal cannot be used: {reason}")
        return 1
    from fastvjp.metal import device

    print(*(f"{name}: {value}" for name, value in device.finding._asdict().items()), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
