// From where a part is seen: one pose for all panes of a viewer, about each part's own middle.

const FILL = 0.46; // of the shorter side of a pane for the radius of a part: all of it, with a margin

class Pose {
  // home: row-major rotation from the cloud to the camera that the first view has (x right, y down, z forward)
  // from: unit vector in the cloud to the side that is seen first: whoever opens a part sees at once where it glows
  constructor(home, from) {
    const [a, b, c, d, e, f, g, h, i] = home;
    const seen = new THREE.Matrix4().set(a, b, c, 0, -d, -e, -f, 0, -g, -h, -i, 0, 0, 0, 0, 1); // y up, z to the eye
    this.home = new THREE.Quaternion().setFromRotationMatrix(seen);
    this.reset();
    if (!from) return;
    this.home = this.lookingAt(this.aim, from, 1).turn;
    this.reset();
  }

  reset() {
    this.take({ turn: this.home, aim: new THREE.Vector3(), zoom: 1 });
  }

  // turn: rotation from the cloud to the eye; aim: what is in the middle, from the part's middle; zoom: 1 shows it all
  take({ turn, aim, zoom }) {
    this.turn = turn.clone();
    this.aim = aim.clone();
    this.zoom = zoom;
  }

  // Turn about the screen's own axes, so that dragging feels the same from every side.
  turnBy(rightRad, downRad) {
    const about = (x, y, angle) => new THREE.Quaternion().setFromAxisAngle(new THREE.Vector3(x, y, 0), angle);
    this.turn.premultiply(about(0, 1, rightRad)).premultiply(about(1, 0, downRad)).normalize();
  }

  // Move what is in the middle by lengths on the screen.
  moveBy(right, down) {
    this.aim.sub(new THREE.Vector3(right, -down, 0).applyQuaternion(this.turn.clone().invert()));
  }

  zoomBy(factor) {
    this.zoom = Math.min(200, Math.max(0.3, this.zoom * factor));
  }

  // Part of the way from one pose to another, 0..1.
  between(from, to, way) {
    this.turn.slerpQuaternions(from.turn, to.turn, way);
    this.aim.lerpVectors(from.aim, to.aim, way);
    this.zoom = from.zoom * (to.zoom / from.zoom) ** way;
  }

  // The pose that looks at a point from a side as upright as this one is. from: unit vector in the cloud
  lookingAt(aim, from, zoom) {
    const side = new THREE.Vector3(...from).applyQuaternion(this.turn);
    const about = new THREE.Quaternion().setFromUnitVectors(side, new THREE.Vector3(0, 0, 1));
    return { turn: about.multiply(this.turn), aim, zoom };
  }
}

// A pose as one pane shows it: its pixels and lengths. radius: that fills the pane; times: lengths of its part for one
// of the pose's, 1 unless they are of quite another size
class Frame {
  constructor(pose, { radius, times }, widthPx, heightPx) {
    Object.assign(this, { widthPx, heightPx });
    const aim = pose.aim.clone().multiplyScalar(times);
    this.pxPerUnit = (FILL * Math.min(widthPx, heightPx) * pose.zoom) / radius;
    this.deep = 2 * radius + aim.length(); // depth of the scene on either side of the aim
    this.fromCloud = new THREE.Matrix4().makeRotationFromQuaternion(pose.turn);
    this.fromCloud.multiply(new THREE.Matrix4().makeTranslation(...aim.negate()));
  }

  get depthPx() {
    return 2 * this.deep * this.pxPerUnit;
  }

  clipFromCloud() {
    const across = (2 * this.pxPerUnit) / this.widthPx, up = (2 * this.pxPerUnit) / this.heightPx;
    return new THREE.Matrix4().makeScale(across, up, -1 / this.deep).multiply(this.fromCloud);
  }

  // Pixels from the upper left corner, and how near it is.
  project(x, y, z) {
    const at = new THREE.Vector3(x, y, z).applyMatrix4(this.fromCloud);
    return [this.widthPx / 2 + at.x * this.pxPerUnit, this.heightPx / 2 - at.y * this.pxPerUnit, at.z];
  }
}
