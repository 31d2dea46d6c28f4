"""Colours that people with any kind of colour vision tell apart (Okabe and Ito, 2008)."""
from typing import Tuple

Color = Tuple[int, int, int]

# of classes and tracks, in an order in which neighbours differ most; the next round is darker
PALETTE: Tuple[Color, ...] = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167),
                              (86, 180, 233), (213, 94, 0), (240, 228, 66))
# what is right, wrong and missed; a missed object also has a dashed outline
RIGHT: Color = (0, 114, 178)
WRONG: Color = (213, 94, 0)
MISSED: Color = (240, 228, 66)
BLACK: Color = (0, 0, 0)
WHITE: Color = (255, 255, 255)


def nth_color(number: int) -> Color:
    """Colour of a class or a track."""
    shade = (1., 0.7, 0.5)[number // len(PALETTE) % 3]
    return tuple(round(shade * part) for part in PALETTE[number % len(PALETTE)])


def to_hex(color: Color) -> str:
    """'#rrggbb', as web pages and matplotlib read it."""
    return '#%02x%02x%02x' % color
