"""The files whose reading is measured: those of a user, or made of two photographs."""
import json
import random
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import av
import cv2
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from ..datasets.class_folders import IMAGE_SUFFIXES
from ..datasets.readers import VIDEO_SUFFIXES
from ..encoded_video import EncodedVideo
from ..errors import UsageError

_MOST = 64  # files of a kind; more are drawn from
_MOST_FRAMES = 150  # of a clip that are written as files
# pixels (height, width) and numbers of the files that are made: like those of ImageNet, Kinetics
# with a short side of 256, and COCO
_PICTURE, _CLIP, _SCENE = (375, 500), (256, 340), (480, 640)
_PICTURES, _CLIPS, _FRAMES, _OBJECTS = 32, 8, 300, 7
# like those of Something-Something: 4 s of 12 frames, 19.4 GB in 220,847 files
_SHORT_CLIP, _SHORT_FRAMES, _SHORT_FPS, _SHORT_BITS = (240, 427), 48, 12, 175_000


@dataclass
class Files:
    """Links to what is read, in a folder of their own, with neutral names.

    Attributes:
        root (Path): The folder.
        pictures (list[Path]): Pictures.
        clips (list[Path]): Videos.
        short_clips (list[Path]): The same, or made ones like those of Something-Something.
        coco (Path | None): COCO annotations of pictures in ``root``.
        described (dict[str, str]): What the files of each kind are like.
    """
    root: Path
    pictures: List[Path] = field(default_factory=list)
    clips: List[Path] = field(default_factory=list)
    short_clips: List[Path] = field(default_factory=list)
    coco: Optional[Path] = None
    described: Dict[str, str] = field(default_factory=dict)


def collect(given: Sequence[Path], root: Path) -> Files:
    """Link the files of a user; without any, make some.

    Args:
        given (Sequence[Path]): Folders with pictures or videos, and COCO annotations.
        root (Path): Gets the links and the files that are made.

    Raises:
        UsageError: If there is nothing to read.
    """
    files, short = Files(root), []
    if not given:
        given = _make(root / 'made')
        short = _link(_make_short(root / 'made' / 'short'), root / 'short_clips')
    for path in map(Path, given):
        if not path.exists():
            raise UsageError(f'--data: "{path}" does not exist')
        if path.is_file():
            files.coco = _link_coco(path, root)
            continue
        pictures, clips = _find(path, IMAGE_SUFFIXES), _find(path, VIDEO_SUFFIXES)
        if not pictures and not clips:
            raise UsageError(f'--data: "{path}" holds no picture and no video')
        files.pictures += _link(pictures, root / 'pictures')
        files.clips += _link(clips, root / 'clips')
    files.short_clips = short or files.clips
    files.described = _describe(files)
    return files


def _find(folder: Path, suffixes: Sequence[str]) -> List[Path]:
    found = sorted(path for path in folder.rglob('*') if path.suffix.lower() in suffixes)
    return random.Random(0).sample(found, _MOST) if len(found) > _MOST else found


def _link(paths: Sequence[Path], folder: Path) -> List[Path]:
    """Names without blanks, which not every list may hold."""
    folder.mkdir(exist_ok=True)
    links = [folder / f'{i:04}{path.suffix}' for i, path in enumerate(paths)]
    for path, link in zip(paths, links):
        link.symlink_to(path.resolve())
    return links


def _link_coco(path: Path, root: Path) -> Path:
    """A part of COCO annotations, whose pictures lie in ``root``."""
    try:
        content = json.loads(path.read_text())
        used = {annotation['image_id'] for annotation in content['annotations']}
        images = [image for image in content['images'] if image['id'] in used][:_MOST]
        first = images[0]['file_name']
    except (ValueError, KeyError, TypeError, IndexError):
        raise UsageError(f'--data: "{path}" is no folder and holds no COCO annotations') from None
    folders = (found.parents[first.count('/')] for found in path.parents[1].rglob(first))
    folder = next(folders, None)
    if folder is None:
        raise UsageError(f'--data: "{first}" of "{path}" is not below {path.parents[1]}')
    links = _link([folder / image['file_name'] for image in images], root / 'scenes')
    for image, link in zip(images, links):
        image['file_name'] = f'{link.parent.name}/{link.name}'
    kept = {image['id'] for image in images}
    content.update(
        images=images,
        annotations=[each for each in content['annotations'] if each['image_id'] in kept])
    out = root / 'coco.json'
    out.write_text(json.dumps(content))
    return out


def _describe(files: Files) -> Dict[str, str]:
    described = {}
    if files.pictures:
        described['pictures'] = _what(files.pictures, _picture_size)
    if files.clips:
        described['clips'] = _what(files.clips, _clip_size)
        described['short_clips'] = _what(files.short_clips, _clip_size)
    if files.coco:
        scenes = sorted((files.root / 'scenes').iterdir())
        count = len(json.loads(files.coco.read_text())['annotations']) / len(scenes)
        described['scenes'] = f'{_what(scenes, _picture_size)}, {count:.1f} objects in each'
    return described


