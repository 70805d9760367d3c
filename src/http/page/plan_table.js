
// The week as a heat map, and one day with every number.

// A gap of less than this is as good as none: agents there are a mean.
const GAP_MIN = 0.5;

const timeOf = (step) => step.start.slice(11, 16);

function dateParts(date, format) {
  return new Date(`${date}T12:00:00Z`).toLocaleDateString(words.locale, {
    ...format, timeZone: "UTC",
  });
}

const shortDay = (date) => dateParts(date, { weekday: "short", day: "numeric" });
const longDay = (date) =>
  dateParts(date, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

const decimal = (value, digits) =>
  value === null || value === undefined
    ? EMPTY
    : new Intl.NumberFormat(words.locale, {
      minimumFractionDigits: digits, maximumFractionDigits: digits,
    }).format(value);

function gapOf(step) {
  if (step.agents === null || step.agents_there === null) return null;
  return step.agents_there - step.agents;
}

const HEAT = {
  agents: { of: (step) => step.agents, text: (value) => count(value) },
  gap: {
    of: gapOf,
    text: (value) => (Math.abs(value) < GAP_MIN ? "0" : decimal(Math.round(value), 0)),
  },
  forecast: { of: (step) => step.forecast, text: (value) => count(Math.round(value)) },
};

// Puts the colour of a number into its cell. Text on dark ground is light.
function colourCell(cell, kind, value, most) {
  const share = most > 0 ? Math.min(1, Math.abs(value) / most) : 0;
  if (kind === "gap") {
    if (Math.abs(value) < GAP_MIN) return;
    const colour = value < 0 ? "--bad" : "--good";
    const part = value < 0 ? 25 + 60 * share : 8 + 25 * share;
    cell.style.setProperty("--cell", `color-mix(in srgb, var(${colour}) ${part}%, transparent)`);
    cell.classList.toggle("dark", value < 0 && part > 60);
    return;
  }
  const part = 6 + 79 * share;
  cell.style.setProperty("--cell", `color-mix(in srgb, var(--good) ${part}%, transparent)`);
  cell.classList.toggle("dark", part > 58);
}

function heatMap(table, plan, kind) {
  const { of, text } = HEAT[kind];
  const open = plan.steps.filter((step) => step.open);
  const values = open.map(of).filter((value) => value !== null);
  const most = Math.max(0, ...values.map(Math.abs));
  const cells = new Map(plan.steps.map((step) => [`${step.date} ${timeOf(step)}`, step]));
  const times = [];
  // In the order of the business day, with the times at which the queue is open on any day.
  const openTimes = new Set(open.map(timeOf));
  for (const step of plan.steps) {
    if (openTimes.has(timeOf(step)) && !times.includes(timeOf(step))) times.push(timeOf(step));
  }
  const head = make("tr", "", make("th"), ...plan.days.map((day) => {
    const node = make("th", "", make("b", "", dateParts(day.date, { weekday: "short" })),
      dateParts(day.date, { day: "numeric", month: "numeric" }));
    node.scope = "col";
    node.title = day.missing ?? day.day;
    return node;
  }));
  const body = times.map((time) => {
    const title = make("th", "", time);
    title.scope = "row";
    return make("tr", "", title, ...plan.days.map((day) => {
      const step = cells.get(`${day.date} ${time}`);
      const cell = make("td");
      if (step === undefined || !step.open) {
        cell.className = "closed";
        cell.title = planWords.closed;
        return cell;
      }
      const value = of(step);
      if (value === null) {
        cell.className = "unknown";
        cell.textContent = "?";
        cell.title = fill(planWords.missing, step.missing ?? EMPTY);
        return cell;
      }
      cell.textContent = text(value);
      cell.title = [
        `${shortDay(day.date)} ${time}`,
        `${planWords.columns.forecast} ${decimal(step.forecast, 1)}`,
        `${planWords.columns.agents} ${step.agents ?? EMPTY}`,
        `${planWords.columns.there} ${decimal(step.agents_there, 1)}`,
        `${planWords.columns.level} ${percent(step.service_level)}`,
      ].join(", ");
      colourCell(cell, kind, value, most);
      return cell;
    }));
  });
  const foot = make("tr", "", make("th", "", kind === "forecast" ? planWords.total : planWords.hours),
    ...plan.days.map((day) => make("td", "", footOf(day, kind))));
  table.replaceChildren(
    make("thead", "", head), make("tbody", "", ...body), make("tfoot", "", foot),
  );
}

function footOf(day, kind) {
  if (kind === "forecast") return day.forecast === null ? EMPTY : count(Math.round(day.forecast));
  if (kind === "agents") return decimal(day.agent_hours, 0);
  const both = day.agent_hours !== null && day.agents_there_hours !== null;
  return both ? decimal(day.agents_there_hours - day.agent_hours, 0) : EMPTY;
}

const ROW_COLUMNS = [
  ["time", (step) => timeOf(step)],
  ["forecast", (step) => decimal(step.forecast, 1)],
  ["band", (step) => step.forecast === null
    ? EMPTY : `${decimal(step.forecast_p10, 0)}–${decimal(step.forecast_p90, 0)}`],
  ["came", (step) => decimal(step.offered, 0)],
  ["aht", (step) => decimal(step.aht_seconds, 0)],
  ["agents", (step) => step.agents === null ? EMPTY : count(step.agents), "strong"],
  ["level", (step) => percent(step.service_level)],
  ["fewer", (step) => percent(step.service_level_one_fewer), "quiet"],
  ["more", (step) => percent(step.service_level_one_more), "quiet"],
  ["abandoned", (step) => percent(step.abandonment)],
  ["asa", (step) => decimal(step.asa_seconds, 0)],
  ["busy", (step) => percent(step.occupancy)],
  ["scheduled", (step) => step.scheduled === null ? EMPTY : count(step.scheduled), "strong"],
  ["there", (step) => decimal(step.agents_there, 1)],
  ["levelThere", (step) => percent(step.service_level_there)],
  ["actual", (step) => percent(step.actual_service_level)],
];

function dayTable(table, plan, date) {
  const steps = plan.steps.filter((step) => step.date === date && step.open);
  const head = make("tr", "", ...ROW_COLUMNS.map(([name]) => {
    const node = make("th", "", planWords.columns[name]);
    node.scope = "col";
    return node;
  }));
  const body = steps.map((step) => make("tr", "", ...ROW_COLUMNS.map(([name, of, className]) => {
    const node = make("td", className ?? "", of(step));
    const isShort = name === "there" && (gapOf(step) ?? 0) <= -GAP_MIN;
    node.classList.toggle("short", isShort);
    if (step.missing !== null && name === "agents") {
      node.title = fill(planWords.missing, step.missing);
    }
    return node;
  })));
  table.replaceChildren(make("thead", "", head), make("tbody", "", ...body));
}
