"""What ``docs/configs.md`` says about names and about own configs holds."""
import re

import harness
from mmengine.config import Config

ROOT = harness.CONFIGS.parent
PAGE = (ROOT / 'docs/configs.md').read_text()
TASKS = ('classification', 'detection', 'recognition', 'recognition/maskfeat', 'action_detection')


def words(text):
    """'8xb256_in21k-pre' -> {'#xb#', 'in#k', 'pre'}: whatever the numbers, it is the same part."""
    return {re.sub(r'\d+', '#', word) for word in re.split('[-_]', text)}


def test_every_part_of_a_name_is_explained():
    explained = set()
    for row in re.findall(r'^\| (`.*?) \|', PAGE, re.M):
        for part in re.findall('`(.+?)`', row):
            explained |= words(part)
    used = {word for task in TASKS for name in harness.names(task) for word in words(name)}
    assert used - explained == set()
    # control: the parts are told apart
    assert words('mvitv2-tiny_8xb256-new_in1k') - explained == {'new'}


def test_names_on_the_page_exist():
    block = re.search('```\n(mvitv2.*?)```', PAGE, re.S)[1].split()
    exist = {name for task in TASKS for name in harness.names(task)}
    assert len(block) == 4 and set(block) <= exist
    assert set(re.findall(r'`(mvitv2-\w+_\d+xb\w+-384px)`', PAGE)) <= exist
    for path in re.findall('configs/[a-z_]*/[^ ]*py', PAGE):
        assert (ROOT / path.replace('../', '')).is_file(), path


def test_the_recipe_on_the_page(tmp_path):
    text = re.search("```python\n(_base_ = '../configs.*?)```", PAGE, re.S)[1]
    path = tmp_path / 'own.py'
    path.write_text(text.replace("'../configs/", f"'{harness.CONFIGS}/"))
    cfg = Config.fromfile(path)
    steps = [step.type.split('.')[-1] for step in cfg.train_dataloader.dataset.pipeline]
    assert steps == ['LoadImage', 'RandomResizedCrop', 'Rotate', 'ImageRandAugment', 'PackInputs']
    assert [step.get('end') for step in cfg.param_scheduler] == [20, None]
    assert (cfg.param_scheduler[1].begin, cfg.train_cfg.max_epochs) == (20, 100)
    assert cfg.val_dataloader == cfg.test_dataloader
    assert cfg.test_dataloader.dataset.pipeline == cfg.test_pipeline
    assert (cfg.model.backbone.arch, cfg.model.backbone.input_size) == ('tiny', 160)
