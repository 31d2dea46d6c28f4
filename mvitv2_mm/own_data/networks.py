"""Which network a fine-tuning starts from: one of the zoo, a model of the user, a small one."""
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from mmengine.config import Config

from ..checkpoints import CheckpointError
from ..checkpoints.model_source import open_model
from ..checkpoints.zoo import ZOO, locate
from ..errors import UsageError
from ..files import repository_folder
from ..names import published_configs

NANO = 'nano'
# task -> size -> published weights, the smallest first
PUBLISHED = {
    'image': {
        'tiny': 'mvitv2-tiny_in1k',
        'small': 'mvitv2-small_in1k',
        'base': 'mvitv2-base_in1k',
        'large': 'mvitv2-large_in1k'
    },
    'detection': {
        'tiny': 'mask-rcnn_mvitv2-tiny_coco',
        'small': 'cascade-mask-rcnn_mvitv2-small_coco',
        'base': 'cascade-mask-rcnn_mvitv2-base_coco'
    },
    'video': {
        'small': 'mvitv2-small-16x4_k400',
        'base': 'mvitv2-base-32x3_k400',
        'large': 'mvitv2-large-40x3_k400'
    },
    'action_detection': {
        'small': 'mvitv2-small-16x4_k400',
        'base': 'mvitv2-base-32x3_k400'
    },
}
# recipes that are not those of the weights
_ACTIONS = 'mvitv2-{}-p244_k400-pre_64xb8-{}x1-30e_ava22-rgb'
_RECIPES = {
    ('action_detection', 'small'): _ACTIONS.format('small', '16x4'),
    ('action_detection', 'base'): _ACTIONS.format('base', '32x3'),
}
_BASES = {
    'image': ('finetune/images.py', 'quickstart/image.py'),
    'detection': ('finetune/objects.py', 'quickstart/detection.py'),
    'video': ('finetune/clips.py', 'quickstart/video.py'),
    'action_detection': ('finetune/actions.py', None),
}
_SMALL = 160  # pixels; for smaller pictures the networks of the zoo are too coarse
# pixels that the small networks take: a multiple of the first, from the second to the third
_NANO_SIZES = dict(image=(16, 32, 128), detection=(32, 96, 320), video=(16, 32, 112))


@dataclass
class Start:
    """What a fine-tuning starts from.

    Attributes:
        base (Path): The config that the new one inherits from.
        network (Config, optional): Whose model it takes, None for that of ``base``.
        weights (str, optional): What it loads, None to start from random weights.
        whole (bool): Whether these are weights of a whole model of the same task, and not those of
            a backbone.
        text (str): All this in words.
        variables (dict): What to set in ``base``.
    """
    base: Path
    network: Optional[Config]
    weights: Optional[str]
    whole: bool
    text: str
    variables: dict = field(default_factory=dict)


def _base(task: str, is_nano: bool) -> Path:
    return repository_folder() / 'configs' / _BASES[task][is_nano]


def _nano(task: str, short_side: int, why: str) -> Start:
    step, low, high = _NANO_SIZES[task]
    size = min(max(low, round(short_side / step) * step), high)
    text = f'the small network "{NANO}" for {size} pixels, {why}'
    return Start(_base(task, True), None, None, False, text, dict(size=size))


def choose_start(task: str,
                 short_side: int,
                 arch: Optional[str] = None,
                 model: Optional[str] = None) -> Start:
    """Choose the network and its weights.

    Args:
        task (str): 'image', 'detection', 'video' or 'action_detection'.
        short_side (int): Of a typical picture or frame of the data, in pixels.
        arch (str, optional): A size of ``PUBLISHED``, or ``NANO``. Defaults to None, the smallest
            with published weights, or ``NANO`` for small pictures and random weights.
        model (str, optional): What to start from: a published name, a model folder, a checkpoint,
            or 'none' for random weights. Defaults to None, the published weights of the network, or
            random ones if they cannot be had.

    Raises:
        CheckpointError: If the weights that ``model`` names cannot be had.
        UsageError: If the arguments do not belong together.
    """
    if model not in (None, 'none'):
        return _from_model(task, model, arch)
    sizes, has_nano = PUBLISHED[task], task in _NANO_SIZES
    known = [*sizes, *([NANO] if has_nano else [])]
    if arch not in (None, *known):
        raise UsageError(f'--arch {arch}: there is no such network with published weights for '
                         f'{task.replace("_", " ")}; take {", ".join(known)}')
    if arch == NANO:
        return _nano(task, short_side, 'random weights, as none are published for it')
    size, why = arch or next(iter(sizes)), 'random weights, as --from none says'
    if model is None:
        try:
            locate(sizes[size])
            return _published(task, size, weights=True)
        except (CheckpointError, OSError) as error:
            why = f'random weights, because the published ones cannot be had: {error}'
    if arch is None and short_side < _SMALL and has_nano:
        return _nano(task, short_side, why)
    start = _published(task, size, weights=False)
    start.text += f', {why}'
    return start


def _published(task: str, size: str, weights: bool) -> Start:
    """A network of the zoo; the first of each task is that of the config for own data."""
    name = PUBLISHED[task][size]
    network = None
    if size != next(iter(PUBLISHED[task])):
        recipe = _RECIPES.get((task, size), ZOO[name].config)
        network = Config.fromfile(published_configs()[recipe])
    text = f'the published weights {name}' if weights else f'the network MViTv2 {size}'
    return Start(_base(task, False), network, name if weights else None, task == 'detection', text)


def _from_model(task: str, model: str, arch: Optional[str]) -> Start:
    """A model that the user names, whose network decides."""
    for size, name in PUBLISHED[task].items():
        if name == model and arch in (None, size):
            locate(name)
            return _published(task, size, weights=True)
    if arch is not None:
        raise UsageError(f'--from {model} decides about the network; leave --arch {arch} out')
    opened = open_model(model)
    if opened.task != task:
        raise UsageError(f'--from {model} is a model for {opened.task.replace("_", " ")}, but the '
                         f'data is for {task.replace("_", " ")}; published weights for it: '
                         f'{", ".join(PUBLISHED[task].values())}')
    arch, size = (opened.cfg.model.backbone.get(key) for key in ('arch', 'input_size'))
    network, text = Config(dict(model=opened.cfg.model)), f'the weights of {opened.name}'
    if not isinstance(arch, str):
        variables = dict(size=size if isinstance(size, int) else size[-1])
        return Start(_base(task, True), network, opened.weights, True, text, variables)
    like = _published(task, arch, weights=False).network if arch in PUBLISHED[task] else None
    if like is not None:  # whose pipelines are those of the size
        like.model = network.model
    return Start(_base(task, False), like or network, opened.weights, True, text)
