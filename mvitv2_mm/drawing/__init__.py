"""Pictures that people look at: predictions, what is true, and sheets of them.

All commands draw with this folder: predict, report, finetune and the quickstart.
"""
from .colors import MISSED, PALETTE, RIGHT, WRONG, Color, to_hex
from .labels import label_picture
from .objects import color_of, draw, missed, right, wrong
from .sheets import Cell, draw_sheet, enlarge, strip

__all__ = [
    'MISSED', 'PALETTE', 'RIGHT', 'WRONG', 'Cell', 'Color', 'color_of', 'draw', 'draw_sheet',
    'enlarge', 'label_picture', 'missed', 'right', 'strip', 'to_hex', 'wrong'
]
