
// Values as text, and text into the document.

// The text of an absent value.
const EMPTY = "–";

const fill = (text, value) => text.replace("{}", value);
const count = (value) => new Intl.NumberFormat(words.locale).format(value);

function percent(ratio, target) {
  if (ratio === null || ratio === undefined) return EMPTY;
  // Near the target one more digit, rounded down, so that a missed target never looks met.
  const near = target !== undefined && ratio !== target && Math.abs(ratio - target) < 0.01;
  const shown = near ? Math.floor(ratio * 1000) / 1000 : ratio;
  const digits = near ? 1 : 0;
  const format = { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(words.locale, format).format(shown);
}

// 0:07, 1:43, 2:05:00
function clock(seconds) {
  if (seconds === null || seconds === undefined) return EMPTY;
  const whole = Math.round(seconds);
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

// 20 s, 4 min, 3 h 20 min, 3 d 8 h
function span(seconds) {
  const units = words.units;
  const whole = Math.max(0, Math.round(seconds));
  const pair = (value, unit, rest, smaller) =>
    rest > 0 ? `${count(value)} ${unit} ${rest} ${smaller}` : `${count(value)} ${unit}`;
  if (whole < 60) return `${whole} ${units.s}`;
  if (whole < 3600) return pair(Math.floor(whole / 60), units.min, whole % 60, units.s);
  const minutes = Math.floor(whole / 60);
  if (whole < 86400) return pair(Math.floor(minutes / 60), units.h, minutes % 60, units.min);
  return pair(Math.floor(whole / 86400), units.d, Math.floor(whole / 3600) % 24, units.h);
}

function windowName(label) {
  if (label === "today") return words.windows.today;
  const parts = /^(\d+)([smh])$/.exec(label);
  return parts ? `${parts[1]} ${words.windows[parts[2]]}` : label;
}

// Nodes

function make(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function attribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

// A number and its label.
function figure(field, className) {
  const value = make("dd");
  value.dataset.field = field;
  const word = make("dt");
  return { node: make("div", className, word, value), value, word };
}

function putFigure(of, value, word) {
  put(of.value, value);
  put(of.word, word);
}
