_base_ = './mvitv2_recognizer_sthv2.py'

model = dict(backbone=dict(arch='base', input_size=(32, 224, 224)))
