"""A sample that takes too long is named and replaced, or wrong in a test."""
import re
import signal
import time

import pytest
import synthetic_data

import mvitv2_mm.datasets.mmpretrain.image_dataset as host
from mvitv2_mm.datasets import unreadable
from mvitv2_mm.datasets.watching import time_limit

SLOW = 'class0/0_1.png'


class Reader:
    """Waits for one of the pictures, as for a share that does not answer."""

    def __call__(self, results):
        if results['img_path'].endswith(SLOW):
            time.sleep(30)
        return dict(results, img_shape=(32, 32))


def build(tmp_path, **options):
    synthetic_data.make_folders(tmp_path)
    dataset = host.ImageDataset(
        data_root=str(tmp_path), data_prefix='train', pipeline=[Reader()], **options)
    paths = [dataset.locate(i) for i in range(len(dataset))]
    return dataset, next(i for i, path in enumerate(paths) if path.endswith(SLOW))


def test_replaced_in_training(tmp_path, monkeypatch):
    dataset, slow = build(tmp_path, time_limit=1.5)
    lines = []
    monkeypatch.setattr(unreadable, 'print_log', lambda text, *_: lines.append(text))
    start = time.monotonic()
    assert not dataset[slow]['img_path'].endswith(SLOW)
    assert time.monotonic() - start < 25
    assert dataset.held()[0][1].seconds == 0  # nothing is being read any more
    line, = lines
    assert re.match(f'bad sample 1 of 8: .*{SLOW} takes more than 1.5 s; replaced', line)


def test_wrong_in_a_test(tmp_path, monkeypatch):
    dataset, slow = build(tmp_path, time_limit=1.5, test_mode=True)
    monkeypatch.setattr(dataset, 'stand_in', lambda index: ('grey', index))
    assert dataset[slow] == ('grey', slow)
    assert dataset[0]['img_path'] == dataset.locate(0)


def test_the_limit_ends_with_the_sample():
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(60, lambda: ValueError('late')):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before
    with time_limit(0, lambda: ValueError('late')):
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_what_passes_over_an_interruption_is_interrupted_again():
    with pytest.raises(ValueError, match='late'), time_limit(0.1, lambda: ValueError('late')):
        try:
            time.sleep(30)
        except ValueError:
            time.sleep(30)
