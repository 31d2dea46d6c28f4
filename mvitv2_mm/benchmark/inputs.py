"""The input pipelines that are compared: what the workers of a data loader run.

Ours and those of the hosts are built of their configs, as they are but for the place of the files.
"""
import importlib.util
import json
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import DATASETS, FUNCTIONS, MODELS, init_default_scope
from PIL import Image, ImageOps

from ..config_files import load_config
from .peers import OURS
from .sample_data import Files, write_frames


@dataclass(frozen=True)
class InputCase:
    """One recipe's input.

    Attributes:
        name (str): For ``--cases``.
        title (str): Of the table.
        reads (str): Which of :class:`Files`: 'pictures', 'clips', 'short_clips' or 'scenes'.
        config (str): Name of our recipe.
        host_config (str): Name of the host's.
        batch_size (int): Samples in a turn.
        peers (tuple[str]): Names in :data:`PEERS`.
    """
    name: str
    title: str
    reads: str
    config: str
    host_config: str
    batch_size: int
    peers: Tuple[str, ...]


CASES = (
    InputCase('imagenet', 'ImageNet, 224 x 224', 'pictures', 'mvitv2-tiny_8xb256_in1k',
              'mmpretrain::mvit/mvitv2-tiny_8xb256_in1k.py', 32,
              ('mmpretrain', 'mmpretrain, 6 operations', 'timm')),
    InputCase('kinetics', 'Kinetics, two clips of 16 x 224 x 224 of each video', 'clips',
              'mvitv2-small-p244_32xb16-16x4x1-200e_kinetics400-rgb',
              'mmaction::recognition/mvit/mvit-small-p244_32xb16-16x4x1-200e_kinetics400-rgb.py', 4,
              ('mmaction2', )),
    InputCase('sthv2', 'Something-Something v2, 16 x 224 x 224', 'short_clips',
              'mvitv2-small-p244_k400-pre_64xb8-u16-100e_sthv2-rgb',
              'mmaction::recognition/mvit/mvit-small-p244_k400-pre_16xb16-u16-100e_sthv2-rgb.py', 4,
              ('mmaction2', 'ours, folders of frames', 'mmaction2, folders of frames')),
    InputCase('lsj', 'detection with large-scale jitter, 1024 x 1024', 'scenes',
              'cascade-mask-rcnn_mvitv2-large-in21k_fpn_64xb1-amp-lsj-50e_coco',
              'mmdet::mask_rcnn/mask-rcnn_r50_fpn_8xb8-amp-lsj-200e_coco.py', 8, ('mmdet', )),
)


class Input(NamedTuple):
    """What a training reads its batches with.

    Attributes:
        dataset (Any): Samples by their index.
        steps (list): What a sample goes through, in its order.
        rest (str): Stage to which the time of a sample belongs that no step takes.
        collate (Callable): Makes a batch of samples.
        preprocess (Callable): What the process of the training does with a batch.
    """
    dataset: Any
    steps: List[Any]
    rest: str
    collate: Callable
    preprocess: Callable


def _openmmlab(cfg: Config, **changes: Any) -> Input:
    """The input of a config whose data set lies elsewhere."""
    init_default_scope(cfg.default_scope)
    loader = cfg.train_dataloader
    dataset = loader.dataset
    while 'dataset' in dataset:  # which is repeated in an epoch
        dataset = dataset.dataset
    for key in ('split', 'data_root'):
        dataset.pop(key, None)
    for key, value in changes.items():
        dataset[key] = value
    collate = dict(loader.get('collate_fn') or dict(type='pseudo_collate'))
    collate.pop('_scope_', None)
    preprocessor = dict(cfg.model.get('data_preprocessor') or cfg.data_preprocessor)
    if cfg.default_scope == 'mmpretrain':  # as its ImageClassifier does it
        preprocessor = dict(
            type='ClsDataPreprocessor', batch_augments=cfg.model.get('train_cfg'), **preprocessor)
    dataset = DATASETS.build(dataset)
    return Input(dataset, dataset.pipeline.transforms, 'other',
                 partial(FUNCTIONS.get(collate.pop('type')), **collate),
                 partial(MODELS.build(preprocessor), training=True))


def _place(case: InputCase, files: Files) -> Dict[str, Any]:
    """Where the files of a case lie, as its data set wants to know it."""
    if case.reads == 'scenes':
        categories = json.loads(files.coco.read_text())['categories']
        classes = tuple(category['name'] for category in categories)
        return dict(
            ann_file=str(files.coco),
            data_prefix=dict(img=f'{files.root}/'),
            metainfo=dict(classes=classes))
    paths = getattr(files, case.reads)
    listed = files.root / f'{case.reads}.txt'
    listed.write_text(''.join(f'{path} {i}\n' for i, path in enumerate(paths)))
    is_video = case.reads != 'pictures'
    return dict(ann_file=str(listed), data_prefix=dict(video='') if is_video else '')


