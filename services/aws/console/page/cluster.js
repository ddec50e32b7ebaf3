// One cluster: its steps as bars on an axis of time, and what it is made of.

import { change } from "./api.js";
import { copyButton, h } from "./dom.js";
import { badge, duration, ended, lasted, time } from "./format.js";
import { axis, bar, ruler } from "./gantt.js";
import { ask, filters, fold, listing, notice, pager, table, tiles } from "./parts.js";

const GROUPS = {
  all: [],
  active: ["PENDING", "RUNNING", "CANCEL_PENDING"],
  completed: ["COMPLETED"],
  failed: ["FAILED", "INTERRUPTED"],
  cancelled: ["CANCELLED"],
};

export const cluster = {
  paths: ({ cluster: id, query }) => [`clusters/${id}`, `clusters/${id}/steps?${listing(query, GROUPS)}`],
  title: ([{ Cluster }]) => Cluster.Name,
  crumbs: ([{ Cluster }]) => [[Cluster.Name]],
  subjects: ([{ Cluster }, { Steps }]) => [
    [Cluster.Id, Cluster.Name, Cluster.Status.State],
    ...Steps.map((each) => [each.Id, each.Name, each.Status.State]),
  ],

  render({ query }, [data, list], now, go) {
    return [
      head(data.Cluster, now),
      h("section", { "aria-labelledby": "steps" }, h("h2", { id: "steps" }, "Steps"),
        filters(query, GROUPS, "steps", go),
        list.Steps.length ? gantt(data.Cluster, list.Steps, now) : empty(query, list),
        pager(list, list.Steps.length, query, "steps", go)),
      h("section", { "aria-labelledby": "about" }, h("h2", { id: "about" }, "About this cluster"), about(data)),
    ];
  },
};

function head(cluster, now) {
  const { Status: status } = cluster;
  const { CreationDateTime: created, ReadyDateTime: ready, EndDateTime: end } = status.Timeline;
  const message = status.StateChangeReason.Message || "";
  const ill = status.State === "TERMINATED_WITH_ERRORS";
  return h(
    "div", { class: "head" },
    h("p", { class: "eyebrow" }, "Cluster ", h("code", {}, cluster.Id), " ", copyButton(cluster.Id, "the cluster's id")),
    h("div", { class: "titled" }, h("h1", {}, cluster.Name), actions(cluster)),
    h("p", { class: "now" }, badge(status.State), !ill && h("span", { class: "quiet" }, message)),
    ill && notice("ill", h("strong", {}, status.StateChangeReason.Code || "It ended with errors"), h("p", {}, message)),
    tiles(
      ["Created", time(created)],
      ready && ["Ready after", duration(ready - created)],
      [end ? "Lasted" : "Up for", duration((end || now) - created)],
      ["Release", cluster.ReleaseLabel || "–"],
      ["Steps at once", String(cluster.StepConcurrencyLevel)],
      ["After the last step", cluster.AutoTerminate ? "terminates" : "waits for more"],
    ),
  );
}

function actions(cluster) {
  if (ended(cluster.Status.State) || cluster.Status.State === "TERMINATING") return null;
  const about = cluster.TerminationProtected ? "It is protected from termination" : null;
  const press = () => ask({
    title: `Terminate ${cluster.Name}?`,
    text: "Steps that run are interrupted, steps that wait are cancelled. A terminated cluster cannot be started again; its logs stay.",
    verb: "Terminate",
    act: () => change(`clusters/${cluster.Id}/terminate`),
  });
  return h("div", { class: "actions" }, about && h("span", { class: "quiet" }, about),
    h("button", { type: "button", class: "danger", disabled: Boolean(about), onclick: press }, "Terminate …"));
}

function gantt(cluster, steps, now) {
  const scale = axis(steps.map((step) => step.Status), now);
  const rows = steps.map((step) => {
    const { ran, waited, began, over } = lasted(step.Status, now);
    const failure = step.Status.FailureDetails;
    return h(
      "tr", { "data-key": step.Id },
      h("td", {}, badge(step.Status.State)),
      h("th", { scope: "row" },
        h("a", { href: `/emr/clusters/${cluster.Id}/steps/${step.Id}` }, step.Name), h("code", {}, step.Id),
        failure && h("span", { class: "why" }, failure.Message || failure.Reason)),
      h("td", { class: "track" }, bar(scale, step.Status, now)),
      h("td", { class: "num" }, began ? duration(ran) : over ? "–" : h("span", { class: "quiet" }, `waits ${duration(waited)}`)),
    );
  });
  return h(
    "div", { class: "scroll" },
    h("table", { class: "list steps" }, h("caption", { class: "unseen" }, "Steps, newest first, with the time that each waited and ran"),
      h("thead", {}, h("tr", {},
        h("th", { scope: "col" }, "State"), h("th", { scope: "col" }, "Step"),
        h("th", { scope: "col", class: "track" }, h("span", { class: "unseen" }, "When"), ruler(scale)),
        h("th", { scope: "col", class: "num" }, "Ran"))),
      h("tbody", {}, rows)),
  );
}

