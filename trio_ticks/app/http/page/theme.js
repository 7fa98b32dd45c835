/** The theme: the system's, or the one that was chosen here. */

import { setAttribute, setText } from "./dom.js";

const THEMES = ["system", "light", "dark"];
const PLACE = "trio_ticks theme";

/** Make a button change the theme; `onChange` is told of a change, the system's own included. */
export function themeOn(button, onChange) {
  let theme = read();
  const apply = () => {
    setAttribute(document.documentElement, "data-theme", theme);
    setText(button, `theme: ${theme}`);
    onChange();
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    write(theme);
    apply();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  apply();
}

// A browser that keeps nothing for this page throws; the theme is then the system's at each visit.
function read() {
  try {
    const kept = localStorage.getItem(PLACE);
    return THEMES.includes(kept) ? kept : "system";
  } catch {
    return "system";
  }
}

function write(theme) {
  try {
    localStorage.setItem(PLACE, theme);
  } catch {
    // Nothing is lost but the wish to have it so next time.
  }
}

/** Return a colour of the theme in force as something that a canvas takes. */
export function colourOf(name) {
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
