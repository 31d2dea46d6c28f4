"""Models go to a hub and come back from it, by the client that users have."""
import json
import os
import subprocess
import sys

import hub_server
import pytest
import small_classifier
import yaml

from mvitv2_mm.checkpoints.model_folder import write_model_folder
from mvitv2_mm.checkpoints.model_source import open_model

METRICS = [
    dict(metric='accuracy/top1', value=91.5, dataset='pets/val', by='measured', date='2026-01-02'),
    dict(
        metric='Top 1 Accuracy',
        value=82.3,
        dataset='ImageNet-1k',
        by='reported',
        reported_by='facebookresearch/mvit'),
]


def run(*args, **variables):
    # the stand-in takes plain uploads; Xet, which newer clients prefer, needs a server of its own
    env = dict(os.environ, HF_HUB_DISABLE_TELEMETRY='1', HF_HUB_DISABLE_XET='1', **variables)
    return subprocess.run([sys.executable, '-m', 'mvitv2_mm', *map(str, args)],
                          capture_output=True,
                          text=True,
                          env=env)


@pytest.fixture(scope='module')
def pushed(tmp_path_factory):
    """The folder of a model, what ``push`` said and what the hub has got; the hub is down again."""
    root, cfg = tmp_path_factory.mktemp('hub'), small_classifier.config()
    state = small_classifier.build(cfg).state_dict()
    write_model_folder(root / 'pets', cfg, state, 'image', small_classifier.CLASSES, METRICS,
                       'CC-BY-NC-4.0')
    with hub_server.running_hub() as hub:
        online = dict(HF_ENDPOINT=hub.url, HF_HOME=str(root / 'cache'), HF_TOKEN='hf_x')
        push = run('push', root / 'pets', 'me/pets', '--private', '--json', **online)
        convert = run('convert', 'hf://me/pets', root / 'back', **online)
        missing = run('convert', 'hf://me/cats', root / 'cats', **online)
    return root, push, convert, missing, hub, online


def test_push_uploads_a_private_model_folder(pushed):
    root, push, _, _, hub, _ = pushed
    assert push.returncode == 0, push.stderr
    assert json.loads(push.stdout)['place'] == f'{hub.url}/me/pets'
    assert hub.private
    files = hub.repositories['me/pets']
    assert set(files) >= {'README.md', 'config.py', 'model.json', 'weights.safetensors'}
    weights = root / 'pets' / 'weights.safetensors'
    assert files['weights.safetensors'] == weights.read_bytes()


def test_the_card_says_who_measured(pushed):
    card = pushed[4].repositories['me/pets']['README.md'].decode()
    _, head, body = card.split('---\n', 2)
    head = yaml.safe_load(head)
    assert head['license'] == 'cc-by-nc-4.0'
    assert head['pipeline_tag'] == 'image-classification'
    results = head['model-index'][0]['results']
    assert [result['metrics'][0]['value'] for result in results] == [91.5]
    rows = [line for line in body.splitlines() if line.startswith('| ') and '.' in line]
    assert ['measured when' in row for row in rows] == [True, False]
    assert 'reported by facebookresearch/mvit, not measured again' in rows[1]
    assert all(name in body for name in small_classifier.CLASSES)


def test_what_comes_back_predicts_the_same(pushed):
    root, _, convert, *_ = pushed
    assert convert.returncode == 0, convert.stderr
    first, second = (
        small_classifier.predict(open_model(str(root / name)).build()) for name in ('pets', 'back'))
    assert first.equal(second)
    assert open_model(str(root / 'back')).metrics == METRICS


def test_afterwards_no_hub_is_needed(pushed):
    root, *_, online = pushed
    again = run('convert', 'hf://me/pets', root / 'offline', **online)
    assert again.returncode == 0, again.stderr
    assert (root / 'offline' / 'model.json').is_file()


def test_a_model_that_is_not_there_is_one_line(pushed):
    missing = pushed[3]
    assert missing.returncode != 0
    line = missing.stderr.strip().splitlines()[-1]
    assert 'hf://me/cats' in line and 'Traceback' not in missing.stderr


def test_look_uploads_nothing(pushed, tmp_path):
    root = pushed[0]
    looked = run('push', root / 'pets', 'me/pets', '--look', tmp_path / 'look', HF_HUB_OFFLINE='1')
    assert looked.returncode == 0, looked.stderr
    assert (tmp_path / 'look' / 'README.md').read_text().startswith('---\n')
    assert open_model(str(tmp_path / 'look')).classes == small_classifier.CLASSES
