"""Files without the usual signs: what they are, and what they are not said to lack."""
import torch
from oracles import ARCH, FRAMES, SIZE, image_net, randomise, to_meta, video_net

from mvitv2_mm.checkpoints import load_into
from mvitv2_mm.checkpoints.infer import infer_arch
from mvitv2_mm.models import MaskFeat


def test_maskfeat_without_tables_is_told_by_its_mask_token():
    model = MaskFeat(
        dict(
            type='mvitv2_mm.MaskFeatMViTv2',
            input_size=(FRAMES, SIZE, SIZE),
            rel_pos_embed=False,
            arch=dict(ARCH, downscale_indices=[1, 2], dim_mul_indices=[1, 2, 3])))
    state = model.backbone.state_dict()
    assert infer_arch(state).downscale_indices == (1, 2)
    del state['mask_token']
    assert infer_arch(state).downscale_indices == (1, 2, 3)


def test_video_kernels_of_one_frame_are_no_image_kernels(tmp_path):
    patch = dict(kernel_size=(1, 7, 7), stride=(2, 4, 4), padding=(0, 3, 3))
    source, target = (
        randomise(video_net(pool_kernel=(1, 3, 3), patch_cfg=patch)) for _ in range(2))
    source.backbone.patch_embed.projection.weight.data.mul_(2)
    torch.save({'model_state': to_meta(source.state_dict())}, tmp_path / 'f')
    report = load_into(target, tmp_path / 'f')
    assert report.is_complete and not report.of('inflated')
    assert all(map(torch.equal, target.state_dict().values(), source.state_dict().values()))


def test_counters_of_batch_norms_are_not_missed(tmp_path):
    """detectron2 has none."""
    source, target = image_net(), image_net()
    source.neck, target.neck = torch.nn.BatchNorm2d(4), torch.nn.BatchNorm2d(4)
    state = {k: v for k, v in source.state_dict().items() if not k.endswith('_tracked')}
    torch.save({'state_dict': state}, tmp_path / 'f')
    assert load_into(target, tmp_path / 'f').is_complete
    # all else that the file lacks is told
    torch.save(source.backbone.state_dict(), tmp_path / 'g')
    assert not load_into(target, tmp_path / 'g').is_complete
