// Draws every chart in the colours of the page's theme, and again when the theme changes or the page is printed.
"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const places = [...document.querySelectorAll(".plot")];
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function theme(figure) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = {
      gridcolor: colour("--line"), zerolinecolor: colour("--axis"),
      tickfont: { color: colour("--soft") }, fixedrange: true, exponentformat: "none",
    };
    const layout = structuredClone(figure.layout);
    for (const name of ["xaxis", "yaxis"]) {
      layout[name] = { ...axis, ...layout[name] };
      const title = layout[name].title;
      if (title) layout[name].title = { ...title, standoff: 10, font: { size: 12, color: colour("--soft") } };
    }
    for (const note of layout.annotations || []) note.font = { ...note.font, color: colour("--soft") };
    return {
      ...layout,
      font: { family: style.fontFamily, size: 13, color: colour("--ink") },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 8, r: 44, t: layout.showlegend ? 8 : 20, b: 44 },
      hoverlabel: {
        align: "left", bgcolor: colour("--raised"), bordercolor: colour("--axis"),
        font: { family: style.fontFamily, size: 13, color: colour("--ink") },
      },
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1.0, yanchor: "bottom", font: { size: 12 }, ...layout.legend },
      separators: ".,",
    };
  }

  // Names beside points: each on the first side where it covers no other name or point; left out where none is free.
  function named(trace, layout, width, height) {
    const place = (value, range, length) => ((value - range[0]) / (range[1] - range[0])) * length;
    const points = trace.x.map((x, i) => [place(x, layout.xaxis.range, width), place(trace.y[i], layout.yaxis.range, height)]);
    const taken = points.map(([x, y]) => [x - 7, y - 7, x + 7, y + 7]);
    const free = (box) => box[0] > -20 && box[1] > -6 && box[2] < width + 30 && taken.every((t) => box[2] < t[0] || box[0] > t[2] || box[3] < t[1] || box[1] > t[3]);
    const text = [], textposition = [];
    for (const i of points.keys()) {
      const [x, y] = points[i], long = 6.6 * trace.text[i].length;
      const sides = {
        "middle right": [x + 8, y - 8, x + 10 + long, y + 8], "top center": [x - long / 2, y + 8, x + long / 2, y + 24],
        "middle left": [x - 10 - long, y - 8, x - 8, y + 8], "bottom center": [x - long / 2, y - 24, x + long / 2, y - 8],
      };
      const side = Object.keys(sides).find((name) => free(sides[name]));
      if (side) taken.push(sides[side]);
      text.push(side ? trace.text[i] : "");
      textposition.push(side || "middle right");
    }
    return { ...trace, text, textposition };
  }

  const draw = (place) => {
    const figure = figures[place.dataset.figure];
    const [width, height] = [place.clientWidth - 90, place.clientHeight - 110];
    const data = figure.data.map((trace) => trace.mode === "markers+text" ? named(trace, figure.layout, width, height) : trace);
    return Plotly.react(place, data, { ...theme(figure), width: place.clientWidth }, { displayModeBar: false });
  };
  const drawAll = () => places.forEach(draw);

  // One at a time, so that the page can be read and scrolled from the start.
  const waiting = [...places];
  const next = () => { if (waiting.length) { draw(waiting.shift()); setTimeout(next); } };
  next();

  dark.addEventListener("change", drawAll);
  let resized;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(drawAll, 200); });
  const tables = document.querySelectorAll("details.data");
  let closed = [];
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    closed = [...tables].filter((part) => !part.open);
    closed.forEach((part) => { part.open = true; });
    drawAll();
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    closed.forEach((part) => { part.open = false; });
    drawAll();
  });

  // The contents follow the reader.
  const links = new Map([...document.querySelectorAll(".contents a")].map((a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  links.forEach((_, id) => { const part = document.getElementById(id); if (part) seen.observe(part); });
})();
