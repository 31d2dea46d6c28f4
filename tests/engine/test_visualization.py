"""The hooks that draw results; the whole way through ``tools/test.py`` is in tests/tools."""
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmaction.visualization import ActionVisualizer

import mvitv2_mm.engine.mmaction.visualization  # noqa: F401
from mvitv2_mm.registry import HOOKS


@pytest.mark.parametrize('shape', [(3, 4, 8, 8), (2, 3, 4, 8, 8)], ids=['CTHW', 'NCTHW'])
def test_video_visualization(shape, tmp_path, monkeypatch):
    visualizer = ActionVisualizer.get_instance(f'show{len(shape)}', save_dir=str(tmp_path))
    visualizer.dataset_meta = dict(classes=['left', 'right'])
    texts = []
    monkeypatch.setattr(visualizer, 'draw_texts', lambda text, **kwargs: texts.append(text))
    hook = HOOKS.build(
        dict(
            type='mvitv2_mm.VideoVisualizationHook',
            enable=True,
            interval=1,
            out_dir=str(tmp_path / 'shown')))
    sample = ActionDataSample(metainfo=dict(filename='clip.mp4'))
    sample.set_gt_label(1).set_pred_label(0).set_pred_score(torch.tensor([.75, .25]))
    batch = dict(inputs=[torch.randint(0, 255, shape, dtype=torch.uint8)])
    hook.after_test_iter(None, 0, batch, [sample])
    assert batch['inputs'][0].shape == shape and 'gt_labels' not in sample
    assert len(list((tmp_path / 'shown').rglob('*.png'))) == len(texts) == 4
    assert 'Ground truth: 1 (right)' in texts[0] and 'Prediction: 0, 0.75 (left)' in texts[0]
