import os
import subprocess
import sys
import time

from tinychat.chatting.timing import Stopwatch


def test_the_phases_of_a_reply_come_in_their_order_and_add_up() -> None:
    watch = Stopwatch()
    watch.lap("imports")
    assert "".join(watch.during(["안", "녕"])) == "안녕"
    rows = [line.rsplit(maxsplit=2) for line in watch.table().splitlines()]
    assert [phase for phase, _, _ in rows] == [
        "python starts",
        "imports",
        "first piece of the reply",
        "rest of the reply",
        "together",
    ]
    *phases, together = (float(milliseconds) for _, milliseconds, _ in rows)
    assert abs(sum(phases) - together) < 0.5


def test_a_reply_without_text_has_its_time_too() -> None:
    watch = Stopwatch()
    assert list(watch.during([])) == []
    assert watch.phases[-1][0] == "reply without text"


def test_time_that_is_skipped_belongs_to_no_phase() -> None:
    watch = Stopwatch()
    skipped = watch.skip()
    assert skipped > 0
    assert len(watch.phases) == 1


def test_the_age_of_a_process_covers_what_python_did_before_it_could_look() -> None:
    code = (
        "import time; begun = time.perf_counter(); from tinychat.chatting.timing import process_age; "
        "own = time.perf_counter() - begun; print(process_age(), own)"
    )
    begun = time.perf_counter()
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    whole = time.perf_counter() - begun
    age, own = map(float, output.split())
    hundredth = 1 / os.sysconf("SC_CLK_TCK")
    assert own - hundredth < age < whole + hundredth
