"""A validation split where own data has none, or other data in its place."""
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Union

import numpy as np

from .folders import in_order
from .formats.common import check_new_classes
from .recognition import note_shared, read
from .samples import NOUNS, OwnData, Sample
from .sources import sources

SHARE = 0.2
_NOTHING = -1  # the class of pictures without objects


def with_validation(data: OwnData,
                    val: Optional[Union[str, Path, float]] = None,
                    seed: int = 0) -> OwnData:
    """The data with a split 'val': its own, other data, or a share of the training data.

    A share is taken class by class, from the rarest to the most frequent, and whole sources at a
    time; every class keeps a source in training. For detection and action detection the classes of
    the objects count.

    Args:
        data (OwnData): What was recognised.
        val (str | Path | float, optional): Other data in any format, or the share of the training
            data to set aside. Defaults to None: the data's own split, else a share of 0.2.
        seed (int): Decides which samples are set aside. Defaults to 0.

    Raises:
        FileNotFoundError: If the other data does not exist.
        ValueError: If the other data is of another task or has other classes, if the data has a
            split of its own beside the one asked for, or if it is too small to be split.
    """
    if val is None and 'val' in data.splits:
        return data
    share = SHARE if val is None else _as_share(val)
    if share is None:
        return _join(data, read(val))
    if 'val' in data.splits:
        raise ValueError(
            f'{data.root} has a validation split of {len(data.splits["val"])} samples, '
            f'so that no share of {val} is needed; leave it out')
    return _set_aside(data, share, seed)


def _as_share(val: Union[str, Path, float]) -> Optional[float]:
    """The share that is meant, None if it is a path."""
    try:
        share = float(val)
    except (TypeError, ValueError):
        return None
    if not 0 < share < 1:
        raise ValueError(
            f'the share of the validation data should be between 0 and 1, but is {val}')
    return share


def _join(data: OwnData, other: OwnData) -> OwnData:
    """The data with the validation split, or else all samples, of other data."""
    if other.task != data.task:
        raise ValueError(f'{other.root} is data for "{other.task}", but {data.root} for '
                         f'"{data.task}"')
    if other.reading != data.reading:
        raise ValueError(f'the videos of {other.root} and {data.root} are stored in different ways '
                         f'({other.reading}, {data.reading})')
    split = 'val' if 'val' in other.splits else 'train'
    used = [other.classes[label] for label in other.counts(split)]
    check_new_classes(data.classes, used, other.root)
    label = {i: data.classes.index(n) for i, n in enumerate(other.classes) if n in data.classes}
    samples = tuple(_relabel(sample, label) for sample in other.splits[split])
    splits = dict(data.splits, val=samples)
    record = dict(made_by=f'"{split}" of {other.root} ({other.kind}) validates')
    notes = data.notes + [f'validation: {note}' for note in other.notes]
    joined = replace(data, splits=in_order(splits), record=record, notes=notes)
    note_shared(joined, 'val')
    return joined


def _relabel(sample: Sample, label: Dict[int, int]) -> Sample:
    objects = tuple(obj._replace(label=label[obj.label]) for obj in sample.objects)
    return replace(sample, label=label.get(sample.label), objects=objects)


def _set_aside(data: OwnData, share: float, seed: int) -> OwnData:
    samples = data.splits['train']
    _check_enough(data)
    names, rules = sources(data, samples)
    groups: Dict[str, List[int]] = defaultdict(list)
    for i, name in enumerate(names):
        groups[name].append(i)
    contents: Dict[str, Counter] = defaultdict(Counter)
    for name, sample in zip(names, samples):
        contents[name].update(set(sample.labels()) or [_NOTHING])
    chosen = choose(contents, share, seed)
    if not any(set(contents[name]) - {_NOTHING} for name in chosen):
        raise ValueError(
            f'{data.root} cannot be split: the samples of each class come from one source '
            f'({", ".join(rules) or "one sample"}); name other data with --val')
    val = {i for name in chosen for i in groups[name]}
    splits = dict(
        data.splits,
        train=tuple(s for i, s in enumerate(samples) if i not in val),
        val=tuple(s for i, s in enumerate(samples) if i in val))
    result = replace(data, splits=in_order(splits))
    text = f'a share of {share:g} of the training data was set aside for validation, seed {seed}'
    result.record = dict(
        made_by='mvitv2_mm', share=share, seed=seed, sources=len(groups), kept_together=rules)
    together = ''.join(f'; {n} samples kept together by {rule}' for rule, n in rules.items())
    result.notes = [*data.notes, text + together, *_lacking(result)]
    return result


def choose(contents: Dict[str, Counter], share: float, seed: int) -> List[str]:
    """Groups that together hold about a share of each class.

    Args:
        contents (dict[str, Counter]): How many samples of each class every group has.
        share (float): Share of the samples of a class that is wanted.
        seed (int): Decides the order in which groups are tried.

    Returns:
        list[str]: Names of the chosen groups. Every class keeps a group that is not chosen.
    """
    names = sorted(contents)
    groups = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    having = defaultdict(list)
    left: Counter = Counter()
    for name in groups:
        left.update(contents[name])
        for label in contents[name]:
            having[label].append(name)
    wanted = {label: max(1, round(share * count)) for label, count in left.items()}
    chosen: Dict[str, None] = {}

    def take(name: str) -> None:
        """Choose a group unless it is the last one of a class."""
        if name not in chosen and all(left[other] > n for other, n in contents[name].items()):
            chosen[name] = None
            left.subtract(contents[name])
            for other, n in contents[name].items():
                wanted[other] -= n

    for label in sorted(wanted, key=lambda label: (left[label], label)):
        for name in having[label]:
            # closer to the share with it than without
            if contents[name][label] < 2 * wanted[label]:
                take(name)
        if not any(name in chosen for name in having[label]):
            take(min(having[label], key=lambda name: contents[name][label]))
    return list(chosen)


def _check_enough(data: OwnData) -> None:
    """Two samples of each class are the least to learn from one and validate on the other."""
    if data.task in ('image', 'video'):
        counts = data.counts('train')
        few = [f'{name} ({counts[i]})' for i, name in enumerate(data.classes) if counts[i] < 2]
        if few:
            raise ValueError(
                f'{data.root} has too few samples of {len(few)} of {len(data.classes)} classes: '
                f'{", ".join(few)[:200]}; 2 of each class are needed to train on one and validate '
                'on the other')
    elif len(data.splits['train']) < 2:
        raise ValueError(f'{data.root} has {len(data.splits["train"])} {NOUNS[data.task]}; 2 are '
                         'needed to train on one and validate on the other')


def _lacking(data: OwnData) -> List[str]:
    train, val = data.counts('train'), data.counts('val')
    lacking = [name for i, name in enumerate(data.classes) if train[i] and not val[i]]
    if not lacking:
        return []
    return [
        'classes that are not validated, as all of their samples come from one source: '
        f'{", ".join(lacking)[:200]}'
    ]
