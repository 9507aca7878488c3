// The row of controls above a part's pictures, and what it says.

const SLIDER_STEPS = 1000;

class Controls {
  // does: what the viewer does about it: mode(name), threshold(score), beside(option or null), home()
  constructor(element, does) {
    this.buttons = [...element.querySelectorAll("[data-mode]")];
    this.slider = element.querySelector("input[type=range]");
    this.said = element.querySelector("output");
    this.beside = element.querySelector("select");
    this.does = does;
    for (const button of this.buttons) button.addEventListener("click", () => does.mode(button.dataset.mode));
    this.slider.addEventListener("input", () => does.threshold(this.threshold));
    const chosen = () => (this.beside.value ? this.beside.selectedOptions[0] : null);
    this.beside.addEventListener("change", () => does.beside(chosen()));
    element.querySelector("[data-home]").addEventListener("click", () => does.home());
  }

  // The slider runs where colours differ, and on to the highest score; its first step shows all points.
  span(low, high) {
    Object.assign(this, { low, high });
    this.slider.max = SLIDER_STEPS;
  }

  get threshold() {
    const step = Number(this.slider.value);
    return step === 0 ? 0 : this.low + ((this.high - this.low) * step) / SLIDER_STEPS;
  }

  stepBy(steps) {
    this.slider.value = Number(this.slider.value) + steps;
    this.does.threshold(this.threshold);
  }

  show(mode, words) {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    this.slider.disabled = mode !== "heat"; // other colours have no scores to be cut at
    this.said.textContent = words;
  }

  // The first thing to compare with, or nothing again.
  toggleBeside() {
    if (this.beside.length < 2) return;
    this.beside.selectedIndex = this.beside.selectedIndex > 0 ? 0 : 1;
    this.beside.dispatchEvent(new Event("change"));
  }
}
