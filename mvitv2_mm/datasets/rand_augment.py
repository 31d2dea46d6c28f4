"""RandAugment of timm, for images and for clips."""
from typing import Callable, Dict, List, Sequence, Tuple

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image, ImageEnhance, ImageOps

_MAX_LEVEL = 10.
Fill = Sequence[int]


def _affine(img: Image.Image, fill: Fill, *matrix: float) -> Image.Image:
    return img.transform(
        img.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=tuple(fill))


def _rotate(img: Image.Image, degrees: float, fill: Fill) -> Image.Image:
    return img.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=tuple(fill))


def _posterize(img: Image.Image, value: float) -> Image.Image:
    # Pillow's own posterize refuses to keep 0 bits
    mask = 256 - 2**(4 + int(value))
    return img.point([i & mask for i in range(256)] * 3)


def _solarize_add(img: Image.Image, add: float) -> Image.Image:
    table = [min(255, i + int(add)) if i < 128 else i for i in range(256)]
    return img.point(table * 3)


# Operation -> (function of image, value and colour of the border, value at the highest magnitude,
# sign is random). The value grows linearly from 0. timm's "increasing" set: more magnitude is more
# change.
OPERATIONS: Dict[str, Tuple[Callable, float, bool]] = {
    'AutoContrast': (lambda img, *_: ImageOps.autocontrast(img), 0, False),
    'Equalize': (lambda img, *_: ImageOps.equalize(img), 0, False),
    'Invert': (lambda img, *_: ImageOps.invert(img), 0, False),
    'Rotate': (_rotate, 30, True),
    'Posterize': (lambda img, value, _: _posterize(img, value), 4, False),
    'Solarize': (lambda img, value, _: ImageOps.solarize(img, 256 - int(value)), 256, False),
    'SolarizeAdd': (lambda img, value, _: _solarize_add(img, value), 110, False),
    'Color': (lambda img, value, _: ImageEnhance.Color(img).enhance(1 + value), 0.9, True),
    'Contrast': (lambda img, value, _: ImageEnhance.Contrast(img).enhance(1 + value), 0.9, True),
    'Brightness':
    (lambda img, value, _: ImageEnhance.Brightness(img).enhance(1 + value), 0.9, True),
    'Sharpness': (lambda img, value, _: ImageEnhance.Sharpness(img).enhance(1 + value), 0.9, True),
    'ShearX': (lambda img, value, fill: _affine(img, fill, 1, value, 0, 0, 1, 0), 0.3, True),
    'ShearY': (lambda img, value, fill: _affine(img, fill, 1, 0, 0, value, 1, 0), 0.3, True),
    'TranslateX':
    (lambda img, value, fill: _affine(img, fill, 1, 0, value * img.width, 0, 1, 0), 0.45, True),
    'TranslateY':
    (lambda img, value, fill: _affine(img, fill, 1, 0, 0, 0, 1, value * img.height), 0.45, True),
}


def apply_operation(name: str,
                    frames: List[Image.Image],
                    magnitude: float,
                    sign: int,
                    fill: Fill = (128, 128, 128)) -> List[Image.Image]:
    """Apply one operation to all frames of a clip.

    Args:
        name (str): Key of ``OPERATIONS``.
        frames (list[Image]): RGB frames.
        magnitude (float): Strength in [0, 10].
        sign (int): Direction, 1 or -1; only read by operations that have two.
        fill (Sequence[int]): RGB colour of what comes in from outside.
            Defaults to (128, 128, 128).
    """
    function, value_range, signed = OPERATIONS[name]
    value = magnitude / _MAX_LEVEL * value_range * (sign if signed else 1)
    return [function(frame, value, fill) for frame in frames]


class RandAugment(BaseTransform):
    """RandAugment with the increasing set of 15 operations.

    ``magnitude=9, num_ops=6`` is ``rand-m9-n6-mstd0.5-inc1`` in timm's notation: six operations
    drawn with replacement, each applied with probability 0.5 and its own magnitude from a normal
    distribution; bicubic.

    Args:
        magnitude (float): Mean of the magnitude in [0, 10].
        num_ops (int): Number of operations drawn.
        magnitude_std (float): Standard deviation of the magnitude. Defaults to 0.5.
        prob (float): Probability of each drawn operation. Defaults to 0.5.
        fill (Sequence[int]): RGB colour of what comes in from outside.
            Defaults to (128, 128, 128).
    """

    def __init__(self,
                 magnitude: float,
                 num_ops: int,
                 magnitude_std: float = 0.5,
                 prob: float = 0.5,
                 fill: Fill = (128, 128, 128)) -> None:
        self.magnitude = magnitude
        self.num_ops = num_ops
        self.magnitude_std = magnitude_std
        self.prob = prob
        self.fill = fill

    def augment(self, frames: List[np.ndarray]) -> List[np.ndarray]:
        """Augment arrays of uint8, all in the same way.

        Args:
            frames (list[np.ndarray]): RGB of shape (H, W, 3) or grey of shape (H, W).

        Raises:
            ValueError: If they have another number of channels.
        """
        images = [Image.fromarray(frame) for frame in frames]
        if not {image.mode for image in images} <= {'RGB', 'L'}:
            raise ValueError(f'{type(self).__name__} augments pictures of 1 or 3 channels, but got '
                             f'{frames[0].shape[2]}; take it out of the pipeline')
        modes, images = [image.mode for image in images], [image.convert('RGB') for image in images]
        for name in np.random.choice(list(OPERATIONS), self.num_ops):
            if np.random.rand() < self.prob:
                magnitude = np.random.normal(self.magnitude, self.magnitude_std)
                magnitude = min(max(magnitude, 0.), _MAX_LEVEL)
                sign = np.random.choice((-1, 1))
                images = apply_operation(name, images, magnitude, sign, self.fill)
        return [np.array(image.convert(mode)) for image, mode in zip(images, modes)]
