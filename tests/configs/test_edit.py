"""Steps of a config's lists are changed by name."""
import pickle

import harness
import pytest
from mmengine.config import Config, ConfigDict

from mvitv2_mm.config_edit import edit

STEPS = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='RandomCrop', size=224),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
]


def test_keys_change_and_everything_else_stays():
    edited = edit(STEPS, RandomCrop=dict(size=312), OpenClip=dict(num_threads=2))
    assert edited == [
        dict(type='mvitv2_mm.OpenClip', num_threads=2), STEPS[1],
        dict(type='RandomCrop', size=312), *STEPS[3:]
    ]
    assert STEPS[2] == dict(type='RandomCrop', size=224)  # the base is not touched
    assert edit(STEPS) == STEPS


def test_a_type_makes_a_new_step():
    edited = edit(STEPS, RandomCrop=dict(type='ThreeCrop', crop_size=224))
    assert edited == [*STEPS[:2], dict(type='ThreeCrop', crop_size=224), *STEPS[3:]]


def test_a_step_is_dropped():
    assert edit(STEPS, Flip=None) == STEPS[:4]


def test_the_name_is_what_follows_the_last_dot():
    assert edit([dict(type='my.package.Step')],
                Step=dict(n=1)) == [dict(type='my.package.Step', n=1)]


def test_several_steps_take_the_place_of_one():
    mask, flip = dict(type='Mask', ratio=0.4), dict(type='Flip', flip_ratio=1.)
    assert edit(STEPS, Flip=(mask, flip)) == [*STEPS[:4], mask, flip]


def test_steps_of_one_name_take_a_change_each():
    edited = edit(STEPS, Resize=[dict(scale=(-1, 356)), None])
    assert edited == [STEPS[0], dict(type='Resize', scale=(-1, 356)), STEPS[2], STEPS[4]]


def test_an_inserted_step_changes_nothing():
    """What positions get wrong: a step that someone puts in front."""
    more = [STEPS[0], dict(type='ColorJitter'), *STEPS[1:]]
    assert edit(more, RandomCrop=dict(size=312))[3] == dict(type='RandomCrop', size=312)


@pytest.mark.parametrize('changes, message', [
    (dict(CentreCrop=None), 'no step is named "CentreCrop"; there are OpenClip, Resize, RandomCr'),
    (dict(Resize=dict(scale=1)),
     '2 steps are named "Resize", with changes for 1; give a list of 2'),
    (dict(Resize=[None] * 3), '2 steps are named "Resize", with changes for 3'),
    (dict(Flip=[None, None]), '1 steps are named "Flip", with changes for 2'),
    (dict(Flip=False), '"Flip" should become a dict, a tuple of steps or None, but got False'),
    (dict(Resize=[None, 224]),
     '"Resize" should become a dict, a tuple of steps or None, but got 224'),
])
def test_names_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message) as info:
        edit(STEPS, **changes)
    assert '\n' not in str(info.value)


def test_steps_of_a_host_keep_their_scope():
    edited = edit([ConfigDict(type='RandomFlip', prob=0.5, _scope_='mmdet')],
                  RandomFlip=dict(prob=1))
    assert edited == [dict(type='RandomFlip', prob=1, _scope_='mmdet')]


def test_an_edited_config_is_saved_and_read_again(tmp_path):
    """Nothing of the helper is left in it: it is text, and processes hand it to each other."""
    leaf = tmp_path / 'leaf.py'
    leaf.write_text(f'''
_base_ = '{harness.CONFIGS}/recognition/mvitv2-small-p244_32xb16-16x4x1-200e_kinetics400-rgb.py'

from mvitv2_mm.config_edit import edit

train_pipeline = edit(_base_.train_pipeline, Flip=None)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
''')
    cfg = Config.fromfile(leaf)
    assert 'Flip' not in [step.type for step in cfg.train_dataloader.dataset.pipeline]
    assert 'edit' not in cfg
    cfg.dump(tmp_path / 'saved.py')
    assert 'config_edit' not in (tmp_path / 'saved.py').read_text()
    again = Config.fromfile(tmp_path / 'saved.py').to_dict()
    assert again == cfg.to_dict() == pickle.loads(pickle.dumps(cfg)).to_dict()
