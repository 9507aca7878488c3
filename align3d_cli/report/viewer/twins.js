// What can stand beside a part: its good part where the result knows one, and every other part of the page.

// Fill the list of a part. section: its details element; twin: {key, name, pose} or null
function listTwins(select, section, twin) {
  if (twin) select.add(new Option(`good part: ${twin.name}`, twin.key));
  for (const other of document.querySelectorAll("details.part[data-points]"))
    if (other !== section) select.add(new Option(`${other.dataset.name} (${other.dataset.score})`, other.dataset.points));
}

// The words under the second picture: whether the two can be compared place by place.
// times: lengths of it for one of the part's, as it is drawn
function twinCaption(option, twin, times) {
  const isTwin = twin?.key === option.value;
  if (times !== 1) return `${option.text}, in its own pose and size: ${Number(times.toPrecision(2))} times as large`;
  if (!isTwin) return `${option.text}, in its own pose`;
  return twin.pose ? `${option.text}, laid onto this part` : `${option.text}, in its own pose: this part lies on none`;
}

function dataOf(key) {
  return JSON.parse(document.getElementById(key).textContent);
}

async function cloudOf(data, laid) {
  const bytes = await inflated(bytesOf(data.data));
  return new Cloud(data, columnsOf(bytes, data.shown, data.columns), laid);
}
