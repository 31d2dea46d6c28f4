"""Stages that overlap: order, batches, bounded memory, errors, ends, and runs that go on."""
import json
import threading
import time
from itertools import islice

import pytest
import torch

from mvitv2_mm.inference.output import RECORDS
from mvitv2_mm.inference.predictor import Prepared
from mvitv2_mm.inference.shards import Output, Shard
from mvitv2_mm.inference.sources import Source
from mvitv2_mm.inference.stream import Stream


class Network:
    """Stands in for a predictor: notes its batches, and what it returns depends on them."""

    def __init__(self, seconds=0.):
        self.batches, self.seconds = [], seconds

    def predict(self, batch):
        time.sleep(self.seconds)
        self.batches.append([prepared.source for prepared in batch])
        if any(prepared.source == 'broken' for prepared in batch):
            raise RuntimeError('sizes of tensors\nmust match')
        return [f'{prepared.source} of {len(batch)}' for prepared in batch]

    def record(self, prepared, arrays):
        if prepared.error:
            return dict(input=prepared.source, error=prepared.error)
        return dict(input=prepared.source, found=arrays)


def item(name, size=1, error=None):
    packed = dict(inputs=torch.zeros(size))
    return Prepared(name, packed=packed, error=error)


def sources(*names):
    return [Source(str(name)) for name in names]


def reader(items_of, seconds=0.):
    """Reads the items that a function names, after a while."""

    def read(source, first=0):
        for prepared in islice(items_of(source.name), first, None):
            time.sleep(seconds)
            yield prepared

    return read


def test_order_is_kept_and_shapes_share_batches():
    network = Network()
    read = reader(lambda name: [item(name, size=int(name) % 2 + 1)])
    stream = Stream(network, read, batch_size=2, workers=3)
    found = list(stream(sources(*range(11))))
    assert [record['input'] for _, _, record in found] == [str(i) for i in range(11)]
    assert [number for number, _, _ in found] == list(range(11))
    # chunks of eight; the last three are two of one shape and one of the other
    assert network.batches == [['0', '2'], ['1', '3'], ['4', '6'], ['5', '7'], ['8', '10'], ['9']]


def test_a_start_at_a_chunk_forms_the_same_batches():
    read = reader(lambda name: [item(f'{name}.{i}', size=i % 3 + 1) for i in range(7)])
    whole, part = Network(), Network()
    everything = [r for _, _, r in Stream(whole, read, batch_size=2)(sources('a', 'b', 'c'))]
    # chunks have 8 items: the second one begins with the second item of the second source
    rest = [r for _, _, r in Stream(part, read, batch_size=2)(sources('b', 'c'), 1)]
    assert rest == everything[8:]
    assert part.batches == whole.batches[-len(part.batches):]


def test_an_input_without_a_result_is_an_error_and_the_others_go_on():
    network = Network()
    read = reader(lambda name: [item(name, error='no' if name == 'bad' else None)])
    stream = Stream(network, read, batch_size=3)
    records = [r for _, _, r in stream(sources('a', 'bad', 'broken', 'b', 'c'))]
    assert records[1] == dict(input='bad', error='no')
    assert records[2]['error'] == 'the network failed: RuntimeError: sizes of tensors must match'
    assert [r['found'] for r in records if 'found' in r] == ['a of 1', 'b of 1', 'c of 1']


def test_a_batch_that_does_not_fit_ends_the_run():

    class Small(Network):

        def predict(self, batch):
            raise torch.OutOfMemoryError('CUDA out of memory.')

    with pytest.raises(ValueError, match='out of memory. Take smaller batches: --batch-size 4'):
        list(Stream(Small(), reader(lambda name: [item(name)]), batch_size=8)(sources('a')))


def test_memory_is_bounded_while_nobody_takes_records():
    started, before = [], set(threading.enumerate())

    def endless():
        for number in range(10**9):
            started.append(number)
            yield Source(str(number))

    stream = Stream(Network(), reader(lambda name: [item(name)]), batch_size=2, workers=2)
    found = stream(endless())
    next(found)
    time.sleep(0.3)
    assert len(started) < 25
    found.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_a_long_input_is_read_ahead_in_bounded_memory():
    made = []

    def endless(name):
        for number in range(10**9):
            made.append(number)
            yield item(f'{name}{number}')

    stream = Stream(Network(), reader(endless), batch_size=2, workers=2)
    found = stream(sources('a'))
    for _ in range(20):
        next(found)
    time.sleep(0.3)
    assert 20 <= len(made) < 50
    found.close()


def test_stages_overlap():
    """Each of the three waits in the middle of its work until the others are at theirs."""
    meet = threading.Barrier(3)

    class Meeting(Network):

        def predict(self, batch):
            if batch[0].source == '5':
                meet.wait(60)
            return super().predict(batch)

    def items(name):
        if name == '7':
            meet.wait(60)
        return [item(name)]

    stream = Stream(Meeting(seconds=0.04), reader(items, 0.08), batch_size=1, workers=2)
    found = []
    for _, _, record in stream(sources(*range(12))):
        time.sleep(0.03)
        found.append(record.get('found'))
        if len(found) == 4:
            meet.wait(60)
    assert found == [f'{i} of 1' for i in range(12)]
    # of the two threads, which share the reading, of the network, and of us
    for name, least in dict(reading=0.04, network=0.04, writing=0.03).items():
        assert stream.stages()[name] > 12 * least * 0.95


