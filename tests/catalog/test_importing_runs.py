import gzip
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from itertools import count
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from catalog.importing import catalogue, changes, reading
from catalog.importing.reading import Terms, read_product
from catalog.importing.report import with_progress
from catalog.importing.writing import ImportRunning, import_lock
from catalog.models import Brand, Category, Product, Stock, StockMovement, Variant
from tests.catalog.feed import row, snapshot, stock_that_differs_from_its_ledger

# --- Files ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("missing.ndjson", None, "does not exist."),
        ("empty.ndjson", b"", "is empty."),
        ("empty.ndjson.gz", gzip.compress(b""), "is empty."),
        ("plain.ndjson.gz", b'{"id": 1}\n', "is not gzip, although its name ends in .gz."),
        ("cut.ndjson.gz", gzip.compress(json.dumps(row()).encode() + b"\n")[:-12], "gzip data ends in the middle."),
        ("program.ndjson", b"\x7fELF\x02\x01\x01\x00\x00\x00", "is a binary file, not lines of JSON."),
        ("archive.ndjson.gz", gzip.compress(b"file" + b"\x00" * 508), "is a binary file, not lines of JSON."),
    ],
    ids=count(1),  # gzip data holds the time, and is no name for a test
)
def test_broken_file_gets_one_sentence_and_stores_nothing(tmp_path, run, name, content, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CommandError) as caught:
        run(path)

    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.endswith(sentence)
    assert message.count("\n") == 0
    assert Product.objects.count() == 0


@pytest.mark.django_db
def test_directory_is_refused(tmp_path, run):
    with pytest.raises(CommandError, match=r"is a directory, not a file\.$"):
        run(tmp_path)


@pytest.mark.django_db
def test_gzip_cut_off_after_many_lines_stores_nothing(write_file, run):
    whole = write_file(*(row(number, description=str(hash(number)) * 20) for number in range(3000)), name="a.ndjson.gz")
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) * 3 // 4])

    with pytest.raises(CommandError, match=r"is cut off: its gzip data ends in the middle\.$"):
        run(whole)

    assert (Product.objects.count(), Category.objects.count(), Brand.objects.count()) == (0, 0, 0)


@pytest.mark.django_db
def test_damaged_gzip_stores_nothing(write_file, run):
    whole = write_file(*(row(number) for number in range(3000)), name="a.ndjson.gz")
    data = bytearray(whole.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = b"\xff" * 64
    whole.write_bytes(data)

    with pytest.raises(CommandError, match=r"is damaged gzip: .*\.$"):
        run(whole)

    assert Product.objects.count() == 0


@pytest.mark.django_db
def test_gzip_is_known_by_its_content_and_a_byte_order_mark_is_no_matter(tmp_path, run):
    path = tmp_path / "catalogue.ndjson"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + json.dumps(row()).encode()))

    assert run(path)["created"] == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--rate", "0"], "'0' is not a rate such as 129.50."),
        (["--rate", "nan"], "'nan' is not a rate such as 129.50."),
        (["--stock", "-1"], "'-1' is not a whole number from 0 to 1,000,000."),
        (["--limit", "many"], "'many' is not a whole number from 0 to 1,000,000,000."),
        (["--report", "/nowhere/report.csv"], "The report /nowhere/report.csv cannot be written: No such file or"),
    ],
)
def test_impossible_option_gets_one_sentence(write_file, run, arguments, sentence):
    with pytest.raises(CommandError) as caught:
        run(write_file(row()), *arguments)

    assert sentence in str(caught.value)
    assert Product.objects.count() == 0


@pytest.mark.django_db
def test_report_over_the_catalogue_file_is_refused(write_file, run):
    path = write_file(row())
    before = path.read_bytes()

    with pytest.raises(CommandError, match="would overwrite the catalogue file"):
        run(path, "--report", str(path))

    assert path.read_bytes() == before


def test_progress_without_a_terminal_is_a_line_now_and_then(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 6.0, 6.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock, 6.5))

    items = list(with_progress(iter("abc"), 81_819, stream=sys.stderr))

    assert (items, capsys.readouterr().err) == (["a", "b", "c"], "2 of 81,819 lines\n")


