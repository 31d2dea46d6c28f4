"""Recognise where a state dict comes from, and bring it to neutral names and shapes."""
import re
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import torch
from torch import Tensor

from .infer import ArchInfo, infer_arch
from .io import CheckpointError
from .keymaps import KEY_MAPS, KeyMap, timm_key_map

# Where OpenMMLab keeps a classifier: images, clips, actions in boxes (AVA).
CLASSIFIERS = ('head.fc', 'cls_head.fc_cls', 'roi_head.bbox_head.fc_cls')
CONV_NORMS = ('bn', 'ln', 'norm_layer')  # mmcv names a convolution's norm after its class
_CONV_NORM = re.compile(rf'((?:neck|roi_head)\..+\.)({"|".join(CONV_NORMS)})(\.[^.]+)')

LABELS = {
    'mvit': 'facebookresearch/mvit',
    'slowfast': 'SlowFast',
    'maskfeat': 'SlowFast MaskFeat pre-training',
    'detectron2': 'detectron2',
    'torchvision': 'torchvision',
    'timm': 'timm',
}
_PRETRAINING = 'only used in pre-training'
_IGNORED = [
    (r'hogs\..+', 'constants of the MaskFeat target'),
    (r'(decoder_embed|decoder_pos_embed|dec_pos_embed|pred_head|mask_token).*', _PRETRAINING),
    (r'pixel_(mean|std)', 'belongs to the data preprocessor'),
    (r'proposal_generator\.anchor_generator\.cell_anchors\..+', 'computed from the config'),
    (r'roi_heads\.box_predictor\..*fed_loss_cls_weights', 'only used by the federated loss'),
]
# Layouts that share names with ours but not the architecture.
_UNSUPPORTED = [
    (r'rev_backbone\..+', 'a reversible MViT'),
    (r'norm_stem\..+', 'an MViTv1 (with a norm after the patch embedding)'),
    (r'patch_embed\.patch_model\..+|cls_positional_encoding\..+', 'a pytorchvideo MViTv1'),
    (r'(backbone\.)?stages\.\d+\.downsample.*', 'a convolutional or Swin network'),
]


@dataclass
class Source:
    """A checkpoint under neutral names.

    ``origin`` maps each neutral name to the name in the file, ``ignored`` lists the names in the
    file that no model needs, with the reason.
    """
    path: str
    format: str
    label: str
    arch: ArchInfo
    tensors: Dict[str, Tensor]
    origin: Dict[str, str]
    ignored: List[Tuple[str, str]] = field(default_factory=list)

    def describe(self) -> str:
        """One line for people."""
        return f'{self.label} checkpoint of {self.arch.describe()}'

    @property
    def title(self) -> str:
        """File, layout, architecture and number of parameters."""
        statistics = ('running_mean', 'running_var', 'num_batches_tracked')
        num_params = sum(value.numel() for key, value in self.tensors.items()
                         if not key.endswith(statistics))
        return f'{self.path}: {self.describe()}, {num_params:,} parameters'


def recognise(state: Mapping[str, Tensor]) -> Optional[str]:
    """Tell the layout from the names alone; None if it is no MViTv2 this package knows."""
    if 'conv_proj.weight' in state and 'blocks.0.attn.qkv.weight' in state:
        return 'torchvision'
    if 'stages.0.blocks.0.attn.pool_q.weight' in state:
        return 'timm'
    for prefix in ('backbone.', ''):
        if prefix + 'patch_embed.projection.weight' in state:
            return 'openmmlab' if prefix + 'blocks.0.attn.pool_q.weight' in state else None
    for prefix in ('backbone.bottom_up.', 'bottom_up.'):
        if prefix + 'blocks.0.attn.pool_q.weight' in state:
            return 'detectron2'
    if 'patch_embed.proj.weight' not in state or 'blocks.0.attn.pool_q.weight' not in state:
        return None
    if any(key.startswith('scale5_norm.') for key in state):
        return 'detectron2'
    if 'pred_head.projections.0.weight' in state:
        return 'maskfeat'
    return 'mvit' if state['blocks.0.attn.pool_q.weight'].dim() == 4 else 'slowfast'


