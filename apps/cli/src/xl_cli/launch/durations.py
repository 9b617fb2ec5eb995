"""Lengths of time in words."""


def exactly(seconds: float) -> str:
    """`seconds` to the second: "40 s", "2 min 30 s", "3 h 20 min 5 s"; of two half a minute apart none is the other."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    parts = ((minutes // 60, "h"), (minutes % 60, "min"), (rest, "s"))
    return f"{whole} s" if whole < 90 else " ".join(f"{count} {unit}" for count, unit in parts if count)


def words(seconds: float) -> str:
    """`seconds` as a person says them: "40 s", "17 min", "3 h 20 min", "2 days 5 h"."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 36:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(hours + minutes / 60), 24)
    return f"{days} day{'s' * (days > 1)}" + (f" {hours} h" if hours else "")
