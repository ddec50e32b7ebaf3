// Calls of the console's server side. The key came in the fragment of the printed address, which the browser sends to
// nobody; it is kept for this origin, so that new tabs have it too. In the stack Nginx has the login, and there is none.

const KEPT = "lakelab-emr-key";
const seen = new Map(); // address → what it showed last, with its ETag

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function takeKey() {
  const key = location.hash.slice(1);
  if (!/^[\w-]{20,}$/.test(key)) return;
  localStorage.setItem(KEPT, key);
  history.replaceState(null, "", location.pathname + location.search);
}

function headers(more = {}) {
  const key = localStorage.getItem(KEPT);
  return key ? { ...more, Authorization: `Bearer ${key}` } : more;
}

async function call(path, options = {}) {
  const answer = await fetch(`/emr/api/${path}`, { cache: "no-store", signal: AbortSignal.timeout(30000), ...options });
  if (answer.ok || answer.status === 304) return answer;
  let message = answer.statusText || `The server answered ${answer.status}.`;
  if ((answer.headers.get("Content-Type") || "").includes("json")) message = (await answer.json()).message || message;
  throw new Refused(answer.status, message);
}

// What is at a path now, and whether it differs from what was there when this was asked last.
export async function look(path) {
  const before = seen.get(path);
  const answer = await call(path, { headers: headers(before && { "If-None-Match": before.tag }) });
  if (answer.status === 304) return { data: before.data, changed: false };
  const data = await answer.json();
  data.ahead = Date.now() / 1000 - data.Now; // this clock against the server's
  if (seen.size > 40) seen.clear();
  seen.set(path, { tag: answer.headers.get("ETag"), data });
  return { data, changed: true };
}

export async function change(path, members = {}) {
  const options = { method: "POST", headers: headers({ "Content-Type": "application/json" }), body: JSON.stringify(members) };
  return (await call(path, options)).json();
}

// A piece of a log: bytes, where they begin, and how many the log has.
export async function piece(path, from, most) {
  const query = new URLSearchParams();
  if (from !== null) query.set("from", from);
  if (most) query.set("most", most);
  const answer = await call(`${path}?${query}`, { headers: headers() });
  const [start, size] = ["Log-From", "Log-Size"].map((name) => Number(answer.headers.get(name)));
  return { bytes: new Uint8Array(await answer.arrayBuffer()), start, size };
}
