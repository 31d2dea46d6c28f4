"""Makes the pictures of these pages from the models of the quickstart.

``python docs/gallery.py [FOLDER]``, where FOLDER holds ``work_dirs/quickstart`` and
``data/quickstart``; by default the current one.
"""
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from mvitv2_mm.checkpoints.model_source import open_model
from mvitv2_mm.datasets.readers import VideoFile
from mvitv2_mm.explain import write_explanation
from mvitv2_mm.inference.predictor import Predictor

IMAGES = Path(__file__).parent / 'images'
INPUTS = dict(
    detection=('scenes/val/0003.png', 'relevance'), video=('clips/val/*/0008*.mp4', 'rollout'))
MAX_BYTES = 100_000


def draw_explanations(root: Path) -> None:
    """Write ``explain_{detection,video}.jpg``."""
    for task, (pattern, method) in INPUTS.items():
        path = min((root / 'data/quickstart').glob(pattern))
        model = open_model(str(root / 'work_dirs/quickstart' / task / 'models/best'))
        predictor = Predictor(model, fast=True)
        packed = predictor.prepare(VideoFile(str(path)) if task == 'video' else str(path)).packed
        with TemporaryDirectory() as folder:
            write_explanation(
                Path(folder), predictor.model, task, packed, path.name, predictor.opened.class_name,
                method)
            save(Path(folder) / 'explanation.png', IMAGES / f'explain_{task}.jpg')


def save(picture: Path, target: Path) -> None:
    """A picture as a JPEG of at most 100 kB."""
    with Image.open(picture) as image:
        image = image.convert('RGB')
    image.thumbnail((1000, 1000))
    image.save(target, quality=75, optimize=True)
    assert target.stat().st_size < MAX_BYTES, f'{target} is too large'


def main(root: Path) -> None:
    """Make all pictures from the files of a quickstart below ``root``."""
    draw_explanations(root)
    save(root / 'work_dirs/quickstart/detection/predictions.png', IMAGES / 'detection.jpg')


if __name__ == '__main__':
    main(Path(sys.argv[1] if len(sys.argv) > 1 else '.'))
