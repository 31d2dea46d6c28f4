# as in detectron2's ViTDet project: the model pads, after normalisation
_base_ = './coco_instance_lsj.py'

from mvitv2_mm.config_edit import edit

train_pipeline = edit(_base_.train_pipeline, Pad=None)
test_pipeline = edit(_base_.test_pipeline, Resize=dict(scale=(1024, 1024)))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
