
// The page of plans as a whole: what is asked for, and the parts of the answer.

let planWords = PLAN_WORDS[language];
let answer = null;
let trouble = "";
let loading = false;
let asked = 0;

// How often a busy server is asked, and the pause between.
const TRIES = 5;
const BUSY_PAUSE_MS = 3000;

// What is asked for; it is kept in the address, so that a plan can be passed on.
const wanted = { from: monday(0), queue: null, volume: "", aht: "", patience: "" };
const shown = { heat: "agents", day: null };

// Days

// The Monday of the present week of this browser, and weeks after it.
function monday(weeks) {
  const now = new Date();
  const today = new Date(Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()));
  const since = (today.getUTCDay() + 6) % 7;
  return later(today.toISOString().slice(0, 10), 7 * weeks - since);
}

function later(date, days) {
  const moved = new Date(`${date}T12:00:00Z`);
  moved.setUTCDate(moved.getUTCDate() + days);
  return moved.toISOString().slice(0, 10);
}

// The address

function readAddress() {
  const given = new URLSearchParams(location.search);
  for (const name of Object.keys(wanted)) {
    if (given.has(name)) wanted[name] = given.get(name);
  }
  if (!/^\d{4}-\d\d-\d\d$/.test(wanted.from)) wanted.from = monday(0);
}

function writeAddress() {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries(wanted)) {
    if (value) kept.set(name, value);
  }
  history.replaceState(null, "", `?${kept}`);
}

function question() {
  const asks = new URLSearchParams({ from: wanted.from, to: later(wanted.from, 7) });
  for (const name of ["volume", "aht", "patience"]) {
    if (wanted[name]) asks.set(name, wanted[name]);
  }
  return asks;
}

// The answer

async function load(tries = TRIES) {
  const number = ++asked;
  loading = true;
  update();
  const asks = question();
  let now = wanted.from === monday(0) ? "&now=now" : "";
  byId("csv").href = `api/v1/plan?${asks}${now}&format=csv`;
  try {
    let response = await fetch(`api/v1/plan?${asks}${now}`, { cache: "no-store" });
    // Around midnight the day of the browser may be another one than that of the centre.
    if (response.status === 400 && now) {
      now = "";
      if (number === asked) byId("csv").href = `api/v1/plan?${asks}&format=csv`;
      response = await fetch(`api/v1/plan?${asks}`, { cache: "no-store" });
    }
    const plan = await response.json();
    if (number !== asked) return;
    // The server is busy, and says so.
    if (response.status === 503 && tries > 1) {
      setTimeout(() => { if (number === asked) load(tries - 1); }, BUSY_PAUSE_MS);
      return;
    }
    if (response.ok) {
      [answer, trouble] = [plan, ""];
    } else {
      [answer, trouble] = [
        null, response.status === 404 ? planWords.noLedger : fill(planWords.failed, plan.error),
      ];
    }
  } catch (error) {
    if (number !== asked) return;
    [answer, trouble] = [null, fill(planWords.failed, words.lost)];
  }
  loading = false;
  update();
}

const idOf = (plan) => `${plan.queue} ${plan.channel}`;

function chosen() {
  if (answer === null || answer.queues.length === 0) return null;
  return answer.queues.find((plan) => idOf(plan) === wanted.queue)
    ?? answer.queues.find((plan) => plan.queue === wanted.queue)
    ?? busiest(answer.queues);
}

function busiest(queues) {
  const sum = (plan) => plan.days.reduce((all, day) => all + (day.forecast ?? 0), 0);
  return queues.reduce((most, plan) => (sum(plan) > sum(most) ? plan : most));
}

// Parts

function updateChoice() {
  const labels = [...document.querySelectorAll("#choose label span")];
  const texts = [planWords.queue, planWords.volume, planWords.aht, planWords.patience];
  labels.forEach((label, index) => put(label, texts[index]));
  put(document.querySelector("#what-if legend"), planWords.whatIf);
  put(byId("apply"), planWords.apply);
  put(byId("present"), planWords.present);
  attribute(byId("before"), "aria-label", planWords.before);
  attribute(byId("after"), "aria-label", planWords.after);
  const end = later(wanted.from, 6);
  const from = dateParts(wanted.from, { day: "numeric", month: "short" });
  const to = dateParts(end, { day: "numeric", month: "short", year: "numeric" });
  put(byId("period"), `${from} – ${to}`);
  for (const name of ["volume", "aht", "patience"]) {
    if (document.activeElement !== byId(name)) byId(name).value = wanted[name];
  }
  const plan = chosen();
  const list = byId("queue");
  list.replaceChildren(...(answer?.queues ?? []).map((one) => {
    const channel = words.channels[one.channel] ?? one.channel;
    const option = make("option", "", `${one.name} · ${channel}`);
    option.value = idOf(one);
    option.selected = one === plan;
    return option;
  }));
}

