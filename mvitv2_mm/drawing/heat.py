"""Numbers as colours: heat maps, alone and over pictures, differences, and bars."""
import cv2
import numpy as np
from matplotlib import colormaps

from .colors import BLACK, RIGHT

_HEAT = 'inferno'  # its brightness grows with the value, also for colour-blind eyes
_SIGNED = 'RdBu_r'


def heat_colors(heat: np.ndarray) -> np.ndarray:
    """RGB pixels (..., 3) of uint8 of values from 0 to 1: the higher, the brighter."""
    return colormaps[_HEAT](np.asarray(heat), bytes=True)[..., :3]


def signed_colors(values: np.ndarray, limit: float) -> np.ndarray:
    """RGB pixels (..., 3) of uint8 of values from -limit, blue, over 0, white, to limit, red."""
    return colormaps[_SIGNED](np.asarray(values) / (2 * limit) + 0.5, bytes=True)[..., :3]


def overlay(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A picture in grey, coloured where it is hot.

    Args:
        picture (np.ndarray): RGB pixels (H, W, 3) of uint8.
        heat (np.ndarray): From 0 to 1, of any size (h, w); it is stretched over the picture.

    Returns:
        np.ndarray: RGB pixels of uint8.
    """
    heat = cv2.resize(np.asarray(heat, np.float32), picture.shape[1::-1])
    grey = picture.mean(axis=2, keepdims=True)
    share = 0.15 + 0.6 * heat[..., None]
    return (grey * (1 - share) + heat_colors(heat) * share).round().astype(np.uint8)


def bars(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bars beside each other, and a line where they would end if all were equal.

    Args:
        values (np.ndarray): Heights, from 0 on.
        height (int): Of the picture in pixels.
        width (int): Of the picture in pixels.

    Returns:
        np.ndarray: RGB pixels of uint8.
    """
    picture = np.full((height, width, 3), 255, np.uint8)
    values = np.asarray(values, float)
    scale = (height - 1) / max(values.max(), 1e-30)
    edges = np.linspace(0, width, len(values) + 1).round().astype(int)
    for value, left, right in zip(values, edges, edges[1:]):
        picture[height - round(value * scale):, left + 1:max(right - 1, left + 2)] = RIGHT
    picture[height - 1 - round(values.mean() * scale)] = BLACK
    return picture
