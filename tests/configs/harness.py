"""What a config resolves to, for tests that compare it with a table of recipes."""
import copy
from ast import literal_eval
from functools import lru_cache
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.evaluator import Evaluator
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import MODELS, PARAM_SCHEDULERS, init_default_scope
from mmengine.runner import Runner

CONFIGS = Path(__file__).parents[2] / 'configs'
# the net of the steps: four scales, so that heads and necks fit
SMALL = dict(embed_dims=8, num_layers=4, num_heads=1, downscale_indices=(1, 2, 3))

_read = lru_cache(maxsize=None)(Config.fromfile)


def load(folder: str, name: str) -> Config:
    """A copy of a config, with its default scope."""
    cfg = copy.deepcopy(_read(CONFIGS / folder / f'{name}.py'))
    init_default_scope(cfg.default_scope)
    return cfg


def names(folder: str) -> List[str]:
    return sorted(path.stem for path in (CONFIGS / folder).glob('*.py'))


def recipe_fixtures(folder: str, recipes: Dict[str, dict]) -> Tuple[Callable, ...]:
    """The fixtures ``name``, ``cfg`` and ``recipe``: a test that takes one runs with every recipe.

    Args:
        folder (str): Below ``configs``.
        recipes (dict[str, dict]): Name of a config to what it should say.
    """

    @pytest.fixture(params=recipes)
    def name(request):
        return request.param

    @pytest.fixture
    def cfg(name):
        return load(folder, name)

    @pytest.fixture
    def recipe(name):
        return recipes[name]

    return name, cfg, recipe


def half_cosine(peak: float, warmup: float, epochs: float, start: float,
                end: float) -> Dict[float, float]:
    """Epoch -> learning rate at the ends and the middles of warm-up and cosine."""
    return {
        0: peak * start,
        warmup / 2: peak * (start + 1) / 2,
        warmup: peak,
        (warmup + epochs) / 2: peak * (1 + end) / 2,
        epochs: peak * end,
    }


def full_model(cfg: Config) -> torch.nn.Module:
    """The model at its real size, without memory for its parameters."""
    with torch.device('meta'):
        return MODELS.build(cfg.model)


def num_params(model: torch.nn.Module) -> int:
    return sum(param.numel() for param in model.parameters())


def drop_path_rates(backbone: torch.nn.Module) -> List[float]:
    return [getattr(block.drop_path, 'drop_prob', 0) for block in backbone.blocks]


def decay_per_parameter(cfg: Config, model: torch.nn.Module) -> Dict[str, float]:
    """Weight decay that the optimizer applies to each parameter of the model, by name."""
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    decay = {id(param): group['weight_decay'] for group in groups for param in group['params']}
    return {name: decay[id(param)] for name, param in model.named_parameters()}


@lru_cache(maxsize=None)
def _factors(schedulers: str, steps: int, epoch_length: int) -> Tuple[float, ...]:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.)
    schedulers = [
        PARAM_SCHEDULERS.build(
            s, default_args=dict(optimizer=optimizer, epoch_length=epoch_length))
        for s in literal_eval(schedulers)
    ]
    optimizer.step()  # the schedulers ask for one
    factors = []
    for _ in range(steps):
        factors.append(optimizer.param_groups[0]['lr'])
        for scheduler in schedulers:
            scheduler.step()
    return tuple(factors)


def schedule(cfg: Config) -> List[dict]:
    """The schedulers, which end with the training where they do not say when, as in a Runner."""
    length = {True: cfg.train_cfg.get('max_epochs'), False: cfg.train_cfg.get('max_iters')}
    return [
        dict(dict(end=length[s.get('by_epoch', True)]),
             **ConfigDict(s).to_dict()) for s in cfg.param_scheduler
    ]


def lr_per_step(cfg: Config, steps: int, epoch_length: int = 1) -> List[float]:
    """Learning rate of every step of a training."""
    schedulers = schedule(cfg)
    peak = cfg.optim_wrapper.optimizer.lr
    return [peak * factor for factor in _factors(repr(schedulers), steps, epoch_length)]


def first_batch(loader: ConfigDict, **kwargs) -> dict:
    """First batch of a data loader, read in this process."""
    loader = {**loader, 'num_workers': 0, 'persistent_workers': False, 'pin_memory': False}
    return next(iter(Runner.build_dataloader({**loader, **kwargs}, seed=0)))


def train_step(cfg: Config, model: torch.nn.Module, batch: dict) -> Tuple[float, List[str]]:
    """Loss of one training step and the names of the parameters that it did not change."""
    wrapper: OptimWrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    before = {name: param.detach().clone() for name, param in model.named_parameters()}
    loss = model.train().train_step(batch, wrapper)['loss'].item()
    # a shift of all keys does not change the attention, so the gradient of norm_k.bias is noise
    return loss, [
        name for name, param in model.named_parameters()
        if torch.equal(param, before[name]) and not name.endswith('norm_k.bias')
    ]


def test_step(cfg: Config, model: torch.nn.Module, batch: dict) -> Dict[str, float]:
    """Metrics of one batch."""
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = getattr(model, 'dataset_meta', None)
    with torch.no_grad():
        samples = model.eval().test_step(batch)
    evaluator.process(data_samples=samples, data_batch=batch)
    return evaluator.evaluate(len(samples))
