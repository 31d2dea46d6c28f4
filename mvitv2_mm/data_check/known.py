"""Which splits a dataset name or a config stands for, and how large they are when complete."""
import os.path as osp
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional

from mmengine.config import Config

from ..checkpoints.tasks import count_classes
from ..config_options import apply_options
from ..config_walk import leaf_datasets, read_config
from ..engine.own_classes import fit_classes
from ..errors import UsageError
from ..files import repository_folder
from ..names import DATASETS, OWN_DATA, find_config, hint, published_configs


@dataclass(frozen=True)
class Expected:
    """Size of a complete split; None where nobody states it.

    ``exact`` is False where videos vanish from the web: ``samples`` is then the rounded number at
    the time of publication, and fewer are not an error.
    """
    samples: Optional[int] = None
    classes: Optional[int] = None
    exact: bool = True


@dataclass(frozen=True)
class Split:
    """A part of a dataset, as the config of a dataset class."""
    name: str
    dataset: dict
    expected: Expected = Expected()


@dataclass(frozen=True)
class Known:
    """A public dataset: the file in ``configs/_base_/datasets`` that lays it out, and its size."""
    config: str
    train: Expected
    val: Expected


def _kinetics(train: int, val: int, classes: int) -> Dict[str, Expected]:
    """Rounded numbers of videos at the time of publication."""
    return dict(
        train=Expected(train, classes, exact=False), val=Expected(val, classes, exact=False))


KNOWN = {
    'imagenet': Known('imagenet_224.py', Expected(1281167, 1000), Expected(50000, 1000)),
    'imagenet21k': Known('imagenet21k_224.py', Expected(None, 19168), Expected(50000, 1000)),
    'coco': Known('coco_instance_ms-crop.py', Expected(118287, 80), Expected(5000, 80)),
    'lvis': Known('lvis_v1_instance_lsj-square.py', Expected(100170, 1203), Expected(19809, 1203)),
    'kinetics400': Known('kinetics400_16x4.py', **_kinetics(246000, 20000, 400)),
    'kinetics600': Known('kinetics600_32x3.py', **_kinetics(392000, 30000, 600)),
    'kinetics700': Known('kinetics700_32x3.py', **_kinetics(545000, 35000, 700)),
    'ssv2': Known('sthv2_u16.py', Expected(168913, 174), Expected(24777, 174)),
    'ava': Known('ava22_16x4.py', Expected(235, 80), Expected(64, 80)),
}
COCO_O_DOMAINS = ('sketch', 'weather', 'cartoon', 'painting', 'tattoo', 'handmake')
# one's own data: what the config of a split looks like
PLAIN = {
    'images': lambda split: dict(type='mvitv2_mm.ImageDataset', data_prefix=split),
    'clips': lambda split: dict(type='mvitv2_mm.ClipDataset', data_prefix=dict(video=split)),
}


def find_splits(name: str, data_root: Optional[str] = None) -> List[Split]:
    """Splits of a dataset.

    Args:
        name (str): One of ``DATASETS`` or ``OWN_DATA`` of :mod:`mvitv2_mm.names`, a COCO-style
            ``.json``, or a config.
        data_root (str, optional): Replaces the place that the config names; needed for
            ``OWN_DATA``.

    Raises:
        FileNotFoundError: If a file or folder that was named does not exist.
        UsageError: If the name is none of these.
    """
    if data_root is not None and not osp.isdir(data_root):
        raise FileNotFoundError(f'--data-root "{data_root}" is not a folder')
    if name in KNOWN:
        known = KNOWN[name]
        config = repository_folder() / 'configs/_base_/datasets' / known.config
        splits = _config_splits(Config.fromfile(config), data_root)
        return [Split(s.name, s.dataset, getattr(known, s.name)) for s in splits]
    if name == 'coco-o':
        return _coco_o_splits(data_root or 'data/coco-o')
    if name in PLAIN or name.endswith('.json'):
        return _plain_splits(name, data_root)
    if not name.endswith('.py') and name not in published_configs():
        raise UsageError(f'dataset should be one of {", ".join([*DATASETS, *OWN_DATA])}, the path '
                         f'of a COCO-style .json or a config, but got "{name}"'
                         f'{hint(name, [*DATASETS, *OWN_DATA, *published_configs()])}')
    cfg = read_config(find_config(name))
    if data_root is not None and 'data_root' in cfg:
        cfg = apply_options(cfg, dict(data_root=data_root))
    with suppress(FileNotFoundError, ValueError):  # the check says it better
        fit_classes(cfg)
    return _config_splits(cfg, data_root)


def _coco_o_splits(data_root: str) -> List[Split]:
    """Each domain is laid out like the validation set of COCO."""
    layout = dict(
        type='mvitv2_mm.CocoDataset',
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/'))
    return [
        Split(domain, dict(layout, data_root=f'{data_root}/{domain}/'), Expected(classes=80))
        for domain in COCO_O_DOMAINS
    ]


def _plain_splits(name: str, data_root: Optional[str]) -> List[Split]:
    if data_root is None:
        raise UsageError(f'"{name}" needs --data-root, the folder where the data is')
    if name.endswith('.json'):
        dataset = dict(
            type='mvitv2_mm.CocoDataset', ann_file=osp.abspath(name), data_root=data_root)
        return [Split(Path(name).stem, dataset)]
    # the usual three splits, else the folder is one
    folders = [f for f in ('train', 'val', 'test') if osp.isdir(osp.join(data_root, f))] or ['']
    return [Split(f or 'all', dict(PLAIN[name](f), data_root=data_root)) for f in folders]


def _config_splits(cfg: Config, data_root: Optional[str]) -> List[Split]:
    """The different datasets of a config's data loaders."""
    expected = Expected(classes=count_classes(cfg.get('model') or {}))
    splits: Dict[str, Split] = {}
    for loop in ('train', 'val', 'test'):
        loader = cfg.get(f'{loop}_dataloader')
        for i, (_, dataset) in enumerate(leaf_datasets(loader['dataset']) if loader else ()):
            # masks to compare with
            dataset = dict(dataset, needs_mask='segm' in str(cfg.get(f'{loop}_evaluator')))
            if data_root is not None:
                dataset['data_root'] = data_root
            files = ('data_root', 'ann_file', 'data_prefix', 'split')
            identity = repr([dataset.get(key) for key in files])
            splits.setdefault(identity, Split(f'{loop}{i or ""}', dataset, expected))
    if not splits:
        raise ValueError(f'config "{cfg.filename}" has no data loader')
    return list(splits.values())
