_base_ = './mvitv2_classifier.py'

# A class token and no mixing. Unknown, so chosen: a new classifier; drop path, erasing, RandAugment
# and label smoothing as from scratch.
model = dict(
    backbone=dict(with_cls_token=True, out_type='cls_token'),
    train_cfg=dict(augments=dict(mix_prob=0.)))
