"""The registry of published models, and downloads against a server on this machine."""
import hashlib
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from oracles import image_net, randomise, to_meta

from mvitv2_mm import MViTv2
from mvitv2_mm.checkpoints import ZOO, CheckpointError, load_into
from mvitv2_mm.checkpoints.zoo import cache_path, fetch, locate
from mvitv2_mm.names import Published

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


class Server(BaseHTTPRequestHandler):
    """Serves ``files`` and counts; hangs up halfway, or stalls there, ``cuts`` times."""

    def __init__(self, files, hits, cuts, stall, with_length, *args):
        self.files, self.hits, self.cuts = files, hits, cuts
        self.stall, self.with_length = stall, with_length
        super().__init__(*args)

    def do_GET(self):
        self.hits.append(self.path)
        data = self.files.get(self.path, b'')
        start = int(self.headers.get('Range', 'bytes=0-')[6:-1])
        self.send_response((206 if start else 200) if data else 404)
        if start:
            self.send_header('Content-Range', f'bytes {start}-{len(data) - 1}/{len(data)}')
        elif self.with_length:
            self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        data = data[start:]
        if len(self.hits) <= self.cuts:
            self.wfile.write(data[:len(data) // 2])
            self.wfile.flush()
            self.stall.wait(60)
        else:
            self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Start a server and an empty cache; gives the URL and the list of downloads."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    monkeypatch.setattr(torch.hub, '_hub_dir', None)
    servers = []

    def start(files, cuts=0, stall=False, with_length=True):
        hits, going_on = [], threading.Event()
        if not stall:
            going_on.set()
        handler = partial(Server, files, hits, cuts, going_on, with_length)
        server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f'http://127.0.0.1:{server.server_port}', hits, server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope='module')
def source():
    return randomise(image_net())


@pytest.fixture(scope='module')
def data(source, tmp_path_factory):
    path = tmp_path_factory.mktemp('data') / 'f'
    torch.save({'model_state': to_meta(source.state_dict())}, path)
    return path.read_bytes()


def cached(tmp_path):
    files = (tmp_path / 'torch/hub/checkpoints').rglob('*')
    return [path.name for path in files if path.is_file() and path.suffix != '.lock']


def publish(monkeypatch, url, sha256=''):
    entry = Published('tiny-test', '', 1, '', sha256, None, url)
    monkeypatch.setitem(ZOO, entry.name, entry)


@pytest.mark.parametrize('digits', [64, 8, 0])
def test_a_name_is_fetched_once_then_offline(serve, monkeypatch, tmp_path, source, data, capfd,
                                             digits):
    url, hits, server = serve({'/dir/weights.pyth': data})
    publish(monkeypatch, url + '/dir/weights.pyth', hashlib.sha256(data).hexdigest()[:digits])
    model = image_net()
    load_into(model, 'tiny-test')
    assert torch.equal(model.fc[0].weight, source.fc[0].weight)
    assert cached(tmp_path) == ['weights.pyth'] and hits == ['/dir/weights.pyth']
    assert '100%' in capfd.readouterr().err  # the progress bar
    server.shutdown()
    server.server_close()
    backbone = MViTv2(
        model.backbone.arch.__dict__,
        input_size=64,
        init_cfg=dict(type='Pretrained', checkpoint='tiny-test'))
    backbone.init_weights()
    assert torch.equal(backbone.blocks[0].attn.qkv.weight,
                       source.backbone.blocks[0].attn.qkv.weight)
    assert hits == ['/dir/weights.pyth']


def test_another_file_is_refused(serve, monkeypatch, tmp_path, data):
    url, _, _ = serve({'/weights.pyth': data})
    publish(monkeypatch, url + '/weights.pyth', 'a' * 8)
    with pytest.raises(
            CheckpointError,
            match=r'weights\.pyth is not the published file: its SHA-256 is [0-9a-f]{64} and '
            r'should start with aaaaaaaa\. Nothing was kept'):
        locate('tiny-test')
    assert cached(tmp_path) == []


def test_a_spoiled_cache_is_noticed(serve, monkeypatch, tmp_path, data):
    url, _, _ = serve({'/weights.pyth': data})
    publish(monkeypatch, url + '/weights.pyth', hashlib.sha256(data).hexdigest())
    path = locate('tiny-test')
    with open(path, 'ab') as file:
        file.write(b'x')
    with pytest.raises(
            CheckpointError,
            match=r'weights\.pyth is not the published file: its '
            r'SHA-256 does not start with .*Delete it, then it is downloaded again'):
        locate('tiny-test')


def test_files_of_one_name_do_not_meet_in_the_cache(serve, monkeypatch, data):
    other = data + b' '
    url, hits, _ = serve({'/a/model.safetensors': data, '/b/model.safetensors': other})
    publish(monkeypatch, url + '/b/model.safetensors', hashlib.sha256(other).hexdigest()[:8])
    for _ in range(2):
        a, b = fetch(url + '/a/model.safetensors'), locate('tiny-test')
        assert Path(a).read_bytes() == data and Path(b).read_bytes() == other
        assert Path(a).name == Path(b).name == 'model.safetensors'
    assert hits == ['/a/model.safetensors', '/b/model.safetensors']


def test_a_download_goes_on_where_it_broke_off(serve, data):
    url, hits, _ = serve({'/weights.pyth': data}, cuts=2)
    assert Path(fetch(url + '/weights.pyth')).read_bytes() == data
    assert len(hits) == 3


def test_a_server_that_stalls_is_asked_again(serve, data, monkeypatch):
    monkeypatch.setattr('mvitv2_mm.checkpoints.download._TIMEOUT', 2.)
    url, hits, _ = serve({'/weights.pyth': data}, cuts=1, stall=True)
    assert Path(fetch(url + '/weights.pyth')).read_bytes() == data
    assert len(hits) == 2


def test_what_arrived_is_kept_for_the_next_try_under_another_name(serve, tmp_path, data):
    url, hits, _ = serve({'/weights.pyth': data}, cuts=4)
    with pytest.raises(
            CheckpointError,
            match=r'weights\.pyth cannot be downloaded \(.*cut short: \d+ of '
            rf'{len(data)} bytes arrived.*; what has arrived is kept\)\. Check'):
        fetch(url + '/weights.pyth')
    assert cached(tmp_path) == ['.weights.pyth.part']
    assert Path(fetch(url + '/weights.pyth')).read_bytes() == data
    assert cached(tmp_path) == ['weights.pyth'] and len(hits) == 5


def test_half_a_file_of_unknown_length_is_noticed(serve, tmp_path, data):
    url, _, _ = serve({'/weights.pyth': data}, cuts=1, with_length=False)
    with pytest.raises(CheckpointError, match='did not arrive whole'):
        fetch(url + '/weights.pyth')
    assert cached(tmp_path) == []
    assert Path(fetch(url + '/weights.pyth')).read_bytes() == data


def test_processes_that_want_the_same_file_wait_for_the_first(serve, data):
    url, hits, _ = serve({'/weights.pyth': data})
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(fetch, [url + '/weights.pyth'] * 8))
    assert {Path(path).read_bytes() for path in paths} == {data} and len(hits) == 1


