// Bars of what ran when, on one axis for a list of steps. Times in which nothing happened are cut out of the axis, so
// that the runs of a week can be seen side by side.

import { clock, duration, kind } from "./format.js";
import { h } from "./dom.js";

const MOST_CUT = 30; // percent of the axis that all cuts together may take
const CUT = 2.5;

export function axis(statuses, now) {
  const spans = statuses
    .map(({ Timeline: t }) => [t.CreationDateTime, Math.max(t.EndDateTime || now, t.CreationDateTime)])
    .sort((a, b) => a[0] - b[0]);
  const parts = merged(spans);
  const active = parts.reduce((sum, [from, to]) => sum + (to - from), 0) || 1;
  const long = Math.max(active * 0.2, 5);
  const runs = parts.length ? [[...parts[0]]] : [[now - 1, now]];
  for (const [from, to] of parts.slice(1)) {
    if (from - runs.at(-1)[1] > long) runs.push([from, to]);
    else runs.at(-1)[1] = to;
  }
  const cut = runs.length > 1 ? Math.min(CUT, MOST_CUT / (runs.length - 1)) : 0;
  const shown = runs.reduce((sum, [from, to]) => sum + (to - from), 0) || 1;
  const scale = (100 - cut * (runs.length - 1)) / shown;
  let left = 0;
  const pieces = runs.map(([from, to]) => {
    const piece = { from, to, left };
    left += (to - from) * scale + cut;
    return piece;
  });
  const at = (t) => {
    const piece = pieces.findLast((each) => t >= each.from) || pieces[0];
    return Math.min(100, piece.left + (Math.min(Math.max(t, piece.from), piece.to) - piece.from) * scale);
  };
  return { at, cuts: pieces.slice(1).map((piece) => piece.left - cut / 2), ticks: ticks(pieces, at) };
}

function merged(spans) {
  const parts = [];
  for (const [from, to] of spans) {
    if (parts.length && from <= parts.at(-1)[1]) parts.at(-1)[1] = Math.max(parts.at(-1)[1], to);
    else parts.push([from, to]);
  }
  return parts;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];
const APART = 18; // percent of the axis that a label needs

// Where each piece begins, as far as there is room, and round times in between.
function ticks(pieces, at) {
  const wanted = pieces.map((piece) => piece.from);
  for (const { from, to } of pieces) {
    const wide = at(to) - at(from);
    const step = STEPS.find((each) => (wide * each) / Math.max(to - from, 0.001) >= APART) || Infinity;
    for (let t = Math.ceil(from / step) * step, n = 0; t < to && n < 6; t += step, n += 1) wanted.push(t);
  }
  const kept = [];
  for (const t of wanted) {
    const left = at(t);
    if (left <= 100 - APART && kept.every((other) => Math.abs(other.left - left) >= APART)) kept.push({ left, t });
  }
  kept.sort((a, b) => a.t - b.t);
  const day = (t) => new Date(t * 1000).toDateString();
  return kept.map(({ left, t }, n) => ({ left, text: clock(t, n ? day(t) !== day(kept[n - 1].t) : undefined) }));
}

export function ruler({ ticks, cuts }) {
  const line = (name, left, y1) => h("line", { class: name, x1: `${left}%`, x2: `${left}%`, y1, y2: "100%" });
  return h(
    "svg", { class: "ruler", "aria-hidden": "true", width: "100%", height: "22" },
    cuts.map((left) => line("cut", left, "0")), ticks.map(({ left }) => line("grid", left, "16")),
    ticks.map(({ left, text }) => h("text", { x: `${left}%`, y: "12" }, text)),
  );
}

export function bar({ at, cuts, ticks }, status, now) {
  const { CreationDateTime: created, StartDateTime: began, EndDateTime: end } = status.Timeline;
  const last = end || now;
  const from = at(began || created);
  const words = began
    ? `waited ${duration(began - created)}, ran ${duration(last - began)} from ${clock(began)}`
    : `waited ${duration(last - created)} from ${clock(created)}`;
  const line = (name, left) => h("line", { class: name, x1: `${left}%`, x2: `${left}%`, y1: "0", y2: "100%" });
  return h(
    "svg", { class: "bar", role: "img", "aria-label": words, width: "100%", height: "100%" }, h("title", {}, words),
    ticks.map(({ left }) => line("grid", left)), cuts.map((left) => line("cut", left)),
    h("rect", { class: "wait", x: `${at(created)}%`, y: "15", width: `${Math.max(0, at(began || last) - at(created))}%`, height: "4", rx: "2" }),
    began && h("rect", { class: kind(status.State), x: `${Math.min(from, 99.4)}%`, y: "11", width: `${Math.max(0.6, at(last) - from)}%`, height: "12", rx: "3" }),
  );
}
