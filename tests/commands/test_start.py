"""A command starts without searches for garbage, and leaves them as they were."""
import gc
import weakref

import pytest

from mvitv2_mm.commands import test, train
from mvitv2_mm.commands.frame import lasting, main
from mvitv2_mm.commands.frame.parser import parse_args
from mvitv2_mm.engine import testing, training


@pytest.fixture(autouse=True)
def _nothing_frozen():
    gc.unfreeze()
    yield
    gc.unfreeze()


class Node:
    """Can hold itself, so that only a search finds that nobody else does."""


def test_what_lasts_is_not_searched_and_what_comes_later_is():
    with lasting():
        assert not gc.isenabled()
        lasts = Node()
    assert gc.isenabled() and gc.get_freeze_count() > 1000
    assert not any(found is lasts for found in gc.get_objects())
    later = Node()
    later.itself, gone = later, weakref.ref(later)
    del later
    gc.collect()
    assert gone() is None


def test_searches_stay_off_where_they_were_off():
    gc.disable()
    try:
        with lasting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_after_an_error_searches_go_on():
    with pytest.raises(KeyError), lasting():
        raise KeyError
    assert gc.isenabled()


def test_a_program_that_runs_commands_gets_its_objects_back(capsys):
    for argv in (['print-config', 'mvitv2-tiny_8xb256_in1k'], ['train', 'no_such_config']):
        main(argv)
        assert gc.isenabled() and gc.get_freeze_count() == 0


def record(seen, answer=None):

    def function(*args, **kwargs):
        seen.append((gc.isenabled(), gc.get_freeze_count() > 1000))
        return answer

    return function


def test_a_training_begins_with_searches_on(monkeypatch):
    seen = []
    monkeypatch.setattr(training, 'prepare_config', lambda config: record(seen)())
    monkeypatch.setattr(training, 'prepare_runner', record(seen))
    monkeypatch.setattr(training, 'train', record(seen))
    train.run(parse_args(['train', 'a_config']))
    assert seen == [(False, False), (False, True), (True, True)]


def test_a_test_begins_with_searches_on(monkeypatch):
    seen = []

    class Runner:
        test = staticmethod(record(seen))

    monkeypatch.setattr(testing, 'prepare_test', lambda config: record(seen, Runner)())
    monkeypatch.setattr(testing, 'check_saved', lambda runner: None)
    test.run(parse_args(['test', 'a_config']))
    assert seen == [(False, True), (True, True)]
