"""Configs of this package are found by ``mvitv2_mm::``, also in a checkout."""
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

import mvitv2_mm  # noqa: F401
from mvitv2_mm.errors import UnknownName

ROOT = Path(__file__).parents[2]
NAME = 'classification/mvitv2-tiny_8xb256_in1k.py'
HUB = f"""
import {{first}}, {{second}}
from mmengine.hub import get_config
cfg = get_config('mvitv2_mm::{NAME}', pretrained=True)
print(cfg.model.backbone.arch, cfg.model_path.rpartition('/')[2])
"""


def test_a_base(tmp_path):
    path = tmp_path / 'own.py'
    path.write_text(f"_base_ = 'mvitv2_mm::{NAME}'\nwork_dir = 'here'\n")
    found, wanted = Config.fromfile(path), Config.fromfile(ROOT / 'configs' / NAME)
    assert found.work_dir == 'here'
    assert found.model == wanted.model and found.train_dataloader == wanted.train_dataloader
    path.write_text(f"_base_ = 'mvitv2_mm::{NAME.replace('tiny', 'tyni')}'")
    with pytest.raises(UnknownName, match=NAME.rpartition('/')[2]):
        Config.fromfile(path)


@pytest.mark.parametrize('order', [('mmengine', 'mvitv2_mm'), ('mvitv2_mm', 'mmengine.hub')])
def test_the_hub_of_mmengine(order):
    code = HUB.format(first=order[0], second=order[1])
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout == 'tiny MViTv2_T_in1k.pyth\n', result.stderr
