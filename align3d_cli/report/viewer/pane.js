// One picture of a viewer: a canvas that is turned, moved and picked in, with its scale bar and the mark of a point.

const TURN = 3.2; // radians across the whole pane
const CLICK_PX = 4; // a pointer that moved less has clicked
const DENSE = 2; // pixels of the canvas for one of the page, each way, at rest: edges of points are smooth then

class Pane {
  // does: what the viewer does about it: turned(), picked(pane, i), centred(pane, i)
  constructor(element, pose, does) {
    Object.assign(this, { element, pose, does, cloud: null, marked: -1, size: { radius: 1, times: 1 } });
    this.canvas = element.querySelector("canvas");
    this.ruler = element.querySelector(".ruler");
    this.mark = element.querySelector(".mark");
    this.caption = element.querySelector(".caption");
    this.listen();
  }

  listen() {
    const on = (name, act) => this.canvas.addEventListener(name, (event) => this.cloud && act(event));
    on("pointerdown", (event) => this.grab(event));
    on("pointermove", (event) => this.drag(event));
    on("pointerup", (event) => this.release(event));
    on("contextmenu", (event) => event.preventDefault()); // its button moves the part
    on("dblclick", (event) => this.does.centred(this, this.pointAt(event)));
    this.canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  grab(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.last = [event.clientX, event.clientY];
    this.way = 0;
  }

  drag(event) {
    if (event.buttons === 0 || !this.last) return;
    const right = event.clientX - this.last[0], down = event.clientY - this.last[1];
    this.last = [event.clientX, event.clientY];
    this.way += Math.abs(right) + Math.abs(down);
    const scale = (this.frame.pxPerUnit * this.size.times) / this.density;
    if (event.shiftKey || event.buttons !== 1) this.pose.moveBy(right / scale, down / scale);
    else this.pose.turnBy((TURN * right) / this.canvas.clientWidth, (TURN * down) / this.canvas.clientWidth);
    this.does.turned();
  }

  release(event) {
    if (this.last && this.way < CLICK_PX && event.button === 0) this.does.picked(this, this.pointAt(event));
    this.last = null;
  }

  wheel(event) {
    if (!this.cloud) return;
    event.preventDefault();
    this.pose.zoomBy(Math.exp(-0.0015 * event.deltaY));
    this.does.turned();
  }

  pointAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const at = [(event.clientX - box.left) * this.density, (event.clientY - box.top) * this.density];
    return picked(this.cloud, this.frame, at);
  }

  get resized() {
    return this.canvas.clientWidth !== this.drawn?.width || this.canvas.clientHeight !== this.drawn?.height;
  }

  // look: uniforms; unit: of lengths; share: of the points; moves: whether more pictures follow at once
  draw(stage, look, { unit, share, moves }) {
    const { clientWidth, clientHeight } = this.canvas;
    if (!this.cloud || clientWidth === 0) return;
    this.drawn = { width: clientWidth, height: clientHeight };
    this.density = moves ? Math.min(DENSE, window.devicePixelRatio || 1) : DENSE;
    const side = (px) => Math.max(1, Math.round(px * this.density));
    this.frame = new Frame(this.pose, this.size, side(clientWidth), side(clientHeight));
    stage.draw(this.canvas, this.cloud, this.frame, look, share);
    this.showRuler(unit);
    this.showMark();
  }

  // In shares of the picture, so that both stay true where it is printed in another size.
  showRuler(unit) {
    const { length, px } = rulerOf(this.frame.pxPerUnit / this.density, this.canvas.clientWidth);
    this.ruler.querySelector("i").style.width = `${(100 * px) / this.canvas.clientWidth}%`;
    this.ruler.querySelector("span").textContent = lengthText(length, unit);
  }

  showMark() {
    this.mark.hidden = this.marked < 0;
    if (this.marked < 0) return;
    const [u, v] = this.frame.project(...this.cloud.places.subarray(3 * this.marked, 3 * this.marked + 3));
    this.mark.style.left = `${(100 * u) / this.frame.widthPx}%`;
    this.mark.style.top = `${(100 * v) / this.frame.heightPx}%`;
  }
}
