"""Names of every published layout, as tables that read in both directions.

The neutral names in the middle are this package's, except where a target decides: ``head`` is the
classifier, ``backbone.norm`` the norm of the last scale, ``.norm.`` the norm after a convolution of
a detector's neck or heads.

Source: instantiated models of each code base; see ``docs/checkpoints.md``.
"""
import re
from typing import List, Optional, Sequence, Tuple

Pairs = List[Tuple[str, str]]  # (their name, neutral name) with {i}, {x}, {rest} left open

_FIELDS = {'i': r'\d+', 'x': r'[^.]+', 'rest': r'.+'}


class KeyMap:
    """Renames by the first template pair that matches the whole name.

    Args:
        pairs (Pairs): Templates such as ``('norm.{x}', 'backbone.norm.{x}')``. ``{i}`` stands for
            a number, ``{x}`` for one part of a name, ``{rest}`` for all that follows.
    """

    def __init__(self, pairs: Pairs) -> None:
        self._to_neutral = [(_compile(theirs), neutral) for theirs, neutral in pairs]
        self._to_theirs = [(_compile(neutral), theirs) for theirs, neutral in pairs]

    def to_neutral(self, key: str) -> Optional[str]:
        """Neutral name of one of their names, None if the table does not know it."""
        return _rename(key, self._to_neutral)

    def to_theirs(self, key: str) -> Optional[str]:
        """Their name for a neutral name, None if the table does not know it."""
        return _rename(key, self._to_theirs)


def _compile(template: str) -> 're.Pattern':
    parts = re.split(r'\{(\w+)\}', template)
    return re.compile(''.join(f'(?P<{part}>{_FIELDS[part]})' if i % 2 else re.escape(part)
                              for i, part in enumerate(parts)))


def _rename(key: str, table: Sequence[Tuple['re.Pattern', str]]) -> Optional[str]:
    for pattern, template in table:
        match = pattern.fullmatch(key)
        if match:
            return template.format(**match.groupdict())
    return None


_META = [
    ('patch_embed.proj.{x}', 'backbone.patch_embed.projection.{x}'),
    ('blocks.{rest}', 'backbone.blocks.{rest}'),
    ('cls_token', 'backbone.cls_token'),
    ('pos_embed', 'backbone.pos_embed'),
]
# facebookresearch/mvit and SlowFast share these.
MVIT = KeyMap(_META + [('norm.{x}', 'backbone.norm.{x}'), ('head.projection.{x}', 'head.{x}')])

# SlowFast's MaskMViT has its last norm inside the prediction head.
MASKFEAT = KeyMap(_META + [
    ('mask_token', 'backbone.mask_token'),
    ('pred_head.transforms.0.0.{x}', 'backbone.norm.{x}'),
    ('pred_head.projections.0.{x}', 'neck.fc.{x}'),
])

_BLOCK = 'backbone.blocks.{i}.'
TORCHVISION = KeyMap([
    ('conv_proj.{x}', 'backbone.patch_embed.projection.{x}'),
    ('pos_encoding.class_token', 'backbone.cls_token'),
    ('blocks.{i}.attn.project.0.{x}', _BLOCK + 'attn.proj.{x}'),
    *[(f'blocks.{{i}}.attn.pool_{n}.pool.{{x}}', f'{_BLOCK}attn.pool_{n}.{{x}}') for n in 'qkv'],
    *[(f'blocks.{{i}}.attn.pool_{n}.norm_act.0.{{x}}', f'{_BLOCK}attn.norm_{n}.{{x}}')
      for n in 'qkv'],
    ('blocks.{i}.mlp.0.{x}', _BLOCK + 'mlp.fc1.{x}'),
    ('blocks.{i}.mlp.3.{x}', _BLOCK + 'mlp.fc2.{x}'),
    ('blocks.{i}.project.{x}', _BLOCK + 'proj.{x}'),
    ('blocks.{rest}', 'backbone.blocks.{rest}'),
    ('norm.{x}', 'backbone.norm.{x}'),
    ('head.1.{x}', 'head.{x}'),
])


