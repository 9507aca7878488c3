// The one place that draws in 3D: browsers allow some sixteen WebGL contexts, and a page may have 300 parts. Pictures
// are copied to the plain canvases of the page, which print as they are.

const SPLAT = 1.8; // diameter of a drawn point in spacings: a surface closes, and a hole of three points stays one
const LEAST_PX = 1.5; // of that diameter: smaller ones would flicker

class Stage {
  // colours: {ramp: base64 of 256 RGB triples, regions: [[r, g, b], ..]}. Throws where the browser has no WebGL 2.
  constructor(colours) {
    this.renderer = new THREE.WebGLRenderer({ alpha: true, antialias: false, stencil: false, depth: false });
    this.renderer.outputColorSpace = THREE.LinearSRGBColorSpace; // colours are those of the heat map's file, untouched
    this.renderer.setClearColor(0, 0);
    this.target = this.targetOf(1, 1);
    this.camera = new THREE.Camera(); // the matrix of a frame says it all
    this.scene = new THREE.Scene();
    this.paint = this.paintOf(colours);
    this.light = this.lightOf();
    this.screen = new THREE.Scene().add(screenWith(this.light));
  }

  targetOf(width, height) {
    const depthTexture = new THREE.DepthTexture(width, height, THREE.UnsignedIntType);
    const filters = { minFilter: THREE.NearestFilter, magFilter: THREE.NearestFilter };
    return new THREE.WebGLRenderTarget(width, height, { depthTexture, ...filters });
  }

  paintOf({ ramp, regions }) {
    const triples = bytesOf(ramp), rgba = new Uint8Array(1024).fill(255);
    for (let i = 0; i < 256; i++) rgba.set(triples.subarray(3 * i, 3 * i + 3), 4 * i);
    const texture = new THREE.DataTexture(rgba, 256, 1);
    texture.needsUpdate = true;
    const regionColours = regions.map((rgb) => new THREE.Vector3(...rgb).divideScalar(255));
    const uniforms = { ramp: texture, regionColours, coloured: false, clipFromCloud: new THREE.Matrix4() };
    for (const name of ["sizePx", "low", "high", "threshold", "reach", "mode"]) uniforms[name] = 0;
    return materialOf(POINT_VERTEX, POINT_FRAGMENT, uniforms);
  }

  lightOf() {
    const uniforms = { colours: this.target.texture, depths: this.target.depthTexture, depthPx: 1, across: 1 };
    return materialOf(LIGHT_VERTEX, LIGHT_FRAGMENT, uniforms, { depthTest: false, depthWrite: false });
  }

  // Draw a cloud as a frame shows it. look: uniforms by name; share: of the points, 1 for all
  draw(canvas, cloud, frame, look, share) {
    const { widthPx, heightPx } = frame;
    this.resize(widthPx, heightPx);
    const sizePx = splatPx(cloud, frame) / Math.sqrt(share);
    set(this.paint, { ...look, sizePx, clipFromCloud: frame.clipFromCloud(), coloured: Boolean(cloud.tint) });
    set(this.light, { depthPx: frame.depthPx, across: Math.max(1, Math.round(sizePx)) });
    this.show(cloud, share);
    canvas.width = widthPx; // empties it too
    canvas.height = heightPx;
    canvas.getContext("2d").drawImage(this.renderer.domElement, 0, 0);
  }

  show(cloud, share) {
    const points = cloud.object;
    points.material = this.paint;
    points.frustumCulled = false;
    points.geometry.setDrawRange(0, Math.ceil(share * cloud.n));
    this.scene.add(points);
    this.renderer.setRenderTarget(this.target);
    this.renderer.render(this.scene, this.camera);
    this.renderer.setRenderTarget(null);
    this.renderer.render(this.screen, this.camera);
    this.scene.remove(points);
  }

  // Wait until all is drawn: a pixel can only be read then.
  finish() {
    const gl = this.renderer.getContext();
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  resize(width, height) {
    if (this.target.width === width && this.target.height === height) return;
    this.renderer.setSize(width, height, false);
    this.target.setSize(width, height);
  }
}

// Diameter of a point as it is drawn.
function splatPx(cloud, frame) {
  return Math.max(LEAST_PX, SPLAT * cloud.spacing * frame.pxPerUnit);
}

function materialOf(vertexShader, fragmentShader, values, more = {}) {
  const uniforms = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
  const how = { glslVersion: THREE.GLSL3, blending: THREE.NoBlending, ...more };
  return new THREE.RawShaderMaterial({ vertexShader, fragmentShader, uniforms, ...how });
}

function set(material, values) {
  for (const [name, value] of Object.entries(values)) material.uniforms[name].value = value;
  material.uniformsNeedUpdate = true;
}

// One triangle that covers the screen.
function screenWith(material) {
  const corners = new Float32Array([-1, -1, 0, 3, -1, 0, -1, 3, 0]);
  const shape = new THREE.BufferGeometry().setAttribute("position", new THREE.BufferAttribute(corners, 3));
  const screen = new THREE.Mesh(shape, material);
  screen.frustumCulled = false;
  return screen;
}
