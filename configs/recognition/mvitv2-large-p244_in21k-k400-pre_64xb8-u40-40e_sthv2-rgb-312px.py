_base_ = [
    '../_base_/models/mvitv2-large_recognizer_sthv2.py',
    '../_base_/datasets/sthv2_u40-312px.py',
    '../_base_/schedules/sthv2_sgd_40e.py',
    '../_base_/default_runtime_recognition.py',
]

model = dict(backbone=dict(init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-large-40x3_k400')))
