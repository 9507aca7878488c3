// The keyboard, while one of a part's pictures has the focus.

const KEY_TURN = 0.12; // radians
const KEY_MOVE = 0.05; // of the part's radius
const KEY_ZOOM = 1.2;
const KEY_SLIDE = 25; // steps of the slider

const KEYS = {
  "+": (viewer) => viewer.move("zoomBy", KEY_ZOOM),
  "=": (viewer) => viewer.move("zoomBy", KEY_ZOOM), // where + needs shift
  "-": (viewer) => viewer.move("zoomBy", 1 / KEY_ZOOM),
  0: (viewer) => viewer.home(),
  h: (viewer) => viewer.setMode("heat"),
  c: (viewer) => viewer.setMode("part"),
  r: (viewer) => viewer.setMode("regions"),
  d: (viewer) => viewer.setMode("deviation"),
  n: (viewer) => viewer.nextRegion(1),
  p: (viewer) => viewer.nextRegion(-1),
  b: (viewer) => viewer.controls.toggleBeside(),
  "[": (viewer) => viewer.controls.stepBy(-KEY_SLIDE),
  "]": (viewer) => viewer.controls.stepBy(KEY_SLIDE),
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function pressed(viewer, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !viewer.shown.length) return; // the browser's own, or too early
  const arrow = ARROWS[event.key], act = KEYS[event.key];
  if (!arrow && !act) return;
  event.preventDefault();
  if (act) act(viewer);
  else if (event.shiftKey) viewer.move("moveBy", ...arrow.map((way) => way * viewer.stride));
  else viewer.move("turnBy", ...arrow.map((way) => KEY_TURN * way));
}
