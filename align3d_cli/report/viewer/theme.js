// Light or dark: as the system says, until somebody presses the button.

const THEMES = { auto: "light", light: "dark", dark: "auto" }; // each with the next one

function listenTheme(button) {
  const root = document.documentElement;
  button.addEventListener("click", () => {
    const now = THEMES[root.dataset.theme || "auto"];
    root.dataset.theme = now;
    button.textContent = `theme: ${now}`;
  });
}
