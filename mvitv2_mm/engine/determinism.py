"""``--deterministic``: the same numbers in every run, whatever the number of data workers."""
import os
from typing import Any, Union

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import FlexibleRunner, Runner

from ..datasets.seeded import seed_generators


def ask_for_determinism(cfg: Config) -> None:
    """Set in the config of a training that its runs should be equal, before a GPU is used."""
    cfg.setdefault('randomness', ConfigDict())['deterministic'] = True
    os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')  # which PyTorch asks for


def make_deterministic(runner: Union[Runner, FlexibleRunner]) -> None:
    """Let what a sample and an iteration draw follow from seed and place in the training alone."""
    loader = runner.cfg.train_dataloader.to_dict()
    loader['dataset'] = dict(type='mvitv2_mm.SeededDataset', dataset=loader['dataset'])
    loader['sampler'] = dict(type='mvitv2_mm.SeededSampler', sampler=loader['sampler'])
    runner._train_dataloader = ConfigDict(loader)
    runner.register_hook(DeterministicHook())


class DeterministicHook(Hook):
    """Seed every iteration by its number, and use deterministic kernels where there are some."""
    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        torch.use_deterministic_algorithms(True, warn_only=True)  # mmengine's are errors
        if torch.cuda.is_available():
            runner.logger.info(
                '--deterministic: these kernels of a GPU are not: gradients of max_pool3d (clips), '
                'of interpolated position tables, and of RoIAlign (detection). PyTorch warns of '
                'others when they are used')

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        seed_generators(runner.seed, get_rank(), runner.iter)
