"""The command ``convert``."""
import in_process
import pytest
import torch
from oracles import CLASSES, image_net, randomise, to_meta
from safetensors.torch import load_file

CONFIG = '''
default_scope = 'mmpretrain'
custom_imports = dict(imports=['mvitv2_mm'], allow_failed_imports=False)
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mvitv2_mm.MViTv2', input_size=64, out_type='avg_featmap',
        arch=dict(embed_dims=16, num_layers=5, num_heads=1, downscale_indices=[1, 2, 4])),
    head=dict(type='LinearClsHead', num_classes={}, in_channels=128))
'''


@pytest.fixture(scope='module')
def main():
    return lambda *args: in_process.run('convert', args)


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp('files')
    net = randomise(image_net())
    torch.save({'model_state': to_meta(net.state_dict())}, folder / 'in.pyth')
    for classes in (CLASSES, 5):
        (folder / f'{classes}.py').write_text(CONFIG.format(classes))
    return folder


def test_every_tensor_is_accounted_for(main, files, capsys):
    main(files / 'in.pyth', files / 'out.safetensors')
    lines = capsys.readouterr().out.splitlines()
    tensors = load_file(files / 'out.safetensors')
    assert 'renamed  head.projection.bias -> head.fc.bias' in lines
    assert 'renamed  blocks.4.proj.weight -> backbone.blocks.4.proj.weight' in lines
    assert sum(line.startswith('renamed ') for line in lines) == len(tensors)
    assert 'in.pyth: facebookresearch/mvit checkpoint of a custom MViTv2 (image, 5' in lines[-2]
    assert lines[-2].endswith('301,287 parameters') and lines[-1] == f'{len(tensors)} renamed'


def test_without_dst_nothing_is_written(main, files, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    main(files / 'in.pyth', '--to', 'timm')
    assert 'blocks.4.proj.weight -> stages.3.blocks.0.shortcut_proj_attn.weight' in \
        capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_config_that_fits(main, files):
    main(files / 'in.pyth', files / 'fits.pth', '--config', files / f'{CLASSES}.py')
    content = torch.load(files / 'fits.pth', weights_only=True)
    assert content['meta']['converted_from'].startswith('facebookresearch/mvit checkpoint')
    assert 'head.fc.weight' in content['state_dict']


@pytest.mark.parametrize('args, message', [
    (['in.pyth', 'no.pth', '--config', '5.py'
      ], r'in\.pyth does not fit the model as a whole; not used: head\.projection\.weight '
     r'\(\(7, 128\), the model has \(5, 128\)\); .*To start a training from it, name it in'),
    (['in.pyth', 'no.pkl'], r'no\.pkl: only detectron2 reads \.pkl\. Use \.pth or \.safetensors'),
    (['in.pyth', 'no.txt'], r'no\.txt: cannot write "\.txt" files'),
    (['in.pyth', 'no.pth', '--to', 'torchvision'], 'cannot become a torchvision checkpoint'),
    (['in.pyth', 'no.pth', '--to', 'mvit', '--config', '7.py'], '"to" should be one of'),
    (['gone.pth', 'no.pth'], r'gone\.pth can not be found'),
    (['7.py', 'no.pth'], r'7\.py is not a checkpoint. It is a text or web page'),
])
def test_one_line_errors(main, files, monkeypatch, args, message):
    monkeypatch.chdir(files)
    with pytest.raises(SystemExit, match=message) as error:
        main(*args)
    assert '\n' not in str(error.value)
    assert not any(path.name.startswith(('no.', '.no')) for path in files.iterdir())


def test_list(main, capsys):
    main('--list')
    out = capsys.readouterr().out
    assert 'mvitv2-tiny_in1k\n    24,173,320 parameters, Apache-2.0\n    config mvitv2' in out
    assert 'BSD-3-Clause, 131.884 MiB, SHA-256 ae3be167...' in out
    assert out.count('https://') == 51


def test_something_to_do_is_asked_for(main):
    with pytest.raises(SystemExit, match='give SRC, or --list'):
        main()
