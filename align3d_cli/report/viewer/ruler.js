// A scale bar: a round length that is about a quarter of the pane. All depths have one scale, so it holds everywhere.

const SHARE = 0.28; // of the width, at most

// Returns {length, px}. pxPerUnit, widthPx: as the page lays things out
function rulerOf(pxPerUnit, widthPx) {
  const most = (SHARE * widthPx) / pxPerUnit;
  const ten = 10 ** Math.floor(Math.log10(most));
  const length = ten * [5, 2, 1].find((times) => times * ten <= most);
  return { length, px: length * pxPerUnit };
}

function lengthText(length, unit) {
  return `${Number(length.toPrecision(2))} ${unit || "units of the file"}`;
}
