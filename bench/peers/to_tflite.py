"""Writes a backbone as LiteRT files with the same weights: fp32 and full int8 (float in and out).

usage: to_tflite.py REQUEST.json PICTURES.u8 OUT_FP32.tflite OUT_INT8.tflite
REQUEST.json is what bench/inference.ts writes for all peers: layers and where their weights lie.
PICTURES.u8 holds N x S x S x 3 bytes, the pictures that the int8 ranges are calibrated on. The
network is built again in TensorFlow, layer by layer, with TensorFlow's own SAME padding, which the
EfficientNet-Lite family has; any other padding is refused. Needs tensorflow.
"""

import json
import sys

import numpy as np
import tensorflow as tf

request_path, pictures_path, out_fp32, out_int8 = sys.argv[1:5]
with open(request_path) as file:
    request = json.load(file)
weights = np.fromfile(request["weights"], np.float32)
size = request["size"]


def constant(entry):
    begin = entry["offset"]
    return weights[begin : begin + int(np.prod(entry["shape"]))].reshape(entry["shape"])


def same_padding(side, kernel, stride):
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return [total // 2, total - total // 2]


def convolution(layer, x):
    kernel, stride, pads = constant(layer["weights"]), layer["stride"], layer["pads"]
    padding = "VALID" if sum(pads) == 0 else "SAME"
    if padding == "SAME" and [pads[0], pads[2]] != same_padding(x.shape[1], kernel.shape[2], stride):
        raise SystemExit(f"{layer['output']}: padding {pads} is not SAME")
    if layer["group"] == 1:
        y = tf.nn.conv2d(x, kernel.transpose(2, 3, 1, 0), stride, padding)
    else:
        y = tf.nn.depthwise_conv2d(x, kernel.transpose(2, 3, 0, 1), [1, stride, stride, 1], padding)
    return tf.nn.bias_add(y, constant(layer["bias"]))


@tf.function(input_signature=[tf.TensorSpec([1, size, size, 3], tf.float32)])
def network(image):
    tensors = {request["input"]: image}
    for layer in request["layers"]:
        x = tensors[layer["inputs"][0]]
        if layer["op"] == "Conv":
            y = convolution(layer, x)
        elif layer["op"] == "Clip":
            y = tf.nn.relu6(x)
        elif layer["op"] == "Add":
            y = x + tensors[layer["inputs"][1]]
        elif layer["op"] == "GlobalAveragePool":
            y = tf.reduce_mean(x, [1, 2])
        else:
            y = x
        tensors[layer["output"]] = y
    return y


def converter():
    return tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


pictures = np.fromfile(pictures_path, np.uint8).reshape(-1, 1, size, size, 3)
mean, std = np.float32(request["mean"]), np.float32(request["std"])
write(out_fp32, converter().convert())
quantized = converter()
quantized.optimizations = [tf.lite.Optimize.DEFAULT]
quantized.representative_dataset = lambda: ([(picture - mean) / std] for picture in pictures)
quantized.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
write(out_int8, quantized.convert())
