from collections.abc import Iterator
from tests.benchmarks.lines import Line
def lines(full: bool) -> Iterator[Line]:
    return iter(())
