from typing import List

import cv2
import numpy as np
from pycocotools import mask as mask_tools


def mask_polygons(mask: dict) -> List[np.ndarray]:
    """Outlines of the parts of a mask, the largest first.

    Outlines follow the outer edges of the pixels to half a pixel. Holes are lost: an outline is
    filled where it is drawn.

    Args:
        mask (dict): Run-length code with 'size' and 'counts'.

    Returns:
        List[np.ndarray]: For each part its corners, of shape (N, 2) with N >= 3, in pixels.
    """
    # OpenCV's contours go through the centres of pixels. Grown by one pixel to the right and to
    # the bottom, the centres of the outermost pixels lie where the edges were.
    padded = cv2.copyMakeBorder(mask_tools.decode(mask), 0, 1, 0, 1, cv2.BORDER_CONSTANT, value=0)
    grown = cv2.dilate(padded, np.ones((2, 2), np.uint8), anchor=(1, 1))
    contours, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contours = [cv2.approxPolyDP(contour, 0.5, closed=True)[:, 0] for contour in contours]
    return sorted((c for c in contours if len(c) >= 3), key=cv2.contourArea, reverse=True)


def one_outline(parts: List[np.ndarray]) -> np.ndarray:
    """Connect the parts of a mask by lines without width, where they are nearest.

    Args:
        parts (List[np.ndarray]): Corners of each part, of shape (N, 2).

    Returns:
        np.ndarray: Corners of one outline, of shape (M, 2).
    """
    outline = parts[0]
    for part in parts[1:]:
        distances = np.linalg.norm(outline[:, None] - part[None], axis=-1)
        here, there = np.unravel_index(distances.argmin(), distances.shape)
        loop = np.roll(part, -there, axis=0)
        outline = np.concatenate([outline[:here + 1], loop, loop[:1], outline[here:]])
    return outline