def test_longest_lines_are_never_held_whole(tmp_path):
    path = tmp_path / "one-line.ndjson.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(64):
            file.write(b"x" * 1024 * 1024)
    tracemalloc.start()
    lines = list(reading.read_lines(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert lines == [None]
    assert peak < 8 * 1024 * 1024


# --- Broken off, and two at once ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_interrupted_run_keeps_whole_batches_and_a_second_one_finishes(write_file, run, monkeypatch):
    path = write_file(*(row(number) for number in range(1, 8)))
    monkeypatch.setattr(catalogue, "BATCH", 3)
    lines_read = 0

    def interrupted(line: bytes | None, terms: Terms) -> Any:
        nonlocal lines_read
        lines_read += 1
        if lines_read == 5:
            raise KeyboardInterrupt
        return read_product(line, terms)

    with monkeypatch.context() as patch:
        patch.setattr(catalogue, "read_product", interrupted)
        with pytest.raises(CommandError) as caught:
            run(path)
    kept = Product.objects.count()
    figures = run(path)

    assert str(caught.value) == ("Interrupted; 3 products of 3 lines are stored. Run the command again to finish.")
    assert caught.value.returncode == 130
    assert kept == 3
    assert figures == {"read": 7, "created": 4, "updated": 3, "unchanged": 3, "skipped": 0}
    assert stock_that_differs_from_its_ledger() == []


@pytest.mark.django_db
def test_batch_that_fails_in_the_middle_leaves_nothing_half_stored(write_file, run, monkeypatch):
    path = write_file(row())

    def fails(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(changes, "index_products", fails)  # the last step of a batch
    with pytest.raises(CommandError, match="Interrupted; 0 products of 0 lines"):
        run(path)

    assert {name: len(rows) for name, rows in snapshot().items()} == dict.fromkeys(snapshot(), 0)


@pytest.mark.django_db(transaction=True)
def test_killed_run_is_finished_by_another(write_file, tmp_path, run):
    path = write_file(*(row(number, description="word " * 200) for number in range(6000)))
    # The settings of a test process name the test database only here, so the child is told.
    code = (
        "import sys, django; from django.conf import settings; django.setup();"
        f"settings.DATABASES['default']['NAME'] = {connection.settings_dict['NAME']!r};"
        "from django.core.management import call_command; call_command('import_catalogue', sys.argv[1])"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        env=_child_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while not Product.objects.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    _wait_for_the_lock()
    kept = Product.objects.count()

    figures = run(path)

    assert kept % changes.BATCH == 0
    assert 0 < kept < 6000
    assert figures == {"read": 6000, "created": 6000 - kept, "updated": kept, "unchanged": kept, "skipped": 0}
    assert (Product.objects.count(), Variant.objects.count(), Stock.objects.count()) == (6000, 6000, 6000)
    assert stock_that_differs_from_its_ledger() == []


def _child_environment() -> dict[str, str]:
    return os.environ | {"DJANGO_SETTINGS_MODULE": "ecommerce.settings"}


def _wait_for_the_lock() -> None:
    """Wait until the server has noticed that the killed session is gone."""
    deadline = time.monotonic() + 20
    while True:
        try:
            with import_lock():
                return
        except ImportRunning:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_second_import_at_the_same_time_is_refused(write_file, together, monkeypatch):
    path = write_file(*(row(number) for number in range(50)))
    original = catalogue.survey

    def slow_survey(*args: Any, **kwargs: Any) -> Any:
        time.sleep(1)  # with the lock held, so that the other one must meet it
        return original(*args, **kwargs)

    monkeypatch.setattr(catalogue, "survey", slow_survey)

    results = together(*[lambda: call_command("import_catalogue", str(path))] * 2)

    refused = [str(result) for result in results if isinstance(result, CommandError)]
    assert refused == ["Another import is running in this database; start this one when it has ended."]
    assert (Product.objects.count(), Stock.objects.count(), StockMovement.objects.count()) == (50, 50, 50)
    assert stock_that_differs_from_its_ledger() == []


@pytest.mark.django_db
def test_lock_is_free_again_after_a_failure(write_file, run, tmp_path):
    with pytest.raises(CommandError):
        run(tmp_path / "missing.ndjson")

    assert run(write_file(row()))["created"] == 1
