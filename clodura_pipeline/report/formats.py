"""How the page writes numbers."""


def count(value: float) -> str:
    """A number with separators: 12,500."""
    return f"{value:,.0f}"


def amount(value: float) -> str:
    """Credits, which may be fractional: 12,500 or 0.25."""
    return f"{value:,.2f}".removesuffix(".00")


def percent(value: float) -> str:
    """A share with one decimal: 61.3 %."""
    return f"{100 * value:.1f} %"
