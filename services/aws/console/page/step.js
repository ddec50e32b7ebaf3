// One step, or a bootstrap action: what it ran, how it went, and its logs.

import { change } from "./api.js";
import { copyButton, h } from "./dom.js";
import { badge, duration, ended, lasted, time } from "./format.js";
import { logs } from "./log.js";
import { ask, code, fold, notice, tiles } from "./parts.js";

const ENDS = { SEND_INTERRUPT: "Ask it to end (SIGTERM): it may finish what it must", TERMINATE_PROCESS: "Kill it (SIGKILL), with all that it started" };
const ON_FAILURE = { CONTINUE: "goes on with the next", CANCEL_AND_WAIT: "cancels what waits", TERMINATE_CLUSTER: "terminates the cluster" };

export const step = {
  paths: ({ cluster, step: id }) => [`clusters/${cluster}/steps/${id}`],
  title: ([data]) => name(data),
  crumbs: ([data]) => [[data.Cluster.Name, `/emr/clusters/${data.Cluster.Id}`], [name(data)]],
  subjects: ([{ Step }]) => (Step ? [[Step.Id, Step.Name, Step.Status.State]] : []),

  render(route, [data], now, go) {
    const failure = data.Step?.Status.FailureDetails;
    const named = failure?.LogFile?.match(/([a-z]+)\.gz$/)?.[1];
    return [
      h("div", { class: "head" },
        h("p", { class: "eyebrow" }, data.Step ? "Step " : "Bootstrap action ", h("code", {}, route.step), " ", copyButton(route.step, "the id")),
        h("div", { class: "titled" }, h("h1", {}, name(data)), data.Step && actions(data)),
        data.Step ? course(data.Step, now) : null,
        failure && failed(failure, named, go)),
      h("section", { "aria-labelledby": "command" }, h("h2", { id: "command" }, "Command"), code(data.Command, "the command"),
        data.Step && !data.Again && h("p", { class: "quiet" }, "The AWS CLI has no line for it: a property has a comma in it."),
        data.Again && fold("again", "Run it again: a line for the AWS CLI", null,
          h("p", { class: "quiet" }, "Adds the same step to this cluster. The line is whole, with whatever secrets its arguments hold."),
          code(data.Again, "the line"))),
      h("section", { "aria-labelledby": "logs" }, h("h2", { id: "logs" }, "Logs"),
        logs({
          path: `clusters/${route.cluster}/steps/${route.step}/logs`,
          key: `${route.cluster}/${route.step}`,
          live: data.Step ? !ended(data.Step.Status.State) : !ended(data.Cluster.Status.State),
          wanted: route.query.get("log") || named,
          addresses: data.Logs,
        })),
    ];
  },
};

function name({ Step, BootstrapAction }) {
  return Step ? Step.Name : BootstrapAction.Name;
}

function course(step, now) {
  const { waited, ran, began, end } = lasted(step.Status, now);
  const properties = Object.entries(step.Config.Properties || {});
  return [
    h("p", { class: "now" }, badge(step.Status.State), h("span", { class: "quiet" }, step.Status.StateChangeReason.Message || "")),
    tiles(
      ["Added", time(step.Status.Timeline.CreationDateTime)],
      [began || end ? "Waited" : "Waits", duration(waited)],
      began && [end ? "Ran" : "Runs for", duration(ran)],
      end && ["Ended", time(end)],
      ["When it fails", ON_FAILURE[step.ActionOnFailure] || step.ActionOnFailure],
      properties.length && ["Properties", properties.map(([key, value]) => `${key}=${value}`).join(", ")],
    ),
  ];
}

function failed(failure, named, go) {
  const open = () => {
    go({ log: named }, true);
    document.getElementById("logs").scrollIntoView();
  };
  return notice("ill", h("strong", {}, failure.Reason || "It failed"), h("p", { class: "message" }, failure.Message || ""),
    failure.LogFile && h("p", { class: "quiet" }, "Log file: ",
      named ? h("button", { type: "button", class: "as-link", onclick: open }, failure.LogFile) : h("code", {}, failure.LogFile)));
}

function actions({ Cluster: cluster, Step: step }) {
  const state = step.Status.State;
  if (ended(state)) return null;
  const act = async (option = "SEND_INTERRUPT") => {
    const answer = await change(`clusters/${cluster.Id}/steps/${step.Id}/cancel`, { option });
    if (answer.Status === "FAILED") throw new Error(answer.Reason);
  };
  const press = () => ask({
    title: `Cancel ${step.Name}?`,
    text: state === "PENDING" ? "It has not begun, and will not." : "It runs. What it has written so far stays as it is.",
    choices: state === "PENDING" ? {} : state === "CANCEL_PENDING" ? { TERMINATE_PROCESS: ENDS.TERMINATE_PROCESS } : ENDS,
    verb: "Cancel the step",
    act,
  });
  return h("div", { class: "actions" }, h("button", { type: "button", class: "danger", onclick: press }, "Cancel …"));
}
