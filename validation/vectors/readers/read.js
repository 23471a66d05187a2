// Golden vectors in JavaScript. Prints every number as "op id field index hex", after decoding it.
// node read.js refimpl/vectors/sorting.swap.json ...
// Bits are safe where decimal numbers are not: JSON has no NaN, no infinity, and some parsers lose -0.
const fs = require("fs");

// An array in bits, big-endian and in C order, as Float64Array or Float32Array.
function decode(array) {
  const single = array.dtype === "f32", digits = single ? 8 : 16;
  const count = array.hex.length / digits, view = new DataView(new ArrayBuffer(array.hex.length / 2));
  for (let k = 0; k < view.byteLength; k++) view.setUint8(k, parseInt(array.hex.slice(2 * k, 2 * k + 2), 16));
  const numbers = single ? new Float32Array(count) : new Float64Array(count);
  for (let k = 0; k < count; k++) numbers[k] = single ? view.getFloat32(4 * k) : view.getFloat64(8 * k);
  return numbers;
}

function hex(number, single) {
  const view = new DataView(new ArrayBuffer(single ? 4 : 8));
  if (single) view.setFloat32(0, number); else view.setFloat64(0, number);
  return Array.from(new Uint8Array(view.buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const lines = [];
for (const file of process.argv.slice(2)) {
  const [header, ...cases] = JSON.parse(fs.readFileSync(file, "utf8"));
  for (const one of cases)
    for (const section of ["args", "cotangents", "grads", "outputs"])
      for (const [name, array] of Object.entries(one[section] ?? {}))
        if (array.hex !== undefined)
          decode(array).forEach((x, k) =>
            lines.push(`${header.op} ${one.id} ${section}.${name} ${k} ${hex(x, array.dtype === "f32")}`));
}
process.stdout.write(lines.map((line) => line + "\n").join(""));
