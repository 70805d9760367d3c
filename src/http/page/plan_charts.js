
// Charts of a week: the day and the step across, numbers upwards.

const SVG = "http://www.w3.org/2000/svg";
const CHART = { width: 960, height: 250, left: 34, right: 6, top: 8, bottom: 22 };

function shape(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  if (text !== undefined) node.textContent = text;
  return node;
}

// A round number of 1, 2 or 5 times a power of ten, so that about five of them make the top.
function gridStep(top) {
  const raw = Math.max(top, 1) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  return Math.max(1, [1, 2, 5, 10].find((factor) => factor * power >= raw) * power);
}

// Returns a chart for numbers up to `top`, with the places of its steps and numbers.
function frame(steps, days, top, label) {
  const { width, height, left, right, top: above, bottom } = CHART;
  const svg = shape("svg", {
    viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": label,
  });
  const unit = gridStep(top);
  const most = Math.max(unit, Math.ceil(top / unit) * unit);
  const y = (value) => above + (height - above - bottom) * (1 - value / most);
  const x = (index) => left + ((width - left - right) * index) / Math.max(1, steps.length);
  for (let value = 0; value <= most; value += unit) {
    svg.append(
      shape("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" }),
      shape("text", { x: left - 5, y: y(value) + 4, "text-anchor": "end" }, count(value)),
    );
  }
  days.forEach((day) => {
    const first = steps.findIndex((step) => step.date === day.date);
    const after = steps.findLastIndex((step) => step.date === day.date) + 1;
    if (first < 0) return;
    if (first > 0) {
      svg.append(shape("line", {
        x1: x(first), x2: x(first), y1: above, y2: height - bottom, class: "day",
      }));
    }
    const middle = (x(first) + x(after)) / 2;
    svg.append(shape("text", { x: middle, y: height - 6, "text-anchor": "middle" },
      shortDay(day.date)));
  });
  return { svg, x, y };
}

// The path of a line through the middles of the steps, with gaps where there is no number.
function linePath(steps, of, x, y) {
  let path = "";
  let pen = false;
  steps.forEach((step, index) => {
    const value = of(step);
    if (value === null) {
      pen = false;
      return;
    }
    path += `${pen ? "L" : "M"}${x(index + 0.5).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = true;
  });
  return path;
}

// The path of areas from one number to another, a rectangle for each step.
function areaPath(steps, low, high, x, y) {
  let path = "";
  steps.forEach((step, index) => {
    const [from, to] = [low(step), high(step)];
    if (from === null || to === null || to <= from) return;
    const [x0, x1] = [x(index).toFixed(1), x(index + 1).toFixed(1)];
    path += `M${x0} ${y(from).toFixed(1)}V${y(to).toFixed(1)}H${x1}V${y(from).toFixed(1)}Z`;
  });
  return path;
}

// The path of a line of levels, each as wide as its step.
function stairPath(steps, of, x, y) {
  let path = "";
  let pen = false;
  steps.forEach((step, index) => {
    const value = of(step);
    if (value === null) {
      pen = false;
      return;
    }
    path += `${pen ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}` +
      `H${x(index + 1).toFixed(1)}`;
    pen = true;
  });
  return path;
}

function largest(steps, ...fields) {
  return Math.max(1, ...steps.flatMap((step) => fields.map((field) => step[field] ?? 0)));
}

function callsChart(steps, days, label) {
  const { svg, x, y } = frame(steps, days, largest(steps, "forecast_p90", "offered"), label);
  const shown = (field) => (step) => (step.open || field === "offered" ? step[field] : null);
  svg.append(
    shape("path", {
      d: areaPath(steps, shown("forecast_p10"), shown("forecast_p90"), x, y), class: "band",
    }),
    shape("path", { d: linePath(steps, shown("forecast"), x, y), class: "line" }),
    shape("path", {
      d: linePath(steps, (step) => (step.open ? step.offered : null), x, y), class: "actual",
    }),
  );
  return svg;
}

function agentsChart(steps, days, label) {
  const { svg, x, y } = frame(steps, days, largest(steps, "agents", "agents_there"), label);
  const there = (basis) => (step) =>
    step.agents_there_basis === basis ? step.agents_there : null;
  const zero = () => 0;
  svg.append(
    shape("path", { d: areaPath(steps, zero, there("measured"), x, y), class: "there" }),
    shape("path", { d: areaPath(steps, zero, there("like_days"), x, y), class: "usual" }),
    shape("path", {
      d: areaPath(steps, (step) => step.agents_there, (step) => step.agents, x, y),
      class: "short",
    }),
    shape("path", { d: stairPath(steps, (step) => step.agents, x, y), class: "needed" }),
  );
  return svg;
}
