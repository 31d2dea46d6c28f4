"""Measures what the page "Explain" says about heat maps, with the models of the quickstart.

``python docs/explain_figures.py``, where the current folder holds ``work_dirs/quickstart`` and
``data/quickstart``. Takes about four minutes on one thread of a CPU.
"""
import logging
import time
from copy import copy
from functools import partial
from pathlib import Path
from typing import Callable, Iterator, List, Sequence

import numpy as np
import torch
from mmengine.registry import MODELS, init_default_scope
from scipy.stats import pearsonr, spearmanr
from torch import Tensor, nn

from mvitv2_mm import create_model
from mvitv2_mm.checkpoints.model_source import open_model
from mvitv2_mm.explain import METHODS, faithfulness, find_target, heat_map
from mvitv2_mm.explain.faithfulness import MARGIN
from mvitv2_mm.explain.maps import resize
from mvitv2_mm.inference.predictor import Predictor
from mvitv2_mm.inference.reading import Reader
from mvitv2_mm.inference.sources import find_sources

DATA = Path('data/quickstart')
INPUTS = dict(image='images/val', video='clips/val', detection='scenes/val')
RIVALS = ('random', 'centre')
NUM_RANDOM = 3  # networks with random weights


def targets_of(task: str, number: int, folder: str = '') -> tuple:
    """The model of a task, and what it finds in some files that are spread over its test data."""
    predictor = Predictor(open_model(f'work_dirs/quickstart/{task}/models/best'), fast=True)
    sources = list(find_sources([str(DATA / (folder or INPUTS[task]))], task))
    chosen = [sources[i] for i in np.linspace(0, len(sources) - 1, number).round().astype(int)]
    read = Reader(predictor)
    packed = [next(read(source)).packed for source in chosen]
    return predictor, [find_target(predictor.model, task, one, None) for one in packed]


def random_models(predictor: Predictor) -> List[nn.Module]:
    """Networks of the same config that have learnt nothing."""
    cfg, found = predictor.opened.cfg, []
    init_default_scope(cfg.default_scope)
    for seed in range(NUM_RANDOM):
        torch.manual_seed(seed)
        found.append(MODELS.build(cfg.model).eval())
        found[-1].init_weights()
    return found


def inside(target, heat: Tensor) -> Tensor:
    """Which tokens have their middle in the box of an object, (H, W)."""
    left, top, right, bottom = target.box.tolist()
    y, x = ((torch.arange(tokens) + 0.5) * (pixels / tokens)
            for tokens, pixels in zip(heat.shape, target.inputs.shape[-2:]))
    return ((top <= y) & (y <= bottom))[:, None] & ((left <= x) & (x <= right))


def map_of(target, method: str) -> Tensor:
    return heat_map(target.model, target, method)


def pointing(targets: Sequence, method: str) -> Iterator[tuple]:
    """Of each object: is the hottest token in its box; share of the map there, over the area."""
    for target in targets:
        heat = map_of(target, method)
        box, (height, width) = target.box, target.visible
        area = float((box[2] - box[0]) * (box[3] - box[1])) / (height * width)
        there = inside(target, heat)
        yield float(there.flatten()[heat.argmax()]), float(heat[there].sum()) / area


def correlations(target, models: Sequence[nn.Module], method: str) -> Iterator[tuple]:
    """With the maps of other models for the same question: of values, and of ranks (Spearman).

    Of an object first inside of its box, then everywhere.
    """
    heat = map_of(target, method)
    parts = [torch.ones_like(heat, dtype=bool)]
    if target.box is not None:
        parts.insert(0, inside(target, heat))
    for model in models:
        other = copy(target)
        other.model = model
        pair = torch.stack([heat, heat_map(model, other, method)])
        yield [
            float(measure(*pair[:, part].numpy())[0]) for part in parts
            for measure in (pearsonr, spearmanr)
        ]


def of_random_models(predictor: Predictor, targets: Sequence, method: str) -> np.ndarray:
    """Mean correlations of all targets."""
    models = random_models(predictor)
    return np.nanmean([row for one in targets for row in correlations(one, models, method)], axis=0)