def parse(state: Mapping[str, Tensor], path: str) -> Source:
    """Bring a state dict of any known layout to neutral names and shapes.

    Args:
        state (Mapping[str, Tensor]): Tensors as :func:`io.unwrap` returns them.
        path (str): File name for messages.

    Raises:
        CheckpointError: If the layout is unknown, is another architecture, or has names that are
            neither mapped nor known to be superfluous.
    """
    layout = recognise(state)
    others = (what for pattern, what in _UNSUPPORTED
              if any(map(re.compile(pattern).fullmatch, state)))
    other = next(others, '')
    if layout is None:
        what = f'it looks like {other}' if other else \
            f'its tensors are named {", ".join(list(state)[:3])}, ...'
        raise CheckpointError(f'{path} is not an MViTv2 checkpoint: {what}. Give weights of mvit, '
                              'SlowFast, detectron2, torchvision, timm or OpenMMLab.')
    if other:
        raise CheckpointError(f'{path} is {other}, which this package does not implement. Give '
                              'MViTv2 weights.')
    state = _unify(dict(state))
    try:
        if layout == 'openmmlab':
            return _parse_openmmlab(state, path)
        return _parse_foreign(state, layout, path)
    except ValueError as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f'{path} is not an MViTv2 checkpoint: {error}.') from None


