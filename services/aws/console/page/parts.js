// What several views are made of.

import { copyButton, h, say } from "./dom.js";

export function tiles(...pairs) {
  const shown = pairs.filter(Boolean);
  return h("dl", { class: "tiles" }, shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

export function notice(kind, ...children) {
  return h("div", { class: `notice ${kind}` }, ...children);
}

export function code(text, what) {
  // Lines break between arguments, not at the dashes within them.
  const words = text.split(/( )/).map((word) => (word === " " ? word : h("span", { class: "word" }, word)));
  return h("div", { class: "code" }, h("pre", { tabindex: "0" }, h("code", {}, words)), copyButton(text, what));
}

export function fold(key, title, count, ...children) {
  const about = count === null ? null : h("span", { class: "quiet" }, ` ${count}`);
  return h("details", { "data-key": key }, h("summary", {}, title, about), ...children);
}

export function table(caption, heads, rows) {
  return h(
    "div", { class: "scroll" },
    h("table", {}, h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)))))),
  );
}

let pause; // between letters that are typed

// The filters above a list. `groups`: name → the states in it.
export function filters(query, groups, what, go) {
  const search = h("input", {
    type: "search", value: query.get("search") || "", placeholder: `Find ${what} by name or id`, autocomplete: "off",
    spellcheck: "false", "aria-label": `Find ${what} by name or id`, "data-shortcut": "/",
  });
  search.oninput = (event) => {
    const { value } = event.currentTarget;
    clearTimeout(pause);
    pause = setTimeout(() => go({ search: value || null, after: null }, true), 250);
  };
  const chosen = query.get("state") || "all";
  const choices = Object.keys(groups).map((name) => {
    const pressed = name === chosen;
    const button = h("button", { type: "button", "aria-pressed": String(pressed) }, name[0].toUpperCase() + name.slice(1));
    button.onclick = () => go({ state: name === "all" ? null : name, after: null });
    return button;
  });
  return h("div", { class: "filters", role: "search" }, search,
    h("div", { class: "choices", role: "group", "aria-label": "States" }, choices));
}

export function listing(query, groups) {
  const asked = new URLSearchParams();
  for (const state of groups[query.get("state")] || []) asked.append("state", state);
  for (const name of ["search", "after"]) if (query.get(name)) asked.set(name, query.get(name));
  return asked;
}

// Under a list: the way to its other pages.
export function pager(data, shown, query, what, go) {
  const searched = query.get("search");
  const more = data.Marker && (shown || searched);
  const looked = searched && data.Marker ? `${data.Looked.toLocaleString()} ${what} were looked at. ` : "";
  if (!more && !query.get("after")) return null;
  return h(
    "nav", { class: "pager", "aria-label": `Pages of ${what}` },
    query.get("after") && h("button", { type: "button", onclick: () => go({ after: null }) }, "Newest"),
    h("span", { class: "quiet" }, looked),
    more && h("button", { type: "button", onclick: () => go({ after: data.Marker }) }, searched ? "Look further" : "Older"),
  );
}

// A dialog that asks before something ends. `choices`: a value for each label, or none.
export function ask({ title, text, choices = {}, verb, act }) {
  const dialog = document.getElementById("ask");
  const told = h("p", { class: "notice ill", role: "alert", hidden: true });
  const entries = Object.entries(choices);
  const options = entries.map(([value, label], number) =>
    h("label", { class: "option" }, h("input", { type: "radio", name: "choice", value, checked: number === 0 }), h("span", {}, label)));
  const sure = h("button", { type: "submit", class: "danger" }, verb);
  const form = h(
    "form", { method: "dialog" }, h("h2", { id: "ask-title" }, title), h("p", {}, text), options, told,
    h("div", { class: "buttons" }, h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Keep it running"), sure),
  );
  form.onsubmit = async (event) => {
    event.preventDefault();
    sure.disabled = true;
    try {
      await act(form.querySelector("input:checked")?.value);
      dialog.close();
      say(`${title} Done.`);
    } catch (error) {
      told.textContent = error.message;
      told.hidden = false;
      sure.disabled = false;
    }
  };
  dialog.replaceChildren(form);
  dialog.showModal();
}
