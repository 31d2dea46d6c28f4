"""Names of classes, in the order of the published classifiers."""
import pytest
from torchvision.models import detection
from torchvision.models.video import MViT_V2_S_Weights

from mvitv2_mm.checkpoints import ZOO
from mvitv2_mm.checkpoints.class_names import dataset_of, published_classes
from mvitv2_mm.checkpoints.tasks import count_classes, task_of
from mvitv2_mm.config_files import load_config

NUMBERS = dict(in1k=1000, coco=80, lvis=1203, k400=400, k600=600, k700=700, sthv2=174, ava=80)


@pytest.mark.parametrize('dataset, number', NUMBERS.items())
def test_every_class_has_a_name(dataset, number):
    names = published_classes(dataset)
    assert len(names) == number
    assert all(name == name.strip() != '' for name in names)
    twice = {name for name in names if names.count(name) > 1}
    assert twice <= {'crane', 'maillot'}  # of ImageNet: a bird and a machine, two swimsuits


def test_kinetics_is_in_the_order_that_torchvision_publishes_these_weights_with():
    assert list(published_classes('k400')) == MViT_V2_S_Weights.KINETICS400_V1.meta['categories']


def test_coco_is_in_the_order_of_its_ids():
    names = detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta['categories']
    assert [n for n in names
            if n not in ('__background__', 'N/A')] == list(published_classes('coco'))


@pytest.mark.parametrize('dataset', ['k400', 'k600', 'k700', 'sthv2'])
def test_video_datasets_number_their_classes_by_the_alphabet(dataset):
    names = published_classes(dataset)
    assert list(names) == sorted(names)


@pytest.mark.parametrize(
    'dataset, label, name',
    [
        # ids of ava_action_list_v2.2, which count from 1
        ('ava', 1 - 1, 'bend/bow (at the waist)'),
        ('ava', 12 - 1, 'stand'),
        ('ava', 17 - 1, 'carry/hold (an object)'),
        ('ava', 49 - 1, 'ride (e.g., a bike, a car, a horse)'),
        ('ava', 64 - 1, 'fight/hit (a person)'),
        ('ava', 80 - 1, 'watch (a person)'),
        # something-something-v2-labels.json
        ('sthv2', 5, 'Closing something'),
        ('sthv2', 41, 'Moving something away from the camera'),
        ('sthv2', 93, 'Pushing something from left to right'),
        ('in1k', 207, 'golden retriever'),
        ('k600', 599, 'zumba'),
        ('k700', 699, 'zumba'),
    ])
def test_known_labels(dataset, label, name):
    assert published_classes(dataset)[label] == name


def test_other_datasets_have_no_names():
    assert published_classes('in21k') is None
    assert published_classes('../tasks') is None


@pytest.fixture(scope='module')
def tasks():
    """Task and number of classes of the config of every published model."""
    configs = {entry.config for entry in ZOO.values()}
    loaded = {name: load_config(name) for name in configs}
    return {name: (task_of(cfg), count_classes(cfg.model)) for name, cfg in loaded.items()}


@pytest.mark.parametrize('name', ZOO)
def test_published_models_have_as_many_names_as_classes(tasks, name):
    task, number = tasks[ZOO[name].config]
    names = published_classes(dataset_of(name))
    if name.removesuffix('_timm').endswith('_in21k'):
        assert names is None and number == 19168
    elif task is None:
        assert '_maskfeat-k400' in name
    else:
        assert len(names) == number
