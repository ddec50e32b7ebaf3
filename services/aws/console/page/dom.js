// Building elements, and changing those on the page into newly built ones: what is focused, selected, scrolled or
// opened stays so, as only what differs is touched.

const SVG = new Set(["svg", "rect", "line", "path", "title", "text"]);
const HANDLERS = ["onclick", "oninput", "onchange", "onsubmit", "onkeydown"];

export function h(tag, members = {}, ...children) {
  const node = SVG.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on") || name === "value" || name === "checked") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function show(place, nodes) {
  const wanted = document.createElement(place.tagName);
  wanted.append(...[nodes].flat(Infinity).filter(Boolean));
  changeChildren(place, wanted);
}

function changeChildren(old, wanted) {
  const keyed = new Map();
  for (const child of old.childNodes) if (child.dataset?.key) keyed.set(child.dataset.key, child);
  let at = old.firstChild;
  for (const next of [...wanted.childNodes]) {
    const same = next.dataset?.key ? keyed.get(next.dataset.key) : at?.dataset?.key ? null : at;
    if (!same || !alike(same, next)) {
      old.insertBefore(next, at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else old.insertBefore(same, at);
    change(same, next);
  }
  while (at) {
    const after = at.nextSibling;
    at.remove();
    at = after;
  }
}

function alike(old, next) {
  return old.nodeName === next.nodeName && old.dataset?.key === next.dataset?.key;
}

function change(old, next) {
  if (old === next) return;
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !(name === "open" && old.tagName === "DETAILS")) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (next.dataset.own) return; // its content is its own business
  for (const name of HANDLERS) if (old[name] !== next[name]) old[name] = next[name];
  if (old.tagName === "INPUT" || old.tagName === "SELECT") {
    if (document.activeElement !== old) old.value = next.value;
    if (old.tagName === "INPUT") return;
  }
  changeChildren(old, next);
}

export function copyButton(text, what) {
  const button = h("button", { type: "button", class: "quiet-button", "aria-label": `Copy ${what}` }, "Copy");
  button.onclick = async (event) => {
    const pressed = event.currentTarget;
    let done = "Copied";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      done = "Select it and copy";
    }
    pressed.textContent = done;
    say(`${what}: ${done}`);
    setTimeout(() => (pressed.textContent = "Copy"), 1500);
  };
  return button;
}

export function say(text) {
  document.getElementById("said").textContent = text;
}
