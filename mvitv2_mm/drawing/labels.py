"""Text on pictures, in any script that some font on the machine has."""
from functools import lru_cache
from pathlib import Path
from typing import FrozenSet, Tuple

import matplotlib
import numpy as np
from anyascii import anyascii
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from .colors import Color, text_color

_USUAL = str(Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / 'DejaVuSans.ttf')


@lru_cache(maxsize=4096)
def label_picture(text: str, size: int, background: Color, max_width: int) -> np.ndarray:
    """A line of text on a coloured ground.

    What does not fit is left out in the middle, so that the score at the end of a name stays.
    Letters that no font on the machine has are written with Latin ones.

    Args:
        text (str): The text.
        size (int): Height of the letters in pixels.
        background (Color): RGB colour of the ground; the text is black or white.
        max_width (int): Largest width in pixels.

    Returns:
        np.ndarray: RGB pixels (H, W, 3) of uint8, not to be written to.
    """
    path, text = _font_for(' '.join(text.split()) or ' ')
    font = ImageFont.truetype(path, size)
    pad = max(2, size // 5)
    room = max(max_width - 2 * pad, 1)
    text = _shortened(text, font, room)
    ascent, descent = font.getmetrics()
    width = min(int(np.ceil(font.getlength(text))), room) + 2 * pad
    image = Image.new('RGB', (width, ascent + descent + pad), background)
    ImageDraw.Draw(image).text((pad, pad // 2), text, text_color(background), font)
    return np.asarray(image)


def _shortened(text: str, font: ImageFont.FreeTypeFont, room: int) -> str:
    """A text with an ellipsis in the middle where it is too wide."""
    kept, shown = len(text), text
    while kept and font.getlength(shown) > room:
        kept -= 1
        shown = f'{text[:kept - kept // 2]}…{text[len(text) - kept // 2:]}'
    return shown


@lru_cache(maxsize=4096)
def _font_for(text: str) -> Tuple[str, str]:
    """A font that has all letters, and the text; if there is none, the text in Latin letters."""
    codes = frozenset(map(ord, text))
    for path in (_USUAL, *(_system_fonts() if not codes <= _letters_of(_USUAL) else ())):
        if codes <= _letters_of(path):
            return path, text
    known = _letters_of(_USUAL)
    return _USUAL, ''.join(
        letter if ord(letter) in known else anyascii(letter) or '?' for letter in text)


@lru_cache(maxsize=1)
def _system_fonts() -> Tuple[str, ...]:
    return tuple(sorted(font_manager.findSystemFonts()))


@lru_cache(maxsize=None)
def _letters_of(path: str) -> FrozenSet[int]:
    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
