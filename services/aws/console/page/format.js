// States, times and durations as text and as small elements.

import { h } from "./dom.js";

// The kind of each state decides its colour; its sign tells the same without one.
const KINDS = {
  STARTING: "begun", PROVISIONING: "begun", BOOTSTRAPPING: "begun", RUNNING: "begun", RESIZING: "begun",
  WAITING: "rest", PENDING: "rest",
  CANCEL_PENDING: "ending", TERMINATING: "ending", COMPLETED: "well", TERMINATED: "over", CANCELLED: "over",
  FAILED: "ill", INTERRUPTED: "ill", TERMINATED_WITH_ERRORS: "ill",
};
const SIGNS = { begun: "▶", rest: "◷", ending: "◌", well: "✓", over: "■", ill: "✗" };
const ENDED = new Set(["COMPLETED", "TERMINATED", "CANCELLED", "FAILED", "INTERRUPTED", "TERMINATED_WITH_ERRORS"]);

export const kind = (state) => KINDS[state] || "over";
export const ended = (state) => ENDED.has(state);

export function badge(state) {
  const words = state.toLowerCase().replaceAll("_", " ");
  return h("span", { class: `state ${kind(state)}` }, h("i", { "aria-hidden": "true" }, SIGNS[kind(state)]), words);
}

export function duration(seconds) {
  const s = Math.max(0, seconds);
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 59.5) return `${Math.round(s)} s`;
  const whole = Math.round(s);
  const [d, hours, min, sec] = [whole / 86400, (whole / 3600) % 24, (whole / 60) % 60, whole % 60].map(Math.floor);
  if (d) return `${d} d ${hours} h`;
  if (hours) return `${hours} h ${String(min).padStart(2, "0")} min`;
  return `${min} min ${String(sec).padStart(2, "0")} s`;
}

const two = (number) => String(number).padStart(2, "0");
const sameDay = (a, b) => a.toDateString() === b.toDateString();
const day = (date) => date.toLocaleDateString(undefined, { day: "numeric", month: "short" });

export function clock(seconds, withDay = !sameDay(new Date(seconds * 1000), new Date())) {
  const at = new Date(seconds * 1000);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return withDay ? `${day(at)} ${time}` : time;
}

export function time(seconds) {
  if (!seconds) return "–";
  const at = new Date(seconds * 1000);
  return h("time", { datetime: at.toISOString(), title: at.toLocaleString() }, clock(seconds));
}

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const [unit, by] = bytes < 1e6 ? ["KB", 1e3] : bytes < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${(bytes / by).toFixed(bytes / by < 10 ? 1 : 0)} ${unit}`;
}

// Of a Status: how long it waited, how long it has been going on, and whether it still is.
export function lasted(status, now) {
  const { CreationDateTime: created, EndDateTime: end } = status.Timeline;
  const began = status.Timeline.StartDateTime || status.Timeline.ReadyDateTime;
  const over = ended(status.State);
  return { waited: (began || end || now) - created, ran: began ? (end || now) - began : 0, began, end, over };
}
