"""Features equal what the network returns when it is called by hand."""
import json
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import TRANSFORMS, init_default_scope
from safetensors.numpy import load_file

from mvitv2_mm.checkpoints.model_source import open_model
from mvitv2_mm.commands.frame import main
from mvitv2_mm.inference.feature_files import FeatureFiles
from mvitv2_mm.inference.feature_job import write_features


def by_hand(quick, file):
    """Model, and what its own pipeline and preprocessor make of a file."""
    opened = open_model(quick.folder)
    model = opened.build()
    init_default_scope(opened.cfg.default_scope)
    steps = Compose(
        [TRANSFORMS.build(step) for step in opened.cfg.test_dataloader.dataset.pipeline])
    key = 'filename' if quick.task == 'video' else 'img_path'
    packed = steps({key: file, 'modality': 'RGB', 'start_index': 0, 'img_id': 0})
    return model, model.data_preprocessor(pseudo_collate([packed]))['inputs']


@pytest.mark.parametrize('task', ['image', 'video', 'detection'])
def test_pooled_vectors_are_what_the_head_reads(task, quick, tmp_path):
    own, heard = quick(task), []
    files = own.files[:2]
    write_features(open_model(own.folder), files, str(tmp_path / 'x.npy'), batch_size=1)
    found = np.load(tmp_path / 'x.npy')
    for row, file in zip(found, files, strict=True):
        model, inputs = by_hand(own, file)
        with torch.no_grad():
            if task == 'detection':
                expected = model.backbone(inputs)[-1].mean(dim=(2, 3))
            else:
                heard.clear()
                fc = model.head.fc if task == 'image' else model.cls_head.fc_cls
                fc.register_forward_pre_hook(lambda _, args: heard.append(args[0]))
                if task == 'image':
                    model(inputs)
                else:
                    model.cls_head(model.backbone(inputs[0]))
                expected, = heard
        np.testing.assert_array_equal(row, expected[0].numpy())
    index = [json.loads(line) for line in (tmp_path / 'x.npy.index.jsonl').read_text().splitlines()]
    assert [(line['input'], line['shape']) for line in index] == [(f, [found.shape[1]])
                                                                  for f in files]


@pytest.mark.parametrize('task, scale, shape', [('detection', 0, (24, 32, 32)),
                                                ('detection', 3, (192, 4, 4)),
                                                ('video', 2, (96, 4, 4, 4))])
def test_maps_of_a_scale_are_those_of_the_network(task, scale, shape, quick, tmp_path):
    own = quick(task)
    write_features(open_model(own.folder), own.files, str(tmp_path / 'maps'), scale, batch_size=1)
    found = load_file(tmp_path / 'maps' / 'features-00000.safetensors')
    assert sorted(found) == ['0', '1', '2']
    for number, file in enumerate(own.files):
        model, inputs = by_hand(own, file)
        with torch.no_grad():
            outputs = model.backbone(inputs[0] if task == 'video' else inputs)
        expected = outputs[scale] if task == 'detection' else outputs[0][0]
        np.testing.assert_array_equal(found[str(number)], expected[0].numpy())
        assert found[str(number)].shape == shape


def test_a_scale_without_a_norm_is_what_the_next_stage_reads(quick, tmp_path):
    own = quick('image')
    write_features(open_model(own.folder), own.files[:1], str(tmp_path / 'x.npy'), 0, batch_size=1)
    model, inputs = by_hand(own, own.files[0])
    backbone, heard = model.backbone, []
    last = backbone.arch.last_blocks[0]
    backbone.blocks[last + 1].register_forward_pre_hook(lambda _, args: heard.append(args))
    with torch.no_grad():
        backbone(inputs)
    (tokens, grid), = heard
    expected = tokens.transpose(1, 2).unflatten(2, grid)
    np.testing.assert_array_equal(np.load(tmp_path / 'x.npy'), expected.numpy())


class Kill(Exception):
    pass


