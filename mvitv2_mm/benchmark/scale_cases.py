"""Work whose cost should grow with its size and with nothing else.

A case writes what the work needs, and makes the work ready in another process, where it
is measured.
"""
import json
import random
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple, Tuple

import cv2
import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope

_NAMES = [f'class_{i:03}' for i in range(400)]
_OBJECTS = 7  # in a picture
_FOUND = 20  # boxes that are found in it
_BATCH, _CLASSES = 256, 1000  # of a test that is dumped
Work = Callable[[], Any]


class ScaleCase(NamedTuple):
    """One kind of work.

    Attributes:
        title (str): Of its table.
        item (str): What its size counts.
        sizes (tuple[int]): That are measured by default.
        write (Callable): Called with an empty folder and a size; what ``ready`` needs to know.
        ready (Callable): Called with that; the work, with all imports done.
    """
    title: str
    item: str
    sizes: Tuple[int, ...]
    write: Callable[[Path, int], Any]
    ready: Callable[[Any], Work]


def write_clips(root: Path, size: int) -> dict:
    """A list of clips like that of Kinetics-400."""
    with open(root / 'list.txt', 'w') as file:
        for i in range(size):
            file.write(f'{_NAMES[i % 400]}/{i:011}_000095_000105.mp4 {i % 400}\n')
    return dict(
        host='mmaction',
        module='mvitv2_mm.datasets',
        type='mvitv2_mm.ClipDataset',
        data_root=str(root),
        ann_file='list.txt',
        data_prefix=dict(video=''))


def write_folders(root: Path, size: int) -> dict:
    """Empty files called like pictures in 400 class folders."""
    for name in _NAMES:
        (root / name).mkdir()
    for i in range(size):
        (root / _NAMES[i % 400] / f'picture_{i:09}.jpg').touch()
    return dict(
        host='mmpretrain',
        module='mvitv2_mm.datasets.mmpretrain.image_dataset',
        type='mvitv2_mm.ImageDataset',
        data_root=str(root),
        data_prefix='')


def write_boxes(root: Path, size: int) -> dict:
    """COCO JSON with 7 objects in every picture, each with a polygon of 20 points."""
    images = [
        dict(id=i, file_name=f'{i:012}.jpg', height=480, width=640, license=1) for i in range(size)
    ]
    draw = random.Random(0)
    annotations = [
        dict(
            id=_OBJECTS * i + k + 1,
            image_id=i,
            category_id=k,
            iscrowd=0,
            area=5000.,
            bbox=[draw.uniform(0, 500), draw.uniform(0, 300), 100., 100.],
            segmentation=[[round(draw.uniform(10, 110), 2) for _ in range(40)]])
        for i in range(size) for k in range(_OBJECTS)
    ]
    categories = [dict(id=k, name=name) for k, name in enumerate(_NAMES[:80])]
    content = dict(images=images, annotations=annotations, categories=categories)
    (root / 'train.json').write_text(json.dumps(content))
    return dict(
        host='mmdet',
        module='mvitv2_mm.datasets.mmdet.coco_dataset',
        type='mvitv2_mm.CocoDataset',
        data_root=str(root),
        ann_file='train.json',
        data_prefix=dict(img=''),
        metainfo=dict(classes=_NAMES[:80]))


def _ready_dataset(spec: dict) -> Callable[[], BaseDataset]:
    host = spec.pop('host')
    init_default_scope(host)
    for module in (f'{host}.datasets', spec.pop('module')):  # no part of what is measured
        import_module(module)
    return lambda: DATASETS.build(dict(spec, pipeline=[]))


def _write_nothing(root: Path, size: int) -> Tuple[str, int]:
    return str(root / 'dump.pkl'), size


def _ready_dump(spec: Tuple[str, int]) -> Work:
    """What ``test --dump`` does on a CPU, where a prediction is a view of its batch."""
    from ..evaluation import DumpPredictions
    path, size = spec
    metric = DumpPredictions(dict(type='mmengine.DumpResults', out_file_path=path))

    def dump() -> DumpPredictions:
        for start in range(0, size, _BATCH):
            scores = torch.rand(min(_BATCH, size - start), _CLASSES)
            metric.process(None, [dict(pred_score=score) for score in scores])
        metric.compute_metrics(metric.results)
        return metric

    return dump