def _place_frames(files: Files) -> Dict[str, Any]:
    return dict(ann_file=str(write_frames(files)), data_prefix=dict(img=''))


def _ours(case: InputCase, files: Files) -> Input:
    kind = dict(type='mvitv2_mm.ImageDataset') if case.reads == 'pictures' else {}
    return _openmmlab(load_config(case.config), **_place(case, files), **kind)


def _ours_of_frames(case: InputCase, files: Files) -> Input:
    return _openmmlab(load_config(case.config), **_place_frames(files))


def _host(case: InputCase, files: Files, **edits: Any) -> Input:
    """The host's pipeline; a transform that ``edits`` name gets other arguments."""
    cfg = get_config(case.host_config)
    dataset = cfg.train_dataloader.dataset
    pipeline = dataset.get('dataset', dataset).pipeline
    for step in pipeline:
        step.update(edits.get(step.type, {}))
    kind = dict(type='CustomDataset') if case.reads == 'pictures' else {}
    return _openmmlab(cfg, **_place(case, files), **kind)


def _mmaction2(case: InputCase, files: Files, augments: bool, frames: bool) -> Input:
    """The host's pipeline, also without its RandAugment, and for folders of frames."""
    cfg = get_config(case.host_config)
    pipeline = cfg.train_dataloader.dataset.pipeline
    left_out = {'DecordInit'} if frames else set()
    if not augments:
        left_out.add('PytorchVideoWrapper')
    pipeline = [step for step in pipeline if step.type not in left_out]
    if not frames:
        return _openmmlab(cfg, pipeline=pipeline, **_place(case, files))
    for step in pipeline:
        step.type = step.type.replace('DecordDecode', 'RawFrameDecode')
    return _openmmlab(cfg, type='RawframeDataset', pipeline=pipeline, **_place_frames(files))


def _timm(case: InputCase, files: Files) -> Input:
    """As timm's train.py does it, with the operations of our recipe."""
    from timm import data

    # Pillow refuses to keep 0 bits, as timm asks it to at the highest magnitude
    data.auto_augment.NAME_TO_OP['PosterizeIncreasing'] = _posterize
    transform = data.create_transform(
        224,
        is_training=True,
        use_prefetcher=True,
        auto_augment='rand-m9-n6-mstd0.5-inc1',
        interpolation='random')
    dataset = data.ImageDataset(str(files.pictures[0].parent), transform=transform)
    mix = data.Mixup(0.8, 1., num_classes=1000, label_smoothing=0.1)

    def preprocess(batch: Tuple[torch.Tensor, torch.Tensor]) -> Any:
        loader = data.loader.PrefetchLoader([batch],
                                            device=torch.device('cpu'),
                                            re_prob=0.25,
                                            re_mode='pixel')
        return mix(*next(iter(loader)))

    return Input(dataset, transform.transforms, 'decode', data.loader.fast_collate, preprocess)


def _posterize(image: Image.Image, bits: int, **_: Any) -> Image.Image:
    return ImageOps.posterize(image, max(bits, 1)) if bits < 8 else image


PEERS: Dict[str, Callable[[InputCase, Files], Input]] = {
    OURS: _ours,
    'mmpretrain': _host,
    'mmpretrain, 6 operations': partial(_host, RandAugment=dict(num_policies=6)),
    'timm': _timm,
    'mmaction2': partial(_mmaction2, augments=True, frames=False),
    'mmaction2, no RandAugment': partial(_mmaction2, augments=False, frames=False),
    'ours, folders of frames': _ours_of_frames,
    'mmaction2, folders of frames': partial(_mmaction2, augments=True, frames=True),
    'mmaction2, no RandAugment, folders of frames':
    partial(_mmaction2, augments=False, frames=True),
    'mmdet': _host,
}


def names_of(case: InputCase, peers: Optional[Sequence[str]] = None) -> List[str]:
    """Ours and the chosen peers, all by default; mmaction2 cannot augment without pytorchvideo."""
    names = [OURS, *(name for name in case.peers if peers is None or name in peers)]
    if importlib.util.find_spec('pytorchvideo') is None:
        names = [name.replace('mmaction2', 'mmaction2, no RandAugment') for name in names]
    return names


def build(case: InputCase, name: str, files: Files) -> Input:
    """Build the input pipeline of one implementation."""
    return PEERS[name](case, files)
