// The page: which view its address means, and keeping the view as things are now.

import { look, Refused, takeKey } from "./api.js";
import { cluster } from "./cluster.js";
import { clusters } from "./clusters.js";
import { h, say, show } from "./dom.js";
import { ended } from "./format.js";
import { settle, tick } from "./log.js";
import { notice } from "./parts.js";
import { step } from "./step.js";

const EVERY = 1000; // milliseconds between looks
const SEARCHING = 5; // as many times rarer while a search looks through a long history
const main = document.getElementById("main");
let here; // the route and its view
let seen; // what the view showed last: data, and states by id
let round = 0;

function route() {
  const [cluster_, step_] = location.pathname.match(/^\/emr\/clusters\/([^/]+)(?:\/steps\/([^/]+))?$/)?.slice(1).map((part) => part && decodeURIComponent(part)) || [];
  const view = step_ ? step : cluster_ ? cluster : clusters;
  return { view, cluster: cluster_, step: step_, query: new URLSearchParams(location.search) };
}

// To the same view with other filters; `quietly`: without a new entry in the history.
function go(members, quietly = false) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(members)) value ? query.set(name, value) : query.delete(name);
  const text = query.toString();
  history[quietly ? "replaceState" : "pushState"](null, "", location.pathname + (text ? `?${text}` : ""));
  open(false);
}

async function open(anew = true) {
  here = route();
  seen = null;
  if (anew) {
    main.scrollIntoView();
    scrollTo(0, 0);
  }
  const asked = here;
  await refresh();
  if (anew && asked === here) main.focus({ preventScroll: true });
}

async function refresh() {
  const asked = here;
  try {
    const answers = await Promise.all(asked.view.paths(asked).map(look));
    if (asked !== here) return;
    const data = answers.map((answer) => answer.data);
    const fresh = !seen || answers.some((answer) => answer.changed);
    const states = new Map(asked.view.subjects(data).map(([id, name, state]) => [id, [name, state]]));
    const living = [...states.values()].some(([, state]) => !ended(state));
    if (fresh || living) render(asked, data);
    tell(states);
    seen = { data, states };
    link("live");
    await tick();
  } catch (error) {
    if (asked === here) trouble(error);
  }
}

function render(asked, data) {
  const now = Date.now() / 1000 - (data[0].ahead || 0);
  show(main, asked.view.render(asked, data, now, go));
  settle();
  document.title = `${asked.view.title(data)} · Lakelab EMR`;
  const crumbs = asked.view.crumbs(data).map(([name, href]) => h("li", {}, href ? h("a", { href }, name) : h("span", { "aria-current": "page" }, name)));
  show(document.getElementById("crumbs"), crumbs.length ? h("ol", {}, h("li", {}, h("a", { href: "/emr/" }, "Clusters")), crumbs) : []);
}

// To those who listen: what changed among the things on the page.
function tell(states) {
  if (!seen) return;
  const changed = [...states].filter(([id, [, state]]) => seen.states.has(id) && seen.states.get(id)[1] !== state);
  if (changed.length) say(changed.slice(0, 3).map(([, [name, state]]) => `${name}: ${state.toLowerCase().replaceAll("_", " ")}`).join(". "));
}

function trouble(error) {
  const refused = error instanceof Refused ? error.status : 0;
  if (refused === 401) {
    show(main, notice("ill", h("strong", {}, "This page has no key"),
      h("p", {}, "Open the address that ", h("code", {}, "lab emr serve"), " printed when it started: the key is in it, and it is a new one each time.")));
    link("no key");
  } else if (refused >= 400 && refused < 500) {
    show(main, [notice("ill", h("strong", {}, error.message)), h("p", {}, h("a", { href: "/emr/" }, "All clusters"))]);
    link("live");
  } else {
    link("not connected");
    if (!seen) show(main, notice("ill", h("strong", {}, "The endpoint does not answer"), h("p", {}, "This page goes on when it does.")));
  }
}

function link(state) {
  const place = document.getElementById("link");
  if (place.textContent !== state) place.textContent = state;
  place.classList.toggle("off", state !== "live");
}

async function watch() {
  round += 1;
  const due = !here.query.get("search") || round % SEARCHING === 0;
  if (!document.hidden && due) await refresh();
  setTimeout(watch, EVERY);
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest("a[href^='/emr/']");
  if (!anchor || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.pushState(null, "", anchor.getAttribute("href"));
  open();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
  const search = document.querySelector("[data-shortcut='/']");
  if (!search) return;
  event.preventDefault();
  search.focus();
});
document.addEventListener("visibilitychange", () => document.hidden || refresh());
addEventListener("popstate", () => open(false));
takeKey();
addEventListener("hashchange", () => {
  takeKey();
  open(false);
});
open(false).then(() => setTimeout(watch, EVERY));
