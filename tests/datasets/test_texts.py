"""Lists of millions of lines are looked at together, with what looking at each line would find."""
import itertools
import tracemalloc

import numpy as np
import pytest

from mvitv2_mm.datasets import ClipDataset
from mvitv2_mm.datasets.lists import LabelError, check_labels, split_sample
from mvitv2_mm.datasets.texts import Texts, odd_lines

# every second one is drawn more often
PIECES = ['a', 'é', '7', '12', ' ', '-', ',', '\x01', '\t', '2.5', '\x0b', '\u00a0', '+']


def is_good(line, num_numbers, highest):
    """What the slow way says of a line."""
    try:
        path, numbers, labels = split_sample(line.strip(), num_numbers - 1)
        check_labels(path, labels, highest + 1, lambda: False)
    except (LabelError, ValueError):
        return False
    return True


@pytest.mark.parametrize('num_numbers', [1, 2])
def test_lines_that_are_not_looked_at_are_good(num_numbers):
    parts = [*itertools.product(PIECES, repeat=3), *itertools.product(PIECES[::2], repeat=5)]
    lines = [''.join(part) for part in parts]
    lines += ['a 1234567890', 'a 000000007', '  a 7', 'a 7 ', 'a  7', 'a 7\r', '\r', ' ', '', 'x 7']
    texts = Texts.lines('\n'.join(lines).encode())
    assert len(texts) == sum(bool(line.encode().strip()) for line in lines)
    odd = set(odd_lines(texts, num_numbers, 7))
    plain = set(range(len(texts))) - odd
    assert len(plain) > 40
    wrong = [i for i in plain if not is_good(texts.text(i), num_numbers, 7)]
    assert [texts.text(i) for i in wrong] == []


def test_usual_lines_are_not_looked_at():
    lines = [f'abseiling/0347ZoDXyP0_{i:06}.mp4 {i % 400}' for i in range(300000)]
    lines[5] = lines[299999] = 'a.mp4 400'
    assert list(odd_lines(Texts.lines('\n'.join(lines).encode()), 1, 399)) == [5, 299999]
    frames = Texts.lines(b'100218 45 12\r\n78687 40,3\n\n131 24\t9\n')
    assert list(odd_lines(frames, 2, 173)) == [2]  # after a blank line


def make(tmp_path, lines, **kwargs):
    (tmp_path / 'list.txt').write_text('\n'.join(lines))
    return ClipDataset('list.txt', [], dict(video=''), data_root=str(tmp_path), **kwargs)


def test_parts_of_a_dataset(tmp_path):
    lines = [f'{i}.mp4 {i % 5}' for i in range(20)]

    def labels(dataset):
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        assert [info['sample_idx'] for info in infos] == list(range(len(dataset)))
        assert all(info['filename'] == str(tmp_path / info['video_id']) for info in infos)
        return [(int(info['video_id'][:-4]), info['label']) for info in infos]

    whole = [(i, i % 5) for i in range(20)]
    assert labels(make(tmp_path, lines)) == whole
    assert labels(make(tmp_path, lines, indices=3)) == whole[:3]
    assert labels(make(tmp_path, lines, indices=-3)) == whole[-3:]
    assert labels(make(tmp_path, lines, indices=[7, 0])) == [whole[7], whole[0]]
    assert labels(make(tmp_path, lines, serialize_data=False)) == whole
    assert labels(make(tmp_path, lines).get_subset([4, 19])) == [whole[4], whole[19]]
    assert make(tmp_path, lines).get_data_info(-1)['label'] == 4


def test_a_line_takes_little_more_memory_than_its_text(tmp_path):
    lines = [f'class/{i:09}.mp4 {i % 400}' for i in range(50000)]
    make(tmp_path, lines[:10])  # what is made once
    tracemalloc.start()
    dataset = make(tmp_path, lines, num_classes=400)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = len('\n'.join(lines))
    assert held < size + 20 * len(lines)
    assert peak < 8 * size
    assert dataset.has_labels_below(400) and not dataset.has_labels_below(399)


def test_texts_may_be_anything_that_files_are_called():
    names = ['a\nb', 'é', b'\xff'.decode('utf-8', 'surrogateescape'), '', '\t x ']
    texts = Texts.pack(names)
    assert [texts.text(i) for i in range(len(texts))] == names
    assert len(Texts.pack([])) == len(Texts.lines(b'')) == 0
    assert texts.content.dtype == np.uint8