function updateFacts(plan) {
  const sum = (field) => {
    const known = plan.days.map((day) => day[field]).filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((all, value) => all + value, 0);
  };
  const peak = plan.steps
    .filter((step) => step.agents !== null)
    .reduce((most, step) => (most === null || step.agents > most.agents ? step : most), null);
  const short = plan.steps.filter((step) => (gapOf(step) ?? 0) <= -GAP_MIN);
  const came = plan.steps.filter((step) => step.open && step.offered !== null);
  const facts = [[decimal(sum("forecast"), 0), planWords.forecast]];
  if (came.length > 0) {
    facts.push([
      decimal(came.reduce((all, step) => all + step.offered, 0), 0), planWords.came,
    ]);
  }
  facts.push([decimal(sum("agent_hours"), 0), planWords.agentHours]);
  if (sum("agents_there_hours") !== null) {
    facts.push([decimal(sum("agents_there_hours"), 0), planWords.thereHours]);
  }
  if (sum("scheduled_hours") !== null) {
    facts.push([decimal(sum("scheduled_hours"), 0), planWords.scheduledHours]);
  }
  if (peak !== null) {
    facts.push([
      count(peak.agents), fill(planWords.peak, `${shortDay(peak.date)} ${timeOf(peak)}`),
    ]);
  }
  if (plan.steps.some((step) => gapOf(step) !== null)) {
    facts.push([count(short.length), planWords.shortSteps, short.length > 0]);
  }
  if (plan.basis.wape !== null) {
    const floor = fill(planWords.floor, percent(plan.basis.wape_floor));
    facts.push([percent(plan.basis.wape), `${planWords.error} · ${floor}`]);
  }
  const today = plan.days.find((day) => day.multiplier !== null);
  if (today !== undefined) facts.push([`× ${decimal(today.multiplier, 2)}`, planWords.corrected]);
  const nodes = facts.map(([value, word, late]) => {
    const node = figure("", late ? "late" : "");
    putFigure(node, value, word);
    return node.node;
  });
  byId("facts").replaceChildren(make("dl", "", ...nodes));
}

function updateNotes(plan) {
  const missing = new Map();
  for (const step of plan.steps) {
    if (step.open && step.missing !== null) {
      missing.set(step.missing, (missing.get(step.missing) ?? 0) + 1);
    }
  }
  const reasons = [...missing.keys()].map((reason) => fill(planWords.missing, reason));
  byId("notes").replaceChildren(...[...plan.notes, ...reasons].map((text) => make("li", "", text)));
}

function choice(node, options, pressed, choose) {
  node.replaceChildren(...options.map(([value, text]) => {
    const button = make("button", "", text);
    button.type = "button";
    button.setAttribute("aria-pressed", String(value === pressed));
    button.addEventListener("click", () => choose(value));
    return button;
  }));
}

function legend(id, parts) {
  byId(id).replaceChildren(...parts.map(([colour, text]) => {
    const mark = make("i");
    mark.style.background = colour;
    return make("span", "", mark, text);
  }));
}

function updateHeat(plan) {
  const kinds = plan.basis.method === "backlog" && !plan.steps.some((step) => step.agents !== null)
    ? ["forecast"]
    : ["agents", "gap", "forecast"];
  if (!kinds.includes(shown.heat)) shown.heat = kinds[0];
  put(byId("heat-title"), planWords.heat[shown.heat]);
  choice(byId("heat-choice"), kinds.map((kind) => [kind, planWords.heat[kind]]), shown.heat,
    (kind) => {
      shown.heat = kind;
      updateHeat(chosen());
    });
  heatMap(byId("heat"), plan, shown.heat);
  put(byId("heat-legend"), planWords.heatLegend[shown.heat]);
}

function updateCharts(plan) {
  put(byId("calls-title"), planWords.callsTitle);
  byId("calls-chart").replaceChildren(callsChart(plan.steps, plan.days, planWords.callsTitle));
  const [forecast, band, came] = planWords.callsLegend;
  legend("calls-legend", [
    ["var(--good)", forecast],
    ["color-mix(in srgb, var(--good) 20%, transparent)", band],
    ["var(--text)", came],
  ]);
  put(byId("agents-title"), planWords.agentsTitle);
  byId("agents-chart").replaceChildren(agentsChart(plan.steps, plan.days, planWords.agentsTitle));
  const has = (basis) => plan.steps.some((step) => step.agents_there_basis === basis);
  const [needed, there, usual, short] = planWords.agentsLegend;
  const parts = [["var(--good)", needed]];
  if (has("measured")) parts.push(["color-mix(in srgb, var(--muted) 32%, transparent)", there]);
  if (has("like_days")) parts.push(["color-mix(in srgb, var(--muted) 16%, transparent)", usual]);
  if (parts.length > 1) parts.push(["var(--bad)", short]);
  legend("agents-legend", parts);
  const note = parts.length === 1 ? planWords.noAgents : planWords.sharedAgents;
  byId("agents-legend").append(make("small", "", note));
}

