"use strict";
// Run a folder of TensorFlow.js on arrays: node _run_tfjs.cjs FOLDER GIVEN.json FOUND.json
// Arrays are {shape, dtype, data}, their data in base64; TensorFlow.js is that of the current folder.

const fs = require("fs");
const path = require("path");
const tf = require("module").createRequire(path.join(process.cwd(), "_"))("@tensorflow/tfjs");

const KINDS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

function artifacts(folder) {
  const model = JSON.parse(fs.readFileSync(path.join(folder, "model.json"), "utf8"));
  const files = model.weightsManifest.flatMap((group) => group.paths);
  const weights = Buffer.concat(files.map((name) => fs.readFileSync(path.join(folder, name))));
  return {
    ...model,
    weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
    weightData: new Uint8Array(weights).buffer,
  };
}

function read({ shape, dtype, data }) {
  const bytes = new Uint8Array(Buffer.from(data, "base64")).buffer;
  return tf.tensor(new KINDS[dtype](bytes), shape, dtype);
}

function written(tensor) {
  const values = tensor.dataSync();
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return { shape: tensor.shape, dtype: tensor.dtype, data: bytes.toString("base64") };
}

async function main(folder, given, found) {
  await tf.ready();
  const model = await tf.loadGraphModel({ load: async () => artifacts(folder) });
  const arrays = Object.entries(JSON.parse(fs.readFileSync(given, "utf8")));
  const inputs = Object.fromEntries(arrays.map(([name, one]) => [name, read(one)]));
  const outputs = Object.entries(model.predict(inputs));
  const answers = Object.fromEntries(outputs.map(([name, one]) => [name, written(one)]));
  fs.writeFileSync(found, JSON.stringify(answers));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(String(error.message || error).replace(/\s+/g, " "));
  process.exit(1);
});
