"""The weights that a training starts from: do they fit its classes, and what it does to pixels?"""
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from mmengine.config import Config
from torch import nn

from ..checkpoints import CheckpointError
from ..checkpoints.class_names import dataset_of, published_classes, trained_classes
from ..checkpoints.io import meta_of, read_file
from ..checkpoints.model_folder import INFO, read_model_folder
from ..checkpoints.plain_config import read_plain_config
from ..checkpoints.preprocessing import describe_preprocessing
from ..checkpoints.report import TransferReport
from ..checkpoints.tasks import task_of
from ..checkpoints.transfer import CLASSIFIER_NORM
from ..checkpoints.zoo import ZOO, locate
from ..config_files import load_config
from ..config_walk import dicts_in
from .findings import ERROR, WARNING, Finding

_TOLERANCE = 2.  # of mean and std, of pixels from 0 to 255


class Origin(NamedTuple):
    """What is known of a checkpoint beside its weights."""
    preprocessing: Optional[dict]
    classes: Optional[Tuple[str, ...]]


def start_of(cfg: Config) -> Optional[str]:
    """The checkpoint that a training starts from, None for random weights."""
    if cfg.get('load_from'):
        return cfg.load_from
    for node in dicts_in(cfg.model):
        inits = node.get('init_cfg')
        for init in inits if isinstance(inits, (list, tuple)) else [inits]:
            if isinstance(init, dict) and init.get('checkpoint'):
                return init['checkpoint']
    return None


def origin_of(checkpoint: str) -> Origin:
    """What a checkpoint says about itself, or the zoo about it."""
    name = _published_as(checkpoint)
    if name is not None:
        cfg = load_config(ZOO[name].config)
        return Origin(_describe(cfg), published_classes(dataset_of(name)))
    path = Path(locate(checkpoint))
    if path.with_name(INFO).is_file():
        found = read_model_folder(path.parent)
        return Origin(found.preprocessing, found.classes)
    try:
        meta = meta_of(read_file(str(path), mapped=True))
        cfg = read_plain_config(meta['cfg']) if isinstance(meta.get('cfg'), str) else None
    except (CheckpointError, ValueError):  # of another host: nothing is known
        return Origin(None, None)
    return Origin(_describe(cfg), trained_classes(meta))


def _published_as(checkpoint: str) -> Optional[str]:
    """Name in the zoo of a name, a URL, or a file that is called as it is where it is published."""
    if checkpoint in ZOO:
        return checkpoint
    file = Path(checkpoint).name
    found = {name: entry.url for name, entry in ZOO.items() if entry.url.endswith('/' + file)}
    exact = [name for name, url in found.items() if url == checkpoint]
    return next(iter(exact or (found if len(found) == 1 else ())), None)


def _describe(cfg: Optional[Config]) -> Optional[dict]:
    return None if cfg is None else describe_preprocessing(cfg, task_of(cfg) or 'image')


def check_preprocessing(cfg: Config, checkpoint: str, origin: Origin) -> Iterator[Finding]:
    """See whether the network gets pixels like those that its weights were trained with."""
    known = origin.preprocessing
    if known is None:
        return
    own = describe_preprocessing(cfg, task_of(cfg) or 'image')
    settings = 'model.data_preprocessor'
    if known['mean'] and own['mean'] and own['colour_order'] != known['colour_order']:
        yield Finding(
            ERROR, 'colours', f'the network gets {own["colour_order"]}, but {checkpoint} was '
            f'trained on {known["colour_order"]}: change to_rgb or bgr_to_rgb in {settings}')
    for key in ('mean', 'std'):
        if not _alike(own[key], known[key]):
            yield Finding(
                ERROR, key, f'{settings}.{key} is {own[key]}, but {checkpoint} was trained with '
                f'{known[key]}: set it to that')


def _alike(own: Optional[Sequence[float]], known: Optional[Sequence[float]]) -> bool:
    if own is None or known is None:
        return own == known
    return len(own) == len(known) and all(abs(a - b) <= _TOLERANCE for a, b in zip(own, known))


def check_transfer(reports: Sequence[TransferReport]) -> Iterator[Finding]:
    """Name what of the weights did not find a place, apart from those of a classifier."""
    for report in reports:
        lost = [
            entry.source for entry in report.of('dropped')
            if not _is_classifier(entry.source) and entry.detail != CLASSIFIER_NORM
        ]
        new = [entry.target for entry in report.of('new') if 'backbone' in entry.target]
        for what, names in (('of the file are not used', lost), ('of the backbone stay random',
                                                                 new)):
            if names:
                yield Finding(
                    WARNING, 'weights', f'{report.title}: {len(names)} tensors {what}, e.g. '
                    f'{names[0]}: take the network that the weights are of')
        for note in report.notes:
            yield Finding(WARNING, 'weights', f'{report.title}: {note}')


def _is_classifier(name: str) -> bool:
    words = ('head', 'fc_cls', 'fc_reg', 'cls_score', 'bbox_pred', 'classifier', 'predictor')
    return any(word in name for word in words)


def check_order(cfg: Config, origin: Origin, classes: Optional[Sequence[str]],
                reports: Sequence[TransferReport]) -> Iterator[Finding]:
    """See whether a classifier that is taken over has the classes of the data in their order."""
    heads = [
        entry for report in reports for entry in report.entries
        if entry.action in ('copied', 'renamed') and _is_classifier(entry.target) and (
            'cls' in entry.target or 'head.fc' in entry.target)
    ]
    if not heads or not classes or not origin.classes or list(classes) == list(origin.classes):
        return
    text = 'in another order' if set(classes) == set(origin.classes) else 'other classes'
    yield Finding(
        ERROR, 'classes', f'the classifier of {start_of(cfg)} is taken over, but it has {text}: '
        f'{", ".join(origin.classes)[:80]}, and not {", ".join(map(str, classes))[:80]}; set '
        '"metainfo.classes" of the datasets to the former, or load the backbone alone (init_cfg)')


def describe_transfer(reports: Sequence[TransferReport]) -> List[dict]:
    """The reports as JSON has them, without an entry for each tensor."""
    return [
        dict(title=report.title, counts=report.counts(), notes=report.warnings())
        for report in reports
    ]


def count_parameters(model: nn.Module) -> List[dict]:
    """Parameters of each part of a model that are trained, and that are frozen."""
    rows = []
    for name, part in model.named_children():
        numbers = [(p.numel(), p.requires_grad) for p in part.parameters()]
        if numbers:
            trained = sum(count for count, is_trained in numbers if is_trained)
            rows.append(
                dict(part=name, trained=trained, frozen=sum(n for n, _ in numbers) - trained))
    return rows
