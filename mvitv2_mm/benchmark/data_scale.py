"""Start and memory of datasets by the number of their samples.

``python -m mvitv2_mm.benchmark.data_scale clips 100000 1000000 10000000`` prints a line for each
size: seconds until the dataset can be used, and of the processor; memory that it holds and that it
took at most; and memory of each data worker for itself after it has read the annotations of 10,000
samples.
"""
import argparse
import json
import random
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Callable, Dict, Tuple

import psutil
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, init_default_scope

_MB = 2**20
_READ = 10000  # annotations that a worker reads
_CLASSES = [f'class_{i:03}' for i in range(400)]


def write_clips(root: Path, size: int) -> dict:
    """A list of clips like that of Kinetics-400."""
    with open(root / 'list.txt', 'w') as file:
        for i in range(size):
            file.write(f'{_CLASSES[i % 400]}/{i:011}_000095_000105.mp4 {i % 400}\n')
    return dict(type='mvitv2_mm.ClipDataset', ann_file='list.txt', data_prefix=dict(video=''))


def write_folders(root: Path, size: int) -> dict:
    """Empty files called like pictures in 400 class folders."""
    for name in _CLASSES:
        (root / name).mkdir()
    for i in range(size):
        (root / _CLASSES[i % 400] / f'picture_{i:09}.jpg').touch()
    return dict(type='mvitv2_mm.ImageDataset', data_prefix='')


def write_boxes(root: Path, size: int) -> dict:
    """COCO JSON with 7 objects in every picture, each with a polygon of 20 points."""
    images = [
        dict(id=i, file_name=f'{i:012}.jpg', height=480, width=640, license=1) for i in range(size)
    ]
    draw = random.Random(0)
    annotations = [
        dict(
            id=7 * i + k,
            image_id=i,
            category_id=k,
            iscrowd=0,
            area=5000.,
            bbox=[10., 10., 100., 100.],
            segmentation=[[round(draw.uniform(10, 110), 2) for _ in range(40)]])
        for i in range(size) for k in range(7)
    ]
    categories = [dict(id=k, name=name) for k, name in enumerate(_CLASSES[:80])]
    content = dict(images=images, annotations=annotations, categories=categories)
    (root / 'train.json').write_text(json.dumps(content))
    return dict(
        type='mvitv2_mm.CocoDataset',
        ann_file='train.json',
        data_prefix=dict(img=''),
        metainfo=dict(classes=_CLASSES[:80]))


KINDS: Dict[str, Tuple[str, Callable[[Path, int], dict]]] = dict(
    clips=('mmaction', write_clips),
    folders=('mmpretrain', write_folders),
    boxes=('mmdet', write_boxes))

_MODULES = dict(
    clips='mvitv2_mm.datasets',
    folders='mvitv2_mm.datasets.mmpretrain.image_dataset',
    boxes='mvitv2_mm.datasets.mmdet.coco_dataset')


def measure(kind: str, config: dict) -> str:
    """Build a dataset, share it with two workers, and describe what that took."""
    host = KINDS[kind][0]
    init_default_scope(host)
    for module in (f'{host}.datasets', _MODULES[kind]):  # no part of what is measured
        import_module(module)
    before = psutil.Process().memory_info().rss
    start, start_cpu = time.perf_counter(), time.process_time()
    dataset = DATASETS.build(dict(config, pipeline=[]))
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    held = psutil.Process().memory_info().rss - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    with get_context('fork').Pool(2, initializer=_give, initargs=(dataset, )) as pool:
        own = max(pool.map(_read, range(2), chunksize=1))
    return (f'| {kind} | {len(dataset):,} | {seconds:.1f} | {cpu:.1f} | {held / _MB:,.0f} '
            f'| {peak / _MB:,.0f} | {own / _MB:.0f} |')


def _give(dataset: BaseDataset) -> None:
    global _dataset
    _dataset = dataset


def _read(seed: int) -> int:
    """Bytes that a worker has for itself more than before it reads."""
    before = psutil.Process().memory_full_info().uss
    draw = random.Random(seed)
    for _ in range(_READ):
        _dataset.get_data_info(draw.randrange(len(_dataset)))
    return psutil.Process().memory_full_info().uss - before


def main() -> None:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('kind', choices=KINDS)
    parser.add_argument('sizes', nargs='+', type=int, help='numbers of samples')
    args = parser.parse_args()
    print('| data | samples | start in s | CPU s | MB held | MB at most | MB per worker |')
    print('| --- | --- | --- | --- | --- | --- | --- |')
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as root:
            config = dict(KINDS[args.kind][1](Path(root), size), data_root=root)
            with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool:
                print(pool.submit(measure, args.kind, config).result(), flush=True)


if __name__ == '__main__':
    main()
