// Keeps topics, groups and the chosen topic's messages fresh while the page is looked at. Everything is put in as text.
"use strict";

const EVERY = 2000; // milliseconds
const before = new Map(); // topic → [time, messages], for the rate
let chosen = decodeURIComponent(location.hash.slice(1));

const by = (id) => document.getElementById(id);
const count = (number) => number.toLocaleString("en");

function row(cells, numbers) {
  const line = document.createElement("tr");
  cells.forEach((content, index) => {
    const cell = line.insertCell();
    if (numbers.includes(index)) cell.className = "number";
    cell.append(content);
  });
  return line;
}

function choice(topic) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = topic.name;
  button.title = topic.doc;
  button.setAttribute("aria-pressed", String(topic.name === chosen));
  button.addEventListener("click", () => {
    chosen = topic.name;
    location.hash = encodeURIComponent(chosen);
    by("messages").replaceChildren();
    refresh();
  });
  return button;
}

function rate(topic) {
  const now = performance.now();
  const [then, messages] = before.get(topic.name) ?? [now, topic.messages];
  before.set(topic.name, [now, topic.messages]);
  const perSecond = now > then ? Math.max(0, (topic.messages - messages) / ((now - then) / 1000)) : 0;
  return perSecond ? count(Math.round(perSecond)) : "";
}

function showTopics(topics) {
  const focused = document.activeElement?.closest?.("#topics") && document.activeElement.textContent;
  by("topics").replaceChildren(...topics.map((topic) => row(
    [choice(topic), String(topic.partitions), topic.lagging ? `${topic.replicas}, ${topic.lagging} not in sync` : String(topic.replicas),
      count(topic.messages), rate(topic), topic.kept], [1, 2, 3, 4])));
  if (focused) [...by("topics").querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
}

function showGroups(groups) {
  const lines = groups.flatMap((group) => group.lags.length
    ? group.lags.map((lag) => [group.name, group.state, String(group.members), `${lag.topic} ${lag.partition}`, count(lag.committed), count(lag.end), count(lag.behind)])
    : [[group.name, group.state, String(group.members), "", "", "", ""]]);
  by("groups").replaceChildren(...lines.map((line) => row(line, [2, 4, 5, 6])));
}

function showMessages(messages) {
  by("hint").textContent = messages.length ? `The last of ${chosen}, the newest first.` : `${chosen} is empty.`;
  by("messages").replaceChildren(...messages.map((message) => row(
    [new Date(message.timestamp).toISOString().slice(11, 23), `${message.partition}:${message.offset}`, message.key, message.summary], [1])));
}

function say(well, text) {
  by("all").className = `state ${well ? "well" : "ill"}`;
  if (by("all").textContent !== text) by("all").textContent = text;
}

async function ask(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(15000) });
  if (!answer.ok) throw new Error(String(answer.status));
  const found = await answer.json();
  if (found.error) throw new Error(found.error);
  return found;
}

async function refresh() {
  try {
    const { topics, groups } = await ask("/kafka/overview.json");
    showTopics(topics);
    showGroups(groups);
    const lagging = topics.filter((topic) => topic.lagging).length;
    say(!lagging, lagging ? `${lagging} topics have a replica that is not in sync` : "all replicas are in sync");
    if (chosen) showMessages((await ask(`/kafka/messages.json?topic=${encodeURIComponent(chosen)}`)).messages);
  } catch (error) {
    say(false, error.name === "TypeError" ? "the stack does not answer: make up" : error.message);
  }
}

async function keep() {
  if (!document.hidden) await refresh();
  setTimeout(keep, EVERY);
}

keep();