function patienceText(basis) {
  const text = planWords.basis;
  const taken = basis.patience_seconds !== basis.measured_patience_seconds
    && basis.patience_seconds !== null;
  const given = taken ? fill(text.taken, span(basis.patience_seconds)) : "";
  if (basis.measured_patience_seconds === null) {
    return given || text.notEnough(count(basis.long_abandons));
  }
  const measured = text.patienceText(span(basis.measured_patience_seconds),
    span(basis.measured_patience_low_seconds), span(basis.measured_patience_high_seconds),
    count(basis.long_abandons));
  return given ? `${measured}; ${given}` : measured;
}

function shrinkageText(basis) {
  const text = planWords.basis;
  const share = (value) => percent(value);
  if (basis.shrinkage === null) return text.noShrinkage;
  const shift = basis.given_shrinkage === null
    ? fill(text.paused, share(basis.paused_share)) : fill(text.given, share(basis.given_shrinkage));
  const absent = basis.absence === null
    ? text.absenceUnknown : fill(text.absent, share(basis.absence));
  return `${share(basis.shrinkage)}: ${shift}, ${absent}`;
}

function updateBasis(plan) {
  const { basis } = plan;
  const text = planWords.basis;
  put(byId("basis-title"), planWords.basisTitle);
  const day = (date) => dateParts(date, { day: "numeric", month: "short", year: "numeric" });
  const signed = { style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" };
  const growth = basis.weekly_growth;
  const rows = [
    [text.learned, basis.days === 0
      ? text.nothing : text.learnedText(basis.days, day(basis.first_day), day(basis.last_day))],
    [text.trend, growth === null ? text.noTrend
      : fill(text.trendText, new Intl.NumberFormat(words.locale, signed).format(growth))],
    [text.method, text.methods[basis.method]],
    [text.aht, basis.aht_seconds === null
      ? EMPTY : text.ahtText(span(basis.aht_seconds), count(basis.handled))],
  ];
  if (basis.method !== "backlog") {
    rows.push([text.target, text.targetText(percent(basis.target_service_level),
      span(basis.target_seconds), percent(basis.max_abandonment))]);
    rows.push([text.patience, patienceText(basis)]);
  }
  rows.push([text.shrinkage, shrinkageText(basis)]);
  byId("basis").replaceChildren(...rows.flatMap(([name, value]) =>
    [make("dt", "", name), make("dd", "", value)]));
}

function updateDay(plan) {
  const open = plan.days.filter((day) => plan.steps.some((step) =>
    step.date === day.date && step.open));
  if (!open.some((day) => day.date === shown.day)) shown.day = (open[0] ?? plan.days[0]).date;
  put(byId("day-title"), longDay(shown.day));
  choice(byId("day-choice"), open.map((day) => [day.date, shortDay(day.date)]), shown.day,
    (date) => {
      shown.day = date;
      updateDay(chosen());
    });
  dayTable(byId("rows"), plan, shown.day);
}

function update() {
  planWords = PLAN_WORDS[language];
  document.body.classList.toggle("is-loading", loading);
  document.title = `${planWords.title} · nabız`;
  put(byId("title"), `· ${planWords.title}`);
  attribute(byId("live"), "title", planWords.live);
  put(byId("csv"), planWords.csv);
  put(byId("summary"), loading ? planWords.loading : "");
  updateChoice();
  const plan = chosen();
  const text = trouble || (answer !== null && plan === null ? planWords.noHistory : "");
  put(byId("trouble"), text);
  show(byId("trouble"), text !== "" && !loading);
  show(byId("plan"), plan !== null);
  if (plan === null) return;
  updateFacts(plan);
  updateNotes(plan);
  updateHeat(plan);
  updateCharts(plan);
  updateBasis(plan);
  updateDay(plan);
}

// Controls

function move(from) {
  wanted.from = from;
  writeAddress();
  load();
}

byId("before").addEventListener("click", () => move(later(wanted.from, -7)));
byId("after").addEventListener("click", () => move(later(wanted.from, 7)));
byId("present").addEventListener("click", () => move(monday(0)));
byId("queue").addEventListener("change", (event) => {
  wanted.queue = event.target.value;
  writeAddress();
  update();
});
byId("choose").addEventListener("submit", (event) => {
  event.preventDefault();
  for (const name of ["volume", "aht", "patience"]) wanted[name] = byId(name).value.trim();
  writeAddress();
  load();
});

readAddress();
speak();
load();