@pytest.mark.parametrize('path', ['/missing.pyth', None])
def test_unreachable(serve, tmp_path, path):
    url, _, server = serve({})
    if path is None:
        server.shutdown()
        server.server_close()
    with pytest.raises(
            CheckpointError,
            match=r'cannot be downloaded \(.*(404|refused).*\)\. Check '
            r'the connection and run again, or get the file elsewhere and put it at .*missing\.pyth'
    ):
        fetch(url + '/missing.pyth')
    assert cached(tmp_path) == []


def test_urls_in_configs(serve, source, data):
    url, hits, _ = serve({'/a.pyth': data})
    backbone = image_net().backbone
    backbone.init_cfg = dict(type='Pretrained', checkpoint=url + '/a.pyth')
    backbone.init_weights()
    assert torch.equal(backbone.norm3.weight, source.backbone.norm3.weight) and len(hits) == 1


def test_a_file_wins_over_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'mvitv2-tiny_in1k').write_bytes(b'')
    assert locate('mvitv2-tiny_in1k') == 'mvitv2-tiny_in1k'


def test_unknown_names_get_similar_ones():
    with pytest.raises(
            FileNotFoundError,
            match='mvitv2_tiny_in1k can not be found. Similar '
            'published models: mvitv2-tiny_in1k, '):
        locate('mvitv2_tiny_in1k')
    with pytest.raises(FileNotFoundError, match='see "python -m mvitv2_mm convert --list"'):
        locate('/no/where.pth')


def test_entries_are_complete():
    assert len(ZOO) == 51
    for name, model in ZOO.items():
        assert name == model.name and model.url.startswith('https://')
        assert model.config and model.params > 2e7
        assert model.licence in ('Apache-2.0', 'BSD-3-Clause')
        assert re.fullmatch('[0-9a-f]{8}|', model.sha256)
        if '-' + model.sha256 + '.pth' in model.url:
            assert model.sha256
    # places in the cache are unique, so no model is taken for another
    assert len({cache_path(model.url) for model in ZOO.values()}) == len(ZOO)


def test_torchvision_entry_is_what_torchvision_states():
    from torchvision.models.video import MViT_V2_S_Weights
    weights, entry = MViT_V2_S_Weights.DEFAULT, ZOO['mvitv2-small-16x4_k400_torchvision']
    assert (entry.url, entry.params) == (weights.url, weights.meta['num_params'])
    assert entry.size_mib == weights.meta['_file_size']


def test_openmmlab_entries_are_in_their_metafiles():
    from pathlib import Path

    import mmaction
    import mmpretrain
    listed = ''
    for package, folder in ((mmpretrain, 'mvit'), (mmaction, 'recognition/mvit')):
        metafile = Path(package.__file__).parent / '.mim/configs' / folder / 'metafile.yml'
        listed += metafile.read_text()
    entries = [m for name, m in ZOO.items() if '_mmpretrain' in name or '_mmaction2' in name]
    assert len(entries) == 13
    for entry in entries:
        assert entry.url in listed


@pytest.mark.parametrize('config', sorted({model.config for model in ZOO.values()}))
def test_config_is_there_and_has_that_many_parameters(config):
    cfg = Config.fromfile(next(CONFIGS.rglob(f'{config}.py')))
    with DefaultScope.overwrite_default_scope(cfg.default_scope), torch.device('meta'):
        model = MODELS.build(cfg.model)
    num_params = sum(param.numel() for param in model.parameters())
    assert {m.params for m in ZOO.values() if m.config == config} == {num_params}
