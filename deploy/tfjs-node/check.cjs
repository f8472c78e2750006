// Loads tfjs-node from a directory and lets it compute: `node check.cjs DIRECTORY`.
const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');
const util = require('node:util');

// tfjs-node 4.22 calls what Node 22 warns of and Node 23 removed.
util.isNullOrUndefined = (value) => value === null || value === undefined;
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';

const from = createRequire(join(resolve(process.argv[2]), 'package.json'));
let tf;
try {
  tf = from('@tensorflow/tfjs-node');
} catch (error) {
  console.error(`tfjs-node does not load: ${error.message}`);
  process.exit(1);
}
const product = [...tf.matMul([[1, 2]], [[3], [4]]).dataSync()];
const summed = tf.conv2d(tf.ones([1, 4, 4, 2]), tf.ones([3, 3, 2, 1]), 2, 'same');
const corners = [...summed.dataSync()];
if (tf.getBackend() !== 'tensorflow' || product[0] !== 11 || corners.join() !== '18,12,12,8') {
  console.error(`tfjs-node computes wrongly: ${tf.getBackend()} ${product} ${corners}`);
  process.exit(1);
}
console.log(
  `tfjs-node ${tf.version['tfjs-node']} computes with TensorFlow ${tf.backend().binding.TF_Version}`,
);