def timm_key_map(stage_starts: Sequence[int], num_layers: int, in_attention: bool) -> KeyMap:
    """timm counts blocks inside stages and names the shortcut after where channels double.

    Args:
        stage_starts (Sequence[int]): First block of every stage but the first.
        num_layers (int): Number of blocks.
        in_attention (bool): Channels double in attention, not in the MLP.
    """
    starts = [0, *stage_starts]
    shortcut = 'shortcut_proj_attn' if in_attention else 'shortcut_proj_mlp'
    pairs = [('patch_embed.proj.{x}', 'backbone.patch_embed.projection.{x}'),
             ('cls_token', 'backbone.cls_token'), ('pos_embed', 'backbone.pos_embed'),
             ('norm.{x}', 'backbone.norm.{x}'), ('head.fc.{x}', 'head.{x}')]
    for i in range(num_layers):
        stage = sum(start <= i for start in starts) - 1
        theirs = f'stages.{stage}.blocks.{i - starts[stage]}'
        pairs.append((f'{theirs}.{shortcut}.{{x}}', f'backbone.blocks.{i}.proj.{{x}}'))
        pairs.append((f'{theirs}.{{rest}}', f'backbone.blocks.{i}.{{rest}}'))
    return KeyMap(pairs)


def _detectron2_pairs() -> Pairs:
    pairs = []
    for s in range(4):
        pairs.append((f'backbone.bottom_up.scale{s + 2}_norm.{{x}}', f'backbone.norm{s}.{{x}}'))
        for theirs, ours in (('lateral', 'lateral_convs'), ('output', 'fpn_convs')):
            theirs, ours = f'backbone.fpn_{theirs}{s + 2}', f'neck.{ours}.{s}'
            pairs += [(theirs + '.norm.{x}', ours + '.norm.{x}'),
                      (theirs + '.{x}', ours + '.conv.{x}')]
    pairs += [
        ('backbone.bottom_up.patch_embed.proj.{x}', 'backbone.patch_embed.projection.{x}'),
        ('backbone.bottom_up.blocks.{rest}', 'backbone.blocks.{rest}'),
        ('backbone.bottom_up.pos_embed', 'backbone.pos_embed'),
        ('proposal_generator.rpn_head.conv.conv{i}.{x}', 'rpn_head.rpn_conv.{i}.conv.{x}'),
        ('proposal_generator.rpn_head.conv.{x}', 'rpn_head.rpn_conv.{x}'),
        ('proposal_generator.rpn_head.objectness_logits.{x}', 'rpn_head.rpn_cls.{x}'),
        ('proposal_generator.rpn_head.anchor_deltas.{x}', 'rpn_head.rpn_reg.{x}'),
        ('roi_heads.mask_head.deconv.{x}', 'roi_head.mask_head.upsample.{x}'),
        ('roi_heads.mask_head.predictor.{x}', 'roi_head.mask_head.conv_logits.{x}'),
    ]
    heads = [('roi_heads.mask_head.mask_fcn', 'roi_head.mask_head.convs.')]
    for stage in ('', '.0', '.1', '.2'):  # Mask R-CNN has one box head, a cascade one per stage
        theirs, ours = f'roi_heads.box_head{stage}.', f'roi_head.bbox_head{stage}.'
        heads.append((theirs + 'conv', ours + 'shared_convs.'))
        pairs += [(f'{theirs}fc{n + 1}.{{x}}', f'{ours}shared_fcs.{n}.{{x}}') for n in range(2)]
        predictor = f'roi_heads.box_predictor{stage}.'
        pairs += [(predictor + 'cls_score.{x}', ours + 'fc_cls.{x}'),
                  (predictor + 'bbox_pred.{x}', ours + 'fc_reg.{x}')]
    for theirs, ours in heads:
        for n in range(4):
            pairs += [(f'{theirs}{n + 1}.norm.{{x}}', f'{ours}{n}.norm.{{x}}'),
                      (f'{theirs}{n + 1}.{{x}}', f'{ours}{n}.conv.{{x}}')]
    return pairs


# the tables of the layouts whose names do not depend on the architecture
KEY_MAPS = dict(
    mvit=MVIT,
    slowfast=MVIT,
    maskfeat=MASKFEAT,
    torchvision=TORCHVISION,
    detectron2=KeyMap(_detectron2_pairs()))
