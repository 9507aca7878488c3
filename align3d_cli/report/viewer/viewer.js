// One part of the page: its pictures, their one pose, and what is shown in which colours.

const SETTLE_MS = 160; // after the last move, until all points are drawn again
const SLOW_MS = 50; // between pictures of a moving part; slower machines draw fewer points while it moves
const FEW = 40_000; // points that any machine draws quickly
const REGION_FILL = 2.2; // radii of a region across the part's fill: it is seen with what lies around it
const ALIKE = 2; // times the size: parts within it are drawn to one scale
const REACH = 0.01; // of the part's diameter: where the colours of deviations end, the same for parts of one kind

class Viewer {
  // section: the details element of a part; data: of points_payload, with colour limits and unit; stage: of the page
  constructor(section, data, stage) {
    Object.assign(this, { section, data, stage, mode: "heat", threshold: 0, coarse: 1, region: 0, moves: false });
    this.element = section.querySelector(".viewer");
    this.words = section.querySelector(".picked");
    this.pose = new Pose(data.home);
    const does = { turned: () => this.moving(), picked: (...at) => this.pick(...at), centred: (...at) => this.centre(...at) };
    this.panes = [...section.querySelectorAll(".pane")].map((pane) => new Pane(pane, this.pose, does));
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
    this.size();
    this.element.dataset.state = "ready"; // shows the controls; without JavaScript or WebGL they would do nothing
    this.say();
  }

  listRegions() {
    this.regionButtons = [...this.section.querySelectorAll("button[data-region]")];
    for (const button of this.regionButtons) button.addEventListener("click", () => this.flyTo(Number(button.dataset.region)));
  }

  // What the shader is told.
  get look() {
    const { low, high, unit } = this.data;
    const reach = 2 * REACH * this.panes[0].cloud.radius;
    return { low, high, unit, reach, threshold: this.threshold, mode: MODES[this.mode] };
  }

  get shown() {
    return this.panes.filter((pane) => pane.cloud);
  }

  say() {
    this.controls.show(this.mode, thresholdWords(this.panes[0].cloud, this.threshold));
    this.element.dataset.mode = this.mode; // shows the legend of these colours
    const limits = this.element.querySelectorAll("[data-reach]");
    for (const limit of limits) limit.textContent = `${limit.dataset.reach}${lengthText(this.look.reach, this.data.unit)}`;
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

  turnBy(right, down) {
    this.pose.turnBy(right, down);
    this.moving();
  }

  moveBy(right, down) {
    this.pose.moveBy(right, down);
    this.moving();
  }

  zoomBy(factor) {
    this.pose.zoomBy(factor);
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
    if (!look) return;
    this.region = id;
    for (const button of this.regionButtons) button.toggleAttribute("aria-current", Number(button.dataset.region) === id);
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
    other.cloud?.dispose();
    other.cloud = null;
    other.marked = -1;
    if (option) {
      const isLaid = option.value === twin?.key && twin.pose;
      other.cloud = await cloudOf(dataOf(option.value), isLaid && { pose: twin.pose, about: own.cloud.centre });
    }
    this.size();
    if (option) other.caption.textContent = twinCaption(option, twin, other.size.times);
    other.element.hidden = !option;
    this.section.toggleAttribute("data-beside", Boolean(option));
    this.ask();
  }

  // One scale for both parts, or each as large as the other where their sizes, or units, have little to do with each
  // other.
  size() {
    const [own, other] = this.panes;
    const ratio = other.cloud ? other.cloud.radius / own.cloud.radius : 1;
    const alike = ratio < ALIKE && ratio > 1 / ALIKE;
    this.radius = own.cloud.radius * (alike ? Math.max(1, ratio) : 1);
    own.size = { radius: this.radius, times: 1 };
    other.size = alike ? own.size : { radius: other.cloud.radius, times: ratio };
  }

  close() {
    for (const pane of this.panes) pane.cloud?.dispose();
  }
}
