// The four logs of a step: the end of each at first, what comes after it as it comes, what was before it on demand.

import { piece } from "./api.js";
import { h, say } from "./dom.js";
import { size } from "./format.js";

const NAMES = ["controller", "syslog", "stdout", "stderr"];
const FIRST = 1 << 16; // bytes
const MORE = 1 << 18;
const SIZES = 3; // so many looks at a log for one at the sizes of all
const KEPT = 2e6; // characters on the page; beyond that the oldest go
const ILL = /\b(ERROR|FATAL|Exception|Traceback|Error:)/;
const encoder = new TextEncoder();
const WARNS = /\b(WARN|WARNING)\b/;

let pane = null;

// The place of the pane of the step that is looked at. The pane lives on while the page around it changes.
export function logs(settings) {
  if (pane?.key !== settings.key) pane = new Pane(settings.key);
  pane.update(settings);
  return h("div", { "data-own": "log", "data-key": `log-${settings.key}` });
}

export function settle() {
  const place = document.querySelector("[data-own='log']");
  if (place && pane && !place.contains(pane.node)) place.replaceChildren(pane.node);
}

export async function tick() {
  if (pane?.node.isConnected) await pane.read();
}

class Pane {
  constructor(key) {
    this.key = key;
    this.name = null;
    this.sizes = {};
    this.follow = true;
    this.rounds = 0;
    this.tabs = NAMES.map((name) => {
      const tab = h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "log", "data-name": name }, name, h("small", {}));
      tab.onclick = () => this.choose(name);
      tab.onkeydown = (event) => this.move(event);
      return tab;
    });
    this.text = h("pre", { id: "log", role: "tabpanel", tabindex: "0" });
    this.text.onscroll = () => this.scrolled();
    this.older = h("button", { type: "button", class: "quiet-button older", hidden: true, onclick: () => this.before() }, "Show what was before");
    this.address = h("code", {});
    this.following = h("input", { type: "checkbox", checked: true, onchange: (event) => this.setFollow(event.target.checked) });
    this.wrapping = h("input", { type: "checkbox", checked: true, onchange: (event) => this.text.classList.toggle("wrap", event.target.checked) });
    this.text.classList.add("wrap");
    this.node = h(
      "div", { class: "log" },
      h("div", { class: "log-bar" }, h("div", { role: "tablist", "aria-label": "Logs" }, this.tabs),
        h("div", { class: "log-options" }, h("label", {}, this.wrapping, "Wrap"), this.followLabel = h("label", {}, this.following, "Follow"))),
      this.older, this.text, h("p", { class: "quiet where" }, this.address),
    );
  }

  update({ path, live, wanted, addresses }) {
    const ending = this.live && !live;
    Object.assign(this, { path, live: live || ending, addresses, last: ending });
    this.followLabel.hidden = !live;
    if (this.name) this.tellAddress();
    if (wanted && NAMES.includes(wanted) && wanted !== this.wanted) {
      this.wanted = wanted;
      this.choose(wanted);
      this.measure();
    } else if (!this.name) this.begin();
  }

  tellAddress() {
    const address = this.addresses[this.name];
    const text = address ? `${this.live && !this.last ? "Will be at " : ""}${address}` : "";
    if (this.address.textContent !== text) this.address.textContent = text;
  }

  begin() {
    this.choose("controller");
    this.undecided = true; // until there is something to see
    this.measure();
  }

  async measure() {
    await Promise.all(NAMES.map(async (name) => {
      const { size: bytes } = await piece(`${this.path}/${name}`, 0, 1).catch(() => ({ size: 0 }));
      this.resize(name, bytes);
    }));
    // The log that says most: what the step printed, else what it complained of, else what was done with it.
    const telling = this.undecided && ["stdout", "stderr"].find((name) => this.sizes[name]);
    if (telling) this.choose(telling);
  }

  resize(name, bytes) {
    this.sizes[name] = bytes;
    this.tabs[NAMES.indexOf(name)].lastChild.textContent = bytes ? size(bytes) : "empty";
  }

  choose(name) {
    this.undecided = false;
    this.name = name;
    this.loaded = false;
    this.first = this.end = 0;
    this.decoder = new TextDecoder();
    this.open = null;
    this.text.replaceChildren();
    this.text.classList.remove("nothing");
    this.older.hidden = true;
    for (const tab of this.tabs) {
      const chosen = tab.dataset.name === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    this.text.setAttribute("aria-labelledby", `tab-${name}`);
    this.tellAddress();
    this.setFollow(true);
    this.read();
  }

  move(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = this.tabs[(NAMES.indexOf(this.name) + by + NAMES.length) % NAMES.length];
    this.choose(next.dataset.name);
    next.focus();
  }

  // What is new since the last time; once more after the step has ended.
  async read() {
    if (this.reading || (this.loaded && !this.live)) return;
    this.reading = true;
    this.rounds += 1;
    const { name } = this;
    try {
      const last = this.last;
      let got;
      do {
        got = await piece(`${this.path}/${name}`, this.loaded ? this.end : null, this.loaded ? MORE : FIRST);
        if (name !== this.name) return;
        this.take(got);
      } while (this.end < got.size && got.bytes.length);
      if (this.rounds % SIZES === 0 || last) await this.measure();
      if (last) this.live = this.last = false;
    } catch (error) {
      if (error.status) this.nothing(error.message);
    } finally {
      this.reading = false;
      if (name !== this.name) this.read();
    }
  }

  take({ bytes, start, size: whole }) {
    this.resize(this.name, whole);
    if (!this.loaded) {
      this.loaded = true;
      // In the middle of a log: from the next line on.
      const cut = start ? bytes.indexOf(10) + 1 : 0;
      this.first = start + cut;
      this.end = start + bytes.length;
      this.append(bytes.subarray(cut));
    } else if (bytes.length && start === this.end) {
      this.end += bytes.length;
      this.append(bytes);
    }
    this.older.hidden = !this.first;
    if (!whole) this.nothing(this.live ? "Nothing yet." : "It is empty.");
  }

  nothing(words) {
    this.text.classList.add("nothing");
    this.text.textContent = words;
  }

  append(bytes) {
    if (!bytes.length) return;
    if (this.text.classList.contains("nothing")) {
      this.text.classList.remove("nothing");
      this.text.replaceChildren();
      this.open = null;
    }
    const lines = this.decoder.decode(bytes, { stream: true }).split("\n");
    if (this.open) {
      fill(this.open, this.open.whole + lines.shift());
    }
    const spans = lines.map(line);
    this.text.append(...spans);
    this.open = this.text.lastChild;
    this.drop();
    if (this.follow) this.text.scrollTop = this.text.scrollHeight;
  }

  // A log without end does not fill the browser's memory.
  drop() {
    let surplus = this.text.textContent.length - KEPT;
    while (surplus > 0 && this.text.childElementCount > 1) {
      const gone = this.text.firstChild;
      surplus -= gone.textContent.length;
      this.first += gone.bytes;
      gone.remove();
    }
  }

  async before() {
    const { name, first } = this;
    const from = Math.max(0, first - MORE);
    const { bytes } = await piece(`${this.path}/${name}`, from, first - from);
    if (name !== this.name || first !== this.first) return;
    const cut = from ? bytes.indexOf(10) + 1 : 0;
    const height = this.text.scrollHeight;
    this.first = from + cut;
    const lines = new TextDecoder().decode(bytes.subarray(cut)).split("\n");
    if (lines.at(-1) === "") lines.pop();
    this.setFollow(false);
    this.text.prepend(...lines.map((text) => line(text)));
    this.text.scrollTop += this.text.scrollHeight - height;
    this.older.hidden = !this.first;
    say(`${lines.length} earlier lines`);
  }

  scrolled() {
    const atEnd = this.text.scrollHeight - this.text.scrollTop - this.text.clientHeight < 8;
    if (atEnd !== this.follow) this.setFollow(atEnd);
  }

  setFollow(on) {
    this.follow = this.following.checked = on;
    if (on) this.text.scrollTop = this.text.scrollHeight;
  }
}

function line(text) {
  return fill(h("span", {}), text);
}

// Of what a progress bar wrote over itself, the last.
function fill(span, text) {
  const shown = text.replace(/^.*\r(?!$)/, "");
  span.whole = text;
  span.bytes = encoder.encode(text).length + 1;
  span.textContent = shown;
  span.className = ILL.test(shown) ? "ill" : WARNS.test(shown) ? "warns" : "";
  return span;
}
