"""``--deterministic``: the number of data workers and of processes does not matter."""
import pickle

import numpy as np
import pytest
import torch
from small_training import make_config

from mvitv2_mm.engine.determinism import ask_for_determinism
from mvitv2_mm.engine.training import prepare_runner, train

pytestmark = pytest.mark.usefixtures('fast')


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', '')
    yield
    torch.use_deterministic_algorithms(False)


def weights(data, work_dir, loop, num_workers, is_asked=True, **changes):
    cfg = make_config(data, loop, num_workers)
    cfg.update(launcher='none', work_dir=str(work_dir), experiment_name=work_dir.name)
    cfg.merge_from_dict(changes)
    if is_asked:
        ask_for_determinism(cfg)
    runner = prepare_runner(cfg)
    train(runner)
    # workers that die with the garbage of a runner take 5 s each
    vars(runner.train_loop).pop('dataloader_iterator', None)
    return runner.model.state_dict()


def are_equal(first, second):
    return all(torch.equal(first[key], second[key]) for key in first)


def test_the_number_of_workers_does_not_matter(data, tmp_path):
    expected = weights(data, tmp_path / '0', 'epochs', 0)
    assert are_equal(weights(data, tmp_path / '1', 'epochs', 1), expected)
    stay = {'train_dataloader.persistent_workers': True}
    assert are_equal(weights(data, tmp_path / '4', 'epochs', 4, **stay), expected)


def test_nor_in_a_loop_over_iterations(data, tmp_path):
    first, second = (weights(data, tmp_path / f'{n}', 'iterations', n) for n in (0, 1))
    assert are_equal(first, second)


def test_without_the_option_it_does(data, tmp_path):
    """Control: workers draw random numbers in this training."""
    none, one = (weights(data, tmp_path / f'{n}', 'epochs', n, is_asked=False) for n in (0, 1))
    assert not are_equal(none, one)


def samples(data, work_dir, rank, world_size, batch_size, monkeypatch):
    """Pictures of one epoch, as one process gets them."""
    monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (rank, world_size))
    monkeypatch.setattr('mvitv2_mm.datasets.seeded.get_dist_info', lambda: (rank, world_size))
    cfg = make_config(data, 'epochs', 0)
    cfg.update(launcher='none', work_dir=str(work_dir))
    cfg.train_dataloader.batch_size = batch_size
    ask_for_determinism(cfg)
    return [batch['inputs'] for batch in prepare_runner(cfg).train_dataloader]


def test_two_processes_see_what_one_does(data, tmp_path, monkeypatch):
    one = samples(data, tmp_path, 0, 1, 4, monkeypatch)
    first, second = (samples(data, tmp_path, rank, 2, 2, monkeypatch) for rank in (0, 1))
    for whole, *halves in zip(one, first, second):
        assert all(map(torch.equal, whole[::2], halves[0]))
        assert all(map(torch.equal, whole[1::2], halves[1]))


def test_a_sample_leaves_the_generators_alone(data, tmp_path):
    cfg = make_config(data, 'epochs', 0)
    cfg.update(launcher='none', work_dir=str(tmp_path))
    ask_for_determinism(cfg)
    loader = prepare_runner(cfg).train_dataloader
    place = next(iter(loader.sampler))
    before = torch.get_rng_state(), np.random.get_state()[1]
    first, again = (loader.dataset[pickle.loads(pickle.dumps(place))] for _ in range(2))
    assert torch.equal(first['inputs'], again['inputs'])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
