// The page: parts unpack their points when they are opened, and leave the GPU when they are closed.

const NO_3D = "This browser draws no 3D (WebGL 2 is off or missing), so the points cannot be turned.";
const NO_POINTS = "This browser cannot unpack the points (it is from before 2023), so they are not shown.";

class Page {
  constructor() {
    this.viewers = new Map();
    for (const section of document.querySelectorAll("details.part[data-points]")) {
      section.addEventListener("toggle", () => this.toggled(section));
      if (section.open) this.toggled(section);
    }
    window.addEventListener("hashchange", () => this.openTarget());
    this.openTarget();
  }

  openTarget() {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.matches("details.part")) target.open = true;
  }

  async toggled(section) {
    const viewer = this.viewers.get(section);
    if (!section.open) {
      viewer?.close();
      return;
    }
    if (viewer) return viewer.ask();
    const stage = this.stageOrNone(section);
    if (!stage) return;
    const opened = new Viewer(section, dataOf(section.dataset.points), stage);
    this.viewers.set(section, opened);
    await opened.open().catch((error) => sayInstead(section, NO_POINTS, error));
  }

  stageOrNone(section) {
    try {
      return (this.stage ??= this.newStage());
    } catch (error) {
      sayInstead(section, NO_3D, error);
      return null;
    }
  }

  newStage() {
    const stage = new Stage(dataOf("colours"));
    const redraw = () => this.viewers.forEach((viewer) => viewer.ask());
    stage.renderer.domElement.addEventListener("webglcontextrestored", redraw); // a GPU may be taken and given back
    return stage;
  }
}

// Words in the place of a part's pictures; the error is for those who look into the console.
function sayInstead(section, words, error) {
  const said = Object.assign(document.createElement("p"), { textContent: words });
  section.querySelector(".viewer").replaceChildren(said);
  console.warn(error);
}

listenTheme(document.getElementById("theme"));
new Page();
