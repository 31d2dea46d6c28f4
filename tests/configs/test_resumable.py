"""What a recipe needs for a resumed training to equal an uninterrupted one."""
import harness
import pytest
from mmengine.config import Config

RECIPES = sorted(
    str(path.relative_to(harness.CONFIGS)) for path in harness.CONFIGS.rglob('*.py')
    if not {'_base_', 'other_hosts'} & set(path.parts))  # the others train as their hosts say


@pytest.mark.parametrize('name', RECIPES)
def test_iterations_and_workers_have_seeds_of_their_own(name):
    """``tests/engine/test_resume.py`` shows that this is enough, and that it takes the hook."""
    cfg = Config.fromfile(harness.CONFIGS / name)
    assert cfg.default_hooks.iteration_seed.type == 'mvitv2_mm.IterationSeedHook'
    loader = cfg.train_dataloader
    counts_epochs = cfg.train_cfg.get('type') != 'IterBasedTrainLoop'
    if counts_epochs and loader.num_workers > 0:
        assert not loader.get('persistent_workers')
        assert loader.worker_init_fn.type == 'mvitv2_mm.seed_worker'
