"use strict";
// EventSource cannot send a token, so the stream is read by fetch and taken apart here.
const MOST_CHANGES = 50;
const quotes = new Map();
const state = document.getElementById("state");

document.getElementById("login").addEventListener("submit", (event) => {
  event.preventDefault();
  watch(document.getElementById("token").value.trim());
});

async function watch(token) {
  for (;;) {
    try {
      const answer = await fetch("live", { headers: { Authorization: `Bearer ${token}` } });
      if (answer.status === 401 || answer.status === 403) { state.textContent = (await answer.json()).detail; return; }
      if (!answer.ok) throw new Error(String(answer.status));
      state.textContent = "watching";
      await read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch {
      state.textContent = "the stream broke off; trying again";
    }
    await new Promise((done) => setTimeout(done, 2000));
  }
}

async function read(reader) {
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    parts.forEach(show);
  }
}

function show(part) {
  const kind = /^event: (.*)$/m.exec(part), data = /^data: (.*)$/m.exec(part);
  if (!kind || !data) return;
  const found = JSON.parse(data[1]);
  if (kind[1] === "quote") showQuote(found); else showChange(found);
}

function cells(row, values) {
  row.replaceChildren(...values.map((value) => { const cell = document.createElement("td"); cell.textContent = value; return cell; }));
}

function showQuote(quote) {
  let known = quotes.get(quote.symbol);
  if (!known) {
    known = { row: document.createElement("tr"), price: quote.price };
    quotes.set(quote.symbol, known);
    document.getElementById("quotes").append(known.row);
  }
  const change = quote.price - known.price;
  known.price = quote.price;
  cells(known.row, [quote.symbol, quote.price.toFixed(2), (change > 0 ? "+" : "") + change.toFixed(2), quote.volume, quote.event_time]);
  known.row.cells[2].className = change > 0 ? "up" : change < 0 ? "down" : "";
}

function showChange(change) {
  const row = document.createElement("tr"), body = document.getElementById("changes");
  const time = change.committed_ms ? new Date(change.committed_ms).toISOString() : "";
  cells(row, [time, change.table, change.operation, change.lsn ?? "", `${change.partition}, ${change.offset}`]);
  body.prepend(row);
  while (body.rows.length > MOST_CHANGES) body.deleteRow(-1);
}