def test_errors_of_the_sources_reach_the_caller():

    def names():
        yield Source('a')
        raise ValueError('the list is torn')

    stream = Stream(Network(), reader(lambda name: [item(name)]))
    with pytest.raises(ValueError, match='the list is torn'):
        list(stream(names()))


class Killed(Exception):
    """Stands in for the end of a process."""


ITEMS = {'b': 9, 'e': 30}  # all other inputs have one record


def run(folder, names, settings, kill_after=None, batch_size=2, shard=Shard()):
    """Predict as the command does; the batches that the network saw."""
    network = Network()
    read = reader(lambda name: [
        item(f'{name}.{i}', i % 2 + 1, 'bad' if name == 'c' else None)
        for i in range(ITEMS.get(name, 1))
    ])
    stream = Stream(network, read, batch_size=batch_size)
    with Output(folder, settings, stream.chunk, shard) as output:
        left = output.left(sources(*names))
        for count, (number, _, record) in enumerate(stream(left, output.num_done)):
            if count == kill_after:
                raise Killed
            output.add(number, record)
        return network.batches, output.finish()


NAMES = 'abcdefghij'


@pytest.mark.parametrize('kills', [[3], [12, 5], [25, 0, 10], [46]])
def test_a_run_that_was_cut_short_ends_in_the_same_bytes(tmp_path, monkeypatch, kills):
    monkeypatch.setattr('mvitv2_mm.inference.output._SAVE_EVERY', -1.)
    batches, failed = run(tmp_path / 'whole', NAMES, {})
    assert failed == 1
    for kill in kills:
        with pytest.raises(Killed):
            run(tmp_path / 'cut', NAMES, {}, kill)
        with open(tmp_path / 'cut' / RECORDS, 'a') as file:
            file.write('{"torn')
    rest, failed = run(tmp_path / 'cut', NAMES, {})
    assert failed == 1
    whole, cut = (tmp_path / name / RECORDS for name in ('whole', 'cut'))
    assert cut.read_bytes() == whole.read_bytes()
    assert len(rest) < len(batches) or sum(kills) < 8  # it did go on


def test_a_finished_run_predicts_only_what_is_new(tmp_path):
    run(tmp_path, NAMES[:4], {})
    before = (tmp_path / RECORDS).read_text()
    assert run(tmp_path, NAMES[:4], {})[0] == []
    assert (tmp_path / RECORDS).read_text() == before
    assert run(tmp_path, NAMES[:4] + 'x', {})[0] == [['x.0']]
    assert (tmp_path / RECORDS).read_text().startswith(before)


def test_records_of_other_settings_or_inputs_are_not_mixed(tmp_path):
    run(tmp_path, NAMES[:4], dict(top_k=5, model='a'))
    with pytest.raises(ValueError, match='of a run with top_k 5, not 3; take another --out'):
        run(tmp_path, NAMES[:4], dict(top_k=3, model='a'))
    with pytest.raises(ValueError, match='holds predictions of other inputs'):
        run(tmp_path, 'abxd', dict(top_k=5, model='a'))
    (tmp_path / RECORDS).write_text('')
    with pytest.raises(ValueError, match='is not as the run that wrote it left it'):
        run(tmp_path, NAMES[:4], dict(top_k=5, model='a'))


@pytest.mark.parametrize('order', [(1, 2, 0), (2, 1, 0)])
def test_parts_of_several_processes_are_put_together_in_order(tmp_path, order):
    run(tmp_path / 'one', NAMES, {})
    failed = [run(tmp_path / 'three', NAMES, {}, shard=Shard(rank, 3))[1] for rank in order]
    one, three = ([
        json.loads(line)['input'] for line in (tmp_path / name / RECORDS).read_text().splitlines()
    ] for name in ('one', 'three'))
    assert one == three and failed == [0, 0, 1]
    assert sorted(path.name for path in (tmp_path / 'three').iterdir()) == [
        'predict.json', 'predictions.jsonl'
    ]
    assert run(tmp_path / 'three', NAMES, {}, shard=Shard(2, 3)) == ([], 0)
    with pytest.raises(ValueError, match='x is new'):
        run(tmp_path / 'three', NAMES + 'xyz', {}, shard=Shard(1, 3))


def test_a_process_that_was_killed_goes_on_with_its_part(tmp_path, monkeypatch):
    monkeypatch.setattr('mvitv2_mm.inference.output._SAVE_EVERY', -1.)
    for name in ('whole', 'cut'):
        run(tmp_path / name, NAMES, {}, shard=Shard(1, 2))
        if name == 'cut':
            with pytest.raises(Killed):
                run(tmp_path / name, NAMES, {}, kill_after=20, shard=Shard(0, 2))
        run(tmp_path / name, NAMES, {}, shard=Shard(0, 2))
    whole, cut = ((tmp_path / name / RECORDS).read_bytes() for name in ('whole', 'cut'))
    assert whole == cut
