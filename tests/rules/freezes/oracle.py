"""Which minutes a freeze or a window holds, by Python's zoneinfo and by another definition.

Nothing here resolves a boundary to an instant. The clocks have reached a boundary for the first time if
they have shown it, or a later time. They have reached it for the last time if they will not show it again,
nor an earlier time. A freeze lasts from the first time of its beginning to the last time of its end, a
window from the last time of its beginning to the first time of its end.

Reads {"zone", "entries": [{"kind", "weekly": [[F, T], ...]} or {"kind", "once": [F, T]}]} from standard
input; prints [{"from", "to", "held": [[[first, end], ...] of each entry]}], all in minutes since 1970.
"""

import json
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone
from itertools import accumulate

EPOCH = datetime(1970, 1, 1)
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
DAY = 24 * 60
WEEK = 7 * DAY
# No clock is set back by more than this.
MARGIN = 6 * 60
YEARS = (2026, 2027)


def clock(zone, minute):
    shown = datetime.fromtimestamp(minute * 60, timezone.utc).astimezone(zone).replace(tzinfo=None)
    return (shown - EPOCH) // timedelta(minutes=1)


def ranges(zone):
    """A day and a half on both sides of each change of the offset, and the turn of each year."""
    start, end = (int((datetime(year, 1, 1) - EPOCH).total_seconds()) // 60
                  for year in (YEARS[0], YEARS[1] + 1))
    hours = range(start, end, 60)
    offsets = [clock(zone, hour) - hour for hour in hours]
    changes = [hour for hour, before, after in zip(hours[1:], offsets, offsets[1:]) if before != after]
    if not changes:
        # Where clocks never change, the days on which they do elsewhere.
        changes = [int((datetime(*day) - EPOCH).total_seconds()) // 60
                   for day in [(2026, 3, 29), (2026, 10, 25), (2027, 3, 28), (2027, 10, 31)]]
    turns = [start + DAY // 2, start + 365 * DAY]
    return [(at - 3 * DAY // 2, at + 3 * DAY // 2) for at in changes] + [
        (at - DAY // 2, at + DAY // 2) for at in turns]


def of_week(text):
    day, time = text.split()
    hour, minute = time.split(":")
    return DAYS.index(day) * DAY + int(hour) * 60 + int(minute)


def civil(text):
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(minutes=1)


def intervals(entry, first, last):
    """In minutes of the clocks, near those from first to last."""
    if "once" in entry:
        return [tuple(map(civil, entry["once"]))]
    found = []
    # 1970 began on a Thursday.
    monday = (first + 3 * DAY) // WEEK * WEEK - 3 * DAY
    for start in range(monday - 2 * WEEK, last + 2 * WEEK, WEEK):
        for begin, end in entry["weekly"]:
            begin, end = of_week(begin), of_week(end)
            end += WEEK if end <= begin else 0
            found.append((start + begin, start + end))
    return found


def held(entry, begin, end, shown):
    seen = list(accumulate(shown, max))
    coming = list(reversed(list(accumulate(reversed(shown), min))))
    spans = intervals(entry, shown[0], shown[-1])
    runs = []
    for minute in range(begin, end):
        index = minute - begin + MARGIN

        def first(boundary):
            return seen[index] >= boundary

        def last(boundary):
            return coming[index] >= boundary and coming[index + 1] > boundary

        if entry["kind"] == "freeze":
            holds = any(first(f) and not last(t) for f, t in spans)
        else:
            holds = any(last(f) and not first(t) for f, t in spans)
        if holds and runs and runs[-1][1] == minute:
            runs[-1][1] = minute + 1
        elif holds:
            runs.append([minute, minute + 1])
    return runs


def main():
    question = json.load(sys.stdin)
    zone = zoneinfo.ZoneInfo(question["zone"])
    answers = []
    for begin, end in ranges(zone):
        shown = [clock(zone, minute) for minute in range(begin - MARGIN, end + MARGIN)]
        runs = [held(entry, begin, end, shown) for entry in question["entries"]]
        answers.append({"from": begin, "to": end, "held": runs})
    json.dump(answers, sys.stdout)


main()