def _what(paths: Sequence[Path], measure: Callable[[Path], Tuple[int, ...]]) -> str:
    """Number, size in pixels (and frames) and bytes of files, both at the median."""
    sizes = []
    for path in paths:
        try:
            sizes.append(measure(path))
        except (OSError, ValueError, IndexError, StopIteration) as error:
            raise UsageError(f'--data: "{path.resolve()}" cannot be read '
                             f'({type(error).__name__}); take it away') from None
    pixels = ' x '.join(f'{statistics.median(side):.0f}' for side in zip(*sizes))
    kilobytes = statistics.median(path.stat().st_size for path in paths) / 1e3
    kinds = '/'.join(sorted({path.suffix.lower().lstrip('.') for path in paths}))
    return f'{len(paths)} {kinds} files of {pixels} and {kilobytes:.0f} kB'


def _picture_size(path: Path) -> Tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        return image.size


def _clip_size(path: Path) -> Tuple[int, int, int]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        count = sum(1 for _ in container.decode(stream))
        return stream.width, stream.height, count


def _make(root: Path) -> List[Path]:
    """Pictures, clips, and scenes with objects; what they show moves over two photographs."""
    draw = np.random.default_rng(0)
    folders = [root / name for name in ('pictures', 'clips', 'annotations', 'scenes')]
    for folder in folders:
        folder.mkdir(parents=True)
    for i in range(_PICTURES):
        _save(folders[0] / f'{i:04}.jpg', _view(i, draw.uniform(size=3), _PICTURE))
        _save(folders[3] / f'scene_{i:04}.jpg', _view(i, draw.uniform(size=3), _SCENE))
    for i in range(_CLIPS):
        video = EncodedVideo(folders[1] / f'{i:04}.mp4')
        for number, picture in enumerate(_moving(i, draw, _FRAMES, _CLIP)):
            video.write(picture, number / 30)
        video.close()
    path = folders[2] / 'instances.json'
    path.write_text(json.dumps(_annotate(draw)))
    return [folders[0], folders[1], path]


def _make_short(folder: Path) -> List[Path]:
    """Clips in VP9, with one key frame as its encoder sets them.

    Several packages bring the encoder along, and which one PyAV meets depends on what a process has
    imported, so it gets one of its own.
    """
    folder.mkdir()
    paths = [folder / f'{i:04}.webm' for i in range(_CLIPS)]
    with ProcessPoolExecutor(1, get_context('spawn')) as pool:
        pool.submit(_encode_short, paths, _SHORT_FRAMES).result()
    return paths


def _encode_short(paths: Sequence[Path], num_frames: int) -> None:
    draw = np.random.default_rng(1)
    height, width = _SHORT_CLIP
    for i, path in enumerate(paths):
        with av.open(str(path), 'w') as container:
            stream = container.add_stream('libvpx-vp9', rate=_SHORT_FPS)
            stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
            stream.bit_rate, stream.options = _SHORT_BITS, {'cpu-used': '4'}
            for picture in _moving(i, draw, num_frames, _SHORT_CLIP):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, 'rgb24')))
            container.mux(stream.encode())


def _moving(photograph: int, draw: np.random.Generator, count: int,
            size: Tuple[int, int]) -> Iterator[np.ndarray]:
    """Views between two places of a photograph that are drawn."""
    for place in np.linspace(draw.uniform(size=3), draw.uniform(size=3), count):
        yield _view(photograph, place, size)


def _view(photograph: int, place: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """A part of a photograph at a place (x, y, zoom) in [0, 1], RGB pixels (H, W, 3) of uint8."""
    photo = _photographs()[photograph % 2]
    (height, width), (rows, columns) = size, photo.shape[:2]
    scale = (0.5 + place[2] / 2) * min(rows / height, columns / width)
    left, top = place[:2] * (columns - scale * width, rows - scale * height)
    matrix = np.float64([[scale, 0, left], [0, scale, top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(photo, matrix, (width, height), flags=flags)


@lru_cache(maxsize=None)
def _photographs() -> List[np.ndarray]:
    return load_sample_images().images


def _save(path: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(path, quality=95)


def _annotate(draw: np.random.Generator) -> dict:
    """COCO annotations of ellipses with 20 corners in every scene."""
    height, width = _SCENE
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    images, annotations = [], []
    for i in range(_PICTURES):
        images.append(dict(id=i, file_name=f'scene_{i:04}.jpg', height=height, width=width))
        for _ in range(_OBJECTS):
            half = draw.uniform(10, 100, 2)
            corners = draw.uniform(half, (width, height) - half) + half * np.stack(
                [np.cos(angles), np.sin(angles)], axis=1)
            (x, y), (right, bottom) = corners.min(0), corners.max(0)
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=i,
                    category_id=1 + len(annotations) % 80,
                    iscrowd=0,
                    area=np.pi * half.prod(),
                    bbox=[x, y, right - x, bottom - y],
                    segmentation=[corners.round(2).ravel().tolist()]))
    categories = [dict(id=1 + k, name=f'class {k}') for k in range(80)]
    return dict(images=images, annotations=annotations, categories=categories)


def write_frames(files: Files) -> Path:
    """Write the first frames of the clips as JPEG files; the list of their folders."""
    lines = []
    for label, path in enumerate(files.short_clips):
        folder, count = files.root / 'frames' / path.stem, 0
        folder.mkdir(parents=True, exist_ok=True)
        with av.open(str(path)) as container:
            for count, frame in enumerate(islice(container.decode(video=0), _MOST_FRAMES), 1):
                frame.to_image().save(folder / f'img_{count:05}.jpg', quality=95)
        lines.append(f'{folder} {count} {label}\n')
    listed = files.root / 'frames.txt'
    listed.write_text(''.join(lines))
    return listed
