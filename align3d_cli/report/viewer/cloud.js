// The points of one part, unpacked: places about the part's middle, and what is known of each.

const NO_SCORE = 65535, NO_DEVIATION = 0; // as in points_payload.py
const SCORE_STEPS = 65534;
const ABSENT = -1e30; // of a deviation, for the shader
const LEVELS = 16; // of coarseness: the first 1/2, 1/4, .. 1/16 of the points are spread evenly over the part

class Cloud {
  // data: of points_payload; columns: of columnsOf; laid: {pose, about} of a twin: the row-major 4 x 4 that lays it
  // onto a part, and that part's middle, about which both turn
  constructor(data, columns, laid) {
    Object.assign(this, { n: data.shown, radius: data.radius, spacing: data.spacing });
    this.rows = coarseFirst(this.n);
    this.pose = laid ? new THREE.Matrix4().set(...laid.pose) : null;
    this.centre = laid?.about;
    this.score = reordered(columns.score, this.rows);
    this.region = columns.region && reordered(columns.region, this.rows);
    this.tint = columns.red && this.tints(columns);
    this.off = columns.deviation && this.deviations(columns.deviation, data.deviation_step);
    this.place(data, columns);
    this.counts = cumulative(this.score);
  }

  // Places in doubles first: a part of 1 m may lie 1 km from its file's origin.
  place(data, { x, y, z }) {
    const step = data.step, [ox, oy, oz] = data.origin;
    const at = new THREE.Vector3();
    const placed = (row) => {
      at.set(ox + step * x[row], oy + step * y[row], oz + step * z[row]);
      return this.pose ? at.applyMatrix4(this.pose) : at;
    };
    this.centre ??= this.middle(placed);
    this.places = new Float32Array(3 * this.n);
    for (let i = 0; i < this.n; i++) placed(this.rows[i]).sub(this.centre).toArray(this.places, 3 * i);
  }

  middle(placed) {
    const low = new THREE.Vector3(Infinity, Infinity, Infinity), high = low.clone().negate();
    for (let row = 0; row < this.n; row++) {
      const at = placed(row);
      low.min(at);
      high.max(at);
    }
    return low.add(high).multiplyScalar(0.5);
  }

  tints({ red, green, blue }) {
    const out = new Uint8Array(4 * this.n); // four a point: rows of three bytes are slow to read for a GPU
    this.rows.forEach((row, i) => out.set([red[row], green[row], blue[row], 255], 4 * i));
    return out;
  }

  deviations(column, step) {
    const out = new Float32Array(this.n);
    for (let i = 0; i < this.n; i++) {
      const told = column[this.rows[i]];
      out[i] = told === NO_DEVIATION ? ABSENT : (told - 32768) * step;
    }
    return out;
  }

  scoreOf(i) {
    return this.score[i] === NO_SCORE ? null : this.score[i] / SCORE_STEPS;
  }

  get topScore() {
    return this.top ??= this.counts.findLastIndex((count, step) => count > 0 && step < NO_SCORE) / SCORE_STEPS;
  }

  // How many points have this score at least.
  above(score) {
    return this.counts[Math.max(0, Math.ceil(score * SCORE_STEPS))] ?? 0;
  }

  // What the shader reads of it, uploaded when it is first drawn.
  get object() {
    return this.points ??= new THREE.Points(this.geometry(), null);
  }

  geometry() {
    const shape = new THREE.BufferGeometry();
    const scores = Float32Array.from(this.score, (step) => (step === NO_SCORE ? -1 : step / SCORE_STEPS));
    shape.setAttribute("position", new THREE.BufferAttribute(this.places, 3));
    shape.setAttribute("score", new THREE.BufferAttribute(scores, 1));
    if (this.tint) shape.setAttribute("tint", new THREE.BufferAttribute(this.tint, 4, true));
    if (this.region) shape.setAttribute("region", new THREE.BufferAttribute(Float32Array.from(this.region), 1));
    if (this.off) shape.setAttribute("off", new THREE.BufferAttribute(this.off, 1));
    return shape;
  }

  dispose() {
    this.points?.geometry.dispose();
    this.points = null;
  }
}

// Points lie along a curve, so every sixteenth is a thinner copy: sixteen copies, each filling gaps of those before.
function coarseFirst(n) {
  const rows = new Uint32Array(n);
  let i = 0;
  for (const start of [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15])
    for (let row = start; row < n; row += LEVELS) rows[i++] = row;
  return rows;
}

function reordered(column, rows) {
  const out = new column.constructor(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = column[rows[i]];
  return out;
}

// counts[s]: how many scores have step s or a higher one; points without a score count nowhere
function cumulative(score) {
  const counts = new Uint32Array(NO_SCORE + 1);
  for (const step of score) counts[step]++;
  counts[NO_SCORE] = 0;
  for (let step = NO_SCORE - 1; step >= 0; step--) counts[step] += counts[step + 1];
  return counts;
}
