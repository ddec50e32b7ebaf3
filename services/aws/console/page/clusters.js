// The list of clusters.

import { h } from "./dom.js";
import { badge, duration, lasted, time } from "./format.js";
import { filters, listing, pager } from "./parts.js";

const GROUPS = {
  all: [],
  active: ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"],
  ended: ["TERMINATED", "TERMINATED_WITH_ERRORS"],
  "with errors": ["TERMINATED_WITH_ERRORS"],
};

export const clusters = {
  paths: ({ query }) => [`clusters?${listing(query, GROUPS)}`],
  title: () => "Clusters",
  crumbs: () => [],
  subjects: ([{ Clusters }]) => Clusters.map((each) => [each.Id, each.Name, each.Status.State]),

  render({ query }, [data], now, go) {
    const rows = data.Clusters.map((cluster) => row(cluster, now));
    return [
      h("h1", {}, "Clusters"),
      filters(query, GROUPS, "clusters", go),
      rows.length ? list(rows) : empty(query, data),
      pager(data, rows.length, query, "clusters", go),
    ];
  },
};

function list(rows) {
  const heads = ["State", "Cluster", "What it says", "Created", "Lasted"];
  return h(
    "div", { class: "scroll" },
    h("table", { class: "list clusters" }, h("caption", { class: "unseen" }, "Clusters, newest first"),
      h("thead", {}, h("tr", {}, heads.map((head, n) => h("th", { scope: "col", class: n > 2 && "num" }, head)))),
      h("tbody", {}, rows)),
  );
}

function row(cluster, now) {
  const status = cluster.Status;
  const created = status.Timeline.CreationDateTime;
  const end = status.Timeline.EndDateTime || now;
  return h(
    "tr", { "data-key": cluster.Id },
    h("td", {}, badge(status.State)),
    h("th", { scope: "row" }, h("a", { href: `/emr/clusters/${cluster.Id}` }, cluster.Name), h("code", {}, cluster.Id)),
    h("td", { class: "quiet says" }, status.StateChangeReason.Message || ""),
    h("td", { class: "num" }, time(created)),
    h("td", { class: "num" }, duration(end - created), lasted(status, now).over ? null : h("span", { class: "unseen" }, " so far")),
  );
}

function empty(query, data) {
  if (query.get("search") || query.get("state")) {
    return h("p", { class: "empty" }, data.Marker ? "None so far." : "No cluster is like that.");
  }
  return h("div", { class: "empty" }, h("p", {}, "No cluster yet."),
    h("p", { class: "quiet" }, "One appears here as soon as ", h("code", {}, "aws emr create-cluster"), ", boto3 or a DAG makes it."));
}
