"""Which network a fine-tuning starts from: one of the zoo, a model of the user, a small one."""
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from mmengine.config import Config

from ..checkpoints import CheckpointError
from ..checkpoints.model_source import open_model
from ..checkpoints.zoo import ZOO, locate
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
SIZES = ('tiny', 'small', 'base', 'large', NANO)
_SMALL = 160  # pixels; for smaller pictures the networks of the zoo are too coarse


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
    """
    base: Path
    network: Optional[Config]
    weights: Optional[str]
    whole: bool
    text: str


def base_config(task: str, is_nano: bool) -> Path:
    """The config that those for a task inherit from.

    Raises:
        ValueError: If there is no small network for the task.
    """
    name = _BASES[task][is_nano]
    if name is None:
        raise ValueError(f'there is no network "{NANO}" for {task.replace("_", " ")}; take '
                         f'--arch {" or ".join(PUBLISHED[task])}')
    return repository_folder() / 'configs' / name


def choose_start(task: str,
                 short_side: int,
                 arch: Optional[str] = None,
                 model: Optional[str] = None) -> Start:
    """Choose the network and its weights.

    Args:
        task (str): 'image', 'detection', 'video' or 'action_detection'.
        short_side (int): Of a typical picture or frame of the data, in pixels.
        arch (str, optional): One of ``SIZES``. Defaults to None, the smallest with published
            weights, or ``NANO`` for small pictures and random weights.
        model (str, optional): What to start from: a published name, a model folder, a checkpoint,
            or 'none' for random weights. Defaults to None, the published weights of the network, or
            random ones if they can not be had.

    Raises:
        CheckpointError: If the weights that ``model`` names cannot be had.
        ValueError: If the arguments do not belong together.
    """
    if model not in (None, 'none'):
        return _from_model(task, model, arch)
    sizes = PUBLISHED[task]
    if arch not in (None, NANO, *sizes):
        raise ValueError(f'--arch {arch}: there are no published weights of this size for '
                         f'{task.replace("_", " ")}; take {", ".join([*sizes, NANO])}')
    if arch == NANO and model is None:
        return Start(
            base_config(task, True), None, None, False,
            f'the small network "{NANO}", for which no weights are published; random weights')
    size, why = arch or next(iter(sizes)), 'random weights, as --from none says'
    if model is None:
        try:
            locate(sizes[size])
            return _published(task, size, weights=True)
        except (CheckpointError, OSError) as error:
            why = f'random weights, because the published ones can not be had: {error}'
    has_nano = _BASES[task][1] is not None
    if arch == NANO or arch is None and short_side < _SMALL and has_nano:
        return Start(
            base_config(task, True), None, None, False, f'the small network "{NANO}", {why}')
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
    return Start(
        base_config(task, False), network, name if weights else None, task == 'detection', text)


def _from_model(task: str, model: str, arch: Optional[str]) -> Start:
    """A model that the user names, whose network decides."""
    for size, name in PUBLISHED[task].items():
        if name == model and arch in (None, size):
            locate(name)
            return _published(task, size, weights=True)
    if arch is not None:
        raise ValueError(f'--from {model} decides about the network; leave --arch {arch} out')
    opened = open_model(model)
    if opened.task != task:
        raise ValueError(f'--from {model} is a model for {opened.task.replace("_", " ")}, but the '
                         f'data is for {task.replace("_", " ")}; published weights for it: '
                         f'{", ".join(PUBLISHED[task].values())}')
    is_nano = not isinstance(opened.cfg.model.backbone.arch, str)
    return Start(
        base_config(task, is_nano), opened.cfg, weights_file(model), True,
        f'the weights of {opened.name}')


def weights_file(model: str) -> str:
    """What of a model holds its weights: the file in a model folder, else the model itself."""
    path = Path(model).expanduser()
    if path.is_dir():
        return str((path / 'weights.safetensors').resolve())
    return str(path.resolve()) if path.is_file() else model
