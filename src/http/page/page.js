
// The age, in seconds, from which numbers are called stale.
const STALE_S = 30;
// Fewer service-level events than this say nothing about a queue.
const LEVEL_EVENTS_MIN = 5;
// A queue keeps its place among those in trouble for this long after it recovered, so that cards do not jump.
const HOLD_MS = 30000;
// Silence after which the numbers are fetched, in case the stream has died unnoticed.
const SILENCE_MS = 10000;

const MARKS = { trouble: "▲", watch: "◆", fine: "●", quiet: "○", closed: "■" };
const EMPTY = "–";

const byId = (id) => document.getElementById(id);
let language = initialLanguage();
let words = WORDS[language];
let numbers = null;
let progress = null;
let receivedAt = 0;
let connection = "connecting";
let announced = "";
let stream = null;
let fetching = false;
const cards = new Map();
let made = 0;
let fitted = "";

function initialLanguage() {
  let kept = null;
  try {
    kept = localStorage.getItem("nabiz-language");
  } catch {
    // Without storage the browser's language decides each time.
  }
  if (kept in WORDS) return kept;
  return navigator.language.toLowerCase().startsWith("tr") ? "tr" : "en";
}

// Texts

const fill = (text, value) => text.replace("{}", value);
const count = (value) => new Intl.NumberFormat(words.locale).format(value);

