"""The metafiles, the model index and the tables, against their source and against the configs."""
import re
import runpy
from pathlib import Path

import modelindex
import pytest

from mvitv2_mm.checkpoints.zoo import ZOO

ROOT = Path(__file__).parents[1]
TOOL = runpy.run_path(str(ROOT / 'tools/update_model_zoo.py'))
NOT_RECIPES = ('_base_', 'finetune', 'other_hosts', 'quickstart')


@pytest.fixture(scope='module')
def families():
    return TOOL['load_families']()


@pytest.fixture(scope='module')
def models(families):
    """Counting all networks takes a minute: once for all tests."""
    return TOOL['compute'](families)


@pytest.fixture(scope='module')
def rows(models):
    return {model.name: model for family in models for model in family}


def stale(families, models):
    texts = TOOL['render'](families, models)
    return [str(path.relative_to(ROOT)) for path, text in texts.items() if path.read_text() != text]


def test_generated_files_are_up_to_date(families, models):
    assert stale(families, models) == [], 'run python tools/update_model_zoo.py'


def test_a_changed_figure_shows(families, models, monkeypatch):
    """Control: the check sees one accuracy that changes in the source."""
    reported = families[0]['models'][0]['reported']
    monkeypatch.setitem(reported, 'top1', reported['top1'] + 0.1)
    assert stale(families, models) == [
        'configs/classification/metafile.yml', 'docs/model_zoo.md', 'README.md'
    ]


def test_every_recipe_is_a_row(rows):
    configs = ROOT / 'configs'
    recipes = {
        path.stem
        for path in configs.rglob('*.py') if path.relative_to(configs).parts[0] not in NOT_RECIPES
    }
    assert recipes == set(rows)


def test_the_registry_names_recipes_and_counts_their_parameters(rows):
    assert {file.name for file in ZOO.values() if file.config not in rows} == set()
    for model in rows.values():
        assert {file.params for file in model.files} <= {model.params}


def quantity(text):
    """'24M' -> (24e6, 1e6), the figure and the unit of its last digit."""
    number, unit = re.fullmatch(r'([\d.]+)([MG])', text).groups()
    scale = dict(M=1e6, G=1e9)[unit]
    return float(number) * scale, scale * 10**-len(number.partition('.')[2])


def agrees(published, computed):
    """Equal to a unit of the last printed digit, or to half a percent."""
    value, unit = quantity(published)
    return abs(value - computed) <= max(unit, 0.005 * computed)


def test_published_sizes_agree_or_the_difference_is_explained(rows):
    for name, model in rows.items():
        published = model.entry.get('published', {})
        assert set(published) <= {'params', 'flops'}
        same = all(agrees(text, getattr(model, key)) for key, text in published.items())
        assert same != ('difference' in model.entry), (name, published, model.params, model.flops)


def test_modelindex_reads_it(rows, capsys):
    index = modelindex.load(str(ROOT / 'model-index.yml'))
    index.build_models_with_collections()
    index.check()
    assert capsys.readouterr().out == 'All good!\n'
    assert sorted(model.name for model in index.models) == sorted(rows)
    for model in index.models:
        assert (ROOT / model.config).stem == model.name
        assert model.metadata.data['Parameters'] == rows[model.name].params
        assert model.metadata.data['FLOPs'] == rows[model.name].flops
        assert isinstance(model.metadata.data['Training Data'], str)
        if model.weights:
            assert model.weights in [file.url for file in ZOO.values()]


def test_accuracy_is_headed_by_its_source():
    text = (ROOT / 'docs/model_zoo.md').read_text() + (ROOT / 'README.md').read_text()
    heads = [line for line in text.splitlines() if line.startswith('| model |')]
    assert len(heads) >= 5
    for head in heads:
        for cell in head.split('|'):
            if re.search(r'top-\d|AP', cell):
                assert 'reported by the authors' in cell


def test_links_lead_to_files():
    for name in ('docs/model_zoo.md', 'README.md'):
        path = ROOT / name
        table = path.read_text().split(TOOL['BEGIN'])[1].split(TOOL['END'])[0]
        for link in re.findall(r'\]\(((?!http)[^)#]+)\)', table):
            assert (path.parent / link).exists(), (name, link)


def test_missing_markers_are_named(tmp_path):
    (tmp_path / 'page.md').write_text('no markers')
    with pytest.raises(ValueError, match='page.md has no lines "<!-- model zoo: begin -->"'):
        TOOL['between_markers'](tmp_path / 'page.md', 'x')
