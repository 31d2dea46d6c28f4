"""What a map has to show: where the answer is, the weights, and no time where nothing moves."""
from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from quick_models import quick_network
from torch import nn

from mvitv2_mm import MViTv2
from mvitv2_mm.checkpoints.model_source import open_model
from mvitv2_mm.explain import METHODS, find_target, heat_map
from mvitv2_mm.inference.predictor import Predictor
from mvitv2_mm.inference.sources import ArrayClip

SIDE, PATCH = 48, 16
ARCH = dict(embed_dims=16, num_layers=3, num_heads=1, downscale_indices=[1])


class Network(nn.Module):
    """Tells directions of stripes apart."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.backbone = MViTv2(arch=ARCH, input_size=SIDE, out_type='avg_featmap')
        self.backbone.init_weights()
        self.head = nn.Linear(self.backbone.out_channels[-1], 2)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.head(self.backbone(pictures)[-1])


class Picture:
    """A target without a host library."""
    box = None

    def __init__(self, network: Network, picture: torch.Tensor, label: int) -> None:
        self.network, self.inputs, self.label = network, picture[None], label

    def score(self, inputs: torch.Tensor) -> torch.Tensor:
        logits = self.network(inputs)[0]
        return logits[self.label] - logits[1 - self.label]


def make_pictures(number: int, seed: int):
    """Noise with a striped patch, whose class is the direction of the stripes, and its corner."""
    random = np.random.default_rng(seed)
    pictures = random.normal(0, 0.5, (number, 3, SIDE, SIDE)).astype(np.float32)
    corners = random.integers(0, SIDE - PATCH + 1, (number, 2))
    labels = random.integers(0, 2, number)
    stripes = np.where(np.arange(PATCH) // 4 % 2, 2., -2.)
    for picture, (top, left), label in zip(pictures, corners, labels):
        picture[:, top:top + PATCH, left:left + PATCH] += stripes[:, None] if label else stripes
    return torch.from_numpy(pictures), labels, corners


@pytest.fixture(scope='module')
def trained():
    network = Network(3)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for step in range(120):
        pictures, labels, _ = make_pictures(32, step)
        loss = F.cross_entropy(network(pictures), torch.from_numpy(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05
    return network.eval()


@pytest.mark.parametrize('method', ['relevance', 'rollout'])
def test_the_hottest_place_is_where_the_answer_is(trained, method):
    pictures, labels, corners = make_pictures(60, 10**6)
    hits = 0
    for picture, label, corner in zip(pictures, labels, corners):
        heat = heat_map(trained, Picture(trained, picture, label), method)
        place = np.array(divmod(int(heat.argmax()), heat.shape[1])) + 0.5
        place *= SIDE / heat.shape[0]
        hits += bool((corner <= place).all() and (place < corner + PATCH).all())
    assert hits >= 30  # by chance 7: the patch is a ninth of the picture


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


@pytest.mark.parametrize('method', METHODS)
def test_other_weights_give_another_map(trained, method):
    pictures, labels, _ = make_pictures(10, 2000)
    found = [
        correlation(*(heat_map(network, Picture(network, picture, label), method)
                      for network in (trained, other)))
        for other in (Network(1).eval(), Network(2).eval())
        for picture, label in zip(pictures, labels)
    ]
    assert np.mean(found) < 0.3


@pytest.mark.parametrize('method', METHODS)
def test_other_weights_give_another_map_inside_of_the_box(quick, method):
    """Networks that are asked for the same box have its place in common; inside they differ."""
    model, found = quick('detection'), []
    predictor = Predictor(open_model(model.folder), fast=True)
    target = find_target(predictor.model, 'detection',
                         predictor.prepare(model.files[0]).packed, None)
    networks = [quick_network('detection', seed) for seed in range(1, 5)]
    for box in ([8., 8., 56., 48.], [72., 60., 120., 112.], [40., 24., 96., 80.]):
        target._box = torch.tensor(box)
        left, top, right, bottom = (int(side) // 4 for side in box)
        maps = []
        for target.model in networks:
            maps.append(heat_map(target.model, target, method)[top:bottom, left:right])
        found += [correlation(*pair) for pair in combinations(maps, 2)]
    assert np.mean(found) < 0.3


@pytest.mark.parametrize('method', METHODS)
def test_a_clip_that_stands_still_is_flat_in_time(quick, method):
    model = quick('video')
    predictor = Predictor(open_model(model.folder), fast=True)
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    still = ArrayClip(np.repeat(picture[None], 40, axis=0))
    target = find_target(predictor.model, 'video', predictor.prepare(still).packed, None)
    profile = heat_map(predictor.model, target, method).sum(dim=(1, 2))
    torch.testing.assert_close(profile / profile.mean(), torch.ones(4), rtol=0, atol=1e-3)