def what_moves(target) -> Tensor:
    """A map that knows the answer: how far the pixels of a clip are from those of most frames."""
    pixels = target.inputs[0]
    away = (pixels - pixels.median(dim=1, keepdim=True)[0]).abs().sum(dim=0)
    return resize(away, [n // stride for n, stride in zip(away.shape, (2, 4, 4))])


def measure_faithfulness(title: str, targets: Sequence, truth: Callable = None) -> None:
    """Deletion and insertion of maps, beside those of maps that know nothing of the model."""
    makers = {method: partial(map_of, method=method) for method in METHODS}
    makers.update({'truth': truth} if truth else {})
    found = {
        name: [faithfulness(one, make(one)) for one in targets]
        for name, make in makers.items()
    }

    def shares(name: str) -> str:
        gains = [[one['map']['difference'] - one[rival]['difference'] for rival in RIVALS]
                 for one in found[name]]
        better = np.array(gains) >= MARGIN
        return ', '.join(f'{n:.0%}' for n in (*better.mean(axis=0), better.all(axis=1).mean()))

    def average(name: str, which: str = 'map') -> str:
        return f'{np.mean([one[which]["difference"] for one in found[name]]):.2f}'

    rivals = ', '.join(f'{rival} {average(METHODS[0], rival)}' for rival in RIVALS)
    row(f'{title}: better than random maps, than centred ones, than both', shares)
    row(f'{title}: insertion less deletion, mean ({rivals})', average)
    if truth:
        print(f'{title}, {truth.__name__}: {shares("truth")}; {average("truth")}', flush=True)


def unevenness(target, method: str) -> float:
    """Largest deviation from a flat profile in time."""
    profile = map_of(target, method).sum(dim=(1, 2))
    return float((profile / profile.mean() - 1).abs().max())


class Plain:
    """The first class of a network, as a target."""
    box = None

    def __init__(self, model: nn.Module, inputs: Tensor) -> None:
        self.model, self.inputs = model, inputs

    def score(self, inputs: Tensor) -> Tensor:
        return self.model(inputs)[0, 0]


def passes(name: str, size: Sequence[int], method: str, rounds: int) -> float:
    """CPU time of a map, in forward passes; the median."""
    target = Plain(create_model(name).eval(), torch.rand(1, 3, *size))
    heat_map(target.model, target, method)
    ratios = []
    for _ in range(rounds):
        start = time.process_time()
        with torch.no_grad():
            target.score(target.inputs)
        middle = time.process_time()
        heat_map(target.model, target, method)
        ratios.append((time.process_time() - middle) / (middle - start))
    return float(np.median(ratios))


def row(title: str, measure: Callable[[str], str]) -> None:
    print(f'| {title} |', ' | '.join(measure(method) for method in METHODS), '|', flush=True)


def mean(measure: Callable, targets: Sequence, *args) -> float:
    return float(np.mean([measure(target, *args) for target in targets]))


def measure_objects() -> None:
    predictor, scenes = targets_of('detection', 80)
    hits = {method: np.mean(list(pointing(scenes, method)), axis=0) for method in METHODS}
    row('objects: the hottest pixel lies in the box, 80 scenes', lambda m: f'{hits[m][0]:.1%}')
    row('objects: share of the map in the box over that of the area', lambda m: f'{hits[m][1]:.1f}')
    found = {method: of_random_models(predictor, scenes[::10], method) for method in METHODS}
    row('objects: correlation of values and of ranks with random weights in the box, 8 scenes',
        lambda m: f'{found[m][0]:.2f}, {found[m][1]:.2f}')
    row('objects: the same in the whole scene', lambda m: f'{found[m][2]:.2f}, {found[m][3]:.2f}')
    measure_faithfulness('objects, 20 scenes', scenes[::4])


def measure_inputs(task: str, truth: Callable = None) -> None:
    predictor, targets = targets_of(task, 40)
    measure_faithfulness(f'{task}, 40 inputs', targets, truth)
    row(f'{task}: correlation of values and of ranks with random weights, 40 inputs',
        lambda m: '{:.2f}, {:.2f}'.format(*of_random_models(predictor, targets, m)))


def main() -> None:
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    print('| |', ' | '.join(METHODS), '|')
    print('|', '--- |' * (len(METHODS) + 1))
    measure_objects()
    measure_inputs('image')
    measure_inputs('video', what_moves)
    _, still = targets_of('video', 16, 'clips_controls/frozen')
    row('a clip that stands still: largest deviation from a flat profile, 16 clips',
        lambda m: f'{mean(unevenness, still, m):.2%}')
    row('time, one forward pass = 1: tiny at 224 x 224',
        lambda m: f'{passes("mvitv2_tiny", (224, 224), m, 7):.1f}')
    row('time: small, clip of 16 x 224 x 224',
        lambda m: f'{passes("mvitv2_small_video", (16, 224, 224), m, 2):.1f}')


if __name__ == '__main__':
    main()
