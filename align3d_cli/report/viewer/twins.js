// What can stand beside a part: its good part where the result knows one, and every other part of the page.

const ALIKE = 2; // times the size: parts within it are drawn to one scale

// Fill the list of a part. section: its details element; twin: {key, name, pose} or null
function listTwins(select, section, twin) {
  if (twin) select.add(new Option(`good part: ${twin.name}`, twin.key));
  for (const other of document.querySelectorAll("details.part[data-points]")) {
    const { name, score, points } = other.dataset;
    if (other !== section) select.add(new Option(`${name} (${score})`, points));
  }
}

// The words under the second picture: whether the two can be compared place by place.
// times: lengths of it for one of the part's, as it is drawn
function twinCaption(option, twin, times) {
  const isTwin = twin?.key === option.value;
  if (times !== 1) return `${option.text}, in its own pose and size: ${Number(times.toPrecision(2))} times as large`;
  if (!isTwin) return `${option.text}, in its own pose`;
  return twin.pose ? `${option.text}, laid onto this part` : `${option.text}, in its own pose: this part lies on none`;
}

// One scale for both parts, or each as large as the other where their sizes, or units, have little to do with each
// other. Returns the radius that fills the first pane.
function sizePanes(own, other) {
  const ratio = other.cloud ? other.cloud.radius / own.cloud.radius : 1;
  const alike = ratio < ALIKE && ratio > 1 / ALIKE;
  const radius = own.cloud.radius * (alike ? Math.max(1, ratio) : 1);
  own.size = { radius, times: 1 };
  other.size = alike ? own.size : { radius: other.cloud.radius, times: ratio };
  return radius;
}

function dataOf(key) {
  return JSON.parse(document.getElementById(key).textContent);
}

async function cloudOf(data, laid) {
  const bytes = await inflated(bytesOf(data.data));
  return new Cloud(data, columnsOf(bytes, data.shown, data.columns), laid);
}
