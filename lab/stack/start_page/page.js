// Keeps the health on the page fresh while it is looked at.
"use strict";

const EVERY = 5000; // milliseconds

function show(element, well, text) {
  element.classList.toggle("well", well);
  element.classList.toggle("ill", !well);
  if (element.textContent !== text) element.textContent = text;
}

async function refresh() {
  const all = document.getElementById("all");
  try {
    const answer = await fetch("/health.json", { signal: AbortSignal.timeout(EVERY) });
    if (!answer.ok) throw new Error(String(answer.status));
    const health = await answer.json();
    for (const element of document.querySelectorAll("[data-name]")) {
      const found = health[element.dataset.name];
      if (found) show(element, found.well, found.seen);
    }
    const states = Object.values(health);
    const well = states.filter((found) => found.well).length;
    show(all, well === states.length, `${well} of ${states.length} are well`);
  } catch {
    show(all, false, "the stack does not answer: make up");
  }
}

setInterval(() => document.hidden || refresh(), EVERY);