def _ready_evaluation(spec: dict) -> Work:
    init_default_scope('mmdet')
    from ..evaluation.mmdet.coco_metric import CocoMetric
    path = Path(spec['data_root'], spec['ann_file'])
    draw = np.random.default_rng(0)
    results = []
    for image in json.loads(path.read_text())['images']:
        boxes = draw.uniform(0, 300, (_FOUND, 4)).astype(np.float32)
        boxes[:, 2:] += boxes[:, :2] + 10
        found = dict(
            img_id=image['id'],
            bboxes=boxes,
            scores=draw.uniform(size=_FOUND),
            labels=np.arange(_FOUND) % _OBJECTS)
        results.append(({}, found))

    def evaluate() -> CocoMetric:
        metric = CocoMetric(ann_file=str(path), metric='bbox')
        metric.dataset_meta = dict(classes=spec['metainfo']['classes'])
        metric.compute_metrics(results)
        return metric

    return evaluate


def _write_weights(root: Path, size: int) -> str:
    """A checkpoint of so many MB, in tensors of 4 MB."""
    path = root / 'weights.pth'
    torch.save(dict(state_dict={f'{i}.weight': torch.rand(2**20) for i in range(size // 4)}), path)
    return str(path)


def _ready_reading(path: str) -> Work:
    from ..checkpoints.io import read_file
    return lambda: read_file(path)


def _ready_torchs_reading(path: str) -> Work:
    return lambda: torch.load(path, weights_only=True)


def _ready_config(spec: dict) -> Work:
    from ..engine.launch import load_runner_config
    options = {
        'data_root': spec['data_root'],
        **{
            f'{split}_dataloader.dataset.ann_file': spec['ann_file']
            for split in ('val', 'test')
        },
    }
    load_runner_config('objects', dict(options, num_classes=80))
    return lambda: load_runner_config('objects', options)


def write_pictures(root: Path, size: int) -> str:
    """Pictures of 64 x 64 pixels in 400 class folders."""
    pixels = np.random.default_rng(0).integers(256, size=(64, 64, 3), dtype=np.uint8)
    content = cv2.imencode('.png', pixels)[1].tobytes()
    for i in range(size):
        folder = root / _NAMES[i % 400]
        folder.mkdir(exist_ok=True)
        (folder / f'{i:09}.png').write_bytes(content)
    return str(root)


def _ready_check(root: str, quick: bool) -> Work:
    from ..data_check import Split, check
    TRANSFORMS.build(dict(type='mvitv2_mm.LoadImage', _scope_='mmpretrain'))  # imports all
    split = Split('train', dict(type='mvitv2_mm.ImageDataset', data_root=root, data_prefix=''))
    return lambda: check([split], 2, quick, lambda *problem: None, lambda results, *_: results)


CASES: Dict[str, ScaleCase] = dict(
    clips=ScaleCase('start of a training from a list of clips', 'clips', (10**4, 10**5, 10**6),
                    write_clips, _ready_dataset),
    folders=ScaleCase('start of a training from class folders', 'files', (10**4, 3 * 10**4, 10**5),
                      write_folders, _ready_dataset),
    boxes=ScaleCase('start of a training from COCO annotations, 7 objects in a picture', 'pictures',
                    (1000, 3000, 10000), write_boxes, _ready_dataset),
    dumps=ScaleCase(f'test --dump, {_CLASSES} classes, batches of {_BATCH}', 'samples',
                    (1000, 3000, 10000), _write_nothing, _ready_dump),
    evaluation=ScaleCase(f'COCO evaluation of {_FOUND} boxes in a picture', 'pictures',
                         (300, 1000, 3000), write_boxes, _ready_evaluation),
    config=ScaleCase('reading configs/finetune/objects.py with the classes of its data', 'pictures',
                     (1000, 3000, 10000), write_boxes, _ready_config),
    quick_check=ScaleCase('check-data --quick', 'pictures', (3000, 10**4, 3 * 10**4),
                          write_pictures, partial(_ready_check, quick=True)),
    check=ScaleCase('check-data', 'pictures', (3000, 10**4, 3 * 10**4), write_pictures,
                    partial(_ready_check, quick=False)),
    checkpoints=ScaleCase('reading a checkpoint', 'MB', (50, 100, 200), _write_weights,
                          _ready_reading),
    torch_load=ScaleCase('reading a checkpoint with torch.load, to compare with', 'MB',
                         (50, 100, 200), _write_weights, _ready_torchs_reading),
)
