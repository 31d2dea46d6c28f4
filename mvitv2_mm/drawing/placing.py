"""Where names stand on a picture, so that all that stand there can be read."""
from typing import List, Sequence, Tuple

import numpy as np

from .colors import BLACK, Color
from .labels import label_picture

Place = Tuple[int, int, int, int]
Line = Tuple[str, Color]

_MOST_HIDDEN = 0.15  # share of a name that may lie on others
_WIDEST = 0.6  # of a name, as a share of the picture


class Labels:
    """Writes names on a picture, in order of their importance.

    Args:
        canvas (np.ndarray): RGB pixels (H, W, 3) of uint8, which are written to.
        size (int): Height of the letters in pixels.
    """

    def __init__(self, canvas: np.ndarray, size: int) -> None:
        self._canvas, self._size = canvas, size
        self._taken: List[Place] = []
        self._num_left_out = 0

    def write(self,
              lines: Sequence[Line],
              corners: Sequence[Tuple[int, int]],
              most_hidden: float = _MOST_HIDDEN) -> None:
        """Write lines at the first of some corners that hides least of what is written there.

        Args:
            lines (Sequence[Line]): Texts, each with the colour of its ground.
            corners (Sequence[tuple[int, int]]): x, y of the upper left corner; a negative one is
                the other side.
            most_hidden (float): Share of the lines that may lie on others; if none of the corners
                is so free, they are left out. Defaults to 0.15.
        """
        widest = max(round(_WIDEST * self._canvas.shape[1]), 15 * self._size)
        widest = min(widest, self._canvas.shape[1])
        labels = [label_picture(text, self._size, color, widest) for text, color in lines]
        if not labels:
            return
        height, width = sum(map(len, labels)), max(label.shape[1] for label in labels)
        places = [self._inside(x, y, width, height) for x, y in corners]
        hidden = [sum(_overlap(place, other) for other in self._taken) for place in places]
        if min(hidden) > most_hidden * height * width:
            self._num_left_out += 1
            return
        left, top = places[int(np.argmin(hidden))][:2]
        self._taken.append((left, top, left + width, top + height))
        for label in labels:
            part = self._canvas[top:top + label.shape[0], left:left + label.shape[1]]
            part[...] = label[:part.shape[0], :part.shape[1]]
            top += len(label)

    def write_beside(self, box: Place, lines: Sequence[Line]) -> None:
        """Write lines above a box, else below, inside or beside it, or at its other corners."""
        left, top, right, bottom = box
        self.write(lines, [(left, -top), (left, bottom), (left, top), (right, top), (-left, top),
                           (left, -bottom), (-right, -top), (-right, bottom), (right, -bottom),
                           (-left, -bottom), (-left, bottom)])

    def finish(self) -> None:
        """Say in the corner that is most free how many names found no place."""
        count, (height, width) = self._num_left_out, self._canvas.shape[:2]
        if count:
            text = f'{count} name{"s" * (count > 1)} not shown'
            corners = [(0, -height), (-width, -height), (0, 0), (-width, 0)]
            self.write([(text, BLACK)], corners, np.inf)

    def _inside(self, x: int, y: int, width: int, height: int) -> Place:
        """A place that ends at a corner if that is negative, moved to where all of it is seen."""
        left = x if x >= 0 else -x - width
        top = y if y > 0 else -y - height
        left = max(0, min(left, self._canvas.shape[1] - width))
        top = max(0, min(top, self._canvas.shape[0] - height))
        return left, top, left + width, top + height


def _overlap(one: Place, other: Place) -> int:
    """Pixels that two places have in common."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)