def _unify(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Undo the variants inside Meta's layouts: backbone prefix, split qkv, split positions."""
    for start, prefix in (('bottom_up.', 'backbone.'), ('scale5_norm.', 'backbone.bottom_up.')):
        if any(key.startswith(start) for key in state):
            state = {prefix + key: value for key, value in state.items()}
    for key in list(state):
        match = re.fullmatch(r'(blocks\.\d+\.attn\.)q\.(weight|bias)', key)
        if match:
            parts = [state.pop(f'{match[1]}{name}.{match[2]}') for name in 'qkv']
            state[f'{match[1]}qkv.{match[2]}'] = torch.cat(parts)
    spatial = state.pop('pos_embed_spatial', state.pop('pos_embed_xy', None))
    if spatial is not None and 'pos_embed_temporal' in state:
        temporal = state.pop('pos_embed_temporal')
        # token (t, h, w) gets temporal[t] + spatial[h, w]
        position = temporal[:, :, None] + spatial[:, None]
        extra = state.pop('pos_embed_class', position[:, :0, 0])
        state['pos_embed'] = torch.cat([extra, position.flatten(1, 2)], dim=1)
    return state


def _parse_foreign(state: Dict[str, Tensor], layout: str, path: str) -> Source:
    key_map = timm_names(state) if layout == 'timm' else KEY_MAPS[layout]
    tensors, origin, ignored, unknown = {}, {}, [], []
    for key, value in state.items():
        neutral = key_map.to_neutral(key)
        reason = next((why for pattern, why in _IGNORED if re.fullmatch(pattern, key)), None)
        if neutral is not None:
            tensors[neutral], origin[neutral] = value, key
        elif reason is not None:
            ignored.append((key, reason))
        else:
            unknown.append(key)
    if unknown:
        raise CheckpointError(f'{path} looks like a {LABELS[layout]} checkpoint, but has '
                              f'{len(unknown)} tensors that belong to none ({unknown[0]}, ...). '
                              'Remove them if they are not needed.')
    tensors = _neutral_shapes(tensors)
    arch = infer_arch(backbone_of(tensors), _num_classes(tensors))
    return Source(path, layout, LABELS[layout], arch, tensors, origin, ignored)


def timm_names(state: Mapping[str, Tensor]) -> KeyMap:
    """timm's renaming table for the stages and shortcuts found in ``state``."""
    blocks = sorted({
        tuple(map(int, m.groups()))
        for m in map(re.compile(r'stages\.(\d+)\.blocks\.(\d+)\.').match, state) if m
    })
    starts = [i for i, (_, block) in enumerate(blocks) if block == 0 and i > 0]
    in_mlp = any('shortcut_proj_mlp' in key for key in state)
    return timm_key_map(starts, len(blocks), not in_mlp)


def _neutral_shapes(tensors: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Class token (1, 1, C); kernels of an image model 4-D, whatever rank they were stored in."""
    token, patch = 'backbone.cls_token', tensors.get('backbone.patch_embed.projection.weight')
    if token in tensors:
        tensors[token] = tensors[token].reshape(1, 1, -1)
    has_time = any(key.endswith('rel_pos_t') for key in tensors)
    if patch is not None and (patch.dim() == 4 or patch.shape[2] == 1) and not has_time:
        for key, value in tensors.items():
            if value.dim() == 5 and value.shape[2] == 1:
                tensors[key] = value.squeeze(2)
    return tensors


def _parse_openmmlab(state: Dict[str, Tensor], path: str) -> Source:
    bare = 'patch_embed.projection.weight' in state
    if bare:
        state = {'backbone.' + key: value for key, value in state.items()}
    state = _merge_mask_heads(state)
    arch = infer_arch(backbone_of(state))
    norms = {key for key in state if re.fullmatch(r'backbone\.norm\d+\.weight', key)}
    single_norm = norms == {f'backbone.norm{arch.last_scale}.weight'}
    classifiers = CLASSIFIERS[:2] if 'rpn_head.rpn_cls.weight' in state else CLASSIFIERS
    tensors, origin = {}, {}
    for key, value in state.items():
        neutral = _CONV_NORM.sub(r'\1norm\3', key)
        if single_norm:
            neutral = neutral.replace(f'backbone.norm{arch.last_scale}.', 'backbone.norm.')
        for name in classifiers:
            if key.startswith(name + '.'):
                neutral = 'head' + key[len(name):]
        tensors[neutral] = value
        origin[neutral] = key[len('backbone.'):] if bare else key
    arch = infer_arch(backbone_of(tensors), _num_classes(tensors))
    return Source(path, 'openmmlab', _openmmlab_label(tensors, arch.ndim), arch, tensors, origin)


def _merge_mask_heads(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Make one mask head of the equal copies that a stock cascade has for its stages."""
    prefix = 'roi_head.mask_head.'
    first, *others = (_without_prefix(state, f'{prefix}{stage}.') for stage in range(3))
    for other in others:
        if not first or other.keys() != first.keys() or not all(
                torch.equal(other[key], first[key]) for key in first):
            return state
    stage = re.compile(re.escape(prefix) + r'\d\.')
    merged = {key: value for key, value in state.items() if not stage.match(key)}
    merged.update({prefix + key: value for key, value in first.items()})
    return merged


def _openmmlab_label(tensors: Mapping[str, Tensor], ndim: int) -> str:
    if 'rpn_head.rpn_cls.weight' in tensors:
        return 'OpenMMLab (mmdet)'
    if 'backbone.mask_token' in tensors:
        return 'OpenMMLab (mmselfsup MaskFeat)'
    return 'OpenMMLab (mmaction2)' if ndim == 3 else 'OpenMMLab (mmpretrain)'


def _without_prefix(tensors: Mapping[str, Tensor], prefix: str) -> Dict[str, Tensor]:
    return {k[len(prefix):]: value for k, value in tensors.items() if k.startswith(prefix)}


def backbone_of(tensors: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """The backbone's tensors, without the prefix."""
    return _without_prefix(tensors, 'backbone.')


def _num_classes(tensors: Mapping[str, Tensor]) -> Optional[int]:
    classifiers = ('head.weight', 'roi_head.mask_head.conv_logits.weight')
    return next((len(tensors[key]) for key in classifiers if key in tensors), None)


def candidates(neutral: str, arch: ArchInfo, tensors: Mapping[str, Tensor]) -> Sequence[str]:
    """OpenMMLab names a neutral name may have, the usual one first.

    Args:
        neutral (str): Neutral name.
        arch (ArchInfo): Architecture of the checkpoint.
        tensors (Mapping[str, Tensor]): All tensors of the checkpoint.
    """
    if neutral.startswith('backbone.norm.'):
        return [neutral.replace('.norm.', f'.norm{arch.last_scale}.')]
    if neutral.startswith('head.'):
        names = CLASSIFIERS if arch.ndim == 2 else CLASSIFIERS[1:] + CLASSIFIERS[:1]
        return [name + neutral[4:] for name in names]
    if re.match(r'(neck|roi_head)\..+\.norm\.[^.]+$', neutral):
        stem, _, name = neutral.rpartition('.norm.')
        has_statistics = f'{stem}.norm.running_mean' in tensors
        order = CONV_NORMS if has_statistics else CONV_NORMS[1:]
        neutrals = [f'{stem}.{norm}.{name}' for norm in order]
    else:
        neutrals = [neutral]
    if neutral.startswith('roi_head.mask_head.') and not neutral[19:20].isdigit():
        # One mask head, or a copy for every stage of a stock cascade.
        neutrals += [
            n.replace('mask_head.', f'mask_head.{stage}.') for stage in range(3) for n in neutrals
        ]
    return neutrals
