// Which point is meant by a click: the one whose colour is seen there, which of those that are drawn over that pixel is
// the nearest to the eye; where nothing is drawn, the point nearest to the click.

const NEAR_PX = 14; // on the screen: a click beside the part means no point

// at: [x, y] in the frame's pixels. Returns its number, -1 for none.
function picked(cloud, frame, at) {
  const within = (splatPx(cloud, frame) / 2) ** 2, m = frame.fromCloud.elements, scale = frame.pxPerUnit;
  const right = (at[0] - frame.widthPx / 2) / scale, up = (frame.heightPx / 2 - at[1]) / scale;
  let best = -1, nearest = -Infinity, close = -1, apart = NEAR_PX ** 2;
  for (let i = 0, p = 0; i < cloud.n; i++, p += 3) {
    const x = cloud.places[p], y = cloud.places[p + 1], z = cloud.places[p + 2];
    const dx = (m[0] * x + m[4] * y + m[8] * z + m[12] - right) * scale;
    const dy = (m[1] * x + m[5] * y + m[9] * z + m[13] - up) * scale;
    const away = dx * dx + dy * dy;
    if (away < apart) [apart, close] = [away, i];
    if (away > within) continue;
    const towards = m[2] * x + m[6] * y + m[10] * z;
    if (towards > nearest) [nearest, best] = [towards, i];
  }
  return best >= 0 ? best : close;
}
