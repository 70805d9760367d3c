
// One card for each queue.

// A service level of fewer events than this is not judged.
const LEVEL_EVENTS_MIN = 5;
// Time for which a recovered queue stays among those in trouble, so that cards do not jump.
const HOLD_MS = 30000;
// Counts of a source and of nabiz are compared if they are at most this far apart in time,
const SAME_MOMENT_MS = 5000;
// and their difference is shown once it has lasted longer than this.
const DIFFERS_MS = 60000;
// Contacts that are in no queue.
const NO_QUEUE = "none";
// Each state has a shape of its own, so that it can be seen without colour.
const MARKS = { trouble: "▲", watch: "◆", fine: "●", quiet: "○", closed: "■" };

// Judgement

// The windows whose service level a card shows: 5, 15 and 30 minutes if they are configured, else
// the first three of at least 5 minutes, or the first three.
function shownWindows() {
  const sized = numbers.windows.filter((window) => window.seconds !== null);
  const wanted = [300, 900, 1800]
    .map((seconds) => sized.find((window) => window.seconds === seconds));
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
    if (level.of >= LEVEL_EVENTS_MIN && level.ratio < queue.targets.service_level) {
      return trouble("below");
    }
  }
  if (queue.channels.some((channel) => channel.live.open_overdue > 0)) return trouble("overdue");
  for (const channel of immediate) {
    const window = channel.windows[labels[labels.length - 1]];
    if (!window) continue;
    const { ratio, of } = window.abandonment;
    // Twice the target, because the ratio of a few calls jumps.
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
  const node = make("article", "card",
    make("header", "", name, make("p", "state", mark, stateText)),
    channels,
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
  return {
    node, name, mark, stateText, channels, agentsTitle, states,
    sections: new Map(), troubleAt: -Infinity, differsSince: null,
  };
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
    const bar = {
      label,
      word: make("span", "word"), fill: make("span", "fill"), tick: make("span", "tick"),
    };
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
  const node = make("section", "calls",
    title,
    make("dl", "now", waiting.node, longest.node),
    note,
    levelTitle,
    levels,
    factsTitle,
    make("dl", "facts", ...Object.values(facts).map((fact) => fact.node)));
  return {
    node, title, waiting, longest, over, observed, inService, levelWord, levelTarget, bars,
    factsTitle, facts, windows: labels.join(),
  };
}

// Returns whether the source's count of waiting contacts has differed from the own one for long. The
// source counts the whole queue, so its count is compared with the sum of all channels.
function differsForLong(card, queue) {
  const observed = queue.observed;
  const at = observed === null ? NaN : Date.parse(observed.at);
  const age = Math.abs(Date.parse(numbers.as_of) - at);
  if (!(age <= DIFFERS_MS)) {
    card.differsSince = null;
  } else if (age <= SAME_MOMENT_MS) {
    const own = queue.channels.reduce((sum, one) => sum + one.live.waiting, 0);
    card.differsSince = observed.waiting === own ? null : card.differsSince ?? at;
  }
  return card.differsSince !== null && at - card.differsSince > DIFFERS_MS;
}

function updateCalls(section, queue, channel, labels, differs) {
  const live = channel.live;
  putFigure(section.waiting, count(live.waiting), words.waiting);
  const longest = live.waiting > 0 ? clock(live.longest_wait_seconds) : EMPTY;
  putFigure(section.longest, longest, words.longest);
  const late = live.waiting_over_target > 0;
  section.waiting.node.classList.toggle("late", late);
  section.longest.node.classList.toggle("late", late);
  put(section.over, late ? fill(words.overTarget, count(live.waiting_over_target)) : "");
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
  const abandoned = fill(words.abandonment, count(abandonment.count));
  putFigure(facts.abandonment, percent(abandonment.ratio), abandoned);
  putFigure(facts.asa, clock(window.asa_seconds), words.asa);
  const p90 = window.wait_seconds === null ? EMPTY : clock(window.wait_seconds.p90);
  putFigure(facts.p90, p90, words.p90);
  const period = windowName(label);
  put(section.factsTitle, label === "today" ? period : fill(words.in, period));
}

function makeIssues() {
  const title = make("h3", "channel-name");
  const open = figure("open", "big");
  const overdue = figure("overdue", "big");
  const oldest = figure("oldest", "big");
  const note = make("p", "note");
  const figures = make("dl", "now", open.node, overdue.node, oldest.node);
  const node = make("section", "issues", title, figures, note);
  return { node, title, open, overdue, oldest, note, windows: "" };
}

function updateIssues(section, channel) {
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

  const differs = differsForLong(card, queue);
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
      section = channel.immediate ? makeCalls(labels) : makeIssues();
      card.sections.set(channel.channel, section);
      card.channels.append(section.node);
    }
    put(section.title, words.channels[channel.channel] ?? channel.channel);
    show(section.title, shown.length > 1);
    if (channel.immediate) updateCalls(section, queue, channel, labels, differs);
    else updateIssues(section, channel);
  }

  put(card.agentsTitle, words.agents);
  for (const [name, of] of Object.entries(card.states)) {
    putFigure(of, count(queue.agents[name]), words.agentStates[name]);
  }
}

function updateCards() {
  const now = performance.now();
  const labels = shownWindows();
  const queues = numbers.queues.filter((queue) =>
    queue.queue !== NO_QUEUE || queue.channels.some((channel) => isBusy(channel, labels))
      || Object.values(queue.agents).some((agents) => agents > 0));
  const known = new Set(queues.map((queue) => queue.queue));
  for (const [id, card] of cards) {
    if (known.has(id)) continue;
    card.node.remove();
    cards.delete(id);
  }
  for (const queue of queues) {
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
  place(byId("issues"), order.filter((card) => !card.hasCalls));
}

function place(grid, order) {
  show(grid, order.length > 0);
  order.forEach((card, index) => {
    const there = grid.children[index] ?? null;
    if (there !== card.node) grid.insertBefore(card.node, there);
  });
}
