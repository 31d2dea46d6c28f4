"""What names and shapes tell about an architecture where the usual signs are missing."""
import torch
from oracles import ARCH, FRAMES, SIZE, randomise, to_meta, video_net

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
    assert load_into(target, tmp_path / 'f').is_complete
    assert all(map(torch.equal, target.state_dict().values(), source.state_dict().values()))
