"""Files of users, as other tools leave them."""
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mvitv2_mm.own_data import recognise

ORIENTATION = 0x0112


def make_picture(path: Path, width=40, height=30, orientation=1):
    """A picture of ``width`` x ``height`` as stored, with an EXIF orientation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.new('RGB', (width, height), (90, 120, 30)).save(path, exif=exif)
    return path


def make_clip(path: Path, frames=6, fps=2, size=16):
    """A clip of ``frames / fps`` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), fps, (size, size))
    for i in range(frames):
        writer.write(np.full((size, size, 3), 30 * i, np.uint8))
    writer.release()
    return path


def write(path: Path, text, encoding='utf-8'):
    """Write text, or JSON of anything else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding=encoding)
    return path


def rows(data, split='train'):
    """Names relative to the root, and names of the classes, of the samples of a split."""
    return {(Path(s.path).relative_to(data.root).as_posix(), data.classes[s.label])
            for s in data.splits[split]}


def boxes(data, split='train'):
    """Per name of a picture: the class, box and mask of each object."""
    return {
        Path(s.path).relative_to(data.root).as_posix():
        [(data.classes[obj.label], obj.box, obj.mask) for obj in s.objects]
        for s in data.splits[split]
    }


def every_file(root: Path):
    """Contents of all files, to see that none is changed."""
    return {p: p.read_bytes() for p in sorted(root.rglob('*')) if p.is_file()}


def refused(path: Path, message):
    """Data is refused with one line that says why."""
    with pytest.raises(ValueError, match=message) as error:
        recognise(path)
    assert '\n' not in str(error.value)
