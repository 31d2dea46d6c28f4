"""The very batches that the network receives: kept while it trains, and drawn."""
import copy
from pathlib import Path
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from ..drawing import Cell, draw, draw_sheet, save_picture, strip

_NUM_BATCHES = 2
_NUM_SAMPLES = 24
_NUM_FRAMES = 8
_STRIP, _SIDE = 88, 240  # pixels: height of a strip of frames, smallest side of a picture
_MIN_SHARE = 0.005  # of a class in a mixed sample; label smoothing gives each class less


class Batch(NamedTuple):
    """A batch behind the preprocessor of the model.

    Attributes:
        inputs (Tensor): Normalised pixels (B, 3, H, W), or of clips (B, ..., 3, T, H, W).
        samples (list): What the host library knows of each.
        size (int): Samples of the whole batch, of which the first are kept.
    """
    inputs: Tensor
    samples: list
    size: int


class BatchKeeper(Hook):
    """Keeps the first batches of a training, with what the network and its loss get of them.

    Args:
        start (Path, optional): Where to save the weights at the start; the first batch of the data
            loader is kept in ``raw`` then. Defaults to None.
    """

    def __init__(self, start: Optional[Path] = None) -> None:
        self.start = start
        self.batches: List[Batch] = []
        self.raw: Any = None

    def before_train(self, runner: Runner) -> None:
        model = getattr(runner.model, 'module', runner.model)
        if self.start is not None:
            torch.save(model.state_dict(), self.start)
        self._handle = model.data_preprocessor.register_forward_hook(self._keep)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if self.start is not None and self.raw is None:
            self.raw = copy.deepcopy(data_batch)

    def _keep(self, module: nn.Module, args: tuple, output: dict) -> None:
        inputs, samples = output['inputs'], output.get('data_samples')
        inputs = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
        kept = inputs[:_NUM_SAMPLES].detach().cpu().clone()
        samples = copy.deepcopy(list(samples or [])[:_NUM_SAMPLES])
        self.batches.append(Batch(kept, samples, len(inputs)))
        if len(self.batches) == _NUM_BATCHES:
            self._handle.remove()


class Look(NamedTuple):
    """How pixels become a picture again.

    Attributes:
        mean (Tensor): Per channel.
        std (Tensor): Per channel.
        is_rgb (bool): Whether the first channel is red.
        classes (Sequence[str], optional): Names of the classes.
        repeats (int): Augmentations of each clip that follow each other.
    """
    mean: Tensor
    std: Tensor
    is_rgb: bool
    classes: Optional[Sequence[str]]
    repeats: int

    def name(self, label: int) -> str:
        """Name of a class, its number if it has none."""
        known = self.classes is not None and 0 <= label < len(self.classes)
        return str(self.classes[label]) if known else str(label)


