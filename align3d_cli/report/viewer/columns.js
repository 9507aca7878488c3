// Whole numbers as packing.py packed them: base64, deflate, each row's step from the row before, low bytes before high.

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// kinds: [[name, bits], ..] of n rows each. Returns {name: Uint8Array or Uint16Array}.
function columnsOf(bytes, n, kinds) {
  const columns = {};
  let at = 0;
  for (const [name, bits] of kinds) {
    columns[name] = bits === 8 ? summed8(bytes, at, n) : summed16(bytes, at, n);
    at += (n * bits) / 8;
  }
  return columns;
}

function summed8(bytes, at, n) {
  const out = new Uint8Array(n); // wraps around as the steps do
  for (let i = 0, sum = 0; i < n; i++) out[i] = sum += bytes[at + i];
  return out;
}

function summed16(bytes, at, n) {
  const out = new Uint16Array(n);
  for (let i = 0, sum = 0; i < n; i++) out[i] = sum = (sum + bytes[at + i] + 256 * bytes[at + n + i]) & 0xffff;
  return out;
}
