_base_ = './default_runtime_recognition.py'
custom_imports = dict(imports=['mvitv2_mm.repairs', 'mvitv2_mm.models.mmaction.pooled_mvit_head'])
