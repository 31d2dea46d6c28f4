"""Results of a test that cannot be written do not cost its metrics."""
import json
import os
import resource
from pathlib import Path

import in_process
import mmengine
import pytest


@pytest.fixture
def no_large_files():
    """Files of more than 64 kB are refused, as by a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def arguments(configs, checkpoints, folder, *more):
    return [configs['image'], checkpoints['image'], '--work-dir', folder / 'work', *more]


@pytest.mark.parametrize('option, place', [
    ('--dump', 'folder.pkl'),
    ('--dump', 'file/result.pkl'),
    ('--dump', '/proc/result.pkl'),
    ('--dump', '/dev/null/result.pkl'),
    ('--out-metrics', 'folder.json'),
    ('--out-metrics', '/proc/1/result.json'),
    ('--show-dir', 'file'),
    ('--show-dir', '/proc'),
])
def test_an_impossible_place_is_named_before_the_test(configs, checkpoints, tmp_path, option,
                                                      place):
    for name in ('folder.pkl', 'folder.json'):
        (tmp_path / name).mkdir()
    (tmp_path / 'file').touch()
    with pytest.raises(SystemExit) as info:
        in_process.run('test', arguments(configs, checkpoints, tmp_path, option, tmp_path / place))
    message = str(info.value)
    assert message.startswith(f'mvitv2_mm test: {option}: "') and '\n' not in message
    assert 'cannot be written: ' in message and not (tmp_path / 'work').exists()


@pytest.mark.parametrize('option, place', [('--dump', 'dump.pkl'), ('--show-dir', 'pictures')])
def test_a_disk_that_gets_full_costs_no_metrics(configs, checkpoints, tmp_path, no_large_files,
                                                monkeypatch, option, place):
    (tmp_path / 'dump.pkl').write_text('a good dump of before')
    out = tmp_path / 'metrics.json'
    test = arguments(configs, checkpoints, tmp_path, option, tmp_path / place, '--out-metrics', out)
    whole = mmengine.dump

    def dump(results, path, **kwargs):
        no_large_files()
        return whole([bytes(2**17), results], path, **kwargs)

    def draw(*args):
        no_large_files()
        (tmp_path / place / 'x').write_bytes(bytes(2**17))

    monkeypatch.setattr('mmengine.dump', dump)
    if option == '--show-dir':
        (tmp_path / place).mkdir()
        monkeypatch.setattr('mvitv2_mm.engine.pictures.PictureHook._draw', draw)
    with pytest.raises(SystemExit) as info:
        in_process.run('test', test)
    assert 'takes no file so large' in str(info.value) and place in str(info.value)
    assert 'accuracy/top1' in json.loads(out.read_text())
    assert (tmp_path / 'dump.pkl').read_text() == 'a good dump of before'
    assert not [name for name in os.listdir(tmp_path) if name.startswith('.')]
    log, = Path(tmp_path, 'work').rglob('*.log')
    assert 'accuracy/top1' in log.read_text()


def test_a_test_again_keeps_what_training_and_tests_before_it_wrote(configs, checkpoints, tmp_path):
    work = tmp_path / 'work'
    dump, pictures = tmp_path / 'dump.pkl', tmp_path / 'pictures'
    trained = work / Path(configs['image']).name
    work.mkdir()
    trained.write_text('settings of the training')
    in_process.run(
        'test', arguments(configs, checkpoints, tmp_path, '--dump', dump, '--show-dir', pictures))
    assert trained.read_text() == 'settings of the training'
    tested, = set(work.glob('*.py')) - {trained}
    before = dump.read_bytes(), sorted(pictures.rglob('*'))
    dump.write_bytes(b'kept')
    for picture in pictures.rglob('*.*'):
        picture.unlink()
    in_process.run('test', [tested, checkpoints['image'], '--work-dir', work])
    assert dump.read_bytes() == b'kept' and not list(pictures.rglob('*.*'))
    assert before[0] != b'kept' and before[1]
