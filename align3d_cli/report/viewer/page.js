// The page: parts unpack their points when they are opened, and leave the GPU when they are closed.

const NO_3D = "This browser draws no 3D (WebGL 2 is off or missing), so the points cannot be turned.";

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
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
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
    await opened.open();
  }

  stageOrNone(section) {
    try {
      return (this.stage ??= new Stage(dataOf("colours")));
    } catch (error) {
      section.querySelector(".viewer").replaceChildren(Object.assign(document.createElement("p"), { textContent: NO_3D }));
      console.warn(error);
      return null;
    }
  }
}

listenTheme(document.getElementById("theme"));
new Page();
