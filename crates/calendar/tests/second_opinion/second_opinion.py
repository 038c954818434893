"""Dates of recurrence patterns by another way: python-dateutil and zoneinfo.

A pattern a line in, a list of instants a line out; at the end how many seconds all of them took.
"""

import json
import sys
from datetime import datetime, timezone
from itertools import count, islice, takewhile
from time import perf_counter
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from dateutil.rrule import DAILY, MO, WEEKLY, FR, SA, SU, TH, TU, WE, rrule

DAYS = {"MO": MO, "TU": TU, "WE": WE, "TH": TH, "FR": FR, "SA": SA, "SU": SU}


def walls(pattern, anchor):
    kind, interval = pattern["pattern_type"], pattern["interval"]
    if kind == "daily":
        return rrule(DAILY, dtstart=anchor, interval=interval)
    if kind == "weekly":
        days = [DAYS[day] for day in pattern["days_of_week"]]
        return rrule(WEEKLY, dtstart=anchor, interval=interval, wkst=MO, byweekday=days)
    if kind == "monthly":
        # Adding months keeps to the last day where the day does not exist; counted from the first of the month, so that nothing is lost.
        day = pattern.get("day_of_month") or anchor.day
        first = anchor.replace(day=1)
        months = (first + relativedelta(months=interval * n, day=day) for n in count())
        return (wall for wall in months if wall >= anchor)
    return (anchor + relativedelta(years=interval * n) for n in count())


def dates(pattern, after, wanted):
    zone = ZoneInfo(pattern["timezone"])
    last = pattern.get("end_by_date")
    anchor = datetime.fromisoformat(pattern["anchor_local"])
    until = takewhile(lambda wall: last is None or wall.date().isoformat() <= last, walls(pattern, anchor))
    # A time that is skipped counts by the offset before, one that comes twice is the first: what fold=0 means.
    instants = (wall.replace(tzinfo=zone).astimezone(timezone.utc) for wall in until)
    later = (instant for instant in instants if instant > after)
    return [instant.strftime("%Y-%m-%dT%H:%M:%SZ") for instant in islice(later, wanted)]


took = 0.0
for line in sys.stdin:
    asked = json.loads(line)
    after = datetime.fromisoformat(asked["after"].replace("Z", "+00:00"))
    began = perf_counter()
    answer = dates(asked["pattern"], after, asked["count"])
    took += perf_counter() - began
    print(json.dumps(answer))
print(took)
