"""A small net for actions of people with random weights, and a video with people."""
import json
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from ava_data import PEOPLE, make_ava
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from mvitv2_mm.checkpoints.model_folder import write_model_folder
from mvitv2_mm.config_files import load_config

ROOT = Path(__file__).parents[1]
CONFIG = 'configs/action_detection/mvitv2-small-p244_k400-pre_64xb8-16x4x1-30e_ava22-rgb.py'
VIDEO = PEOPLE[0][0]


class Ava(NamedTuple):
    """Config, net, and a folder that holds ``data``, ``model`` and one video as ``VIDEO.npy``."""
    cfg: Config
    model: nn.Module
    root: Path

    @property
    def folder(self) -> str:
        """The model folder."""
        return str(self.root / 'model')


@pytest.fixture(scope='session')
def ava(tmp_path_factory) -> Ava:
    """The net and its files."""
    root = tmp_path_factory.mktemp('ava')
    cfg = load_config(str(ROOT / CONFIG))
    arch = dict(embed_dims=8, num_layers=4, num_heads=1, downscale_indices=(1, 2, 3))
    cfg.model.backbone.update(arch=arch, input_size=(16, 64, 64), drop_path_rate=0., init_cfg=None)
    cfg.model.roi_head.bbox_head.in_channels = 64
    dataset = cfg.test_dataloader.dataset
    dataset.update(data_root=make_ava(root / 'data'), proposal_file=None, exclude_file=None)
    dataset.pipeline[4].scale, dataset.pipeline[5].crop_size = (-1, 64), 64
    init_default_scope('mmaction')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    model.init_weights()
    write_model_folder(root / 'model', cfg, model.state_dict(), 'action_detection', None)
    frames = sorted((root / 'data' / 'rawframes' / VIDEO).iterdir())
    np.save(root / f'{VIDEO}.npy', [cv2.imread(str(frame))[..., ::-1] for frame in frames])
    return Ava(cfg, model, root)


def detections(path, video, size=(64, 48)):
    """What a detector would have told of the annotated people of a video."""
    width, height = size
    records = {}
    for name, second, box, _ in PEOPLE:
        if name == PEOPLE[0][0]:
            number = (second - 900) * 30
            record = records.setdefault(
                number,
                dict(
                    input=video,
                    width=width,
                    height=height,
                    objects=[],
                    frame=dict(number=number, second=number / 30)))
            pixels = [value * whole for value, whole in zip(box, size * 2)]
            record['objects'] += [dict(name='person', box=pixels), dict(name='dog', box=pixels)]
    lines = [dict(input='other.mp4', error='broken'), *records.values()]
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return str(path)