def draw_batch(batch: Batch, look: Look, title: str, path: Path) -> None:
    """Draw the samples of a batch in rows, repeats of a sample beside each other.

    Args:
        batch (Batch): The batch.
        look (Look): How to turn it into pictures.
        title (str): The line above all.
        path (Path): Of the PNG file.
    """
    pixels, samples = to_pixels(batch.inputs, look), batch.samples
    keys = [str(_key(sample, i)) for i, sample in enumerate(samples)]
    keys = keys or [str(i // look.repeats) for i in range(len(pixels))]
    order = _repeats_together(keys)
    cells = []
    for place, i in enumerate(order):
        sample = samples[i] if samples else None
        lines, count = [describe(sample, look)], keys.count(keys[i])
        if count > 1:
            number = sum(keys[j] == keys[i] for j in order[:place + 1])
            lines.append(f'repeat {number} of {count}')
        cells.append(Cell(_picture(pixels[i], sample, look), lines))
    repeats = max(keys.count(key) for key in keys)
    has_boxes = bool(samples) and 'gt_instances' in samples[0]
    layout = _layout(cells, pixels.ndim == 5, has_boxes, repeats)
    save_picture(draw_sheet(cells, *layout, title), path)


def _layout(cells: Sequence[Cell], is_clip: bool, has_boxes: bool, repeats: int) -> tuple:
    """Columns of a sheet, and height and width of its pictures; repeats fill whole rows."""
    height, width = cells[0].picture.shape[:2]
    if is_clip and width > 2 * height:  # a strip of frames
        return min(repeats, 2), height, min(width, 720)
    if repeats > 1:
        return repeats * max(1, 6 // repeats), 224, 224
    most, side = (4, 340) if has_boxes else (6, 224)
    columns = min(most, len(cells))
    room = most * side // columns  # few samples are shown larger, but not enlarged
    side = max(side, min(room, height, width))
    return columns, side, side


def to_pixels(inputs: Tensor, look: Look) -> np.ndarray:
    """Turn what the network gets into RGB pictures (B, H, W, 3) or clips (B, T, H, W, 3)."""
    if inputs.ndim == 6:  # clips of one sample: the first
        inputs = inputs[:, 0]
    shape = (1, -1) + (1, ) * (inputs.ndim - 2)
    pixels = inputs.float() * look.std.reshape(shape) + look.mean.reshape(shape)
    pixels = pixels if look.is_rgb else pixels.flip(1)
    pixels = pixels.round().clamp(0, 255).to(torch.uint8).movedim(1, -1)
    return pixels.numpy()


def _picture(pixels: np.ndarray, sample: Any, look: Look) -> np.ndarray:
    """A picture or the frames of a clip, with boxes, which are of the frame in the middle."""
    is_clip = pixels.ndim == 4
    objects = _objects(sample, look, pixels.shape[-3:-1])
    if is_clip and not objects:
        places = np.linspace(0, len(pixels) - 1, min(len(pixels), _NUM_FRAMES)).round().astype(int)
        return strip([pixels[place] for place in places], _STRIP)
    return draw(pixels[len(pixels) // 2] if is_clip else pixels, dict(objects=objects), _SIDE)


def _key(sample: Any, index: int) -> Any:
    """What repeats of a sample share."""
    path = sample.get('img_path') or sample.get('filename') or sample.get('video_id')
    return index if path is None else f'{path},{sample.get("timestamp")}'


def _repeats_together(keys: Sequence[str]) -> List[int]:
    """Places of the keys, those of equal keys after each other."""
    groups: dict = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    return [i for group in groups.values() for i in group]


def describe(sample: Any, look: Look) -> str:
    """Name of the class; of a mixed sample names and shares; the number of objects or people."""
    if sample is None:
        return ''
    if 'gt_instances' in sample:
        count = len(sample.gt_instances)
        if sample.gt_instances.labels.ndim > 1:
            return f'{count} {"person" if count == 1 else "people"}'
        return f'{count} object{"s" * (count != 1)}'
    shares = _shares(sample)
    if shares is None:
        return ''
    named = [(share, look.name(label)) for label, share in enumerate(shares) if share > _MIN_SHARE]
    named.sort(reverse=True)
    if len(named) == 1 or sample.get('gt_label') is not None and max(shares) == min(
            share for share, _ in named):  # several whole labels
        return ', '.join(name for _, name in named)
    return ' + '.join(f'{name} {share:.2f}' for share, name in named[:3])


def _shares(sample: Any) -> Optional[List[float]]:
    """Share of each class in the label of a sample, None without a label."""
    score, label = sample.get('gt_score'), sample.get('gt_label')
    if score is not None:
        return score.tolist()
    if label is None:
        return None
    if label.is_floating_point():
        return label.tolist()
    shares = [0.] * (int(label.max()) + 1)
    for one in label.flatten().tolist():
        shares[one] = 1.
    return shares


def _objects(sample: Any, look: Look, size: Sequence[int]) -> List[dict]:
    """Objects of a sample as the drawing room takes them."""
    if sample is None or 'gt_instances' not in sample:
        return []
    return list(_each_object(sample.gt_instances, look, size))


def _each_object(found: Any, look: Look, size: Sequence[int]) -> Iterator[dict]:
    boxes = getattr(found.bboxes, 'tensor', found.bboxes).tolist()
    masks = found.masks.to_ndarray() if hasattr(found.get('masks'), 'to_ndarray') else None
    for i, (box, label) in enumerate(zip(boxes, found.labels)):
        has_actions = label.ndim > 0  # of a person, who has a colour of its own
        labels = label.nonzero().flatten() if has_actions else label.reshape(1)
        first = int(has_actions and look.classes is None)  # actions count from 1
        names = [look.name(one + first) for one in labels.tolist()]
        one = dict(
            label=i if has_actions else int(labels[0]), score=1., box=box, text=', '.join(names))
        if masks is not None:
            one['mask'] = _encode(masks[i], size)
        yield one


def _encode(mask: np.ndarray, size: Sequence[int]) -> dict:
    from ..datasets.coco_format import encode_mask  # needs pycocotools, as mmdet does
    whole = np.zeros(size, np.uint8)
    part = mask[:size[0], :size[1]]
    whole[:part.shape[0], :part.shape[1]] = part
    return encode_mask(whole)
