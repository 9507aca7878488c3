// A pose on its way to another, quickly enough to follow with the eye.

const FLIGHT_MS = 450;
const still = window.matchMedia("(prefers-reduced-motion: reduce)"); // for people whom motion makes ill: arrive at once

// step: called for every picture, with true for the last one. Returns what ends it early.
function fly(pose, to, step) {
  const from = { turn: pose.turn.clone(), aim: pose.aim.clone(), zoom: pose.zoom };
  const start = performance.now();
  let asked = 0;
  const next = (now) => {
    const way = still.matches ? 1 : Math.min(1, Math.max(0, (now - start) / FLIGHT_MS));
    pose.between(from, to, way * way * (3 - 2 * way));
    step(way === 1);
    if (way < 1) asked = requestAnimationFrame(next);
  };
  asked = requestAnimationFrame(next);
  return () => cancelAnimationFrame(asked);
}
