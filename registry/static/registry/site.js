// What the pages gain from a script; each of them is complete without it.
(() => {
  "use strict";
  const words = document.currentScript.dataset;
  const language = document.documentElement.lang;
  const all = (selector, act) => document.querySelectorAll(selector).forEach(act);
  const make = (tag, attributes) => Object.assign(document.createElement(tag), attributes);

  // Errors: the summary is read first; its links lead into the control, below its question.
  all("[data-focus]", (summary) => {
    summary.focus();
    summary.addEventListener("click", (event) => {
      const target = event.target.hash && document.getElementById(event.target.hash.slice(1));
      if (!target) return;
      event.preventDefault();
      const control = target.matches("input, select, textarea")
        ? target
        : target.querySelector("input:not([type=hidden]), select, textarea");
      (target.closest(".field") || target).scrollIntoView();
      (control || target).focus({ preventScroll: true });
    });
  });

  // Quick exit: by its button, or by Shift three times.
  const exit = document.querySelector("[data-exit]");
  if (exit) {
    const leave = () => {
      document.title = "\u00a0";
      document.body.hidden = true;
      document.body.replaceChildren();
      location.replace(exit.href);
    };
    exit.addEventListener("click", (event) => {
      event.preventDefault();
      leave();
    });
    let presses = [];
    document.addEventListener("keydown", (event) => {
      if (event.repeat) return;
      presses = event.key === "Shift" ? [...presses.slice(-2), event.timeStamp] : [];
      if (presses.length === 3 && presses[2] - presses[0] < 2000) leave();
    });
  }

  // A second click while the first is under way sends nothing.
  let sending = null;
  document.addEventListener("submit", (event) => {
    if (!event.submitter?.hasAttribute("data-once")) return;
    if (sending) event.preventDefault();
    else if (!event.defaultPrevented) sending = setTimeout(() => (sending = null), 5000);
  });
  addEventListener("pageshow", () => {
    clearTimeout(sending);
    sending = null;
  });

  // Characters left: shown at once, spoken when the typing rests.
  all("textarea[data-count]", (area) => {
    const shown = document.getElementById(`${area.id}_count`);
    const spoken = make("p", { className: "hidden" });
    spoken.setAttribute("role", "status");
    shown.after(spoken);
    let rest;
    const tell = () => {
      const left = area.dataset.count - [...area.value].length;
      shown.textContent = `${left < 0 ? words.over : words.left} ${Math.abs(left).toLocaleString(language)}`;
      shown.classList.toggle("error", left < 0);
      clearTimeout(rest);
      rest = setTimeout(() => (spoken.textContent = shown.textContent), 1500);
    };
    area.addEventListener("input", tell);
    if (area.value) tell();
  });

  // A file that is too large is said before it is sent.
  all("input[type=file]", (input) => {
    const said = make("p", { className: "hint" });
    said.setAttribute("role", "status");
    input.after(said);
    input.addEventListener("change", () => {
      const files = [...input.files];
      const large = files.some((file) => file.size > (input.dataset.max || Infinity));
      const size = files.reduce((sum, file) => sum + file.size, 0);
      const [unit, bytes] = size < 1e6 ? ["kilobyte", 1e3] : ["megabyte", 1e6];
      const shown = new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: 1 });
      said.textContent = large ? words.large : files.length ? shown.format(size / bytes) : "";
      said.classList.toggle("error", large);
    });
  });

  // Settlements: a list under the field, by arrow keys, Enter and Escape.
  all("input[data-suggest]", (input) => {
    const code = input.parentElement.querySelector("input[type=hidden]");
    const list = make("ul", { className: "suggestions", id: `${input.id}_list`, hidden: true });
    const spoken = make("p", { className: "hidden" });
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", input.labels[0]?.textContent ?? "");
    spoken.setAttribute("role", "status");
    input.after(list, spoken);
    input.autocomplete = "off";
    for (const [name, value] of Object.entries({
      role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
    })) input.setAttribute(name, value);

    let at = -1;
    let rest;
    let asked = "";
    const mark = (index) => {
      at = index;
      [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
      list.children[at]?.scrollIntoView({ block: "nearest" });
      if (at < 0) input.removeAttribute("aria-activedescendant");
      else input.setAttribute("aria-activedescendant", list.children[at].id);
    };
    const open = (isOpen) => {
      list.hidden = !isOpen;
      input.setAttribute("aria-expanded", String(isOpen));
      if (!isOpen) mark(-1);
    };
    const choose = (option) => {
      input.value = option.textContent;
      if (code) code.value = option.dataset.code;
      open(false);
    };
    const ask = async () => {
      const query = (asked = input.value.trim());
      const answer = query.length < 2 ? null : await fetch(input.dataset.suggest + encodeURIComponent(query)).catch(() => null);
      const places = answer?.ok ? await answer.json() : [];
      if (query !== asked) return;
      list.replaceChildren(...places.map(({ code, label }, i) => {
        const option = make("li", { id: `${list.id}_${i}`, textContent: label });
        option.dataset.code = code;
        option.setAttribute("role", "option");
        return option;
      }));
      mark(-1);
      open(places.length > 0);
      spoken.textContent = query.length < 2 ? "" : `${words.found} ${places.length}`;
    };
    input.addEventListener("input", () => {
      if (code) code.value = "";
      clearTimeout(rest);
      rest = setTimeout(ask, 200);
    });
    input.addEventListener("keydown", (event) => {
      const count = list.children.length;
      if (list.hidden || !count) return;
      if (event.key === "ArrowDown") mark((at + 1) % count);
      else if (event.key === "ArrowUp") mark((at <= 0 ? count : at) - 1);
      else if (event.key === "Enter" && at >= 0) choose(list.children[at]);
      else if (event.key === "Escape") open(false);
      else return;
      event.preventDefault();
    });
    input.addEventListener("blur", () => open(false));
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("li");
      if (option) choose(option);
    });
  });
})();