function percent(ratio, target) {
  if (ratio === null || ratio === undefined) return EMPTY;
  // Near the target one more digit, rounded down, so that a missed target never reads as met.
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
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

// 20 s, 4 min, 3 h 20 min, 3 d 8 h
function span(seconds) {
  const units = words.units;
  const whole = Math.max(0, Math.round(seconds));
  const pair = (value, unit, rest, smaller) =>
    rest > 0 ? `${count(value)} ${unit} ${rest} ${smaller}` : `${count(value)} ${unit}`;
  if (whole < 60) return `${whole} ${units.s}`;
  if (whole < 3600) return pair(Math.floor(whole / 60), units.min, whole % 60, units.s);
  if (whole < 86400) return pair(Math.floor(whole / 3600), units.h, Math.floor(whole / 60) % 60, units.min);
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

// A number with its word under it.
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

// Judgement

// The windows whose service level a card shows: 5, 15 and 30 minutes, else the three that come nearest.
function shownWindows() {
  const sized = numbers.windows.filter((window) => window.seconds !== null);
  const wanted = [300, 900, 1800].map((seconds) => sized.find((window) => window.seconds === seconds));
  if (wanted.every(Boolean)) return wanted.map((window) => window.label);
  const long = sized.filter((window) => window.seconds >= 300);
  return (long.length >= 3 ? long : sized).slice(0, 3).map((window) => window.label);
}

function judge(queue, labels) {
  const staff = queue.agents.available + queue.agents.busy + queue.agents.wrap_up;
  const known = staff + queue.agents.paused + queue.agents.offline > 0;
  const immediate = queue.channels.filter((channel) => channel.immediate);
  const middle = labels[Math.min(1, labels.length - 1)];
  const closed = queue.open === false;
  const trouble = (reason) => ({ state: "trouble", text: words.states.trouble[reason] });

  if (!closed && known && staff === 0 && immediate.some((channel) => channel.live.waiting > 0)) {
    return trouble("unattended");
  }
  for (const channel of immediate) {
    const window = channel.windows[middle];
    if (!window) continue;
    const level = window.service_level;
    if (level.of >= LEVEL_EVENTS_MIN && level.ratio < queue.targets.service_level) return trouble("below");
  }
  if (queue.channels.some((channel) => channel.live.open_overdue > 0)) return trouble("overdue");
  for (const channel of immediate) {
    const window = channel.windows[labels[labels.length - 1]];
    if (!window) continue;
    const { ratio, of } = window.abandonment;
    // Twice the target, for an abandonment ratio of few calls jumps.
    if (of >= 20 && ratio > 2 * queue.targets.abandonment) return trouble("abandoned");
  }
  if (immediate.some((channel) => channel.live.waiting_over_target > 0)) {
    return { state: "watch", text: words.states.watch };
  }
  if (closed) return { state: "closed", text: words.states.closed };
  const busy = queue.channels.some((channel) => isBusy(channel, labels));
  if (!busy) return { state: "quiet", text: words.states.quiet };
  return { state: "fine", text: immediate.length > 0 ? words.states.fine : words.states.inTime };
}

function isBusy(channel, labels) {
  const live = channel.live;
  if (live.waiting + live.in_service + live.open > 0) return true;
  return labels.some((label) => channel.windows[label] && channel.windows[label].offered > 0);
}

// Cards

function makeCard(id) {
  const name = make("h2");
  const mark = make("span", "mark");
  mark.setAttribute("aria-hidden", "true");
  const stateText = make("span");
  const channels = make("div", "channels");
  const agentsTitle = make("h3");
  const agents = make("dl", "agents");
  const node = make("article", "card", make("header", "", name, make("p", "state", mark, stateText)), channels,
    make("section", "staff", agentsTitle, agents));
  node.dataset.queue = id;
  node.id = `queue-${made}`;
  name.id = `queue-${made}-name`;
  made += 1;
  node.setAttribute("aria-labelledby", name.id);
  const states = {};
  for (const state of Object.keys(words.agentStates)) {
    states[state] = figure(state, `agent ${state}`);
    agents.append(states[state].node);
  }
  return { node, name, mark, stateText, channels, agentsTitle, states, sections: new Map(), troubleAt: -Infinity };
}

function makeCalls(labels) {
  const title = make("h3", "channel-name");
  const waiting = figure("waiting", "big");
  const longest = figure("longest", "big");
  const note = make("p", "note");
  const over = make("span", "over");
  const observed = make("span", "observed");
  const inService = make("span");
  note.append(over, observed, inService);
  const levelTitle = make("h3");
  const levelWord = make("span");
  const levelTarget = make("small");
  levelTitle.append(levelWord, levelTarget);
  const levels = make("div", "levels");
  const bars = labels.map((label) => {
    const bar = { label, word: make("span", "word"), fill: make("span", "fill"), tick: make("span", "tick") };
    bar.meter = make("span", "bar", bar.fill, bar.tick);
    bar.meter.setAttribute("role", "meter");
    bar.meter.setAttribute("aria-valuemin", "0");
    bar.meter.setAttribute("aria-valuemax", "100");
    bar.ratio = make("span", "ratio");
    bar.counts = make("span", "counts");
    bar.node = make("div", "level", bar.word, bar.meter, bar.ratio, bar.counts);
    bar.node.dataset.window = label;
    levels.append(bar.node);
    return bar;
  });
  const factsTitle = make("h3");
  const facts = { abandonment: figure("abandonment"), asa: figure("asa"), p90: figure("p90") };
  const node = make("section", "calls", title, make("dl", "now", waiting.node, longest.node), note, levelTitle, levels, factsTitle,
    make("dl", "facts", ...Object.values(facts).map((fact) => fact.node)));
  return { node, title, waiting, longest, over, observed, inService, levelWord, levelTarget, bars, factsTitle, facts,
    windows: labels.join() };
}

function updateCalls(section, queue, channel, labels) {
  const live = channel.live;
  putFigure(section.waiting, count(live.waiting), words.waiting);
  putFigure(section.longest, live.waiting > 0 ? clock(live.longest_wait_seconds) : EMPTY, words.longest);
  const late = live.waiting_over_target > 0;
  section.waiting.node.classList.toggle("late", late);
  section.longest.node.classList.toggle("late", late);
  put(section.over, late ? fill(words.overTarget, count(live.waiting_over_target)) : "");
  // The source counts the whole queue, so it is compared where one channel has it all.
  const own = queue.channels.reduce((sum, one) => sum + one.live.waiting, 0);
  const differs = queue.observed !== null && queue.observed.waiting !== own;
  put(section.observed, differs ? fill(words.observed, count(queue.observed.waiting)) : "");
  put(section.inService, fill(words.inService, count(live.in_service)));

  const target = queue.targets.service_level;
  put(section.levelWord, words.level);
  put(section.levelTarget, words.target(percent(target), span(queue.targets.wait_seconds)));
  for (const bar of section.bars) {
    const level = channel.windows[bar.label].service_level;
    const ratio = percent(level.ratio, target);
    const empty = level.ratio === null;
    put(bar.word, windowName(bar.label));
    put(bar.ratio, ratio);
    put(bar.counts, empty ? "" : words.of(count(level.count), count(level.of)));
    bar.fill.style.setProperty("inline-size", `${empty ? 0 : level.ratio * 100}%`);
    bar.tick.style.setProperty("inset-inline-start", `${target * 100}%`);
    bar.node.classList.toggle("below", !empty && level.ratio < target);
    attribute(bar.meter, "aria-label", `${words.level}, ${windowName(bar.label)}`);
    attribute(bar.meter, "aria-valuenow", String(empty ? 0 : Math.round(level.ratio * 100)));
    attribute(bar.meter, "aria-valuetext", empty ? EMPTY : `${ratio}, ${bar.counts.textContent}`);
  }

  const label = labels[labels.length - 1];
  const window = channel.windows[label];
  const abandonment = window.abandonment;
  const facts = section.facts;
  putFigure(facts.abandonment, percent(abandonment.ratio), fill(words.abandonment, count(abandonment.count)));
  putFigure(facts.asa, clock(window.asa_seconds), words.asa);
  putFigure(facts.p90, window.wait_seconds === null ? EMPTY : clock(window.wait_seconds.p90), words.p90);
  put(section.factsTitle, label === "today" ? windowName(label) : fill(words.in, windowName(label)));
}

function makeMatters() {
  const title = make("h3", "channel-name");
  const open = figure("open", "big");
  const overdue = figure("overdue", "big");
  const oldest = figure("oldest", "big");
  const note = make("p", "note");
  const node = make("section", "matters", title, make("dl", "now", open.node, overdue.node, oldest.node), note);
  return { node, title, open, overdue, oldest, note, windows: "" };
}

function updateMatters(section, channel) {
  const live = channel.live;
  putFigure(section.open, count(live.open), words.open);
  putFigure(section.overdue, count(live.open_overdue), words.overdue);
  putFigure(section.oldest, live.open > 0 ? span(live.oldest_open_seconds) : EMPTY, words.oldest);
  section.overdue.node.classList.toggle("late", live.open_overdue > 0);
  put(section.note, live.waiting > 0 ? fill(words.notTaken, count(live.waiting)) : "");
}

function updateCard(card, queue, labels, now) {
  const { state, text } = judge(queue, labels);
  if (state === "trouble") card.troubleAt = now;
  card.hasCalls = queue.channels.some((channel) => channel.immediate);
  attribute(card.node, "data-state", state);
  put(card.name, queue.name);
  put(card.mark, MARKS[state]);
  put(card.stateText, text);

  const shown = queue.channels.filter((channel, index) => index === 0 || isBusy(channel, labels));
  const names = new Set(shown.map((channel) => channel.channel));
  for (const [name, section] of card.sections) {
    if (names.has(name) && (!section.windows || section.windows === labels.join())) continue;
    section.node.remove();
    card.sections.delete(name);
  }
  for (const channel of shown) {
    let section = card.sections.get(channel.channel);
    if (!section) {
      section = channel.immediate ? makeCalls(labels) : makeMatters();
      card.sections.set(channel.channel, section);
      card.channels.append(section.node);
    }
    put(section.title, words.channels[channel.channel] ?? channel.channel);
    show(section.title, shown.length > 1);
    if (channel.immediate) updateCalls(section, queue, channel, labels);
    else updateMatters(section, channel);
  }

  put(card.agentsTitle, words.agents);
  for (const [name, of] of Object.entries(card.states)) {
    putFigure(of, count(queue.agents[name]), words.agentStates[name]);
  }
}

function updateCards() {
  const now = performance.now();
  const labels = shownWindows();
  const known = new Set(numbers.queues.map((queue) => queue.queue));
  for (const [id, card] of cards) {
    if (known.has(id)) continue;
    card.node.remove();
    cards.delete(id);
  }
  for (const queue of numbers.queues) {
    let card = cards.get(queue.queue);
    if (!card) {
      card = makeCard(queue.queue);
      cards.set(queue.queue, card);
    }
    updateCard(card, queue, labels, now);
  }

  const first = (card) => now - card.troubleAt < HOLD_MS;
  const order = [...cards.values()].sort((a, b) =>
    first(b) - first(a) || a.name.textContent.localeCompare(b.name.textContent, words.locale));
  place(byId("calls"), order.filter((card) => card.hasCalls));
  place(byId("matters"), order.filter((card) => !card.hasCalls));
}

function place(grid, order) {
  show(grid, order.length > 0);
  order.forEach((card, index) => {
    if (grid.children[index] !== card.node) grid.insertBefore(card.node, grid.children[index] ?? null);
  });
}

// Around the cards

function updateTotals() {
  let [offered, answered, abandoned] = [0, 0, 0];
  let hasCalls = false;
  for (const queue of numbers.queues) {
    for (const channel of queue.channels.filter((one) => one.immediate)) {
      hasCalls = true;
      const today = channel.windows.today;
      if (!today) continue;
      offered += today.offered;
      answered += today.answered;
      abandoned += today.abandoned;
    }
  }
  const selfService = Object.values(numbers.self_service);
  const contained = selfService.reduce((sum, outcomes) => sum + outcomes.contained, 0);
  const outcomes = selfService.reduce((sum, one) => sum + Object.values(one).reduce((a, b) => a + b, 0), 0);
  const units = Object.values(numbers.followups);
  const owed = units.reduce((sum, unit) => sum + unit.open, 0);
  const overdue = units.reduce((sum, unit) => sum + unit.overdue, 0);
  const surveys = numbers.surveys;

  const groups = [];
  if (hasCalls) {
    groups.push([words.today, [
      ["offered", count(offered), words.callsOffered],
      ["answered", count(answered), words.callsAnswered],
      ["abandoned", count(abandoned), words.callsAbandoned],
    ]]);
  }
  const sinceStart = [["started", count(numbers.contacts_started.phone ?? 0), words.callsStarted]];
  if (outcomes > 0) {
    sinceStart.push(["contained", `${count(contained)} · ${percent(contained / outcomes)}`, words.contained]);
  }
  if (surveys.responses > 0) {
    const answers = fill(words.answers, count(surveys.responses));
    sinceStart.push(["csat", percent(surveys.csat), `${words.csat} · ${answers}`]);
  }
  groups.push([words.sinceStart, sinceStart]);
  if (units.length > 0) {
    groups.push([words.now, [
      ["followups", count(owed), words.followupsOpen],
      ["followups-overdue", count(overdue), words.followupsOverdue, overdue > 0],
    ]]);
  }

  const section = byId("totals");
  const shape = groups.map(([, figures]) => figures.map(([field]) => field).join()).join(";");
  if (section.dataset.shape !== shape) {
    section.dataset.shape = shape;
    section.replaceChildren(...groups.map(([, figures]) =>
      make("div", "group", make("h2"), make("dl", "", ...figures.map(([field]) => figure(field).node)))));
  }
  groups.forEach(([title, figures], index) => {
    const group = section.children[index];
    put(group.firstChild, title);
    figures.forEach(([, value, word, late], at) => {
      const node = group.lastChild.children[at];
      put(node.firstChild, word);
      put(node.lastChild, value);
      node.classList.toggle("late", Boolean(late));
    });
  });
}

function updateProgress() {
  const section = byId("progress");
  const [title, why, list] = section.children;
  put(title, words.catchingUp);
  const partitions = progress.partitions;
  put(why, partitions.length > 0 ? words.catchingUpWhy : words.unassigned);
  if (list.children.length !== partitions.length) {
    list.replaceChildren(...partitions.map(() =>
      make("div", "partition", make("span", "name"), make("progress"), make("span", "remaining"))));
  }
  partitions.forEach((partition, index) => {
    const [name, bar, remaining] = list.children[index].children;
    const label = `${partition.topic}/${partition.partition}`;
    put(name, label);
    attribute(bar, "aria-label", label);
    if (partition.end !== null && partition.position !== null) {
      bar.max = Math.max(1, partition.end);
      bar.value = partition.position;
    } else {
      bar.removeAttribute("value");
    }
    const lag = partition.lag_records;
    put(remaining, lag === null ? EMPTY : fill(words.remaining, count(lag)));
  });
}

function ageSeconds() {
  if (numbers === null || numbers.age_ms === null) return null;
  return Math.max(0, (numbers.age_ms + performance.now() - receivedAt) / 1000);
}

function updateAge() {
  const age = ageSeconds();
  const stale = age !== null && age > STALE_S;
  if (numbers === null) {
    put(byId("age"), "");
  } else if (age === null) {
    put(byId("age"), words.noRecords);
  } else {
    const zone = numbers.time_zone ?? undefined;
    const time = new Date(numbers.as_of).toLocaleTimeString(words.locale, { timeZone: zone });
    put(byId("age"), `${fill(words.age, span(age))} · ${fill(words.asOf, time)}`);
  }
  const text = stale ? fill(words.stale, span(age)) + (connection === "lost" ? ` ${words.staleLost}` : "") : "";
  put(byId("stale"), text);
  show(byId("stale"), stale);
  document.body.classList.toggle("is-stale", stale);
  return stale;
}

function updateConnection() {
  const node = byId("connection");
  attribute(node, "data-state", connection);
  put(node.firstChild, { live: "●", connecting: "◌", lost: "✕" }[connection]);
  put(node.lastChild, words[connection]);
}

function updateSummary() {
  const summary = byId("summary");
  const [sentence, links] = summary.children;
  show(summary, numbers !== null);
  if (numbers === null) return "";
  const cardsInOrder = [...document.querySelectorAll(".card")].map((node) => cards.get(node.dataset.queue));
  const troubled = cardsInOrder.filter((card) => card.node.dataset.state === "trouble");
  const calm = troubled.length === 0;
  const text = numbers.queues.length === 0 ? words.noQueues : calm ? words.calm : words.attention(troubled.length);
  put(sentence, `${calm ? MARKS.fine : MARKS.trouble} ${text}`);
  summary.classList.toggle("late", !calm);
  const shape = troubled.map((card) => card.node.id).join(" ");
  if (links.dataset.shape !== shape) {
    links.dataset.shape = shape;
    links.replaceChildren(...troubled.map((card) => {
      const link = make("a", "", card.name.textContent);
      link.href = `#${card.node.id}`;
      return link;
    }));
  }
  document.title = calm ? "nabız" : `(${troubled.length}) nabız`;
  return [text, ...troubled.map((card) => `${card.name.textContent}: ${card.stateText.textContent}`)].join(". ");
}

// Read aloud only what has changed in kind: the connection, staleness, and which queues are in trouble.
function announce(parts) {
  const text = parts.filter(Boolean).join(". ");
  if (text === announced) return;
  announced = text;
  put(byId("announcer"), text);
}

function update() {
  show(byId("progress"), progress !== null);
  document.body.classList.toggle("has-numbers", numbers !== null);
  put(byId("calls-title"), words.calls);
  put(byId("matters-title"), words.matters);
  show(byId("totals"), numbers !== null);
  if (progress !== null) updateProgress();
  if (numbers !== null) {
    updateCards();
    updateTotals();
  }
  updateConnection();
  const stale = updateAge();
  const summary = updateSummary();
  fit();
  announce([connection === "live" ? "" : words[connection], stale ? byId("stale").textContent.split(":")[0] : "",
    progress ? words.catchingUp : summary]);
}

// On a wall screen the largest type with which every card is seen without scrolling. Chosen anew only when the cards, the
// language or the screen change, so that nothing moves while numbers do.
function fit() {
  const root = document.documentElement;
  const key = [cards.size, language, innerWidth, innerHeight].join();
  if (key === fitted || numbers === null) return;
  fitted = key;
  const sizes = innerWidth < 1100 ? [1] : [1.5, 1.4, 1.3, 1.25, 1.2, 1.15, 1.1, 1.05, 1, 0.95, 0.9, 0.85];
  // A little room is left for lines that come and go.
  const fits = (size) => {
    root.style.setProperty("--fit", String(size));
    return root.scrollHeight <= root.clientHeight && document.body.scrollHeight < innerHeight * 0.97;
  };
  if (!sizes.some(fits)) root.style.setProperty("--fit", "1");
}

// Data

function take(answer) {
  if (answer.ready) {
    [numbers, progress] = [answer, null];
  } else {
    [numbers, progress] = [null, answer];
  }
  receivedAt = performance.now();
  connection = "live";
  update();
}

async function fetchOnce() {
  if (fetching) return false;
  fetching = true;
  try {
    const response = await fetch("/api/v1/queues", { cache: "no-store" });
    const answer = await response.json();
    if (answer.ready === undefined) throw new Error(answer.error);
    take(answer);
    return true;
  } catch {
    connection = "lost";
    update();
    return false;
  } finally {
    fetching = false;
  }
}

function follow(pause) {
  if (stream !== null) stream.close();
  const opened = new EventSource("/api/v1/stream");
  stream = opened;
  opened.addEventListener("open", () => {
    pause = 1000;
  });
  const onEvent = (event) => take(JSON.parse(event.data));
  opened.addEventListener("queues", onEvent);
  opened.addEventListener("catching_up", onEvent);
  opened.addEventListener("error", () => {
    // A refused stream (all places taken, a proxy) is not tried again by the browser: fetch meanwhile, and ask later.
    if (opened.readyState !== EventSource.CLOSED) {
      connection = "lost";
      update();
      return;
    }
    fetchOnce();
    setTimeout(follow, pause, Math.min(30000, pause * 2));
  });
}

byId("language").addEventListener("click", () => {
  language = language === "tr" ? "en" : "tr";
  try {
    localStorage.setItem("nabiz-language", language);
  } catch {
    // The choice then lasts until the page is left.
  }
  speak();
});

function speak() {
  words = WORDS[language];
  document.documentElement.lang = language;
  const button = byId("language");
  put(button, words.other);
  button.lang = language === "tr" ? "en" : "tr";
  update();
}

addEventListener("resize", fit);
speak();
follow(1000);
setInterval(async () => {
  updateAge();
  if (performance.now() - receivedAt < SILENCE_MS) return;
  const before = numbers && numbers.as_of;
  // News that only a fetch brings means that the stream has died unnoticed.
  if ((await fetchOnce()) && numbers && numbers.as_of !== before) follow(1000);
}, 1000);
