"""What others have published about these programs: schedules to the first bug, and class counts.

The first five columns are of the SURW study (20 trials, at most 10,000 schedules; ``(n)``: found in
n of them, ``never``: in none), RFF and PERIOD of the RFF study; there, events are machine
instructions.  The columns "Sim" are a simulation with the events of these programs here.
"""

from __future__ import annotations

COLUMNS = (
    *("RW", "PCT3", "PCT10", "POS", "SURW", "RFF", "PERIOD"),
    *("Sim RW", "Sim PCT3", "Sim POS", "Sim SURW", "Sim p95"),
)

#: Program, then a cell for each column; "." where nothing was published.
_CELLS = """
account          | 18|4|4|4|6|1|10|5|4|4|4|10
arithmetic_prog  | .|.|.|.|.|.|.|1|1|1|1|.
bluetooth_driver | 215|112|83|36|70|45|9|7|23|10|8|25
carter01         | 1|5|3|2|.|2|4|2|3|3|2|5
circular_buffer  | 4|9|5|2|3|2|3|1|4|1|1|1
deadlock01       | 3|13|7|4|2|5|3|3|8|7|4|15
dining_3         | .|.|.|.|.|.|.|11|28|13|5|22
dining_5         | .|.|.|.|.|.|.|44|1466|80|39|150
lazy01           | 21|5|5|5|2|6|7|2|3|2|2|6
queue            | 1|3|2|1|2|1|4|1|7|1|1|1
reorder_3        | never|185|148|86|7|7|6|30|22|17|8|16
reorder_4        | never|554|362|533|7|6|9|101|43|32|9|27
reorder_5        | never|647|1094|2169|10|6|12|346|80|74|11|37
reorder_10       | never|3225 (16)|4462 (12)|never|17|6|27|never|914|992|26|61
reorder_20       | never|3005|3297 (17)|never|6|6|39|never|418|1130|6|16
reorder_50       | never|3304 (6)|9422 (1)|never|13|6|129|.|.|.|.|.
reorder_100      | never|never|never|never|194|6|297|.|.|.|.|.
stack            | 176|3|3|2|5|2|8|2|3|2|2|3
stringbuffer     | 2243 (19)|281|26|23|8|15|27|11|86|14|9|31
token_ring       | 13|8|8|9|8|5|2|9|11|3|8|25
twostage         | 464|13|9|15|8|8|4|35|7|12|12|24
twostage_20      | never|159|101|156|6|22|76|never|628|874|74|210
twostage_50      | never|1676|692|1637|20|35|286|never|3610 (15)|2340 (17)|121|.
twostage_100     | never|7466 (3)|5726 (9)|6674 (3)|454|56|690|.|.|.|.|.
wronglock_3      | 36|58|14|11|9|1|5|4|7|4|4|9
wronglock        | 36|51|20|10|7|1|4|4|10|5|5|11
work_stealing    | .|48|16|12|6|.|.|134|17|24|3|13
bounded_buffer   | 7|20|6|5|9|.|.|.|.|.|.|.
aget             | 1|2|2|1|2|.|.|.|.|.|.|.
safestack        | never|never|never|never|368921 (19)|never|.|.|.|.|.|.
"""

PUBLISHED: dict[str, dict[str, str]] = {}
for _line in _CELLS.strip().splitlines():
    _name, *_cells = [cell.strip() for cell in _line.split("|")]
    _pairs = zip(COLUMNS, _cells, strict=True)
    PUBLISHED[_name] = {column: cell for column, cell in _pairs if cell != "."}

#: Complete executions with partial-order reduction, as simulated with the events of these programs.
CLASSES = {
    "deadlock01": 3,
    "sync01": 3,
    "twostage": 3,
    "stringbuffer": 6,
    "phase01": 6,
    "lazy01": 6,
    "account": 6,
    "carter01": 4,
    "dining_3": 7,
    "dining_5": 28,
    "sync02": 9,
    "bluetooth_driver": 10,
    "din_phil2": 16,
    "token_ring": 24,
    "reorder_3": 56,
    "arithmetic_prog": 58,
    "wronglock_3": 360,
    "circular_buffer": 467,
    "reorder_4": 1248,
    "work_stealing": 2377,
    "reorder_5": 40032,
}

#: Why a class count here cannot be the published one.
WHY_DIFFERENT = {
    "arithmetic_prog": "the published count is of a signal that takes no lock; notify needs it",
    "sync02": "the published count is of a signal that takes no lock; notify needs it",
    "dining_5": "2⁵ orders at five forks, less the two cyclic ones, and the deadlock: 31 by hand",
    "work_stealing": "when what is pushed and popped, and how it grows, is not in the description",
}


def schedules(name: str, column: str) -> float | None:
    """The published mean; None where there is none, infinity where the bug was never found."""
    cell = PUBLISHED.get(name, {}).get(column)
    if cell is None:
        return None
    return float("inf") if cell == "never" else float(cell.partition(" ")[0])