@pytest.mark.parametrize('name', ['x.npy', 'x.safetensors', 'folder'])
def test_a_run_that_was_cut_short_ends_in_the_same_bytes(name, quick, tmp_path, monkeypatch):
    monkeypatch.setattr('mvitv2_mm.inference.output._SAVE_EVERY', 0.)
    monkeypatch.setattr('mvitv2_mm.inference.feature_files._SHARD_BYTES', 5000)
    own = quick('image')
    (tmp_path / 'bad.png').write_text('no picture')
    inputs = [*own.files[:9], str(tmp_path / 'bad.png'), *own.files[9:]]
    for folder in ('whole', 'cut'):
        (tmp_path / folder).mkdir()

    def run(folder):
        return write_features(
            open_model(own.folder), inputs, str(tmp_path / folder / name), batch_size=2)

    summary = run('whole')
    assert (summary.records, summary.failed) == (21, 1)
    add, calls = FeatureFiles.add, []

    def stop(self, *args):
        add(self, *args)
        calls.append(args)
        if len(calls) == 13:
            raise Kill

    with monkeypatch.context() as patch, pytest.raises(Kill):
        patch.setattr(FeatureFiles, 'add', stop)
        run('cut')
    assert run('cut').records == 21 - 8  # the last note was after a chunk of eight
    assert run('cut').records == 0
    contents = [{
        str(path.relative_to(tmp_path / folder)): path.read_bytes()
        for path in (tmp_path / folder).rglob('*') if path.is_file()
    } for folder in ('whole', 'cut')]
    assert contents[0] == contents[1]
    shards = [path for path in contents[0] if path.endswith(('.npy', '.safetensors'))]
    assert len(shards) == (2 if name == 'folder' else 1)


def test_parquet_is_an_extra(quick, tmp_path, monkeypatch, capsys):
    own = quick('image')
    args = ['features', own.folder, *own.files[:3], '--out', str(tmp_path / 'x.parquet')]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, 'pyarrow', None)
        patch.setitem(sys.modules, 'pyarrow.parquet', None)
        assert main(args) == 3
    assert 'Parquet needs pyarrow, which is not installed; run: pip' in capsys.readouterr().err
    parquet = pytest.importorskip('pyarrow.parquet')
    assert main(args) == 0
    table = parquet.read_table(tmp_path / 'x.parquet').to_pylist()
    assert [row['input'] for row in table] == own.files[:3]
    write_features(open_model(own.folder), own.files[:3], str(tmp_path / 'x.npy'))
    np.testing.assert_array_equal([row['features'] for row in table], np.load(tmp_path / 'x.npy'))


@pytest.mark.parametrize('args, message', [
    (['--out', 'x.txt'], 'features go to a folder, or to a file that ends in .safetensors, .npy'),
    (['--out', 'x.npy', '--batch-size', '-1'], 'batch_size should be at least 1, but got -1'),
    (['--out', 'x.npy', '--scale', '3'], 'has the scales 0 to 2, but not 3'),
])
def test_what_cannot_be_meant(args, message, quick, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    own = quick('image')
    assert main(['features', own.folder, own.files[0], *args]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_maps_of_different_sizes_do_not_fit_an_array(quick, tmp_path):
    own = quick('detection')
    wide = str(tmp_path / 'wide.png')
    cv2.imwrite(wide, np.zeros((60, 128, 3), np.uint8))
    with pytest.raises(ValueError, match='holds arrays of one shape, but the inputs have'):
        write_features(open_model(own.folder), [own.files[0], wide], str(tmp_path / 'x.npy'), 2)


def test_two_runs_do_not_write_one_file(tmp_path):
    with FeatureFiles(str(tmp_path / 'x.npy'), {}, 1):
        with pytest.raises(OSError, match='x.npy.index.jsonl is in use: another process'):
            FeatureFiles(str(tmp_path / 'x.npy'), {}, 1)
        with FeatureFiles(str(tmp_path / 'y.npy'), {}, 1):
            pass
    with FeatureFiles(str(tmp_path / 'x.npy'), {}, 1):
        pass
