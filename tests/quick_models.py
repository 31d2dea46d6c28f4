"""The three models of the quickstart with random weights, and a few files for each."""
import json
from pathlib import Path
from typing import Callable, NamedTuple

import cv2
import pytest
import synthetic_data
import torch
from mmengine.registry import MODELS, init_default_scope
from PIL import Image

from mvitv2_mm.checkpoints import model_folder
from mvitv2_mm.config_files import load_config

ROOT = Path(__file__).parents[1]
DIGITS = tuple('0123456789')


class Quick(NamedTuple):
    """A model of the quickstart: task, config, options for its data, weights and model folder."""
    task: str
    config: str
    options: dict
    checkpoint: str
    folder: str
    files: list


def make_scenes(root: Path) -> list:
    """COCO in the layout of the quickstart, with three pictures."""
    (root / 'annotations').mkdir(parents=True)
    (root / 'val').mkdir()
    images, objects = [], []
    for number, size in enumerate(((120, 128), (120, 128), (60, 64)), 1):
        height, width = size
        picture = synthetic_data.make_image(number, size)
        cv2.imwrite(str(root / 'val' / f'{number}.png'), picture)
        images.append(dict(id=number, file_name=f'{number}.png', height=height, width=width))
        objects.append(
            dict(
                id=number,
                image_id=number,
                category_id=number,
                bbox=[5, 5, 30, 40],
                area=1200,
                iscrowd=0,
                segmentation=[[5, 5, 35, 5, 35, 45, 5, 45]]))
    categories = [dict(id=i, name=name) for i, name in enumerate(DIGITS, 1)]
    content = dict(images=images, annotations=objects, categories=categories)
    (root / 'annotations' / 'instances_val.json').write_text(json.dumps(content))
    return [str(root / 'val' / image['file_name']) for image in images]


def make_pictures(root: Path) -> list:
    synthetic_data.make_folders(root, classes=10, images_per_class=2, size=64)
    return sorted(map(str, (root / 'val').rglob('*.png')))


def make_clips(root: Path) -> list:
    synthetic_data.make_clips(root, clips=3, frames=40, size=64)
    for i, path in enumerate(sorted(root.glob('val_*.mp4'))):
        folder = root / 'val' / synthetic_data.DIRECTIONS[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    return sorted(map(str, (root / 'val').rglob('*.mp4')))


MAKERS = dict(image=make_pictures, detection=make_scenes, video=make_clips)


@pytest.fixture(scope='session')
def quick(tmp_path_factory) -> Callable[[str], Quick]:
    """Function that makes the model of a task, once."""
    made = {}

    def make(task: str) -> Quick:
        if task not in made:
            made[task] = make_quick(task, tmp_path_factory.mktemp(f'quick_{task}'))
        return made[task]

    return make


def quick_network(task: str, seed: int) -> torch.nn.Module:
    """The network of a task with random weights, in eval mode."""
    cfg = load_config(str(ROOT / 'configs' / 'quickstart' / f'{task}.py'))
    init_default_scope(cfg.default_scope)
    torch.manual_seed(seed)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model.eval()


def make_quick(task: str, folder: Path) -> Quick:
    config = str(ROOT / 'configs' / 'quickstart' / f'{task}.py')
    files = MAKERS[task](folder / 'data')
    options = dict(data_root=f'{folder}/data/')
    cfg = load_config(config, options)
    model = quick_network(task, 0)
    checkpoint = str(folder / 'random.pth')
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    classes = tuple(f'move {i}' for i in range(8)) if task == 'video' else DIGITS
    model_folder.write_model_folder(folder / 'model', cfg, model.state_dict(), task, classes)
    return Quick(task, config, options, checkpoint, str(folder / 'model'), files)


@pytest.fixture(scope='session')
def photo(tmp_path_factory) -> str:
    """A picture whose camera was turned: stored 60 x 40, upright 40 wide and 60 high."""
    path = tmp_path_factory.mktemp('photo') / 'turned.jpg'
    picture = Image.fromarray(synthetic_data.make_image(5, (40, 60))[..., ::-1])
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(path, exif=exif, quality=95)
    return str(path)
