"""How numbers are said."""


def count(number: int, one: str, more: str = "") -> str:
    """`1 pair`, `3 pairs`, `no pairs`."""
    return f"{number or 'no'} {one if number == 1 else more or one + 's'}"
