// Turnable point clouds on plain 2-D canvases: no library, no network, no GPU.
// Every frame splats the points into a depth buffer of its own and darkens pixels that lie behind their neighbours
// (eye-dome lighting: Boucheny 2009), which shows the shape without normals.
"use strict";

const UNSEEN = 255; // score byte of a point without a score

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

class PointViewer {
  constructor(canvas, palette) {
    const data = JSON.parse(document.getElementById(canvas.dataset.points).textContent);
    this.canvas = canvas;
    this.palette = palette;
    this.xyz = new Uint16Array(bytesOf(data.xyz).buffer); // little endian, 0..65535 over the longest side
    this.score = bytesOf(data.score);
    this.centre = data.centre; // of the points, 0..65535 a side
    this.radius = data.radius; // of the ball around it that holds them all
    this.spacing = data.spacing; // typical distance of neighbours
    this.home = data.home;
    this.reset();
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("dblclick", () => this.reset());
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  reset() {
    this.rotation = this.home.slice();
    this.zoom = 1;
    this.ask();
  }

  // Turn by angles about the screen's own axes, so that dragging feels the same from every side.
  turn(rightRad, downRad) {
    const [cy, sy, cx, sx] = [Math.cos(rightRad), -Math.sin(rightRad), Math.cos(downRad), Math.sin(downRad)];
    const step = [cy, 0, sy, sx * sy, cx, -sx * cy, -cx * sy, sx, cx * cy];
    const old = this.rotation;
    const turned = new Array(9).fill(0);
    for (let r = 0; r < 3; r++)
      for (let c = 0; c < 3; c++)
        for (let k = 0; k < 3; k++) turned[3 * r + c] += step[3 * r + k] * old[3 * k + c];
    this.rotation = turned;
    this.ask();
  }

  drag(event) {
    if (event.buttons === 0) return;
    const perPixel = 3.2 / this.canvas.clientWidth;
    this.turn(event.movementX * perPixel, event.movementY * perPixel);
  }

  wheel(event) {
    event.preventDefault();
    this.zoom = Math.min(12, Math.max(0.4, this.zoom * Math.exp(-event.deltaY * 0.0015)));
    this.ask();
  }

  key(event) {
    const turns = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, -0.12], ArrowDown: [0, 0.12] };
    if (!turns[event.key]) return;
    event.preventDefault();
    this.turn(...turns[event.key]);
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.draw(); });
  }

  draw() {
    const size = Math.round(this.canvas.clientWidth * Math.min(window.devicePixelRatio || 1, 1.5));
    if (size === 0) return;
    if (this.canvas.width !== size) this.canvas.width = this.canvas.height = size;
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(size, size);
    this.shade(this.splat(size), size, new Uint32Array(image.data.buffer));
    context.putImageData(image, 0, 0);
  }

  splat(size) {
    const scale = (0.48 * size * this.zoom) / this.radius;
    const half = Math.min(24, Math.max(1, Math.round(0.55 * this.spacing * scale)));
    const depth = new Float32Array(size * size).fill(Infinity);
    const owner = new Int32Array(size * size).fill(-1);
    const [a, b, c, d, e, f, g, h, i] = this.rotation;
    const [mx, my, mz] = this.centre;
    for (let n = 0, p = 0; n < this.score.length; n++, p += 3) {
      const x = this.xyz[p] - mx, y = this.xyz[p + 1] - my, z = this.xyz[p + 2] - mz;
      const u = (size / 2 + (a * x + b * y + c * z) * scale) | 0;
      const v = (size / 2 + (d * x + e * y + f * z) * scale) | 0;
      const far = (g * x + h * y + i * z) * scale; // in pixels, like u and v
      const top = Math.max(0, v - half), bottom = Math.min(size - 1, v + half);
      const left = Math.max(0, u - half), right = Math.min(size - 1, u + half);
      for (let row = top; row <= bottom; row++)
        for (let at = row * size + left; at <= row * size + right; at++)
          if (far < depth[at]) { depth[at] = far; owner[at] = n; }
    }
    return { depth, owner, reach: 2 * half + 1 };
  }

  // Head light by the slope of the depth, and eye-dome darkening of what lies behind its neighbours.
  shade({ depth, owner, reach }, size, pixels) {
    const slopes = new Float32Array(3); // tilt across, tilt down, how far behind
    for (let at = 0; at < pixels.length; at++) {
      if (owner[at] < 0) { pixels[at] = 0xffffffff; continue; }
      slopes[2] = 0;
      slopes[0] = tilt(depth, at, reach, reach, slopes);
      slopes[1] = tilt(depth, at, reach * size, reach, slopes);
      const facing = 1 / Math.sqrt(1 + slopes[0] * slopes[0] + slopes[1] * slopes[1]);
      const light = (0.45 + 0.55 * facing) * Math.exp((-2.5 * Math.min(slopes[2], 0.4 * size)) / size);
      const k = 3 * this.score[owner[at]];
      const red = this.palette[k] * light, green = this.palette[k + 1] * light, blue = this.palette[k + 2] * light;
      pixels[at] = 0xff000000 | (blue << 16) | (green << 8) | red;
    }
  }
}

// Slope of the depth along one axis, px per px: of both sides where they agree, else of the flatter one, because a
// step is an edge and no slope. Adds to slopes[2] how far the pixel lies behind its neighbours there.
function tilt(depth, at, offset, reach, slopes) {
  const before = (depth[at] - depth[at - offset]) / reach, after = (depth[at + offset] - depth[at]) / reach;
  const hasBefore = before > -1e9 && before < 1e9, hasAfter = after > -1e9 && after < 1e9;
  if (hasBefore && before > 1.5) slopes[2] += (before - 1.5) * reach;
  if (hasAfter && after < -1.5) slopes[2] -= (after + 1.5) * reach;
  if (hasBefore && hasAfter) {
    if (Math.abs(before - after) < 0.7) return (before + after) / 2;
    return Math.abs(before) < Math.abs(after) ? before : after;
  }
  return hasBefore ? before : hasAfter ? after : 0;
}

function openViewers(scope, palette) {
  for (const canvas of scope.querySelectorAll("canvas[data-points]")) {
    if (canvas.viewer) canvas.viewer.ask();
    else canvas.viewer = new PointViewer(canvas, palette);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const palette = bytesOf(document.getElementById("palette").textContent.trim());
  for (const part of document.querySelectorAll("details.part")) {
    if (part.open) openViewers(part, palette);
    part.addEventListener("toggle", () => part.open && openViewers(part, palette));
  }
  const openTarget = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) target.open = true;
  };
  window.addEventListener("hashchange", openTarget);
  window.addEventListener("resize", () => openViewers(document.querySelector("details.part[open]") || document.createElement("i"), palette));
  openTarget();
});