function empty(query, list) {
  if (query.get("search") || query.get("state")) {
    return h("p", { class: "empty" }, list.Marker ? "None so far." : "No step is like that.");
  }
  return h("p", { class: "empty" }, "No step yet.");
}

function about(data) {
  const { Cluster: cluster, BootstrapActions: bootstrap = [] } = data;
  const tags = cluster.Tags || [];
  const configurations = cluster.Configurations || [];
  return [
    fold("details", "Details", null, details(data)),
    fold("bootstrap", "Bootstrap actions", bootstrap.length, bootstrap.length
      ? table("Bootstrap actions in their order", ["", "Name", "Script", "Arguments", "Logs"], bootstrap.map((each, n) => [
        String(n + 1), each.Name, h("code", {}, each.ScriptPath), h("code", {}, each.Args.join(" ")),
        h("a", { href: `/emr/clusters/${cluster.Id}/steps/bootstrap-${n + 1}`, "aria-label": `Logs of ${each.Name}` }, "logs"),
      ])) : h("p", { class: "quiet" }, "None.")),
    fold("nodes", "Nodes", (data.InstanceGroups || data.InstanceFleets || []).length, nodes(data)),
    fold("configurations", "Configurations", configurations.length, configurations.length
      ? configurations.map(configuration) : h("p", { class: "quiet" }, "None: the lab's own.")),
    fold("tags", "Tags", tags.length, tags.length
      ? table("Tags", ["Key", "Value"], tags.map((tag) => [tag.Key, tag.Value || ""])) : h("p", { class: "quiet" }, "None.")),
  ];
}

function details({ Cluster: cluster, AutoTerminationPolicy: idle, ManagedScalingPolicy: scaling }) {
  const applications = (cluster.Applications || []).map(({ Name, Version }) => (Version ? `${Name} ${Version}` : Name)).join(", ");
  const limits = scaling?.ComputeLimits;
  const rows = [
    ["ARN", h("code", {}, cluster.ClusterArn)],
    ["Logs", cluster.LogUri ? h("code", {}, cluster.LogUri) : "kept on the node alone: no LogUri was given"],
    ["Applications", applications || "none named"],
    ["Roles", h("code", {}, [cluster.ServiceRole, cluster.Ec2InstanceAttributes?.IamInstanceProfile].filter(Boolean).join(", "))],
    ["Protected from termination", cluster.TerminationProtected ? "yes" : "no"],
    ["Ends when idle", idle?.IdleTimeout ? `after ${duration(idle.IdleTimeout)}` : "no"],
    ["Managed scaling", limits ? `${limits.MinimumCapacityUnits} to ${limits.MaximumCapacityUnits} ${limits.UnitType}` : "no"],
    ["Security configuration", cluster.SecurityConfiguration || "none"],
  ];
  return h("dl", { class: "pairs" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function nodes({ InstanceGroups: groups, InstanceFleets: fleets }) {
  if (groups) {
    const heads = ["Group", "Type", "Market", "Asked for", "Running", "State"];
    return table("Instance groups", heads, groups.map((each) => [
      [each.InstanceGroupType.toLowerCase(), " ", h("code", {}, each.Id)], each.InstanceType, each.Market.toLowerCase().replace("_", "-"),
      String(each.RequestedInstanceCount), String(each.RunningInstanceCount), badge(each.Status.State),
    ]));
  }
  const heads = ["Fleet", "On demand", "Spot", "Types", "State"];
  return table("Instance fleets", heads, (fleets || []).map((each) => [
    [each.InstanceFleetType.toLowerCase(), " ", h("code", {}, each.Id)],
    `${each.ProvisionedOnDemandCapacity ?? 0} of ${each.TargetOnDemandCapacity ?? 0}`,
    `${each.ProvisionedSpotCapacity ?? 0} of ${each.TargetSpotCapacity ?? 0}`,
    (each.InstanceTypeSpecifications || []).map((type) => type.InstanceType).join(", "), badge(each.Status.State),
  ]));
}

function configuration({ Classification: name, Properties: properties = {}, Configurations: nested = [] }) {
  const pairs = Object.entries(properties);
  return h("div", { class: "configuration" }, h("h3", {}, h("code", {}, name)),
    pairs.length ? table(`Properties of ${name}`, ["Property", "Value"], pairs.map((pair) => pair.map((text) => h("code", {}, text)))) : null,
    nested.map(configuration));
}
