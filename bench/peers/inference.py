"""One peer of bench/inference.ts: runs the same weights with another runtime, on one thread.

usage: inference.py RUNTIME[+opencv] REQUEST.json, RUNTIME: litert-fp32, litert-int8, torch, opencv.
Prints {"ready": ..., "version": ..., "decoder": ...} or {"missing": reason} and then, for each line
"N" on standard input, classifies the next N pictures and prints their milliseconds: {"engine_ms",
"frame_ms"} each, and "cpu_ms" of processor time per frame. A frame is what it is for us: read the
JPEG file, decode, scale, normalise, network, head. A line {"pictures": [FILE ...], "to": FILE} writes
their features, float32, instead and is answered by {"written": N}. Pillow scales as we do (cubic, anti-aliased);
with +opencv OpenCV does, quicker and to other pixels (linear, not anti-aliased).
"""

import json
import sys
import time

runtime, _, wanted_decoder = sys.argv[1].partition("+")
request_path = sys.argv[2]


def say(answer):
    print(json.dumps(answer), flush=True)


def torch_network(request):
    import torch

    torch.set_num_threads(1)
    raw = open(request["weights"], "rb").read()

    def constant(entry):
        values = torch.frombuffer(bytearray(raw), dtype=torch.float32)
        begin, shape = entry["offset"], entry["shape"]
        count = 1
        for side in shape:
            count *= side
        return values[begin : begin + count].reshape(shape).clone()

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            layers = {}
            for i, layer in enumerate(request["layers"]):
                if layer["op"] != "Conv":
                    continue
                weights, pads = constant(layer["weights"]), layer["pads"]
                even = pads[0] == pads[2] and pads[1] == pads[3]
                conv = torch.nn.Conv2d(
                    weights.shape[1] * layer["group"],
                    weights.shape[0],
                    weights.shape[2],
                    layer["stride"],
                    padding=pads[0] if even else 0,
                    groups=layer["group"],
                )
                conv.weight.data = weights
                conv.bias.data = constant(layer["bias"])
                pad = torch.nn.ZeroPad2d((pads[1], pads[3], pads[0], pads[2]))
                layers[str(i)] = conv if even else torch.nn.Sequential(pad, conv)
            self.layers = torch.nn.ModuleDict(layers)

        def forward(self, x):
            tensors = {request["input"]: x}
            for i, layer in enumerate(request["layers"]):
                a = tensors[layer["inputs"][0]]
                op = layer["op"]
                if op == "Conv":
                    y = self.layers[str(i)](a)
                elif op == "Clip":
                    y = torch.nn.functional.relu6(a)
                elif op == "Add":
                    y = a + tensors[layer["inputs"][1]]
                elif op == "GlobalAveragePool":
                    y = a.mean((2, 3), keepdim=True)
                else:
                    y = a.flatten(1)
                tensors[layer["output"]] = y
            return y

    size = request["size"]
    with torch.inference_mode():
        network = torch.jit.trace(Network().eval(), torch.zeros(1, 3, size, size))
        network = torch.jit.optimize_for_inference(torch.jit.freeze(network.eval()))

    def run(x):
        with torch.inference_mode():
            return network(torch.from_numpy(x)).numpy()[0]

    return run, "NCHW", torch.__version__


def opencv_network(request):
    import cv2

    cv2.setNumThreads(1)
    network = cv2.dnn.readNetFromONNX(request["onnx"])

    def run(x):
        network.setInput(x)
        return network.forward().reshape(-1)

    return run, "NCHW", cv2.__version__


def litert_network(path):
    import ai_edge_litert
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    entrance = interpreter.get_input_details()[0]["index"]
    exit_ = interpreter.get_output_details()[0]["index"]

    def run(x):
        interpreter.set_tensor(entrance, x)
        interpreter.invoke()
        return interpreter.get_tensor(exit_).reshape(-1)

    return run, "NHWC", getattr(ai_edge_litert, "__version__", "?")


def picture_decoder(size):
    if wanted_decoder == "opencv":
        import cv2

        cv2.setNumThreads(1)

        def decode(raw):
            picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
            picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR)
            return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)

        return decode, f"OpenCV {cv2.__version__}, linear"

    import io

    import PIL
    from PIL import Image

    def decode(raw):
        picture = Image.open(io.BytesIO(raw)).convert("RGB")
        return np.asarray(picture.resize((size, size), Image.BICUBIC))

    return decode, f"Pillow {PIL.__version__}, cubic"


try:
    import numpy as np

    with open(request_path) as file:
        request = json.load(file)
    if runtime == "torch":
        network, layout, version = torch_network(request)
    elif runtime == "opencv":
        network, layout, version = opencv_network(request)
    else:
        network, layout, version = litert_network(request[runtime])
    decode, decoder = picture_decoder(request["size"])
except Exception as error:  # A peer that is not installed is no failure of the benchmark.
    say({"missing": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"})
    sys.exit()

mean, std = np.float32(request["mean"]), np.float32(request["std"])
head = np.fromfile(request["head"], np.float32).reshape(-1, request["feature_size"])
pictures = request["pictures"]


def frame(path):
    begin = time.perf_counter()
    with open(path, "rb") as file:
        raw = file.read()
    x = (decode(raw).astype(np.float32) - mean) / std
    x = np.ascontiguousarray(x.transpose(2, 0, 1) if layout == "NCHW" else x)[None]
    entered = time.perf_counter()
    features = network(x)
    left = time.perf_counter()
    logits = head @ np.sqrt(np.maximum(features, 0))
    np.exp(logits - logits.max())
    return features, 1000 * (left - entered), 1000 * (time.perf_counter() - begin)


features, _, _ = frame(pictures[0])
say(
    {
        "ready": True,
        "version": version,
        "decoder": decoder,
        "python": sys.version.split()[0],
        "features": [float(value) for value in features],
    }
)
position = 0
for line in sys.stdin:
    if line.startswith("{"):
        task = json.loads(line)
        rows = [frame(path)[0] for path in task["pictures"]]
        np.concatenate(rows).astype(np.float32).tofile(task["to"])
        say({"written": len(rows)})
        continue
    engine_ms, frame_ms = [], []
    began = time.process_time()
    frames = int(line)
    for _ in range(frames):
        _, engine, whole = frame(pictures[position % len(pictures)])
        position += 1
        engine_ms.append(engine)
        frame_ms.append(whole)
    cpu_ms = 1000 * (time.process_time() - began) / frames
    say({"engine_ms": engine_ms, "frame_ms": frame_ms, "cpu_ms": cpu_ms})
