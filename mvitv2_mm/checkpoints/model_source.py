"""What MODEL means: a folder, here or on a hub, a published name, or a checkpoint."""
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple, Union

import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from ..config_files import load_config
from ..config_options import apply_options
from ..errors import UsageError
from ..models.networks import NETWORKS
from ..names import published_configs
from .class_names import dataset_of, published_classes, trained_classes
from .exported_file import read_export
from .hub import PREFIX, download_folder
from .io import CheckpointError, meta_of, read_file, unwrap
from .known_types import check_types, import_named
from .loading import load_complete
from .model_folder import read_model_folder, write_model_folder
from .model_info import StoredModel
from .plain_config import read_plain_config
from .provenance import licence_of, reported
from .tasks import classes_of_data, count_classes, for_prediction, task_of
from .zoo import ZOO, check_exists, locate

_UNPUBLISHED = 'the order of the classes of ImageNet-21K is not published: they are numbered'
_EXPORTED = 'mvitv2_mm.ExportedModel'
# the default hooks that act in a test; stored configs name others, also such as are no more
_TEST_HOOKS = ('timer', 'logger', 'indices', 'unreadable')


@dataclass
class OpenedModel:
    """A model that can be built, and what is known of it.

    Args:
        name (str): Name of the folder, the published name, or the checkpoint's without suffix.
        task (str): 'image', 'detection', 'video' or 'action_detection'.
        cfg (Config): What predicting and testing need, resolved. It loads no weights by itself.
        classes (tuple[str], optional): Names in the order of the labels; None if not known.
        notes (list[str]): Lines that a user should read.
        weights (str): File of the weights.
        licence (str): Of the weights; '' if not known.
        licence_note (str): Why it is this one, in words.
        metrics (list[dict]): See :func:`model_folder.write_model_folder`.
        read_state (Callable): Reads the weights.
    """
    name: str
    task: str
    cfg: Config
    classes: Optional[Tuple[str, ...]]
    notes: List[str]
    weights: str
    licence: str
    licence_note: str
    metrics: List[dict]
    read_state: Callable[[], Mapping[str, Tensor]] = field(repr=False)

    def class_name(self, label: int) -> str:
        """Name of a class, or its number as text where the names are not known."""
        return str(label) if self.classes is None else self.classes[label]

    @property
    def is_exported(self) -> bool:
        """Whether it is a network in an exported file, which has no weights of its own."""
        return self.cfg.model.type == _EXPORTED

    def build(self, device: str = 'cpu') -> nn.Module:
        """Build the model in eval mode.

        Args:
            device (str): Where to put it. Defaults to 'cpu'.

        Raises:
            CheckpointError: If the weights are not those of the whole model.
        """
        init_default_scope(self.cfg.default_scope)
        model = MODELS.build(self.cfg.model)
        if not self.is_exported:
            load_complete(model, self.read_state(), self.weights)
        return model.to(torch.device(device)).eval()


def open_model(model: str,
               checkpoint: Optional[str] = None,
               cfg_options: Optional[dict] = None) -> OpenedModel:
    """Find out what a user means by a model, and what it is.

    Args:
        model (str): A model folder, ``hf://OWNER/NAME`` for one on the Hugging Face Hub, a name in
            the registry of published models, a checkpoint of this package alone (file or URL), an
            exported file (.onnx, .xml or .pt2), or a config.
        checkpoint (str, optional): For a config: a file, a URL, or a published name. Defaults to
            None.
        cfg_options (dict, optional): Dotted keys and values that change the config. Defaults to
            None.

    Returns:
        OpenedModel: What can be built. Nothing that came with the weights has been run.

    Raises:
        UnknownName: If there is no such thing; names similar ones.
        UsageError: If it is a config alone, or predicts nothing.
        OSError: If a file is missing.
        ValueError: If it cannot be used: damaged, incomplete, or reaching for more than it may.
        ImportError: If a library that it needs is not installed.
    """
    path = Path(model).expanduser()
    if checkpoint is not None:
        return _from_config(model, checkpoint, cfg_options)
    if path.suffix in NETWORKS:
        return _from_export(path, cfg_options)
    if path.is_dir():
        return _from_folder(path, cfg_options)
    if model.startswith(PREFIX):
        return _from_folder(download_folder(model), cfg_options)
    if model in ZOO and not path.is_file():
        return _published(model, cfg_options)
    if path.suffix == '.py' or model in published_configs():
        raise UsageError(f'{model} is a config, which holds no weights: give a checkpoint with it')
    check_exists(model)
    return _from_checkpoint(model, cfg_options)


