// One part of the page: its pictures, their one pose, and what is shown in which colours.

const SETTLE_MS = 160; // after the last move, until all points are drawn again
const SLOW_MS = 50; // between pictures of a moving part; slower machines draw fewer points while it moves
const FEW = 40_000; // points that any machine draws quickly
const REGION_FILL = 2.2; // radii of a region across the part's fill: it is seen with what lies around it
const REACH = 0.01; // of the part's diameter: where the colours of deviations end, the same for parts of one kind

class Viewer {
  // section: the details element of a part; data: of points_payload, with colour limits and unit; stage: of the page
  constructor(section, data, stage) {
    Object.assign(this, { section, data, stage, mode: "heat", threshold: 0, coarse: 1, region: 0, moves: false });
    this.element = section.querySelector(".viewer");
    this.words = section.querySelector(".picked");
    this.pose = new Pose(data.home, data.regions[0]?.from);
    this.panes = [...section.querySelectorAll(".pane")].map((pane) => new Pane(pane, this.pose, {
      turned: () => this.moving(),
      picked: (...at) => this.pick(...at),
      centred: (...at) => this.centre(...at),
    }));
    this.controls = new Controls(section.querySelector(".controls"), {
      mode: (name) => this.setMode(name),
      threshold: (score) => this.setThreshold(score),
      beside: (option) => this.setBeside(option),
      home: () => this.home(),
    });
    this.element.addEventListener("keydown", (event) => event.target.matches("canvas") && pressed(this, event));
    this.listRegions();
    listTwins(this.controls.beside, section, data.twin);
    new ResizeObserver(() => this.shown.some((pane) => pane.resized) && this.ask()).observe(this.element);
  }

  async open() {
    const cloud = await cloudOf(this.data);
    this.panes[0].cloud = cloud;
    this.controls.span(this.data.low, Math.max(this.data.high, cloud.topScore));
    this.radius = sizePanes(...this.panes);
    this.element.dataset.state = "ready"; // shows the controls; without JavaScript or WebGL they would do nothing
    this.say();
  }

  listRegions() {
    this.regionButtons = [...this.section.querySelectorAll("button[data-region]")];
    for (const one of this.regionButtons) one.addEventListener("click", () => this.flyTo(Number(one.dataset.region)));
  }

  // What the shader is told.
  get look() {
    const { low, high, unit } = this.data;
    const reach = 2 * REACH * this.panes[0].cloud.radius;
    return { low, high, unit, reach, threshold: this.threshold, mode: MODES[this.mode] };
  }

  // How far a key moves the part, in its unit.
  get stride() {
    return (KEY_MOVE * this.radius) / this.pose.zoom;
  }

  get shown() {
    return this.panes.filter((pane) => pane.cloud);
  }

  say() {
    this.controls.show(this.mode, thresholdWords(this.panes[0].cloud, this.threshold));
    this.element.dataset.mode = this.mode; // shows the legend of these colours
    const reach = lengthText(this.look.reach, this.data.unit);
    for (const end of this.element.querySelectorAll("[data-reach]")) end.textContent = end.dataset.reach + reach;
    this.ask();
  }

  ask() {
    this.asked ??= requestAnimationFrame((now) => this.draw(now));
  }

  draw(now) {
    this.asked = null;
    if (!this.panes[0].cloud) return;
    const { moves } = this, { unit, ...uniforms } = this.look, start = performance.now();
    if (moves && this.before && now - this.before > SLOW_MS) this.coarse = Math.min(LEVELS, 2 * this.coarse);
    for (const pane of this.shown) {
      const share = moves && pane.cloud.n > FEW ? 1 / this.coarse : 1;
      pane.draw(this.stage, uniforms, { unit, share, moves });
    }
    this.before = moves ? now : null;
    if (!moves) this.weigh(start);
  }

  // How long all points take says how many of them are drawn while the part moves.
  weigh(start) {
    this.stage.finish();
    const took = performance.now() - start;
    this.coarse = 1;
    while (this.coarse < LEVELS && took / this.coarse > SLOW_MS) this.coarse *= 2;
  }

  moving() {
    this.moves = true;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.moves = false;
      this.ask();
    }, SETTLE_MS);
    this.ask();
  }

  setMode(name) {
    if (!this.controls.buttons.some((button) => button.dataset.mode === name)) return;
    this.mode = name;
    this.say();
  }

  setThreshold(score) {
    this.threshold = score;
    this.say();
  }

  // Change the pose by one of its own methods.
  move(method, ...how) {
    this.pose[method](...how);
    this.moving();
  }

  flyToPose(pose) {
    this.landed?.();
    this.landed = fly(this.pose, pose, () => this.moving());
  }

  home() {
    this.flyToPose({ turn: this.pose.home, aim: new THREE.Vector3(), zoom: 1 });
  }

  flyTo(id) {
    const look = this.data.regions.find((one) => one.id === id);
    if (!look || !this.panes[0].cloud) return;
    this.region = id;
    for (const one of this.regionButtons) one.toggleAttribute("aria-current", Number(one.dataset.region) === id);
    const aim = new THREE.Vector3(...look.centre).sub(this.panes[0].cloud.centre);
    this.flyToPose(this.pose.lookingAt(aim, look.from, Math.max(1, this.radius / (REGION_FILL * look.radius))));
  }

  nextRegion(step) {
    const ids = this.data.regions.map((one) => one.id);
    if (ids.length) this.flyTo(ids[(ids.indexOf(this.region) + step + ids.length) % ids.length]);
  }

  pick(pane, i) {
    for (const other of this.panes) other.marked = other === pane ? i : -1;
    this.words.textContent = i < 0 ? "no point there" : pointWords(pane.cloud, i, this.data.unit);
    this.ask();
  }

  centre(pane, i) {
    if (i < 0) return;
    const aim = new THREE.Vector3().fromArray(pane.cloud.places, 3 * i).divideScalar(pane.size.times);
    this.flyToPose({ turn: this.pose.turn.clone(), aim, zoom: this.pose.zoom });
  }

  // Show another part beside this one, or none.
  async setBeside(option) {
    const [own, other] = this.panes, { twin } = this.data;
    this.chosen = option;
    const isLaid = option && option.value === twin?.key && twin.pose;
    const laid = isLaid && { pose: twin.pose, about: own.cloud.centre };
    const cloud = option && (await cloudOf(dataOf(option.value), laid));
    if (this.chosen !== option) return; // another was chosen while this one was unpacked
    other.cloud?.dispose();
    Object.assign(other, { cloud, marked: -1 });
    this.radius = sizePanes(...this.panes);
    if (option) other.caption.textContent = twinCaption(option, twin, other.size.times);
    other.element.hidden = !option;
    this.section.toggleAttribute("data-beside", Boolean(option));
    this.ask();
  }

  close() {
    for (const pane of this.panes) pane.cloud?.dispose();
  }
}
