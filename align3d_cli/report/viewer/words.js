// What is said of a point and of a threshold, rounded as the tables of the page are.

const inWords = new Intl.NumberFormat("en");

function pointWords(cloud, i, unit) {
  const score = cloud.scoreOf(i), at = new THREE.Vector3().fromArray(cloud.places, 3 * i).add(cloud.centre);
  const off = cloud.off?.[i], length = unit && ` ${unit}`;
  const words = [score === null ? "no score" : `score ${score.toFixed(4)}`];
  words.push(`x ${told(at.x)}, y ${told(at.y)}, z ${told(at.z)}${length}`);
  if (cloud.off) words.push(off === ABSENT ? "no deviation" : `deviation ${told(off)}${length}`);
  if (cloud.region?.[i]) words.push(`region ${cloud.region[i]}`);
  return words.join(" · ");
}

// Six digits, as results store lengths.
function told(length) {
  return String(Number(length.toPrecision(6)));
}

function thresholdWords(cloud, threshold) {
  if (threshold === 0) return "all points";
  const count = cloud.above(threshold);
  return `from ${threshold.toFixed(4)}: ${inWords.format(count)} points (${(100 * count / cloud.n).toPrecision(2)} %)`;
}
