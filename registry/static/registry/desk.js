// Shortcuts of the desk, for hands that stay on the keyboard. Off until they are switched on, and off in fields.
(() => {
  "use strict";
  const box = document.querySelector("[data-shortcuts]");
  if (!box) return;
  const name = "registry-desk-shortcuts";
  const help = box.closest("details");
  help.hidden = false;
  box.checked = localStorage.getItem(name) === "on";
  box.addEventListener("change", () => localStorage.setItem(name, box.checked ? "on" : "off"));

  const go = (id) => {
    const target = document.getElementById(id);
    if (!target) return;
    target.tabIndex = -1;
    target.scrollIntoView();
    target.focus({ preventScroll: true });
  };
  const pieces = [...document.querySelectorAll(".piece")];
  const open = (step) => {
    const now = pieces.findIndex((piece) => piece.open);
    const next = pieces[now < 0 ? (step > 0 ? 0 : pieces.length - 1) : now + step];
    if (!next) return;
    pieces.forEach((piece) => (piece.open = piece === next));
    next.querySelector("summary").focus();
  };
  const keys = {
    c: () => go("claim"),
    e: () => go("evidence"),
    d: () => go("decision"),
    p: () => go("propose"),
    n: () => open(1),
    b: () => open(-1),
    "?": () => ((help.open = !help.open), help.querySelector("summary").focus()),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select");
    if (!box.checked || typing || event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