def save_model(model: OpenedModel, folder: Union[str, Path]) -> None:
    """Write an opened model as a model folder; see :func:`model_folder.write_model_folder`.

    Raises:
        UsageError: If it is an exported file.
        CheckpointError: If the weights are not those of the whole model.
        OSError: If the place cannot be written to, or holds something else.
    """
    if model.is_exported:
        raise UsageError(f'{model.weights} is an exported network, whose weights belong to no '
                         'config; give the model that it was exported from')
    write_model_folder(
        folder,
        model.cfg,
        model.build().state_dict(),
        model.task,
        model.classes,
        model.metrics,
        model.licence,
        name=model.name,
        licence_note=model.licence_note)


def _from_folder(folder: Path, options: Optional[dict]) -> OpenedModel:
    return _from_stored(read_model_folder(folder), options, folder)


def _from_export(path: Path, options: Optional[dict]) -> OpenedModel:
    opened = _from_stored(read_export(path), options, path)
    opened.cfg.model = ConfigDict(type=_EXPORTED, file=str(path), module=opened.cfg.model)
    return opened


def _from_stored(found: StoredModel, options: Optional[dict], path: Path) -> OpenedModel:
    return _opened(
        found.name,
        _of_elsewhere(found.cfg, options, str(path)),
        found.weights,
        found.classes,
        licence=(found.licence, found.licence_note),
        metrics=found.metrics)


def _published(name: str, options: Optional[dict]) -> OpenedModel:
    cfg = load_config(ZOO[name].config, options)
    _task(cfg, name)  # before anything is downloaded
    return _of_zoo(name, cfg)


def _of_zoo(name: str, cfg: Config) -> OpenedModel:
    entry, dataset = ZOO[name], dataset_of(name)
    opened = _opened(
        name,
        cfg,
        locate(name),
        published_classes(dataset),
        licence=(entry.licence, f'of {name}'),
        metrics=reported(entry))
    if dataset == 'in21k':
        opened.notes = [_UNPUBLISHED]
    return opened


def _from_checkpoint(checkpoint: str, options: Optional[dict]) -> OpenedModel:
    path = locate(checkpoint)
    content = read_file(path, mapped=True)
    meta = meta_of(content)
    if not isinstance(meta.get('cfg'), str):
        raise CheckpointError(f'{path} does not hold its config, as checkpoints of a training with '
                              'this package do: give the config and this file, or convert it with '
                              'its config into a model folder')
    trained = read_plain_config(meta['cfg'])
    cfg = _of_elsewhere(trained, options, path)
    classes = trained_classes(meta) or classes_of_data(cfg)
    return _opened(Path(path).stem, cfg, path, classes, content, licence_of(trained))


def _from_config(config: str, checkpoint: str, options: Optional[dict]) -> OpenedModel:
    cfg = load_config(config, options)
    if checkpoint in ZOO and not Path(checkpoint).is_file():
        return _of_zoo(checkpoint, cfg)
    path = locate(checkpoint)
    content = read_file(path, mapped=True)
    classes = trained_classes(meta_of(content)) or classes_of_data(cfg)
    return _opened(Path(path).stem, cfg, path, classes, content)


def _opened(
    name: str,
    cfg: Config,
    weights: str,
    classes: Optional[Sequence[str]],
    content: Any = None,
    licence: Tuple[str, str] = ('', 'not known'),
    metrics: Sequence[dict] = ()
) -> OpenedModel:
    """What is known, put together; ``content`` is that of the weights' file, if it was read."""
    number, notes = count_classes(cfg.model), []
    if classes is None:
        notes.append('class names are not known: classes are numbered')
    elif len(classes) != number:
        notes.append(f'{len(classes)} class names are known, but the model has {number} classes: '
                     'they are numbered')
        classes = None
    state = None if content is None else unwrap(content, weights)
    return OpenedModel(
        name=name,
        task=_task(cfg, name),
        cfg=for_prediction(cfg),
        classes=None if classes is None else tuple(classes),
        notes=notes,
        weights=weights,
        licence=licence[0],
        licence_note=licence[1],
        metrics=list(metrics),
        read_state=lambda: unwrap(read_file(weights, mapped=True), weights)
        if state is None else state)


def _task(cfg: Config, name: str) -> str:
    task = task_of(cfg)
    if task is None:
        raise UsageError(f'{name} tells no classes apart, as a pre-training does not: it predicts '
                         'nothing. Start a training from it with "init_cfg" or "load_from".')
    return task


def _of_elsewhere(cfg: Config, options: Optional[dict], where: str) -> Config:
    """A plain config that came with weights, changed by options, if it names nothing unknown."""
    if not isinstance(cfg.get('model'), ConfigDict):
        raise ValueError(f'the config of {where} describes no model')
    cfg = for_prediction(cfg)
    hooks = cfg.get('default_hooks') or {}
    cfg.default_hooks = {name: hook for name, hook in hooks.items() if name in _TEST_HOOKS}
    import_named(cfg, where)
    check_types(cfg, where)
    return apply_options(cfg, options) if options else cfg
