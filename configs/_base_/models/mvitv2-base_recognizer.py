_base_ = './mvitv2_recognizer.py'

model = dict(backbone=dict(arch='base', input_size=(32, 224, 224), drop_path_rate=0.3))
