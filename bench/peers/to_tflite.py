"""Writes a converted backbone (ONNX) as LiteRT files with the same weights: fp32 and full int8.

usage: to_tflite.py MODEL.onnx PICTURES.u8 OUT_FP32.tflite OUT_INT8.tflite MEAN STD
PICTURES.u8 holds N x S x S x 3 bytes, the pictures that the int8 ranges are calibrated on. The
network is built again in TensorFlow, layer by layer: Conv with TensorFlow's own SAME padding (which
the EfficientNet-Lite family has), Clip, Add, GlobalAveragePool, Flatten. Needs tensorflow and onnx.
"""

import sys

import numpy as np
import onnx
import tensorflow as tf
from onnx import numpy_helper

model_path, pictures_path, out_fp32, out_int8, mean, std = sys.argv[1:7]
graph = onnx.load(model_path).graph
constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
shape = [dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim]
size = shape[2]


def attribute(node, name, default):
    for found in node.attribute:
        if found.name == name:
            return onnx.helper.get_attribute_value(found)
    return default


def same_padding(side, kernel, stride):
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return [total // 2, total - total // 2]


def convolution(node, x):
    weights = constants[node.input[1]]
    stride = attribute(node, 'strides', [1, 1])[0]
    pads = attribute(node, 'pads', [0, 0, 0, 0])
    padding = 'VALID' if sum(pads) == 0 else 'SAME'
    if padding == 'SAME' and [pads[0], pads[2]] != same_padding(x.shape[1], weights.shape[2], stride):
        raise SystemExit(f'{node.name}: padding {pads} is not SAME')
    if attribute(node, 'group', 1) == 1:
        y = tf.nn.conv2d(x, weights.transpose(2, 3, 1, 0), stride, padding)
    else:
        kernel = weights.transpose(2, 3, 0, 1)
        y = tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], padding)
    return tf.nn.bias_add(y, constants[node.input[2]])


@tf.function(input_signature=[tf.TensorSpec([1, size, size, 3], tf.float32)])
def network(image):
    tensors = {graph.input[0].name: image}
    for node in graph.node:
        x = tensors.get(node.input[0])
        if node.op_type == 'Conv':
            y = convolution(node, x)
        elif node.op_type == 'Clip':
            low, high = (float(constants[name]) for name in node.input[1:3])
            if (low, high) != (0.0, 6.0):
                raise SystemExit(f'{node.name}: a clip to {low}..{high} is not relu6')
            y = tf.nn.relu6(x)
        elif node.op_type == 'Add':
            y = x + tensors[node.input[1]]
        elif node.op_type == 'GlobalAveragePool':
            y = tf.reduce_mean(x, [1, 2])
        elif node.op_type == 'Flatten':
            y = x
        else:
            raise SystemExit(f'{node.op_type} is not known here')
        tensors[node.output[0]] = y
    return tensors[graph.output[0].name]


def converter():
    return tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])


def write(path, content):
    with open(path, 'wb') as file:
        file.write(content)


pictures = np.fromfile(pictures_path, np.uint8).reshape(-1, 1, size, size, 3)
write(out_fp32, converter().convert())
quantized = converter()
quantized.optimizations = [tf.lite.Optimize.DEFAULT]
quantized.representative_dataset = lambda: (
    [(picture.astype(np.float32) - float(mean)) / float(std)] for picture in pictures
)
quantized.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
write(out_int8, quantized.convert())
